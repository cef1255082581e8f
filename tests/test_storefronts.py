"""One product from two storefronts, in either order: both languages, and carts in both regions at each storefront's own price."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from local_stack import demo
from local_stack.report import Report
from support.operator import Operator
from support.relay import Relay, prices_of

IMAGE = "https://img.example.test/kettle.jpg"
NAMES = {"en": "Copper kettle", "ar": "غلاية نحاسية"}


def row(product_id: str, shop: str) -> dict[str, str]:
    """A storefront's row of a product."""
    own = {
        "us": {"product_name": NAMES["en"], "final_price": "21.50", "currency": "USD", "country_code": "US", "brand": "Hearth"},
        "ar": {"product_name": NAMES["ar"], "final_price": "79.00", "currency": "SAR", "country_code": "SA"},
    }[shop]
    tree = [{"name": "Kitchen", "url": "https://us.shein.com/Kitchen-c-93001.html"}]
    return own | {
        "description": own["product_name"],
        "in_stock": "true",
        "main_image": IMAGE,
        "category_url": tree[0]["url"],
        "url": f"https://{shop}.shein.com/x-p-{product_id}.html",
        "category_tree": json.dumps(tree),
        "domain": f"{shop}.shein.com",
        "image_urls": json.dumps([IMAGE]),
        "model_number": f"kettle-{product_id}",
        "other_attributes": "[]",
        "product_id": product_id,
        "all_available_sizes": '["one-size"]',
    }


COLUMNS = [*row("", "us"), "initial_price", "color", "size", "root_category", "category"]


def file(folder: Path, name: str, rows: list[dict[str, str]]) -> Path:
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, restval="")
    table.writeheader()
    table.writerows(rows)
    path = folder / f"{name}.csv"
    path.write_text(text.getvalue())
    return path


def assert_sold_in_both(relay: Relay, report: Report, product_id: str) -> None:
    key = f"shein-brightdata:{product_id}"
    assert report.ok, report.summary()
    shown = next(row for row in report.rows if row.key == key)
    totals = {(cart["currency"], Decimal(cart["subtotal"])) for cart in shown.shown.carts}
    assert totals == {("SAR", Decimal("79.00")), ("USD", Decimal("21.50"))}
    assert shown.shown.titles == NAMES
    assert relay.pim_product(key, 'en: name(language: "en") ar: name(language: "ar")') == NAMES
    product = relay.shop_products(key)[key]
    assert {currency for prices in prices_of(product).values() for currency in prices} == {"sar", "usd"}


@pytest.mark.parametrize(("product_id", "order"), [("930411", ("us", "ar")), ("930412", ("ar", "us"))])
def test_two_files_of_two_storefronts_sell_one_product_in_both_regions(relay: Relay, tmp_path: Path, product_id: str, order: tuple[str, str]) -> None:
    first, second = order
    relay.follow(file(tmp_path, f"{product_id}-{first}", [row(product_id, first)]))
    report = relay.follow(file(tmp_path, f"{product_id}-{second}", [row(product_id, second)]))
    assert_sold_in_both(relay, report, product_id)

    # The first storefront's file once more takes nothing away, and is no news.
    relay.shop.rest()
    again = relay.follow(file(tmp_path, f"{product_id}-{first}-again", [row(product_id, first)]))
    assert (again.run.counts["changed"], again.run.counts["unchanged"]) == (0, 1)
    assert relay.shop.writes() == []
    product = relay.shop_products(f"shein-brightdata:{product_id}")[f"shein-brightdata:{product_id}"]
    assert {currency for prices in prices_of(product).values() for currency in prices} == {"sar", "usd"}


def test_one_file_of_both_does_so_too(relay: Relay, tmp_path: Path) -> None:
    report = relay.follow(file(tmp_path, "both", [row("930413", "us"), row("930413", "ar")]))
    assert report.run.counts["stale"] == 0
    assert_sold_in_both(relay, report, "930413")


FIGURES = """source: shein-brightdata
parts:
  figures:
    form: csv
    match: { sku: article }
    owns: { stock: pieces, prices: [{ from: usd, currency: USD }, { from: sar, currency: SAR }] }
"""


@pytest.mark.parametrize(("product_id", "order"), [("930421", ("us", "ar", "figures")), ("930422", ("figures", "ar", "us"))])
def test_prices_and_stock_from_a_third_file_by_sku_count_in_both_regions(relay: Relay, tmp_path: Path, product_id: str, order: tuple[str, ...]) -> None:
    operator, key = Operator(relay.stack), f"shein-brightdata:{product_id}"
    mapping = tmp_path / "shein-brightdata.yaml"
    mapping.write_text(FIGURES)
    operator.run(f"source put {mapping}").names("is in force")
    try:
        for one in order:
            if one == "figures":
                body = f"article,pieces,usd,sar\n{product_id},6,19.25,71.50\n".encode()
                run = relay.run_of(relay.upload(f"incoming/shein-brightdata/figures/{product_id}.csv", body))
                assert (run.status, run.counts["rejected"]) == ("completed", 0), run
            else:
                run = relay.follow(file(tmp_path, f"{product_id}-{one}", [row(product_id, one)])).run
        products = relay.wait_for_arrival([key])
        (shown,) = demo.look(relay.stack, relay.ledger, run, products)
        assert shown.shown.problems == []
        totals = {(cart["currency"], Decimal(cart["subtotal"])) for cart in shown.shown.carts}
        assert totals == {("SAR", Decimal("71.50")), ("USD", Decimal("19.25"))}
        assert (shown.shown.stock, shown.shown.titles) == (6, NAMES)
        operator.run(f"trace {key}").names(f"field    price.SAR of {product_id} = 71.50: figures by sku {product_id}", f"figures/{product_id}.csv record 0")
    finally:
        operator.run("source remove shein-brightdata").names("removed")
