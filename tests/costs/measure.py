"""Counts what a product costs in calls to AWS, Pimcore and Medusa, and writes counts.json for page.py.

    make up && PYTHONPATH=localstack:tests .local/venv/bin/python tests/costs/measure.py --products 300

Starts a stack of its own with proxies, sends the real SHEIN documents under new ids until there are enough of them, then the same feed again, then
the same products with other prices. Only counts are kept: a local emulator says nothing about AWS's speed. What the queues' pollers do happens
inside the emulator and is not seen. The units a product takes are counted as in chaos/test_costs.py, which holds them against their bounds.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
from collections import Counter
from typing import Any

from costs.counting import AwsCalls, Story, schedules_stopped, size_of, targets_of
from local_stack.paths import REPO
from local_stack.stack import Stack
from support.proxy import CountingProxy
from support.relay import Relay

OUT = REPO / "tests" / "costs" / "counts.json"


def sizes(relay: Relay) -> dict[str, int]:
    """Mean bytes of the items of a product."""
    found: dict[str, list[int]] = {"doc": [], "state": []}
    for page in relay.client("dynamodb").get_paginator("scan").paginate(TableName=relay.outputs["LedgerTable"]):
        for item in page["Items"]:
            if item["sk"]["S"] in found:
                found[item["sk"]["S"]].append(size_of(item))
    return {kind: round(sum(values) / len(values)) for kind, values in found.items()}


def units(products: dict[str, Counter[str]], targets: dict[str, int]) -> dict[str, float]:
    """Everything that was taken, also twice, also by the feed itself."""
    total = sum(products.values(), Counter[str]())
    messages = sum(number * targets.get(name.removeprefix("event "), 0) for name, number in total.items() if name.startswith("event "))
    return {"write": sum(number for name, number in total.items() if name.startswith("write ")), "read": total["read"], "messages": messages}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--products", type=int, default=300)
    products: int = parser.parse_args().products

    stack = Stack.open(f"costs-{os.getpid()}", any_ports=True)
    aws, shop = AwsCalls(stack), CountingProxy(stack.url("medusa"))
    try:
        stack.start(aws=aws.url, medusa=shop.url)
        relay = Relay(stack, shop)
        result: dict[str, Any] = {"measured": datetime.datetime.now(datetime.timezone.utc).date().isoformat(), "products": products}
        with schedules_stopped(relay):
            story, targets = Story(relay, aws, shop), targets_of(relay)
            for what, cents in (("new", 11), ("unchanged", 11), ("changed", 22)):
                # What the change feed makes of the pipeline's own writes belongs to the price of a change.
                first, echo = story.feed(what, products, cents), story.echo()
                both = {name: dict(sorted((first[name] + echo[name]).items())) for name in ("aws", "invocations", "pimcore", "medusa")}
                taken, again = units(first["products"], targets), units(echo["products"], targets)
                result[what] = {
                    "run": first["run"],
                    "seconds": first["seconds"],
                    **both,
                    "units": {name: taken[name] + again[name] for name in taken},
                    "logBytes": first["logBytes"] + echo["logBytes"],
                }
        result["feedBytes"] = story.feed_bytes
        result["itemBytes"] = sizes(relay)
        OUT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
        print(OUT.read_text())
    finally:
        stack.stop()
        aws.close()
        shop.close()
        stack.remove()


if __name__ == "__main__":
    main()
