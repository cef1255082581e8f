"""An article on the deployed stack: its colours come in feeds of their own and go their own ways, and the storefront shows one product all along."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from local_stack.http import HttpError, call
from local_stack.shopfront import Shopfront
from support.operator import Operator
from support.relay import Relay
from support.site import Site, feed, key_of, new_id, path_of, product

PRICES = {"Black": "20.00", "Red": "25.00", "White": "30.00"}
SIZES = ("S", "M")


@dataclass
class Article:
    """Three products of one group, by their colours."""

    site: Site
    group: str = field(default_factory=lambda: new_id("dress"))
    delivered: int = 0

    @property
    def key(self) -> str:
        return f"canonical~article:{self.group}"

    def member(self, colour: str) -> str:
        return f"{self.group}-{colour.lower()}"

    def deliver(self, colour: str, **changes: Any) -> None:
        """A feed with this colour alone, until it has arrived."""
        price = {"currency": "SAR", "amount": PRICES[colour]}
        variants = [{"sku": f"{self.member(colour)}-{size}", "title": size, "options": [size], "prices": [price], "stock": 3} for size in SIZES]
        said = product(
            self.member(colour),
            group=self.group,
            name={"en": f"Maxi dress {self.group}, {colour}"},
            attributes=[{"code": "color", "name": {"en": "Color"}, "values": [{"en": colour}]}],
            options=[{"name": {"en": "Size"}}],
            variants=variants,
        )
        self.delivered += 1
        self.site.next_second()
        self.site.run_of(self.site.upload(f"{self.group}-{self.delivered}.json", feed(said | changes)))
        self.site.relay.wait_for_arrival([key_of(self.member(colour))])

    def edit(self, colour: str, **fields: Any) -> None:
        """A person's save in the PIM; then the schedule comes round."""
        self.site.pim_edit(path_of(self.member(colour)), **fields)
        answer = self.site.relay.client("lambda").invoke(FunctionName=f"{self.site.relay.stack.place.cfn}-pimcore-sync", Payload=b'{"action": "changes"}')
        assert "FunctionError" not in answer

    def shown(self) -> dict[str, Any]:
        found = Shopfront(self.site.relay.stack).product(self.key, "SAR")
        assert found, "the storefront does not show it"
        return found

    def on_sale(self) -> dict[str, int]:
        """Pieces by colour, as the storefront offers them."""
        pieces: dict[str, int] = {}
        for variant in self.shown()["variants"]:
            if variant["calculated_price"]:
                colour = variant["sku"].removeprefix(f"{self.group}-").partition("-")[0].title()
                pieces[colour] = pieces.get(colour, 0) + (variant["inventory_quantity"] or 0)
        return {colour: number for colour, number in pieces.items() if number}

    def cart(self, *colours: str) -> Decimal:
        """What a cart with a piece of each comes to, before VAT."""
        relay = self.site.relay
        url, headers = relay.stack.url("medusa"), {"x-publishable-api-key": relay.stack.facts.publishable_key}
        variants = {variant["sku"]: variant["id"] for variant in self.shown()["variants"]}
        cart = call("POST", f"{url}/store/carts", body={"region_id": relay.stack.facts.regions["SAR"]}, headers=headers)["cart"]
        for colour in colours:
            body = {"variant_id": variants[f"{self.member(colour)}-M"], "quantity": 1}
            cart = call("POST", f"{url}/store/carts/{cart['id']}/line-items", body=body, headers=headers)["cart"]
        return Decimal(str(cart["item_subtotal"]))


class Customer(threading.Thread):
    """Looks at the storefront again and again: which products it shows of the article and of its members."""

    def __init__(self, article: Article) -> None:
        super().__init__(daemon=True)
        self.article, self.ended = article, threading.Event()
        self.seen: set[tuple[tuple[str, str], ...]] = set()
        self.looks = 0

    def run(self) -> None:
        stack = self.article.site.relay.stack
        keys = [self.article.key, *(key_of(self.article.member(colour)) for colour in PRICES)]
        query = {"external_id[]": keys, "fields": "id,external_id,handle"}
        headers = {"x-publishable-api-key": stack.facts.publishable_key}
        while not self.ended.wait(0.2):
            products = call("GET", f"{stack.url('medusa')}/store/products", query=query, headers=headers)["products"]
            self.seen.add(tuple(sorted((product["external_id"], product["id"]) for product in products)))
            self.looks += 1

    def __enter__(self) -> Customer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()


@pytest.fixture
def article(relay: Relay) -> Article:
    return Article(Site(relay, Operator(relay.stack)))


def test_three_colours_come_go_and_return_while_the_storefront_shows_one_product(relay: Relay, article: Article) -> None:
    for n, colour in enumerate(PRICES):
        article.deliver(colour)
        assert article.on_sale() == dict.fromkeys(list(PRICES)[: n + 1], 6)
    first = article.shown()
    assert first["title"] == f"Maxi dress {article.group}"
    assert first["metadata"]["relay_options"] == [{"title": "Color", "values": list(PRICES)}, {"title": "Size", "values": list(SIZES)}]
    assert article.cart(*PRICES) == Decimal(75)

    with Customer(article) as customer:
        article.edit("Red", shopVisibility="hide")
        relay.wait_until("the hidden colour is sold out", lambda: article.on_sale() == {"Black": 6, "White": 6})
        with pytest.raises(HttpError):
            article.cart("Red")
        assert article.cart("Black", "White") == Decimal(50)

        article.deliver("White", withdrawn=True)
        assert article.on_sale() == {"Black": 6}

        article.edit("Red", shopVisibility="inherit")
        relay.wait_until("the colour is back", lambda: article.on_sale() == {"Black": 6, "Red": 6})
        article.deliver("White")
        assert article.on_sale() == dict.fromkeys(PRICES, 6)
        assert article.cart(*PRICES) == Decimal(75)

    assert customer.seen == {((article.key, first["id"]),)}, "one product, the same one"
    assert customer.looks > 10
    last = article.shown()
    assert last["handle"] == first["handle"]
    assert {variant["sku"]: variant["id"] for variant in last["variants"]} == {variant["sku"]: variant["id"] for variant in first["variants"]}
    story = article.site.operator.trace(article.key)
    story.names("3 members", *(key_of(article.member(colour)) for colour in PRICES))


def test_a_colour_that_was_a_product_by_itself_is_taken_over_with_its_stock(relay: Relay, article: Article) -> None:
    """Until its source says its group."""
    article.deliver("Black", group=None)
    alone = relay.shop_products(key_of(article.member("Black")))[key_of(article.member("Black"))]
    assert alone["external_id"] == key_of(article.member("Black"))
    article.deliver("Red")
    article.deliver("Black")
    assert article.on_sale() == {"Black": 6, "Red": 6}
    assert article.cart("Black", "Red") == Decimal(45)
    assert Shopfront(relay.stack).product(key_of(article.member("Black")), "SAR") is None
