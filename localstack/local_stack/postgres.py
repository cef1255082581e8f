"""PostgreSQL for the shop: one small cluster for each stack, cloned from one that was migrated and seeded once."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local_stack.install import postgres_package
from local_stack.paths import LOCAL, REPO
from local_stack.processes import HOST, Account, Service, environment, listens, one_at_a_time, run

USER = "medusa"
DATABASE = "postgres"
# A stack that anybody can rebuild in a minute need not survive a power cut.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "50",
    "shared_buffers": "64MB",
    "log_min_messages": "warning",
}


def home() -> Path:
    """The folder of all clusters.

    PostgreSQL refuses to run as root. Started by root it runs as another account, which may not be able to reach the repository: then its
    files live under /var/tmp, in a folder that belongs to this repository only.
    """
    account = Account.unprivileged()
    inside = LOCAL / "postgres"
    if account is None or _reachable(REPO):
        place = inside
    else:
        place = (
            Path(tempfile.gettempdir() if not Path("/var/tmp").exists() else "/var/tmp")
            / f"catalog-relay-{hashlib.sha256(str(REPO).encode()).hexdigest()[:12]}"
        )
    place.mkdir(parents=True, exist_ok=True)
    if account:
        os.chown(place, account.uid, account.gid)
    return place


def _reachable(folder: Path) -> bool:
    """Whether accounts other than the owner's may pass through a folder and all above it."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))


def programs() -> Path:
    """The folder with initdb and postgres, where the account that runs them can read it."""
    native = postgres_package() / "native"
    if Account.unprivileged() is None or _reachable(native / "bin"):
        return native / "bin"
    copy = home() / f"programs-{native.parent.name}"
    with one_at_a_time(LOCAL / "cache" / "programs.lock"):
        if not (copy / "bin" / "postgres").exists():
            shutil.copytree(native, copy, symlinks=True, dirs_exist_ok=True)
    return copy / "bin"


@dataclass(frozen=True)
class Cluster:
    """A folder of data, a port and who runs it."""

    data: Path
    service: Service

    @classmethod
    def of(cls, name: str, run_dir: Path) -> Cluster:
        return cls(home() / name, Service("PostgreSQL", run_dir / "postgres.pid", run_dir / "logs" / "postgres.log"))

    def create(self, password: str, log: Path) -> None:
        """Makes an empty cluster whose only account is `medusa`."""
        self.remove()
        account = Account.unprivileged()
        word = self.data.with_suffix(".pw")
        word.touch(mode=0o600)
        word.write_text(password)
        if account:
            os.chown(word, account.uid, account.gid)
        command = [
            programs() / "initdb", "-D", self.data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={word}",
            "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions",
        ]  # fmt: skip
        try:
            run("Shop: create its database", command, log, account=account, cwd=home(), env=environment(HOME=str(home())))
        finally:
            word.unlink()

    def clone(self, template: Path) -> None:
        """Copies the data of a cluster that is shut down."""
        self.remove()
        shutil.copytree(template, self.data, symlinks=True)
        account = Account.unprivileged()
        self.data.chmod(0o700)
        if account:
            for folder, _, files in os.walk(self.data):
                for entry in (folder, *(os.path.join(folder, name) for name in files)):
                    os.chown(entry, account.uid, account.gid)

    def start(self, port: int) -> None:
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        self.service.start(
            [programs() / "postgres", "-D", self.data, "-p", str(port), *settings],
            ready=lambda: listens(port),
            within=180,
            cwd=self.data,
            env=environment(HOME=str(home())),
            account=Account.unprivileged(),
        )

    def stop(self) -> bool:
        """Fast shutdown: clients are cut off, data is written."""
        return self.service.stop(signal.SIGINT, within=20)

    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def remove(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)


def url(password: str, port: int) -> str:
    """How Medusa reaches it."""
    return f"postgres://{USER}:{password}@{HOST}:{port}/{DATABASE}"
