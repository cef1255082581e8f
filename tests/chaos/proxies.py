"""Proxies that spoil what passes through them: before a request took effect, after it did, late, twice, half, or not at all.

Each is quiet until told otherwise. During the storm a few requests in a hundred meet a fault, and most of them during a spell of their service.
"""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable

from support.proxy import Answer, Asked, Proxy

# How often a request meets a fault: at any time of the storm (the ledger is asked ten times as often as the others), and in a spell of its service.
ALWAYS, ALWAYS_AT_THE_LEDGER, IN_A_SPELL = 0.06, 0.02, 0.6
# Longest delay of a held announcement, in seconds.
HELD = 12.0

Fault = Callable[["FaultyProxy", Asked], "Answer | None"]


class FaultyProxy(Proxy):
    """Spoils requests at random."""

    def __init__(self, target: str, seed: int) -> None:
        self.random = random.Random(seed)
        self.stormy = False
        self.spells: set[str] = set()
        self.met: Counter[str] = Counter()
        self._lock = threading.Lock()
        super().__init__(target)

    def handle(self, asked: Asked) -> Answer | None:
        if not self.stormy:
            return self.forward(asked)
        service, faults = self.faults(asked)
        with self._lock:
            chance = IN_A_SPELL if service in self.spells else ALWAYS_AT_THE_LEDGER if service == "dynamodb" else ALWAYS
            fault = self.random.choice(faults) if faults and self.random.random() < chance else None
            if fault:
                self.met[f"{service}: {(fault.__doc__ or '').rstrip('.')}"] += 1
        return fault(self, asked) if fault else self.forward(asked)

    def faults(self, asked: Asked) -> tuple[str, list[Fault]]:
        """Which service is asked, and what can go wrong with this request."""
        raise NotImplementedError

    def seconds(self, longest: float) -> float:
        with self._lock:
            return self.random.uniform(0.1, longest)


def cut_before(_: FaultyProxy, __: Asked) -> None:
    """Cut before it took effect."""


def cut_after(proxy: FaultyProxy, asked: Asked) -> None:
    """Cut after it took effect."""
    proxy.forward(asked)


def slow(proxy: FaultyProxy, asked: Asked) -> Answer | None:
    """Slow."""
    time.sleep(proxy.seconds(2.5))
    return proxy.forward(asked)


def unavailable(_: FaultyProxy, __: Asked) -> Answer:
    """503 before it took effect."""
    return Answer(503, [("content-type", "text/html")], b"<html>made up</html>")


