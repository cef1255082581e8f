"""The stack that the end-to-end tests of one process share: its own ports, its own state, IAM enforced, gone afterwards.

RELAY_TEST_STACK=name keeps it under that name, so that the next run need not start it anew. Of several processes (`pytest -n 2`) each has one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from local_stack.paths import REPORTS
from local_stack.stack import Stack
from support.budget import Budget, module_of, shares
from support.proxy import CountingProxy
from support.relay import Relay


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Budget(REPORTS / "e2e-times.json"), "budget")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Shares whole modules out among the processes (`pytest -n 2 --dist loadscope`)."""
    from xdist.scheduler import LoadScopeScheduling

    class ByBudget(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            mine = shares([module_of(one) for one in self.collection or [nodeid]], self.numnodes)
            return str(mine[module_of(nodeid)])

    return ByBudget(config, log)


@pytest.fixture(scope="session")
def budget(pytestconfig: pytest.Config) -> Budget:
    found: Budget = pytestconfig.pluginmanager.get_plugin("budget")
    return found


@pytest.fixture(scope="session")
def relay(budget: Budget) -> Iterator[Relay]:
    kept, process = os.environ.get("RELAY_TEST_STACK"), os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    if kept and process != "gw0":
        kept += f"-{process}"
    stack = Stack.open(kept or f"test-{os.getpid()}", any_ports=True)
    proxy = CountingProxy(stack.url("medusa"))
    try:
        with budget.shared("start and end of the shared stack"):
            stack.start(medusa=proxy.url)
        yield Relay(stack, proxy)
    finally:
        with budget.shared("start and end of the shared stack"):
            proxy.close()
            logs = REPORTS / "e2e-logs" / process
            shutil.rmtree(logs, ignore_errors=True)
            if stack.place.logs.exists():
                shutil.copytree(stack.place.logs, logs)
            if not kept:
                stack.remove()
