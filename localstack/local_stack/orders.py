"""Real orders: a customer buys in each region, the shop fulfils, and the stock is right when the same feed has been sent again.

Afterwards the customer sends the goods back, so that the next demonstration finds the shop as this one did.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from local_stack import shop
from local_stack.http import HttpError, call
from local_stack.report import Report
from local_stack.shopfront import ALL_VARIANTS_UP_TO
from local_stack.stack import Stack

ADDRESSES = {
    "SAR": {"address_1": "King Fahd Road 1", "city": "Riyadh", "postal_code": "12211", "country_code": "sa"},
    "USD": {"address_1": "1 Main Street", "city": "Springfield", "postal_code": "62701", "country_code": "us"},
}


@dataclass
class Bought:
    """One order of one piece, and the variant's stock (stocked, reserved) at each step."""

    product: str
    sku: str
    currency: str
    number: int = 0
    id: str = ""
    item: str = ""
    total: str = ""
    stock: dict[str, tuple[int, int]] = field(default_factory=dict)
    problem: str = ""

    @property
    def ok(self) -> bool:
        return bool(self.id) and not self.problem

    def __str__(self) -> str:
        if self.problem:
            return f"{self.product}: the order of {self.sku} in {self.currency}: {self.problem}"
        stocked = {step: stocked for step, (stocked, _) in self.stock.items()}
        return (
            f"Order {self.number} over {self.currency} {self.total} ({self.sku}, with delivery and VAT) was completed and fulfilled: "
            f"stock {stocked['before']} → {stocked['fulfilled']}, {stocked['again']} after the same feed again, {stocked['returned']} after its return."
        )

    def as_json(self) -> dict[str, Any]:
        stock = {step: {"stocked": stocked, "reserved": reserved} for step, (stocked, reserved) in self.stock.items()}
        return {"product": self.product, "sku": self.sku, "currency": self.currency, "order": self.number, "total": self.total,
                "stock": stock, "ok": self.ok, "problem": self.problem}  # fmt: skip


def chosen(report: Report) -> list[Bought]:
    """What to buy: in each currency one piece of the variant with the most pieces left; nothing in a feed of many products."""
    left = {
        (row.key, row.shown.skus.get(variant["sku"], variant["sku"])): (variant["stock"], {price["currency"] for price in variant["prices"]})
        for row in report.rows
        if row.verdict == "yes"
        for variant in row.document["variants"]
    }
    if sum(len(row.document["variants"]) for row in report.rows) > ALL_VARIANTS_UP_TO:
        return []
    picked = []
    for currency in ADDRESSES:
        sold = [(stock, name) for name, (stock, currencies) in left.items() if stock > 0 and currency in currencies]
        if sold:
            stock, (product, sku) = max(sold)
            left[product, sku] = (stock - 1, left[product, sku][1])
            picked.append(Bought(product, sku, currency))
    return picked


@contextmanager
def told(order: Bought) -> Iterator[None]:
    """What the shop refuses is the order's problem, and nobody else's."""
    try:
        yield
    except HttpError as refused:
        order.problem = order.problem or str(refused)


