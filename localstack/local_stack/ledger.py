"""Reads the ledger: feed runs, and what every product of a run should be and has become. Items: docs/data-model.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from local_stack import emulator
from local_stack.feed import Upload


@dataclass(frozen=True)
class Run:
    """One reading of one object."""

    pk: str
    name: str
    status: str
    reason: str
    counts: dict[str, Any]
    started: int

    @property
    def ended(self) -> bool:
        return self.status in ("completed", "failed", "superseded")


@dataclass(frozen=True)
class ProductState:
    """What the ledger knows of one product."""

    key: str
    """`source:id`, the product's external id everywhere."""
    pending: bool
    run: str
    pimcore_id: str
    medusa_id: str
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Last error of each stage that has one."""
    since_ms: int = 0
    """Since when it is pending."""
    place: str = ""
    """The product of the shop that shows it: itself, or the article of its group."""

    @property
    def dead(self) -> dict[str, Any] | None:
        """An error that no retry can help."""
        return next((error for error in self.errors.values() if error.get("kind") in ("permanent", "poison")), None)


class Ledger:
    """The table of one stack."""

    def __init__(self, port: int, table: str) -> None:
        self.client, self.table = emulator.client(port, "dynamodb"), table

    def _scan(self, condition: str, values: dict[str, Any], only: str = "") -> Iterator[dict[str, Any]]:
        """Items that fulfil a condition; attributes are written `#name`."""
        names = {name: name[1:] for name in re.findall(r"#\w+", condition + only)}
        arguments = {"ProjectionExpression": only} if only else {}
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.table,
            ConsistentRead=True,
            FilterExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            **arguments,
        )
        for page in pages:
            yield from (plain(item) for item in page["Items"])

    def run(self, upload: Upload, since_ms: int) -> Run | None:
        """The run of an upload: the one of its object that started last, and not before the upload."""
        found = self._scan(
            "begins_with(#pk, :pk) AND #sk = :sk AND #started >= :since",
            {":pk": {"S": upload.run_prefix}, ":sk": {"S": "run"}, ":since": {"N": str(since_ms)}},
        )
        return max((run_of(item) for item in found), key=lambda run: run.started, default=None)

    def products(self, upload: Upload, run: Run) -> list[ProductState]:
        """The products that a run changed, and those among what the upload speaks of that the ledger knows."""
        found = self._scan(
            "(#sk = :doc AND begins_with(#version, :version)) OR (#sk = :state AND #run = :run)",
            {":doc": {"S": "doc"}, ":state": {"S": "state"}, ":version": {"S": upload.version_prefix}, ":run": {"S": run.name}},
            only="#pk",
        )
        changed = {key_of(item["pk"]) for item in found}
        spoken_of = self._known(sorted(upload.speaks_of - changed)) if run.counts.get("read", 0) > run.counts.get("rejected", 0) else {}
        return self.states(sorted(changed | set(spoken_of)))

    def states(self, keys: Sequence[str]) -> list[ProductState]:
        """The states of some products, in the order of their keys."""
        items = self._known(keys)
        return [state_of({"pk": partition(key), **items.get(key, {"pending_since": 0})}) for key in keys]

    def _known(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The `state` items of those products that there are."""
        items: dict[str, dict[str, Any]] = {}
        for some in (keys[at : at + 100] for at in range(0, len(keys), 100)):
            wanted = [{"pk": {"S": partition(key)}, "sk": {"S": "state"}} for key in some]
            while wanted:
                answer = self.client.batch_get_item(RequestItems={self.table: {"Keys": wanted, "ConsistentRead": True}})
                items |= {key_of(item["pk"]["S"]): plain(item) for item in answer["Responses"].get(self.table, [])}
                wanted = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", [])
        return items

    def state(self, key: str) -> dict[str, Any]:
        """One product's `state` item as it is; empty when there is none."""
        return self._item(key, "state")

    def document(self, key: str) -> dict[str, Any]:
        """The canonical product that the ledger wants every target to hold."""
        import zstandard

        body = self._item(key, "doc")["body"]
        return dict(json.loads(zstandard.ZstdDecompressor().decompressobj().decompress(body)))

    def _item(self, key: str, sk: str) -> dict[str, Any]:
        answer = self.client.get_item(TableName=self.table, Key={"pk": {"S": partition(key)}, "sk": {"S": sk}}, ConsistentRead=True)
        return plain(answer.get("Item", {}))


def partition(key: str) -> str:
    """The partition of the product `source:id`."""
    source, _, product = key.partition(":")
    return f"P#{source}#{product}"


def key_of(pk: str) -> str:
    """The product that a partition belongs to."""
    return ":".join(pk.split("#", 2)[1:])


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """An item without DynamoDB's type tags."""
    return {name: int(value["N"]) if "N" in value else next(iter(value.values())) for name, value in item.items()}


def run_of(item: dict[str, Any]) -> Run:
    return Run(
        pk=item["pk"],
        name=item.get("run", ""),
        status=item.get("status", ""),
        reason=item.get("reason", ""),
        counts=json.loads(item.get("counts") or "{}"),
        started=item.get("started", 0),
    )


def state_of(item: dict[str, Any]) -> ProductState:
    errors = {stage: json.loads(item[f"{stage}_error"]) for stage in ("pimcore", "medusa") if item.get(f"{stage}_error")}
    key = key_of(item["pk"])
    return ProductState(
        key=key,
        pending="pending_since" in item,
        run=item.get("run", ""),
        pimcore_id=str(item.get("pimcore_id", "")),
        medusa_id=str(item.get("medusa_id", "")),
        errors=errors,
        since_ms=int(item.get("pending_since", 0)),
        # Where it moves to comes last.
        place=str(item.get("medusa_homes") or key).splitlines()[-1],
    )
