"""`localstack/docker-compose.yml`: its images cannot be fetched everywhere, so at least its parts fit together."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from local_stack import shop
from local_stack.paths import SOURCES

COMPOSE = SOURCES / "docker-compose.yml"
CONTENT: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
SERVICES: dict[str, dict[str, Any]] = CONTENT["services"]
each_service = pytest.mark.parametrize("name", sorted(SERVICES))


@each_service
def test_what_a_service_waits_for_can_come_true(name: str) -> None:
    waits = SERVICES[name].get("depends_on", {})
    for other, how in waits.items() if isinstance(waits, dict) else ((one, {}) for one in waits):
        assert other in SERVICES
        match how.get("condition", "service_started"):
            case "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for the health of {other}"
            case "service_completed_successfully":
                assert "restart" not in SERVICES[other], f"{name} waits for the end of {other}"
            case condition:
                assert condition == "service_started"


@each_service
def test_what_a_service_mounts_is_there(name: str) -> None:
    assert set(SERVICES[name].get("secrets", [])) <= set(CONTENT["secrets"])
    for mount in SERVICES[name].get("volumes", []):
        source, inside, *_ = mount.split(":")
        if source.startswith("./"):
            assert (SOURCES / source).exists(), mount
        elif not source.startswith("/"):
            assert source in CONTENT["volumes"], mount
        assert inside.startswith("/"), mount


@each_service
def test_ports_are_on_loopback(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@each_service
def test_scripts_can_be_read_and_name_what_exists(name: str) -> None:
    service = SERVICES[name]
    if service.get("entrypoint", [])[:1] != ["/bin/sh"]:
        return
    # Compose replaces $$ by $.
    (script,) = [text.replace("$$", "$") for text in service["command"]]
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    for program in re.findall(r'python3 -c "\n(.*?)\n"', script, re.S):
        imports = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.ImportFrom)]
        assert imports
        for node in imports:
            assert node.module == "local_stack.shop"
            assert all(hasattr(shop, one.name) for one in node.names)


def test_both_generations_of_compose_read_it() -> None:
    """1.29 refuses a name at the top level and takes it from `.env`; LocalStack's functions join the network by a name that holds it."""
    assert set(CONTENT) == {"services", "secrets", "networks", "volumes"}
    name = (SOURCES / ".env").read_text().split("COMPOSE_PROJECT_NAME=")[1].strip()
    network = CONTENT["networks"]["default"]["name"]
    assert network == f"{name}_default" == SERVICES["localstack"]["environment"]["LAMBDA_DOCKER_NETWORK"]


def test_secrets_are_files_that_the_first_lines_make() -> None:
    made = set(re.findall(r"\b[a-z]+(?:_[a-z]+)*_(?:password|key|secret)\b", COMPOSE.read_text().split("\nservices:")[0]))
    assert made == set(CONTENT["secrets"])
    assert all(secret == {"file": f"./secrets/{name}"} for name, secret in CONTENT["secrets"].items())


def test_the_shop_is_seeded_with_nothing_but_python() -> None:
    """The image has no packages, only the mounted folder."""
    program = f"import sys; sys.path.insert(0, {str(SOURCES)!r}); from local_stack.shop import seed"
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)
