"""Made-up products, and how each source would write them.

An `Article` is what a product *means*. The feeds are rendered from it, and so is the expectation; nothing here reads a feed, so a mistake in
the pipeline's mappings cannot hide in the expectation.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

SHEIN, BRIGHTDATA, CANONICAL = "shein-api", "shein-brightdata", "canonical"
SOURCES = (SHEIN, BRIGHTDATA, CANONICAL)

SIZES = ("XS", "S", "M", "L", "XL", "XXL")
COLOURS = ("Black", "Sand", "Olive", "Ruby")
IN_ARABIC = {"Black": "أسود", "Sand": "رملي", "Olive": "زيتي", "Ruby": "ياقوتي"}
THINGS = (("Abaya", "عباية"), ("Scarf", "وشاح"), ("Dress", "فستان"), ("Belt", "حزام"), ("Lamp", "مصباح"), ("Cushion", "وسادة"))
MANNERS = (("Embroidered", "مطرزة"), ("Plain", "سادة"), ("Pleated", "مطوية"), ("Woven", "منسوجة"), ("Printed", "مطبوعة"))
BRANDS = ("Nasmah", "Wadi", "Sadaf")
CATEGORIES = (
    (("100", {"en": "Clothing", "ar": "ملابس"}), ("110", {"en": "Outerwear", "ar": "ملابس خارجية"})),
    (("100", {"en": "Clothing", "ar": "ملابس"}), ("120", {"en": "Dresses", "ar": "فساتين"})),
    (("200", {"en": "Home", "ar": "المنزل"}), ("210", {"en": "Lighting", "ar": "إضاءة"})),
    (("200", {"en": "Home", "ar": "المنزل"}), ("220", {"en": "Textiles", "ar": "منسوجات"})),
)


@dataclass(frozen=True)
class Price:
    """What one pays, and what one paid before the reduction."""

    amount: Decimal
    before: Decimal | None = None


@dataclass(frozen=True)
class Variant:
    """What one can buy."""

    sku: str
    choice: tuple[str, ...]
    prices: tuple[tuple[str, Price], ...]
    stock: int

    @property
    def title(self) -> str:
        return " / ".join(self.choice) or "Default"


@dataclass(frozen=True)
class Article:
    """What a source means to say about a product: one colour of something, where it has a group."""

    source: str
    id: str
    name: tuple[tuple[str, str], ...]
    description: str
    brand: str
    number: str
    categories: tuple[tuple[str, str, str], ...]
    """From the root: id, English name, Arabic name (empty where the source has none)."""
    axes: tuple[str, ...]
    variants: tuple[Variant, ...]
    images: tuple[str, ...]
    withdrawn: bool = False
    group: str = ""
    """What it shares with other colours of the same thing."""
    colour: tuple[str, str] | None = None
    """In English and Arabic, where it is an attribute: its titles end with it."""
    own_colours: tuple[str, ...] = ()
    """Of which its variants have two, where the colour is an option of its own. No other product has one of them."""

    @property
    def key(self) -> str:
        return f"{self.source}:{self.id}"

    @property
    def home(self) -> str:
        """Where customers find it in a shop that shows the products of a group as one."""
        return f"{self.source}~article:{self.group}" if self.group else self.key

    @property
    def titles(self) -> tuple[tuple[str, str], ...]:
        """As its source writes them."""
        if not self.colour:
            return self.name
        english, arabic = self.colour
        return tuple((language, f"{text}, {english}" if language == "en" else f"{text}، {arabic}") for language, text in self.name)


@dataclass
class Workshop:
    """Makes articles and changes them; the same seed makes the same ones."""

    random: random.Random
    prefix: str
    made: int = field(default=0)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By source, among which members move."""

    def new(self, source: str) -> Article:
        self.made += 1
        product = f"{self.prefix}{self.made:05}"
        thing, manner = self.random.choice(THINGS), self.random.choice(MANNERS)
        path = self.random.choice(CATEGORIES)
        languages = ("en",) if source == BRIGHTDATA else ("en", "ar")
        article = Article(
            source=source,
            id=product,
            name=tuple((language, self._title(language, thing, manner, product)) for language in languages),
            description=f"{manner[0]} {thing[0].lower()}, number {product}.",
            brand=self.random.choice(BRANDS),
            number=f"art-{product}",
            categories=tuple((number, names["en"], names["ar"] if source != BRIGHTDATA else "") for number, names in path),
            axes=(),
            variants=(),
            images=self._images(product),
        )
        return self._with_variants(article)

    def member(self, source: str) -> Article:
        """One of the colours of something. Its colours are no other product's, whatever becomes of either: else one of the two would wait."""
        article = self.new(source)
        own = tuple(f"{colour} {self.made}" for colour in COLOURS)
        is_option = source == CANONICAL and self.random.random() < 0.4
        article = replace(article, own_colours=own) if is_option else self._recoloured(article)
        return self._with_variants(replace(article, group=self.random.choice(self.groups[source])))

    def changed(self, article: Article) -> Article:
        """The same product with one or two things different."""
        ways = [self._price, self._stock, self._retitled, self._with_variants, self._new_images]
        if article.source == SHEIN:
            ways.append(self._withdrawal)
        if article.colour:
            ways += [self._regrouped, self._regrouped, self._regrouped, self._recoloured]
        for way in self.random.sample(ways, self.random.choice((1, 1, 2))):
            article = way(article)
        return article

    def _title(self, language: str, thing: tuple[str, str], manner: tuple[str, str], product: str) -> str:
        return f"{manner[0]} {thing[0]} {product}" if language == "en" else f"{thing[1]} {manner[1]} {product}"

    def _images(self, product: str) -> tuple[str, ...]:
        numbers = self.random.sample(range(1, 10), self.random.randint(1, 3))
        return tuple(f"https://cdn.example.com/{product}-{number}.webp" for number in numbers)

    def _amount(self, low: int = 1000, high: int = 30000) -> Decimal:
        return Decimal(self.random.randint(low, high)) / 100

    def _prices(self, source: str) -> tuple[tuple[str, Price], ...]:
        currencies = ("USD",) if source == BRIGHTDATA else ("SAR", "USD")
        reduced = self.random.random() < 0.4
        return tuple((currency, self._reduced(self._amount(), reduced)) for currency in currencies)

    def _reduced(self, amount: Decimal, reduced: bool) -> Price:
        return Price(amount, amount + self._amount(100, 5000) if reduced else None)

    def _with_variants(self, article: Article) -> Article:
        """Other sizes: some go, some come."""
        sizes = sorted(self.random.sample(SIZES, self.random.randint(1, 4)), key=SIZES.index)
        if article.own_colours or (article.source == CANONICAL and not article.colour and self.random.random() < 0.5):
            colours = self.random.sample(article.own_colours or COLOURS, 2)
            axes: tuple[str, ...] = ("Color", "Size")
            choices: list[tuple[str, ...]] = [(colour, size) for colour in colours for size in sizes]
        elif article.source != BRIGHTDATA and self.random.random() < 0.2:
            axes, choices = (), [()]
        else:
            axes, choices = ("Size",), [(size,) for size in sizes]
        # A row of this source has one price and one word about its stock for all sizes.
        shared, in_stock = self._prices(article.source), int(self.random.random() < 0.8)
        variants = []
        for choice in choices:
            sku = "-".join((article.id, *choice)).lower() if article.source == BRIGHTDATA else "-".join((article.id.upper(), *choice)).upper().replace(" ", "")
            if article.source == BRIGHTDATA:
                variants.append(Variant(sku, choice, shared, in_stock))
            else:
                variants.append(Variant(sku, choice, self._prices(article.source), self.random.randint(0, 50)))
        return replace(article, axes=axes, variants=tuple(variants))

    def _price(self, article: Article) -> Article:
        if article.source == BRIGHTDATA:
            shared = self._prices(article.source)
            return replace(article, variants=tuple(replace(variant, prices=shared) for variant in article.variants))
        return self._one_variant(article, lambda variant: replace(variant, prices=self._prices(article.source)))

    def _stock(self, article: Article) -> Article:
        if article.source == BRIGHTDATA:
            return replace(article, variants=tuple(replace(variant, stock=1 - variant.stock) for variant in article.variants))
        return self._one_variant(article, lambda variant: replace(variant, stock=self.random.randint(0, 50)))

    def _one_variant(self, article: Article, change: Any) -> Article:
        at = self.random.randrange(len(article.variants))
        return replace(article, variants=(*article.variants[:at], change(article.variants[at]), *article.variants[at + 1 :]))

    def _retitled(self, article: Article) -> Article:
        mark = self.random.randint(2, 999)
        return replace(article, name=tuple((language, f"{text.split(' no. ')[0]} no. {mark}") for language, text in article.name))

    def _new_images(self, article: Article) -> Article:
        return replace(article, images=self._images(article.id))

    def _regrouped(self, article: Article) -> Article:
        """It moves to another group, or is by itself."""
        others = [group for group in self.groups[article.source] if group != article.group]
        return replace(article, group="" if article.group and self.random.random() < 0.3 else self.random.choice(others))

    def _recoloured(self, article: Article) -> Article:
        number = int(article.id.removeprefix(self.prefix))
        colour, shade = self.random.choice(COLOURS), self.random.choice(("", "Dark "))
        return replace(article, colour=(f"{shade}{colour} {number}", f"{IN_ARABIC[colour]} {number}"))

    def _withdrawal(self, article: Article) -> Article:
        return replace(article, withdrawn=not article.withdrawn)


