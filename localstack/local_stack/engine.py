"""A container engine for `sam local invoke`, on a machine that has none: Debian's engine, with a base image made here.

Where an engine runs already and has Lambda's image or can fetch it, that one is used. Otherwise, as root on Debian or Ubuntu, `docker.io` and
`debootstrap` are installed, a daemon of our own is started below `.local/engine`, and Debian's minimal system is imported under the name of Lambda's base
image: SAM CLI adds its own runtime emulator to it, and the functions need nothing but a C library. It is a stand-in for that image, and says so.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local_stack.console import Failed, say
from local_stack.install import LOGS
from local_stack.paths import LOCAL, REPO
from local_stack.processes import run

PLACE = LOCAL / "engine"
IMAGE = f"public.ecr.aws/lambda/provided:al2023-{'arm64' if platform.machine() in ('aarch64', 'arm64') else 'x86_64'}"
# A network of its own, named, because an engine that has just made its bridge does not tell the bridge's address.
BRIDGE = "172.31.254.1/24"
STARTS_WITHIN = 30.0


def run_with(command: Sequence[str]) -> int:
    """Runs a command with an engine that has the image, and gives its exit code."""
    with engine() as variables:
        return subprocess.run(command, env=os.environ | variables, cwd=REPO, check=False).returncode


@contextmanager
def engine() -> Iterator[dict[str, str]]:
    """The variables with which `docker` and SAM CLI find an engine that has the image."""
    if _answers({}) and (_has_image({}) or _docker({}, "pull", "--quiet", IMAGE)):
        yield {}
        return
    if os.getuid() != 0 or not shutil.which("apt-get"):
        raise Failed(
            f"no container engine that has {IMAGE} or can fetch it",
            todo="start Docker or Podman and run the same command again; as root on Debian or Ubuntu this installs one itself",
        )
    _install()
    variables = {"DOCKER_HOST": f"unix://{PLACE / 'docker.sock'}", "PATH": f"/usr/bin:{os.environ['PATH']}"}
    daemon = _start(variables)
    try:
        if not _has_image(variables):
            _make_image(variables)
        say(f"container engine: one of our own; {IMAGE} is Debian's minimal system under that name, not Lambda's image")
        yield variables
    finally:
        daemon.terminate()
        daemon.wait(timeout=30)


def _install() -> None:
    if all(shutil.which(program) for program in ("dockerd", "debootstrap")):
        return
    script = "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io debootstrap"
    run("Container engine: docker.io and debootstrap from the distribution", ["sh", "-c", script], LOGS / "engine-install.log")


def _start(variables: dict[str, str]) -> subprocess.Popen[bytes]:
    PLACE.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "engine.log"
    # Neither iptables nor overlay mounts can be relied on inside a container or a small virtual machine.
    options = ["--bip", BRIDGE, "--iptables=false", "--storage-driver=vfs", "--pidfile", PLACE / "pid"]
    folders = ["--data-root", PLACE / "data", "--exec-root", PLACE / "exec", "--host", variables["DOCKER_HOST"]]
    (PLACE / "pid").unlink(missing_ok=True)
    with log.open("ab") as out:
        daemon = subprocess.Popen(["/usr/sbin/dockerd", *options, *folders], stdout=out, stderr=out, start_new_session=True)
    until = time.monotonic() + STARTS_WITHIN
    while not _answers(variables):
        if daemon.poll() is not None or time.monotonic() > until:
            daemon.kill()
            raise Failed("the container engine does not start", why=_end_of(log), todo=f"read {log}")
        time.sleep(0.25)
    return daemon


def _make_image(variables: dict[str, str]) -> None:
    root = PLACE / "root"
    shutil.rmtree(root, ignore_errors=True)
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", release["VERSION_CODENAME"].strip('"'), root]
    run("Container engine: the base image from the distribution's packages", [*command, *_mirror()], LOGS / "engine-image.log")
    for folder in ("var/task", "var/runtime"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    script = f'tar -C "{root}" -c . | docker import - "{IMAGE}"'
    run("Container engine: import it", ["sh", "-c", script], LOGS / "engine-image.log", env=os.environ | variables)
    shutil.rmtree(root, ignore_errors=True)


def _mirror() -> list[str]:
    """Where this machine's packages come from, as far as its sources say so plainly."""
    for place in ("sources.list.d/debian.sources", "sources.list"):
        file = Path("/etc/apt") / place
        for line in file.read_text().splitlines() if file.exists() else []:
            words = [word for word in line.split() if word.startswith("http")]
            if line.startswith(("URIs:", "deb ")) and words:
                return words[:1]
    return []


def _docker(variables: dict[str, str], *arguments: str) -> bool:
    try:
        done = subprocess.run(["docker", *arguments], env=os.environ | variables, capture_output=True, timeout=180, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _answers(variables: dict[str, str]) -> bool:
    return _docker(variables, "info")


def _has_image(variables: dict[str, str]) -> bool:
    return _docker(variables, "image", "inspect", IMAGE)


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-3:])
