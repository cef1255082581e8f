"""Where the time of the end-to-end tests goes: seconds by module beside the module's budget, at the end of every run.

A module over its budget is named, not failed: machines differ. The table is also a report, `target/reports/e2e-times.json`.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Seconds on two cores. Together they leave the rest of 40 minutes to lint, builds and the Rust tests.
BUDGET = 60
BUDGETS = {
    "chaos/test_storm.py": 300,
    "chaos/test_costs.py": 120,
    "test_breaker.py": 240,
    "test_failures_outages.py": 150,
    "test_outages.py": 120,
    "test_two_stacks.py": 120,
}


class Budget:
    """Adds up what each module's tests, with their fixtures, take. What modules share is a line of its own, not the first module's."""

    def __init__(self, report: Path) -> None:
        self.report = report
        self.seconds: Counter[str] = Counter()
        self._shared = 0.0

    @contextmanager
    def shared(self, what: str) -> Iterator[None]:
        """What is done within belongs to no module."""
        begun = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - begun
            self.seconds[f"({what})"] += took
            self._shared += took

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid.partition("::")[0].removeprefix("tests/")] += report.duration - self._shared
        self._shared = 0.0

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


def table(seconds: Counter[str]) -> list[tuple[str, float, int]]:
    """Module, seconds and budget of those that took at least a second, the longest first."""
    return [(module, round(took, 1), BUDGETS.get(module, BUDGET)) for module, took in seconds.most_common() if took >= 1]
