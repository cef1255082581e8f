"""Targets, secrets, references, the ledger, functions: `relay` alone names what is wrong with them and what to do, and then everything arrives.

Each test breaks one thing, reads, and puts it right as the answer says. That what waited has arrived is looked at in the end, for all of them
together: after a request without an answer the pipeline looks at a product once more when that request can no longer land, which takes a minute.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from local_stack.processes import HOST
from support.operator import Operator, Said
from support.proxy import Answer, Asked, Proxy
from support.relay import Relay
from support.site import Site, feed, key_of, new_id, product


@dataclass
class Outages:
    """What has waited so far."""

    site: Site
    waited: list[str] = field(default_factory=list)

    def uploads(self, word: str) -> str:
        """Sends a feed with one new product; its key."""
        product_id = new_id(word)
        self.site.upload(f"{product_id}.json", feed(product(product_id)))
        self.waited.append(product_id)
        return key_of(product_id)

    def is_told(self, word: str, *parts: str) -> Said:
        """A product meets what is broken; its trace says so, and so does the status."""
        said = self.site.told(f"trace {self.uploads(word)}", *parts)
        self.site.told("status", parts[0])
        return said


@pytest.fixture(scope="module")
def outages(relay: Relay) -> Iterator[Outages]:
    outages = Outages(Site(relay, Operator(relay.stack)))
    outages.site.pim_well()
    yield outages
    outages.site.everything_well()


@pytest.fixture(autouse=True)
def _puts_right(outages: Outages) -> Iterator[None]:
    """A test leaves nothing broken for the next. A breaker that opened would return in steps of a minute, which other tests are about."""
    yield
    outages.site.everything_well()
    outages.site.close_breakers()


# ---- a function that dies


def test_a_function_that_was_killed(outages: Outages) -> None:
    """Its lease outlives it. This comes first: what it held is taken over a minute and a half later."""
    site = outages.site
    site.pim_fault("hang", times=1, ms=30_000, match="killed-")
    key = outages.uploads("killed")
    state = site.relay.wait_until("the lease", lambda: site.relay.ledger.state(key).get("pimcore_owner"))
    assert state
    for process in processes_of(site, "pimcore-sync"):
        os.kill(process, signal.SIGKILL)
    site.pim_well()
    said = site.operator.trace(key)
    said.names("It is being brought to Pimcore right now", "If its function has died, its lease ends in")
    site.operator.does(said, "replay")


def processes_of(site: Site, function: str) -> list[int]:
    """The processes that the local AWS runs a function's binary in."""
    emulator, found = str(site.relay.stack.place.emulator), []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and os.readlink(folder / "exe").startswith(emulator):
                environment = (folder / "environ").read_bytes().split(b"\0")
                if f"AWS_LAMBDA_FUNCTION_NAME={site.relay.stack.place.cfn}-{function}".encode() in environment:
                    found.append(int(folder.name))
        except OSError:
            continue
    assert found, f"no process of {function}"
    return found


# ---- a target that is down: its breaker opens. Early, because what had no answer is looked at once more a minute later


def test_pimcore_is_down(outages: Outages) -> None:
    outages.site.relay.stack.services()["pim"].stop()
    said = outages.is_told("pim-down", "pimcore_unreachable", "no connection")
    said.names(f"no connection to Pimcore at {HOST}", "Start it, or correct PimcoreUrl", "waits goes on by itself")
    outages.site.relay.stack.start_pim()


def test_pimcore_answers_with_an_error_page(outages: Outages) -> None:
    outages.site.pim_fault("server-error")
    outages.is_told("pim-500", "pimcore_unavailable", "500", "Bring it back up; see its log", "waits goes on by itself")
    outages.site.pim_well()


def test_pimcore_asks_to_slow_down(outages: Outages) -> None:
    outages.site.pim_fault("too-many-requests")
    outages.is_told("pim-429", "pimcore_throttled", "lower the concurrency of pimcore-sync", "waits goes on by itself")
    outages.site.pim_well()


