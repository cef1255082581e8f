"""The shop's rules: put into force on the stack, and what they make of prices, asked of `relay`."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from local_stack.console import Failed, say
from local_stack.paths import SOURCES, TARGET
from local_stack.stack import Stack

# A walk begins with the next minute, 10 s after the rules at the earliest, and looks at 50 products a second.
PATIENCE = 300.0


def put(stack: Stack, rules: str) -> None:
    """Puts rules into force, and waits until the products that are there follow; `none` takes out what is."""
    if rules == "none":
        files = [name.rsplit("/", 1)[-1] for name in _relay(stack, "rules", "list")["files"]]
        if files:
            _relay(stack, "rules", "remove", *files)
            _followed(stack)
        return
    said = _relay(stack, "rules", "put", rules)
    if said.get("flaws") or said.get("refused"):
        raise Failed(f"the rules {rules} are not in force", why=json.dumps(said, indent=1), todo=f"relay rules check {rules}")
    say(f"rules in force: version {said['version']}")
    _followed(stack)


def _followed(stack: Stack) -> None:
    """Waits until all products were looked at by what is in force. Those that come out different are on their way by then, and are waited for with the feed."""
    looked, begun = -1, time.monotonic()
    while not (walk := _relay(stack, "rules", "list")["walk"] or {"done": True})["done"]:
        if walk["looked"] != looked:
            looked = walk["looked"]
            say("products follow the rules within a minute or two" if looked == 0 else f"{looked} products looked at")
        if time.monotonic() - begun > PATIENCE:
            raise Failed(f"not every product follows the rules within {PATIENCE:.0f} s", why=walk["words"], todo="make logs NAME=pimcore-sync")
        time.sleep(1)


def to_begin_with(stack: Stack) -> str:
    """The sample, on a stack that never had rules; else nothing: what is in force stays, and so does `none`."""
    return "" if _relay(stack, "rules", "list")["since"] else str(SOURCES / "rules" / "sample.yaml")


def in_force(stack: Stack) -> bool:
    """Whether anything rules."""
    return (TARGET / "debug" / "relay").exists() and bool(_relay(stack, "rules", "list")["version"])


def document(stack: Stack, key: str, document: dict[str, Any]) -> dict[str, Any]:
    """What the shop is to have of a document: its prices by the rules; nothing of one that they withhold."""
    said = _relay(stack, "explain-price", key)
    prices = {variant["sku"]: variant["prices"] for variant in said["prices"]}
    variants = [variant | {"prices": prices[variant["sku"]]} for variant in document["variants"] if variant["sku"] in prices]
    withheld = said["withheld"]
    return document | {"variants": variants, "withheld": withheld, "withdrawn": bool(document.get("withdrawn") or withheld)}


def _relay(stack: Stack, *words: str) -> Any:
    command = [str(TARGET / "debug" / "relay"), f"--local={stack.place.name}", "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        raise Failed(f"relay {' '.join(words)} failed", why=done.stderr, todo="relay status")
    return json.loads(done.stdout)
