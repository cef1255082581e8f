"""The short run: forty products in a storm of half a minute. `make chaos` is the long one."""

from __future__ import annotations

import time

from local_stack.paths import REPORTS

from chaos.conftest import SEED
from chaos.plan import SHORT, plan_of
from chaos.report import Report
from chaos.storm import Stage, Storm


def test_after_a_storm_every_product_is_what_the_newest_document_says(stage: Stage) -> None:
    begun = time.monotonic()
    storm = Storm(stage, plan_of(SEED, SHORT))
    report = Report(storm, storm.run(), time.monotonic() - begun)
    report.write(REPORTS / "chaos-short.json")
    report.show()
    assert report.ok, f"seed {SEED}:\n" + "\n".join(str(finding) for finding in report.findings)
    figures = report.figures()
    # A storm in which nothing went wrong shows nothing.
    assert figures["kills"] > 0
    assert figures["requests refused or cut"] > 0
    assert figures["edits by people"] == len(storm.plan.acts)
    assert figures["Medusa down, seconds"] >= SHORT.medusa_down
