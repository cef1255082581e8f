"""The stack that the end-to-end tests share: its own ports, its own state, IAM enforced, gone afterwards.

RELAY_TEST_STACK=name keeps it under that name, so that the next run need not start it anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from local_stack.paths import REPORTS
from local_stack.stack import Stack
from support.budget import Budget
from support.proxy import CountingProxy
from support.relay import Relay


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Budget(REPORTS / "e2e-times.json"), "budget")


@pytest.fixture(scope="session")
def budget(pytestconfig: pytest.Config) -> Budget:
    found: Budget = pytestconfig.pluginmanager.get_plugin("budget")
    return found


@pytest.fixture(scope="session")
def relay(budget: Budget) -> Iterator[Relay]:
    kept = os.environ.get("RELAY_TEST_STACK")
    stack = Stack.open(kept or f"test-{os.getpid()}", any_ports=True)
    proxy = CountingProxy(stack.url("medusa"))
    try:
        with budget.shared("start and end of the shared stack"):
            stack.start(medusa=proxy.url)
        yield Relay(stack, proxy)
    finally:
        with budget.shared("start and end of the shared stack"):
            proxy.close()
            logs = REPORTS / "e2e-logs"
            shutil.rmtree(logs, ignore_errors=True)
            if stack.place.logs.exists():
                shutil.copytree(stack.place.logs, logs)
            if not kept:
                stack.remove()