def test_medusa_is_down(outages: Outages) -> None:
    outages.site.relay.stack.services()["medusa"].stop()
    outages.is_told("shop-down", "medusa_unreachable", "Start it, or correct MedusaUrl", "waits goes on by itself")
    outages.site.relay.stack.start_medusa()


def test_a_product_that_is_half_made(outages: Outages) -> None:
    """Medusa goes away between a product and its stock."""
    made: list[str] = []

    def after_the_product(asked: Asked) -> Answer | None:
        if asked.method == "POST" and asked.path.startswith("/admin/products/batch") and b"half-made-" in asked.body and not made:
            made.append(asked.path)
            return None
        gone = made and asked.method == "POST" and not asked.path.startswith("/auth/")
        return Answer(503, [("content-type", "text/html")], b"<h1>Service Unavailable</h1>") if gone else None

    with outages.site.shop_answers(after_the_product):
        said = outages.is_told("half-made", "medusa_unavailable", "Bring it back up; see its log", "waits goes on by itself")
        key = f"canonical:{outages.waited[-1]}"
        assert outages.site.relay.shop_products(key)[key]["status"] == "draft", "not for sale before it is whole"
    assert said.code == 1


# ---- secrets and references


def test_the_secret_of_pimcore_is_wrong(outages: Outages) -> None:
    outages.site.secret("pimcore", {"apiKey": "not-the-key-of-anybody"})
    outages.site.start_cold("pimcore-sync")
    said = outages.is_told("pim-secret", "pimcore_forbidden", 'Put the key of the Data Hub configuration "catalog" into the secret')
    assert "not-the-key" not in said.text
    outages.site.secret("pimcore", outages.site.right_secret("pimcore"))


def test_the_key_of_pimcore_was_changed(outages: Outages) -> None:
    """Rotated in Pimcore, not yet in the secret; the functions hold the old one. No function is deployed or started anew."""
    site, stack = outages.site, outages.site.relay.stack
    stack.services()["pim"].stop()
    stack.place.pim_key.write_text(f"{time.time_ns():032x}")
    stack.start_pim()
    outages.is_told("pim-rotated", "pimcore_forbidden", "into the secret; it is read again")
    site.secret("pimcore", site.right_secret("pimcore"))


def test_the_secret_of_medusa_is_missing(outages: Outages) -> None:
    outages.site.secret("medusa", None)
    outages.site.start_cold("medusa-push")
    # Whether it is missing or forbidden AWS tells only those who may read all secrets.
    said = outages.is_told("shop-secret", "does not exist", f"{outages.site.relay.stack.place.cfn}/medusa")
    said.names("Create it under the name in the message")
    outages.site.secret("medusa", outages.site.right_secret("medusa"))


def test_the_secret_of_medusa_is_not_what_it_should_be(outages: Outages) -> None:
    outages.site.secret("medusa", "password: swordfish")
    outages.site.start_cold("medusa-push")
    said = outages.is_told("shop-json", "secret_unreadable", f"{outages.site.relay.stack.place.cfn}/medusa", "Write it again")
    assert "swordfish" not in said.text
    outages.site.secret("medusa", outages.site.right_secret("medusa"))


def test_the_password_of_medusa_is_wrong(outages: Outages) -> None:
    outages.site.secret("medusa", {"email": outages.site.relay.stack.facts.email, "password": "not-the-password"})
    outages.site.start_cold("medusa-push")
    said = outages.is_told("shop-login", "medusa_login_refused", "Put e-mail and password of an admin user into the secret")
    assert "not-the-password" not in said.text
    outages.site.secret("medusa", outages.site.right_secret("medusa"))


@pytest.mark.parametrize(("name", "wrong"), [("SALES_CHANNEL_ID", "sc_01NOSUCHCHANNEL"), ("STOCK_LOCATION_ID", "sloc_01NOSUCHLOCATION")])
def test_a_reference_to_the_shop_is_wrong(outages: Outages, name: str, wrong: str) -> None:
    deployed_rightly = outages.site.settings("medusa-push", **{name: wrong})
    try:
        outages.is_told("reference", "medusa_wrong_reference", wrong, "Correct them in Medusa, or deploy with the right ids")
    finally:
        deployed_rightly()


