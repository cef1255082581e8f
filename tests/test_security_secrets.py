"""Secrets go where they belong and nowhere else, and can be changed at any time."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from local_stack import deploy
from local_stack.http import call
from local_stack.paths import FUNCTIONS
from local_stack.shop import log_in
from support import functions
from support.documents import FOLDER, feed_of, scarf
from support.evidence import everything, messages
from support.proxy import Answer, Asked, Proxy
from support.relay import Relay

_numbers = itertools.count(int(time.time()) + 700_000)
OUTPUTS = {
    "normalize": "NormalizeFunction",
    "pimcore-sync": "PimcoreSyncFunction",
    "medusa-push": "MedusaPushFunction",
    "dlq-redrive": "DlqRedriveFunction",
    "pimcore-notices": "PimcoreNoticesFunction",
}


@pytest.fixture(autouse=True)
def _put_right(relay: Relay) -> Iterator[None]:
    """A test that fails leaves nothing broken for the next."""
    key = relay.stack.place.pim_key.read_text()
    variables = {name: _configuration(relay, name)["Environment"]["Variables"] for name in FUNCTIONS}
    close_breakers(relay)
    yield
    if relay.stack.place.pim_key.read_text() != key:
        restart_pim(relay, key)
    for name, value in deploy.secrets_of(relay.stack.place, relay.stack.facts).items():
        deploy.put_secret(relay.stack.ports["aws"], name, value)
    for name, before in variables.items():
        if _configuration(relay, name)["Environment"]["Variables"] != before:
            set_variables(relay, name, before)
    close_breakers(relay)


def close_breakers(relay: Relay) -> None:
    """Lets targets that were down be asked again, at once instead of step by step."""
    table, dynamodb = relay.outputs["LedgerTable"], relay.client("dynamodb")
    keys = [{"pk": {"S": f"B#{target}"}, "sk": {"S": "breaker"}} for target in ("pimcore", "medusa")]

    def modes() -> list[str]:
        items = [dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {}) for key in keys]
        return [item.get("mode", {"S": "closed"})["S"] for item in items]

    def closed() -> bool:
        for key, mode in zip(keys, modes(), strict=True):
            if mode == "open":
                update = {"UpdateExpression": "SET retry_at = :now", "ExpressionAttributeValues": {":now": {"N": "0"}}}
                dynamodb.update_item(TableName=table, Key=key, **update)
        relay.client("lambda").invoke(FunctionName=relay.outputs["DlqRedriveFunction"], Payload=b'{"action":"tend"}')
        return set(modes()) == {"closed"}

    if set(modes()) != {"closed"}:
        before = _configuration(relay, "dlq-redrive")["Environment"]["Variables"]
        with_variables(relay, "dlq-redrive", BREAKER_STEP_SECONDS="1")
        relay.wait_until("breakers closed", closed, within=120)
        set_variables(relay, "dlq-redrive", before)


def _configuration(relay: Relay, function: str) -> dict[str, Any]:
    return dict(relay.client("lambda").get_function_configuration(FunctionName=relay.outputs[OUTPUTS[function]]))


def with_variables(relay: Relay, function: str, **variables: str) -> None:
    """Gives a function other variables; its next invocation is a cold start, which has no secret in memory."""
    before = _configuration(relay, function)["Environment"]["Variables"]
    set_variables(relay, function, {**before, **variables, "COLD_START": uuid.uuid4().hex})


def set_variables(relay: Relay, function: str, variables: dict[str, str]) -> None:
    functions.set_variables(relay, relay.outputs[OUTPUTS[function]], variables)


def put_secret(relay: Relay, of: str, value: dict[str, str]) -> None:
    deploy.put_secret(relay.stack.ports["aws"], f"{relay.stack.place.cfn}/{of}", value)


def restart_pim(relay: Relay, key: str) -> None:
    """The PIM takes no other key than this one from now on."""
    relay.stack.services()["pim"].stop()
    relay.stack.place.pim_key.write_text(key)
    relay.stack.start_pim()


def upload_one(relay: Relay) -> str:
    goods_id = str(next(_numbers))
    run = relay.run_of(relay.upload(f"{FOLDER}secrets-{goods_id}.json", feed_of(scarf(goods_id))))
    assert run.counts["changed"] == 1, run
    return f"shein-api:{goods_id}"


def wait_for_error(relay: Relay, key: str, stage: str) -> str:
    """The code of the recorded error."""
    return str(relay.wait_until(f"error of {key} at {stage}", lambda: relay.ledger.states([key])[0].errors.get(stage), within=120)["code"])


def shop_key(relay: Relay) -> tuple[str, str]:
    """A new secret API key of the shop: its id and itself."""
    headers = log_in(relay.stack.url("medusa"), relay.stack.facts.email, relay.stack.facts.password)
    body = {"title": f"test {uuid.uuid4().hex[:8]}", "type": "secret"}
    made = call("POST", f"{relay.stack.url('medusa')}/admin/api-keys", body=body, headers=headers)["api_key"]
    return made["id"], made["token"]


def revoke(relay: Relay, key_id: str) -> None:
    headers = log_in(relay.stack.url("medusa"), relay.stack.facts.email, relay.stack.facts.password)
    call("POST", f"{relay.stack.url('medusa')}/admin/api-keys/{key_id}/revoke", body={}, headers=headers)


def processes(relay: Relay, function: str) -> set[int]:
    """The processes in which a function runs."""
    found = set()
    wanted = f"AWS_LAMBDA_FUNCTION_NAME={relay.outputs[OUTPUTS[function]]}".encode()
    endpoint = f"AWS_ENDPOINT_URL=http://127.0.0.1:{relay.stack.ports['aws']}".encode()
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = environ.read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in variables and endpoint in variables:
            found.add(int(environ.parent.name))
    return found


# ---------------------------------------------------------------- changed while everything runs


def test_a_changed_key_of_pimcore_is_taken_up_by_the_running_functions(relay: Relay) -> None:
    relay.wait_for_arrival([upload_one(relay)])
    before = {name: processes(relay, name) for name in ("pimcore-sync", "medusa-push")}
    fresh = secrets.token_hex(32)
    restart_pim(relay, fresh)
    key = upload_one(relay)
    assert wait_for_error(relay, key, "pimcore") == "pimcore_forbidden"
    put_secret(relay, "pimcore", {"apiKey": fresh})
    relay.wait_for_arrival([key], within=180)
    for name, known in before.items():
        assert known, f"no process of {name} was found"
        assert known <= processes(relay, name), f"{name} was started anew"


def test_a_changed_credential_of_medusa_is_taken_up_by_the_running_function(relay: Relay) -> None:
    first_id, first = shop_key(relay)
    put_secret(relay, "medusa", {"secretKey": first})
    with_variables(relay, "medusa-push")
    relay.wait_for_arrival([upload_one(relay)])
    before = processes(relay, "medusa-push")
    assert before
    # Another key, then another kind of credential.
    second_id, second = shop_key(relay)
    facts = relay.stack.facts
    for revoked, value in [(first_id, {"secretKey": second}), (second_id, {"email": facts.email, "password": facts.password})]:
        revoke(relay, revoked)
        key = upload_one(relay)
        assert wait_for_error(relay, key, "medusa") in ("medusa_unauthorized", "medusa_login_refused")
        put_secret(relay, "medusa", value)
        relay.wait_for_arrival([key], within=180)
    assert before <= processes(relay, "medusa-push"), "medusa-push was started anew"


# ---------------------------------------------------------------- nowhere else


def needles(*found: str) -> dict[str, str]:
    """Secrets and the forms in which they travel, each with its name."""
    forms: dict[str, str] = {}
    for secret in found:
        forms[secret] = secret
        for text in (secret, f"{secret}:", f":{secret}"):
            forms[base64.b64encode(text.encode()).decode().rstrip("=")] = f"base64 of {text}"
        forms[quote(secret, safe="")] = f"{secret}, encoded for a URL"
    return forms


class Echo(Proxy):
    """A target that is not well and shows its callers everything they sent: what a debug page of a web framework does."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9")
        self.status = 500
        self.asked: list[Asked] = []

    def handle(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        sent = "\n".join(f"{name}: {value}" for name, value in asked.headers.items()) + "\n" + asked.body.decode("utf-8", "replace")
        headers = [("content-type", "text/html")]
        if self.status == 302:
            shown = quote(asked.headers.get("x-api-key") or asked.headers.get("authorization") or asked.body.decode("utf-8", "replace"))
            headers.append(("location", f"/login?was={shown}"))
        page = f"<!DOCTYPE html><html><head><title>{sent}</title></head><body><h1>Error {self.status}</h1><pre>{sent}</pre></body></html>"
        return Answer(self.status, headers, page.encode())


def a_batch(key: str, queue: str) -> dict[str, Any]:
    """The event that a queue would bring."""
    source, product = key.split(":", 1)
    body = json.dumps({"source": source, "productId": product, "correlationId": "canary", "cause": "replay"})
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "0"}
    record = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "none",
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": queue,
        "awsRegion": "us-east-1",
    }
    return {"Records": [record]}


