"""The comparison can fail: every kind of difference, planted, is reported, and with its product and field."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from chaos.articles import CANONICAL, SHEIN, SOURCES, Article, Price, Variant, Workshop
from chaos.compare import DUPLICATED, LOST, STALE, PimProduct, ShopProduct, Shown, compare, counts
from chaos.observe import Shop, _twice
from chaos.offers import Row, Wanted
from chaos.parts import DOLLARS, STOCK, assembled
from chaos.plan import FULL, SHORT, plan_of


def article_of(source: str = SHEIN) -> Article:
    return Workshop(Random(5), "c0x").new(source)


class World:
    """A PIM and a shop that hold what they should, to plant differences in."""

    def __init__(self, *wanted: Wanted) -> None:
        self.wanted = {one.article.key: one for one in wanted}
        self.pim = [pim_of(one) for one in wanted]
        self.shop = [shop_of(one) for one in wanted]
        self.shown = {one.article.key: shown_of(one) for one in wanted if one.for_sale}

    def findings(self) -> list[tuple[str, str, str]]:
        return [(finding.kind, finding.where, finding.what) for finding in compare(self.wanted, self.pim, self.shop, self.shown)]


def rows_of(article: Article) -> dict[str, Row]:
    return {
        variant.sku: Row(
            variant.title,
            tuple(zip(article.axes, variant.choice, strict=True)),
            tuple((currency, price.amount) for currency, price in variant.prices),
            tuple((currency, price.before) for currency, price in variant.prices if price.before),
            variant.stock,
        )
        for variant in article.variants
    }


def pim_of(wanted: Wanted) -> PimProduct:
    article = wanted.article
    fields = {
        "withdrawn": article.withdrawn,
        "name": dict(article.titles),
        "description": {"en": article.description},
        "brand": article.brand,
        "sku": article.number,
        "group": article.group,
        "images": list(article.images),
        "categories": [f"{article.source}:{article.categories[-1][0]}"],
        "marketingName": dict(wanted.people.get("marketingName") or {}),
        "shopVisibility": wanted.people.get("shopVisibility", "inherit"),
    }
    return PimProduct(article.key, wanted.published, fields, rows_of(article))


def shop_of(wanted: Wanted) -> ShopProduct:
    article = wanted.article
    options = {axis: sorted({variant.choice[at] for variant in article.variants}) for at, axis in enumerate(article.axes)}
    fields = {
        "title": wanted.title("en"),
        "description": article.description,
        "images": list(article.images),
        "thumbnail": article.images[0],
        "categories": [f"{article.source}:{article.categories[-1][0]}"],
        "options": options or {"Option": ["Default"]},
        "brand": article.brand,
        "sku": article.number,
        "members": None,
        "moved to": None,
    }
    return ShopProduct(article.key, "published" if wanted.for_sale else "draft", fields, rows_of(article))


def shown_of(wanted: Wanted) -> Shown:
    titles = {"en-US": wanted.title("en") or "", "ar-SA": wanted.title("ar") or wanted.title("en") or ""}
    prices = {(variant.sku, currency): price.amount for variant in wanted.article.variants for currency, price in variant.prices}
    return Shown(titles, prices, {variant.sku: variant.stock for variant in wanted.article.variants})


HOME = "canonical~article:g"


def colour(number: int, name: str, sizes: str, people: dict[str, Any] | None = None, **other: Any) -> Wanted:
    """A member of a group with one price, by hand: what is expected of several is written here in full."""
    price = (("SAR", Price(Decimal(number))),)
    variants = tuple(Variant(f"{number}-{size}", (size,), price, number) for size in sizes)
    said = {"axes": ("Size",), "variants": variants} | other
    article = Article(
        CANONICAL, str(number), (("en", "Dress"), ("ar", "فستان")), f"d{number}", "b", f"n{number}", (("1", "One", ""),), images=(f"i{number}",),
        group="g", colour=(name, f"{name} ar"), **said,
    )  # fmt: skip
    return Wanted(article, people or {}, homes=frozenset({HOME}))


class Grouped(World):
    """A black and a red dress, as one product of the shop; the old product of the black one is still there."""

    def __init__(self) -> None:
        super().__init__(colour(1, "Black", "SM"), colour(2, "Red", "MX"))
        fields = {
            "title": "Dress", "description": "d1", "images": ["i1", "i2"], "thumbnail": "i1", "categories": ["canonical:1"],
            "options": {"Color": ["Black", "Red"], "Size": ["M", "S", "X"]}, "order": [("Color", ["Black", "Red"]), ("Size", ["S", "M", "X"])],
            "brand": "b", "sku": "n1", "members": ["canonical:1", "canonical:2"], "moved to": None,
        }  # fmt: skip
        rows = {
            f"{number}-{size}": Row(
                f"{name} / {size}", (("Color", name), ("Size", size)), (("SAR", Decimal(number)),), (), number, f"canonical:{number}", (f"i{number}",)
            )
            for number, name, sizes in ((1, "Black", "SM"), (2, "Red", "MX"))
            for size in sizes
        }
        self.shop = [ShopProduct(HOME, "published", fields, rows), ShopProduct("canonical:1", "draft", {"moved to": HOME}, {})]
        titles = {"en-US": "Dress", "ar-SA": "فستان"}
        prices = {(sku, "SAR"): row.prices[0][1] for sku, row in rows.items()}
        self.shown = {HOME: Shown(titles, prices, {sku: row.stock for sku, row in rows.items()})}

    def findings(self) -> list[tuple[str, str, str]]:
        found = compare(self.wanted, self.pim, self.shop, self.shown, grouped=True)
        return [(finding.kind, finding.product, finding.where) for finding in found]

    def say(self, *wanted: Wanted) -> None:
        """Something else is wanted than what is there."""
        self.wanted |= {one.article.key: one for one in wanted}
        self.pim = [pim_of(one) for one in self.wanted.values() if not one.deleted]


def with_first_row(product: Any, **changes: Any) -> Any:
    sku = next(iter(product.variants))
    return replace(product, variants={**product.variants, sku: replace(product.variants[sku], **changes)})


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("people", [{}, {"published": False}, {"shopVisibility": "hide"}, {"marketingName": {"en": "People's choice"}}])
def test_nothing_is_found_where_nothing_differs(source: str, people: dict[str, Any]) -> None:
    assert World(Wanted(article_of(source), people)).findings() == []


def test_a_lost_product_is_found_in_each_place() -> None:
    world = World(Wanted(article_of()))
    world.pim, world.shop, world.shown = [], [], {}
    assert [(kind, where) for kind, where, _ in world.findings()] == [(LOST, "the PIM"), (LOST, "the shop"), (LOST, "the storefront")]


def test_a_product_that_is_not_for_sale_is_lost_and_one_that_should_not_be_is_stale() -> None:
    world = World(Wanted(article_of()))
    world.shop = [replace(world.shop[0], status="draft")]
    assert [kind for kind, _, _ in world.findings()] == [LOST]
    hidden = World(Wanted(article_of(), {"published": False}))
    hidden.shop = [replace(hidden.shop[0], status="published")]
    hidden.shown = {hidden.shop[0].key: shown_of(Wanted(article_of()))}
    hidden.pim = [replace(hidden.pim[0], published=True)]
    assert [kind for kind, _, _ in hidden.findings()] == [STALE, STALE, STALE]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prices", (("SAR", Decimal("1.00")),)),
        ("stock", 51),
        ("title", "XS of before"),
        ("choice", (("Size", "7XL"),)),
        ("before", (("SAR", Decimal("9.99")),)),
    ],
)
@pytest.mark.parametrize("where", ["the PIM", "the shop"])
def test_a_stale_row_is_found(where: str, field: str, value: Any) -> None:
    world = World(Wanted(article_of()))
    if where == "the PIM":
        world.pim = [with_first_row(world.pim[0], **{field: value})]
    else:
        world.shop = [with_first_row(world.shop[0], **{field: value})]
    ((kind, place, what),) = world.findings()
    assert (kind, place) == (STALE, where)
    assert field in what


@pytest.mark.parametrize("field", ["name", "description", "brand", "sku", "images", "categories", "marketingName", "shopVisibility", "withdrawn"])
def test_a_stale_field_of_the_pim_is_found(field: str) -> None:
    world = World(Wanted(article_of()))
    world.pim = [replace(world.pim[0], fields={**world.pim[0].fields, field: "of before"})]
    assert [(kind, where) for kind, where, _ in world.findings()] == [(STALE, "the PIM")]


@pytest.mark.parametrize("field", ["title", "description", "images", "thumbnail", "categories", "options", "brand", "sku"])
def test_a_stale_field_of_the_shop_is_found(field: str) -> None:
    world = World(Wanted(article_of()))
    world.shop = [replace(world.shop[0], fields={**world.shop[0].fields, field: "of before"})]
    assert [(kind, where) for kind, where, _ in world.findings()] == [(STALE, "the shop")]


@pytest.mark.parametrize("change", [{"titles": {"en-US": "x", "ar-SA": "y"}}, {"prices": {}}, {"stock": {}}])
def test_what_customers_see_differently_is_found(change: dict[str, Any]) -> None:
    world = World(Wanted(article_of()))
    key = world.shop[0].key
    world.shown = {key: replace(world.shown[key], **change)}
    assert [(kind, where) for kind, where, _ in world.findings()] == [(STALE, "the storefront")]


def test_variants_that_came_late_or_stayed_too_long_are_found() -> None:
    article = article_of(CANONICAL)
    world = World(Wanted(article))
    *rest, (_, last) = world.shop[0].variants.items()
    world.shop = [replace(world.shop[0], variants={**dict(rest), "OLD": last})]
    assert {what for _, _, what in world.findings()} == {"variant OLD should not be there", f"variant {article.variants[-1].sku} is missing"}


def test_whatever_is_there_twice_is_found() -> None:
    world = World(Wanted(article_of()))
    world.pim *= 2
    world.shop.append(replace(world.shop[0], repeated=("price A sar is there 2 times",)))
    found = Counter(kind for kind, _, _ in world.findings())
    assert found == {DUPLICATED: 3}
    assert _twice("image", ["a", "b", "a"]) == ["image a is there 2 times"]


def test_what_nobody_asked_for_is_found() -> None:
    world = World(Wanted(article_of()))
    world.wanted = {}
    assert {(kind, where) for kind, where, _ in world.findings()} == {(DUPLICATED, "the PIM"), (DUPLICATED, "the shop")}


def test_what_was_withdrawn_before_it_was_seen_need_not_be_there() -> None:
    world = World(Wanted(replace(article_of(), withdrawn=True)))
    world.pim, world.shop = [], []
    assert world.findings() == []


def test_what_a_person_deleted_is_away() -> None:
    deleted = Wanted(article_of(), deleted=True)
    assert [(kind, where) for kind, where, _ in World(deleted).findings()] == [(STALE, "the PIM")], "made again"
    assert World(replace(deleted, perhaps=True)).findings() == [], "the ledger did not know that the PIM had it"
    world = World(deleted)
    world.pim = []
    assert [(kind, where) for kind, where, _ in world.findings()] == [(STALE, "the shop"), (STALE, "the storefront")]
    world.shop, world.shown = [replace(world.shop[0], status="draft")], {}
    assert world.findings() == []


def test_a_variant_that_is_kept_sold_out_is_no_difference_and_one_that_is_for_sale_is() -> None:
    shop = Shop.__new__(Shop)
    shop.facts = SimpleNamespace(stock_location_id="sloc_1")

    def variant(sku: str, size: str, stock: int, metadata: dict[str, Any]) -> dict[str, Any]:
        level = {"location_id": "sloc_1", "stocked_quantity": stock}
        option = {"value": size, "option": {"title": "Size"}}
        items = [{"inventory": {"location_levels": [level]}}]
        return {"sku": sku, "title": size, "prices": [], "inventory_items": items, "options": [option], "metadata": metadata}

    def found(stock: int) -> ShopProduct:
        variants = [variant("a", "S", 3, {}), variant("b", "M", stock, {"relay_gone": {"since": "2026-01-01T00:00:00Z"}})]
        options = [{"title": "Size", "values": [{"value": "S"}, {"value": "M"}]}]
        rest = dict.fromkeys(("title", "description", "thumbnail", "metadata", "categories", "status"))
        return shop._product({**rest, "external_id": "shein-api:1", "images": [], "variants": variants, "options": options})

    assert (list(found(0).variants), found(0).fields["options"]) == (["a"], {"Size": ["S"]})
    assert (list(found(1).variants), found(1).fields["options"]) == (["a", "b"], {"Size": ["M", "S"]})


def test_counts_are_products_not_fields() -> None:
    world = World(Wanted(article_of()))
    world.pim = [replace(world.pim[0], fields={**world.pim[0].fields, "brand": "x", "sku": "y"})]
    assert counts(compare(world.wanted, world.pim, world.shop, world.shown)) == {"lost": 0, "stale": 1, "duplicated": 0, "stuck": 0, "dead": 0}


def test_of_a_product_in_parts_each_field_is_its_own_parts_newest() -> None:
    article = Workshop(Random(5), "p0x").new(CANONICAL)
    first, *others = article.variants
    made = assembled(article, {(STOCK, first.sku): "77", (DOLLARS, first.sku): "12.50", (STOCK, "another"): "1"})
    assert (made.variants[0].stock, dict(made.variants[0].prices)["USD"], made.variants[1:]) == (77, Price(Decimal("12.50")), tuple(others))
    assert dict(made.variants[0].prices)["SAR"] == dict(first.prices)["SAR"]
    # What only a line can say: planted otherwise, it is seen.
    world = World(Wanted(made))
    assert world.findings() == []
    world.pim[0] = pim_of(Wanted(article))
    assert {where for _, where, _ in world.findings()} == {"the PIM"}


@pytest.mark.parametrize("seed", range(5))
def test_in_parts_every_product_has_three(seed: int) -> None:
    plan = plan_of(seed, SHORT, in_parts=True)
    assert plan == plan_of(seed, SHORT, in_parts=True)
    skus = {variant.sku for feed in plan.feeds for article in feed.records for variant in article.variants}
    for part in (STOCK, DOLLARS):
        said = Counter(line.sku for feed in plan.feeds for line in feed.lines if line.part == part)
        # Of most variants, more than once, in files of their own.
        assert len(said.keys() & skus) > len(skus) * 0.7
        assert max(said.values()) > 2
    late = [delivery.feed for delivery in plan.deliveries]
    assert late != sorted(late)


def test_a_seed_is_repeated_exactly_and_another_one_is_not() -> None:
    assert plan_of(11, FULL) == plan_of(11, FULL)
    assert plan_of(11, FULL).feeds != plan_of(12, FULL).feeds


@pytest.mark.parametrize("size", [SHORT, FULL])
@pytest.mark.parametrize("seed", range(5))
def test_a_plan_has_everything_that_can_go_wrong(seed: int, size: Any) -> None:
    plan = plan_of(seed, size)
    articles = {article.key: [] for feed in plan.feeds for article in feed.records}
    for feed in plan.feeds:
        for article in feed.records:
            articles[article.key].append(article)
    assert len(articles) == size.products
    assert plan.repeated > size.products // 2
    assert any(len(set(said)) < len(said) for said in articles.values()), "nothing is said twice"
    assert any(len(set(said)) > 1 for said in articles.values()), "nothing changes"
    assert any(said[0] in said[2:] and said[1] != said[0] for said in articles.values()), "nothing becomes again what it was"
    assert len({feed.key for feed in plan.feeds}) < len(plan.feeds), "no object has two versions"
    assert [delivery.feed for delivery in plan.deliveries] != sorted(delivery.feed for delivery in plan.deliveries), "everything in order"
    assert plan.delivered_twice
    assert max(len(feed.body) for feed in plan.feeds) > 1_048_576, "no feed is too large to note every product"
    assert all(kill.at < size.storm for kill in plan.kills)
    assert plan.medusa_returns < size.storm
    done = {act.what for act in plan.acts}
    assert {"save", "delete", "restore"} <= done
    assert done & {"version", "autoSave"}, "nobody leaves a draft"


def test_of_a_group_nothing_is_found_where_nothing_differs() -> None:
    assert Grouped().findings() == []


@pytest.mark.parametrize(
    "said",
    [
        colour(2, "Red", "MX", {"shopVisibility": "hide"}),
        colour(2, "Red", "MX", {"published": False}),
        colour(2, "Red", "MX", {"marketingName": {"en": "Gown"}}),
        colour(2, "Red", "MX", withdrawn=True),
        colour(2, "Dark red", "MX"),
        colour(2, "Red", "SM"),
        colour(2, "Red", "", axes=(), variants=colour(2, "Red", "M").article.variants[:1]),
        replace(colour(2, "Red", "MX"), deleted=True),
    ],
    ids=["hidden", "unpublished", "named by people", "withdrawn", "of another colour", "in other sizes", "in one size", "deleted"],
)
def test_a_group_that_does_not_follow_a_member_is_stale(said: Wanted) -> None:
    world = Grouped()
    if not said.article.axes:
        said = replace(said, article=replace(said.article, variants=(replace(said.article.variants[0], choice=()),)))
    world.say(said)
    assert {(STALE, HOME, "the shop")} <= set(world.findings()) <= {(STALE, HOME, "the shop"), (STALE, HOME, "the storefront")}


def test_a_member_that_leaves_its_group_is_missed_where_it_belongs() -> None:
    world, red = Grouped(), colour(2, "Red", "MX").article
    world.say(Wanted(replace(red, group=""), homes=frozenset({HOME, "canonical:2"})))
    assert set(world.findings()) == {
        (STALE, HOME, "the shop"), (STALE, HOME, "the storefront"), (LOST, "canonical:2", "the shop"), (LOST, "canonical:2", "the storefront"),
    }  # fmt: skip
    world.say(Wanted(replace(red, group="h"), homes=frozenset({HOME, "canonical~article:h"})))
    assert (LOST, "canonical~article:h", "the shop") in world.findings()


def test_a_draft_that_is_for_sale_beside_its_article_or_does_not_say_where_it_went_is_stale() -> None:
    world = Grouped()
    article, draft = world.shop
    world.shop = [article, replace(draft, status="published")]
    world.shown["canonical:1"] = world.shown[HOME]
    assert world.findings() == [(STALE, "canonical:1", "the shop"), (STALE, "canonical:1", "the storefront")]
    world = Grouped()
    world.shop = [article, replace(draft, fields={"moved to": None})]
    assert world.findings() == [(STALE, "canonical:1", "the shop")]


def test_a_group_of_which_nothing_is_for_sale_is_away() -> None:
    world = Grouped()
    world.say(*(replace(one, people={"shopVisibility": "hide"}) for one in world.wanted.values()))
    assert world.findings() == [(STALE, HOME, "the shop"), (STALE, HOME, "the storefront")]
    world.shop = [replace(product, status="draft") for product in world.shop]
    world.shown = {}
    assert world.findings() == []


@pytest.mark.parametrize("field", ["title", "description", "images", "thumbnail", "categories", "options", "order", "brand", "sku", "members"])
def test_a_stale_field_of_a_group_is_found(field: str) -> None:
    world = Grouped()
    world.shop[0] = replace(world.shop[0], fields={**world.shop[0].fields, field: "of before"})
    assert world.findings() == [(STALE, HOME, "the shop")]


@pytest.mark.parametrize("field", ["member", "images", "choice", "title"])
def test_a_stale_row_of_a_group_is_found(field: str) -> None:
    world = Grouped()
    world.shop[0] = with_first_row(world.shop[0], **{field: "of before"})
    assert world.findings() == [(STALE, HOME, "the shop")]


@pytest.mark.parametrize("seed", range(5))
def test_members_come_in_different_feeds_move_leave_and_come_back(seed: int) -> None:
    plan = plan_of(seed, FULL)
    said: dict[str, list[Article]] = {}
    feeds: dict[str, set[int]] = {}
    for number, feed in enumerate(plan.feeds):
        for article in feed.records:
            said.setdefault(article.key, []).append(article)
            feeds.setdefault(article.home, set()).add(number)
    homes = [[article.home for article in articles] for articles in said.values()]
    assert any(places[0] in places[2:] and len(set(places)) > 1 for places in homes), "nobody comes back"
    assert any(len({place for place in places if "~article" in place}) > 1 for places in homes), "nobody moves"
    assert any("~article" in places[0] and "~article" not in places[-1] for places in homes), "nobody leaves"
    assert max(len(numbers) for home, numbers in feeds.items() if "~article" in home) > 2
    members = {key for key, articles in said.items() if any(article.group for article in articles)}
    assert {act.what for act in plan.acts if act.key in members} >= {"save", "delete"}
    assert plan.moved > 10
    assert plan_of(seed, FULL, grouped=False).members == 0


def test_amounts_never_pass_through_a_float() -> None:
    article = article_of()
    assert all(isinstance(price, Price) and isinstance(price.amount, Decimal) for variant in article.variants for _, price in variant.prices)
