"""Dead letters on the deployed stack, handled by `relay dlq`: every action, every filter, two at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from support.operator import Operator
from support.relay import Relay
from support.site import Site, feed, key_of, new_id, product

MANY = 30


@contextmanager
def schedule_off(relay: Relay, name: str) -> Iterator[None]:
    """Somebody switched a schedule off."""
    scheduler = relay.client("scheduler")
    schedule = scheduler.get_schedule(Name=f"{relay.stack.place.cfn}-{name}")
    kept = {word: schedule[word] for word in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**kept, State="DISABLED")
    try:
        yield
    finally:
        scheduler.update_schedule(**kept, State="ENABLED")


@pytest.fixture(scope="module")
def site(relay: Relay) -> Iterator[Site]:
    """Without the schedule, whose own round would do with the letters what the tests are about to."""
    with schedule_off(relay, "redrive"):
        yield Site(relay, Operator(relay.stack))


@pytest.fixture(scope="module")
def arrived(site: Site) -> list[str]:
    """Products that are in the shop, for those whose letters tell of some."""
    ids = [new_id("arrived") for _ in range(3)]
    site.upload(f"{ids[0]}.json", feed(*map(product, ids)))
    site.is_right(*ids)
    return ids


@contextmanager
def breaker_open(site: Site, target: str) -> Iterator[None]:
    """A target's breaker is open, and nobody tends it: its next probe is an hour away."""
    now = int(time.time() * 1000)
    numbers = {"since": now, "openings": 1, "retry_at": now + 3_600_000}
    item = {"pk": f"B#{target}", "sk": "breaker", "mode": "open", "reason": "a drill"}
    with schedule_off(site.relay, "tend"):
        site.relay.client("dynamodb").put_item(
            TableName=site.relay.outputs["LedgerTable"],
            Item={name: {"S": text} for name, text in item.items()} | {name: {"N": str(number)} for name, number in numbers.items()},
        )
        try:
            yield
        finally:
            site.close_breakers()


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


def test_what_has_arrived_meanwhile_is_dropped(site: Site, arrived: list[str]) -> None:
    product_id = arrived[0]
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


def take_in_hand(site: Site, product_id: str) -> str:
    """Receives a product's letter as a run does that is about to park it: nobody else sees it. Others' letters stay where they are."""
    sqs, url = site.relay.client("sqs"), site.relay.outputs["PimcoreDlq"]

    def received() -> str | None:
        found = None
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600).get("Messages", []):
            if product_id in message["Body"]:
                found = str(message["ReceiptHandle"])
            else:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
        return found

    return str(site.relay.wait_until("its letter", received))


def test_what_was_refused_comes_back_wherever_its_letter_is(site: Site) -> None:
    """The same command, as `relay trace` names it, for one whose letter is parked, one that is dead, and one that is in a run's hands."""
    ids = {state: new_id(f"refused-{state}") for state in ("parked", "dead", "held")}
    for product_id in ids.values():
        site.pim_fault("alias-refused", match=product_id, message="Validation failed: Value in field [ brand ] is longer than 190 characters")
    site.run_of(site.upload(f"{ids['dead']}.json", feed(*map(product, ids.values()))))
    for product_id in ids.values():
        site.told(f"trace {key_of(product_id)}", "pimcore_field_too_long", within=120)
    site.told("dlq list --code pimcore_field_too_long", *map(key_of, ids.values()), within=120)
    said = site.operator.trace(key_of(ids["held"]))
    assert report(site, f"park --product {key_of(ids['parked'])}")["parked"] == 1
    handle = take_in_hand(site, ids["held"])
    site.pim_well()

    rehearsal = report(site, "unpark --code pimcore_field_too_long --dry-run")
    assert {letter["subject"]: letter["decision"] for letter in rehearsal["letters"]}.items() >= {
        (key_of(ids["parked"]), "unpark"),
        (key_of(ids["dead"]), "redrive"),
        (key_of(ids["held"]), "announce"),
    }
    done = site.operator.does(said, "dlq unpark")
    done.names("unparked", "redriven", "announced without a letter")
    site.is_right(*ids.values())

    # Whoever had the letter in hand parks it now, or lets go of it: its product has arrived, so the next round drops it either way.
    visible = {"QueueUrl": site.relay.outputs["PimcoreDlq"], "ReceiptHandle": handle, "VisibilityTimeout": 0}
    site.relay.client("sqs").change_message_visibility(**visible)
    assert report(site, f"park --product {key_of(ids['held'])}")["parked"] == 1
    assert report(site, "redrive")["dropped"] >= 1
    assert report(site, f"parked --product {key_of(ids['held'])}")["letters"] == []

    nothing = site.operator.run(f"dlq unpark --product {key_of(ids['held'])}")
    assert nothing.code == 1, nothing.text
    nothing.names("Nothing to unpark", f"relay trace {key_of(ids['held'])}")


@pytest.mark.parametrize(("target", "number"), [("pimcore", 1), ("medusa", 2)])
def test_letters_are_left_alone_while_the_breaker_of_their_target_is_open(site: Site, arrived: list[str], target: str, number: int) -> None:
    """The shop is shown what the PIM holds, so its letters wait for both."""
    code, product_id = code_of("breaker"), arrived[number]
    bury(site, code, product_id, kind="transient", queue="MedusaDlq")
    with breaker_open(site, target):
        left = report(site, f"redrive --code {code}", "medusa")
        assert (left["left"], left["redriven"], left["targetAnswers"]) == (1, 0, False), left
        assert left["byReason"] == {"leave target_unavailable": 1}
    done = report(site, f"redrive --code {code}", "medusa")
    assert (done["left"], done["redriven"], done["targetAnswers"]) == (0, 1, True), done
    site.is_right(product_id)


def test_the_sweep_announces_what_is_overdue_and_nothing_else(site: Site) -> None:
    answer = site.operator.json("sweep --dry-run")
    assert answer["dryRun"] is True
    assert answer["sweep"]["announcedPimcore"] + answer["sweep"]["announcedMedusa"] <= answer["sweep"]["pending"]