@pytest.fixture
def bus_ear(relay: Relay) -> Iterator[str]:
    """The address of a queue that gets a copy of every event on the catalog bus."""
    sqs, events = relay.client("sqs"), relay.client("events")
    name = f"ear-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    bus = relay.outputs["CatalogBus"]
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": ["catalog-relay"]}))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "ear", "Arn": arn}])
    yield url
    events.remove_targets(Rule=name, EventBusName=bus, Ids=["ear"])
    events.delete_rule(Name=name, EventBusName=bus)
    sqs.delete_queue(QueueUrl=url)


@dataclass
class Canary:
    """One run with every kind of credential, right and wrong, and all that was heard of it."""

    relay: Relay
    ear: str
    since: int = field(default_factory=lambda: int(time.time() * 1000))
    wrong: list[str] = field(default_factory=lambda: [f"canary{secrets.token_hex(16)}" for _ in range(4)])
    forms: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[str, str]] = field(default_factory=list)

    def invoke(self, function: str, event: dict[str, Any]) -> None:
        answer = self.relay.client("lambda").invoke(FunctionName=self.relay.outputs[OUTPUTS[function]], Payload=json.dumps(event).encode(), LogType="Tail")
        self.answers.append((f"answer of {function}", answer["Payload"].read().decode()))
        self.answers.append((f"tail of {function}'s log", base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")))

    def leaks(self) -> list[str]:
        heard = [("event", text) for text in messages(self.relay, self.ear)]
        assert heard, "no event was heard"
        places = [*everything(self.relay, self.since), *heard, *self.answers]
        assert {place.split(" ")[0] for place, _ in places} >= {"log", "item", "object", "event", "answer"}
        return [f"{place}: {name}" for place, text in places for form, name in self.forms.items() if form in text]

    def with_right_credentials(self, shop: str) -> None:
        self.relay.wait_for_arrival([upload_one(self.relay)])
        put_secret(self.relay, "medusa", {"secretKey": shop})
        with_variables(self.relay, "medusa-push")
        self.relay.wait_for_arrival([upload_one(self.relay)])

    def with_refused_credentials(self) -> str:
        relay = self.relay
        put_secret(relay, "pimcore", {"apiKey": self.wrong[0]})
        put_secret(relay, "medusa", {"email": relay.stack.facts.email, "password": self.wrong[1]})
        with_variables(relay, "pimcore-sync")
        with_variables(relay, "medusa-push")
        key = upload_one(relay)
        wait_for_error(relay, key, "pimcore")
        put_secret(relay, "pimcore", {"apiKey": relay.stack.place.pim_key.read_text()})
        wait_for_error(relay, key, "medusa")
        return key

    def with_secrets_of_another_form(self, key: str) -> None:
        for value in ({"apikey": self.wrong[2]}, {"apiKey": f"{self.wrong[2]}\n"}):
            put_secret(self.relay, "pimcore", value)
            with_variables(self.relay, "pimcore-sync")
            self.invoke("pimcore-sync", {"action": "changes"})
            self.invoke("pimcore-sync", a_batch(key, "pimcore"))
        put_secret(self.relay, "medusa", {"password": self.wrong[2]})
        with_variables(self.relay, "medusa-push")
        self.invoke("medusa-push", a_batch(key, "medusa"))

    def with_targets_that_show_what_they_were_sent(self, key: str) -> None:
        relay, shown = self.relay, self.wrong[3]
        echo = Echo()
        try:
            for status in (401, 403, 404, 422, 429, 500, 503, 302, 200):
                echo.status = status
                # Cold starts, which know of no failure: a function that does would leave the target alone.
                put_secret(relay, "pimcore", {"apiKey": shown})
                with_variables(relay, "pimcore-sync", PIMCORE_URL=echo.url)
                self.invoke("pimcore-sync", {"action": "changes"})
                self.invoke("pimcore-sync", a_batch(key, "pimcore"))
                for value in ({"email": relay.stack.facts.email, "password": shown}, {"secretKey": f"sk_{shown}"}):
                    put_secret(relay, "medusa", value)
                    with_variables(relay, "medusa-push", MEDUSA_URL=echo.url)
                    self.invoke("medusa-push", a_batch(key, "medusa"))
        finally:
            echo.close()
        sent = [json.dumps(asked.headers) + asked.body.decode("utf-8", "replace") for asked in echo.asked]
        for form in (shown, base64.b64encode(f"sk_{shown}:".encode()).decode().rstrip("=")):
            assert any(form in text for text in sent), f"the functions never sent what the target was to show: {len(sent)} requests"


@pytest.fixture
def canary(relay: Relay, bus_ear: str) -> Iterator[tuple[Canary, str]]:
    """A canary that knows what to look for, and a secret key of the shop."""
    found, facts = Canary(relay, bus_ear), relay.stack.facts
    key_id, shop = shop_key(relay)
    found.forms = needles(relay.stack.place.pim_key.read_text(), facts.password, shop, *found.wrong, f"sk_{found.wrong[3]}")
    for password in (facts.password, found.wrong[1], found.wrong[3]):
        found.forms[base64.b64encode(f"{facts.email}:{password}".encode()).decode().rstrip("=")] = f"base64 of e-mail and {password}"
    # The tokens that Medusa gives for a log-in.
    found.forms["eyJhbGciOi"] = "a token"
    yield found, shop
    revoke(relay, key_id)


def test_no_secret_is_found_in_anything_that_the_pipeline_leaves(relay: Relay, canary: tuple[Canary, str]) -> None:
    run, shop = canary
    run.with_right_credentials(shop)
    key = run.with_refused_credentials()
    run.with_secrets_of_another_form(key)
    run.with_targets_that_show_what_they_were_sent(key)
    found = run.leaks()
    assert found == [], "\n".join(sorted(set(found))[:20])


def test_the_search_for_secrets_finds_one_in_each_kind_of_place(relay: Relay, canary: tuple[Canary, str]) -> None:
    run, _ = canary
    planted = f"planted{secrets.token_hex(8)}"
    run.forms = {planted: "planted"}
    sqs, table = relay.client("sqs"), relay.outputs["LedgerTable"]
    item = {"pk": {"S": "planted"}, "sk": {"S": "planted"}}
    relay.client("dynamodb").put_item(TableName=table, Item={**item, "value": {"S": f"a {planted} b"}})
    relay.client("s3").put_object(Bucket=relay.bucket, Key="backfill/planted.txt", Body=planted.encode())
    sqs.send_message(QueueUrl=relay.outputs["EventsDlq"], MessageBody=planted)
    entry = {"EventBusName": relay.outputs["CatalogBus"], "Source": "catalog-relay", "DetailType": "Planted", "Detail": json.dumps({"is": planted})}
    relay.client("events").put_events(Entries=[entry])
    # A message that is not understood is logged, so that people see it.
    run.invoke("pimcore-sync", {"Records": [{**a_batch("a:b", "pimcore")["Records"][0], "body": planted}]})

    def kinds() -> bool:
        return {leak.split(" ")[0].rstrip(":") for leak in run.leaks()} >= {"log", "item", "object", "message", "event"}

    try:
        relay.wait_until("every planted secret found", kinds, within=30)
    finally:
        relay.client("dynamodb").delete_item(TableName=table, Key=item)
        sqs.purge_queue(QueueUrl=relay.outputs["EventsDlq"])
        sqs.purge_queue(QueueUrl=relay.outputs["PimcoreDlq"])


def test_a_redirect_takes_no_credential_to_another_host(relay: Relay) -> None:
    class Trap(Proxy):
        """Remembers who came."""

        def __init__(self) -> None:
            super().__init__("http://127.0.0.1:9")
            self.asked: list[Asked] = []

        def handle(self, asked: Asked) -> Answer:
            self.asked.append(asked)
            return Answer(200, [("content-type", "application/json")], b"{}")

    class Away(Trap):
        """Sends everybody elsewhere."""

        def handle(self, asked: Asked) -> Answer:
            self.asked.append(asked)
            return Answer(302 if asked.method == "GET" else 307, [("location", f"{trap.url}{asked.path}")])

    trap = Trap()
    away = Away()
    key = upload_one(relay)
    relay.wait_for_arrival([key])
    with_variables(relay, "pimcore-sync", PIMCORE_URL=away.url)
    with_variables(relay, "medusa-push", MEDUSA_URL=away.url)
    with_variables(relay, "dlq-redrive", PIMCORE_URL=away.url, MEDUSA_URL=away.url)
    client = relay.client("lambda")
    try:
        for function, event in [
            ("pimcore-sync", {"action": "changes"}),
            ("medusa-push", a_batch(key, "medusa")),
            ("dlq-redrive", {"action": "inspect"}),
        ]:
            known = len(away.asked)
            client.invoke(FunctionName=relay.outputs[OUTPUTS[function]], Payload=json.dumps(event).encode())
            assert len(away.asked) > known, f"{function} did not ask its target"
        assert trap.asked == []
        # The trap catches who follows.
        urllib.request.urlopen(f"{away.url}/followed").close()
        assert [asked.path for asked in trap.asked] == ["/followed"]
    finally:
        away.close()
        trap.close()


def test_no_credential_of_a_target_goes_through_a_proxy_that_the_environment_names(relay: Relay) -> None:
    class Middleman(Proxy):
        """A proxy as HTTP_PROXY names one. The AWS SDK uses it, and signs what it sends; our own clients must not."""

        def __init__(self) -> None:
            super().__init__("http://127.0.0.1:9")
            self.asked: list[str] = []

        def handle(self, asked: Asked) -> Answer | None:
            wanted = urlsplit(asked.path)
            self.asked.append(wanted.netloc)
            connection = HTTPConnection(wanted.hostname or "", wanted.port, timeout=60)
            try:
                connection.request(asked.method, urlunsplit(("", "", wanted.path or "/", wanted.query, "")), asked.body, asked.headers)
                answer = connection.getresponse()
                return Answer(answer.status, answer.getheaders(), answer.read())
            finally:
                connection.close()

    middleman = Middleman()
    try:
        for function in ("pimcore-sync", "medusa-push", "dlq-redrive"):
            with_variables(relay, function, **dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), middleman.url))
        relay.wait_for_arrival([upload_one(relay)], within=120)
        aws = f"127.0.0.1:{relay.stack.ports['aws']}"
        assert set(middleman.asked) == {aws}
        # It has no credentials, but whether a target is well is not for a proxy to say.
        middleman.asked.clear()
        answer = relay.client("lambda").invoke(FunctionName=relay.outputs["DlqRedriveFunction"], Payload=b'{"action":"inspect"}')
        said = json.loads(answer["Payload"].read())
        assert all(queue["targetAnswers"] for queue in said["queues"]), said
        assert set(middleman.asked) == {aws}
    finally:
        middleman.close()
