"""Products in three parts: a catalogue, a stock list and a list of dollar prices, each with feeds of its own.

The catalogue says stock and dollars, too. They count where no line has spoken of the SKU.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from chaos.articles import CANONICAL, Article, Price, Variant

STOCK, DOLLARS = "stock", "dollars"
MAPPING_KEY = f"config/sources/{CANONICAL}.yaml"
MAPPING = f"""source: {CANONICAL}
parts:
  {STOCK}:
    form: csv
    match: {{ sku: article }}
    owns: {{ stock: pieces }}
  {DOLLARS}:
    form: csv
    match: {{ sku: article }}
    owns: {{ price: {{ from: usd, currency: USD }} }}
"""
HEADERS = {STOCK: "article,pieces", DOLLARS: "article,usd"}


@dataclass(frozen=True)
class Line:
    """What a part's file says of a variant."""

    part: str
    sku: str
    value: str


def lines_of(source: random.Random, part: str, articles: Iterable[Article], share: float) -> list[Line]:
    """Something about some of the variants; of a few of them twice, and then the later line counts."""
    skus = sorted({variant.sku for article in articles for variant in article.variants})
    some = [sku for sku in skus if source.random() < share]
    source.shuffle(some)
    some += source.sample(some, len(some) // 12)
    return [Line(part, sku, _value(source, part)) for sku in some]


def _value(source: random.Random, part: str) -> str:
    # Few figures, so that many are said again.
    return str(source.randint(0, 9)) if part == STOCK else f"{source.randint(5, 40)}.50"


def object_of_lines(part: str, lines: Iterable[Line]) -> bytes:
    return "".join(f"{row}\n" for row in (HEADERS[part], *(f"{line.sku},{line.value}" for line in lines))).encode()


def assembled(article: Article, said: Mapping[tuple[str, str], str]) -> Article:
    """A product with the newest lines about its variants, by part and SKU."""
    return replace(article, variants=tuple(_spoken_of(variant, said) for variant in article.variants))


def _spoken_of(variant: Variant, said: Mapping[tuple[str, str], str]) -> Variant:
    pieces, dollars = said.get((STOCK, variant.sku)), said.get((DOLLARS, variant.sku))
    stock = variant.stock if pieces is None else int(pieces)
    others = [price for price in variant.prices if price[0] != "USD"]
    prices = variant.prices if dollars is None else (*others, ("USD", Price(Decimal(dollars))))
    return replace(variant, stock=stock, prices=prices)
