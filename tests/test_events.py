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


# What each event is answered: a batch with the messages that are to come back, a report of which some members are certain, or an error that
# contains these words.
TAKEN: dict[str, Any] = {"batchItemFailures": []}
ANSWERS: dict[str, Any] = {
    "normalize-object-created": TAKEN,
    "normalize-object-gone": TAKEN,
    "normalize-resumed": TAKEN,
    "normalize-second-reading": TAKEN,
    "normalize-not-understood": TAKEN,
    "normalize-unknown-source": TAKEN,
    "normalize-withdraw": TAKEN,
    "pimcore-sync-products": TAKEN,
    "pimcore-sync-unknown-product": TAKEN,
    "pimcore-sync-poison": TAKEN,
    "pimcore-sync-changes": {"changes": {"foreign": int}, "census": dict},
    "pimcore-sync-reconcile": {"inventory": {"complete": True}},
    "pimcore-sync-due": {"due": {"looked": int, "complete": True}},
    "pimcore-sync-unknown-action": "unknown variant `explode`, expected one of `changes`, `due`, `reconcile`",
    "medusa-push-products": TAKEN,
    "medusa-push-poison": TAKEN,
    "medusa-push-settings": {"articles": str, "news": bool},
    # A signature holds for five minutes: tests/test_people_in_the_pim.py makes one.
    "pimcore-notices-old": {"statusCode": 401},
    "pimcore-notices-unsigned": {"statusCode": 401},
    "pimcore-notices-not-a-post": {"statusCode": 405},
    "dlq-redrive-inspect": {"action": "inspect", "queues": list},
    "dlq-redrive-redrive": {"action": "redrive", "queues": list},
    "dlq-redrive-park": {"action": "park", "dryRun": True, "queues": list},
    "dlq-redrive-parked": {"action": "parked", "queues": list},
    "dlq-redrive-unpark": {"action": "unpark", "dryRun": True, "queues": list},
    "dlq-redrive-sweep": {"action": "sweep", "sweep": {"pending": int}},
    "dlq-redrive-scheduled": {"action": "maintain", "queues": list, "sweep": dict},
    "dlq-redrive-tend": {},
    "dlq-redrive-bad-request": "unknown field `colour`",
}


def test_every_event_is_expected_to_be_answered() -> None:
    assert {event.stem for event in EVENTS} == set(ANSWERS)
    assert {function_of(event) for event in EVENTS} == set(FUNCTIONS)


def matches(said: Any, wanted: Any) -> bool:
    """Whether an answer has all that is wanted of it: types stand for any value of theirs."""
    if isinstance(wanted, type):
        return isinstance(said, wanted)
    if isinstance(wanted, dict):
        return isinstance(said, dict) and all(name in said and matches(said[name], value) for name, value in wanted.items())
    return bool(said == wanted)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.stem)
def test_a_function_answers_its_sample_event(relay: Relay, event: Path) -> None:
    """Through the runtime interface: the binaries are the ones that Lambda would run."""
    payload = event.read_text().replace("catalog-relay-feeds-000000000000-us-east-1", relay.bucket)
    answer = relay.client("lambda").invoke(FunctionName=f"{relay.stack.place.cfn}-{function_of(event)}", Payload=payload.encode())
    said: Any = json.loads(answer["Payload"].read() or b"null")
    wanted = ANSWERS[event.stem]
    if isinstance(wanted, str):
        assert "FunctionError" in answer, said
        assert wanted in said["errorMessage"], said
    else:
        assert "FunctionError" not in answer, said
        assert matches(said, wanted), said


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