def object_of(source: str, articles: Sequence[Article], *, padding: int = 0, as_csv: bool = False) -> bytes:
    """A feed object with these records. `padding` bytes of what no mapping reads are added to each document."""
    if source == BRIGHTDATA:
        return _csv(articles) if as_csv else _lines([_brightdata(article) for article in articles])
    if source == CANONICAL:
        return _lines([_canonical(article) for article in articles])
    return json.dumps([_shein(article, padding) for article in articles], ensure_ascii=False).encode()


def _lines(records: Sequence[Any]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def _csv(articles: Sequence[Article]) -> bytes:
    rows = [_brightdata(article) for article in articles]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for name, value in row.items()})
    return text.getvalue().encode()


def _brightdata(article: Article) -> dict[str, Any]:
    ((_, price),) = article.variants[0].prices
    return {
        "product_name": dict(article.name)["en"],
        "description": article.description,
        "initial_price": str(price.before or price.amount),
        "final_price": str(price.amount),
        "currency": "USD",
        "in_stock": "true" if article.variants[0].stock else "false",
        "main_image": article.images[0],
        "url": f"https://us.shein.com/made-up-p-{article.id}.html",
        "domain": "us.shein.com",
        "image_urls": list(article.images),
        "model_number": article.number,
        "product_id": article.id,
        "brand": article.brand,
        "category_tree": [{"name": english, "url": f"https://us.shein.com/made-up-c-{number}.html"} for number, english, _ in article.categories],
        "all_available_sizes": [variant.choice[0] for variant in article.variants],
    }


