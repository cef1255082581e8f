"""Counts what products cost: a proxy before the local AWS that knows DynamoDB's rules, and the story that is counted.

Units follow the documented rules, from the sizes of the items before and after each call: a write unit for each kB begun of the larger of
both, also where a condition refuses; one for each entry that is put into, taken from or moved within the index; a read unit for each 4 kB begun
of a consistent read, half of that otherwise. An emulator's own count would only be somebody else's reading of the same rules.
"""

from __future__ import annotations

import base64
import json
import math
import re
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from local_stack import emulator
from local_stack.ledger import key_of
from local_stack.stack import Stack
from local_stack.where import depths
from support.proxy import Answer, Asked, CountingProxy, Proxy, Request
from support.relay import Relay, shared

DOCUMENTS = "data/shein_products.json"
# Attributes by which an item is in the index, which holds nothing else.
INDEXED = ("pending_shard", "pending_since")
WRITES = ("UpdateItem", "PutItem", "DeleteItem")
# Feeds of so many products note what they repeat.
FEW = 3


class AwsCalls(Proxy):
    """Counts the functions' calls by operation, and what each product took."""

    def __init__(self, stack: Stack) -> None:
        self.counts: Counter[str] = Counter()
        self.products: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.largest_state = 0
        self.unknown: set[str] = set()
        self._lock = threading.Lock()
        self._dynamodb = emulator.client(stack.ports["aws"], "dynamodb")
        super().__init__(stack.url("aws"))

    def handle(self, asked: Asked) -> Answer | None:
        target = asked.headers.get("x-amz-target", "")
        if not target:
            if re.match(r"^/[a-z0-9.-]+/", asked.path):
                self._note(f"S3.{asked.method}")
            return self.forward(asked)
        service, operation = target.split(".")
        service = service.split("_")[0]
        self._note(f"{service}.{operation}")
        body = json.loads(asked.body or b"{}")
        if operation == "PutEvents":
            self._events(body["Entries"])
        if service != "DynamoDB":
            return self.forward(asked)
        if operation in WRITES:
            return self._write(asked, body)
        if operation == "BatchGetItem":
            self._read(body)
        elif operation not in ("Query", "Scan"):
            with self._lock:
                self.unknown.add(operation)
        return self.forward(asked)

    def _note(self, name: str, number: float = 1) -> None:
        with self._lock:
            self.counts[name] += number  # type: ignore[assignment]

    def _of(self, pk: str, **taken: float) -> None:
        """Puts something on a product's account; what is no product's is the feed's."""
        account = key_of(pk) if pk.startswith("P#") else ""
        with self._lock:
            for name, number in taken.items():
                self.products[account][name] += number  # type: ignore[assignment]

    def _events(self, entries: list[dict[str, Any]]) -> None:
        self._note("events", len(entries))
        for entry in entries:
            detail = json.loads(entry["Detail"])
            product = f"P#{detail['source']}#{detail['productId']}" if "productId" in detail else ""
            self._of(product, **{f"event {entry['DetailType']}": 1})

    def _item(self, table: str, key: dict[str, Any]) -> dict[str, Any]:
        return dict(self._dynamodb.get_item(TableName=table, Key=_binary(key), ConsistentRead=True).get("Item", {}))

    def _write(self, asked: Asked, body: dict[str, Any]) -> Answer | None:
        key = body.get("Key") or {name: body["Item"][name] for name in ("pk", "sk")}
        before = self._item(body["TableName"], key)
        answer = self.forward(asked)
        after = self._item(body["TableName"], key)
        pk, sk = key["pk"]["S"], key["sk"]["S"]
        kind = sk if sk in ("doc", "state", "run") else "other"
        self._note(f"written {kind}")
        left, entered = [[item[name] for name in INDEXED if name in item] for item in (before, after)]
        moved = 0 if left == entered else sum(len(place) == len(INDEXED) for place in (left, entered))
        self._of(pk, **{f"write {kind}": max(1, math.ceil(max(size_of(before), size_of(after)) / 1024)), "write index": moved})
        if kind == "state":
            with self._lock:
                self.largest_state = max(self.largest_state, size_of(after))
        return answer

    def _read(self, body: dict[str, Any]) -> None:
        for table, wanted in body["RequestItems"].items():
            share = 1 if wanted.get("ConsistentRead") else 2
            self._note("items read", len(wanted["Keys"]))
            for key in wanted["Keys"]:
                self._of(key["pk"]["S"], read=max(1, math.ceil(size_of(self._item(table, key)) / 4096)) / share)

    def take(self) -> tuple[Counter[str], dict[str, Counter[str]]]:
        """What was counted since the last time."""
        with self._lock:
            counted, products = self.counts, dict(self.products)
            self.counts, self.products = Counter(), defaultdict(Counter)
        return counted, products


