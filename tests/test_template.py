"""What the template promises, read off the template itself: nothing without a dead-letter queue, nothing wider than it has to be."""

from __future__ import annotations

from typing import Any

import pytest
from local_stack.paths import TEMPLATE
from samcli.yamlhelper import yaml_parse

TEMPLATE_ITSELF: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE_ITSELF["Resources"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == kind}


def test_every_queue_has_a_dead_letter_queue_or_is_one() -> None:
    queues = of_type("AWS::SQS::Queue")
    for name, queue in queues.items():
        if not name.endswith("Dlq"):
            target = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
            assert target in queues, name
            assert target.endswith("Dlq"), name
        assert queue["SqsManagedSseEnabled"] is True, name


def test_every_rule_target_and_schedule_has_a_dead_letter_queue() -> None:
    targets = [target for rule in of_type("AWS::Events::Rule").values() for target in rule["Targets"]]
    events = [event for function in of_type("AWS::Serverless::Function").values() for event in function.get("Events", {}).values()]
    schedules = [event["Properties"] for event in events if event["Type"] == "ScheduleV2"]
    assert targets
    assert schedules
    for sender in targets + schedules:
        assert "Arn" in sender["DeadLetterConfig"], sender


def test_breakers_restore_the_batch_sizes_that_are_deployed() -> None:
    variables = RESOURCES["DlqRedriveFunction"]["Properties"]["Environment"]["Variables"]
    for stage, function in (("PIMCORE", "PimcoreSyncFunction"), ("MEDUSA", "MedusaPushFunction")):
        queue = RESOURCES[function]["Properties"]["Events"]["Queue"]["Properties"]
        assert variables[f"{stage}_BATCH_SIZE"] == queue["BatchSize"] == {"Ref": f"{stage.title()}BatchSize"}, stage
        assert variables[f"{stage}_MAPPING_ID"] == {"Ref": f"{function}Queue"}, stage


