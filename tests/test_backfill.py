"""Feeds whose notifications were lost, read by the state machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from local_stack.feed import Upload
from local_stack.paths import REPO
from support.relay import Relay

SAMPLE = REPO / "localstack" / "sample-feeds" / "abayas.json"
FEEDS = 4


def feed_of(number: int) -> tuple[str, bytes]:
    """A feed with one product that no other feed has, and that product's key."""
    document = json.dumps(json.loads(SAMPLE.read_text())[0])
    goods = f"7900{number:04}"
    for old, new in (("70010001", goods), ("nsm-001", f"bf-{number:04}")):
        assert old in document
        document = document.replace(old, new)
    changed = json.loads(document)
    for sku in changed["info"]["saleAttr"]["multiLevelSaleAttribute"]["sku_list"]:
        sku["sku_code"] = f"bf{number:04}-{sku['sku_code']}"
    return f"shein-api:{goods}", json.dumps([changed]).encode()


@dataclass
class Backfills:
    """Starts the state machine and waits for its end."""

    relay: Relay

    def run(self, prefix: str) -> dict[str, Any]:
        machine = self.relay.client("stepfunctions")
        started = machine.start_execution(stateMachineArn=self.relay.outputs["Backfill"], input=json.dumps({"prefix": prefix, "pollSeconds": 1}))

        def ended() -> dict[str, Any] | None:
            execution: dict[str, Any] = machine.describe_execution(executionArn=started["executionArn"])
            return None if execution["status"] == "RUNNING" else execution

        found: dict[str, Any] = self.relay.wait_until(f"end of the backfill of {prefix}", ended, within=120)
        return found

    def refusals(self, execution: dict[str, Any]) -> list[str]:
        """Why feeds failed, as the map run's failed items say."""
        machine = self.relay.client("stepfunctions")
        (run,) = machine.list_map_runs(executionArn=execution["executionArn"])["mapRuns"]
        items = machine.list_executions(mapRunArn=run["mapRunArn"], statusFilter="FAILED")["executions"]
        return [machine.describe_execution(executionArn=item["executionArn"])["cause"] for item in items]


@pytest.fixture(scope="module")
def backfills(relay: Relay) -> Backfills:
    return Backfills(relay)


@pytest.fixture
def deaf(relay: Relay) -> Iterator[None]:
    """Notifications of new objects go nowhere."""
    events, rule = relay.client("events"), f"{relay.stack.place.cfn}-feed-arrived"
    events.disable_rule(Name=rule)
    yield
    events.enable_rule(Name=rule)


@pytest.fixture
def unread(relay: Relay, deaf: None) -> tuple[str, list[str], list[Upload]]:
    """A folder of feeds that nobody was told of: its prefix, the products' keys, the uploads."""
    prefix, keys, uploads = "incoming/shein-api/history/", [], []
    relay.upload(prefix, b"")
    for number in range(FEEDS):
        key, body = feed_of(number)
        uploads.append(relay.upload(f"{prefix}{number:04}.json", body)[0])
        keys.append(key)
    return prefix, keys, uploads


def test_feeds_that_nobody_was_told_of_become_purchasable(relay: Relay, backfills: Backfills, unread: tuple[str, list[str], list[Upload]]) -> None:
    prefix, keys, uploads = unread
    assert all(relay.ledger.run(upload, 0) is None for upload in uploads)

    execution = backfills.run(prefix)

    assert execution["status"] == "SUCCEEDED", execution
    # The folder's own empty object counts as an item; it is no feed, and no failure.
    assert json.loads(execution["output"])["feeds"] == {"total": FEEDS + 1, "read": FEEDS + 1, "failed": 0}
    runs = [relay.ledger.run(upload, 0) for upload in uploads]
    assert [run and (run.status, run.counts["read"], run.counts["changed"]) for run in runs] == [("completed", 1, 1)] * FEEDS
    assert len(relay.wait_for_arrival(keys)) == FEEDS

    # Once more: a run is one version of an object, and these have ended.
    relay.shop.rest()
    again = backfills.run(prefix)
    assert json.loads(again["output"])["feeds"]["read"] == FEEDS + 1
    assert [relay.ledger.run(upload, 0) for upload in uploads] == runs
    assert relay.shop.writes() == []


@pytest.mark.usefixtures("deaf")
def test_a_backfill_fails_when_more_feeds_fail_than_are_tolerated_and_says_why(relay: Relay, backfills: Backfills) -> None:
    prefix = "incoming/shein-api/damaged/"
    _, body = feed_of(900)
    good, _ = relay.upload(f"{prefix}good.json", body)
    relay.upload(f"{prefix}empty.json", b"")

    execution = backfills.run(prefix)

    assert (execution["status"], execution["error"]) == ("FAILED", "TooManyFeedsFailed")
    assert "1 of 2 feeds" in execution["cause"]
    (refusal,) = backfills.refusals(execution)
    assert refusal.startswith("empty_feed")
    run = relay.ledger.run(good, 0)
    assert run
    assert run.status == "completed"


def test_a_prefix_outside_the_feeds_is_refused_before_anything_is_read(backfills: Backfills) -> None:
    execution = backfills.run("rejected/")
    assert (execution["status"], execution["error"]) == ("FAILED", "NotAFolderOfFeeds")
