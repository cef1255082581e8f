"""The method that catalog-relay replaces: the whole object through json.loads (or csv), then Pydantic models, then JSON.

    baseline.py <source> <feed file> <megabytes>
    baseline.py <source> <feed file> products     # one JSON line for each product, to be compared with ours

Maps the same fields by the same rules as the adapters in crates/feeds, in the straightforward way; of the dataset's rows, which are measured against mappings,
every field, remark and check that the real rows have. Prints one JSON line.
"""

import csv
import html
import io
import json
import re
import resource
import sys
import time
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
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


class Facts(BaseModel):
    material: dict[str, str] = {}
    gender: Optional[str] = None


class Warning(BaseModel):
    code: str
    message: str


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
    facts: Optional[Facts] = None
    warnings: list[Warning] = []
    madeSkus: list[str] = []


SYMBOLS = {"SR": "SAR", "$": "USD", "€": "EUR", "£": "GBP"}


def localized(**texts):
    return {lang: text.strip() for lang, text in texts.items() if text and text.strip()}


def https(address):
    return "https:" + address if address.startswith("//") else address


# Digits behind the point of what is paid; all others have two.
DIGITS = dict.fromkeys(("JPY", "KRW", "CLP", "VND", "XOF"), 0) | dict.fromkeys(("KWD", "BHD", "OMR", "JOD", "TND"), 3)


def money(text, currency):
    amount = Decimal(text).quantize(Decimal(1).scaleb(-DIGITS.get(currency, 2)), ROUND_HALF_UP)
    if amount <= 0:
        raise ValueError(f"{text} is no price")
    return amount


def price(currency, sale, retail):
    amount = money(sale, currency)
    before = money(retail, currency) if retail else None
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
    images = about["currentSkcImgInfo"]["skcImages"] + [image["origin_image"] for image in about["allColorDetailImages"].get(own, [])]
    text = about["productDescriptionInfo"].get("goods_desc")
    description = localized(ar=text) or {
        lang: "\n".join(f"{fact.name[lang]}: " + ", ".join(value[lang] for value in fact.values if lang in value) for fact in facts if lang in fact.name)
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


LANGUAGES = {"at": "de", "cz": "cs", "dk": "da", "no": "nb", "br": "pt", "se": "sv", "jp": "ja", "kr": "ko", "tw": "zh"}
LANGUAGES |= dict.fromkeys(("mx", "co", "cl", "pe", "ec", "uy", "py", "cr", "pa", "do", "gt"), "es")
LANGUAGES |= {own: own for own in ("fr", "de", "es", "it", "fi", "hu", "ro", "tr", "pl", "nl", "pt", "th")}
ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefe]")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]+")
ENTITY = re.compile("&#?[A-Za-z0-9]+;")
UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
IMAGE = re.compile(r"^[^?#]*\.(jpg|jpeg|png|webp|gif|avif|bmp)([?#]|$)", re.IGNORECASE)
CATEGORY = re.compile(r"-c-(\d+)\.html([?#]|$)")
HOST = re.compile(r"//([^/?#:]+)")
SKU = re.compile(r"[^\w.*+/]+")
GENDERS = dict.fromkeys(("female", "women", "woman", "ladies", "girls", "girl"), "female")
GENDERS |= dict.fromkeys(("male", "men", "man", "boys", "boy"), "male") | {"unisex": "unisex"}


def entity(text):
    meant = html.unescape(text)
    return meant if meant != text else html.unescape(text.lower())


def clean(text, prose=False):
    """What any text has to go through: entities, control characters, what nobody sees, composed letters."""
    if text.isascii() and "&" not in text and text.isprintable():
        return text
    if not prose:
        text = UNSEEN.sub("", CONTROL.sub(" ", ENTITY.sub(lambda found: entity(found[0]), text)))
    return unicodedata.normalize("NFC", text)


def slug(text):
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")


def genders(values):
    found = {GENDERS.get(re.sub(r"\W", "", value.lower())) for value in values}
    return found.pop() if len(found) == 1 else None


