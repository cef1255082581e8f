"""Two environments in one account and region: neither sees the other's feeds, and one that is removed leaves its data and the other alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from local_stack import emulator
from local_stack.ledger import Ledger
from local_stack.paths import REPO, venv_bin
from local_stack.processes import environment, run
from support.operator import Operator
from support.relay import Relay
from support.site import Site, feed, key_of, new_id, product

# The policies of queues and the like have no name that anybody could share.
NAMELESS = {"AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy", "AWS::Lambda::Permission"}


def resources(relay: Relay, stack: str) -> dict[str, str]:
    pages = relay.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    every: list[dict[str, Any]] = [one for page in pages for one in page["StackResourceSummaries"]]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in every if one["ResourceType"] not in NAMELESS}


@pytest.fixture(scope="module")
def beside(relay: Relay) -> Iterator[str]:
    """A second stack. It has no targets: what matters is what it must not touch."""
    place, port = relay.stack.place, relay.stack.ports["aws"]
    name = f"{place.cfn}-beside"
    values = json.loads((place.dir / "deployed.json").read_text())["parameters"]
    values |= {"PimcoreUrl": "http://127.0.0.1:9", "MedusaUrl": "http://127.0.0.1:9"}
    command = [
        venv_bin("samlocal"), "deploy", "--config-file", REPO / "samconfig.toml", "--config-env", "local",
        "--template", place.build / "template.yaml", "--stack-name", name, "--region", emulator.REGION,
        "--parameter-overrides", *(f"{key}={value}" for key, value in values.items()),
    ]  # fmt: skip
    env = environment(HOME=str(place.emulator), SAM_CLI_TELEMETRY="0", **emulator.shell_variables(port))
    run("samlocal deploy", command, place.logs / "deploy-beside.log", cwd=place.build, env=env)
    data = resources(relay, name)
    yield name
    remove(relay, name)
    # What a removed stack leaves would be in the way of the next one of its name.
    s3, bucket = relay.client("s3"), data["FeedBucket"]
    kept = s3.list_object_versions(Bucket=bucket)
    every = [{"Key": one["Key"], "VersionId": one["VersionId"]} for word in ("Versions", "DeleteMarkers") for one in kept.get(word, [])]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": every})
    s3.delete_bucket(Bucket=bucket)
    relay.client("dynamodb").delete_table(TableName=data["LedgerTable"])


def remove(relay: Relay, stack: str) -> None:
    client = relay.client("cloudformation")
    client.delete_stack(StackName=stack)

    def gone() -> bool:
        try:
            return str(client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]) == "DELETE_COMPLETE"
        except client.exceptions.ClientError:
            return True

    relay.wait_until(f"{stack} is removed", gone)


def test_two_stacks_share_nothing_and_one_goes_without_the_other(relay: Relay, beside: str) -> None:
    site, ours = Site(relay, Operator(relay.stack)), resources(relay, relay.stack.place.cfn)
    theirs = resources(relay, beside)
    assert ours.keys() == theirs.keys()
    shared = set(ours.values()) & set(theirs.values())
    assert not shared, shared

    # A feed of theirs is theirs.
    product_id = new_id("beside")
    relay.client("s3").put_object(Bucket=theirs["FeedBucket"], Key=f"incoming/canonical/{product_id}.json", Body=feed(product(product_id)))
    ledger = Ledger(relay.stack.ports["aws"], theirs["LedgerTable"])
    relay.wait_until("their ledger has it", lambda: ledger.state(key_of(product_id)))
    assert not relay.ledger.state(key_of(product_id))

    # Theirs is removed: what it knew stays, and ours works on.
    remove(relay, beside)
    functions = {one["FunctionName"] for page in relay.client("lambda").get_paginator("list_functions").paginate() for one in page["Functions"]}
    assert ours["NormalizeFunction"] in functions
    assert theirs["NormalizeFunction"] not in functions
    assert relay.client("s3").head_object(Bucket=theirs["FeedBucket"], Key=f"incoming/canonical/{product_id}.json")
    assert ledger.document(key_of(product_id))["id"] == product_id
    own = new_id("own")
    site.upload(f"{own}-{time.time():.0f}.json", feed(product(own)))
    site.is_right(own)
