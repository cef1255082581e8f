#!/usr/bin/env python3
"""Where the time of a CI run goes.

    .ci/times.py run STEP COMMAND…   runs a step of it and notes what it took; exits as the command does
    .ci/times.py table [--write]     prints what the steps, the end-to-end modules and the slowest Rust tests took, and keeps it in
                                     target/reports/ci-times.json; --write puts the steps into CONTRIBUTING.md
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

REPO = Path(__file__).resolve().parents[1]
REPORTS = REPO / "target" / "reports"
STEPS = REPORTS / "ci-steps.jsonl"
JUNIT = REPORTS / "rust-tests.xml"
PAGE = REPO / "CONTRIBUTING.md"
PLACE = re.compile(r"(<!-- times -->\n).*?(<!-- end -->)", re.DOTALL)
# Of the modules and of the Rust tests, those that are worth a line.
SLOW_MODULE = 20
SLOWEST_TESTS = 15


def main(arguments: list[str]) -> int:
    match arguments:
        case ["run", step, *command] if command:
            return run(step, command)
        case ["table", *options] if set(options) <= {"--write"}:
            found = gathered()
            (REPORTS / "ci-times.json").write_text(json.dumps(found, indent=1) + "\n")
            print(f"{steps(found)}\n\n{modules(found)}")
            print("\n".join(f"{seconds:7.1f}  {name}" for name, seconds in found["slowest_rust_tests"]))
            if options:
                write(steps(found))
            return 0
    print(__doc__, file=sys.stderr)
    return 2


def run(step: str, command: list[str]) -> int:
    """Runs a command. Its processor time is that of the programs it waited for; servers in the background are none of them."""
    begun, began, busy = time.monotonic(), time.time(), busy_seconds()
    code = subprocess.run(command, check=False).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = {"step": step, "began": began, "seconds": round(time.monotonic() - begun), "cpu": round(used.ru_utime + used.ru_stime), "code": code}
    took["machine"] = [round(busy), round(busy_seconds())]
    REPORTS.mkdir(parents=True, exist_ok=True)
    with STEPS.open("a") as out:
        out.write(json.dumps(took) + "\n")
    free = shutil.disk_usage(".").free // 1_000_000
    print(f"== {step}: {took['seconds']} s, processor {took['cpu']} s, {free} MB of disk free" + (f", FAILED ({code})" if code else ""), flush=True)
    return code


def busy_seconds() -> float:
    """What all processors together have worked since the machine started; 0 where nobody counts it."""
    try:
        user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    except OSError:
        return 0.0
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def gathered() -> dict[str, Any]:
    """Everything that the run left."""
    lines = STEPS.read_text().splitlines() if STEPS.exists() else []
    steps = sorted(map(json.loads, lines), key=lambda step: step["began"])
    modules = REPORTS / "e2e-times.json"
    total = round(max(step["began"] + step["seconds"] for step in steps) - steps[0]["began"]) if steps else 0
    machine = [second for step in steps for second in step["machine"]]
    return {
        "steps": steps,
        "total": total,
        "busy": max(machine) - min(machine) if machine else 0,
        "modules": json.loads(modules.read_text()) if modules.exists() else [],
        "slowest_rust_tests": slowest(),
    }


def slowest() -> list[tuple[str, float]]:
    """The slowest Rust tests with their seconds, as nextest has them."""
    if not JUNIT.exists():
        return []
    cases = ET.parse(JUNIT).iter("testcase")
    every = [(f"{case.get('classname')} {case.get('name')}", float(case.get("time", 0))) for case in cases]
    return sorted(every, key=lambda one: -one[1])[:SLOWEST_TESTS]


def steps(found: dict[str, Any]) -> str:
    """Each step's seconds; in brackets those of a processor."""
    rows = [f"- {step['step']}: {step['seconds']} s ({step['cpu']})" for step in found["steps"]]
    return "\n".join([*rows, f"- **all of it: {found['total']} s** ({found['busy']})"])


def modules(found: dict[str, Any]) -> str:
    """Of the end-to-end tests."""
    rows = ["| end to end, by module | seconds | budget |", "|---|--:|--:|"]
    slow = [one for one in found["modules"] if one["seconds"] >= SLOW_MODULE]
    rows += [f"| {one['module']} | {one['seconds']:.0f} | {one['budget']} |" for one in slow]
    rest = [one["seconds"] for one in found["modules"] if one["seconds"] < SLOW_MODULE]
    rows.append(f"| {len(rest)} others | {sum(rest):.0f} | |")
    return "\n".join(rows)


def write(text: str) -> None:
    """Puts the table where people look for it."""
    written, places = PLACE.subn(lambda place: f"{place[1]}{text}\n{place[2]}", PAGE.read_text())
    if places != 1:
        raise SystemExit(f"{PAGE.name} has {places} places for the table, not one")
    PAGE.write_text(written)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
