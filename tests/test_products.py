"""The real SHEIN documents, from the file to the cart: exact figures, nothing written twice, one price at a time."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from local_stack import orders
from local_stack.report import Report, Row
from support.relay import Relay, prices_of, shared

DRESS, OIL, SWEATER = "shein-api:90854097", "shein-api:394173816", "shein-api:42873776"
FEED = "data/shein_products.json"

# What the source sells, read off the documents by hand: sizes, price, price in USD, list price, stock of each variant.
SOLD = {
    DRESS: (["XS", "S", "M", "L", "XL"], "23.80", "6.35", "28.00", 20),
    OIL: ([], "17.00", "4.53", None, 1),
    SWEATER: (["S", "M", "L", "XL"], "51.85", "13.82", "61.00", 20),
}


@pytest.fixture(scope="module")
def report(relay: Relay) -> Report:
    """The feed's first run."""
    return relay.follow(shared(FEED))


def row_of(report: Report, key: str) -> Row:
    """Each is the only colour of its article."""
    return next(row for row in report.rows if row.members == [key])


def in_the_shop(relay: Relay, report: Report, *keys: str) -> dict[str, dict[str, Any]]:
    """What the shop shows of each."""
    places = {key: row_of(report, key).key for key in keys}
    found = relay.shop_products(*places.values())
    return {key: found[place] for key, place in places.items()}


def test_every_product_of_the_feed_is_purchasable(report: Report) -> None:
    assert report.ok, report.summary()
    assert {(*row.members, row.verdict) for row in report.rows} == {(key, "yes") for key in SOLD}
    assert all("~article:" in row.key for row in report.rows)
    assert report.rejected == []


@pytest.mark.parametrize("key", SOLD)
def test_the_shop_sells_what_the_source_sells(relay: Relay, report: Report, key: str) -> None:
    sizes, sar, usd, list_price, stock = SOLD[key]
    row = row_of(report, key)
    variants = row.document["variants"]
    assert [variant.get("options", []) for variant in variants] == ([[size] for size in sizes] or [[]])
    assert {variant["stock"] for variant in variants} == {stock}
    assert {price["currency"]: price["amount"] for price in variants[0]["prices"]} == {"SAR": sar, "USD": usd}
    assert variants[0]["prices"][0].get("listAmount") == list_price

    product = in_the_shop(relay, report, key)[key]
    assert product["status"] == "published"
    assert len(product["variants"]) == max(len(sizes), 1)
    for amounts in prices_of(product).values():
        assert {currency: Decimal(amount) for currency, (_, amount) in amounts.items()} == {"sar": Decimal(sar), "usd": Decimal(usd)}
    assert row.shown.stock == stock * len(variants)
    assert product["categories"]
    assert product["images"]


@pytest.mark.parametrize("key", SOLD)
def test_a_cart_of_every_variant_comes_to_its_price_and_vat_in_both_regions(report: Report, key: str) -> None:
    _, sar, usd, _, _ = SOLD[key]
    row = row_of(report, key)
    totals = {(cart["currency"], Decimal(cart["subtotal"]), Decimal(cart["total"])) for cart in row.shown.carts}
    assert totals == {("SAR", Decimal(sar), Decimal(sar) * Decimal("1.15")), ("USD", Decimal(usd), Decimal(usd))}
    assert len(row.shown.carts) == 2 * len(row.document["variants"])


def test_both_titles_reach_the_pim_and_the_shop_shows_arabic_as_a_translation(relay: Relay, report: Report) -> None:
    documents = {document["info"]["productInfo"]["goods_id"]: document["info"] for document in json.loads(shared(FEED).read_text())}
    for row in report.rows:
        (key,) = row.members
        info = documents[key.partition(":")[2]]
        arabic = info["productInfo"]["goods_name"].strip()
        own = next(colour for colour in info["saleAttr"]["mainSaleAttribute"]["info"] if colour["goods_id"] == info["productInfo"]["goods_id"])
        english = own["goods_url_name"].strip()
        assert row.shown.titles == {"en": english, "ar": arabic}
        assert relay.pim_product(key, 'en: name(language: "en") ar: name(language: "ar")') == {"en": english, "ar": arabic}


