"""A feed on its way into the bucket: which source it is of, and under which key it goes."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from local_stack import emulator, products
from local_stack.console import Failed
from local_stack.stack import Stack

SOURCES = ("shein-api", "shein-brightdata", "canonical")
HEAD_BYTES = 64 * 1024


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


def source_of(file: Path) -> str:
    """Tells the source from the beginning of a file, as `SOURCE=` would. The function itself sniffs again and refuses what does not fit."""
    head = _head(file)
    if file.name.removesuffix(".gz").removesuffix(".zst").removesuffix(".zip").endswith(".csv"):
        return "shein-brightdata"
    text = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if text[:1] not in ("[", "{"):
        return "shein-brightdata" if any(separator in text.partition("\n")[0] for separator in ",;\t|") else "canonical"
    return "shein-api" if re.search(r'"(productInfo|saleAttr|info)"\s*:', text) else "canonical"


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
    if source not in SOURCES:
        raise Failed(f"unknown source: {source}", todo=f"SOURCE= one of {', '.join(SOURCES)}")
    sent = put(stack, bucket, f"incoming/{source}/{file.name}", file.read_bytes())
    return replace(sent, speaks_of=frozenset(products.keys(file, source)))


def put(stack: Stack, bucket: str, key: str, body: bytes) -> Upload:
    """Puts an object and learns the time that S3 gave it."""
    s3 = emulator.client(stack.ports["aws"], "s3")
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    modified = s3.head_object(Bucket=bucket, Key=key)["LastModified"]
    return Upload(bucket, key, int(modified.timestamp()) * 1000)
