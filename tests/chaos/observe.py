"""Reads the PIM and the shop, whole, into what `compare` compares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from local_stack.http import call
from local_stack.pim import ENDPOINT
from local_stack.shop import LOCALES, log_in
from local_stack.stack import Stack

from chaos.compare import DUPLICATED, Finding, PimProduct, ShopProduct, Shown
from chaos.offers import Row

PAGE = 100
PIM_QUERY = """
query Everything($first: Int!, $after: Int!) {
  getCatalogProductListing(first: $first, after: $after, published: false, sortBy: ["id"], sortOrder: ["ASC"]) {
    edges { node {
      id externalId published withdrawn brand sku groupId shopVisibility
      name_en: name(language: "en") name_ar: name(language: "ar")
      description_en: description(language: "en") description_ar: description(language: "ar")
      marketing_en: marketingName(language: "en") marketing_ar: marketingName(language: "ar")
      categories { ... on object_CatalogCategory { externalId } }
      images { ... on fieldcollection_CatalogImage { url position } }
      variants { ... on fieldcollection_CatalogVariant {
        sku title option1Name option1Value option2Name option2Value option3Name option3Value stock position } }
      prices { ... on fieldcollection_CatalogPrice { sku currency amount listAmount } }
    } }
  }
}
"""
ADMIN_FIELDS = (
    "id,external_id,status,title,description,thumbnail,metadata,images.url,images.rank,categories.external_id,options.title,options.values.value,"
    "variants.sku,variants.title,variants.metadata,variants.options.value,variants.options.option.title,"
    "variants.prices.amount,variants.prices.currency_code,variants.prices.min_quantity,"
    "variants.inventory_items.inventory.sku,variants.inventory_items.inventory.location_levels.location_id,"
    "variants.inventory_items.inventory.location_levels.stocked_quantity"
)
# The Store API leaves out a variant's metadata asked for by name.
STORE_FIELDS = "id,external_id,title,*variants,*variants.calculated_price,+variants.inventory_quantity"


def pim_products(stack: Stack) -> Iterator[PimProduct]:
    """Every product object of the PIM."""
    after = 0
    while True:
        body = {"query": PIM_QUERY, "variables": {"first": PAGE, "after": after}}
        answer = call("POST", f"{stack.url('pim')}{ENDPOINT}", body=body, headers={"X-API-Key": stack.place.pim_key.read_text()})
        if "data" not in answer or answer.get("errors"):
            raise AssertionError(f"the PIM cannot be read: {answer}")
        edges = answer["data"]["getCatalogProductListing"]["edges"]
        yield from (_pim_product(edge["node"]) for edge in edges)
        if len(edges) < PAGE:
            return
        after += PAGE


def _pim_product(node: dict[str, Any]) -> PimProduct:
    def texts(name: str) -> dict[str, str]:
        return {language: node[f"{name}_{language}"] for language in ("en", "ar") if node[f"{name}_{language}"]}

    prices: dict[str, list[dict[str, Any]]] = {}
    for price in node["prices"] or []:
        prices.setdefault(price["sku"], []).append(price)
    variants = {}
    for row in sorted(node["variants"] or [], key=lambda row: row["position"]):
        of_it = prices.get(row["sku"], [])
        variants[row["sku"]] = Row(
            title=row["title"],
            choice=tuple((row[f"option{axis}Name"], row[f"option{axis}Value"]) for axis in (1, 2, 3) if row[f"option{axis}Name"]),
            prices=tuple(sorted((price["currency"], Decimal(price["amount"])) for price in of_it)),
            before=tuple(sorted((price["currency"], Decimal(price["listAmount"])) for price in of_it if price["listAmount"])),
            stock=row["stock"],
        )
    images = [row["url"] for row in sorted(node["images"] or [], key=lambda row: row["position"])]
    return PimProduct(
        key=node["externalId"],
        published=node["published"],
        fields={
            "withdrawn": bool(node["withdrawn"]),
            "name": texts("name"),
            "description": texts("description"),
            "marketingName": texts("marketing"),
            "brand": node["brand"],
            "sku": node["sku"],
            "group": node["groupId"] or "",
            "images": images,
            "categories": [category["externalId"] for category in node["categories"] or []],
            "shopVisibility": node["shopVisibility"] or "inherit",
        },
        variants=variants,
        repeated=(
            *_twice("image", images),
            *_twice("variant", [row["sku"] for row in node["variants"] or []]),
            *_twice("price", [f"{price['sku']} {price['currency']}" for price in node["prices"] or []]),
        ),
    )


class Shop:
    """The shop through both of its doors."""

    def __init__(self, stack: Stack) -> None:
        self.url, self.facts = stack.url("medusa"), stack.facts
        self.admin = log_in(self.url, self.facts.email, self.facts.password)
        self.store = {"x-publishable-api-key": self.facts.publishable_key}

    def _pages(self, path: str, name: str, headers: dict[str, str], query: dict[str, str]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = call("GET", f"{self.url}/{path}", headers=headers, query={**query, "limit": str(PAGE), "offset": str(offset)})[name]
            yield from page
            if len(page) < PAGE:
                return
            offset += PAGE

    def products(self) -> Iterator[ShopProduct]:
        query = {"fields": ADMIN_FIELDS, "order": "id"}
        return (self._product(product) for product in self._pages("admin/products", "products", self.admin, query))

    def orphans(self) -> list[Finding]:
        """Inventory items that belong to no variant of any product."""
        query = {"fields": "id,sku,variants.id", "order": "id"}
        items = self._pages("admin/inventory-items", "inventory_items", self.admin, query)
        return [Finding(DUPLICATED, str(item["sku"]), "the shop", "an inventory item without a variant") for item in items if not item.get("variants")]

    def shown(self) -> dict[str, Shown]:
        """What customers of each region see in each language."""
        titles: dict[str, dict[str, str]] = {}
        prices: dict[str, dict[tuple[str, str], Decimal]] = {}
        stock: dict[str, dict[str, int]] = {}
        for currency, region in self.facts.regions.items():
            for locale in LOCALES:
                query = {"fields": STORE_FIELDS, "region_id": region, "locale": locale, "order": "id"}
                for product in self._pages("store/products", "products", self.store, query):
                    key = product["external_id"]
                    titles.setdefault(key, {})[locale] = product["title"]
                    for variant in product["variants"] or []:
                        amount = (variant.get("calculated_price") or {}).get("calculated_amount")
                        # Sold out for good, and still shown; or gone to another product.
                        if (_is_kept(variant) and variant["inventory_quantity"] == 0) or (variant["sku"] is None and amount is None):
                            continue
                        stock.setdefault(key, {})[variant["sku"]] = variant["inventory_quantity"]
                        if amount is not None:
                            prices.setdefault(key, {})[variant["sku"], currency] = Decimal(str(amount))
        return {key: Shown(titles[key], prices.get(key, {}), stock.get(key, {})) for key in titles}

    def _product(self, product: dict[str, Any]) -> ShopProduct:
        metadata, repeated = product["metadata"] or {}, []
        images = [image["url"] for image in sorted(product["images"], key=lambda image: image["rank"])]
        variants = {}
        kept: set[tuple[str, str]] = set()
        used: set[tuple[str, str]] = set()
        for variant in product["variants"] or []:
            sku, prices, items = variant["sku"], variant["prices"] or [], variant["inventory_items"] or []
            choice = tuple(sorted((option["option"]["title"], option["value"]) for option in variant["options"] or []))
            if sku is None and not prices:
                # Gone to another product: it cannot be bought.
                kept |= set(choice)
                continue
            repeated += _twice("price", [f"{sku} {price['currency_code']}" for price in prices])
            repeated += [f"{sku} has {len(items)} inventory items"] * (len(items) != 1)
            levels = [level for item in items for level in item["inventory"]["location_levels"] or []]
            here = [level["stocked_quantity"] for level in levels if level["location_id"] == self.facts.stock_location_id]
            repeated += [f"{sku} has {len(here)} stock levels"] * (len(here) != 1)
            if _is_kept(variant) and here == [0]:
                kept |= set(choice)
                continue
            used |= set(choice)
            said = variant["metadata"] or {}
            before = said.get("relay_list_prices") or {}
            variants[sku] = Row(
                title=variant["title"],
                choice=() if choice == (("Option", "Default"),) else choice,
                prices=tuple(sorted((price["currency_code"].upper(), Decimal(str(price["amount"]))) for price in prices)),
                before=tuple(sorted((currency.upper(), Decimal(amount)) for currency, amount in before.items())),
                stock=here[0] if here else -1,
                member=said.get("relay_member", ""),
                images=tuple(said.get("relay_images") or ()),
            )
        return ShopProduct(
            key=product["external_id"] or product["id"],
            status=product["status"],
            fields={
                "title": product["title"],
                "description": product["description"],
                "images": images,
                "thumbnail": product["thumbnail"],
                "categories": sorted(category["external_id"] for category in product["categories"] or []),
                "options": _options(product, kept - used),
                "brand": metadata.get("relay_brand"),
                "sku": metadata.get("relay_sku"),
                "order": [(option["title"], option["values"]) for option in metadata.get("relay_options") or []],
                "members": metadata.get("relay_members") or None,
                "moved to": metadata.get("relay_moved_to") or None,
            },
            variants=variants,
            repeated=(*_twice("image", images), *_twice("variant", [variant["sku"] for variant in product["variants"] or [] if variant["sku"]]), *repeated),
        )


def _is_kept(variant: dict[str, Any]) -> bool:
    """Whether the PIM no longer has it, and the shop keeps it for a time."""
    return bool((variant["metadata"] or {}).get("relay_gone"))


def _options(product: dict[str, Any], unused: set[tuple[str, str]]) -> dict[str, list[str]]:
    named = {option["title"]: [value["value"] for value in option["values"]] for option in product["options"] or []}
    return {title: sorted(value for value in values if (title, value) not in unused) for title, values in named.items()}


def _twice(what: str, names: Iterable[str]) -> list[str]:
    return [f"{what} {name} is there {times} times" for name, times in Counter(names).items() if times > 1]
