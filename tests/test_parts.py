"""One product from four files: its catalogue, stock by SKU, prices by SKU and by GTIN. Whatever comes first, the shop ends up with all of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from local_stack import demo
from support.operator import Operator
from support.relay import Relay, prices_of
from support.site import new_id

MAPPING = """source: {source}
form: csv
group: {{ by: id }}
product:
  id: id
  name: {{ en: title, ar: arabic }}
  options: [{{ name: {{ is: Size }}, value: size }}]
  variants: {{ sku: sku, facts: {{ gtin: ean }} }}
parts:
  stock:
    form: csv
    match: {{ sku: article }}
    owns: {{ stock: pieces }}
  dollars:
    form: csv
    match: {{ sku: article }}
    owns: {{ price: {{ from: usd, currency: USD }} }}
  riyals:
    form: json
    match: {{ gtin: ean }}
    owns: {{ price: {{ from: sar, currency: SAR }} }}
"""
CATALOGUE = "id,title,arabic,sku,size,ean\n7,Kettle,غلاية,{p}-S,S,4006381333931\n7,Kettle,غلاية,{p}-L,L,4006381333948\n8,Pan,مقلاة,{p}-P,,\n"
STOCK = "article,pieces\n{p}-S,5\n{p}-L,3\n{p}-P,2\n{p}-unknown,9\n"
DOLLARS = "article,usd\n{p}-S,11.00\n{p}-L,13.50\n{p}-P,20.00\n"
RIYALS = '[{"ean": "04006381333931", "sar": "41.00"}, {"ean": "4006381333948", "sar": "50.25"}]'


def assert_explained(operator: Operator, source: str, folder: Path) -> None:
    """Where each field is from, what a part says in vain, what a file would do."""
    kettle = f"{source}:7"
    fields = f"field    stock of {source}-S = 5: stock by sku {source}-S"
    operator.run(f"trace {kettle}").names(fields, "stock/stock.csv record 0", "stock/later.csv record 1", "riyals/prices.json record 0")
    operator.run(f"diff {kettle}").names("No difference.", "It comes in parts: main, and 6 lines of other files", "WHAT COUNTS")
    rows = operator.json(f"diff {kettle}")["parts"]["rows"]
    assert {(row["part"], row["fact"], row["says"], row["counts"]) for row in rows} == {
        ("main", f"variant {source}-S stock", "0", "5"),
        ("main", f"variant {source}-L stock", "0", "1"),
    }
    tomorrow = folder / "tomorrow.csv"
    tomorrow.write_text(STOCK.replace("-S,5", "-S,8").replace("-L,3", "-L,1").replace("{p}", source))
    counts = operator.json(f"preview {tomorrow} --source {source} --part stock")["counts"]
    assert (counts["products"], counts["changed"], counts["unchanged"], counts["awaited"]) == (2, 1, 1, 1), counts


def test_stock_and_prices_that_come_before_their_catalogue_wait_for_it(relay: Relay, tmp_path: Path) -> None:
    operator = Operator(relay.stack)
    source = f"parts{new_id('').strip('-').lower()[:8]}"
    mapping = tmp_path / f"{source}.yaml"
    mapping.write_text(MAPPING.format(source=source))
    operator.run(f"source check {mapping}").names("part stock: by sku, owns stock", "part riyals: by gtin, owns price.SAR")
    operator.run(f"source put {mapping}").names("is in force")

    def bring(key: str, text: str) -> dict[str, object]:
        run = relay.run_of(relay.upload(f"incoming/{source}/{key}", text.replace("{p}", source).encode()))
        assert (run.status, run.counts["rejected"]) == ("completed", 0), run
        return run.counts

    # First what there is of them. Nothing is rejected, nothing is a product, and everybody can see what waits.
    counts = bring("stock/stock.csv", STOCK)
    assert (counts["changed"], counts["waiting_by"]) == (4, {"product_awaited": 4})
    bring("riyals/prices.json", RIYALS)
    status = operator.run("status")
    status.names("lines of parts wait for a product", f"{source}/stock: sku {source}-")
    assert operator.json("status")["waitingLines"]["lines"] >= 6
    kettle, pan = f"{source}:7", f"{source}:8"
    assert relay.shop_products(kettle, pan) == {}

    # Then the catalogue: the kettle has a price in one region, the pan in none, and is not offered yet.
    sent = relay.upload(f"incoming/{source}/catalogue.csv", CATALOGUE.replace("{p}", source).encode())
    run = relay.run_of(sent)
    assert run.status == "completed", run
    relay.wait_for_arrival([kettle])
    assert {sku: set(prices) for sku, prices in prices_of(relay.shop_products(kettle)[kettle]).items()} == {f"{source}-S": {"sar"}, f"{source}-L": {"sar"}}
    assert operator.json("status")["waitingLines"]["lines"] >= 1, "what no product has waits on"

    # And the other prices: both are for sale, with what each file says of them.
    bring("dollars/prices.csv", DOLLARS)
    products = relay.wait_for_arrival([kettle, pan])
    rows = {row.key: row for row in demo.look(relay.stack, relay.ledger, run, products)}
    assert [row.shown.problems for row in rows.values()] == [[], []]
    totals = {(key, cart["currency"], cart["sku"], Decimal(cart["subtotal"])) for key, row in rows.items() for cart in row.shown.carts}
    assert totals == {
        (kettle, "SAR", f"{source}-S", Decimal("41.00")),
        (kettle, "SAR", f"{source}-L", Decimal("50.25")),
        (kettle, "USD", f"{source}-S", Decimal("11.00")),
        (kettle, "USD", f"{source}-L", Decimal("13.50")),
        (pan, "USD", f"{source}-P", Decimal("20.00")),
    }
    assert {key: row.shown.stock for key, row in rows.items()} == {kettle: 8, pan: 2}
    assert rows[kettle].shown.titles == {"en": "Kettle", "ar": "غلاية"}

    # One figure moves: one product is written. The same again: none.
    relay.shop.rest()
    counts = bring("stock/later.csv", STOCK.replace("-L,3", "-L,1"))
    assert (counts["changed"], counts["unchanged"]) == (1, 3)
    relay.wait_for_arrival([kettle, pan])
    assert {row.key: row.shown.stock for row in demo.look(relay.stack, relay.ledger, run, products)} == {kettle: 6, pan: 2}
    relay.shop.rest()
    for key, text in (("stock/again.csv", STOCK.replace("-L,3", "-L,1")), ("dollars/again.csv", DOLLARS), ("catalogue.csv", CATALOGUE)):
        counts = bring(key, text)
        assert counts["changed"] == 0, (key, counts)
    assert relay.shop.writes() == []

    assert_explained(operator, source, tmp_path)
    assert relay.shop.writes() == []

    # A file that does not say what the part is about is refused, by name.
    refused = relay.run_of(relay.upload(f"incoming/{source}/stock/wrong.csv", b"artikel,pieces\nK,1\n"))
    assert refused.status == "failed"
    assert "csv_header" in (refused.reason or "")
    operator.run("status").names(f"incoming/{source}/stock/wrong.csv")
