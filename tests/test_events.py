"""The sample events in `events/`: every function understands them as they are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from local_stack.paths import FUNCTIONS, REPO, SOURCES, TEMPLATE
from support.relay import Relay

EVENTS = sorted(file for file in (REPO / "events").glob("*.json") if file.name != "env.json")


def function_of(event: Path) -> str:
    return next(name for name in FUNCTIONS if event.stem.startswith(name))


def test_every_function_has_a_sample_event() -> None:
    assert {function_of(event) for event in EVENTS} == set(FUNCTIONS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.stem)
def test_a_function_understands_its_sample_event(relay: Relay, event: Path) -> None:
    payload = event.read_text().replace("catalog-relay-feeds-000000000000-us-east-1", relay.bucket)
    answer = relay.client("lambda").invoke(FunctionName=f"{relay.stack.place.cfn}-{function_of(event)}", Payload=payload.encode())
    said: Any = json.loads(answer["Payload"].read() or b"null")
    assert "FunctionError" not in answer, said
    assert not (isinstance(said, dict) and "errorMessage" in said), said


def test_the_sample_notification_is_of_the_sample_feed() -> None:
    feed = SOURCES / "sample-feeds" / "abayas.json"
    event = json.loads((REPO / "events" / "normalize-object-created.json").read_text())
    announced = json.loads(event["Records"][0]["body"])["detail"]["object"]
    assert announced["key"] == f"incoming/shein-api/{feed.name}"
    content = feed.read_bytes()
    assert (announced["size"], announced["etag"]) == (len(content), hashlib.md5(content, usedforsecurity=False).hexdigest())


def test_env_json_names_every_variable_of_the_template() -> None:
    from samcli.yamlhelper import yaml_parse

    template = yaml_parse(TEMPLATE.read_text())
    everywhere = set(template["Globals"]["Function"]["Environment"]["Variables"])
    given = json.loads((REPO / "events" / "env.json").read_text())
    functions = {name: resource for name, resource in template["Resources"].items() if resource["Type"] == "AWS::Serverless::Function"}
    assert given.keys() == functions.keys()
    for name, resource in functions.items():
        wanted = everywhere | set(resource["Properties"]["Environment"]["Variables"])
        assert set(given[name]) == wanted, f"events/env.json, {name}: {set(given[name]) ^ wanted}"
