"""What a run came to, for a person and as target/reports/chaos.json."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.compare import KINDS, Finding, counts
from chaos.storm import BREAKER_STEP, SWEEP_AFTER, VISIBILITY, Storm

SHOWN = 60


@dataclass(frozen=True)
class Report:
    storm: Storm
    findings: list[Finding]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.findings

    def figures(self) -> dict[str, Any]:
        plan, done, met = self.storm.plan, self.storm.done, self.storm.met()
        return {
            "seed": plan.seed,
            "products": plan.size.products,
            "in groups": plan.members,
            "that move between them": plan.moved,
            "feeds": len(plan.feeds),
            "records and lines": sum(feed.count for feed in plan.feeds),
            "notifications delivered twice": plan.delivered_twice,
            "kills": sum(number for what, number in done.items() if what.startswith("killed ")),
            "of these in the middle of work": self.storm.killed_at_work(),
            "announcements doubled": _sum(met, "twice"),
            "announcements held back": _sum(met, "late"),
            "announcements lost": _sum(met, "lost"),
            "requests refused or cut": sum(met.values()) - _sum(met, "twice") - _sum(met, "late") - _sum(met, "lost") - _sum(met, "Slow"),
            "requests slowed": _sum(met, "Slow"),
            "faults of the PIM": len(plan.pim_faults),
            "edits by people": done["edits"],
            "deletions by people": done["deletions"],
            "restores by people": done["restores"],
            "drafts by people": done["drafts"],
            "Medusa down, seconds": round(self.storm.outage),
            **{NAMES[kind]: number for kind, number in counts(self.findings).items()},
            "messages not waited for": done["left waiting"],
            "elapsed, seconds": round(self.seconds),
        }

    def show(self) -> None:
        for name, value in self.figures().items():
            print(f"  {name:<30} {value}")
        for finding in self.findings[:SHOWN]:
            print(f"  {finding}")
        if len(self.findings) > SHOWN:
            print(f"  … and {len(self.findings) - SHOWN} more: target/reports/chaos.json")

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        named = {finding.product for finding in self.findings if ":" in finding.product and "#" not in finding.product}
        # What is known of an article is at its members.
        members = {key for key, wanted in self.storm.wanted().items() if named & wanted.homes}
        states = {key: self.storm.ledger.state(key) for key in named | members}
        content = {
            "ok": self.ok,
            **self.figures(),
            "faults": dict(sorted(self.storm.met().items())),
            "killed": {what.removeprefix("killed "): number for what, number in self.storm.done.items() if what.startswith("killed ")},
            "shortened waits, seconds": {**VISIBILITY, "sweep": SWEEP_AFTER, "step of a breaker": BREAKER_STEP},
            "findings": [vars(finding) for finding in self.findings],
            "ledger": {key: {name: str(value) for name, value in state.items()} for key, state in states.items()},
        }
        file.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")


NAMES = dict(zip(KINDS, ("lost", "stale", "duplicated", "stuck", "on DLQs or parked"), strict=True))


def _sum(met: Counter[str], what: str) -> int:
    return sum(number for name, number in met.items() if name.endswith(what))