def _binary(key: dict[str, Any]) -> dict[str, Any]:
    return {name: {kind: base64.b64decode(value) if kind == "B" else value for kind, value in tagged.items()} for name, tagged in key.items()}


SIZES: dict[str, Callable[[Any], int]] = {
    "B": len,
    "N": lambda number: (len(number.strip("-0").replace(".", "")) + 1) // 2 + 1,
}


def size_of(item: dict[str, Any]) -> int:
    """Bytes of an item as DynamoDB counts them: names and values; a number takes a byte for two digits and one more."""
    total = 0
    for name, tagged in item.items():
        ((kind, value),) = tagged.items()
        total += len(name.encode()) + SIZES.get(kind, lambda text: len(str(text).encode()))(value)
    return total


def feed(originals: list[dict[str, Any]], products: int, cents: int) -> tuple[list[str], bytes]:
    """The real documents under new ids, each by itself; prices end in the given cents."""
    keys, documents = [], []
    for number in range(products):
        original = originals[number % len(originals)]
        goods = original["info"]["productInfo"]["goods_id"]
        document = json.loads(json.dumps(original).replace(f'"{goods}"', f'"7{number:08}"'))
        del document["info"]["productInfo"]["productRelationID"]
        for sku in document["info"]["saleAttr"]["multiLevelSaleAttribute"]["sku_list"]:
            sku["sku_code"] = f"m{number}-{sku['sku_code']}"
            price = sku["priceInfo"]["salePrice"]
            price["amount"] = re.sub(r"\d\d$", f"{cents:02}", price["amount"])
        keys.append(f"shein-api:7{number:08}")
        documents.append(document)
    return keys, json.dumps(documents, ensure_ascii=False).encode()


