"""The shop as a customer meets it: what is shown, and what a cart comes to.

A product counts as purchasable when each of its variants that is in stock can be put into a cart in every region whose currency it has a
price in, and the cart's subtotal is that price and its total that price plus the region's VAT.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from local_stack.http import HttpError, call
from local_stack.stack import Stack

FIELDS = "id,title,handle,external_id,status,variants.id,variants.sku,variants.title,*variants.calculated_price,+variants.inventory_quantity"
# In a feed of many products, carts for every variant would take longer than the pipeline itself: then one variant of each has to do.
ALL_VARIANTS_UP_TO = 80
CARTS_AT_ONCE = 4


@dataclass
class Shown:
    """A product as the shop and its carts show it."""

    key: str
    medusa_id: str = ""
    titles: dict[str, str] = field(default_factory=dict)
    stock: int = 0
    carts: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    skus: dict[str, str] = field(default_factory=dict)
    """Those in the shop, by those of the feed."""
    sold_out: bool = False
    withdrawn: bool = False

    @property
    def purchasable(self) -> bool:
        return bool(self.carts) and not self.problems


class Shopfront:
    """A customer's view of one stack's shop."""

    def __init__(self, stack: Stack) -> None:
        self.url, self.facts = stack.url("medusa"), stack.facts
        self.headers = {"x-publishable-api-key": self.facts.publishable_key}

    def _store(self, method: str, path: str, *, body: Any = None, query: dict[str, str] | None = None) -> Any:
        return call(method, f"{self.url}/store/{path}", body=body, query=query, headers=self.headers)

    def product(self, key: str, currency: str, locale: str | None = None) -> dict[str, Any] | None:
        """A published product of the web shop, priced for a region."""
        query = {"external_id": key, "region_id": self.facts.regions[currency], "fields": FIELDS, "limit": "2"}
        if locale:
            query["locale"] = locale
        found = self._store("GET", "products", query=query)["products"]
        return found[0] if found else None

    def check(self, documents: dict[str, dict[str, Any]]) -> list[Shown]:
        """Looks up every product, by the document that it should match, and puts its variants into carts."""
        many = sum(len(document["variants"]) for document in documents.values()) > ALL_VARIANTS_UP_TO
        with ThreadPoolExecutor(CARTS_AT_ONCE) as pool:
            return list(pool.map(lambda pair: self._check(*pair, only_one=many), documents.items()))

    def _check(self, key: str, document: dict[str, Any], *, only_one: bool) -> Shown:
        shown = Shown(key, withdrawn=bool(document.get("withdrawn")))
        try:
            for currency in sorted({price["currency"] for variant in document["variants"] for price in variant["prices"]}):
                if currency not in self.facts.regions:
                    shown.problems.append(f"the shop sells nothing in {currency}")
                    continue
                self._check_region(shown, document, currency, only_one=only_one)
        except HttpError as problem:
            shown.problems.append(str(problem))
        return shown

    def _check_region(self, shown: Shown, document: dict[str, Any], currency: str, *, only_one: bool) -> None:
        product = self.product(shown.key, currency)
        if not product:
            if not shown.withdrawn:
                shown.problems.append("the shop does not show it")
            return
        shown.medusa_id = product["id"]
        shown.titles.setdefault("en", product["title"])
        if "ar" not in shown.titles:
            arabic = self.product(shown.key, currency, "ar-SA")
            shown.titles["ar"] = arabic["title"] if arabic else ""
        wanted = {variant["sku"]: variant for variant in document["variants"]}
        offered = {said(variant["sku"], wanted): variant for variant in product["variants"]}
        shown.skus = {sku: variant["sku"] for sku, variant in offered.items()}
        if offered.keys() != wanted.keys():
            shown.problems.append(f"variants in the shop: {', '.join(sorted(offered)) or 'none'}; in the feed: {', '.join(sorted(wanted))}")
        shown.stock = sum(variant.get("inventory_quantity") or 0 for variant in offered.values())
        in_stock = [variant for sku, variant in wanted.items() if sku in offered and variant["stock"] > 0]
        shown.sold_out = not in_stock
        for variant, price in _priced(in_stock[:1] if only_one else in_stock, currency):
            shown.carts.append(self._cart(shown, offered[variant["sku"]], price, currency))

    def _cart(self, shown: Shown, offered: dict[str, Any], price: Decimal, currency: str) -> dict[str, Any]:
        """Puts one piece into a new cart and compares what it comes to."""
        sku = offered["sku"]
        proof: dict[str, Any] = {"sku": sku, "currency": currency, "price": str(price)}
        try:
            cart = self._store("POST", "carts", body={"region_id": self.facts.regions[currency]})["cart"]["id"]
            cart = self._store("POST", f"carts/{cart}/line-items", body={"variant_id": offered["id"], "quantity": 1})["cart"]
        except HttpError as refused:
            shown.problems.append(f"{sku} cannot be put into a cart in {currency}: {refused}")
            return {**proof, "ok": False}
        subtotal, total = Decimal(str(cart["item_subtotal"])), Decimal(str(cart["total"]))
        due = price * (100 + self.facts.tax_percent[currency]) / 100
        ok = subtotal == price and total == due
        if not ok:
            shown.problems.append(f"{sku} in {currency}: cart comes to {subtotal} and {total} with VAT, expected {price} and {due.normalize()}")
        return {**proof, "subtotal": str(subtotal), "total": str(total), "ok": ok}


def said(sku: str, wanted: Container[str]) -> str:
    """The SKU that the feed has, of one in the shop: where another product has it there, this one's ends with digits of its own."""
    plain = sku.rpartition("~")[0]
    return plain if sku not in wanted and plain in wanted else sku


def _priced(variants: list[dict[str, Any]], currency: str) -> Iterator[tuple[dict[str, Any], Decimal]]:
    for variant in variants:
        for price in variant["prices"]:
            if price["currency"] == currency:
                yield variant, Decimal(price["amount"])
