"""A full feed withdraws what it lacks: from the PIM's shop window and from the shop, unless that would be too much."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import pytest
from local_stack.feed import Upload
from support.relay import Relay

IDS = [f"w{number}" for number in range(1, 8)]


BASELINE = {"pk": {"S": "W#full-feed-canonical"}, "sk": {"S": "watermark"}}


@pytest.fixture(autouse=True)
def no_full_feed_before(relay: Relay) -> None:
    """Other modules deliver full feeds of this source, and partial ones, of other products."""
    dynamodb, table = relay.client("dynamodb"), relay.outputs["LedgerTable"]
    dynamodb.delete_item(TableName=table, Key=BASELINE)
    for note in noted(relay):
        dynamodb.delete_item(TableName=table, Key={name: note[name] for name in ("pk", "sk")})


def noted(relay: Relay) -> list[dict[str, Any]]:
    """What partial feeds brought."""
    dynamodb, table = relay.client("dynamodb"), relay.outputs["LedgerTable"]
    found = []
    for shard in range(8):
        query = {"ExpressionAttributeValues": {":pk": {"S": f"N#canonical#{shard}"}}, "KeyConditionExpression": "pk = :pk"}
        found += dynamodb.query(TableName=table, ConsistentRead=True, **query)["Items"]
    return [note for note in found if "expires_at" not in note]


def product(product_id: str) -> dict[str, object]:
    price = {"currency": "SAR", "amount": "10.00"}
    variant = {"sku": f"SKU-{product_id}", "title": "One", "prices": [price], "stock": 3}
    return {"source": "canonical", "id": product_id, "name": {"en": f"Cup {product_id}", "ar": "كوب"}, "variants": [variant]}


def deliver(relay: Relay, name: str, ids: Iterable[str], mode: str = "full") -> dict[str, object]:
    """Uploads a feed and waits until it has been read; gives its counts."""
    since = int(time.time() * 1000)
    body = json.dumps([product(product_id) for product_id in ids]).encode()
    key = f"incoming/canonical/{name}.json"
    s3 = relay.client("s3")
    s3.put_object(Bucket=relay.bucket, Key=key, Body=body, Metadata={"feed-mode": mode})
    modified = s3.head_object(Bucket=relay.bucket, Key=key)["LastModified"]
    run = relay.run_of((Upload(relay.bucket, key, int(modified.timestamp()) * 1000), since))
    assert run.status == "completed", run.reason
    # S3 tells the time in seconds, and the next feed is to be newer.
    relay.wait_until("the next second", lambda: time.time() > modified.timestamp() + 1)
    return run.counts


def baseline(relay: Relay) -> str:
    """The full feed that the next one is compared with."""
    found = relay.client("dynamodb").get_item(TableName=relay.outputs["LedgerTable"], Key=BASELINE, ConsistentRead=True)
    return str(found["Item"]["cursor"]["S"]) if "Item" in found else ""


def test_what_a_full_feed_lacks_is_withdrawn_and_comes_back_with_the_next(relay: Relay) -> None:
    keys = [f"canonical:{product_id}" for product_id in IDS]
    deliver(relay, "all", IDS)
    relay.wait_for_arrival(keys)
    first = relay.wait_until("the first full feed is the baseline", lambda: baseline(relay))

    gone = keys[-1]
    deliver(relay, "one-less", IDS[:-1])
    relay.wait_until("the second full feed is the baseline", lambda: baseline(relay) != first)
    relay.wait_until("the product is a draft in the shop", lambda: relay.shop_products(gone)[gone]["status"] == "draft")
    assert relay.pim_product(gone, "withdrawn published") == {"withdrawn": True, "published": False}
    assert [one["status"] for one in relay.shop_products(*keys[:-1]).values()] == ["published"] * len(keys[:-1])

    before = relay.shop_products(gone)[gone]["id"]
    deliver(relay, "all-again", IDS)
    relay.wait_until("the product is for sale again", lambda: relay.shop_products(gone)[gone]["status"] == "published")
    assert relay.shop_products(gone)[gone]["id"] == before, "revived, not made anew"
    assert relay.pim_product(gone, "withdrawn published") == {"withdrawn": False, "published": True}


def test_what_only_a_partial_feed_brought_is_withdrawn_by_the_next_full_feed(relay: Relay) -> None:
    ids, extra = [f"{product_id}-p" for product_id in IDS], "w8-p"
    deliver(relay, "whole-p", ids)
    first = relay.wait_until("the first full feed is the baseline", lambda: baseline(relay))
    deliver(relay, "part-p", [extra], mode="partial")
    relay.wait_for_arrival([f"canonical:{extra}"])
    assert [note["sk"]["S"] for note in noted(relay)] == [extra]
    deliver(relay, "whole-p-again", ids)
    relay.wait_until("the second full feed is the baseline", lambda: baseline(relay) != first)
    gone = f"canonical:{extra}"
    relay.wait_until("the product is a draft in the shop", lambda: relay.shop_products(gone)[gone]["status"] == "draft")


def test_a_feed_that_lacks_too_much_is_refused_and_withdraws_nothing(relay: Relay) -> None:
    keys = [f"canonical:{product_id}" for product_id in IDS]
    deliver(relay, "half", IDS)
    relay.wait_for_arrival(keys)
    accepted = relay.wait_until("a baseline", lambda: baseline(relay))
    logs = relay.client("logs")
    group = f"/aws/lambda/{relay.stack.place.cfn}-normalize"
    begun = int(time.time() * 1000)
    deliver(relay, "too-little", IDS[:4])

    def refusal() -> list[str]:
        events = logs.filter_log_events(logGroupName=group, startTime=begun).get("events", [])
        return [event["message"] for event in events if "withdrawal_refused" in event["message"]]

    said = relay.wait_until("the refusal", refusal)
    assert "3 of 7" in said[0], said
    assert baseline(relay) == accepted, "the feed that was refused is not what the next one is compared with"
    assert [one["status"] for one in relay.shop_products(*keys).values()] == ["published"] * len(keys)
