"""A shop that is down while a thousand products wait for it: it is left alone, nothing dies of waiting, and once it is back everything arrives.

The outage lasts RELAY_OUTAGE_SECONDS, 75 by default. From 600 on the return takes its steps as deployed; a short one takes shorter steps, and is
tended every few seconds instead of every minute. What was measured: target/reports/outage.json.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from local_stack.paths import REPORTS
from support import functions
from support.evidence import log_records
from support.proxy import Answer, Asked
from support.relay import Relay
from support.site import feed, key_of, new_id, product

PRODUCTS = 1000
BEFORE = 300
OUTAGE = float(os.environ.get("RELAY_OUTAGE_SECONDS", "75"))
AS_DEPLOYED = OUTAGE >= 600
# How long a batch that was delivered before the queue was paused may take to come back.
UNDER_WAY = 3.0
# SQS gives up on a message after this many deliveries.
MOST_DELIVERIES = 8


@dataclass
class Shop:
    """What was asked of the shop, with the time of each request, also of those that got no answer."""

    asked: list[tuple[float, str]] = field(default_factory=list)

    def watch(self, asked: Asked) -> Answer | None:
        self.asked.append((time.monotonic(), f"{asked.method} {asked.path}"))
        return None

    def between(self, since: float, until: float) -> list[str]:
        return [what for at, what in list(self.asked) if since <= at <= until]


@pytest.fixture
def shop(relay: Relay) -> Iterator[Shop]:
    watched = Shop()
    relay.shop.interference = watched.watch
    yield watched
    relay.shop.interference = None
    relay.stack.start_medusa()


def set_step(relay: Relay, seconds: int | None) -> None:
    """How long each step of a return lasts; None is as deployed."""
    name = relay.outputs["DlqRedriveFunction"]
    variables = functions.variables_of(relay, name)
    variables.pop("BREAKER_STEP_SECONDS", None)
    if seconds is not None:
        variables["BREAKER_STEP_SECONDS"] = str(seconds)
    functions.set_variables(relay, name, variables)


def tend(relay: Relay) -> dict[str, Any]:
    """What the schedule does every minute."""
    answer = relay.client("lambda").invoke(FunctionName=relay.outputs["DlqRedriveFunction"], Payload=b'{"action":"tend"}')
    said = json.loads(answer["Payload"].read())
    assert "breakers" in said, said
    return dict(said["breakers"])


class Restored:
    """Notes when a mapping lets everything through again, as long as it is watched."""

    def __init__(self, relay: Relay, function: str, batch: int) -> None:
        self.at = float("inf")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(relay, function, batch), daemon=True)

    def __enter__(self) -> Restored:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self, relay: Relay, function: str, batch: int) -> None:
        while not self._over.wait(1):
            found = mapping(relay, function)
            if (found["State"], found["BatchSize"]) == ("Enabled", batch):
                self.at = time.monotonic()
                return


@contextmanager
def tended_often(relay: Relay) -> Iterator[None]:
    """Breakers are tended every few seconds, unless everything is to be as deployed."""
    done = threading.Event()

    def often() -> None:
        while not done.wait(3):
            tend(relay)

    thread = threading.Thread(target=often, daemon=True)
    if not AS_DEPLOYED:
        set_step(relay, 10)
        thread.start()
    try:
        yield
    finally:
        done.set()
        if not AS_DEPLOYED:
            thread.join()
            set_step(relay, None)


def mapping(relay: Relay, function: str) -> dict[str, Any]:
    name = relay.outputs[function]
    (found,) = relay.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    return dict(found)


def waiting(relay: Relay, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
    found = relay.client("sqs").get_queue_attributes(QueueUrl=relay.outputs[queue], AttributeNames=names)["Attributes"]
    return sum(int(found.get(name, 0)) for name in names)


def arrived(relay: Relay, keys: Sequence[str]) -> int:
    return sum(1 for state in relay.ledger.states(keys) if state.medusa_id and not state.pending)


def upload(relay: Relay, count: int) -> list[str]:
    ids = [new_id("outage") for _ in range(count)]
    relay.upload(f"incoming/canonical/{new_id('outage')}.json", feed(*(product(one) for one in ids)))
    return [key_of(one) for one in ids]


def follow(relay: Relay, keys: Sequence[str], within: float) -> list[tuple[float, int]]:
    """Waits until all have arrived; how many had when. Fails if nothing arrives for `within` seconds."""
    seen: list[tuple[float, int]] = []
    while not seen or seen[-1][1] < len(keys):
        now, count = time.monotonic(), arrived(relay, keys)
        last = next((at for at, before in seen if before == count), now)
        assert now - last < within, f"{count} of {len(keys)} arrived, and no more within {within:.0f} s"
        seen.append((now, count))
        time.sleep(1)
    return seen


def rate(seen: Sequence[tuple[float, int]], since: float = 0) -> float | None:
    """Products per second, from the first to the last arrival since then; None where hardly anything was left."""
    seen, total = [(at, count) for at, count in seen if at >= since], seen[-1][1]
    if not seen or total - seen[0][1] < 100:
        return None
    rising = [(at, count) for at, count in seen if count > 0] or list(seen)
    took = next(at for at, count in seen if count == total) - rising[0][0]
    return round((total - rising[0][1]) / took, 1) if took > 0 else float(total)


def deliveries(relay: Relay, keys: Sequence[str], since_ms: int) -> Counter[str]:
    """How often each product was handed to medusa-push."""
    wanted = set(keys)
    records = (record for record in log_records(relay, "medusa-push", since_ms) if record.get("fields", {}).get("message") == "product settled")
    named = (record["fields"].get("product") or record.get("span", {}).get("product") for record in records)
    return Counter(name for name in named if name in wanted)


def test_a_thousand_messages_wait_for_a_shop_that_is_down(relay: Relay, shop: Shop) -> None:
    report: dict[str, Any] = {"products": PRODUCTS, "outage_seconds": OUTAGE, "as_deployed": AS_DEPLOYED}
    report["per_second_before"] = rate(follow(relay, upload(relay, BEFORE), within=60))

    relay.stack.services()["medusa"].stop()
    down, down_ms = time.monotonic(), int(time.time() * 1000)
    keys = upload(relay, PRODUCTS)
    relay.wait_until("first request to the shop that is down", lambda: shop.between(down, time.monotonic()), within=60)
    first = shop.asked[-1][0]
    relay.wait_until("paused queue", lambda: mapping(relay, "MedusaPushFunction")["State"] == "Disabled", within=60)
    paused = time.monotonic()
    report["seconds_from_first_failure_to_pause"] = round(paused - first, 1)
    relay.wait_until("all products waiting", lambda: waiting(relay, "MedusaQueue") >= PRODUCTS, within=300)
    # The PIM is well: its queue goes on.
    assert mapping(relay, "PimcoreSyncFunction")["State"] == "Enabled"
    while time.monotonic() < down + OUTAGE:
        assert waiting(relay, "MedusaDlq") == 0
        time.sleep(2)
    assert waiting(relay, "MedusaQueue") >= PRODUCTS
    over = time.monotonic()
    while_paused = shop.between(paused + UNDER_WAY, over)
    assert set(while_paused) <= {"GET /health"}, Counter(while_paused)
    report["requests_before_the_pause"] = len(shop.between(down, paused + UNDER_WAY))
    report["probes"] = len(while_paused)
    spent = deliveries(relay, keys, down_ms)
    report["most_deliveries_during_the_outage"] = max(spent.values(), default=0)
    report["products_delivered_during_the_outage"] = len(spent)

    with tended_often(relay):
        relay.stack.start_medusa()
        well = time.monotonic()
        with Restored(relay, "MedusaPushFunction", 50) as restored:
            seen = follow(relay, keys, within=420)
        report["seconds_from_recovery_to_first_arrival"] = round(next(at for at, count in seen if count) - well, 1)
        report["seconds_from_recovery_to_last_arrival"] = round(seen[-1][0] - well, 1)
        report["per_second_after"] = rate(seen)
        report["per_second_once_closed"] = rate(seen, restored.at)
        relay.wait_until("closed breaker", lambda: tend(relay)["medusa"]["mode"] == "closed", within=300)
    after = mapping(relay, "MedusaPushFunction")
    assert (after["State"], after["BatchSize"]) == ("Enabled", 50)
    assert waiting(relay, "MedusaDlq") == 0
    spent = deliveries(relay, keys, down_ms)
    assert set(spent) == set(keys)
    report["most_deliveries"] = max(spent.values())
    assert max(spent.values()) < MOST_DELIVERIES, spent.most_common(3)
    (REPORTS / "outage.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