def test_every_queue_policy_refuses_requests_without_tls() -> None:
    covered = set()
    for policy in of_type("AWS::SQS::QueuePolicy").values():
        statements = [one for given in policy["PolicyDocument"]["Statement"] for one in (given["Fn::If"][1:] if "Fn::If" in given else [given])]
        denials = [one for one in statements if one.get("Effect") == "Deny"]
        assert any(one["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for one in denials)
        covered |= {queue["Ref"] for queue in policy["Queues"]}
    assert covered == set(of_type("AWS::SQS::Queue"))


@pytest.mark.parametrize("name", sorted(of_type("AWS::Serverless::Function")))
def test_a_function_has_a_role_of_its_own_and_logs_that_expire(name: str) -> None:
    function = RESOURCES[name]["Properties"]
    assert function["Role"]["Fn::GetAtt"][0] == name.replace("Function", "Role")
    group = RESOURCES[function["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
    assert "RetentionInDays" in group


@pytest.mark.parametrize("name", sorted(of_type("AWS::Serverless::Function")))
def test_a_functions_policy_names_its_resources(name: str) -> None:
    role = RESOURCES[name.replace("Function", "Role")]["Properties"]
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert "*" not in _texts(statement["Action"]), statement
            # X-Ray's and CloudWatch's writing actions know no resources.
            if statement["Resource"] == "*":
                actions = _texts(statement["Action"])
                assert all(action.startswith(("xray:Put", "cloudwatch:PutMetricData")) for action in actions), statement


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_what_holds_data_outlives_the_stack() -> None:
    for kind in ("AWS::S3::Bucket", "AWS::DynamoDB::Table"):
        for name, resource in RESOURCES.items():
            if resource["Type"] == kind:
                assert resource["DeletionPolicy"].startswith("Retain"), name
                assert resource["UpdateReplacePolicy"] == "Retain", name


def test_every_name_begins_with_the_stacks() -> None:
    """Two stacks live side by side in one account and region: whatever has a name of its own begins it with the stack's."""
    others = {"MetricName", "EventBusName"}
    names = []
    for where, resource in RESOURCES.items():
        properties = resource["Properties"]
        names += [(where, value) for key, value in properties.items() if key.endswith("Name") and key not in others]
        names += [(where, event["Properties"]["Name"]) for event in properties.get("Events", {}).values() if "Name" in event["Properties"]]
    assert len(names) > 55
    for where, name in names:
        if name == {"Ref": "AWS::StackName"} or name.get("Ref") in RESOURCES:
            continue
        assert name["Fn::Sub"].removeprefix("/aws/lambda/").removeprefix("/aws/vendedlogs/states/").startswith("${AWS::StackName}-"), where
    assert not any("Export" in output for output in TEMPLATE_ITSELF["Outputs"].values()), "exports are shared by all stacks of a region"


def test_who_may_write_mappings_and_rules_are_policies_of_their_own() -> None:
    def writes(statement: dict[str, Any]) -> bool:
        return any(action.startswith(("s3:Put", "s3:Delete", "s3:*")) for action in _texts(statement["Action"]))

    files = {"SourceEditors": ["config/sources/*"], "RuleEditors": ["config/rules/*", "config/rates.json"]}
    for policy, written in files.items():
        editors = RESOURCES[policy]["Properties"]["PolicyDocument"]["Statement"]
        [statement] = [statement for statement in editors if writes(statement)]
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        assert resources == [{"Fn::Sub": f"${{FeedBucket.Arn}}/{file}"} for file in written]
        assert not any("dynamodb" in action and "Item" in action and "Get" not in action for one in editors for action in _texts(one["Action"]))
    for name, role in of_type("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            written = [str(one["Resource"]) for one in policy["PolicyDocument"]["Statement"] if "Action" in one and writes(one)]
            assert not any("config/" in resource or "Arn}/*" in resource for resource in written), f"{name} writes mappings"


def test_the_function_that_anybody_may_call_is_off_by_default_and_can_do_next_to_nothing() -> None:
    assert TEMPLATE_ITSELF["Parameters"]["PimcoreNoticesSecret"]["Default"] == ""
    for name, resource in RESOURCES.items():
        assert resource.get("Condition") == "HasNotices" or not name.startswith("PimcoreNotices"), name
    public = {name for name, function in of_type("AWS::Serverless::Function").items() if "FunctionUrlConfig" in function}
    assert public == {"PimcoreNoticesFunction"}
    function = RESOURCES["PimcoreNoticesFunction"]["Properties"]
    assert function["ReservedConcurrentExecutions"] <= 2
    assert "Cors" not in function["FunctionUrlConfig"]
    (policy,) = RESOURCES["PimcoreNoticesRole"]["Properties"]["Policies"]
    allowed = {one["Sid"]: (one["Action"], one["Resource"]) for one in policy["PolicyDocument"]["Statement"]}
    assert allowed.keys() == {"Logs", "Traces", "Keys", "NoticesSecret"}
    assert allowed["Keys"] == ("sqs:SendMessage*", {"Fn::GetAtt": ["PimcoreQueue", "Arn"]})
    action, secret = allowed["NoticesSecret"]
    assert action == "secretsmanager:GetSecretValue"
    assert secret["Fn::Sub"].endswith(":secret:${PimcoreNoticesSecret}-??????")


def test_of_what_is_pending_normalize_lists_lines_that_wait_alone() -> None:
    """On an index `dynamodb:LeadingKeys` are the index's; the emulator does not look at them."""
    policies = RESOURCES["NormalizeRole"]["Properties"]["Policies"]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    (lists,) = [one for one in statements if isinstance(one, dict) and one.get("Sid") == "CountWaitingLines"]
    assert lists["Action"] == "dynamodb:Query"
    assert lists["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "waits*"}}


def test_every_function_is_watched() -> None:
    """For crashes and throttles by an alarm each, and on the dashboard; one that may be off has alarms that are off with it."""
    alarms = {
        (alarm["Properties"]["MetricName"], alarm["Properties"]["Dimensions"][0]["Value"]["Ref"]): alarm.get("Condition")
        for alarm in RESOURCES.values()
        if alarm["Type"] == "AWS::CloudWatch::Alarm" and alarm["Properties"].get("Namespace") == "AWS/Lambda" and "Dimensions" in alarm["Properties"]
    }
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    body = dashboard["DashboardBody"]["Fn::Sub"]
    functions = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::Function"]
    assert len(functions) > 4
    for name in functions:
        for metric in ("Errors", "Throttles"):
            assert alarms[metric, name] == RESOURCES[name].get("Condition"), (metric, name)
        named = RESOURCES[name]["Properties"]["FunctionName"]["Fn::Sub"]
        for metric in ("ConcurrentExecutions", "Throttles"):
            assert f'"{metric}", "FunctionName", "{named}"' in body, (metric, name)
