"""`python -m chaos --seed 1 [--short] [--parts] [--separate | --switch]`: a run on a stack of its own. Exit code 1 when anything is not as it should be."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import time
from dataclasses import replace

from local_stack.console import Failed, error
from local_stack.paths import REPORTS

from chaos.plan import FULL, SHORT, SHORT_IN_PARTS, plan_of
from chaos.report import Report
from chaos.storm import Stage, Storm


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description="Chaos on a stack of its own, then a comparison of every product.")
    parser.add_argument("--seed", type=int, help="repeats data, order and faults of a run (default: a random one, which is printed)")
    parser.add_argument("--products", type=int, help=f"how many (default: {FULL.products}, with --short {SHORT.products})")
    parser.add_argument("--short", action="store_true", help="the short run that is part of the tests")
    parser.add_argument("--parts", action="store_true", help="every product comes in three parts: catalogue, stock, prices")
    parser.add_argument("--separate", action="store_true", help="no groups; with --parts there are none")
    parser.add_argument("--switch", action="store_true", help="each product by itself at first; the setting changes to groups in the middle of the storm")
    options = parser.parse_args()
    if options.switch and (options.separate or options.parts):
        parser.error("--switch needs groups")
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    size = (SHORT_IN_PARTS if options.parts else SHORT) if options.short else FULL
    plan = plan_of(seed, replace(size, products=options.products) if options.products else size, in_parts=options.parts, grouped=not options.separate)
    print(f"seed {seed}: {plan.size.products} products, {plan.members} in groups, in {len(plan.feeds)} feeds, a storm of {plan.size.storm:.0f} s")
    stage = Stage.open(f"chaos-{os.getpid()}", seed)
    begun = time.monotonic()
    try:
        stage.start()
        storm = Storm(stage, plan, switched=options.switch)
        report = Report(storm, storm.run(), time.monotonic() - begun)
        report.write(REPORTS / "chaos.json")
        report.show()
        return 0 if report.ok else 1
    except Failed as failure:
        error(f"\n{failure}")
        return 2
    finally:
        keep_logs(stage)
        stage.close()


def keep_logs(stage: Stage) -> None:
    """The services' logs outlive the stack."""
    logs = REPORTS / "chaos-logs"
    shutil.rmtree(logs, ignore_errors=True)
    if stage.stack.place.logs.exists():
        shutil.copytree(stage.stack.place.logs, logs)


if __name__ == "__main__":
    sys.exit(main())
