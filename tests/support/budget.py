"""Where the time of the end-to-end tests goes: seconds by module beside the module's budget, at the end of every run.

A module over its budget is named, not failed: machines differ. The table is also a report, `target/reports/e2e-times.json`.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

# Seconds on two cores, beside the Rust tests. Two processes share the modules: together these take half of their sum.
BUDGET = 60
BUDGETS = {
    "chaos/test_storm.py": 300,
    "test_breaker.py": 300,
    "test_failures_outages.py": 240,
    "test_failures_data.py": 240,
    "test_sam_local.py": 180,
    "chaos/test_costs.py": 150,
    "test_dead_letters.py": 120,
    "test_security_secrets.py": 120,
    "test_outages.py": 120,
    "test_two_stacks.py": 120,
    "test_products.py": 90,
    "test_security_each_permission.py": 90,
}
# What a module without a budget of its own weighs when they are shared out.
LIGHT = 15
# Under which name a test's report says what of its time was shared.
SHARED = "shared"


class Budget:
    """Adds up what each module's tests, with their fixtures, take. What modules share is a line of its own, not the first module's.

    Where several processes share the tests, each notes in its reports what was shared, and the one that prints adds them up.
    """

    def __init__(self, report: Path) -> None:
        self.report = report
        self.seconds: Counter[str] = Counter()
        self._shared: list[tuple[str, float]] = []

    @contextmanager
    def shared(self, what: str) -> Iterator[None]:
        """What is done within belongs to no module."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self._shared.append((f"({what})", time.monotonic() - begun))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        self.note(report)
        return report

    def note(self, report: pytest.TestReport) -> None:
        """Writes into a test's report what of its time was shared."""
        report.user_properties.append((SHARED, self._shared))
        self._shared = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        shared = [(what, took) for name, noted in report.user_properties if name == SHARED for what, took in noted]
        for what, took in shared:
            self.seconds[what] += took
        self.seconds[module_of(report.nodeid)] += report.duration - sum(took for _, took in shared)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        rows = table(self.seconds)
        if not rows:
            return
        terminalreporter.section("seconds by module (budget)")
        for module, took, allowed in rows:
            mark = "  OVER" if took > allowed else ""
            terminalreporter.write_line(f"{took:7.1f} ({allowed:3d})  {module}{mark}")
        self.report.parent.mkdir(parents=True, exist_ok=True)
        self.report.write_text(json.dumps([{"module": module, "seconds": took, "budget": allowed} for module, took, allowed in rows], indent=1))


def module_of(nodeid: str) -> str:
    return nodeid.partition("::")[0].removeprefix("tests/")


def shares(modules: Sequence[str], processes: int) -> dict[str, int]:
    """Which process runs which module. Always the same for the same modules, and each runs its own in their usual order: what fails can be repeated.

    Modules of a folder share a stack of their own, and stay together.
    """
    heavy: Counter[str] = Counter()
    for module in set(modules):
        heavy[_together(module)] += BUDGETS.get(module, LIGHT)
    loads, found = [0] * processes, {}
    for unit, weight in sorted(heavy.items(), key=lambda one: (-one[1], one[0])):
        found[unit] = loads.index(min(loads))
        loads[found[unit]] += weight
    return {module: found[_together(module)] for module in modules}


def _together(module: str) -> str:
    return module.partition("/")[0]


def table(seconds: Counter[str]) -> list[tuple[str, float, int]]:
    """Module, seconds and budget of those that took at least a second, the longest first."""
    return [(module, round(took, 1), BUDGETS.get(module, BUDGET)) for module, took in seconds.most_common() if took >= 1]
