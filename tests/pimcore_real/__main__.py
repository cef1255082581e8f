"""Asks every row, prints each, and says what was not as expected."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
import traceback
from pathlib import Path

from pimcore_real import sweep
from pimcore_real.editor import Editor, texts
from pimcore_real.hub import Hub
from pimcore_real.room import Room, Unknown, has_bundle
from pimcore_real.rows import ROWS
from pimcore_real.sink import Sink

INSTALLER = Path(__file__).parents[2] / "localstack/pimcore/install.sh"


class Report:
    """The rows as they come."""

    def __init__(self) -> None:
        self.right = self.wrong = self.unasked = 0

    def row(self, name: str, what: str, expected: str | None, seen: str, *, right: bool | None = None) -> None:
        """`expected` None: a figure, which is neither right nor wrong."""
        right = right if right is not None else expected is None or expected == seen
        self.right, self.wrong = self.right + right, self.wrong + (not right)
        print(f"{'ok   ' if right else 'WRONG'} {name:5} {what}\n            seen      {seen}", flush=True)
        if expected is not None and (not right or expected != seen):
            print(f"            expected  {expected}", flush=True)

    def not_asked(self, name: str, what: str, why: str) -> None:
        self.unasked += 1
        print(f"-     {name:5} {what}\n            not asked: {why}", flush=True)


def secret(name: str) -> str | None:
    """The first line of the file that the variable names."""
    file = os.environ.get(name)
    return Path(file).read_text().splitlines()[0].strip() if file else None


def ask(room: Room, report: Report, arguments: argparse.Namespace, sink: Sink | None) -> sweep.Cost:
    """All rows, in the state that this Pimcore is in; what an update costs."""
    room.bundle = has_bundle(room.hub, room.product())
    print(f"\n== {'with' if room.bundle else 'without'} the bundle", flush=True)
    for row in ROWS:
        try:
            seen = row.ask(room)
        except Unknown as unknown:
            report.not_asked(row.name, row.what, str(unknown))
            continue
        except Exception as error:
            seen = f"{type(error).__name__}: {error}"
            if arguments.verbose:
                traceback.print_exc()
        report.row(row.name, row.what, row.expected(room), seen)
        room.tidy()
    for name, what, names in (
        ("5.1", "a person's publish against an update of the price", False),
        ("5.2", "a person's publish against an update of price and name", True),
    ):
        count = sweep.publish_against_update(room, arguments.rounds, names=names)
        expected = "nothing lost, nothing refused" if room.bundle else None
        report.row(name, what, expected, str(count), right=count.none_lost if room.bundle else True)
    small = max(arguments.rounds // 7, 2)
    report.row("5.3", "two whole updates at once", f"0 of {small} mixed", sweep.two_updates(room, small))
    report.row("5.4", "two partial updates at once", f"0 of {2 * small} lost" if room.bundle else None, sweep.two_partial_updates(room, small))
    cost = sweep.update_cost(room)
    report.row("8.1", "an update, medians", None, str(cost))
    if room.bundle and sink is not None:
        told(room, report, sink)
    elif room.bundle:
        report.not_asked("6.5", "what people did is told", "PIM_NOTIFY_SECRET_FILE is not set")
    room.tidy()
    return cost


def compare(report: Report, costs: list[sweep.Cost]) -> None:
    """What the bundle adds to an update, of one run with both."""
    rows = (("8.2", "an update with the bundle by one without", sweep.PLAIN_MOST), ("8.3", "one over a draft by one without", sweep.DRAFTED_MOST))
    if len(costs) < 2:
        for name, what, _ in rows:
            report.not_asked(name, what, "PIMCORE_ROOT is not set, so the bundle is not taken out and put in")
        return
    for (name, what, most), ratio in zip(rows, sweep.ratios(*costs), strict=True):
        report.row(name, what, f"at most {most}", f"{ratio:.2f}", right=ratio <= most)


def told(room: Room, report: Report, sink: Sink) -> None:
    """Whether each act arrives, and how soon."""
    item = room.product()
    acts = {
        "draft": lambda: room.draft(item),
        "autosave": lambda: room.draft(item, "autoSave"),
        "save": lambda: room.person.save(item.id, "publish"),
        "unpublish": lambda: room.person.save(item.id, "unpublish"),
        "publish": lambda: room.person.save(item.id, "publish"),
        "move": lambda: room.person.update(item.id, key=item.key + "-moved"),
        "delete": lambda: room.person.delete(item.id),
        "restore": lambda: room.person.restore(item.path + "-moved"),
    }
    for what, act in acts.items():
        sink.notices.clear()
        began = time.time()
        act()
        arrived = sink.wait(item.id, what)
        seen = "nothing" if arrived is None else f"after {(arrived - began) * 1000:.0f} ms"
        report.row("6.5", f"{what} is told", "within two seconds", seen, right=arrived is not None and arrived - began < 2)
    report.row("6.6", "every notification is signed", "0 refused", f"{sink.refused} refused")
    sink.delay = 1.0
    slow = room.product()
    took = [sweep.took(lambda n=n: room.person.save(slow.id, "publish", texts(en={"marketingName": str(n)}))) for n in range(7)]
    report.row("6.8", "the address takes a second: a save's answer, median", None, f"{statistics.median(took) * 1000:.0f} ms")
    sink.delay, sink.status = 0.0, 500
    room.person.delete(slow.id)
    report.row("6.9", "the address fails: a delete works", "object with id:'N' not found", room.hub.said_of(slow.id))
    sink.status = 204


def install(option: str) -> None:
    subprocess.run([INSTALLER, option], check=True, stdout=sys.stderr)


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    parser.add_argument("url", help="address of the Pimcore, without /admin")
    parser.add_argument("--rounds", type=int, default=210, help="rounds of each sweep (default 210, as when the losses were found)")
    parser.add_argument("--sink-port", type=int, default=8099, help="where the bundle's CATALOG_NOTIFY_URL points to on this machine")
    parser.add_argument("--languages", default="en,ar", help="the languages of this Pimcore (default en,ar; fr is asked about if it is there)")
    parser.add_argument("--verbose", action="store_true", help="show what went wrong in a row")
    arguments = parser.parse_args()
    key, password = secret("PIM_API_KEY_FILE"), secret("PIM_ADMIN_PASSWORD_FILE")
    if key is None or password is None:
        parser.error("set PIM_API_KEY_FILE and PIM_ADMIN_PASSWORD_FILE")
    person = Editor(arguments.url, os.environ.get("PIM_ADMIN_USER", "admin"), password)
    second_password = secret("PIM_SECOND_PASSWORD_FILE")
    second = Editor(arguments.url, os.environ.get("PIM_SECOND_USER", ""), second_password) if second_password else None
    room = Room(Hub(arguments.url, key), person, second, languages=tuple(arguments.languages.split(",")))
    notify = secret("PIM_NOTIFY_SECRET_FILE")
    sink = Sink(arguments.sink_port, notify) if notify else None
    report, costs = Report(), []
    try:
        if os.environ.get("PIMCORE_ROOT"):
            for option in ("--without-bundle", "--with-bundle"):
                install(option)
                costs.append(ask(room, report, arguments, sink))
        else:
            costs.append(ask(room, report, arguments, sink))
        compare(report, costs)
    finally:
        room.tidy()
        if sink is not None:
            sink.close()
    print(f"\n{report.right} as expected, {report.wrong} not, {report.unasked} not asked", flush=True)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
