"""The plan of a run, made from its seed alone: products, feeds, deliveries, people, faults and when. The same seed, the same plan.

What a run makes of its plan depends on the machine: which request is under way when a function is killed, say. So a seed repeats the data, the
order and the faults, not the microseconds.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from chaos.articles import BRIGHTDATA, CANONICAL, SHEIN, SOURCES, Article, Workshop, object_of
from chaos.parts import DOLLARS, STOCK, Line, lines_of, object_of_lines

# Above this a feed notes nothing for repeated products and is read again where an older one might have got past it.
LARGE = 1_100_000


@dataclass(frozen=True)
class Size:
    """How much of everything. Times are seconds of the storm."""

    products: int
    storm: float
    medusa_down: float
    kills: int
    pim_faults: int
    people: int
    windows: int
    """Spells in which one service of AWS fails most requests."""
    rounds: int = 5
    last_kill: float = 0.85
    """Share of the storm after which nobody is killed: a lease has to expire before its work goes on."""
    to_the_last_message: bool = True
    """Whether to wait also for messages that come back late although nothing is pending any more."""


FULL = Size(products=300, storm=240.0, medusa_down=150.0, kills=30, pim_faults=24, people=45, windows=14)
SHORT = Size(products=40, storm=25.0, medusa_down=12.0, kills=5, pim_faults=8, people=8, windows=4, rounds=4, last_kill=0.4, to_the_last_message=False)

# Part files are read faster than functions die: more kills, over a longer time.
SHORT_IN_PARTS = replace(SHORT, storm=45.0, kills=14, last_kill=0.85)


@dataclass(frozen=True)
class Feed:
    """One object to upload. Several feeds may share a key: then they are versions of it."""

    key: str
    records: tuple[Article, ...]
    body: bytes
    lines: tuple[Line, ...] = ()
    """Of a file of a declared part, which has no records."""

    @property
    def count(self) -> int:
        return len(self.records) + len(self.lines)


@dataclass(frozen=True)
class Delivery:
    """When the notification of a feed reaches the ingest queue."""

    at: float
    feed: int


@dataclass(frozen=True)
class Kill:
    at: float
    function: str


@dataclass(frozen=True)
class PimFault:
    """What the PIM stand-in is to do wrong next, and until when: a PIM that is left alone meanwhile would have it in store for the next hours."""

    at: float
    until: float
    fault: dict[str, Any]


@dataclass(frozen=True)
class Act:
    """What a person does to a product in the PIM."""

    at: float
    key: str
    set: dict[str, Any]
    what: str = "save"
    """`save`, `delete`, `restore`, or with which task of the editor it is kept as a draft: `version`, `autoSave`."""


@dataclass(frozen=True)
class Window:
    """A spell in which a service fails most requests."""

    begin: float
    end: float
    service: str


@dataclass(frozen=True)
class Plan:
    seed: int
    size: Size
    feeds: tuple[Feed, ...]
    pauses: tuple[int, ...]
    """Feeds before whose upload a second passes; the others share their second with the one before."""
    deliveries: tuple[Delivery, ...]
    kills: tuple[Kill, ...]
    pim_faults: tuple[PimFault, ...]
    acts: tuple[Act, ...]
    windows: tuple[Window, ...]
    in_parts: bool
    """Every product comes in three parts."""
    grouped: bool
    """Half of the products of two sources are in groups, and the shop shows a group as one."""
    medusa_stops: float
    """SIGSTOP; killed half-way through the outage, started again at its end."""

    @property
    def medusa_returns(self) -> float:
        return self.medusa_stops + self.size.medusa_down

    @property
    def repeated(self) -> int:
        """Records beyond the first of their product."""
        return sum(len(feed.records) for feed in self.feeds) - self.size.products

    @property
    def members(self) -> int:
        """Products that are ever in a group."""
        return len({article.key for feed in self.feeds for article in feed.records if article.group})

    @property
    def moved(self) -> int:
        """Those of them that go to another group, or are by themselves for a time."""
        places = Counter(key for key, _ in {(article.key, article.home) for feed in self.feeds for article in feed.records})
        return sum(number > 1 for number in places.values())

    @property
    def delivered_twice(self) -> int:
        return len(self.deliveries) - len(self.feeds)


def plan_of(seed: int, size: Size, *, in_parts: bool = False, grouped: bool = True) -> Plan:
    source = random.Random(seed)
    grouped &= not in_parts
    feeds = _feeds_in_parts(source, size, seed) if in_parts else _feeds(source, size, seed, grouped=grouped)
    return Plan(
        seed=seed,
        size=size,
        feeds=feeds,
        pauses=tuple(sorted(source.sample(range(1, len(feeds)), len(feeds) // 3))),
        deliveries=_deliveries(source, size, len(feeds)),
        kills=_kills(source, size),
        pim_faults=_pim_faults(source, size),
        acts=_acts(source, size, feeds),
        windows=_windows(source, size),
        in_parts=in_parts,
        grouped=grouped,
        medusa_stops=size.storm * 0.2,
    )


def _feeds(source: random.Random, size: Size, seed: int, *, grouped: bool) -> tuple[Feed, ...]:
    workshop = Workshop(source, f"c{seed % 0x10000:04x}x")
    shares = {SHEIN: size.products // 2, BRIGHTDATA: size.products // 4}
    shares[CANONICAL] = size.products - sum(shares.values())
    # Groups of two sources that are called alike have nothing to do with each other.
    names = [f"{workshop.prefix}g{number}" for number in range(size.products)]
    workshop.groups = {name: names[: max(shares[name] // 6, 2)] for name in (SHEIN, CANONICAL)} if grouped else {}
    made = (workshop.member(name) if number % 2 and name in workshop.groups else workshop.new(name) for name in SOURCES for number in range(shares[name]))
    history = {article.key: [article] for article in made}
    feeds: list[Feed] = []
    for number in range(size.rounds):
        for name in SOURCES:
            keys = [key for key in history if key.startswith(f"{name}:")]
            if number == 0:
                said = [[history[key][0]] for key in keys]
            else:
                said = [_said_again(source, workshop, history[key]) for key in keys if source.random() < 0.5]
            source.shuffle(said)
            # Where a feed has a product twice, the second record counts.
            records = [article for articles in said for article in articles[:1]] + [article for articles in said for article in articles[1:]]
            feeds += _objects(source, name, number, records)
    return tuple(feeds)


def _feeds_in_parts(source: random.Random, size: Size, seed: int) -> tuple[Feed, ...]:
    workshop = Workshop(source, f"p{seed % 0x10000:04x}x")
    history = [[workshop.new(CANONICAL)] for _ in range(size.products)]
    feeds: list[Feed] = []
    for number in range(size.rounds):
        said = [articles[:1] if number == 0 else _said_again(source, workshop, articles) for articles in history if number == 0 or source.random() < 0.4]
        source.shuffle(said)
        records = [article for articles in said for article in articles[:1]] + [article for articles in said for article in articles[1:]]
        feeds += _objects(source, CANONICAL, number, records)
        for part, share in ((STOCK, 0.9 if number == 0 else 0.5), (DOLLARS, 0.8 if number == 0 else 0.25)):
            lines = lines_of(source, part, (article for articles in history for article in articles), share)
            key = f"incoming/{CANONICAL}/{part}/chaos-{'ab'[number % 2]}.csv"
            feeds.append(Feed(key, (), object_of_lines(part, lines), tuple(lines)))
    return tuple(feeds)


def _said_again(source: random.Random, workshop: Workshop, history: list[Article]) -> list[Article]:
    """What the next feed says of a product: the same, something new (perhaps twice), or what it said before the last change."""
    dice = source.random()
    if dice < 0.35:
        return [history[-1]]
    if dice < 0.5 and len(history) > 1:
        history.append(history[-2])
        return [history[-1]]
    said = []
    for _ in range(2 if dice > 0.93 else 1):
        history.append(workshop.changed(history[-1]))
        said.append(history[-1])
    return said


def _objects(source: random.Random, name: str, number: int, records: list[Article]) -> list[Feed]:
    """One to three objects with these records. Every other round writes the same keys again."""
    parts = source.randint(1, 3)
    share = -(-len(records) // parts) or 1
    objects = []
    for part, at in enumerate(range(0, len(records), share)):
        some = records[at : at + share]
        ending = {SHEIN: "json", CANONICAL: "jsonl", BRIGHTDATA: "jsonl"}[name]
        as_csv = name == BRIGHTDATA and source.random() < 0.5
        # In the middle of the story a source sends a feed too large to note every product.
        padding = LARGE // len(some) if name == SHEIN and number == 2 and part == 0 else 0
        key = f"incoming/{name}/chaos-{'ab'[number % 2]}-{part}.{'csv' if as_csv else ending}"
        objects.append(Feed(key, tuple(some), object_of(name, some, padding=padding, as_csv=as_csv)))
    return objects


def _deliveries(source: random.Random, size: Size, feeds: int) -> tuple[Delivery, ...]:
    """In no order; the beginning of the story late; a third of them twice."""
    spread = size.storm * 0.75
    deliveries = [Delivery(source.uniform(0, spread), feed) for feed in range(feeds)]
    for feed in source.sample(range(feeds // 3), max(feeds // 9, 1)):
        deliveries[feed] = Delivery(source.uniform(spread * 0.9, spread), feed)
    again = [Delivery(source.uniform(0, size.storm * 0.9), feed) for feed in source.sample(range(feeds), feeds // 3)]
    return tuple(sorted([*deliveries, *again], key=lambda delivery: delivery.at))


def _kills(source: random.Random, size: Size) -> tuple[Kill, ...]:
    names = ("normalize", "pimcore-sync", "pimcore-sync", "medusa-push", "medusa-push")
    times = sorted(source.uniform(1.5, size.storm * size.last_kill) for _ in range(size.kills))
    return tuple(Kill(at, source.choice(names)) for at in times)


def _pim_faults(source: random.Random, size: Size) -> tuple[PimFault, ...]:
    kinds: tuple[dict[str, Any], ...] = (
        {"kind": "alias-dies", "times": 3, "skip": 4},
        {"kind": "alias-dies", "times": 6, "skip": 9},
        {"kind": "server-error", "times": 4},
        {"kind": "server-error", "times": 2, "executed": True},
        {"kind": "truncated", "times": 2},
        {"kind": "hang", "times": 1, "ms": 4000, "executed": True},
        {"kind": "slow", "times": 3, "ms": 1500},
        {"kind": "bad-gateway", "times": 2, "executed": True},
        {"kind": "unavailable", "times": 5},
        {"kind": "too-many-requests", "times": 2},
    )
    times = sorted(source.uniform(0, size.storm * 0.9) for _ in range(size.pim_faults))
    some = [PimFault(at, at + 5, dict(source.choice(kinds))) for at in times]
    # And a spell in which it does nothing but answer 500.
    begin = size.storm * source.uniform(0.1, 0.5)
    spell = PimFault(begin, begin + size.storm / 10, {"kind": "server-error", "times": 100_000})
    return tuple(sorted([*some, spell], key=lambda fault: fault.at))


def _acts(source: random.Random, size: Size, feeds: Sequence[Feed]) -> tuple[Act, ...]:
    """Marketing names, hidden, unpublished, deleted and restored products, drafts that nobody publishes; some are edited twice."""
    ever_withdrawn = {article.key for feed in feeds for article in feed.records if article.withdrawn}
    keys = sorted({article.key for feed in feeds for article in feed.records} - ever_withdrawn)
    acts: list[Act] = []
    for number, key in enumerate(source.sample(keys, size.people)):
        at = source.uniform(size.storm * 0.3, size.storm * 0.7)
        if number % 4 == 3:
            acts.append(Act(at, key, {"published": False}))
        elif number % 8 == 2:
            acts.append(Act(at, key, {"shopVisibility": "hide"}))
        elif number % 8 == 6:
            acts.append(Act(at, key, {}, "delete"))
            if number == 6 or source.random() < 0.5:
                acts.append(Act(at + source.uniform(0.5, size.storm * 0.25), key, {}, "restore"))
        else:
            mark = source.randint(1, 9999)
            acts.append(Act(at, key, {"marketingName": {"en": f"People's choice {mark}"}}))
            if source.random() < 0.3:
                acts.append(Act(at + source.uniform(1, size.storm * 0.25), key, {"marketingName": {"en": f"Editors' choice {mark}", "ar": f"اختيار {mark}"}}))
    untouched = sorted(set(keys) - {act.key for act in acts})
    for key in source.sample(untouched, min(len(untouched), max(size.people // 4, 2))):
        at, task = source.uniform(size.storm * 0.2, size.storm * 0.7), source.choice(("version", "autoSave"))
        acts.append(Act(at, key, {"marketingName": {"en": f"Never published {source.randint(1, 9999)}"}}, task))
    return tuple(sorted(acts, key=lambda act: act.at))


def _windows(source: random.Random, size: Size) -> tuple[Window, ...]:
    services = ("events", "sqs", "dynamodb", "s3", "medusa", "pim")
    length = size.storm / max(size.windows, 1) / 2
    begins = sorted(source.uniform(0, size.storm * 0.9) for _ in range(size.windows))
    return tuple(Window(begin, begin + length, services[number % len(services)]) for number, begin in enumerate(begins))
