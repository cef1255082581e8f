"""The shop as a customer meets it: what is shown, and what a cart comes to.

A product counts as purchasable when each of its variants that is in stock can be put into a cart in every region whose currency it has a
price in, and the cart's subtotal is that price and its total that price plus the region's VAT. One of several colours also goes into a cart
with a piece of each.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from local_stack.http import HttpError, call
from local_stack.stack import Stack

FIELDS = (
    "id,title,handle,external_id,status,metadata,variants.id,variants.sku,variants.title,variants.metadata,"
    "*variants.calculated_price,+variants.inventory_quantity"
)
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
    options: list[tuple[str, list[str]]] = field(default_factory=list)
    """Name and values of each choice, in the order in which the storefront should offer them."""
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

    def check(self, documents: dict[str, dict[str, Any]], members: dict[str, list[str]]) -> list[Shown]:
        """Looks up every product, by the document that it should match, and puts its variants into carts. `members` are those of an article
        that the document speaks of."""
        many = sum(len(document["variants"]) for document in documents.values()) > ALL_VARIANTS_UP_TO
        with ThreadPoolExecutor(CARTS_AT_ONCE) as pool:
            return list(pool.map(lambda pair: self._check(*pair, members[pair[0]], only_one=many), documents.items()))

    def _check(self, key: str, document: dict[str, Any], members: list[str], *, only_one: bool) -> Shown:
        shown = Shown(key, withdrawn=bool(document.get("withdrawn")))
        try:
            for currency in sorted({price["currency"] for variant in document["variants"] for price in variant["prices"]}):
                if currency not in self.facts.regions:
                    shown.problems.append(f"the shop sells nothing in {currency}")
                    continue
                self._check_region(shown, document, members, currency, only_one=only_one)
        except HttpError as problem:
            shown.problems.append(str(problem))
        return shown

    def _check_region(self, shown: Shown, document: dict[str, Any], members: list[str], currency: str, *, only_one: bool) -> None:
        product = self.product(shown.key, currency)
        if not product:
            if not shown.withdrawn:
                shown.problems.append("the shop does not show it")
            return
        shown.medusa_id = product["id"]
        shown.options = [(option["title"], option["values"]) for option in (product.get("metadata") or {}).get("relay_options", [])]
        shown.titles.setdefault("en", product["title"])
        if "ar" not in shown.titles:
            arabic = self.product(shown.key, currency, "ar-SA")
            shown.titles["ar"] = arabic["title"] if arabic else ""
        wanted = {variant["sku"]: variant for variant in document["variants"]}
        sold = {variant["member"] for variant in wanted.values() if "member" in variant} or set(members)
        offered = {said(variant["sku"], wanted): variant for variant in product["variants"] if member_of(variant) in (None, *sold)}
        shown.skus = {sku: variant["sku"] for sku, variant in offered.items()}
        if offered.keys() != wanted.keys():
            shown.problems.append(f"variants in the shop: {', '.join(sorted(offered)) or 'none'}; in the feed: {', '.join(sorted(wanted))}")
        shown.stock = sum(variant.get("inventory_quantity") or 0 for variant in offered.values())
        in_stock = [variant for sku, variant in wanted.items() if sku in offered and variant["stock"] > 0]
        shown.sold_out = not in_stock
        for together in fillings(list(_priced(in_stock, currency)), only_one=only_one):
            pieces = [(offered[variant["sku"]], price) for variant, price in together]
            shown.carts.append(self._cart(shown, pieces, currency))

    def _cart(self, shown: Shown, pieces: list[tuple[dict[str, Any], Decimal]], currency: str) -> dict[str, Any]:
        """Puts one of each into a new cart and compares what it comes to."""
        sku = " + ".join(offered["sku"] for offered, _ in pieces)
        price = sum((price for _, price in pieces), Decimal(0))
        proof: dict[str, Any] = {"sku": sku, "currency": currency, "price": str(price)}
        try:
            cart = self._store("POST", "carts", body={"region_id": self.facts.regions[currency]})["cart"]
            for offered, _ in pieces:
                cart = self._store("POST", f"carts/{cart['id']}/line-items", body={"variant_id": offered["id"], "quantity": 1})["cart"]
        except HttpError as refused:
            shown.problems.append(f"{sku} cannot be put into a cart in {currency}: {refused}")
            return {**proof, "ok": False}
        subtotal, total = Decimal(str(cart["item_subtotal"])), Decimal(str(cart["total"]))
        due = price * (100 + self.facts.tax_percent[currency]) / 100
        ok = subtotal == price and total == due
        if not ok:
            shown.problems.append(f"{sku} in {currency}: cart comes to {subtotal} and {total} with VAT, expected {price} and {due.normalize()}")
        return {**proof, "subtotal": str(subtotal), "total": str(total), "ok": ok}


def member_of(variant: dict[str, Any]) -> str | None:
    """The member of an article that a variant is of."""
    member: str | None = (variant.get("metadata") or {}).get("relay_member")
    return member


def said(sku: str, wanted: Container[str]) -> str:
    """The SKU that the feed has, of one in the shop: where another product has it there, this one's ends with digits of its own."""
    plain = sku.rpartition("~")[0]
    return plain if sku not in wanted and plain in wanted else sku


def _priced(variants: list[dict[str, Any]], currency: str) -> Iterator[tuple[dict[str, Any], Decimal]]:
    for variant in variants:
        for price in variant["prices"]:
            if price["currency"] == currency:
                yield variant, Decimal(price["amount"])


def fillings(priced: list[tuple[dict[str, Any], Decimal]], *, only_one: bool) -> Iterator[list[tuple[dict[str, Any], Decimal]]]:
    """What goes into a cart: each variant by itself, then one of each member of an article."""
    yield from ([piece] for piece in (priced[:1] if only_one else priced))
    first = {variant.get("member"): (variant, price) for variant, price in reversed(priced)}
    if len(first) > 1:
        yield list(reversed(first.values()))
