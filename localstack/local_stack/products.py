"""Which products a feed speaks of: a run leaves no trace of those that it found unchanged."""

from __future__ import annotations

import csv
import functools
import gzip
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

# Where a record of each source keeps the product's id.
ID = {
    "shein-api": ("info", "productInfo", "goods_id"),
    "shein-brightdata": ("product_id",),
    "canonical": ("id",),
    "shopify-csv": ("Handle",),
    "medusa-csv": ("Product Handle",),
}
# The first of these that a record has is its product's id; a product's own number counts before the number of what belongs to it.
PLAIN = ("id", "sku", "article", "Article number")
PARENT_FIRST = {"google-merchant-tsv": ("item group id", "item_group_id", "id"), "plain-csv": PLAIN, "plain-xlsx": PLAIN}
READ_BYTES = 64 * 1024 * 1024
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def keys(file: Path, source: str) -> set[str]:
    """The keys (`source:id`) in a feed, as far as it can be read here. A hint: the ledger says which of them are products."""
    try:
        text = decoded(file, READ_BYTES).decode("utf-8-sig", errors="replace")
    except (OSError, EOFError, ValueError, StopIteration, zipfile.BadZipFile, ElementTree.ParseError, KeyError, IndexError):
        return set()
    if text.lstrip().startswith("<"):
        return {f"{source}:{value.strip()}" for value in _in_xml(text)}
    if source in PARENT_FIRST:
        found = (next((record[name] for name in PARENT_FIRST[source] if record.get(name)), None) for record in _records(text.lstrip()))
    else:
        found = (_at(record, ID.get(source, ("id",))) for record in _records(text.lstrip()))
    return {f"{source}:{value}".strip() for value in found if isinstance(value, (str, int)) and value != ""}


def decoded(file: Path, limit: int) -> bytes:
    """The beginning of a feed as UTF-8, whatever it is packed in."""
    with file.open("rb") as raw:
        body = raw.read(limit)
    if body[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(file) as archive:
            if "xl/workbook.xml" in archive.namelist():
                return _sheet(archive).encode()
            name = next(name for name in archive.namelist() if not name.endswith("/"))
            return archive.open(name).read(limit)
    if body[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=io.BytesIO(body)).read(limit)
    if body[:4] == b"\x28\xb5\x2f\xfd":
        import zstandard

        return bytes(zstandard.ZstdDecompressor().stream_reader(body).read(limit))
    if body[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in body[:4]:
        little = body[:2] == b"\xff\xfe" or (body[1:2] == b"\0" and body[:1] != b"\0")
        return body.decode("utf-16-le" if little else "utf-16-be", errors="replace").encode()
    return body


def _sheet(archive: zipfile.ZipFile) -> str:
    """The first sheet of a workbook as CSV; numbers as they are in the file."""

    def read(name: str) -> ElementTree.Element:
        return ElementTree.fromstring(archive.open(name).read(READ_BYTES))

    def text(element: ElementTree.Element) -> str:
        return "".join(part.text or "" for part in element.iter(f"{SHEET}t"))

    shared = [text(item) for item in read("xl/sharedStrings.xml")] if "xl/sharedStrings.xml" in archive.namelist() else []
    out = io.StringIO()
    for row in read("xl/worksheets/sheet1.xml").iter(f"{SHEET}row"):
        cells: dict[int, str] = {}
        for cell in row.iter(f"{SHEET}c"):
            letters = re.match("[A-Z]*", cell.get("r", ""))
            place = functools.reduce(lambda at, letter: at * 26 + ord(letter) - 64, letters[0] if letters else "", 0) or len(cells) + 1
            value = cell.findtext(f"{SHEET}v", "")
            cells[place] = shared[int(value)] if cell.get("t") == "s" and value else value or text(cell)
        if any(cells.values()):
            csv.writer(out).writerow([cells.get(place, "") for place in range(1, max(cells) + 1)])
    return out.getvalue()


def _records(text: str) -> Iterator[Any]:
    text = re.sub(r"\A(?i:sep=.)\r?\n", "", text)
    if text[:1] not in ("{", "["):
        yield from _rows(text)
        return
    decoder, at = json.JSONDecoder(), 0
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            if isinstance(value, dict) and isinstance(value.get("products"), list):
                value = value["products"]
            yield from value if isinstance(value, list) else [value]
            while at < len(text) and text[at].isspace():
                at += 1
    except (ValueError, RecursionError):
        return


def _in_xml(text: str) -> Iterator[str]:
    """Ids in a Google Merchant feed. Read as text: a feed may be broken anywhere."""
    for item in text.split("<item")[1:]:
        found = re.search(r"<g:item_group_id>([^<]*)<", item) or re.search(r"<g:id>([^<]*)<", item)
        if found:
            yield found[1]


def _rows(text: str) -> Iterator[Any]:
    header = text.partition("\n")[0]
    separator = next((letter for letter in header if letter in ",;\t|"), ",")
    csv.field_size_limit(READ_BYTES)
    try:
        yield from csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    except csv.Error:
        return


def _at(record: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record
