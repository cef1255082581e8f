"""What a stack leaves behind: the functions' log lines and metrics, and everything in which something could be found that must not be there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from local_stack.paths import FUNCTIONS

from support.relay import Relay

QUEUES = ("IngestQueue", "PimcoreQueue", "MedusaQueue", "IngestDlq", "PimcoreDlq", "MedusaDlq", "EventsDlq")


def log_lines(relay: Relay, function: str, since: int) -> list[str]:
    """Everything a function wrote since then (ms), as it wrote it."""
    client = relay.client("logs")
    group = f"/aws/lambda/{relay.stack.place.cfn}-{function}"
    try:
        pages = list(client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since))
    except client.exceptions.ResourceNotFoundException:
        return []
    return [line for page in pages for event in page["events"] for line in event["message"].splitlines() if line.strip()]


def log_records(relay: Relay, function: str, since: int) -> list[dict[str, Any]]:
    """The same as JSON objects, without the lines of the platform (START, REPORT)."""
    records = []
    for line in log_lines(relay, function, since):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def metrics(relay: Relay, function: str, since: int) -> dict[tuple[str, ...], list[float]]:
    """Every value reported in CloudWatch's embedded format, by metric and dimensions: ("RecordsRejected", "Environment=…", …)."""
    found: dict[tuple[str, ...], list[float]] = {}
    for record in log_records(relay, function, since):
        if "_aws" not in record:
            continue
        for directive in record["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == "catalog-relay", record
            for names in directive["Dimensions"]:
                dimensions = tuple(f"{name}={record[name]}" for name in sorted(names))
                for metric in directive["Metrics"]:
                    value = record[metric["Name"]]
                    found.setdefault((metric["Name"], *dimensions), []).extend(value if isinstance(value, list) else [value])
    return found


def everything(relay: Relay, since: int) -> Iterator[tuple[str, str]]:
    """All logs, items, objects and messages of the stack, each with where it is."""
    for function in FUNCTIONS:
        for number, line in enumerate(log_lines(relay, function, since)):
            yield f"log of {function}, line {number}", line
    dynamodb = relay.client("dynamodb")
    for page in dynamodb.get_paginator("scan").paginate(TableName=relay.outputs["LedgerTable"]):
        for item in page["Items"]:
            yield f"item {item['pk']} {item['sk']}", repr(item)
    s3 = relay.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=relay.bucket):
        for version in page.get("Versions", []):
            body = s3.get_object(Bucket=relay.bucket, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
            yield f"object {version['Key']}", version["Key"] + body.decode("utf-8", "replace")
    for queue in QUEUES:
        yield from ((f"message on {queue}", text) for text in messages(relay, relay.outputs[queue]))


def messages(relay: Relay, url: str) -> list[str]:
    """Every message of a queue with its attributes; they stay on it."""
    sqs, found, seen = relay.client("sqs"), [], set()
    handles = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30, AttributeNames=["All"], MessageAttributeNames=["All"]).get(
        "Messages", []
    ):
        for message in batch:
            handles.append(message.pop("ReceiptHandle"))
            if message["MessageId"] not in seen:
                seen.add(message["MessageId"])
                found.append(json.dumps(message))
    for handle in handles:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    return found
