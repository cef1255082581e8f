"""Dead letters on the deployed stack, handled by `relay dlq`: every action, every filter, two at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.operator import Operator
from support.relay import Relay
from support.site import Site, feed, key_of, new_id, product

MANY = 30


@pytest.fixture(scope="module")
def site(relay: Relay) -> Iterator[Site]:
    """Without the schedule, whose own round would do with the letters what the tests are about to."""
    scheduler, name = relay.client("scheduler"), f"{relay.stack.place.cfn}-redrive"
    schedule = scheduler.get_schedule(Name=name)
    kept = {word: schedule[word] for word in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**kept, State="DISABLED")
    try:
        yield Site(relay, Operator(relay.stack))
    finally:
        scheduler.update_schedule(**kept, State="ENABLED")


def bury(site: Site, code: str, *product_ids: str, kind: str = "permanent", queue: str = "PimcoreDlq") -> None:
    """Letters as a function leaves them that met a refusal."""
    attributes = {"relay.kind": kind, "relay.code": code, "relay.reason": f"refused for {code}"}
    for product_id in product_ids:
        body = {"source": "canonical", "productId": product_id, "correlationId": "drill", "cause": "feed"}
        site.relay.client("sqs").send_message(
            QueueUrl=site.relay.outputs[queue],
            MessageBody=json.dumps(body),
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
        )


def report(site: Site, words: str, queue: str = "pimcore") -> dict[str, Any]:
    """One queue's part of an answer."""
    (found,) = [part for part in site.operator.json(f"dlq {words} --queue {queue}")["queues"] if part["queue"] == queue]
    return dict(found)


def code_of(word: str) -> str:
    """A code that no other letter has."""
    return f"drill_{new_id(word).replace('-', '_')}"


def test_letters_are_listed_by_every_filter_and_a_rehearsal_changes_nothing(site: Site) -> None:
    code, ids = code_of("list"), [new_id("listed") for _ in range(3)]
    bury(site, code, *ids)
    assert report(site, f"list --code {code}")["seen"] >= 3
    assert len(report(site, f"list --code {code}")["letters"]) == 3
    assert [letter["subject"] for letter in report(site, f"list --product {key_of(ids[1])}")["letters"]] == [key_of(ids[1])]
    assert len(report(site, f"list --code {code} --kind permanent")["letters"]) == 3
    assert report(site, f"list --code {code} --kind transient")["letters"] == []
    assert report(site, f"list --code {code} --older-than 1d")["letters"] == []
    assert len(report(site, f"list --code {code} --max 2")["letters"]) == 2
    assert report(site, f"park --code {code} --dry-run")["parked"] == 3
    assert report(site, f"parked --code {code}")["letters"] == []
    one = report(site, f"list --code {code}")["letters"][0]["message"]
    assert report(site, f"park --message {one}")["parked"] == 1
    assert [letter["message"] for letter in report(site, f"parked --code {code}")["letters"]] == [one]
    assert report(site, f"park --code {code} --max 1")["parked"] == 1


def test_two_at_once_park_every_letter_once(site: Site) -> None:
    code, ids = code_of("two"), [new_id("two") for _ in range(MANY)]
    bury(site, code, *ids)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: report(site, f"park --code {code}"), range(2)))
    # What the one had in hand, the other could not see; nothing stays, nothing is there twice.
    rest = report(site, f"park --code {code}")
    parked = report(site, f"parked --code {code}")["letters"]
    assert sorted(letter["subject"] for letter in parked) == sorted(map(key_of, ids)), (both, rest)


def test_what_has_arrived_meanwhile_is_dropped(site: Site) -> None:
    product_id = new_id("healed")
    site.upload(f"{product_id}.json", feed(product(product_id)))
    site.is_right(product_id)
    bury(site, "pimcore_timeout", product_id, kind="transient")
    done = report(site, f"redrive --product {key_of(product_id)}")
    assert done["dropped"] == 1, done
    assert done["byReason"] == {"drop healed": 1}


def test_a_letter_goes_back_and_its_product_arrives(site: Site) -> None:
    """Its announcement was lost; the letter that tells of it is redriven."""
    product_id = new_id("redriven")
    with site.rule_off("product-changed"):
        site.run_of(site.upload(f"{product_id}.json", feed(product(product_id))))
    bury(site, "pimcore_timeout", product_id, kind="transient")
    done = report(site, f"redrive --product {key_of(product_id)}")
    assert done["redriven"] == 1, done
    site.is_right(product_id)


def test_the_sweep_announces_what_is_overdue_and_nothing_else(site: Site) -> None:
    answer = site.operator.json("sweep --dry-run")
    assert answer["dryRun"] is True
    assert answer["sweep"]["announcedPimcore"] + answer["sweep"]["announcedMedusa"] <= answer["sweep"]["pending"]
