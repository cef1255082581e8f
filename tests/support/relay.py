"""A stack under test and what a test asks of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local_stack import demo, deploy, emulator, feed
from local_stack.feed import Upload
from local_stack.http import call
from local_stack.ledger import Ledger, ProductState, Run
from local_stack.paths import REPO
from local_stack.report import Report
from local_stack.shop import log_in
from local_stack.stack import Stack

from support.proxy import CountingProxy

# Longest time without progress. A message that failed comes back after 2 to 8 s.
PATIENCE = 150.0


def shared(path: str) -> Path:
    """Real data beside the repository. Absent: the test is skipped, loudly; in CI that is a failure."""
    file = REPO.parent / "shared" / path
    if not file.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{file} is missing")
        pytest.skip(f"NOT TESTED: {file} is missing")
    return file


@dataclass
class Relay:
    """A deployed stack with a proxy before its shop."""

    stack: Stack
    shop: CountingProxy

    def __post_init__(self) -> None:
        self.outputs = deploy.outputs(self.stack.place, self.stack.ports["aws"])
        self.bucket = self.outputs["FeedBucket"]
        self.ledger = Ledger(self.stack.ports["aws"], self.outputs["LedgerTable"])

    def client(self, name: str) -> Any:
        return emulator.client(self.stack.ports["aws"], name)

    def follow(self, file: Path) -> Report:
        """What `make demo` does with a feed."""
        return demo.follow(self.stack, file, "", PATIENCE)

    def upload(self, key: str, body: bytes) -> tuple[Upload, int]:
        """Puts an object; also returns since when (ms) its run can have started."""
        since = int(time.time() * 1000)
        return feed.put(self.stack, self.bucket, key, body), since

    def run_of(self, sent: tuple[Upload, int]) -> Run:
        """Waits for the end of an object's run."""
        return demo.wait_for_run(self.stack, self.ledger, sent[0], sent[1], PATIENCE)

    def rejected(self, run: Run) -> list[dict[str, Any]]:
        return demo.rejected(self.stack, self.bucket, run)

    def wait_until(self, what: str, condition: Callable[[], Any], within: float = PATIENCE) -> Any:
        """Waits for something to be so, and returns it."""
        deadline = time.monotonic() + within
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
            time.sleep(0.25)
        return found

    def wait_for_arrival(self, keys: Sequence[str], within: float = PATIENCE) -> list[ProductState]:
        """Waits until the ledger says that every product reached the shop."""

        if not keys:
            return []

        def done() -> list[ProductState] | None:
            states = self.ledger.states(keys)
            return states if all(state.medusa_id and not state.pending for state in states) else None

        found: list[ProductState] = self.wait_until(f"arrival of {', '.join(keys)}", done, within)
        return found

    def pim_counts(self) -> dict[str, int]:
        """What the PIM stand-in did since it started."""
        return dict(call("GET", f"{self.stack.url('pim')}/_standin/counters"))

    def pim_product(self, key: str, fields: str) -> dict[str, Any]:
        """A product as the PIM has it."""
        query = f"query($filter: String) {{ getCatalogProductListing(filter: $filter, published: false) {{ edges {{ node {{ {fields} }} }} }} }}"
        body = {"query": query, "variables": {"filter": json.dumps({"externalId": key})}}
        headers = {"X-API-Key": self.stack.place.pim_key.read_text()}
        answer = call("POST", f"{self.stack.url('pim')}/pimcore-graphql-webservices/catalog", body=body, headers=headers)
        assert "data" in answer, answer
        edges = answer["data"]["getCatalogProductListing"]["edges"]
        assert len(edges) == 1, f"{len(edges)} objects in the PIM for {key}: {answer}"
        return dict(edges[0]["node"])

    def shop_products(self, *keys: str) -> dict[str, dict[str, Any]]:
        """These products as the shop has them, by external id, with variants and their prices."""
        headers = log_in(self.stack.url("medusa"), self.stack.facts.email, self.stack.facts.password)
        query = {
            "external_id[]": keys,
            "limit": str(len(keys)),
            "fields": "*variants,*variants.prices,*categories,*images,*sales_channels,metadata,status,external_id,updated_at,title,handle",
        }
        found = call("GET", f"{self.stack.url('medusa')}/admin/products", headers=headers, query=query)["products"]
        return {product["external_id"]: product for product in found}


def prices_of(product: dict[str, Any]) -> dict[str, dict[str, tuple[str, str]]]:
    """Row id and amount of each price, by SKU and currency."""
    return {variant["sku"]: {price["currency_code"]: (price["id"], str(price["amount"])) for price in variant["prices"]} for variant in product["variants"]}
