"""What a person sees while things happen: one line when a step begins, one when it ends, a sign of life in between."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

STARTED = time.monotonic()
HEARTBEAT_SECONDS = 15.0
_lock = threading.Lock()


class Failed(Exception):
    """A step that did not work: what, why (often the end of a log) and what to do."""

    def __init__(self, what: str, *, why: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.todo = what, why, todo

    def __str__(self) -> str:
        parts = [self.what]
        if self.why:
            parts.append("\n".join("  | " + line for line in self.why.rstrip().splitlines()))
        if self.todo:
            parts.append(f"  What to do: {self.todo}")
        return "\n".join(parts)


def say(text: str = "", *, mark: str = " ") -> None:
    """Prints a line with the time since the start."""
    with _lock:
        stamp = f"[{time.monotonic() - STARTED:6.1f}s]"
        print(f"{stamp} {mark} {text}" if text else "", flush=True)


def error(text: str) -> None:
    """Prints to standard error."""
    with _lock:
        print(text, file=sys.stderr, flush=True)


@contextmanager
def step(name: str, life: Callable[[], str] | None = None, *, quiet_below: float = 0.0) -> Iterator[None]:
    """Shows a step. `life` says what is going on when it takes long. A step quicker than `quiet_below` seconds is not shown at all."""
    begun = time.monotonic()
    done = threading.Event()

    def beat() -> None:
        if done.wait(quiet_below):
            return
        say(name, mark="…")
        while not done.wait(HEARTBEAT_SECONDS):
            doing = life() if life else ""
            say(f"{name}: {time.monotonic() - begun:.0f} s{' · ' + doing if doing else ''}", mark="…")

    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        yield
    except BaseException:
        done.set()
        heart.join()
        say(f"{name}: failed after {time.monotonic() - begun:.1f} s", mark="✗")
        raise
    done.set()
    heart.join()
    took = time.monotonic() - begun
    if took >= quiet_below:
        say(f"{name}: {took:.1f} s", mark="✓")


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log."""
    try:
        text = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(line[:400] for line in text[-lines:])


def last_line(log: Path) -> str:
    """The last line of a log that says something, cut to fit a line on screen."""
    for line in reversed(tail(log, 5).splitlines()):
        if line.strip():
            return line.strip()[:100]
    return ""
