"""Programs that run in the background, and programs that are run to their end."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_stack.console import Failed, last_line, step, tail

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Account:
    """Whom a program runs as."""

    uid: int
    gid: int

    @classmethod
    def unprivileged(cls) -> Account | None:
        """For programs that refuse to run as root; `None` when we are not root."""
        if os.getuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise Failed("no account to run PostgreSQL as", todo="create a user named nobody, or do not run this as root")


def environment(**more: str) -> dict[str, str]:
    """A small environment: what programs need to find each other and to trust the machine's certificates, and nothing of the caller's AWS."""
    keep = ("PATH", "LANG", "LC_ALL", "TERM", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")
    kept = {name: os.environ[name] for name in keep if name in os.environ}
    kept.setdefault("LANG", "C.UTF-8")
    return {**kept, **more}


def run(
    what: str,
    command: Sequence[str | Path],
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    account: Account | None = None,
    todo: str = "",
    quiet_below: float = 0.0,
) -> None:
    """Runs a program to its end and shows it as a step; its output goes to `log`, the end of which is shown if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with step(what, lambda: last_line(log), quiet_below=quiet_below), log.open("wb") as out:
        try:
            done = subprocess.run(
                [str(part) for part in command],
                cwd=cwd,
                env=dict(env) if env is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
                **_as(account),
            )
        except OSError as problem:
            raise Failed(f"{what}: {problem}", todo=todo) from problem
        if done.returncode != 0:
            raise Failed(f"{what} failed (exit code {done.returncode})", why=tail(log), todo=todo or f"read {log}")


def _as(account: Account | None) -> dict[str, object]:
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


# Below those that systems give to outgoing connections: whatever connects meanwhile, a port that was found here is free when its server starts.
OWN_PORTS = range(15_000, 32_000)


def free_port(wanted: int = 0) -> int:
    """`wanted` if nobody listens there, otherwise one of our own; `0` is any."""
    for port in (wanted, *random.sample(OWN_PORTS, 50)):
        if not port:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise Failed("no free port on 127.0.0.1")


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """What several programs that start at once must not do together. The lock ends with the program that holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@dataclass
class Service:
    """One background program of a stack. Its process id is kept in a file, so that another command can stop it."""

    name: str
    pid_file: Path
    log: Path

    def start(
        self,
        command: Sequence[str | Path],
        *,
        ready: Callable[[], bool],
        within: float,
        cwd: Path | None = None,
        env: Mapping[str, str],
        account: Account | None = None,
        todo: str = "",
    ) -> None:
        """Starts the program unless it runs, and waits until it is ready."""
        if self.alive() and ready():
            return
        self.stop()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        with step(f"start {self.name}", lambda: last_line(self.log)), self.log.open("ab") as out:
            child = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **_as(account),
            )
            _children[child.pid] = child
            self.pid_file.write_text(json.dumps({"pid": child.pid, "born": _born(child.pid)}))
            deadline = time.monotonic() + within
            while not ready():
                code = child.poll()
                if code is not None:
                    raise Failed(f"{self.name} ended with exit code {code}", why=tail(self.log), todo=todo or f"read {self.log}")
                if time.monotonic() > deadline:
                    self.stop()
                    raise Failed(f"{self.name} was not ready within {within:.0f} s", why=tail(self.log), todo=todo or f"read {self.log}")
                time.sleep(0.1)

    def pid(self) -> int | None:
        """The process id, if that very process still runs."""
        try:
            known = json.loads(self.pid_file.read_text())
        except (OSError, ValueError):
            return None
        pid = int(known["pid"])
        return pid if known.get("born") and _born(pid) == known["born"] else None

    def alive(self) -> bool:
        return self.pid() is not None

    def stop(self, sign: int = signal.SIGTERM, within: float = 15.0) -> bool:
        """Ends the program and its children. Says whether it ran."""
        pid = self.pid()
        if pid is None:
            self.pid_file.unlink(missing_ok=True)
            return False
        for number, patience in ((sign, within), (signal.SIGKILL, 5.0)):
            try:
                os.killpg(pid, number)
            except ProcessLookupError:
                break
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and self.alive():
                _reap(pid)
                time.sleep(0.05)
            if not self.alive():
                break
        self.pid_file.unlink(missing_ok=True)
        return True


# A child of ours stays a zombie until somebody asks for its exit code.
_children: dict[int, subprocess.Popen[bytes]] = {}


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child and child.poll() is not None:
        del _children[pid]


def _born(pid: int) -> str:
    """When a process started: a process id alone may belong to somebody else by now. Empty when there is none (or a zombie)."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else fields[19]
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.strip()
    return "" if shown.startswith("Z") else shown.partition(" ")[2].strip()


def answers(url: str, *, timeout: float = 2.0) -> bool:
    """Whether an HTTP server answers at `url`, with whatever status."""
    try:
        with urllib.request.urlopen(url, timeout=timeout):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a port."""
    try:
        with socket.create_connection((HOST, port), timeout=1.0):
            return True
    except OSError:
        return False