def shein_brightdata(row):
    given = {name: cell.strip() if isinstance(cell, str) and cell != "null" else "" for name, cell in row.items()}
    host = given["domain"] or (HOST.search(given["url"]) or [None, ""])[1]
    if not given["product_id"]:
        raise ValueError(given["error"] or "no product_id")
    if host and not re.search(r"(^|[.])shein[.]", host.lower()):
        raise ValueError(f"the row is of {host}")
    shop = host.split(".")[0]
    lang = LANGUAGES.get(shop) or ("ar" if ARABIC.search(given["product_name"]) else "und" if shop in ("eur", "ch", "be") else "en")
    found = {}
    told = [(fact["name"], fact["value"]) for fact in nested(row["other_attributes"])]
    for name, value in [*told, ("Color", given["color"])]:
        code = slug(name)
        if not code or not value:
            continue
        entry = found.setdefault(code, Attribute(code=code, name={lang: clean(name)}, values=[]))
        if {lang: clean(value)} not in entry.values:
            entry.values.append({lang: clean(value)})
    english = {code: [value["en"] for value in entry.values if "en" in value] for code, entry in found.items()}
    material, gender = ", ".join(english.get("material", [])), genders(english.get("gender", [])) or genders(english.get("crowd", []))
    facts = Facts(material={"en": material} if material else {}, gender=gender) if material or gender else None
    tree = [(node["name"], node["url"]) for node in nested(row["category_tree"])]
    if not tree:
        tree = [(given["root_category"], ""), (given["category"], given["category_url"])]
    path, above = [], []
    for name, url in tree:
        above.append(slug(name))
        number = CATEGORY.search(url or "")
        own = number[1] if number else "/".join(above)
        if name and all(category.id != own for category in path):
            path.append(Category(id=own, name={lang: clean(name)}))
    sizes = {}
    for size in filter(None, nested(row["all_available_sizes"]) or [given["size"]]):
        sizes.setdefault(clean(size).lower(), size)
    sizes = list(sizes.values())
    if len(sizes) == 1 and slug(sizes[0]).replace("-", "") in ("onesize", "均码"):
        sizes = []
    cost = price(given["currency"], given["final_price"] or given["initial_price"], given["initial_price"])
    said = given["in_stock"].lower().replace("_", " ").replace(" ", "")
    if said not in ("true", "instock", "false", "outofstock", ""):
        raise ValueError(f"in_stock is {said}")
    stock = int(said in ("true", "instock"))
    variants = []
    for size in sizes:
        end = SKU.sub("-", size.lower().replace('"', "in").replace("'", "ft"))
        sku = re.sub("-+", "-", f"{given['product_id']}-{end}").strip("-")
        variants.append(Variant(sku=sku, title=clean(size), options=[clean(size)], prices=[cost], stock=stock))
    if not sizes:
        variants = [Variant(sku=given["product_id"], title="Default", prices=[cost], stock=stock)]
    skus = {variant.sku for variant in variants}
    if len(skus) < len(variants):
        raise ValueError("two variants share a SKU")
    images = [https(image) for image in [given["main_image"], *nested(row["image_urls"])] if IMAGE.match(image)]
    name, warnings = clean(given["product_name"]), []
    description = clean(given["description"], prose=True)
    if not description:
        description = "\n".join(f"{entry.name[lang]}: {', '.join(value[lang] for value in entry.values)}" for entry in found.values())
    if not images:
        warnings.append(Warning(code="no_image", message="the product has no image"))
    if not stock:
        warnings.append(Warning(code="zero_stock", message="no variant is in stock"))
    for other in ("en", "ar"):
        if other != lang:
            warnings.append(Warning(code="missing_language", message=f'the product has no title in "{other}"'))
    if len(name) > 512:
        kept = name[:511]
        words = kept.rsplit(None, 1)[0]
        shown = (words if len(words) > len(kept) // 2 else kept).rstrip() + "…"
        message = f'the title in "{lang}" has {len(name)} characters and was shortened to 512'
        warnings.append(Warning(code="title_shortened", message=message))
        name = shown
    return Product(
        source="shein-brightdata",
        id=given["product_id"],
        sku=clean(given["model_number"]) or None,
        name={lang: name},
        description={lang: description},
        brand=clean(given["brand"]) or None,
        categories=[path] if path else [],
        attributes=list(found.values()),
        options=[ProductOption(name={"en": "Size"} | ({"ar": "مقاس"} if lang == "ar" else {}))] if sizes else [],
        variants=variants,
        images=list(dict.fromkeys(images)),
        url=https(given["url"]) if given["url"] else None,
        facts=facts,
        warnings=warnings,
        madeSkus=sorted(skus),
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
    source, path, megabytes = sys.argv[1:]
    with open(path, "rb") as file:
        data = repeated(file.read(), 0 if megabytes == "products" else int(megabytes))
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
    if megabytes == "products":
        for product in products:
            print(product.model_dump_json(exclude_defaults=True))
        return
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