def _canonical(article: Article) -> dict[str, Any]:
    record: dict[str, Any] = {
        "source": article.source,
        "id": article.id,
        "sku": article.number,
        "name": dict(article.titles),
        "description": {"en": article.description},
        "brand": article.brand,
        "categories": [[{"id": number, "name": {"en": english, "ar": arabic}} for number, english, arabic in article.categories]],
        "options": [{"name": {"en": axis}} for axis in article.axes],
        "variants": [
            {
                "sku": variant.sku,
                "title": variant.title,
                "options": list(variant.choice),
                "prices": [
                    {"currency": currency, "amount": str(price.amount)} | ({"listAmount": str(price.before)} if price.before else {})
                    for currency, price in variant.prices
                ],
                "stock": variant.stock,
            }
            for variant in article.variants
        ],
        "images": list(article.images),
    }
    if article.group:
        record["group"] = article.group
    if article.colour:
        english, arabic = article.colour
        record["attributes"] = [{"code": "color", "name": {"en": "Color", "ar": "اللون"}, "values": [{"en": english, "ar": arabic}]}]
    return record


def _shein(article: Article, padding: int) -> dict[str, Any]:
    names, path = dict(article.titles), article.categories
    document: dict[str, Any] = {
        "code": "0",
        "msg": "ok",
        "info": {
            "productInfo": {
                "goods_id": article.id,
                "goods_sn": article.number,
                "goods_name": names["ar"],
                "cat_id": path[-1][0],
                "is_on_sale": "0" if article.withdrawn else "1",
                "cateInfos": {
                    number: {"category_name": arabic, "category_name_en": english, "parent_ids": [above for above, _, _ in path[:depth]]}
                    for depth, (number, english, arabic) in enumerate(path)
                },
                "currentSkcImgInfo": {"skcImages": [image.removeprefix("https:") for image in article.images]},
                "productDescriptionInfo": {"goods_desc": article.description},
            },
            "saleAttr": {
                "mainSaleAttribute": {"info": [{"goods_id": article.id, "goods_url_name": names["en"]}]},
                "multiLevelSaleAttribute": {
                    "sku_list": [_sku(variant) for variant in reversed(article.variants)],
                    "skc_sale_attr": [{"attr_id": "87", "attr_value_list": [{"attr_value_id": f"5{number}"} for number in range(len(SIZES))]}],
                },
            },
            "brandDetailInfo": {"name": article.brand},
        },
    }
    about = document["info"]["productInfo"]
    if article.group:
        about["productRelationID"] = article.group
    if article.colour:
        english, arabic = article.colour
        detail = {"attr_id": "27", "attr_name": "لون", "attr_name_en": "Color", "attr_value": arabic, "attr_value_en": english}
        about["productDescriptionInfo"]["productDetails"] = [detail]
    if padding:
        document["info"]["recommendations"] = "x" * padding
    return document


def _sku(variant: Variant) -> dict[str, Any]:
    prices = dict(variant.prices)
    info: dict[str, Any] = {"salePrice": _amounts(prices["SAR"].amount, prices["USD"].amount)}
    if (riyals := prices["SAR"].before) and (dollars := prices["USD"].before):
        info["retailPrice"] = _amounts(riyals, dollars)
    chosen = [
        {"attr_id": "87", "attr_name": "مقاس", "attr_name_en": "Size", "attr_value_id": f"5{SIZES.index(size)}", "attr_value_name_en": size}
        for size in variant.choice
    ]
    return {"sku_code": variant.sku, "stock": str(variant.stock), "priceInfo": info, "sku_sale_attr": chosen}


def _amounts(riyals: Decimal, dollars: Decimal) -> dict[str, str]:
    return {"amount": str(riyals), "amountWithSymbol": f"SR{riyals}", "usdAmount": str(dollars), "usdAmountWithSymbol": f"${dollars}"}
