"""What a million products cost, from counted calls and public prices: writes the figures in costs.md.

    python3 tests/costs/page.py          # writes them
    python3 tests/costs/page.py --check  # fails if they are not what the figures give

Counts come from counts.json (measure.py). What is not counted there is named in ASSUMED, with its reason.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAGE, COUNTS, TEMPLATE = ROOT / "docs" / "costs.md", HERE / "counts.json", ROOT / "template.yaml"
MILLION = 1_000_000
MONTH_SECONDS = 30 * 24 * 3600
MONTH_HOURS = 730

# USD, on demand, without free tiers, as published in 2025.
PRICES = {
    "us-east-1": {
        "write unit": 0.625 / MILLION,
        "read unit": 0.125 / MILLION,
        "event": 1.00 / MILLION,
        "queue request": 0.40 / MILLION,
        "invocation": 0.20 / MILLION,
        "GB-second, arm64": 0.0000133334,
        "S3 GET": 0.0004 / 1000,
        "S3 PUT": 0.005 / 1000,
        "log GB": 0.50,
        "trace": 5.00 / MILLION,
        "table GB-month": 0.25,
        "backup GB-month": 0.20,
        "S3 GB-month": 0.023,
        "alarm-month": 0.10,
        "dashboard-month": 3.00,
        "secret-month": 0.40,
        "state transition": 0.025 / 1000,
    },
    "eu-central-1": {
        "write unit": 0.7625 / MILLION,
        "read unit": 0.1525 / MILLION,
        "event": 1.00 / MILLION,
        "queue request": 0.40 / MILLION,
        "invocation": 0.20 / MILLION,
        "GB-second, arm64": 0.0000133334,
        "S3 GET": 0.00043 / 1000,
        "S3 PUT": 0.0054 / 1000,
        "log GB": 0.63,
        "trace": 5.00 / MILLION,
        "table GB-month": 0.306,
        "backup GB-month": 0.2448,
        "S3 GB-month": 0.0245,
        "alarm-month": 0.10,
        "dashboard-month": 3.00,
        "secret-month": 0.40,
        "state transition": 0.025 / 1000,
    },
}

MEMORY_GB = 0.5
ASSUMED = {
    # A function mostly waits for its target. Seconds a product: 1.19 s for 20 creates and 0.50 s for 20 updates, plus 0.12 s for reading 20 (recorded on a
    # real Pimcore); 0.86 s for 25 creates, plus stock and translations; 0.08 s for the prices of one product, plus reading (recorded on a real Medusa).
    "seconds": {
        "new": {"normalize": 0.002, "pimcore-sync": 0.065, "medusa-push": 0.060},
        "changed": {"normalize": 0.002, "pimcore-sync": 0.031, "medusa-push": 0.110},
        "unchanged": {"normalize": 0.002},
    },
    # EventBridge sends each message; Lambda's pollers take and delete ten at once while there are that many.
    "queue requests a message": 1.2,
    # X-Ray's default: one request a second, then 5 %.
    "traced": 0.05,
    # Pollers of a queue that wait 20 s each while it is empty, five for each queue.
    "idle queue requests": 3 * 5 * MONTH_SECONDS / 20,
}


def units(counts: dict, what: str) -> dict[str, float]:
    """What one product takes, by the price that applies."""
    measured, products = counts[what], counts["products"]

    def each(name: str) -> float:
        return measured["aws"].get(name, 0) / products

    invocations = sum(measured["invocations"].values()) / products
    return {
        "write unit": measured["units"]["write"] / products,
        "read unit": measured["units"]["read"] / products,
        "event": each("events"),
        "queue request": measured["units"]["messages"] / products * ASSUMED["queue requests a message"],
        "invocation": invocations,
        "GB-second, arm64": sum(ASSUMED["seconds"][what].values()) * MEMORY_GB,
        "S3 GET": each("S3.GET") + each("S3.HEAD"),
        "S3 PUT": each("S3.PUT"),
        "log GB": measured["logBytes"] / products / 1e9,
        "trace": invocations * ASSUMED["traced"],
    }


def per_million(counts: dict) -> str:
    kinds = ("new", "changed", "unchanged")
    taken = {kind: units(counts, kind) for kind in kinds}
    first, *_ = PRICES
    rows, rest = [], dict.fromkeys(kinds, 0.0)
    for name in taken["new"]:
        price = PRICES[first][name]
        if all(taken[kind][name] * MILLION * price < 0.1 for kind in kinds):
            rest = {kind: rest[kind] + taken[kind][name] * MILLION * price for kind in kinds}
            continue
        cells = [f"{taken[kind][name] * MILLION:,.1f}" if name == "log GB" else f"{taken[kind][name] * MILLION:,.0f}" for kind in kinds]
        money = [f"{taken[kind][name] * MILLION * price:.2f}" for kind in kinds]
        rows.append(f"- {name}: {', '.join(f'{amount} ({usd})' for amount, usd in zip(cells, money, strict=True))}")
    rows.append(f"- the rest: {', '.join(f'({rest[kind]:.2f})' for kind in kinds)}")
    for region, prices in PRICES.items():
        sums = [sum(taken[kind][name] * MILLION * prices[name] for name in taken[kind]) for kind in kinds]
        rows.append(f"- **together, {region}: {', '.join(f'{usd:.2f}' for usd in sums)}**")
    return "\n".join(rows) + "\n\n" + basis(counts)


def basis(counts: dict) -> str:
    products, items = counts["products"], counts["itemBytes"]
    return (
        f"Counted on {counts['measured']} with {products} products of the real feed ({counts['feedBytes'] / products / 1000:.0f} kB each); "
        f"a product's `doc` item has {items['doc']:,} bytes, its `state` {items['state']:,}.\n"
    )


def idle() -> str:
    template = TEMPLATE.read_text()
    alarms = template.count("Type: AWS::CloudWatch::Alarm")
    dashboards = template.count("Type: AWS::CloudWatch::Dashboard")
    starts = 0.0
    for count, unit in re.findall(r"ScheduleExpression: rate\((\d+) (minute|hour|day)s?\)", template):
        starts += MONTH_SECONDS / (int(count) * {"minute": 60, "hour": 3600, "day": 86400}[unit])
    rows, total = [], 0.0
    for name, quantity, price in (
        (f"{alarms} alarms", alarms, "alarm-month"),
        (f"{dashboards} dashboard", dashboards, "dashboard-month"),
        ("2 secrets", 2, "secret-month"),
        (f"{ASSUMED['idle queue requests']:,.0f} requests of waiting pollers", ASSUMED["idle queue requests"], "queue request"),
        (f"{starts:,.0f} scheduled starts of 0.2 s", starts * 0.2 * MEMORY_GB, "GB-second, arm64"),
    ):
        (money,) = {quantity * PRICES[region][price] for region in PRICES}  # the same in all of them
        rows.append(f"- {name}: {money:.2f}\n")
        total += money
    return "".join(rows) + f"- **together: {total:.2f}**\n"


def kept(counts: dict) -> str:
    gb = (counts["itemBytes"]["doc"] + counts["itemBytes"]["state"] + 2 * 100) * MILLION / 1e9
    feed = counts["feedBytes"] / counts["products"] * MILLION / 1e9
    lines = []
    for region, price in PRICES.items():
        ledger = gb * (price["table GB-month"] + price["backup GB-month"])
        lines.append(f"- {region}: {ledger:.2f} for the ledger ({gb:.1f} GB), {feed * price['S3 GB-month']:.2f} for the feed ({feed:.0f} GB)\n")
    return "".join(lines)


# us-east-1, USD an hour: Fargate arm64 and x86 by vCPU and GB, and what platforms/template.yaml creates with its defaults.
HOURLY = {"arm vCPU": 0.03238, "arm GB": 0.00356, "x86 vCPU": 0.04048, "x86 GB": 0.004445}
HOURLY |= {"db.t4g.medium": 0.065, "cache.t4g.small": 0.0256, "NAT": 0.045, "balancer": 0.0225}
GP3_GB_MONTH = 0.115


def platforms() -> str:
    def fargate(kind: str, cpu: float, memory: float) -> float:
        return (cpu * HOURLY[f"{kind} vCPU"] + memory * HOURLY[f"{kind} GB"]) * MONTH_HOURS

    rows = []
    for name, one, two in (
        ("Medusa, two servers of 1 vCPU and 2 GB, one worker", 2 * fargate("arm", 1, 2) + fargate("arm", 0.5, 2), None),
        ("Pimcore, one server of 2 vCPU and 4 GB, one worker", fargate("x86", 2, 4) + fargate("x86", 0.5, 1), None),
        ("PostgreSQL, db.t4g.medium, 50 GiB", HOURLY["db.t4g.medium"] * MONTH_HOURS + 50 * GP3_GB_MONTH, 2.0),
        ("MariaDB, db.t4g.medium, 50 GiB", HOURLY["db.t4g.medium"] * MONTH_HOURS + 50 * GP3_GB_MONTH, 2.0),
        ("Valkey, cache.t4g.small", HOURLY["cache.t4g.small"] * MONTH_HOURS, 2.0),
        ("NAT, without traffic", HOURLY["NAT"] * MONTH_HOURS, 2.0),
        ("load balancer, without traffic", HOURLY["balancer"] * MONTH_HOURS, None),
        ("8 secrets", 8 * 0.40, None),
    ):
        rows.append((name, one, one * (two or 1)))
    lines = [f"- {name}: {one:.0f}{f', {both:.0f}' if both > one else ''}\n" for name, one, both in rows]
    total = [sum(row[at] for row in rows) for at in (1, 2)]
    return "".join(lines) + f"- **together: {total[0]:.0f}, {total[1]:.0f}**\n"


def rendered() -> str:
    counts = json.loads(COUNTS.read_text())
    tables = {"idle": idle(), "kept": kept(counts), "platforms": platforms(), "million": per_million(counts)}
    page = PAGE.read_text()
    for name, table in tables.items():
        page, found = re.subn(rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)", lambda m, table=table: f"{m[1]}\n{table}\n{m[2]}", page, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"costs.md has {found} places for the figures {name!r}, not one")
    return page


def main() -> None:
    page = rendered()
    if "--check" in sys.argv[1:]:
        if page != PAGE.read_text():
            raise SystemExit("costs.md is not what the figures give: run python3 tests/costs/page.py")
        return
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
