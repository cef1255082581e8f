"""From upload to shelf: how long 1, 100 and 10,000 products whose price and stock changed take to the ledger, to Pimcore and to the shop (`make bench-shelf`),
through Pimcore and by the fast lane.

A debug build on the local stack, with the stand-in PIM and a real Medusa. Times are of products, from S3's Last-Modified, which has whole seconds; the rate is
of the whole feed. MiniStack hands a function ten messages at most, whatever its batch size.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from typing import Any

from local_stack.paths import REPORTS
from support.bench import own_site, write_report
from support.evidence import metrics
from support.site import Site, costing, feed

OUT = REPORTS / "shelf.json"
PLACES = {"ledger": "normalize", "pimcore": "pimcore-sync", "medusa": "medusa-push"}
MOST = 1_000
"""Products of one feed object: a larger feed is several, uploaded at once, as suppliers do."""


def said(number: int, round_: int) -> dict[str, Any]:
    """Each round costs more and has other stock."""
    made = costing(f"shelf-{number}", f"{20 + round_}.00")
    made["variants"][0]["stock"] = 5 + round_
    return made


def percentile(values: list[float], percent: int) -> float | None:
    """The smallest value that so many percent do not exceed, in seconds."""
    at = math.ceil(len(values) * percent / 100) - 1
    return round(sorted(values)[at] / 1000, 1) if values else None


def measured(site: Site, numbers: range, round_: int, within: float) -> dict[str, Any]:
    """Uploads the products of this round and waits until all have arrived."""
    site.next_second()
    since, begun = int(time.time() * 1000), time.monotonic()
    feeds = []
    for first in range(numbers.start, numbers.stop, MOST):
        some = [said(number, round_) for number in range(first, min(first + MOST, numbers.stop))]
        feeds.append(site.upload(f"shelf-{round_}-{first}.json", feed(*some)))
    for key in feeds:
        assert site.run_of(key, within)["counts"]["changed"] > 0, key
    site.relay.wait_until("nothing is on the way", lambda: site.operator.json("status")["pending"]["products"] == 0, within)
    seconds = time.monotonic() - begun
    found: dict[str, Any] = {"products": len(numbers), "seconds": round(seconds, 1), "perSecond": round(len(numbers) / seconds, 1)}
    for place, function in PLACES.items():
        named = ("EndToEndLag", f"Environment={site.relay.stack.place.cfn}", f"Function={function}")
        lags = metrics(site.relay, function, since).get(named, [])
        found[place] = {"values": len(lags), "p50": percentile(lags, 50), "p95": percentile(lags, 95), "last": percentile(lags, 100)}
    return found


def by(site: Site, lane: str, counts: list[int], first: int, within: float) -> list[dict[str, Any]]:
    """Measures each number of changed products with the fast lane on or off. `first`: of the rounds, which each must differ from the one before."""
    for function in ("pimcore-sync", "medusa-push"):
        site.settings(function, OFFERS_LANE=lane)
    # New ones; and once more, because what was brought before the lane was on goes the ordinary way once.
    print(f"lane {lane}, before:", json.dumps(measured(site, range(max(counts)), first, within)), flush=True)
    found = []
    for round_, count in enumerate(counts, first + 1):
        changed = measured(site, range(count), round_, within)
        print(f"lane {lane}:", json.dumps(changed), flush=True)
        found.append(changed)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("products", nargs="*", type=int, default=[1, 100, 10_000], help="how many change, one measurement each (1 100 10000)")
    parser.add_argument("--lane", choices=("off", "on"), help="not both")
    parser.add_argument("--within", type=float, default=3_600, help="seconds after which one measurement is given up (3600)")
    given = parser.parse_args()

    with own_site("shelf") as site:
        report: dict[str, Any] = {}
        for n, lane in enumerate((given.lane,) if given.lane else ("off", "on")):
            report[f"lane {lane}"] = by(site, lane, given.products, n * (1 + len(given.products)), given.within)
        report["status"] = site.operator.json("status")["lags"]
        write_report(OUT, report)


if __name__ == "__main__":
    main()
