"""What people see of a feed: its lines in every function's log under one id, numbers that are what happened, alarms that watch numbers that exist."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

from local_stack.paths import TEMPLATE
from samcli.yamlhelper import yaml_parse
from support.documents import FOLDER, feed_of, only_sku, scarf
from support.evidence import log_records, metrics
from support.operator import Operator
from support.relay import Relay

_numbers = itertools.count(int(time.time()) + 500_000)
TRACE = "1-67891233-abcdef012345678912345678"


def new_ids(count: int) -> list[str]:
    return [str(next(_numbers)) for _ in range(count)]


def total(found: dict[tuple[str, ...], list[float]], metric: str, *dimensions: str) -> float:
    """The sum of what was reported with exactly these dimensions beside the environment."""
    values = [
        value
        for (name, *given), some in found.items()
        if name == metric and sorted(one for one in given if not one.startswith("Environment=")) == sorted(dimensions)
        for value in some
    ]
    return sum(values)


def test_one_id_finds_a_product_in_the_log_of_every_function(relay: Relay) -> None:
    (goods_id,) = new_ids(1)
    sent = relay.upload(f"{FOLDER}way-{goods_id}.json", feed_of(scarf(goods_id)))
    run = relay.run_of(sent)
    key = f"shein-api:{goods_id}"
    relay.wait_for_arrival([key])

    def lines(function: str) -> list[dict[str, Any]]:
        return [record for record in log_records(relay, function, sent[1]) if run.name in json.dumps(record)]

    for function, message in [("normalize", "product announced"), ("pimcore-sync", "product settled"), ("medusa-push", "product settled")]:
        of_product = relay.wait_until(
            f"line of {function} about {key}",
            lambda function=function, message=message: [
                line["fields"] for line in lines(function) if line["fields"]["message"] == message and line["fields"].get("product") == key
            ],
            within=20,
        )
        assert of_product[0]["correlation_id"] == run.name
        assert of_product[0]["cause"] == "feed"
        # Nothing that is said while the feed is read or a batch is worked on is without the id, and every line names its invocation and its trace.
        for line in lines(function):
            spans = {name: value for span in line["spans"] for name, value in span.items()}
            assert spans["requestId"], line
            assert "Root=1-" in spans["xrayTraceId"], line
    said = {line["fields"]["message"] for line in lines("normalize")}
    assert {"reading", "feed completed"} <= said, said
    assert any(line["fields"]["message"] == "batch brought to Pimcore" for line in lines("pimcore-sync"))
    assert any(line["fields"]["message"] == "batch brought to the shop" for line in lines("medusa-push"))


def test_the_metrics_of_a_feed_are_what_happened(relay: Relay) -> None:
    good, cheap = new_ids(3), new_ids(1)[0]
    broken = scarf(cheap)
    only_sku(broken)["priceInfo"]["salePrice"] |= {"amount": "0.00", "usdAmount": "0.00"}
    sent = relay.upload(f"{FOLDER}counted-{cheap}.json", feed_of(*(scarf(one) for one in good), broken))
    run = relay.run_of(sent)
    keys = [f"shein-api:{one}" for one in good]
    relay.wait_for_arrival(keys)
    assert run.counts["read"] == 4, run
    assert run.counts["rejected"] == 1, run
    (reason,) = run.counts["rejected_by"]
    environment = f"Environment={relay.stack.place.cfn}"

    def reported(function: str, metric: str, wanted: int) -> dict[tuple[str, ...], list[float]]:
        def enough() -> dict[tuple[str, ...], list[float]] | None:
            found = metrics(relay, function, sent[1])
            return found if total(found, metric, f"Function={function}") >= wanted else None

        found: dict[tuple[str, ...], list[float]] = relay.wait_until(f"{metric} of {function}", enough, within=20)
        assert all(environment in name for name in found), found
        return found

    of = reported("normalize", "RecordsRead", 4)
    function = "Function=normalize"
    assert [total(of, name, function) for name in ("RecordsRead", "RecordsChanged", "RecordsRejected", "FeedsCompleted")] == [4, 3, 1, 1]
    assert total(of, "RecordsRejected", function, f"Reason={reason}") == 1
    assert total(of, "RejectedShare", function) == 25

    assert total(reported("pimcore-sync", "ProductsCreated", 3), "ProductsCreated", "Function=pimcore-sync") == 3
    of = reported("medusa-push", "ProductsCreated", 3)
    assert total(of, "ProductsCreated", "Function=medusa-push") == 3
    lags = of["EndToEndLag", environment, "Function=medusa-push"]
    assert len(lags) == 3, lags
    # S3 gives whole seconds.
    took = int(time.time() * 1000) - sent[1]
    assert all(0 < lag <= took + 1000 for lag in lags), (lags, took)
    # Each place on the way says its own, and people see them without CloudWatch.
    in_pim = metrics(relay, "pimcore-sync", sent[1])["EndToEndLag", environment, "Function=pimcore-sync"]
    assert len(in_pim) == 3
    assert max(in_pim) <= max(lags), (in_pim, lags)
    arrived = {place["at"]: place for place in Operator(relay.stack).json("status")["lags"]}
    assert list(arrived) == ["ledger", "pimcore", "medusa"], arrived
    assert all(place["products"] >= 3 and 0 < place["p50Ms"] <= place["p95Ms"] for place in arrived.values()), arrived

    # The same again: read, and nothing else.
    since = int(time.time() * 1000)
    relay.run_of(relay.upload(f"{FOLDER}counted-{cheap}-again.json", feed_of(*(scarf(one) for one in good))))
    of = relay.wait_until("metrics of the second feed", lambda: metrics(relay, "normalize", since), within=20)
    assert total(of, "RecordsUnchanged", function) == 3
    assert total(of, "RecordsChanged", function) == 0


def test_a_refused_message_is_counted_and_its_trace_is_found_in_the_log(relay: Relay) -> None:
    (goods_id,) = new_ids(1)
    since = int(time.time() * 1000)
    sqs = relay.client("sqs")
    header = f"Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1"
    # No feed has ever brought this product.
    body = {"source": "shein-api", "productId": goods_id, "correlationId": f"traced-{goods_id}", "cause": "replay"}
    sqs.send_message(
        QueueUrl=relay.outputs["PimcoreQueue"],
        MessageBody=json.dumps(body),
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": header}},
    )

    def settled() -> list[dict[str, Any]]:
        records = (record.get("fields", {}) for record in log_records(relay, "pimcore-sync", since))
        return [fields for fields in records if fields.get("message") == "product settled" and fields.get("correlation_id") == body["correlationId"]]

    (line,) = relay.wait_until("line about the message", settled)
    assert (line["trace"], line["code"], line["product"]) == (TRACE, "unknown_product", f"shein-api:{goods_id}")

    of = relay.wait_until(
        "metrics", lambda: (found := metrics(relay, "pimcore-sync", since)) and total(found, "DeadLetters", "Function=pimcore-sync") and found, within=20
    )
    assert total(of, "ProductsFailed", "Function=pimcore-sync", "Code=unknown_product") == 1
    # The emulator forgets system attributes of messages that are sent in batches; what the dead letter gets is tested in crates/runtime.
    received = relay.wait_until(
        "dead letter", lambda: sqs.receive_message(QueueUrl=relay.outputs["PimcoreDlq"], MaxNumberOfMessages=10, VisibilityTimeout=1).get("Messages")
    )
    for letter in received:
        if goods_id in letter["Body"]:
            sqs.delete_message(QueueUrl=relay.outputs["PimcoreDlq"], ReceiptHandle=letter["ReceiptHandle"])


def test_a_sweep_reports_the_age_of_the_backlog(relay: Relay) -> None:
    since = int(time.time() * 1000)
    relay.client("lambda").invoke(FunctionName=relay.outputs["DlqRedriveFunction"], Payload=json.dumps({"action": "sweep"}).encode())
    of = relay.wait_until("BacklogAge", lambda: metrics(relay, "dlq-redrive", since).get(("BacklogAge", f"Environment={relay.stack.place.cfn}")), within=20)
    assert all(age >= 0 for age in of)


def test_every_alarm_names_its_section_and_what_it_watches_exists() -> None:
    resources: dict[str, dict[str, Any]] = yaml_parse(TEMPLATE.read_text())["Resources"]
    alarms = [resource["Properties"] for resource in resources.values() if resource["Type"] == "AWS::CloudWatch::Alarm"]
    runbook, reported = ((TEMPLATE.parent / "docs" / name).read_text() for name in ("alarms.md", "metrics.md"))
    assert len(alarms) > 20
    # What AWS itself reports, with the kind of resource that its dimension has to name.
    of_aws = {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): "AWS::SQS::Queue",
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"): "AWS::SQS::Queue",
        ("AWS/Lambda", "Errors"): "AWS::Serverless::Function",
        ("AWS/Lambda", "Throttles"): "AWS::Serverless::Function",
        ("AWS/Lambda", "ConcurrentExecutions"): "",
    }
    for alarm in alarms:
        suffix = alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        assert alarm["AlarmDescription"].endswith(f"docs/alarms.md#{suffix}"), alarm
        assert f"\n## {suffix}\n" in runbook, suffix
        assert alarm["TreatMissingData"] == "notBreaching", suffix
        if alarm["Namespace"] == "catalog-relay":
            assert f"\n- `{alarm['MetricName']}`: " in reported, alarm["MetricName"]
            continue
        kind = of_aws[alarm["Namespace"], alarm["MetricName"]]
        named = [dimension["Value"] for dimension in alarm.get("Dimensions", [])]
        assert [resources[_name(value)]["Type"] for value in named] == ([kind] if kind else []), alarm


def _name(value: dict[str, Any]) -> str:
    """The resource that a Ref or a GetAtt refers to."""
    (target,) = value.values()
    return str(target if isinstance(target, str) else target[0])
