"""What CI says of its own time: steps, modules, and what is built once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from local_stack import install
from local_stack.paths import REPO
from support import budget
from support.budget import Budget


def reported(module: str, seconds: float) -> Any:
    return SimpleNamespace(nodeid=f"tests/{module}::test_it", duration=seconds, user_properties=[])


def test_what_modules_share_is_nobodys_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 130.0])
    monkeypatch.setattr(budget, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    process, found = Budget(tmp_path / "times.json"), Budget(tmp_path / "times.json")
    with process.shared("start of the stack"):
        pass
    for report in (reported("test_a.py", 34.0), reported("test_a.py", 5.0)):
        process.note(report)
        found.pytest_runtest_logreport(report)
    assert budget.table(found.seconds) == [("(start of the stack)", 30.0, 60), ("test_a.py", 9.0, 60)]


def test_modules_are_shared_out_by_their_budgets_and_always_the_same() -> None:
    modules = ["chaos/test_costs.py", "chaos/test_storm.py", "test_a.py", "test_breaker.py", "test_failures_data.py"]
    found = budget.shares(modules, 2)
    assert found == budget.shares(modules[::-1], 2)
    assert found == {"chaos/test_costs.py": 0, "chaos/test_storm.py": 0, "test_breaker.py": 1, "test_failures_data.py": 1, "test_a.py": 0}
    assert set(budget.shares(modules, 1).values()) == {0}


def test_no_test_of_a_crate_is_forgotten() -> None:
    """Where the tests of a crate are one program, each file is one of its modules or a program of its own."""
    crates = [manifest for manifest in REPO.glob("*/*/Cargo.toml") if "autotests = false" in manifest.read_text()]
    assert crates
    for manifest in crates:
        folder = manifest.parent / "tests"
        named = set(re.findall(r"^mod (\w+);", (folder / "all.rs").read_text(), re.MULTILINE))
        named |= set(re.findall(r'\[\[test\]\]\nname = "(\w+)"', manifest.read_text()))
        assert {path.stem for path in folder.glob("*.rs")} <= named, folder


@pytest.mark.parametrize(("told", "wanted"), [("tests", ["--workspace", "--bins", "--tests"]), ("", ["--package", "normalize"])])
def test_the_binaries_are_built_with_the_tests_where_both_are_wanted(monkeypatch: pytest.MonkeyPatch, told: str, wanted: list[str]) -> None:
    calls: list[list[str]] = []
    monkeypatch.setenv("RELAY_BUILD_WITH", told)
    monkeypatch.setattr(install, "run", lambda _what, command, *_, **__: calls.append(command))
    install.binaries()
    assert calls[0][3 : 3 + len(wanted)] == wanted


def test_a_step_that_fails_is_noted_and_fails(tmp_path: Path) -> None:
    place = tmp_path / ".ci" / "times.py"
    place.parent.mkdir()
    place.write_bytes((REPO / ".ci" / "times.py").read_bytes())
    (tmp_path / "CONTRIBUTING.md").write_text("before\n<!-- times -->\n<!-- end -->\nafter\n")

    def called(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, place, *arguments], capture_output=True, text=True, check=False)

    assert called("run", "one", "true").returncode == 0
    failed = called("run", "two", "sh", "-c", "exit 3")
    assert failed.returncode == 3
    assert "FAILED (3)" in failed.stdout
    assert called("table", "--write").returncode == 0
    kept = json.loads((tmp_path / "target" / "reports" / "ci-times.json").read_text())
    assert [(step["step"], step["code"]) for step in kept["steps"]] == [("one", 0), ("two", 3)]
    page = (tmp_path / "CONTRIBUTING.md").read_text()
    assert page.startswith("before\n<!-- times -->\n- ")
    assert re.search(r"\n- one: \d+ s \(\d+\)\n- two: \d+ s \(\d+\)\n", page)
    assert page.endswith("<!-- end -->\nafter\n")


def test_no_module_is_divided_between_processes(tmp_path: Path) -> None:
    """Its tests share fixtures, and build upon each other."""
    pytest.importorskip("xdist", reason="NOT TESTED: pytest-xdist is not installed")
    command = [sys.executable, "-m", "pytest", "-v", "-c", "tests/pytest.ini", "tests/test_ci.py", "tests/test_heals.py", "-k", "not divided", "-n", "2"]
    said = subprocess.run([*command, "--dist", "loadscope"], cwd=REPO, capture_output=True, text=True, check=False, timeout=300).stdout
    ran = re.findall(r"\[(gw\d)\].* PASSED tests/(\w+)\.py", said)
    assert {module for _, module in ran} == {"test_ci", "test_heals"}, said
    assert len(set(ran)) == 2, set(ran)
