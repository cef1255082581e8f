"""The demonstration's result as a table for a person and as JSON for a program."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_stack.ledger import Run
from local_stack.shopfront import Shown

if TYPE_CHECKING:
    from local_stack.orders import Bought


@dataclass
class Row:
    """One product of the shop, from the feed: of an article its members."""

    key: str
    document: dict[str, Any]
    shown: Shown
    pimcore_id: str
    changed: bool
    problem: str = ""
    waiting: bool = False
    """On its way, with nothing on record that no retry can help."""
    since_ms: int = 0
    """Since when it is pending, if it is."""
    members: list[str] = field(default_factory=list)
    """The products of the feed that it shows; none says that it is itself the one."""

    @property
    def verdict(self) -> str:
        if self.problem:
            return "no"
        if self.shown.withdrawn:
            return "withheld" if self.document.get("withheld") else "withdrawn"
        if self.shown.sold_out:
            return "sold out"
        return "yes" if self.shown.purchasable else "no"

    @property
    def arrived(self) -> bool:
        return self.verdict != "no" and not self.shown.problems

    def name(self) -> str:
        """The product, with the members of an article."""
        return "\n".join([self.key, *(f"  {key.partition(':')[2]}" for key in self.members if key != self.key)])

    def prices(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Lowest and highest price by currency."""
        by_currency: dict[str, list[Decimal]] = {}
        for variant in self.document["variants"]:
            for price in variant["prices"]:
                by_currency.setdefault(price["currency"], []).append(Decimal(price["amount"]))
        return {currency: (min(amounts), max(amounts)) for currency, amounts in sorted(by_currency.items())}

    def as_json(self) -> dict[str, Any]:
        return {
            "product": self.key,
            "members": self.members or [self.key],
            "title": self.shown.titles,
            "options": [{"title": title, "values": values} for title, values in self.shown.options],
            "variants": [
                {
                    "sku": variant["sku"],
                    "title": variant["title"],
                    "options": variant.get("options", []),
                    "prices": variant["prices"],
                    "stock": variant["stock"],
                }
                for variant in self.document["variants"]
            ],
            "prices": {currency: {"min": str(low), "max": str(high)} for currency, (low, high) in self.prices().items()},
            "stock": self.shown.stock,
            "pimcoreId": self.pimcore_id,
            "medusaId": self.shown.medusa_id,
            "changed": self.changed,
            "purchasable": self.verdict,
            "carts": self.shown.carts,
            "problems": [text for text in (self.problem, *self.shown.problems) if text],
        }


