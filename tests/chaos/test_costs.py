"""What a product costs, counted on the deployed stack, stays within its bounds and is what docs/costs.md says.

RELAY_WRITE_DOCS=1 writes the list there. What follows in money is below it, from a longer count by the same means.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from costs.counting import FEW, AwsCalls, Story, per_product, schedules_stopped, size_of, targets_of
from local_stack.paths import REPO
from support.proxy import CountingProxy, Proxy
from support.relay import Relay

from chaos.storm import Stage

PAGE = REPO / "docs" / "costs.md"
PRODUCTS = 60
KEYS = [f"shein-api:7{number:08}" for number in range(PRODUCTS)]
# This may only become less.
BOUNDS = {"write": 10, "read": 6, "events": 2, "messages": 2}
UNITS = {"write": "write units", "read": "read units", "events": "`PutEvents` entries", "messages": "queue messages"}
COLUMNS = {
    "unchanged": "unchanged",
    "noted": f"unchanged, in a feed of {FEW}",
    "changed": "changed",
    "echo": "its save read by the change feed",
    "together": "a change, all in all",
}


@contextmanager
def through(proxy: Proxy, counting: Proxy) -> Iterator[None]:
    """Lets a proxy's requests pass through another one."""
    was, proxy.target = proxy.target, urlsplit(counting.url)
    try:
        yield
    finally:
        proxy.target = was
        counting.close()


@pytest.fixture(scope="module")
def counted(stage: Stage) -> dict[str, Any]:
    """The story, once."""
    aws, shop = AwsCalls(stage.stack), CountingProxy(stage.stack.url("medusa"))
    relay = Relay(stage.stack, shop)
    with through(stage.aws, aws), through(stage.medusa, shop), schedules_stopped(relay):
        story, targets, found = Story(relay, aws, shop), targets_of(relay), {}
        feeds = {
            "new": lambda: story.feed("new", PRODUCTS, 11),
            "echo of new": story.echo,
            "unchanged": lambda: story.feed("again", PRODUCTS, 11),
            "noted": lambda: story.feed("again-few", FEW, 11),
            "changed": lambda: story.feed("changed", PRODUCTS, 22),
            "echo": story.echo,
        }
        for name, feed in feeds.items():
            products = feed()["products"]
            keys = KEYS[:FEW] if name == "noted" else KEYS
            found[name] = per_product(products, keys, len(story.originals), targets)
            found[name]["strangers"] = len(products.keys() - {*keys, ""})
    found["together"] = {name: round(found["changed"].get(name, 0) + found["echo"].get(name, 0), 2) for name in found["changed"] | found["echo"]}
    return {**found, "largest state": aws.largest_state, "unknown": aws.unknown}


def test_everything_was_counted(counted: dict[str, Any]) -> None:
    assert counted["unknown"] == set(), "calls whose cost nobody knows"
    assert all(counted[name]["strangers"] == 0 for name in COLUMNS)
    assert counted["new"]["write"] > 0


def test_an_unchanged_product_costs_one_consistent_read_unit_and_nothing_else(counted: dict[str, Any]) -> None:
    taken = counted["unchanged"]
    assert taken["read"] == 1
    assert {name: amount for name, amount in taken.items() if amount} == {"read": 1}


@pytest.mark.parametrize("what", BOUNDS)
def test_a_changed_product_costs_no_more_than_its_bound(counted: dict[str, Any], what: str) -> None:
    assert 0 < counted["changed"][what] <= counted["together"][what] <= BOUNDS[what], counted["together"]


def test_a_state_fits_a_write_unit(counted: dict[str, Any]) -> None:
    assert 0 < counted["largest state"] <= 1024


@pytest.mark.parametrize("echo", ["echo of new", "echo"])
def test_the_pipelines_own_saves_cost_a_read_and_nothing_else(counted: dict[str, Any], echo: str) -> None:
    assert {name: amount for name, amount in counted[echo].items() if amount} == {"read": 1}


def listed(counted: dict[str, Any]) -> str:
    """What each of the cases takes; the last one with its bounds."""
    lines = []
    for column, label in COLUMNS.items():
        bounds = BOUNDS if column == "together" else {}
        taken = [f"{unit} {counted[column][name]:g}{f' (bound {bounds[name]})' if bounds else ''}" for name, unit in UNITS.items() if counted[column].get(name)]
        lines.append(f"- {label}: {', '.join(taken)}\n")
    return "".join(lines)


def test_the_list_in_the_documentation_is_what_was_counted(counted: dict[str, Any]) -> None:
    page = PAGE.read_text()
    written, places = re.subn(r"(<!-- units -->\n).*?(<!-- end -->)", lambda found: f"{found[1]}\n{listed(counted)}\n{found[2]}", page, flags=re.DOTALL)
    assert places == 1, "docs/costs.md has one place for the list"
    if os.environ.get("RELAY_WRITE_DOCS") == "1":
        PAGE.write_text(written)
    else:
        assert page == written, f"RELAY_WRITE_DOCS=1 writes this into docs/costs.md:\n{listed(counted)}"


def test_the_page_of_costs_computes_with_what_was_counted(counted: dict[str, Any]) -> None:
    """tests/costs/counts.json is a longer count by the same means, with everything that happened twice and what the feed itself takes."""
    figures = json.loads((REPO / "tests" / "costs" / "counts.json").read_text())
    for what, parts in {"unchanged": ("unchanged",), "changed": ("changed", "echo")}.items():
        for unit, name in {"write": "write", "read": "read", "messages": "messages"}.items():
            each, expected = figures[what]["units"][unit] / figures["products"], sum(counted[part].get(name, 0) for part in parts)
            assert each == pytest.approx(expected, rel=0.1, abs=0.1), f"{what}: {unit}; count again with tests/costs/measure.py"


def test_the_page_of_costs_is_what_its_figures_give() -> None:
    command = [sys.executable, REPO / "tests" / "costs" / "page.py", "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("item", "bytes_"),
    [
        ({"pk": {"S": "P#ä"}}, 2 + 4),
        ({"at": {"N": "1763856000000"}}, 2 + 5),
        ({"n": {"N": "0"}}, 1 + 1),
        ({"body": {"B": b"\x00" * 10}}, 4 + 10),
    ],
)
def test_sizes_follow_the_documented_rules(item: dict[str, Any], bytes_: int) -> None:
    assert size_of(item) == bytes_
