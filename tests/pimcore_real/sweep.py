"""Simultaneous work, in rounds: what each side was told, and what stands afterwards."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pimcore_real.editor import texts
from pimcore_real.hub import Answer, prices, update_body
from pimcore_real.room import Item, Room

# The person begins so many milliseconds after the update, as in the sweep that found the losses.
FIRST, LAST = -60, 148


@dataclass
class Count:
    """What became of the rounds."""

    rounds: int = 0
    texts_lost: int = 0
    prices_lost: int = 0
    hashes_apart: int = 0
    refused_person: int = 0
    refused_pipeline: int = 0

    def __str__(self) -> str:
        return (
            f"of {self.rounds} rounds: text lost {self.texts_lost}, price lost {self.prices_lost}, price and hash apart {self.hashes_apart}, "
            f"refused to the person {self.refused_person}, to the pipeline {self.refused_pipeline}"
        )

    @property
    def none_lost(self) -> bool:
        return not (self.texts_lost or self.prices_lost or self.hashes_apart or self.refused_person or self.refused_pipeline)


def offsets(rounds: int) -> list[float]:
    """Evenly over the range, in seconds."""
    step = (LAST - FIRST) / max(rounds - 1, 1)
    return [(FIRST + n * step) / 1000 for n in range(rounds)]


def publish_against_update(room: Room, rounds: int, *, names: bool) -> Count:
    """A person's publish against an update that changes the price, or the price and a name."""
    count = Count()
    item = room.product()
    with ThreadPoolExecutor(2) as pool:
        for n, offset in enumerate(offsets(rounds)):
            text, price = f"TEXT {n}", f"{n + 1}.01"
            more = {"name": {"en": f"Pot {n}"}} if names else {}
            pipeline = pool.submit(_later, -offset, lambda price=price, more=more: room.update(item, price, **more))
            person = pool.submit(_later, offset, lambda text=text: room.person.save(item.id, "publish", texts(en={"marketingName": text})))
            wrote, saved = pipeline.result(), person.result()
            stands = room.read(item)
            count.rounds += 1
            count.refused_pipeline += not wrote.success
            count.refused_person += not saved.ok
            count.texts_lost += saved.ok and stands.text != text
            lost = stands.prices != (price,)
            count.prices_lost += wrote.success and lost
            count.hashes_apart += wrote.success and lost != (stands.hash != f"hash-{price}")
    return count


def two_updates(room: Room, rounds: int) -> str:
    """Two whole updates at once: the product is one of both, never a mixture."""
    mixed = 0
    item = room.product()
    with ThreadPoolExecutor(2) as pool:
        for n in range(rounds):
            both = [pool.submit(room.update, item, f"{n}.{side}0", name={"en": f"{n}.{side}0"}) for side in (1, 2)]
            for one in both:
                one.result()
            stands = room.read(item)
            mixed += stands.prices != (stands.name,) or stands.hash != f"hash-{stands.name}"
    return f"{mixed} of {rounds} mixed"


def two_partial_updates(room: Room, rounds: int) -> str:
    """One update of the price and one of the name at once."""
    lost = 0
    item = room.product()

    def write(fields: dict[str, object]) -> Answer:
        answer = Answer(False, "")
        for _ in range(5):
            answer = room.hub.write(update_body(item.path, fields, read=room.read(item).date))
            if not answer.conflict:
                break
        return answer

    with ThreadPoolExecutor(2) as pool:
        for n in range(rounds):
            both = [pool.submit(write, {"prices": prices(f"{n}.00")}), pool.submit(write, {"name": {"en": f"Pot {n}"}})]
            answers = [one.result() for one in both]
            stands = room.read(item)
            lost += answers[0].success and stands.prices != (f"{n}.00",)
            lost += answers[1].success and stands.name != f"Pot {n}"
    return f"{lost} of {2 * rounds} lost"


@dataclass(frozen=True)
class Cost:
    """Milliseconds of an update, medians."""

    plain: float
    drafted: float

    def __str__(self) -> str:
        return f"{self.plain:.1f} ms, over a draft {self.drafted:.1f} ms"


# With the bundle, by an update without it.
PLAIN_MOST, DRAFTED_MOST = 1.15, 1.4


def ratios(without: Cost, bundle: Cost) -> tuple[float, float]:
    """What an update, and one over a draft, cost with the bundle by an update without it."""
    return bundle.plain / without.plain, bundle.drafted / without.plain


def update_cost(room: Room, times: int = 60) -> Cost:
    """Taken in turn, so that other load hits both."""
    plain, drafted = room.product(), room.product()
    room.draft(drafted)
    without, with_draft = [], []
    for n in range(times):
        without.append(took(lambda n=n: _write(room, plain, f"{n}.00")))
        with_draft.append(took(lambda n=n: _write(room, drafted, f"{n}.00")))
    return Cost(statistics.median(without) * 1000, statistics.median(with_draft) * 1000)


def _write(room: Room, item: Item, price: str) -> Answer:
    # Without the look before it: the write alone is measured.
    return room.hub.write(update_body(item.path, {"prices": prices(price), "contentHash": price}, read=None))


def _later(delay: float, work: Callable[[], object]) -> object:
    if delay > 0:
        time.sleep(delay)
    return work()


def took(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
