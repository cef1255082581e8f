"""Feeds that are broken: each gives its reason and position, and nothing else is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from local_stack.feed import Upload
from local_stack.ledger import Run
from support.documents import FOLDER, feed_of, only_sku, scarf
from support.relay import Relay


def broken(goods_id: str, how: str) -> Any:
    """A record that cannot become a product."""
    document = scarf(goods_id)
    info = document["info"]
    match how:
        case "code":
            return {"code": "1", "msg": "goods not found", "info": {}}
        case "product-info":
            del info["productInfo"]
        case "skus":
            info["saleAttr"]["multiLevelSaleAttribute"]["sku_list"] = []
        case "price":
            only_sku(document)["priceInfo"] = None
        case "negative":
            only_sku(document)["priceInfo"]["salePrice"] |= {"amount": "-5.00", "amountWithSymbol": "SR-5.00"}
        case "description":
            info["productInfo"]["productDescriptionInfo"]["goods_desc"] = "x" * 5_000_000
    return document


def between_good_ones(number: int, record: Any) -> bytes:
    """A feed with a good record before and one after the given one."""
    return feed_of(scarf(f"8{number}01"), record, scarf(f"8{number}03"))


@dataclass(frozen=True)
class Case:
    """A feed and what must come of it."""

    name: str
    key: str
    body: bytes
    status: str
    reasons: tuple[str, ...]
    arrives: tuple[str, ...] = ()
    index: int | None = None
    """Number of the rejected record, from 0."""


def record_case(number: int, how: str, reason: str) -> Case:
    arrives = (f"shein-api:8{number}01", f"shein-api:8{number}03")
    return Case(how, f"{FOLDER}record-{how}.json", between_good_ones(number, broken(f"8{number}02", how)), "completed", (reason,), arrives, 1)


LATIN_1 = between_good_ones(17, scarf("81702")).replace("حرير".encode(), "H\xe9l\xe8ne".encode("latin-1"), 2)
TRUNCATED = between_good_ones(12, scarf("81202"))[:-900]
CASES = [
    Case("not-json", f"{FOLDER}not-json.json", b"This is not JSON, it is a letter.", "failed", ("not_json",)),
    Case("truncated", f"{FOLDER}truncated.json", TRUNCATED, "failed", ("truncated",), ("shein-api:81201", "shein-api:81202"), 2),
    Case("empty", f"{FOLDER}empty.json", b"", "failed", ("empty_feed",)),
    Case("no-name", FOLDER, b"[]", "failed", ("empty_key",)),
    Case("outside-incoming", "elsewhere/feed.json", between_good_ones(13, scarf("81302")), "failed", ("key_outside_incoming",)),
    Case("unknown-source", "incoming/nobody/feed.json", between_good_ones(14, scarf("81402")), "failed", ("unknown_source",)),
    record_case(20, "code", "source_error"),
    record_case(21, "product-info", "missing_field"),
    record_case(22, "skus", "no_variants"),
    record_case(23, "price", "missing_price"),
    record_case(24, "negative", "negative_price"),
    record_case(25, "description", "record_too_large"),
    Case("latin-1", f"{FOLDER}latin-1.json", LATIN_1, "completed", ("invalid_utf8",), ("shein-api:81702", "shein-api:81703"), 0),
]


@pytest.fixture(scope="module")
def sent(relay: Relay) -> dict[str, tuple[Upload, int]]:
    """All of them at once, as on a bad day."""
    return {case.name: relay.upload(case.key, case.body) for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_feed_says_why_and_where(relay: Relay, sent: dict[str, tuple[Upload, int]], case: Case) -> None:
    run = relay.run_of(sent[case.name])
    assert run.status == case.status, run
    rejected = relay.rejected(run)
    told = {record["reason"] for record in rejected} | set(run.counts.get("rejected_by", {}))
    assert told & set(case.reasons) or any(reason in run.reason for reason in case.reasons), (run, rejected)
    if case.status == "failed":
        assert run.reason
    if case.index is not None:
        record = next(record for record in rejected if record["reason"] in case.reasons)
        assert record["index"] == case.index
        assert record["offset"] > 0 or case.index == 0
        assert record["message"]
    if case.status == "completed":
        check_counts(run, rejected=1, read=3)
    relay.wait_for_arrival(case.arrives)


def check_counts(run: Run, *, rejected: int, read: int) -> None:
    counts = run.counts
    assert (counts["read"], counts["rejected"]) == (read, rejected), run
    assert counts["read"] == counts["changed"] + counts["unchanged"] + counts["stale"] + counts["rejected"]
