"""The pipeline's side: the GraphQL that it sends, with what it read."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

FOLDER = "/catalog/products"
CONFLICT = "catalog conflict:"

CREATE = (
    'mutation WriteProducts($p0:String!,$b0:Boolean,$i0:UpdateCatalogProductInput){a0:createCatalogProduct(key:$p0,path:"/catalog/products",'
    "published:$b0,input:$i0){success message output{id fullpath modificationDate}}}"
)
UPDATE = (
    "mutation WriteProducts($p0:String,$i0:UpdateCatalogProductInput){a0:updateCatalogProduct(fullpath:$p0,%sinput:$i0)"
    "{success message output{id fullpath modificationDate}}}"
)
READ = (
    "query($f:String){getCatalogProductListing(filter:$f,published:false,first:2){edges{node{id fullpath published modificationDate contentHash "
    'name_en:name(language:"en") name_ar:name(language:"ar") marketingName_en:marketingName(language:"en") shopVisibility '
    "prices{... on fieldcollection_CatalogPrice{sku currency amount}}}}}}"
)
COUNT = "query($f:String){getCatalogProductListing(filter:$f,published:false){totalCount}}"
READ_BY_ID = "query($n:Int){getCatalogProduct(id:$n){id fullpath modificationDate}}"
READ_VERSION = "query($n:Int){getCatalogProduct(id:$n){version}}"
SCHEMA = "{__schema{types{name fields{name args{name}} inputFields{name}}}}"


@dataclass(frozen=True)
class Answer:
    """How an alias ended."""

    success: bool
    message: str
    id: int | None = None

    @property
    def conflict(self) -> bool:
        return not self.success and self.message.startswith(CONFLICT)


@dataclass(frozen=True)
class Product:
    """A product as Data Hub gives it."""

    id: int
    path: str
    published: bool
    date: int
    hash: str | None
    name: str | None
    text: str | None
    visibility: str | None
    prices: tuple[str, ...]
    arabic: str | None = None


def update_body(path: str, fields: dict[str, Any], *, read: int | None, omit_version: bool = True) -> dict[str, Any]:
    """An update as pimcore-sync sends it; `read` is the modification date that it was decided upon."""
    body: dict[str, Any] = {"query": UPDATE % ("omitVersionCreate:true," if omit_version else ""), "variables": {"p0": path, "i0": fields}}
    if read is not None:
        body["extensions"] = {"catalogRelay": {"read": {path: read}}}
    return body


def prices(*amounts: str) -> dict[str, Any]:
    """A whole list of prices."""
    rows = [{"sku": f"s{n}", "currency": "USD", "amount": amount} for n, amount in enumerate(amounts)]
    return {"replace": True, "items": {"CatalogPrice": rows}}


class Hub:
    """Data Hub's configuration `catalog`."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = f"{url.rstrip('/')}/pimcore-graphql-webservices/catalog", key

    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"X-API-Key": self.key, "Content-Type": "application/json", "Accept": "application/json"}
        request = urllib.request.Request(self.url, data=json.dumps(body).encode(), headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            said: dict[str, Any] = json.load(answer)
        return said

    def write(self, body: dict[str, Any]) -> Answer:
        said = self.post(body)
        alias = (said.get("data") or {}).get("a0")
        if alias is None:
            return Answer(False, str((said.get("errors") or [{"message": "no answer"}])[0].get("message")))
        number = (alias.get("output") or {}).get("id")
        return Answer(bool(alias["success"]), str(alias["message"]), None if number is None else int(number))

    def create(self, key: str, external_id: str, fields: dict[str, Any], *, published: bool = True) -> Answer:
        variables = {"p0": key, "b0": published, "i0": {"externalId": external_id, **fields}}
        return self.write({"query": CREATE, "variables": variables})

    def read(self, external_id: str) -> Product | None:
        said = self.post({"query": READ, "variables": {"f": json.dumps({"externalId": external_id})}})
        edges = said["data"]["getCatalogProductListing"]["edges"]
        if not edges:
            return None
        node = edges[0]["node"]
        amounts = tuple(str(row["amount"]) for row in node["prices"] or [])
        return Product(
            int(node["id"]),
            node["fullpath"],
            bool(node["published"]),
            int(node["modificationDate"]),
            node["contentHash"],
            node["name_en"],
            node["marketingName_en"],
            node["shopVisibility"],
            amounts,
            node["name_ar"],
        )

    def above(self, object_id: int, count: int) -> bool:
        """Whether the number of its last version is above `count`: no query shows the number itself."""
        filtered = json.dumps({"$and": [{"id": object_id}, {"versionCount": {"$gt": count}}]})
        return bool(self.post({"query": COUNT, "variables": {"f": filtered}})["data"]["getCatalogProductListing"]["totalCount"])

    def said_of(self, object_id: int) -> str:
        """What is said of an object by its number."""
        said = self.post({"query": READ_BY_ID, "variables": {"n": object_id}})
        errors = said.get("errors")
        return "there" if not errors else str(errors[0]["message"]).replace(str(object_id), "N")

    def version_of(self, object_id: int) -> str:
        """The version that GraphQL names of an object."""
        return str(self.post({"query": READ_VERSION, "variables": {"n": object_id}})["data"]["getCatalogProduct"]["version"])

    def words(self) -> set[str]:
        """Every name of the schema."""
        found = set()
        for kind in self.post({"query": SCHEMA})["data"]["__schema"]["types"]:
            found.add(kind["name"])
            for field in [*(kind["fields"] or []), *(kind["inputFields"] or [])]:
                found |= {field["name"], *(argument["name"] for argument in field.get("args") or [])}
        return found
