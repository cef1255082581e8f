"""The short run: forty products in a storm of half a minute. `make chaos` is the long one."""

from __future__ import annotations

import time

import pytest
from local_stack.http import call
from local_stack.paths import REPORTS

from chaos.compare import LOST, STALE
from chaos.conftest import SEED
from chaos.observe import Shop
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


def test_what_somebody_spoils_is_seen(report: Report) -> None:
    """The comparison reads real targets: a price changed behind the pipeline's back and a deleted object are named."""
    storm, shop = report.storm, Shop(report.storm.stack)
    for_sale = [key for key, wanted in storm.wanted().items() if wanted.for_sale]
    query = {"external_id": for_sale[0], "fields": "id,variants.id,variants.prices.id,variants.prices.currency_code"}
    (product,) = call("GET", f"{shop.url}/admin/products", headers=shop.admin, query=query)["products"]
    variant = product["variants"][0]
    prices = [{"id": price["id"], "currency_code": price["currency_code"], "amount": 9999.99} for price in variant["prices"]]
    call("POST", f"{shop.url}/admin/products/{product['id']}/variants/{variant['id']}", headers=shop.admin, body={"prices": prices})
    call_standin(storm.stack, "DELETE", f"objects?path=/catalog/products/{for_sale[1].replace(':', '-')}")
    found = {(finding.kind, finding.product, finding.where) for finding in storm.differences() if finding.product in for_sale[:2]}
    # The pipeline may have begun to take the deleted one off sale while the comparison reads.
    follows = {(STALE, for_sale[1], "the shop"), (STALE, for_sale[1], "the storefront")}
    assert found - follows == {
        (STALE, for_sale[0], "the shop"),
        (STALE, for_sale[0], "the storefront"),
        (LOST, for_sale[1], "the PIM"),
    }