def test_the_list_price_is_kept_for_the_shop(relay: Relay, report: Report) -> None:
    assert report.ok
    product = in_the_shop(relay, report, DRESS)[DRESS]
    kept = json.dumps({**(product["metadata"] or {}), "variants": [variant["metadata"] for variant in product["variants"]]})
    assert "relay_" in kept
    assert "28" in kept


def test_the_same_file_again_writes_nothing(relay: Relay, report: Report) -> None:
    assert report.ok
    relay.shop.rest()
    before = relay.pim_counts()
    again = relay.follow(shared(FEED))
    assert again.run.counts["changed"] == 0
    assert again.run.counts["unchanged"] == 3
    assert "Unchanged" in again.summary()
    assert again.ok
    after = relay.pim_counts()
    assert (after["mutations"], after["aliasesWritten"]) == (before["mutations"], before["aliasesWritten"])
    assert relay.shop.writes() == []


def test_an_order_in_each_region_is_completed_fulfilled_and_right_in_stock_after_the_same_file(relay: Relay, report: Report) -> None:
    assert report.ok
    relay.shop.rest()
    made = orders.Shop(relay.stack).prove(report, lambda: relay.follow(shared(FEED)))
    assert [order.problem for order in made] == ["", ""]
    assert [(order.currency, order.sku) for order in made] == [("SAR", made[0].sku), ("USD", made[1].sku)]
    for n, order in enumerate(made):
        steps = ("before", "placed", "fulfilled", "again", "returned")
        assert tuple(order.stock) == steps, order
        apart = n if made[0].sku == made[1].sku else 0
        assert order.stock["placed"] == (20 - apart, 1)
        assert order.stock["fulfilled"] == (19 - apart, 0)
        assert order.stock["again"][1] == 0
    assert relay.shop.writes() == []


def test_one_changed_price_changes_exactly_that_price(relay: Relay, report: Report, tmp_path: Path) -> None:
    assert report.ok
    documents = json.loads(shared(FEED).read_text())
    dress = next(document["info"] for document in documents if document["info"]["productInfo"]["goods_id"] == DRESS.partition(":")[2])
    sku = dress["saleAttr"]["multiLevelSaleAttribute"]["sku_list"][2]
    sku["priceInfo"]["salePrice"] |= {"amount": "24.90", "amountWithSymbol": "SR24.90"}
    changed = tmp_path / "shein_products.json"
    changed.write_text(json.dumps(documents, ensure_ascii=False))

    prices_before = {key: prices_of(product) for key, product in in_the_shop(relay, report, DRESS, OIL, SWEATER).items()}
    pim_before = relay.pim_counts()
    relay.shop.forget()
    second = relay.follow(changed)

    assert second.ok, second.summary()
    assert (second.run.counts["changed"], second.run.counts["unchanged"]) == (1, 2)
    pim_after = relay.pim_counts()
    assert (pim_after["updated"] - pim_before["updated"], pim_after["created"] - pim_before["created"]) == (1, 0)
    products = in_the_shop(relay, report, DRESS, OIL, SWEATER)
    prices_after = {key: prices_of(product) for key, product in products.items()}
    changes = {
        (key, code, currency, amount)
        for key, by_code in prices_after.items()
        for code, by_currency in by_code.items()
        for currency, (_, amount) in by_currency.items()
        if prices_before[key][code][currency][1] != amount
    }
    assert changes == {(DRESS, sku["sku_code"], "sar", "24.9")}
    # Nothing else was even touched: the rows of all other variants' prices are the same rows.
    for key, by_code in prices_after.items():
        for code, by_currency in by_code.items():
            if code != sku["sku_code"]:
                assert by_currency == prices_before[key][code], f"{key} {code}"
    wrote = relay.shop.writes()
    assert wrote
    assert all(products[DRESS]["id"] in request.path or products[DRESS]["id"].encode() in request.body for request in wrote), wrote