class Shop:
    """One stack's shop as its customers and its clerks use it."""

    def __init__(self, stack: Stack) -> None:
        self.url, self.facts = stack.url("medusa"), stack.facts
        self.clerk = shop.log_in(self.url, self.facts.email, self.facts.password)
        shop.deliver(self.url, self.clerk, self.facts.stock_location_id)

    def prove(self, report: Report, send_again: Callable[[], Any]) -> list[Bought]:
        """Buys, fulfils, has the same feed sent again, looks at the stock, and takes the goods back."""
        orders = chosen(report)
        pieces: dict[str, int] = {}
        for order in orders:
            with told(order):
                order.stock["before"] = self.level(order.sku)
                self.buy(order)
                self.expect(order, "placed", order.stock["before"], taken=0, reserved=1)
                self.fulfil(order)
                self.expect(order, "fulfilled", order.stock["before"], taken=1, reserved=0)
        if any(order.ok for order in orders):
            before = {order.sku: self.level(order.sku) for order in orders}
            send_again()
            for order in filter(lambda order: order.ok, orders):
                with told(order):
                    self.expect(order, "again", before[order.sku], taken=0, reserved=0)
            for order in filter(lambda order: order.id, orders):
                with told(order):
                    pieces[order.sku] = pieces.get(order.sku, 0) + 1
                    self.take_back(order)
                    self.expect(order, "returned", before[order.sku], taken=-pieces[order.sku], reserved=0)
        return orders

    def level(self, sku: str) -> tuple[int, int]:
        """Pieces at the location, and how many of them are reserved."""
        fields = "location_levels.location_id,location_levels.stocked_quantity,location_levels.reserved_quantity"
        item = self._admin("GET", "inventory-items", query={"sku[]": sku, "fields": fields})["inventory_items"][0]
        own = next(level for level in item["location_levels"] if level["location_id"] == self.facts.stock_location_id)
        return own["stocked_quantity"], own["reserved_quantity"]

    def expect(self, order: Bought, step: str, start: tuple[int, int], *, taken: int, reserved: int) -> None:
        order.stock[step] = self.level(order.sku)
        due = (start[0] - taken, start[1] + reserved)
        if order.stock[step] != due and not order.problem:
            order.problem = f"{step}: (stocked, reserved) is {order.stock[step]} and should be {due}"

    def buy(self, order: Bought) -> None:
        """From the cart to the completed order, through the store API."""
        variant = self._admin("GET", "product-variants", query={"sku[]": order.sku, "fields": "id"})["variants"][0]["id"]
        person = {"first_name": "Sara", "last_name": "Haddad", **ADDRESSES[order.currency]}
        body = {"region_id": self.facts.regions[order.currency], "email": f"{uuid.uuid4()}@example.test", "shipping_address": person}
        cart = self._store("carts", {**body, "items": [{"variant_id": variant, "quantity": 1}]})["cart"]["id"]
        ways = call("GET", f"{self.url}/store/shipping-options", query={"cart_id": cart}, headers=self._customer)["shipping_options"]
        self._store(f"carts/{cart}/shipping-methods", {"option_id": ways[0]["id"]})
        payment = self._store("payment-collections", {"cart_id": cart})["payment_collection"]["id"]
        self._store(f"payment-collections/{payment}/payment-sessions", {"provider_id": "pp_system_default"})
        done = self._store(f"carts/{cart}/complete", {})
        if done["type"] != "order":
            order.problem = f"the cart could not be completed: {done.get('error', {}).get('message')}"
            return
        made = done["order"]
        order.id, order.number, order.item, order.total = made["id"], made["display_id"], made["items"][0]["id"], str(Decimal(str(made["total"])))

    def fulfil(self, order: Bought) -> None:
        """The piece leaves the shelf and is on its way."""
        items = [{"id": order.item, "quantity": 1}]
        path = f"orders/{order.id}/fulfillments"
        made = self._admin("POST", path, {"location_id": self.facts.stock_location_id, "items": items}, query={"fields": "fulfillments.id"})
        self._admin("POST", f"{path}/{made['order']['fulfillments'][0]['id']}/shipments", {"items": items})

    def take_back(self, order: Bought) -> None:
        """The customer sends the piece back, and it is on the shelf again."""
        items = {"items": [{"id": order.item, "quantity": 1}]}
        made = self._admin("POST", "returns", {"order_id": order.id, "location_id": self.facts.stock_location_id})["return"]["id"]
        for step, body in (("request-items", items), ("request", {}), ("receive", {}), ("receive-items", items), ("receive/confirm", {})):
            self._admin("POST", f"returns/{made}/{step}", body)

    @property
    def _customer(self) -> dict[str, str]:
        return {"x-publishable-api-key": self.facts.publishable_key}

    def _store(self, path: str, body: Any) -> Any:
        return call("POST", f"{self.url}/store/{path}", body=body, headers=self._customer)

    def _admin(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Any:
        return call(method, f"{self.url}/admin/{path}", body=body, query=query, headers=self.clerk)