@dataclass
class Report:
    """Everything the demonstration found."""

    feed: str
    object: str
    run: Run
    rows: list[Row]
    rejected: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    diagnosis: list[str] = field(default_factory=list)
    orders: list[Bought] = field(default_factory=list)
    """In a feed of few products: one completed order in each region."""

    @property
    def ok(self) -> bool:
        """Every product of the feed arrived, there was one, and what was bought could be."""
        return self.run.status == "completed" and bool(self.rows) and all(row.arrived for row in self.rows) and all(order.ok for order in self.orders)

    def write(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            json.dumps(
                {
                    "ok": self.ok,
                    "feed": self.feed,
                    "object": self.object,
                    "run": {"id": self.run.name, "status": self.run.status, "reason": self.run.reason, "counts": self.run.counts},
                    "products": [row.as_json() for row in self.rows],
                    "orders": [order.as_json() for order in self.orders],
                    "rejected": self.rejected,
                    "diagnosis": self.diagnosis,
                    "seconds": round(self.seconds, 1),
                },
                ensure_ascii=False,
                indent=2,
            )
            + "\n"
        )

    def show(self) -> None:
        """Prints the table, what was rejected, and one sentence that sums it up."""
        from rich.console import Console
        from rich.table import Table

        screen = Console(width=None if sys.stdout.isatty() else 160)
        table = Table(title=f"{self.feed} → {self.object}", title_justify="left", show_lines=True)
        for name in ("product", "title", "options", "variants", "price", "stock", "Pimcore", "Medusa", "purchasable"):
            table.add_column(name, justify="right" if name in ("variants", "stock") else "left", overflow="fold")
        for row in self.rows[:50]:
            titles = "\n".join(_short(row.shown.titles.get(lang, "")) for lang in ("en", "ar"))
            options = "\n".join(f"{title}: {', '.join(values)}" for title, values in row.shown.options)
            prices = "\n".join(f"{currency} {low}" if low == high else f"{currency} {low}–{high}" for currency, (low, high) in row.prices().items())
            table.add_row(
                row.name(), titles, options, str(len(row.document["variants"])), prices, str(row.shown.stock), row.pimcore_id, row.shown.medusa_id, row.verdict
            )  # fmt: skip
        screen.print(table)
        if len(self.rows) > 50:
            screen.print(f"… and {len(self.rows) - 50} more products: target/reports/demo.json")
        for row in self.rows:
            for problem in row.as_json()["problems"]:
                screen.print(f"  {row.key}: {problem}", markup=False)
        for order in self.orders:
            screen.print(f"  {order}", markup=False, highlight=False)
        if self.rejected:
            screen.print(f"\nRejected records ({len(self.rejected)}), also in the bucket under rejected/{self.run.name}/", markup=False)
            for record in self.rejected[:30]:
                screen.print(f"  {_position(record)}: {record['reason']}: {record['message']}", markup=False)
            if len(self.rejected) > 30:
                screen.print(f"  … and {len(self.rejected) - 30} more: target/reports/demo.json", markup=False)
        for text in self.diagnosis:
            screen.print(f"  {text}", markup=False)
        screen.print("\n" + self.summary(), markup=False)

    def summary(self) -> str:
        """One sentence."""
        counts = self.run.counts
        if self.run.status == "failed":
            start = f"The feed could not be read to its end: {self.run.reason}"
        elif counts.get("read", 0) and counts.get("read") == counts.get("rejected"):
            start = "Nothing of the feed was taken"
        elif counts.get("changed", 0) == 0 and counts.get("unchanged", 0):
            start = f"Unchanged: {_all(counts['unchanged'])} what {'it' if counts['unchanged'] == 1 else 'they'} said before, nothing was written"
        else:
            start = f"{counts.get('changed', 0)} changed, {counts.get('unchanged', 0)} unchanged, {counts.get('stale', 0)} outdated"
        arrived = sum(row.verdict == "yes" for row in self.rows)
        rejected = f", {counts['rejected']} rejected" if counts.get("rejected") else ""
        return f"{start}{rejected}. {arrived} of {len(self.rows)} purchasable{self._waits()}. {self.seconds:.1f} s from upload."

    def _waits(self) -> str:
        """What has not arrived, and since when; why is said with each product."""
        late = [row for row in self.rows if row.since_ms]
        if not late:
            return ""
        since = time.strftime("%H:%M:%S", time.localtime(min(row.since_ms for row in late) / 1000))
        count = "one waits" if len(late) == 1 else f"{len(late)} wait"
        return f"; {count} since {since}, and the shop does not show what the feed says (why: above)"

    def next_step(self) -> str:
        """What to do if not everything arrived; empty if it did."""
        if self.ok:
            return ""
        if any(row.waiting for row in self.rows):
            return "Not every product arrived: see above. What waits is tried again by itself; `make demo` again shows how far it is."
        if self.run.status == "failed":
            return "The feed could not be read; nothing waits. Correct what the line above says and send it again."
        if not self.rows:
            return "No product came of the feed; nothing waits. See why above, and send it again corrected."
        return "Not every product arrived: see above. What was refused does not go on by itself: `relay status` says what to do."


def _all(count: int) -> str:
    return "the only product says" if count == 1 else f"all {count} products say"


def _position(record: dict[str, Any]) -> str:
    """Where a rejected record stands, counted from 1 for people; and which product it is, where that could be read."""
    product = f" ({record['productId']})" if record.get("productId") else ""
    return f"record {record['index'] + 1} at byte {record['offset']}{product}"


def _short(title: str, limit: int = 60) -> str:
    """A title that fits two lines of the table."""
    return title if len(title) <= limit else title[: limit - 1].rstrip() + "…"
