"""`sam local invoke` with every sample event, as the README says, in Lambda's own image: where there is a container engine that has it or can fetch it.

The functions in the container use the stack under test. It listens on loopback, which a container does not reach on Linux; so its ports are
handed through on the address of the engine's bridge, which only this machine and its containers see.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local_stack import functions
from local_stack.emulator import shell_variables
from local_stack.paths import REPO, venv_bin
from support.relay import Relay
from test_events import ANSWERS, EVENTS, function_of, matches

LOGICAL = {
    "normalize": "NormalizeFunction",
    "pimcore-sync": "PimcoreSyncFunction",
    "medusa-push": "MedusaPushFunction",
    "dlq-redrive": "DlqRedriveFunction",
    "pimcore-notices": "PimcoreNoticesFunction",
}
# Where events/env.json says that everything is.
PORTS = {"aws": 4566, "pim": 8080, "medusa": 9000}
AT_A_TIME = 4

Invoked = dict[Path, "Future[subprocess.CompletedProcess[str]]"]


def docker(*arguments: str, within: float = 30) -> subprocess.CompletedProcess[str]:
    command = ["docker", *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=within, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer within {within:.0f} s")


@dataclass
class Container:
    """How functions in containers reach the stack."""

    host: str
    ports: dict[str, int]
    env: Path


@contextmanager
def handed_through(host: str, port: int) -> Iterator[int]:
    """A port on `host` that leads to the one on loopback."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                inside, _ = listener.accept()
                outside = socket.create_connection(("127.0.0.1", port))
                for pair in ((inside, outside), (outside, inside)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    with closing(socket.create_server((host, 0))) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def engine() -> None:
    if shutil.which("docker") is None or docker("info").returncode != 0:
        pytest.skip("NOT TESTED: no container engine")
    image = f"public.ecr.aws/lambda/provided:al2023-{functions.architecture()}"
    if docker("image", "inspect", image).returncode != 0 and docker("pull", "--quiet", image, within=180).returncode != 0:
        pytest.skip(f"NOT TESTED: the container engine cannot fetch {image}")


@pytest.fixture(scope="module")
def container(engine: None, relay: Relay, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    stack = relay.stack
    settings = (REPO / "events" / "env.json").read_text().replace("catalog-relay", stack.place.cfn)
    settings = settings.replace("sc_of_your_shop", stack.facts.sales_channel_id).replace("sloc_of_your_shop", stack.facts.stock_location_id)
    env = tmp_path_factory.mktemp("sam") / "env.json"
    if platform.system() != "Linux":
        ports = {name: stack.ports[name] for name in PORTS}
        yield written(Container("host-gateway", ports, env), settings)
        return
    # An engine that has just made its bridge names no gateway; then the subnet's first address is it.
    bridge = docker("network", "inspect", "bridge", "--format", "{{with index .IPAM.Config 0}}{{or .Gateway .Subnet}}{{end}}").stdout.strip().partition("/")[0]
    with ExitStack() as doors:
        ports = {name: doors.enter_context(handed_through(bridge, stack.ports[name])) for name in PORTS}
        yield written(Container(bridge, ports, env), settings)


def written(container: Container, settings: str) -> Container:
    for name, port in PORTS.items():
        settings = settings.replace(f"host.docker.internal:{port}", f"host.docker.internal:{container.ports[name]}")
    container.env.write_text(settings)
    return container


@pytest.fixture(scope="module")
def invoked(request: pytest.FixtureRequest, relay: Relay, container: Container, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invoked]:
    """The answers to come of all events that are asked for, a few at a time: an invocation mostly waits for its container."""
    wanted = {item.callspec.params["event"] for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path}
    place = tmp_path_factory.mktemp("events")
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield {event: pool.submit(invoke, relay, container, event, place) for event in EVENTS if event in wanted}


def invoke(relay: Relay, container: Container, event: Path, place: Path) -> subprocess.CompletedProcess[str]:
    stack = relay.stack
    payload = place / event.name
    payload.write_text(event.read_text().replace("catalog-relay-feeds-000000000000-us-east-1", relay.bucket))
    address = f"http://host.docker.internal:{container.ports['aws']}"
    command: list[str | Path] = [
        venv_bin("sam"), "local", "invoke", LOGICAL[function_of(event)], "-t", stack.place.build / "template.yaml",
        "-e", payload, "--env-vars", container.env, "--skip-pull-image", "--add-host", f"host.docker.internal:{container.host}",
        "--parameter-overrides", f"Architecture={functions.architecture()} AwsEndpointUrl={address}",
    ]  # fmt: skip
    env = os.environ | shell_variables(stack.ports["aws"]) | {"SAM_CLI_TELEMETRY": "0"}
    env.pop("AWS_ENDPOINT_URL", None)
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=env)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.stem)
def test_a_function_answers_its_sample_event_in_a_container(invoked: Invoked, event: Path) -> None:
    done = invoked[event].result()
    lines = done.stdout.strip().splitlines()
    assert lines, done.stderr
    said: Any = json.loads(lines[-1])
    wanted = ANSWERS[event.stem]
    if isinstance(wanted, str):
        assert wanted in said["errorMessage"], done.stdout
    else:
        assert matches(said, wanted), f"{said}\n{done.stderr}"
