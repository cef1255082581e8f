"""Counts what a product costs in calls to AWS, Pimcore and Medusa, and writes docs/costs.json for docs/costs.py.

    make up && PYTHONPATH=localstack:tests .local/venv/bin/python tests/measure_calls.py --products 300

Starts a stack of its own with a proxy before the local AWS, sends the real SHEIN documents under new ids until there are enough of them, then the
same feed again, then the same products with other prices. Only counts are kept: a local emulator says nothing about AWS's speed. What the queues'
pollers do happens inside the emulator and is not seen.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local_stack import emulator
from local_stack.paths import REPO
from local_stack.stack import Stack
from support.proxy import HOP_BY_HOP, CountingProxy, Request
from support.relay import Relay

OUT = REPO / "docs" / "costs.json"
# Longest time until the change feed has been read once after the last write, in seconds.
ECHO = 70
DOCUMENTS = REPO.parent / "shared" / "data" / "shein_products.json"


class Calls:
    """A proxy before the local AWS that counts the functions' calls by operation."""

    def __init__(self, port: int) -> None:
        self.counts: Counter[str] = Counter()
        calls = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                upstream = HTTPConnection("127.0.0.1", port, timeout=60)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                try:
                    upstream.request(self.command, self.path, body, headers)
                    answer = upstream.getresponse()
                    content = answer.read()
                except (OSError, HTTPException):
                    # The emulator stops before the functions that still poll it.
                    self.close_connection = True
                    return
                finally:
                    upstream.close()
                calls.note(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                length = answer.getheader("content-length") if self.command == "HEAD" else None
                self.send_header("content-length", length or str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _pass_on  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Counted, not printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def note(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        if "boto" in headers.get("user-agent", "").lower():
            return  # this script and samlocal
        target = headers.get("x-amz-target", "")
        if target:
            service, operation = target.split(".")
            name = f"{service.split('_')[0]}.{operation}"
            self.counts[name] += 1
            if operation == "PutEvents":
                self.counts["events"] += len(json.loads(body)["Entries"])
            if operation == "BatchGetItem":
                tables = json.loads(body)["RequestItems"].values()
                self.counts["items read"] += sum(len(table["Keys"]) for table in tables)
            if operation == "UpdateItem":
                kind = json.loads(body)["Key"]["sk"]["S"]
                self.counts[f"written {kind if kind in ('doc', 'state', 'run') else 'other'}"] += 1
        elif re.match(r"^/[a-z0-9.-]+/", path):
            self.counts[f"S3.{method}"] += 1

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def feed(products: int, cents: int) -> tuple[list[str], bytes]:
    """The real documents under new ids; prices end in the given cents."""
    originals = json.loads(DOCUMENTS.read_text())
    keys, documents = [], []
    for number in range(products):
        original = originals[number % len(originals)]
        goods = original["info"]["productInfo"]["goods_id"]
        document = json.loads(json.dumps(original).replace(f'"{goods}"', f'"7{number:08}"'))
        for sku in document["info"]["saleAttr"]["multiLevelSaleAttribute"]["sku_list"]:
            sku["sku_code"] = f"m{number}-{sku['sku_code']}"
            price = sku["priceInfo"]["salePrice"]
            price["amount"] = re.sub(r"\d\d$", f"{cents:02}", price["amount"])
        keys.append(f"shein-api:7{number:08}")
        documents.append(document)
    return keys, json.dumps(documents, ensure_ascii=False).encode()


def size_of(item: dict[str, Any]) -> int:
    """Bytes of an item as DynamoDB counts them, near enough: names and values."""
    total = 0
    for name, tagged in item.items():
        (kind, value) = next(iter(tagged.items()))
        total += len(name.encode()) + (len(value) if kind == "B" else len(str(value).encode()))
    return total


def sizes(relay: Relay) -> dict[str, int]:
    """Mean bytes of the items of a product."""
    found: dict[str, list[int]] = {"doc": [], "state": []}
    for page in relay.client("dynamodb").get_paginator("scan").paginate(TableName=relay.outputs["LedgerTable"]):
        for item in page["Items"]:
            if item["sk"]["S"] in found:
                found[item["sk"]["S"]].append(size_of(item))
    return {kind: round(sum(values) / len(values)) for kind, values in found.items()}


def log_bytes(relay: Relay) -> int:
    logs, total = relay.client("logs"), 0
    for name in ("normalize", "pimcore-sync", "medusa-push"):
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{relay.stack.place.cfn}-{name}"):
            total += sum(len(event["message"].encode()) for event in page["events"])
    return total


def invocations(relay: Relay) -> Counter[str]:
    logs, found = relay.client("logs"), Counter[str]()
    for name in ("normalize", "pimcore-sync", "medusa-push"):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{relay.stack.place.cfn}-{name}")
        found[name] = sum(event["message"].startswith("START ") for page in pages for event in page["events"])
    return found


def path_of(request: Request) -> str:
    """What was asked of the shop, without ids and questions."""
    return f"{request.method} {re.sub(r'/[a-z]+_[0-9A-Z]{26}', '/…', request.path.partition('?')[0])}"


def settle(aws: Calls) -> None:
    """Waits until nobody writes any more."""
    last = -1
    while last != (last := aws.counts["DynamoDB.UpdateItem"]):
        time.sleep(8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--products", type=int, default=300)
    products: int = parser.parse_args().products

    stack = Stack.open(f"costs-{os.getpid()}", any_ports=True)
    aws, shop = Calls(stack.ports["aws"]), CountingProxy(stack.url("medusa"))
    real = emulator.endpoint
    emulator.endpoint = lambda port: aws.url if port == stack.ports["aws"] else real(port)  # what the functions inherit
    try:
        stack.start(medusa=shop.url)
        relay = Relay(stack, shop)
        result: dict[str, Any] = {"measured": datetime.datetime.now(datetime.timezone.utc).date().isoformat(), "products": products}
        for what, cents in (("new", 11), ("unchanged", 11), ("changed", 22)):
            keys, body = feed(products, cents)
            before, logged, ran, pim = aws.counts.copy(), log_bytes(relay), invocations(relay), relay.pim_counts()
            shop.forget()
            began = time.monotonic()
            sent = relay.upload(f"incoming/shein-api/{what}.json", body)
            run = relay.run_of(sent)
            relay.wait_for_arrival(keys, within=600)
            took = time.monotonic() - began
            # Once a minute the PIM's change feed is read, and it has the pipeline's own writes, too: they belong to the price of a change.
            time.sleep(ECHO)
            settle(aws)
            counts = aws.counts - before
            after = relay.pim_counts()
            result[what] = {
                "run": run.counts,
                "seconds": round(took, 1),
                "aws": dict(sorted(counts.items())),
                "invocations": dict(invocations(relay) - ran),
                "logBytes": log_bytes(relay) - logged,
                "pimcore": {name: after[name] - pim.get(name, 0) for name in ("requests", "queries", "mutations", "aliasesWritten")},
                "medusa": dict(Counter(path_of(request) for request in shop.requests)),
            }
            result["feedBytes"] = len(body)
        result["itemBytes"] = sizes(relay)
        OUT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
        print(OUT.read_text())
    finally:
        emulator.endpoint = real
        stack.stop()
        aws.close()
        shop.close()
        stack.remove()


if __name__ == "__main__":
    main()
