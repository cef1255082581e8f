"""Programs of a stack whose folder somebody removed by hand: nothing else knows any more that they run."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

PATIENCE = 10.0


def stop(folder: Path, database: Path) -> list[int]:
    """Ends the stand-in and the local AWS that keep their data below `folder`, the server of `database`, and the shop on it. Their ids."""
    server, port = _server(database)
    marks = [f"\0STATE_DIR={folder}{os.sep}".encode(), f"\0--db\0{folder}{os.sep}".encode()]
    found = set()
    # What the server has noted may be of long ago, and the port somebody else's by now.
    if server and str(database) in _command(server):
        found.add(server)
        marks.append(f"@127.0.0.1:{port}/".encode())
    found |= {pid for pid in _processes() if any(mark in _words(pid) for mark in marks)}
    found -= {os.getpid(), os.getppid()}
    for sign in (signal.SIGINT, signal.SIGKILL):
        for pid in found:
            _signal(pid, sign)
        deadline = time.monotonic() + PATIENCE
        while any(_runs(pid) for pid in found) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not any(_runs(pid) for pid in found):
            break
    return sorted(found)


def _server(database: Path) -> tuple[int, int]:
    """Process id and port that a PostgreSQL server has noted in its data; zeros if there is none."""
    try:
        lines = (database / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), int(lines[3])
    except (OSError, ValueError, IndexError):
        return 0, 0


def _processes() -> list[int]:
    proc = Path("/proc")
    return [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()] if (proc / "self").exists() else []


def _words(pid: int) -> bytes:
    """Arguments and environment of a process, where this account may see them."""
    try:
        return b"\0" + Path(f"/proc/{pid}/cmdline").read_bytes() + b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _command(pid: int) -> str:
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout


def _runs(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()
    return bool(state) and not state.startswith("Z")


def _signal(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except (ProcessLookupError, PermissionError):
        return
