"""Feeds of sources that are described in a mapping: from the file to the shop, and a mapping put into force without a deployment."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from local_stack.paths import REPO
from support.operator import Operator
from support.relay import Relay, prices_of
from support.site import new_id

FIXTURES = REPO / "crates" / "sources" / "tests" / "fixtures"
LIST = "Artikel;Bezeichnung;Preis;Bestand\n{id};Emaillebecher;12,50;4\n{id}-2;Ohne Preis;;1\n"
MAPPING = """source: {source}
form: csv
language: de
product:
  id: Artikel
  name: Bezeichnung
  variants:
    price: {{ from: Preis, currency: USD, decimal: "," }}
    stock: Bestand
"""


def amounts(product: dict[str, object]) -> set[Decimal]:
    return {Decimal(prices["usd"][1]) for prices in prices_of(product).values()}


@dataclass(frozen=True)
class Sold:
    """What the shop sells of a fixture."""

    key: str
    amounts: set[Decimal]
    stock: int
    rejected: int = 0


@pytest.mark.parametrize(
    ("name", "sold"),
    [
        ("shopify.csv", Sold("shopify-csv:linen-shirt", {Decimal("39.90")}, 4)),
        ("google.xml", Sold("google-merchant-xml:S", {Decimal("25.50"), Decimal("30.00")}, 1, rejected=1)),
    ],
)
def test_a_described_feed_is_sold(relay: Relay, tmp_path: Path, name: str, sold: Sold) -> None:
    file = tmp_path / name
    # The shop sells in dollars, not in euros.
    file.write_text((FIXTURES / name).read_text().replace("EUR", "USD"))
    report = relay.follow(file)
    assert len(report.rejected) == sold.rejected, report.rejected
    row = next(row for row in report.rows if row.key == sold.key)
    assert row.verdict == "yes", report.summary()
    product = relay.shop_products(sold.key)[sold.key]
    assert product["status"] == "published"
    assert amounts(product) == sold.amounts
    assert sum(variant["stock"] for variant in row.document["variants"]) == sold.stock


def test_a_mapping_is_put_into_force_without_a_deployment(relay: Relay, tmp_path: Path) -> None:
    operator = Operator(relay.stack)
    source = f"e2e{new_id('').strip('-').lower()[:8]}"
    mapping = tmp_path / f"{source}.yaml"
    mapping.write_text(MAPPING.format(source=source))
    operator.run(f"source check {mapping}").names("fine")
    put = operator.run(f"source put {mapping}")
    assert put.code == 0, put.text
    put.names("is in force", f"incoming/{source}/")

    sent = relay.upload(f"incoming/{source}/liste.csv", LIST.format(id="B-1").encode("utf-8"))
    run = relay.run_of(sent)
    assert (run.status, run.counts["changed"], run.counts["rejected"]) == ("completed", 1, 1), run
    [line] = relay.rejected(run)
    assert line["reason"] == "missing_price"
    assert f"{source}.yaml line 8" in line["message"]
    key = f"{source}:B-1"
    relay.wait_for_arrival([key])
    assert amounts(relay.shop_products(key)[key]) == {Decimal("12.50")}

    # A wrong one is refused, and changes nothing.
    wrong = MAPPING.format(source=source).replace("name: Bezeichnung", "nmae: Bezeichnung")
    relay.upload(f"config/sources/{source}.yaml", wrong.encode())
    relay.wait_until("it is refused", lambda: "nmae" in operator.run(f"source show {source}").text)
    operator.run("status").names(f"the newest mapping of {source} is refused", f"config/sources/{source}.yaml:6:3")
    relay.run_of(relay.upload(f"incoming/{source}/again.csv", LIST.format(id="B-1").encode()))
    operator.run(f"source show {source}").names("in force for", "refused")

    mapping.write_text(MAPPING.format(source=source).replace("decimal:", "list: Preis, decimal:"))
    again = operator.run(f"source put {mapping}")
    again.names("in place of", f"relay replay s3://{relay.bucket}/incoming/{source}/again.csv --as-newest")
    operator.run("source list").names(source, f"config/sources/{source}.yaml", "shopify-csv")

    operator.run(f"source remove {source}").names("removed")
    last = relay.run_of(relay.upload(f"incoming/{source}/late.csv", LIST.format(id="B-1").encode()))
    assert last.status == "failed"
    assert "unknown_source" in (last.reason or "")
    assert key in relay.shop_products(key), "what was sold stays"


def workbook(rows: list[list[str | float]]) -> bytes:
    """A workbook of one sheet."""

    def cell(value: str | float) -> str:
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>' if isinstance(value, str) else f"<c><v>{value!r}</v></c>"

    sheet = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships><Relationship Id="r" Type="{kind}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns:r="{kind}"><sheets><sheet name="Liste" sheetId="1" r:id="s"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships><Relationship Id="s" Type="{kind}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{sheet}</sheetData></worksheet>",
    }
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return body.getvalue()


def test_a_workbook_is_sold(relay: Relay, tmp_path: Path) -> None:
    source = f"xlsx{new_id('').strip('-').lower()[:8]}"
    mapping = tmp_path / f"{source}.yaml"
    mapping.write_text(MAPPING.format(source=source).replace("form: csv", "form: xlsx"))
    Operator(relay.stack).run(f"source put {mapping}").names("is in force")
    header: list[str | float] = ["Artikel", "Bezeichnung", "Preis", "Bestand"]
    # A number and a text with a decimal comma, the result of a formula, and a line without a price.
    rows = [header, ["W-1", "Emaillebecher", 12.5, 4], ["W-2", "Krug", "19,90", 1], ["W-3", "Teller", 10 / 3, 2], ["W-4", "Ohne Preis"]]
    run = relay.run_of(relay.upload(f"incoming/{source}/liste.xlsx", workbook(rows)))
    assert (run.status, run.counts["changed"], run.counts["rejected"]) == ("completed", 3, 1), run
    assert [line["reason"] for line in relay.rejected(run)] == ["missing_price"]
    keys = [f"{source}:W-{number}" for number in (1, 2, 3)]
    relay.wait_for_arrival(keys)
    sold = relay.shop_products(*keys)
    assert [amounts(sold[key]) for key in keys] == [{Decimal("12.50")}, {Decimal("19.90")}, {Decimal("3.33")}]