# ---- AWS


def test_a_role_lacks_a_permission(outages: Outages) -> None:
    site = outages.site
    role = site.relay.client("lambda").get_function_configuration(FunctionName=f"{site.relay.stack.place.cfn}-medusa-push")["Role"].split("/")[-1]
    denial = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}
    iam = site.relay.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName="somebody-was-careful", PolicyDocument=json.dumps(denial))
    try:
        site.start_cold("medusa-push")
        outages.is_told("denied", "secret_denied", "not authorized to perform", "check the function's role")
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="somebody-was-careful")


def test_a_queue_is_paused(outages: Outages) -> None:
    site, client = outages.site, outages.site.relay.client("lambda")
    function = f"{site.relay.stack.place.cfn}-medusa-push"
    (mapping,) = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        outages.uploads("paused")
        said = site.told("status", "the medusa queue is paused")
        said.names("enable the function's event source mapping")
    finally:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def test_an_event_was_not_delivered(outages: Outages) -> None:
    """A rule had lost its permission: the feed's notification is on the dead-letter queue of the bus."""
    site, product_id = outages.site, new_id("undelivered")
    with site.rule_off("feed-arrived"):
        key = site.upload(f"{product_id}.json", feed(product(product_id)))
    detail = {"bucket": {"name": site.relay.bucket}, "object": {"key": key}}
    site.send("EventsDlq", json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail}))
    said = site.told("status", "1 event could not be delivered")
    said.names("Undelivered events", "a feed has to be replayed")
    replay = site.operator.run(f"replay {key}")
    assert replay.code == 0, replay.text
    site.relay.client("sqs").purge_queue(QueueUrl=site.relay.outputs["EventsDlq"])
    outages.waited.append(product_id)


class Throttled(Proxy):
    """An AWS whose DynamoDB has had enough."""

    on = True

    def handle(self, asked: Asked) -> Answer | None:
        if self.on and asked.headers.get("x-amz-target", "").startswith("DynamoDB_"):
            said = {
                "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                "message": "The level of configured throughput was exceeded",
            }
            return Answer(400, [("content-type", "application/x-amz-json-1.0")], json.dumps(said).encode())
        return self.forward(asked)


def test_the_ledger_is_throttled(outages: Outages) -> None:
    """Whoever asks meets the same: the command itself says what is wrong."""
    site = outages.site
    proxy = Throttled(f"http://{HOST}:{site.relay.stack.ports['aws']}")
    unthrottled = site.settings("pimcore-sync", AWS_ENDPOINT_URL_DYNAMODB=proxy.url)
    try:
        key = outages.uploads("throttled")
        site.relay.wait_until("pimcore-sync meets it", lambda: "ledger_unavailable" in lines_of(site, "pimcore-sync"))
        said = Operator(site.relay.stack, endpoint=proxy.url).run(f"trace {key}")
        assert said.code == 3, said.text
        said.names("DynamoDB", "exceeded", "waits goes on by itself")
        proxy.on = False
        site.is_right(outages.waited[-1])
    finally:
        unthrottled()
        proxy.close()


def lines_of(site: Site, function: str) -> str:
    """What a function said within the last minute."""
    logs, group = site.relay.client("logs"), f"/aws/lambda/{site.relay.stack.place.cfn}-{function}"
    events: list[dict[str, Any]] = logs.filter_log_events(logGroupName=group, startTime=int((time.time() - 60) * 1000)).get("events", [])
    return "\n".join(event["message"] for event in events)


# ---- and then


def test_everything_that_waited_has_arrived(outages: Outages) -> None:
    site, waited = outages.site, outages.waited
    assert len(waited) >= 15
    site.is_right(*waited, within=400)
    said = site.operator.run("status")
    assert "is paused" not in said.text, said.text
