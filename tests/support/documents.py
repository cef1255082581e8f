"""Made-up SHEIN documents to put into feeds."""

from __future__ import annotations

import copy
import json
from typing import Any

from local_stack.paths import SOURCES

SCARF: dict[str, Any] = json.loads((SOURCES / "sample-feeds" / "abayas.json").read_text())[2]
FOLDER = "incoming/shein-api/"


def scarf(goods_id: str) -> dict[str, Any]:
    """A product that is fine, under another id, and no colour of another."""
    document = copy.deepcopy(SCARF)
    info = document["info"]
    info["productInfo"]["goods_id"] = goods_id
    del info["productInfo"]["productRelationID"]
    info["saleAttr"]["mainSaleAttribute"]["info"][0]["goods_id"] = goods_id
    only_sku(document)["sku_code"] = f"SCARF-{goods_id}"
    return document


def only_sku(document: dict[str, Any]) -> dict[str, Any]:
    sku: dict[str, Any] = document["info"]["saleAttr"]["multiLevelSaleAttribute"]["sku_list"][0]
    return sku


def feed_of(*documents: Any) -> bytes:
    """A feed: one JSON array."""
    return json.dumps(documents, ensure_ascii=False).encode()
