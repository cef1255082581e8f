"""What benchmarks on a stack of their own share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_stack.stack import Stack

from support.operator import Operator
from support.proxy import CountingProxy
from support.relay import Relay
from support.site import Site


@contextmanager
def own_site(name: str) -> Iterator[Site]:
    """A deployed stack for one measurement, with its surroundings; it is removed afterwards."""
    stack = Stack.open(f"{name}-{os.getpid()}", any_ports=True)
    shop = CountingProxy(stack.url("medusa"))
    try:
        stack.start(medusa=shop.url)
        yield Site(Relay(stack, shop), Operator(stack))
    finally:
        stack.stop()
        shop.close()
        stack.remove()


def write_report(path: Path, report: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
    print(path)