def broken_off(proxy: FaultyProxy, asked: Asked) -> Answer | None:
    """Answer broken off."""
    answer = proxy.forward(asked)
    return answer and Answer(answer.status, answer.headers, answer.body, broken_after=len(answer.body) // 2)


class FaultyTarget(FaultyProxy):
    """Before Pimcore or Medusa."""

    def __init__(self, name: str, target: str, seed: int) -> None:
        self.name = name
        super().__init__(target, seed)

    def faults(self, asked: Asked) -> tuple[str, list[Fault]]:
        return self.name, [cut_before, cut_after, cut_after, slow, slow, unavailable, broken_off]


def refused_before(_: FaultyProxy, __: Asked) -> Answer:
    """500 before it took effect."""
    return _internal_error()


def refused_after(proxy: FaultyProxy, asked: Asked) -> Answer:
    """500 after it took effect."""
    proxy.forward(asked)
    return _internal_error()


def throttled(_: FaultyProxy, __: Asked) -> Answer:
    """Throttled."""
    body = {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "made up"}
    return Answer(400, [("content-type", "application/x-amz-json-1.0")], json.dumps(body).encode())


def half_read(proxy: FaultyProxy, asked: Asked) -> Answer | None:
    """Half of a batch left unprocessed."""
    request = json.loads(asked.body)
    ((table, wanted),) = request["RequestItems"].items()
    keys = wanted["Keys"]
    some, rest = keys[: len(keys) // 2], keys[len(keys) // 2 :]
    if not some:
        return proxy.forward(asked)
    answer = proxy.forward(_with(asked, {**request, "RequestItems": {table: {**wanted, "Keys": some}}}))
    if answer is None or answer.status != 200:
        return answer
    return _json({**json.loads(answer.body), "UnprocessedKeys": {table: {**wanted, "Keys": rest}}})


def twice(proxy: FaultyProxy, asked: Asked) -> Answer | None:
    """Announced twice."""
    proxy.forward(asked)
    return proxy.forward(asked)


def held(proxy: FaultyProxy, asked: Asked) -> Answer:
    """Announced late."""
    timer = threading.Timer(proxy.seconds(HELD), proxy.forward, [asked])
    timer.daemon = True
    timer.start()
    return _accepted(asked)


def swallowed(_: FaultyProxy, asked: Asked) -> Answer:
    """Accepted and lost."""
    return _accepted(asked)


def half_announced(proxy: FaultyProxy, asked: Asked) -> Answer | None:
    """Half of the entries refused."""
    entries = json.loads(asked.body)["Entries"]
    some, rest = entries[: len(entries) // 2], entries[len(entries) // 2 :]
    if not some:
        return refused_before(proxy, asked)
    answer = proxy.forward(_with(asked, {"Entries": some}))
    if answer is None or answer.status != 200:
        return answer
    said = json.loads(answer.body)
    refusal = {"ErrorCode": "InternalFailure", "ErrorMessage": "made up"}
    return _json({"FailedEntryCount": len(rest), "Entries": said["Entries"] + [refusal] * len(rest)})


class FaultyAws(FaultyProxy):
    """Before the local AWS."""

    def faults(self, asked: Asked) -> tuple[str, list[Fault]]:
        target = asked.headers.get("x-amz-target", "")
        operation = target.rpartition(".")[2]
        if operation == "PutEvents":
            return "events", EVENTS
        if target:
            return SERVICES.get(target.partition("_")[0].partition(".")[0], "other"), OPERATIONS.get(operation, [])
        return "s3", OPERATIONS.get(asked.method, [])


EVENTS: list[Fault] = [refused_before, refused_after, cut_after, twice, twice, held, held, half_announced, swallowed]
SERVICES = {"DynamoDB": "dynamodb", "AmazonSQS": "sqs"}
OPERATIONS: dict[str, list[Fault]] = {
    "UpdateItem": [refused_before, refused_after, cut_after, throttled, slow],
    "BatchGetItem": [refused_before, throttled, half_read, half_read],
    "Query": [refused_before, throttled],
    "Scan": [refused_before, throttled],
    "GetItem": [refused_before, throttled],
    "SendMessage": [refused_before, refused_after, cut_after],
    "SendMessageBatch": [refused_before, refused_after, cut_after],
    "ChangeMessageVisibility": [refused_before, refused_after, cut_after],
    "ChangeMessageVisibilityBatch": [refused_before, refused_after, cut_after],
    "GET": [refused_before, broken_off, slow],
    "PUT": [refused_before, refused_after],
}


def _internal_error() -> Answer:
    body = {"__type": "InternalServerError", "message": "made up"}
    return Answer(500, [("content-type", "application/x-amz-json-1.1")], json.dumps(body).encode())


def _accepted(asked: Asked) -> Answer:
    entries = json.loads(asked.body)["Entries"]
    return _json({"FailedEntryCount": 0, "Entries": [{"EventId": str(uuid.uuid4())} for _ in entries]})


def _json(body: object) -> Answer:
    return Answer(200, [("content-type", "application/x-amz-json-1.1")], json.dumps(body).encode())


def _with(asked: Asked, body: object) -> Asked:
    return Asked(asked.method, asked.path, asked.headers, json.dumps(body).encode())
