"""Feeds, records and products that cannot go through: `relay` alone names cause and remedy, and the remedy works.

Everything is broken at once, as on a bad day, and then looked at one by one: by a person who has nothing but the command's answers. That what was
put right has arrived is looked at in the end, for all of it together.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from support.documents import feed_of, scarf
from support.operator import Operator
from support.proxy import Answer, Asked
from support.relay import Relay
from support.site import Site, costing, feed, key_of, new_id, noise, path_of, product

TRUNCATED = b'[{"source": "canonical", "id": "%s", "name": {"en": "Cup"}, "vari'
# One after another in the feed of everybody: which of the source's ids the full feeds have.
WHOLE = [f"88000{number}" for number in range(1, 6)]
# Every handle that this product could have: of its title, then with digits of a hash of its key.
HANDLED = "handle-taken"
HANDLES = {
    "first": f"cup-{HANDLED}",
    "second": f"cup-{HANDLED}-4473",
    "third": f"cup-{HANDLED}-33794473",
    "fourth": f"cup-{HANDLED}-7776327733794473",
}
WORDS = [
    "record", "huge", "unsellable", "refused", "category", "stands", "sku", "currency", "shop-refuses",
    "lost", "stale", "gone", "truncated", "prefix", "outside", "empty", "contradicts", "letter",
]  # fmt: skip


@dataclass
class BadDay:
    """What was broken."""

    site: Site
    ids: dict[str, str]
    feeds: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    to_arrive: list[str] = field(default_factory=list)
    """Products that were put right and are on their way."""
    afterwards: ExitStack = field(default_factory=ExitStack)
    """Undoes what must stay until they have arrived."""

    def __getattr__(self, word: str) -> str:
        return self.ids[word.replace("_", "-")]


@pytest.fixture(scope="module")
def day(relay: Relay) -> Iterator[BadDay]:
    site = Site(relay, Operator(relay.stack))
    day = BadDay(site, {word: new_id(word) for word in WORDS})
    site.pim_well()
    full_feed_that_lacks_too_much(day)
    lost_announcement(day)
    late_and_gone_feeds(day)
    broken_feeds(day)
    poison(day)
    with site.shop_answers(lambda asked: refusal_of(day.shop_refuses, asked)):
        products_that_are_refused(day)
        with day.afterwards:
            yield day
    site.pim_well()


def full_feed_that_lacks_too_much(day: BadDay) -> None:
    """The guard against mass withdrawal. It is the first thing broken, because `relay status` waits a minute before it calls a feed held back."""
    site = day.site
    for ids in (WHOLE, WHOLE[:2]):
        day.feeds["guard"] = site.upload(f"whole-{len(ids)}.json", feed_of(*map(scarf, ids)), source="shein-api", feed_mode="full")
        site.run_of(day.feeds["guard"])
        site.next_second()


def lost_announcement(day: BadDay) -> None:
    """PutEvents takes the event, and nothing is delivered."""
    with day.site.rule_off("product-changed"):
        day.site.run_of(day.site.upload(f"{day.lost}.json", feed(product(day.lost))))


def late_and_gone_feeds(day: BadDay) -> None:
    """A feed whose notification was lost, and one that was removed before its notification came."""
    site, s3 = day.site, day.site.relay.client("s3")
    with site.rule_off("feed-arrived"):
        day.feeds["old"] = site.upload(f"{day.stale}-old.json", feed(costing(day.stale, "10.00")))
        day.feeds["gone"] = site.upload(f"{day.gone}.json", feed(product(day.gone)))
        version = s3.head_object(Bucket=site.relay.bucket, Key=day.feeds["gone"])["VersionId"]
        s3.delete_object(Bucket=site.relay.bucket, Key=day.feeds["gone"], VersionId=version)
        site.next_second()
    site.run_of(site.upload(f"{day.stale}-new.json", feed(costing(day.stale, "20.00"))))
    detail = {"bucket": {"name": site.relay.bucket}, "object": {"key": day.feeds["gone"], "version-id": version, "sequencer": "0"}}
    event = {"source": "aws.s3", "detail-type": "Object Created", "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "detail": detail}
    site.send("IngestQueue", json.dumps(event))


def broken_feeds(day: BadDay) -> None:
    site = day.site
    day.feeds["truncated"] = site.upload(f"{day.truncated}.json", TRUNCATED % day.truncated.encode())
    day.feeds["prefix"] = site.upload(f"incoming/nobody/{day.prefix}.json", feed(product(day.prefix)))
    day.feeds["outside"] = site.upload(f"elsewhere/{day.outside}.json", feed(product(day.outside)))
    day.feeds["empty"] = site.upload(f"{day.empty}.json", b"")
    day.feeds["contradicts"] = site.upload(f"{day.contradicts}.json", feed(product(day.contradicts)), source="shein-brightdata")


def poison(day: BadDay) -> None:
    for queue in ("IngestQueue", "PimcoreQueue", "MedusaQueue"):
        day.site.send(queue, f"garbage \x00 for {queue}".replace("\x00", "�"))
    day.site.send("PimcoreQueue", json.dumps({"source": "canonical", "productId": day.letter, "correlationId": "c", "cause": "feed"}))


def refusal_of(product_id: str, asked: Asked) -> Answer | None:
    """The shop does not like one product."""
    if asked.method == "GET" or product_id.encode() not in asked.body:
        return None
    said = {"type": "invalid_data", "message": f"a workflow of this shop refuses {product_id}"}
    return Answer(400, [("content-type", "application/json")], json.dumps(said).encode())


def products_that_are_refused(day: BadDay) -> None:
    site = day.site
    site.pim_fault("alias-refused", match=day.refused, message="Validation failed: Value in field [ brand ] is longer than 190 characters")
    site.pim_fault("alias-refused", match=f"{day.category}-kind", message="not allowed by a rule of this catalog")
    site.pim_create(f"canonical-{day.stands}", f"of somebody else {day.stands}")
    # On a stack that was kept, they are there from the last time.
    for one in site.shop("GET", "products", query={"limit": "1000", "fields": "id,handle"})["products"]:
        if HANDLED in one["handle"]:
            site.shop("DELETE", f"products/{one['id']}")
    for name, handle in HANDLES.items():
        day.foreign[name] = site.foreign_product(handle, f"FOREIGN-{new_id(name)}")
    day.foreign["sku"] = site.foreign_product(f"foreign-{day.sku}", f"SKU-{day.sku}")
    mixed = [
        costing(day.record, "-3.00"),
        product(day.huge, description={"en": noise(200_000)}),
        product(day.unsellable, variants=[]),
        product(day.refused),
        product(day.category, categories=[[{"id": f"{day.category}-kind", "name": {"en": "A kind"}}]]),
        product(day.stands),
        costing(HANDLED, f"{1 + time.time() % 1000:.2f}"),
        product(day.sku),
        costing(day.currency, "7.00", "EUR"),
        product(day.shop_refuses),
    ]
    day.feeds["mixed"] = site.upload(f"{day.record}.json", feed(*mixed))
    site.run_of(day.feeds["mixed"])


# ---- records


def test_a_bad_record(day: BadDay) -> None:
    said = day.site.told(f"trace {key_of(day.record)}", "negative_price")
    said.names("Its record was rejected", "record 0 of s3://", "Ask the supplier for the right one", "upload the corrected feed")
    assert said.code == 1
    day.site.upload(f"{day.record}-corrected.json", feed(product(day.record)))
    day.to_arrive.append(day.record)


def test_a_product_too_large_for_an_item_of_the_ledger_arrives_and_one_that_is_lost_comes_back(day: BadDay) -> None:
    """Its body is an object of the bucket. Somebody deletes that; the same feed brings it back."""
    site, s3 = day.site, day.site.relay.client("s3")
    site.is_right(day.huge)
    described = site.shop("GET", "products", query={"external_id": key_of(day.huge), "fields": "description"})["products"]
    assert len(described[0]["description"]) == 200_000
    changed = product(day.huge, description={"en": noise(200_000)}, brand="Another")
    with site.rule_off("product-changed"):
        site.next_second()
        site.run_of(site.upload(f"{day.huge}-changed.json", feed(changed)))
    doc = {"pk": {"S": f"P#canonical#{day.huge}"}, "sk": {"S": "doc"}}
    item = site.relay.client("dynamodb").get_item(TableName=site.relay.outputs["LedgerTable"], Key=doc, ConsistentRead=True)["Item"]
    assert "body" not in item
    s3.delete_object(Bucket=site.relay.bucket, Key=item["body_at"]["S"])
    site.operator.run(f"replay {key_of(day.huge)}")
    said = site.told(f"trace {key_of(day.huge)}", "product_body_missing")
    said.names(item["body_at"]["S"], "Upload its last feed again")
    site.next_second()
    site.upload(f"{day.huge}-again.json", feed(changed))
    site.is_right(day.huge)


def test_a_product_with_nothing_to_sell(day: BadDay) -> None:
    run = day.site.run_of(day.feeds["mixed"])["run"]
    said = day.site.operator.run(f"rejected {run}")
    said.names(day.unsellable, "no_variants", "variants with stock 0")
    day.site.upload(f"{day.unsellable}-corrected.json", feed(product(day.unsellable)))
    day.to_arrive.append(day.unsellable)


# ---- feeds


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("truncated", ["truncated", "Upload it again"]),
        ("prefix", ["unknown_source", "nobody", "Upload it under incoming/<source>/", "shein-api, shein-brightdata, canonical"]),
        ("outside", ["key_outside_incoming", "Upload feeds under incoming/<source>/"]),
        ("empty", ["empty_feed", "Upload the feed again"]),
        ("contradicts", ["wrong_source", "Upload it under incoming/<source>/ of the source it is from"]),
    ],
)
def test_a_feed_that_cannot_be_read(day: BadDay, word: str, parts: list[str]) -> None:
    said = day.site.operator.run("runs --limit 40")
    said.names(day.feeds[word], *parts)
    day.site.upload(f"{day.ids[word]}.json", feed(product(day.ids[word])))
    day.to_arrive.append(day.ids[word])


def test_a_feed_deleted_before_it_was_read(day: BadDay) -> None:
    said = day.site.told("runs --limit 40", day.feeds["gone"])
    said.names("object_missing", "Upload it again if it is still wanted")
    day.site.upload(f"{day.gone}.json", feed(product(day.gone)))
    day.to_arrive.append(day.gone)


def test_an_old_feed_that_comes_late(day: BadDay) -> None:
    """It was never read, because its notification was lost. Read later, it changes nothing, unless somebody wants that."""
    site = day.site
    site.is_right(day.stale)
    replay = site.operator.run(f"replay {day.feeds['old']}")
    assert replay.code == 0, replay.text
    site.run_of(day.feeds["old"])
    assert site.relay.ledger.document(key_of(day.stale))["variants"][0]["prices"][0]["amount"] == "20.00"
    said = site.operator.run("runs --limit 5")
    said.names("1 stale", "a later feed", "--as-newest")
    site.operator.does(said, "replay")
    site.relay.wait_until("the old price", lambda: site.relay.ledger.document(key_of(day.stale))["variants"][0]["prices"][0]["amount"] == "10.00")
    site.is_right(day.stale)
    (variant,) = site.relay.shop_products(key_of(day.stale))[key_of(day.stale)]["variants"]
    assert variant["prices"][0]["amount"] == 10


def test_a_full_feed_that_lacks_too_much(day: BadDay) -> None:
    site = day.site
    said = site.told("status", "withdrawal_refused", day.feeds["guard"], within=90)
    said.names(day.feeds["guard"], "lacks more products than the guard allows", "If the feed is incomplete, upload the whole one")
    site.operator.does(said, "withdraw")
    gone = [f"shein-api:{goods_id}" for goods_id in WHOLE[2:]]
    site.relay.wait_until("the others are drafts", lambda: {one["status"] for one in site.relay.shop_products(*gone).values()} == {"draft"})
    for key in gone:
        site.told(f"trace {key}", "withdrawn by the source")


# ---- messages


def test_a_lost_announcement(day: BadDay) -> None:
    said = day.site.operator.trace(key_of(day.lost))
    said.names("It waits for Pimcore since", "nobody has tried yet", "a sweep announces it again")
    day.site.operator.does(said, "replay")
    day.to_arrive.append(day.lost)


def test_poison_messages(day: BadDay) -> None:
    site, queues = day.site, ("ingest", "pimcore", "medusa")
    said = site.told("status", *(f"on the {queue} queue (message_not_understood)" for queue in queues))
    said.names("garbage", "Somebody else writes to the queue or the bus", "dlq remove --code message_not_understood")
    # They are parked by the next round, or now: one command for all queues, or one each.
    for command in [command for command in said.commands() if command.startswith("dlq park")]:
        site.operator.run(command)
    s3 = site.relay.client("s3")
    for queue in queues:
        shown = site.operator.run(f"dlq parked --queue {queue} --code message_not_understood")
        shown.names("message_not_understood", "kept in s3://")
        kept = [line.split("s3://", 1)[1].split()[0] for line in shown.text.splitlines() if "kept in s3://" in line]
        bodies = []
        for place in kept:
            bucket, _, key = place.partition("/")
            bodies.append(json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["letter"]["body"])
            s3.delete_object(Bucket=bucket, Key=key)
        assert any(body.startswith("garbage \ufffd") for body in bodies), "the letter is kept as it was"
    assert "(message_not_understood)" not in site.operator.run("status").text


def test_a_message_about_a_product_that_nobody_brought(day: BadDay) -> None:
    said = day.site.told(f"trace {key_of(day.letter)}", "unknown_product")
    said.names("No feed has", "Upload the feed that has it")
    day.site.upload(f"{day.letter}.json", feed(product(day.letter)))
    day.to_arrive.append(day.letter)


# ---- refusals


def test_the_pim_refuses_a_field(day: BadDay) -> None:
    said = day.site.told(f"trace {key_of(day.refused)}", "pimcore_field_too_long")
    said.names("brand", "longer than 190", "Have the supplier shorten it")
    day.site.told("status", "pimcore_field_too_long", key_of(day.refused))
    day.site.pim_well()
    day.site.operator.does(said, "dlq unpark")
    day.to_arrive.append(day.refused)


def test_the_pim_refuses_a_category(day: BadDay) -> None:
    site = day.site
    said = site.told(f"trace {key_of(day.category)}", "pimcore_refused")
    said.names("not allowed by a rule of this catalog", f"{day.category}-kind")
    site.pim_well()
    site.operator.does(said, "dlq unpark")
    day.to_arrive.append(day.category)


def test_an_object_stands_in_the_way(day: BadDay) -> None:
    site = day.site
    said = site.told(f"trace {key_of(day.stands)}", "pimcore_path_taken")
    said.names(path_of(day.stands), "Move or rename that object in Pimcore")
    site.pim_edit(path_of(day.stands), key=f"moved-{day.stands}")
    site.operator.does(said, "dlq unpark")
    day.to_arrive.append(day.stands)


def test_foreign_products_have_the_handles(day: BadDay) -> None:
    site = day.site
    said = site.told(f"trace {key_of(HANDLED)}", "medusa_handle_taken")
    said.names(HANDLES["second"], "Change the handle of one of them in Medusa")
    site.shop("POST", f"products/{day.foreign['second']}", {"handle": f"renamed-{HANDLED}"})
    site.operator.does(said, "dlq unpark")
    day.to_arrive.append(HANDLED)


def test_another_product_has_the_sku(day: BadDay) -> None:
    site = day.site
    said = site.told(f"trace {key_of(day.sku)}", "medusa_sku_taken")
    said.names(f"SKU-{day.sku}", day.foreign["sku"], "Change one of the two SKUs")
    (variant,) = site.shop("GET", f"products/{day.foreign['sku']}")["product"]["variants"]
    site.shop("POST", f"products/{day.foreign['sku']}/variants/{variant['id']}", {"sku": f"OURS-{day.sku}"})
    site.operator.does(said, "dlq unpark")
    day.to_arrive.append(day.sku)


def test_the_shop_sells_nothing_in_the_currency(day: BadDay) -> None:
    site = day.site
    said = site.told(f"trace {key_of(day.currency)}", "medusa_no_price")
    said.names(f"SKU-{day.currency}", "Add the currency under Settings, Store in Medusa")
    (store,) = site.shop("GET", "stores")["stores"]
    before = [{"currency_code": one["currency_code"], "is_default": one["is_default"]} for one in store["supported_currencies"]]
    site.shop("POST", f"stores/{store['id']}", {"supported_currencies": [*before, {"currency_code": "eur"}]})
    day.afterwards.callback(site.shop, "POST", f"stores/{store['id']}", {"supported_currencies": before})
    site.operator.does(said, "dlq unpark")
    day.to_arrive.append(day.currency)


def test_the_shop_refuses_a_product(day: BadDay) -> None:
    site = day.site
    said = site.told(f"trace {key_of(day.shop_refuses)}", "medusa_refused")
    said.names("a workflow of this shop refuses", "Correct the product in Pimcore as they say")
    site.relay.shop.interference = None
    site.operator.does(said, "dlq unpark")
    day.to_arrive.append(day.shop_refuses)


# ---- and then


def test_everything_that_was_put_right_has_arrived(day: BadDay) -> None:
    assert len(day.to_arrive) >= 16
    day.site.is_right(*day.to_arrive)
