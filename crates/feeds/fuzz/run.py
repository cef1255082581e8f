#!/usr/bin/env python3
"""Fuzzes the splitter, the decompression, every adapter, the cleaning of descriptions, mappings, XML and workbooks, and counts what libFuzzer says it has executed.

    run.py                                  2,500,000 executions of each target
    run.py --runs 100000 --targets splitter canonical

Rows accumulate in target/reports/fuzz.jsonl; target/reports/fuzz.json sums up those of the sources as they are now. What it finds is copied to
../tests/findings/<target> (of mappings, XML and workbooks: in crates/sources), which a test reads.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

FUZZ = pathlib.Path(__file__).resolve().parent
CRATE = FUZZ.parent
ROOT = CRATE.parent.parent
TOOLS = ROOT / "target" / "fuzz-tools"
REPORTS = ROOT / "target" / "reports"
TARGETS = sorted(path.stem for path in (FUZZ / "fuzz_targets").glob("*.rs"))
# What describes feeds without Rust; these targets' checks and findings lie there.
MAPPED = (ROOT / "crates/expr/src", ROOT / "crates/sources/src", ROOT / "crates/sources/tests/checks")
OF_MAPPED = ("mapping", "xml", "xlsx")
CARGO_FUZZ = "0.13.2"
# An execution of more than 5 s is a hang; more than 512 MB is growth.
LIMITS = ["-max_len=4096", "-timeout=5", "-rss_limit_mb=512"]


def fingerprint():
    """Names what is fuzzed: counts of other sources say nothing about these."""
    digest = hashlib.sha256()
    for folder in (ROOT / "crates/catalog/src", ROOT / "crates/medusa/src/text", CRATE / "src", *MAPPED, FUZZ / "src", FUZZ / "fuzz_targets"):
        for path in sorted(folder.rglob("*.rs")):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def environment():
    # The instrumentation is an unstable compiler flag; it works with the stable compiler, too.
    return os.environ | {"PATH": f"{TOOLS / 'bin'}{os.pathsep}{os.environ['PATH']}", "RUSTC_BOOTSTRAP": "1"}


def install():
    if not shutil.which("cargo-fuzz", path=environment()["PATH"]):
        command = ["cargo", "install", "cargo-fuzz", "--version", CARGO_FUZZ, "--locked", "--root", str(TOOLS)]
        subprocess.run(command, check=True)


def fuzz(target, runs, sanitizer):
    """One target; the row of the report, from the fuzzer's own statistics."""
    sources = fingerprint()
    corpus = FUZZ / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    features = ["--features", "html"] if target == "html" else []
    command = ["cargo", "fuzz", "run", *features, "--sanitizer", sanitizer, target, str(corpus), str(FUZZ / "seeds" / target), "--"]
    command += [f"-runs={runs}", *LIMITS, f"-dict={FUZZ / 'feeds.dict'}", "-print_final_stats=1"]
    done = subprocess.run(command, cwd=CRATE, env=environment(), capture_output=True, text=True, errors="replace")

    def stat(name):
        found = re.search(rf"^stat::{name}: *(\d+)", done.stderr, re.MULTILINE)
        return int(found[1]) if found else 0

    coverage = re.findall(r" cov: (\d+) ", done.stderr)
    row = {
        "sources": sources,
        "target": target,
        "outcome": "clean" if done.returncode == 0 else "finding",
        "executions": stat("number_of_executed_units"),
        "perSecond": stat("average_exec_per_sec"),
        "slowestSeconds": stat("slowest_unit_time_sec"),
        "peakMegabytes": stat("peak_rss_mb"),
        "coverage": int(coverage[-1]) if coverage else 0,
    }
    with (REPORTS / "fuzz.jsonl").open("a") as report:
        report.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)
    if done.returncode != 0:
        sys.stderr.write(done.stderr[-4000:])
        keep(target, done.stderr)
    return row


def keep(target, log):
    """Copies the input that made the trouble to where a test reads it."""
    for written in re.findall(r"Test unit written to (\S+)", log):
        found = CRATE / written
        findings = (ROOT / "crates/sources" if target in OF_MAPPED else CRATE) / "tests" / "findings" / target
        findings.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, findings / found.name)
        print(f"kept as {findings / found.name}; give it a name that says what it shows", file=sys.stderr)


def summary():
    """Sums up the rows of the sources as they are now."""
    now = fingerprint()
    rows = [json.loads(line) for line in (REPORTS / "fuzz.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row.get("sources") == now]
    targets = collections.defaultdict(list)
    for row in rows:
        targets[row["target"]].append(row)
    report = {
        "sources": now,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "executions": sum(row["executions"] for row in rows),
        "findings": sum(row["outcome"] != "clean" for row in rows),
        "targets": {
            target: {
                "executions": sum(row["executions"] for row in rows),
                **{name: max(row[name] for row in rows) for name in ("slowestSeconds", "peakMegabytes", "coverage")},
            }
            for target, rows in sorted(targets.items())
        },
    }
    (REPORTS / "fuzz.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    return report["findings"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=int(os.environ.get("RUNS", 2_500_000)), help="executions of each target")
    arguments.add_argument("--targets", nargs="+", choices=TARGETS, default=TARGETS)
    arguments.add_argument("--sanitizer", default="none", help="address, leak, … want a nightly compiler")
    chosen = arguments.parse_args()
    REPORTS.mkdir(parents=True, exist_ok=True)
    install()
    for target in chosen.targets:
        if fuzz(target, chosen.runs, chosen.sanitizer)["outcome"] != "clean":
            break
    sys.exit(1 if summary() else 0)


if __name__ == "__main__":
    main()
