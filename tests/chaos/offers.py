"""What the shop should offer, by the key under which customers find it: products by themselves, and all colours of a group as one.

Made of what was said of the products, never of how the pipeline makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chaos.articles import Article, Variant

COLOUR = "Color"
NO_CHOICE = "Default"
EMPTY: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """The newest that was said of a product: by its source and by people."""

    article: Article
    people: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the PIM's shop layer as people left them, and `published` where they decided that."""
    deleted: bool = False
    """A person deleted it in the PIM: it is away."""
    perhaps: bool = False
    """The ledger may not have known by then that the PIM had it: it may be made again."""
    homes: frozenset[str] = frozenset()
    """Every key under which any document would have had it shown."""

    @property
    def published(self) -> bool:
        return not self.article.withdrawn and self.people.get("published", True) is True

    @property
    def for_sale(self) -> bool:
        return self.published and self.people.get("shopVisibility") != "hide"

    @property
    def named(self) -> Mapping[str, str]:
        """The marketing names that people gave it, by language."""
        return {language: text for language, text in (self.people.get("marketingName") or {}).items() if text}

    def title(self, language: str, *, coloured: bool = True) -> str | None:
        """What people wrote, as they wrote it; else the source's title, on request without its colour."""
        said = self.article.titles if coloured else self.article.name
        return self.named.get(language) or dict(said).get(language)


@dataclass(frozen=True)
class Row:
    """A variant, wherever it is."""

    title: str
    choice: tuple[tuple[str, str], ...]
    prices: tuple[tuple[str, Decimal], ...]
    before: tuple[tuple[str, Decimal], ...]
    stock: int
    member: str = ""
    """Whose it is, in a product of several."""
    images: tuple[str, ...] = ()
    """Of its own."""


@dataclass(frozen=True)
class Offer:
    """One product of the shop as it should be."""

    key: str
    titles: Mapping[str, str | None]
    """By locale."""
    fields: Mapping[str, Any]
    variants: Mapping[str, Row]


def offers(wanted: Mapping[str, Wanted], there: Iterable[str], *, grouped: bool) -> dict[str, Offer]:
    """All that should be for sale. `there` are the products that the PIM has: what a person deleted may have been made again."""
    exist = set(there)
    together: dict[str, list[Wanted]] = {}
    for key, one in sorted(wanted.items()):
        if one.for_sale and not (one.deleted and key not in exist):
            home = one.article.home if grouped else key
            together.setdefault(home, []).append(one)
    return {home: _together(home, members) if home not in wanted else _alone(*members) for home, members in together.items()}


def _alone(wanted: Wanted) -> Offer:
    article = wanted.article
    titles = {"en-US": wanted.title("en"), "ar-SA": wanted.title("ar") or wanted.title("en")}
    fields = {
        "title": wanted.title("en"),
        "description": article.description,
        "images": list(article.images),
        "thumbnail": article.images[0],
        "categories": [f"{article.source}:{article.categories[-1][0]}"],
        "options": options_of(article),
        "brand": article.brand,
        "sku": article.number,
        "members": None,
        "moved to": None,
    }
    return Offer(article.key, titles, fields, {variant.sku: row_of(article, variant) for variant in article.variants})


def _together(key: str, members: list[Wanted]) -> Offer:
    """One product of all its members on sale. The first that people gave a name leads, else the first."""
    lead = next((member for member in members if member.named), members[0])
    ordered = [lead, *(member for member in members if member is not lead)]
    titles = {"en-US": lead.title("en", coloured=False), "ar-SA": lead.title("ar", coloured=False) or lead.title("en", coloured=False)}
    axes = [COLOUR] + [axis for axis in ("Size",) if any(axis in member.article.axes for member in members)]
    variants, order = {}, {axis: list[str]() for axis in axes}
    for member in ordered:
        article = member.article
        for variant in article.variants:
            own = dict(zip(article.axes, variant.choice, strict=True))
            choice = {axis: own.get(axis, article.colour[0] if axis == COLOUR and article.colour else NO_CHOICE) for axis in axes}
            for axis, value in choice.items():
                if value not in order[axis]:
                    order[axis].append(value)
            title = " / ".join(value for value in choice.values() if value != NO_CHOICE)
            images = article.images if len(members) > 1 else EMPTY
            variants[variant.sku] = row_of(article, variant, title=title, choice=tuple(choice.items()), member=article.key, images=images)
    images = list(dict.fromkeys(image for member in ordered for image in member.article.images))
    fields = {
        "title": lead.title("en", coloured=False),
        "description": lead.article.description,
        "images": images,
        "thumbnail": images[0],
        "categories": sorted({f"{member.article.source}:{member.article.categories[-1][0]}" for member in members}),
        "options": {axis: sorted(values) for axis, values in order.items()},
        "order": list(order.items()),
        "brand": lead.article.brand,
        "sku": lead.article.number,
        "members": sorted(member.article.key for member in members),
        "moved to": None,
    }
    return Offer(key, titles, fields, variants)


def options_of(article: Article) -> dict[str, list[str]]:
    if not article.axes:
        return {"Option": ["Default"]}
    return {axis: sorted({variant.choice[at] for variant in article.variants}) for at, axis in enumerate(article.axes)}


def row_of(article: Article, variant: Variant, **other: Any) -> Row:
    row = {
        "title": variant.title,
        "choice": tuple(zip(article.axes, variant.choice, strict=True)),
        "prices": tuple(sorted((currency, price.amount) for currency, price in variant.prices)),
        "before": tuple(sorted((currency, price.before) for currency, price in variant.prices if price.before)),
        "stock": variant.stock,
    }
    return Row(**row | other)
