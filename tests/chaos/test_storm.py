"""The short run: forty products in a storm of half a minute. `make chaos` is the long one."""

from __future__ import annotations

import time

import pytest
from local_stack.http import call
from local_stack.paths import REPORTS

from chaos.compare import LOST, STALE
from chaos.conftest import SEED
from chaos.observe import Shop
from chaos.offers import offers
from chaos.plan import SHORT, plan_of
from chaos.report import Report
from chaos.storm import Stage, Storm, call_standin


@pytest.fixture(scope="module")
def report(stage: Stage) -> Report:
    """The run, once."""
    begun = time.monotonic()
    storm = Storm(stage, plan_of(SEED, SHORT))
    report = Report(storm, storm.run(), time.monotonic() - begun)
    report.write(REPORTS / "chaos-short.json")
    report.show()
    return report


def test_after_a_storm_every_product_is_what_the_newest_document_says(report: Report) -> None:
    assert report.ok, f"seed {SEED}:\n" + "\n".join(str(finding) for finding in report.findings)


def test_the_storm_was_one(report: Report) -> None:
    figures = report.figures()
    assert figures["kills"] > 0
    assert figures["requests refused or cut"] > 0
    assert sum(figures[f"{what} by people"] for what in ("edits", "deletions", "restores", "drafts")) == len(report.storm.plan.acts)
    assert figures["drafts by people"] > 0
    assert figures["Medusa down, seconds"] >= SHORT.medusa_down
    assert figures["that move between them"] > 0


def test_what_somebody_spoils_is_seen(report: Report) -> None:
    """The comparison reads real targets: a price changed behind the pipeline's back and a deleted object are named."""
    storm, shop = report.storm, Shop(report.storm.stack)
    wanted = storm.wanted()
    for_sale = offers(wanted, wanted, grouped=True)
    alone = [key for key in for_sale if key in wanted and not wanted[key].deleted]
    article = next(key for key, offer in for_sale.items() if len(offer.fields["members"] or ()) > 1)
    for key in (alone[0], article):
        spoil_a_price(shop, key, next(iter(for_sale[key].variants)))
    call_standin(storm.stack, "DELETE", f"objects?path=/catalog/products/{alone[1].replace(':', '-')}")
    spoiled = {alone[0], alone[1], article}
    found = {(finding.kind, finding.product, finding.where) for finding in storm.differences() if finding.product in spoiled}
    # The pipeline may have begun to take the deleted one off sale while the comparison reads.
    follows = {(LOST, alone[1], "the shop"), (LOST, alone[1], "the storefront")}
    seen = {(STALE, key, where) for key in (alone[0], article) for where in ("the shop", "the storefront")}
    assert found - follows == {*seen, (LOST, alone[1], "the PIM")}


def spoil_a_price(shop: Shop, key: str, sku: str) -> None:
    query = {"external_id": key, "fields": "id,variants.id,variants.sku,variants.prices.id,variants.prices.currency_code"}
    (product,) = call("GET", f"{shop.url}/admin/products", headers=shop.admin, query=query)["products"]
    (variant,) = (variant for variant in product["variants"] if variant["sku"] == sku)
    prices = [{"id": price["id"], "currency_code": price["currency_code"], "amount": 9999.99} for price in variant["prices"]]
    call("POST", f"{shop.url}/admin/products/{product['id']}/variants/{variant['id']}", headers=shop.admin, body={"prices": prices})
