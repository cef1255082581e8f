"""Compares what the PIM and the shop hold with what they should. Pure: everything is handed in, so that a test can plant a difference.

| finding | |
|---|---|
| lost | a product that should be there is not, or is not for sale though it should be |
| stale | some field is not what the newest document (or a person's edit) says |
| duplicated | two objects of one product, two prices in one currency, an image twice, an inventory item without a variant |
| stuck | pending in the ledger, a feed run that did not end, a message that waits |
| dead | a message on a dead-letter queue, or parked |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chaos.articles import Article

LOST, STALE, DUPLICATED, STUCK, DEAD = "lost", "stale", "duplicated", "stuck", "dead"
KINDS = (LOST, STALE, DUPLICATED, STUCK, DEAD)


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is not as it should be."""

    kind: str
    product: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.product} in {self.where}: {self.what}"


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

    @property
    def published(self) -> bool:
        return not self.article.withdrawn and self.people.get("published", True) is True

    @property
    def for_sale(self) -> bool:
        return self.published and self.people.get("shopVisibility") != "hide"

    def title(self, language: str) -> str | None:
        edited = (self.people.get("marketingName") or {}).get(language)
        return edited or dict(self.article.name).get(language)


@dataclass(frozen=True)
class Row:
    """A variant, wherever it is."""

    title: str
    choice: tuple[tuple[str, str], ...]
    prices: tuple[tuple[str, Decimal], ...]
    before: tuple[tuple[str, Decimal], ...]
    stock: int


@dataclass(frozen=True)
class PimProduct:
    """One object of the PIM."""

    key: str
    published: bool
    fields: Mapping[str, Any]
    variants: Mapping[str, Row]
    repeated: tuple[str, ...] = ()
    """Rows that are there more than once."""


@dataclass(frozen=True)
class ShopProduct:
    """One product of the shop, as the Admin API has it."""

    key: str
    status: str
    fields: Mapping[str, Any]
    variants: Mapping[str, Row]
    repeated: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """One product as the Store API shows it to a customer."""

    titles: Mapping[str, str]
    """By locale."""
    prices: Mapping[tuple[str, str], Decimal]
    """By SKU and currency."""
    stock: Mapping[str, int]


def compare(
    wanted: Mapping[str, Wanted],
    pim: Iterable[PimProduct],
    shop: Iterable[ShopProduct],
    shown: Mapping[str, Shown],
) -> list[Finding]:
    """Every difference. `pim` and `shop` hold all there is, also what nobody asked for."""
    findings: list[Finding] = []
    in_pim, in_shop = _by_key("the PIM", pim, findings), _by_key("the shop", shop, findings)
    for key, target in wanted.items():
        if target.deleted and key not in in_pim:
            findings += _away(key, in_shop.get(key), shown.get(key))
            continue
        if target.deleted and not target.perhaps:
            findings.append(Finding(STALE, key, "the PIM", "a person deleted it, and it was made again"))
            continue
        findings += _pim(target, in_pim.get(key))
        findings += _shop(target, in_shop.get(key))
        findings += _store(target, shown.get(key))
    for where, found in (("the PIM", in_pim), ("the shop", in_shop)):
        findings += [Finding(DUPLICATED, key, where, "nobody asked for it") for key in found.keys() - wanted.keys()]
    return sorted(findings)


def _away(key: str, found: ShopProduct | None, shown: Shown | None) -> list[Finding]:
    wrong = [Finding(STALE, key, "the shop", f"it is {found.status} and was deleted in the PIM")] if found and found.status != "draft" else []
    return wrong + ([Finding(STALE, key, "the storefront", "it is shown and was deleted in the PIM")] if shown else [])


