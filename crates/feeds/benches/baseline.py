"""The method that catalog-relay replaces: the whole object through json.loads (or csv), then Pydantic models, then JSON.

    baseline.py <source> <feed file> <megabytes>

Maps the same fields by the same rules as the adapters in crates/feeds, in the straightforward way. Prints one JSON line.
"""

import csv
import io
import json
import re
import resource
import sys
import time
from decimal import Decimal
from typing import Optional

from pydantic import BaseModel


class Price(BaseModel):
    currency: str
    amount: Decimal
    listAmount: Optional[Decimal] = None


class Variant(BaseModel):
    sku: str
    title: str
    options: list[str] = []
    prices: list[Price]
    stock: int
    images: list[str] = []


class Category(BaseModel):
    id: str
    name: dict[str, str]


class Attribute(BaseModel):
    code: str
    name: dict[str, str]
    values: list[dict[str, str]]


class ProductOption(BaseModel):
    name: dict[str, str]


class Product(BaseModel):
    source: str
    id: str
    group: Optional[str] = None
    sku: Optional[str] = None
    name: dict[str, str]
    description: dict[str, str] = {}
    brand: Optional[str] = None
    categories: list[list[Category]] = []
    attributes: list[Attribute] = []
    options: list[ProductOption] = []
    variants: list[Variant]
    images: list[str] = []
    url: Optional[str] = None


SYMBOLS = {"SR": "SAR", "$": "USD", "€": "EUR", "£": "GBP"}


def localized(**texts):
    return {lang: text.strip() for lang, text in texts.items() if text and text.strip()}


def https(address):
    return "https:" + address if address.startswith("//") else address


def price(currency, sale, retail):
    amount = Decimal(sale)
    before = Decimal(retail) if retail else None
    return Price(currency=currency, amount=amount, listAmount=before if before and before > amount else None)


def attributes(details):
    found = {}
    for detail in details:
        code = str(detail["attr_id"])
        name = localized(ar=detail.get("attr_name"), en=detail.get("attr_name_en"))
        value = localized(ar=detail.get("attr_value"), en=detail.get("attr_value_en"))
        entry = found.setdefault(code, Attribute(code=code, name=name, values=[]))
        if value not in entry.values:
            entry.values.append(value)
    return list(found.values())


def shein_api(document):
    if document["code"] != "0":
        raise ValueError(document["msg"])
    info = document["info"]
    about, sale = info["productInfo"], info["saleAttr"]
    own = str(about["goods_id"])
    colour = next((c for c in sale["mainSaleAttribute"]["info"] if str(c["goods_id"]) == own), {})
    facts = attributes(about["productDescriptionInfo"]["productDetails"])
    options, variants = {}, []
    for sku in sale["multiLevelSaleAttribute"]["sku_list"]:
        now, before = sku["priceInfo"]["salePrice"], sku["priceInfo"].get("retailPrice") or {}
        currency = SYMBOLS[re.sub(r"[\d.,\s]", "", now["amountWithSymbol"])]
        values = []
        for choice in sku["sku_sale_attr"]:
            options[choice["attr_id"]] = localized(ar=choice["attr_name"], en=choice["attr_name_en"])
            values.append(choice["attr_value_name_en"] or choice["attr_value_name"])
        variants.append(
            Variant(
                sku=sku["sku_code"],
                title=" / ".join(values) or "Default",
                options=values,
                prices=[
                    price(currency, now["amount"], before.get("amount")),
                    price("USD", now["usdAmount"], before.get("usdAmount")),
                ],
                stock=int(sku["stock"]),
            )
        )
    categories = about["cateInfos"]
    leaf = categories[about["cat_id"]]
    path = [
        Category(id=key, name=localized(ar=categories[key]["category_name"], en=categories[key]["category_name_en"]))
        for key in leaf["parent_ids"] + [about["cat_id"]]
    ]
    images = about["currentSkcImgInfo"]["skcImages"] + [
        image["origin_image"] for image in about["allColorDetailImages"].get(own, [])
    ]
    text = about["productDescriptionInfo"].get("goods_desc")
    description = localized(ar=text) or {
        lang: "\n".join(
            f"{fact.name[lang]}: " + ", ".join(value[lang] for value in fact.values if lang in value)
            for fact in facts
            if lang in fact.name
        )
        for lang in ("en", "ar")
    }
    return Product(
        source="shein-api",
        id=own,
        group=about.get("productRelationID"),
        sku=about.get("goods_sn"),
        name=localized(ar=about["goods_name"], en=colour.get("goods_url_name")),
        description=description,
        brand=(info.get("brandDetailInfo") or {}).get("name"),
        categories=[path],
        attributes=facts,
        options=[ProductOption(name=name) for name in options.values()],
        variants=variants,
        images=list(dict.fromkeys(https(image) for image in images)),
    )