@contextmanager
def schedules_stopped(relay: Relay) -> Iterator[None]:
    """Stops the stack's schedules, which would come in between."""
    client, prefix = relay.client("scheduler"), f"{relay.stack.place.cfn}-"

    def switch(state: str) -> None:
        for name in [entry["Name"] for entry in client.list_schedules(NamePrefix=prefix)["Schedules"]]:
            known = client.get_schedule(Name=name)
            known = {field: known[field] for field in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
            client.update_schedule(**known, State=state)

    switch("DISABLED")
    try:
        yield
    finally:
        switch("ENABLED")


class Story:
    """New products, the same feed again, other prices; after each what the PIM's change feed makes of the pipeline's own saves, the echo."""

    def __init__(self, relay: Relay, aws: AwsCalls, shop: CountingProxy) -> None:
        self.relay, self.aws, self.shop = relay, aws, shop
        self.originals = json.loads(shared(DOCUMENTS).read_text())
        self.feed_bytes = 0

    def feed(self, name: str, products: int, cents: int) -> dict[str, Any]:
        """One feed, until everything has arrived."""
        keys, body = feed(self.originals, products, cents)
        self.feed_bytes = max(self.feed_bytes, len(body))
        return self._counted(lambda: self._arrive(name, keys, body))

    def _arrive(self, name: str, keys: list[str], body: bytes) -> dict[str, Any]:
        began = time.monotonic()
        run = self.relay.run_of(self.relay.upload(f"incoming/shein-api/{name}.json", body))
        self.relay.wait_for_arrival(keys, within=900)
        return {"run": run.counts, "seconds": round(time.monotonic() - began, 1)}

    def echo(self) -> dict[str, Any]:
        """The change feed is read once."""
        return self._counted(self._follow)

    def _follow(self) -> dict[str, Any]:
        name = self.relay.outputs["PimcoreSyncFunction"]
        answer = self.relay.client("lambda").invoke(FunctionName=name, Payload=b'{"action":"changes"}')
        assert "FunctionError" not in answer, answer["Payload"].read()
        return {}

    def _counted(self, story: Any) -> dict[str, Any]:
        self.settle()
        self.aws.take()
        self.shop.forget()
        pim, logged, ran = self.relay.pim_counts(), self._log_bytes(), self._invocations()
        result = story()
        self.settle()
        counts, products = self.aws.take()
        after = self.relay.pim_counts()
        return {
            **result,
            "aws": counts,
            "products": products,
            "invocations": self._invocations() - ran,
            "logBytes": self._log_bytes() - logged,
            "pimcore": Counter({name: after[name] - pim.get(name, 0) for name in ("requests", "queries", "mutations", "aliasesWritten")}),
            "medusa": Counter(path_of(request) for request in self.shop.requests),
        }

    def settle(self) -> None:
        """Waits until no message waits and nobody writes any more."""
        last: object = None
        while True:
            now = (self.aws.counts["DynamoDB.UpdateItem"], any(depths(self.relay.stack).values()))
            if now == last and not now[1]:
                return
            last = now
            time.sleep(3)

    def _log_groups(self) -> list[str]:
        return [f"/aws/lambda/{self.relay.stack.place.cfn}-{name}" for name in ("normalize", "pimcore-sync", "medusa-push")]

    def _events(self, group: str) -> list[dict[str, Any]]:
        pages = self.relay.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event for page in pages for event in page["events"]]

    def _log_bytes(self) -> int:
        return sum(len(event["message"].encode()) for group in self._log_groups() for event in self._events(group))

    def _invocations(self) -> Counter[str]:
        prefix = f"/aws/lambda/{self.relay.stack.place.cfn}-"
        return Counter({group.removeprefix(prefix): sum(e["message"].startswith("START ") for e in self._events(group)) for group in self._log_groups()})


def path_of(request: Request) -> str:
    """What was asked of the shop, without ids and questions."""
    return f"{request.method} {re.sub(r'/[a-z]+_[0-9A-Z]{26}', '/…', request.path.partition('?')[0])}"


def targets_of(relay: Relay) -> dict[str, int]:
    """Queue messages that one event of each type on the catalog bus becomes, whatever it says in detail."""
    client, bus, found = relay.client("events"), relay.outputs["CatalogBus"], Counter[str]()
    for rule in client.list_rules(EventBusName=bus)["Rules"]:
        pattern = json.loads(rule["EventPattern"])
        for kind in [] if "detail" in pattern else pattern["detail-type"]:
            found[kind] += len(client.list_targets_by_rule(EventBusName=bus, Rule=rule["Name"])["Targets"])
    return dict(found)


def per_product(products: dict[str, Counter[str]], keys: list[str], kinds: int, targets: dict[str, int]) -> dict[str, float]:
    """What one product took: of the products of each document the median, so that a message that came twice on a busy machine does not count; then
    the mean of the documents."""
    names = {name for key in keys for name in products.get(key, {})}
    taken: dict[str, float] = defaultdict(float)
    for name in sorted(names):
        medians = [statistics.median(products.get(key, Counter())[name] for key in keys[kind::kinds]) for kind in range(kinds)]
        amount = statistics.mean(medians)
        if name.startswith("event "):
            taken["events"] += amount
            taken["messages"] += amount * targets.get(name.removeprefix("event "), 0)
        else:
            taken[name] = amount
    taken["write"] = sum(amount for name, amount in taken.items() if name.startswith("write "))
    return {name: round(amount, 2) for name, amount in taken.items()}
