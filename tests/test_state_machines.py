"""What the state machines promise, read off their definitions: they can be followed to an end, they retry, and their roles are neither too narrow nor
wider than their tasks. The emulator runs a state machine's calls without asking its role, so this is where the role is looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from local_stack.paths import REPO, TEMPLATE
from samcli.yamlhelper import yaml_parse

RESOURCES: dict[str, dict[str, Any]] = yaml_parse(TEMPLATE.read_text())["Resources"]
MACHINES = {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::StateMachine"}
# What a task calls, as IAM spells it, where that differs from the task's own name.
SPELLED = {
    "s3:headObject": "s3:GetObject",
    "sfn:listMapRuns": "states:ListMapRuns",
    "sfn:describeMapRun": "states:DescribeMapRun",
    "s3:listObjectsV2": "s3:ListBucket",
}
# What Step Functions does with the role beside the tasks: it starts the items of a map, follows and stops them, traces and logs.
OWN = {
    "states:StartExecution", "states:DescribeExecution", "states:StopExecution", "states:RedriveExecution",
    "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload",
}  # fmt: skip


def definition(machine: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads((REPO / machine["DefinitionUri"]).read_text()))


def levels(states: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine itself and the ones inside its maps."""
    yield states
    for state in states["States"].values():
        if "ItemProcessor" in state:
            yield from levels(state["ItemProcessor"])


def successors(state: dict[str, Any]) -> set[str]:
    return {value for value in [state.get("Next"), state.get("Default"), *(one["Next"] for one in state.get("Choices", []) + state.get("Catch", []))] if value}


def calls(machine: dict[str, Any]) -> Iterator[str]:
    """IAM actions of every task, reader and writer."""
    for level in levels(definition(machine)):
        for state in level["States"].values():
            for call in (state, state.get("ItemReader", {}), state.get("ResultWriter", {})):
                if "Resource" in call:
                    service, operation = call["Resource"].split(":")[-2:]
                    name = f"{service}:{operation}"
                    yield SPELLED.get(name, f"{service}:{operation[0].upper()}{operation[1:]}")


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_is_reached_and_leads_to_an_end(name: str) -> None:
    for level in levels(definition(MACHINES[name])):
        states = level["States"]
        reached, rest = set(), [level["StartAt"]]
        while rest:
            at = rest.pop()
            assert at in states, at
            if at not in reached:
                reached.add(at)
                rest += successors(states[at])
        assert reached == set(states)
        ends = [state for state in states.values() if state.get("End") or state["Type"] in ("Succeed", "Fail")]
        assert ends
        assert all(successors(state) or state in ends for state in states.values())


@pytest.mark.parametrize("name", MACHINES)
def test_every_task_is_tried_again_with_growing_waits(name: str) -> None:
    for level in levels(definition(MACHINES[name])):
        for title, state in level["States"].items():
            if state["Type"] == "Task":
                assert state["Retry"][0]["BackoffRate"] > 1, title
                assert state["Retry"][0]["JitterStrategy"] == "FULL", title


@pytest.mark.parametrize("name", MACHINES)
def test_what_the_definition_leaves_open_the_template_fills_in(name: str) -> None:
    text = (REPO / MACHINES[name]["DefinitionUri"]).read_text()
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(MACHINES[name]["DefinitionSubstitutions"])


@pytest.mark.parametrize("name", MACHINES)
def test_the_role_allows_what_the_tasks_call_and_nothing_else(name: str) -> None:
    role = RESOURCES[MACHINES[name]["Role"]["Fn::GetAtt"][0]]["Properties"]
    allowed: set[str] = set()
    for statement in (one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]):
        actions = statement["Action"]
        actions = {actions} if isinstance(actions, str) else set(actions)
        if statement["Resource"] == "*":
            # Tracing and the delivery of logs know no resources.
            assert all(action.startswith(("xray:", "logs:")) for action in actions), statement
            continue
        allowed |= actions
    assert allowed - OWN == set(calls(MACHINES[name]))