def nested(cell):
    if isinstance(cell, list):
        return cell
    return json.loads(cell) if cell and cell != "null" else []


def shein_brightdata(row):
    facts = {}
    for fact in nested(row["other_attributes"]):
        code = re.sub(r"[^a-z0-9]+", "-", fact["name"].lower()).strip("-")
        entry = facts.setdefault(code, Attribute(code=code, name={"en": fact["name"]}, values=[]))
        if {"en": fact["value"]} not in entry.values:
            entry.values.append({"en": fact["value"]})
    path = []
    for node in nested(row["category_tree"]):
        found = re.search(r"-c-(\d+)\.html", node["url"])
        path.append(Category(id=found.group(1) if found else node["name"], name={"en": node["name"]}))
    sizes = [size for size in nested(row["all_available_sizes"]) if size.lower() not in ("one-size", "one size")]
    cost = price(row["currency"], row["final_price"], row["initial_price"])
    stock = 1 if row["in_stock"] == "true" else 0
    variants = [
        Variant(sku=f"{row['product_id']}-{size}", title=size, options=[size], prices=[cost], stock=stock) for size in sizes
    ] or [Variant(sku=row["product_id"], title="Default", prices=[cost], stock=stock)]
    images = [
        image
        for image in [row["main_image"], *nested(row["image_urls"])]
        if image.rsplit(".", 1)[-1].lower() in ("jpg", "jpeg", "png", "webp", "gif")
    ]
    return Product(
        source="shein-brightdata",
        id=row["product_id"],
        sku=row["model_number"],
        name={"en": row["product_name"]},
        description={"en": row["description"]},
        brand=row["brand"],
        categories=[path],
        attributes=list(facts.values()),
        options=[ProductOption(name={"en": "Size"})] if sizes else [],
        variants=variants,
        images=list(dict.fromkeys(images)),
        url=row["url"],
    )


def repeated(data, megabytes):
    """The records of a file over and over, as benches/throughput.rs does it."""
    stripped = data.strip()
    if stripped.startswith(b"["):
        body = stripped[1:-1]
        return b"[" + b",".join([body] * max(1, (megabytes << 20) // len(body))) + b"]"
    header, body = data.split(b"\n", 1)
    return header + b"\n" + body * max(1, (megabytes << 20) // len(body))


def main():
    source, path, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(path, "rb") as file:
        data = repeated(file.read(), megabytes)
    size = len(data)
    # Time on the CPU, so that other work on the machine does not count.
    started, began = time.perf_counter(), time.process_time()
    written = 0
    if source == "shein-api":
        records = json.loads(data)
        products = [shein_api(record) for record in records]
    else:
        csv.field_size_limit(1 << 24)
        if data.startswith(b"["):
            records = json.loads(data)
        else:
            records = list(csv.DictReader(io.StringIO(data.decode("utf-8"))))
        products = [shein_brightdata(record) for record in records]
    for product in products:
        written += len(product.model_dump_json(exclude_defaults=True))
    wall, seconds = time.perf_counter() - started, time.process_time() - began
    print(
        json.dumps(
            {
                "what": "python",
                "source": source,
                "bytes": size,
                "records": len(products),
                "writtenBytes": written,
                "seconds": seconds,
                "wallSeconds": wall,
                "megabytesPerSecond": size / 1e6 / seconds,
                "recordsPerSecond": len(products) / seconds,
                "peakKilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            }
        )
    )


main()
