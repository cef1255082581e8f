"""A feed on its way into the bucket: which source it is of, and under which key it goes."""

from __future__ import annotations

import csv
import re
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from local_stack import emulator, products
from local_stack.console import Failed
from local_stack.paths import REPO
from local_stack.stack import Stack

BUILT_IN = ("shein-api", "shein-brightdata", "canonical")
HEAD_BYTES = 64 * 1024
# Columns that give a described source's CSV away; the first source whose columns are all there is it. Names as in the header, in small letters.
COLUMNS = {
    "shopify-csv": {"handle", "variant price"},
    "medusa-csv": {"product handle", "variant title"},
    "woocommerce-csv": {"type", "sku", "regular price"},
    "google-merchant-tsv": {"id", "title", "link", "availability", "price"},
    "shopee-brightdata": {"id", "title", "variations", "final_price"},
}


@dataclass(frozen=True)
class Upload:
    """An object that was put into the bucket."""

    bucket: str
    key: str
    time_ms: int
    """The object's Last-Modified: the first part of the version of every product in it."""
    speaks_of: frozenset[str] = frozenset()
    """Keys of products that it speaks of, as far as that is known."""

    @property
    def run_prefix(self) -> str:
        """What the partition keys of this object's runs begin with."""
        return f"F#{self.bucket}#{self.key}#"

    @property
    def version_prefix(self) -> str:
        """What the versions of this object's products begin with."""
        return f"{self.time_ms:013}-"


def sources() -> tuple[str, ...]:
    """The sources that the stack knows when it is deployed: built in, and those that are described in `sources/`."""
    return (*BUILT_IN, *sorted({path.stem for path in (REPO / "sources").glob("*.yaml")} - set(BUILT_IN)))


def source_of(file: Path) -> str:
    """Tells the source from the beginning of a file, as `SOURCE=` would. The function itself sniffs again and refuses what does not fit."""
    if zipfile.is_zipfile(file) and "xl/workbook.xml" in zipfile.ZipFile(file).namelist():
        return "plain-xlsx"
    head = _head(file)
    text = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if described := _described(text):
        return described
    if file.name.removesuffix(".gz").removesuffix(".zst").removesuffix(".zip").endswith(".csv"):
        return "shein-brightdata"
    if text[:1] not in ("[", "{"):
        return "shein-brightdata" if any(separator in text.partition("\n")[0] for separator in ",;\t|") else "canonical"
    return "shein-api" if re.search(r'"(productInfo|saleAttr|info)"\s*:', text) else "canonical"


def _described(text: str) -> str:
    """The described source that a text shows to be its own, if any does."""
    if text.startswith("<"):
        return "google-merchant-xml"
    if text.startswith("{"):
        return "shopify-json" if re.match(r'\{\s*"products"\s*:', text) and '"variants"' in text else ""
    if text.startswith("["):
        return ""
    header = re.sub(r"\A(?i:sep=.)\r?\n", "", text).partition("\n")[0].strip()
    separator = next((letter for letter in header if letter in ",;\t|"), ",")
    names = {name.strip().lower() for row in csv.reader([header], delimiter=separator) for name in row}
    if "product_id" in names:
        return ""
    known = next((source for source, needed in COLUMNS.items() if needed <= names), "")
    # Whoever writes a list in a spreadsheet calls its columns so.
    plain = names & {"id", "sku", "article", "article number"} and names & {"name", "title", "product", "product name"} and "price" in names
    return known or ("plain-csv" if plain else "")


def _head(file: Path) -> bytes:
    try:
        return products.decoded(file, HEAD_BYTES)
    except (OSError, EOFError, ValueError, StopIteration, zipfile.BadZipFile):
        return b""


def upload(stack: Stack, file: Path, source: str, bucket: str) -> Upload:
    """Puts a file under `incoming/<source>/`."""
    if not file.is_file():
        raise Failed(f"there is no such feed: {file}", todo="FEED=path/to/feed make demo")
    source = source or source_of(file)
    if source not in sources():
        raise Failed(f"unknown source: {source}", todo=f"SOURCE= one of {', '.join(sources())}")
    sent = put(stack, bucket, f"incoming/{source}/{file.name}", file.read_bytes())
    return replace(sent, speaks_of=frozenset(products.keys(file, source)))


def put(stack: Stack, bucket: str, key: str, body: bytes) -> Upload:
    """Puts an object and learns the time that S3 gave it."""
    s3 = emulator.client(stack.ports["aws"], "s3")
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    modified = s3.head_object(Bucket=bucket, Key=key)["LastModified"]
    return Upload(bucket, key, int(modified.timestamp()) * 1000)
