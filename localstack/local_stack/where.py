"""Where to look: addresses, keys, what runs, what waits, and the logs."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from typing import Any

from local_stack import deploy, emulator
from local_stack.console import Failed, tail
from local_stack.paths import FUNCTIONS, REPO, TARGET
from local_stack.stack import Stack

QUEUES = ("IngestQueue", "PimcoreQueue", "MedusaQueue", "IngestDlq", "PimcoreDlq", "MedusaDlq", "EventsDlq")


def where_to_look(stack: Stack) -> str:
    """A screen of text for a person."""
    place = stack.place.dir.relative_to(REPO)
    outputs = deploy.outputs(stack.place, stack.ports["aws"])
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in emulator.shell_variables(stack.ports["aws"]).items())
    key = stack.facts.publishable_key
    relay = os.path.relpath(TARGET / "debug" / "relay")
    named = "" if stack.place.name == "demo" else f"={stack.place.name}"
    return f"""\
Where to look
  Shop       {stack.url("medusa")}   Admin API as {stack.facts.email}, password in {place}/shop.json
             Store API, header x-publishable-api-key: {key}
  PIM        {stack.url("pim")}   a stand-in for Pimcore, not Pimcore; API key in {place}/pim-api-key
  AWS        {stack.url("aws")}   MiniStack, stack {stack.place.cfn}; for your shell:
             export {variables}
  Feeds      s3://{outputs.get("FeedBucket", "?")}/incoming/<source>/…
  Follow     {relay} --local{named} trace <source>:<id>   what happened to one product (relay --help: more)
  Logs       make logs  (NAME=pimcore-sync for one function or service; a feed's correlation id finds its lines)
  State      make status · stop: make down · delete: make clean"""


def depths(stack: Stack) -> dict[str, int]:
    """Messages on each queue: waiting and being worked on."""
    client, outputs = emulator.client(stack.ports["aws"], "sqs"), deploy.outputs(stack.place, stack.ports["aws"])
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
    found = {}
    for queue in QUEUES:
        attributes = client.get_queue_attributes(QueueUrl=outputs[queue], AttributeNames=names)["Attributes"]
        found[queue] = sum(int(attributes.get(name, 0)) for name in names)
    return found


def show_status(stack: Stack) -> int:
    """Prints what runs and what waits. 0 when everything runs, 3 otherwise."""
    running = {part: service.alive() for part, service in stack.services().items()}
    for part, service in stack.services().items():
        state = f"runs, process {service.pid()}" if running[part] else "stopped"
        print(f"{service.name:<14} {stack.url(part).removeprefix('http://'):<22} {state}")
    if not all(running.values()):
        print("\nmake up starts what is stopped")
        return 3
    state = deploy.status(stack.place, stack.ports["aws"])
    print(f"{'template':<14} {stack.place.cfn:<22} {state or 'not deployed'}")
    if state in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        print("\nMessages on the queues")
        for queue, depth in depths(stack).items():
            print(f"  {queue:<14} {depth}")
    print()
    print(where_to_look(stack))
    return 0


def follow_logs(stack: Stack, name: str, *, once: bool) -> int:
    """Prints the end of logs and, unless `once`, what is added to them."""
    files = {"medusa": "medusa", "pim": "pim", "postgres": "postgres", "emulator": "emulator", "aws": "emulator"}
    if name in files:
        return _follow_file(stack, files[name], once=once)
    if name and name not in FUNCTIONS:
        raise Failed(f"no logs of: {name}", todo=f"one of {', '.join((*FUNCTIONS, *files))}")
    client = emulator.client(stack.ports["aws"], "logs")
    seen: dict[str, int] = {}
    while True:
        fresh: list[dict[str, Any]] = []
        for function in [name] if name else FUNCTIONS:
            fresh += [{"function": function, **event} for event in _events(client, f"/aws/lambda/{stack.place.cfn}-{function}", seen)]
        for event in sorted(fresh, key=lambda event: event["timestamp"]):
            stamp = time.strftime("%H:%M:%S", time.localtime(event["timestamp"] / 1000))
            print(f"{stamp} {event['function']:<13} {_readable(event['message'])}")
        if once:
            return 0
        sys.stdout.flush()
        time.sleep(1.0)


def _events(client: Any, group: str, seen: dict[str, int]) -> list[dict[str, Any]]:
    """What a log group got since the last call."""
    try:
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=seen.get(group, 0))
        events = [event for page in pages for event in page["events"]]
    except client.exceptions.ResourceNotFoundException:
        return []
    if events:
        seen[group] = max(event["timestamp"] for event in events) + 1
    return events


def _readable(message: str) -> str:
    """A JSON log line as level, text and fields; any other line as it is."""
    try:
        line = json.loads(message)
        if "_aws" in line:
            metrics = [metric["Name"] for directive in line["_aws"]["CloudWatchMetrics"] for metric in directive["Metrics"]]
            return " ".join(["METRIC", *(f"{name}={value}" for name, value in line.items() if name in metrics or isinstance(value, str))])
        fields = dict(line.get("fields", {}))
        text = fields.pop("message", "")
        return " ".join([line.get("level", ""), text, *(f"{name}={value}" for name, value in fields.items())])
    except (ValueError, AttributeError):
        return message.rstrip()


def _follow_file(stack: Stack, name: str, *, once: bool) -> int:
    log = stack.place.logs / f"{name}.log"
    print(tail(log, 100))
    if once:
        return 0
    with log.open(errors="replace") as lines:
        lines.seek(0, 2)
        while True:
            line = lines.readline()
            print(line, end="", flush=True) if line else time.sleep(0.3)