def _by_key(where: str, products: Iterable[Any], findings: list[Finding]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for product in products:
        if product.key in found:
            findings.append(Finding(DUPLICATED, product.key, where, "it is there more than once"))
        found[product.key] = product
        findings += [Finding(DUPLICATED, product.key, where, what) for what in product.repeated]
    return found


def _pim(wanted: Wanted, found: PimProduct | None) -> list[Finding]:
    article, where = wanted.article, "the PIM"
    if found is None:
        # What was withdrawn before anybody saw it need not be made.
        return [] if article.withdrawn else [Finding(LOST, article.key, where, "it is not there")]
    expected: dict[str, Any] = {
        "published": wanted.published,
        "withdrawn": article.withdrawn,
        "name": dict(article.name),
        "description": {"en": article.description},
        "brand": article.brand,
        "sku": article.number,
        "images": list(article.images),
        "categories": [f"{article.source}:{article.categories[-1][0]}"],
        "marketingName": {language: text for language, text in (wanted.people.get("marketingName") or {}).items() if text},
        "shopVisibility": wanted.people.get("shopVisibility", "inherit"),
    }
    differences = _differences(expected, {"published": found.published, **found.fields}) + _rows(article, found.variants, titled=True)
    return [Finding(STALE, article.key, where, what) for what in differences]


def _shop(wanted: Wanted, found: ShopProduct | None) -> list[Finding]:
    article, where = wanted.article, "the shop"
    if not wanted.for_sale:
        # What is not for sale may be there as a draft, with whatever it last was.
        wrong = found is not None and found.status != "draft"
        return [Finding(STALE, article.key, where, f"it is {found.status if found else ''} and should not be for sale")] if wrong else []
    if found is None:
        return [Finding(LOST, article.key, where, "it is not there")]
    if found.status != "published":
        return [Finding(LOST, article.key, where, f"it is {found.status} and should be for sale")]
    expected: dict[str, Any] = {
        "title": wanted.title("en"),
        "description": article.description,
        "images": list(article.images),
        "thumbnail": article.images[0],
        "categories": [f"{article.source}:{article.categories[-1][0]}"],
        "options": _options(article),
        "brand": article.brand,
        "sku": article.number,
    }
    differences = _differences(expected, found.fields) + _rows(article, found.variants, titled=True)
    return [Finding(STALE, article.key, where, what) for what in differences]


def _store(wanted: Wanted, shown: Shown | None) -> list[Finding]:
    key, where = wanted.article.key, "the storefront"
    if not wanted.for_sale:
        return [Finding(STALE, key, where, "it is shown and should not be")] if shown else []
    if shown is None:
        return [Finding(LOST, key, where, "it is not shown")]
    expected = {
        "titles": {"en-US": wanted.title("en"), "ar-SA": wanted.title("ar") or wanted.title("en")},
        "prices": {(variant.sku, currency): price.amount for variant in wanted.article.variants for currency, price in variant.prices},
        "stock": {variant.sku: variant.stock for variant in wanted.article.variants},
    }
    found = {"titles": dict(shown.titles), "prices": dict(shown.prices), "stock": dict(shown.stock)}
    return [Finding(STALE, key, where, what) for what in _differences(expected, found)]


def _options(article: Article) -> dict[str, list[str]]:
    if not article.axes:
        return {"Option": ["Default"]}
    return {axis: sorted({variant.choice[at] for variant in article.variants}) for at, axis in enumerate(article.axes)}


def _rows(article: Article, found: Mapping[str, Row], *, titled: bool) -> list[str]:
    differences = []
    expected = {variant.sku: variant for variant in article.variants}
    for sku in sorted(expected.keys() - found.keys()):
        differences.append(f"variant {sku} is missing")
    for sku in sorted(found.keys() - expected.keys()):
        differences.append(f"variant {sku} should not be there")
    for sku in sorted(expected.keys() & found.keys()):
        variant = expected[sku]
        row = Row(
            title=variant.title if titled else found[sku].title,
            choice=tuple(zip(article.axes, variant.choice, strict=True)),
            prices=tuple(sorted((currency, price.amount) for currency, price in variant.prices)),
            before=tuple(sorted((currency, price.before) for currency, price in variant.prices if price.before)),
            stock=variant.stock,
        )
        differences += [f"{sku}: {difference}" for difference in _differences(vars(row), vars(found[sku]))]
    return differences


def _differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    return [f"{name} is {found.get(name)!r}, should be {value!r}" for name, value in expected.items() if found.get(name) != value]


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Products (or messages) by kind of finding."""
    by_kind = Counter(kind for kind, _ in {(finding.kind, finding.product) for finding in findings})
    return {kind: by_kind[kind] for kind in KINDS}
