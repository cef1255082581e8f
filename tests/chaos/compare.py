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
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chaos.articles import Article
from chaos.offers import Offer, Row, Wanted, offers, row_of

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
    *,
    grouped: bool = False,
) -> list[Finding]:
    """Every difference. `pim` and `shop` hold all there is, also what nobody asked for. `grouped`: the products of a group are one in the shop."""
    findings: list[Finding] = []
    in_pim, in_shop = _by_key("the PIM", pim, findings), _by_key("the shop", shop, findings)
    for key, target in wanted.items():
        if target.deleted and key not in in_pim:
            continue
        if target.deleted and not target.perhaps:
            findings.append(Finding(STALE, key, "the PIM", "a person deleted it, and it was made again"))
            continue
        findings += _pim(target, in_pim.get(key))
    offered = offers(wanted, in_pim, grouped=grouped)
    for key, offer in offered.items():
        findings += _shop(offer, in_shop.get(key)) + _store(offer, shown.get(key))
    known = wanted.keys() | {home for target in wanted.values() for home in target.homes}
    for key in sorted(known - offered.keys()):
        findings += _withheld(key, wanted.get(key), in_shop.get(key), shown.get(key), offered)
    findings += [Finding(DUPLICATED, key, "the PIM", "nobody asked for it") for key in in_pim.keys() - wanted.keys()]
    findings += [Finding(DUPLICATED, key, "the shop", "nobody asked for it") for key in in_shop.keys() - known]
    return sorted(findings)


def _withheld(key: str, wanted: Wanted | None, found: ShopProduct | None, shown: Shown | None, offered: Mapping[str, Offer]) -> list[Finding]:
    """What is not for sale, or not here, may be there as a draft, with whatever it last was. One that went to its article says so."""
    findings = []
    if found is not None and found.status != "draft":
        findings.append(Finding(STALE, key, "the shop", f"it is {found.status} and should not be for sale"))
    if shown is not None:
        findings.append(Finding(STALE, key, "the storefront", "it is shown and should not be"))
    home = wanted.article.home if wanted else key
    if found is not None and wanted and home in offered and key in offered[home].fields["members"]:
        findings += [Finding(STALE, key, "the shop", what) for what in _differences({"moved to": home}, found.fields)]
    return findings


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
        "name": dict(article.titles),
        "description": {"en": article.description},
        "brand": article.brand,
        "sku": article.number,
        "group": article.group,
        "images": list(article.images),
        "categories": [f"{article.source}:{article.categories[-1][0]}"],
        "marketingName": dict(wanted.named),
        "shopVisibility": wanted.people.get("shopVisibility", "inherit"),
    }
    differences = _differences(expected, {"published": found.published, **found.fields}) + _rows(_rows_of(article), found.variants)
    return [Finding(STALE, article.key, where, what) for what in differences]


def _rows_of(article: Article) -> dict[str, Row]:
    return {variant.sku: row_of(article, variant) for variant in article.variants}


def _shop(offer: Offer, found: ShopProduct | None) -> list[Finding]:
    key, where = offer.key, "the shop"
    if found is None:
        return [Finding(LOST, key, where, "it is not there")]
    if found.status != "published":
        return [Finding(LOST, key, where, f"it is {found.status} and should be for sale")]
    differences = _differences(offer.fields, found.fields) + _rows(offer.variants, found.variants)
    return [Finding(STALE, key, where, what) for what in differences]


def _store(offer: Offer, shown: Shown | None) -> list[Finding]:
    where = "the storefront"
    if shown is None:
        return [Finding(LOST, offer.key, where, "it is not shown")]
    expected = {
        "titles": dict(offer.titles),
        "prices": {(sku, currency): amount for sku, row in offer.variants.items() for currency, amount in row.prices},
        "stock": {sku: row.stock for sku, row in offer.variants.items()},
    }
    found = {"titles": dict(shown.titles), "prices": dict(shown.prices), "stock": dict(shown.stock)}
    return [Finding(STALE, offer.key, where, what) for what in _differences(expected, found)]


def _rows(expected: Mapping[str, Row], found: Mapping[str, Row]) -> list[str]:
    differences = [f"variant {sku} is missing" for sku in sorted(expected.keys() - found.keys())]
    differences += [f"variant {sku} should not be there" for sku in sorted(found.keys() - expected.keys())]
    for sku in sorted(expected.keys() & found.keys()):
        differences += [f"{sku}: {difference}" for difference in _differences(vars(expected[sku]), vars(found[sku]))]
    return differences


def _differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    return [f"{name} is {found.get(name)!r}, should be {value!r}" for name, value in expected.items() if found.get(name) != value]


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Products (or messages) by kind of finding."""
    by_kind = Counter(kind for kind, _ in {(finding.kind, finding.product) for finding in findings})
    return {kind: by_kind[kind] for kind in KINDS}
