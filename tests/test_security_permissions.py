"""Least privilege, on the deployed stack with IAM enforced: what a function does not need is denied, what it needs is not.

A function's role can be taken by Lambda only. So each test uses a role of its own with exactly the policies that are deployed on the function's.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from local_stack import emulator
from local_stack.paths import FUNCTIONS
from support.relay import Relay

DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}
BODY = "bodies/canonical/cGVybWlzc2lvbi10ZXN0/0"
NOBODY = {"pk": {"S": "P#shein-api#nobody"}, "sk": {"S": "state"}}


@dataclass
class Role:
    """A function's permissions, and the stack that it is to use them on."""

    relay: Relay
    session: boto3.Session
    name: str

    def client(self, name: str) -> Any:
        config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
        return self.session.client(name, endpoint_url=emulator.endpoint(self.relay.stack.ports["aws"]), config=config)

    def __getitem__(self, output: str) -> str:
        return self.relay.outputs[output]

    def secret(self, of: str) -> str:
        return f"{self.relay.stack.place.cfn}/{of}"


@pytest.fixture(scope="module")
def roles(relay: Relay) -> Iterator[dict[str, Role]]:
    iam, sts = relay.client("iam"), relay.client("sts")
    account = sts.get_caller_identity()["Account"]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}]}
    made, found = [], {}
    for function in FUNCTIONS:
        deployed = role_of(relay, function)
        name = f"as-{function}-{uuid.uuid4().hex[:8]}"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        made.append(name)
        policies = iam.list_role_policies(RoleName=deployed)["PolicyNames"]
        assert policies, deployed
        for policy in iam.list_attached_role_policies(RoleName=deployed)["AttachedPolicies"]:
            iam.attach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy in policies:
            document = iam.get_role_policy(RoleName=deployed, PolicyName=policy)["PolicyDocument"]
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document if isinstance(document, str) else json.dumps(document))
        given = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{name}", RoleSessionName=function)["Credentials"]
        session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=emulator.REGION)
        found[function] = Role(relay, session, name)
    yield found
    for name in made:
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)


def role_of(relay: Relay, function: str) -> str:
    configuration = relay.client("lambda").get_function_configuration(FunctionName=f"{relay.stack.place.cfn}-{function}")
    return str(configuration["Role"].split("/")[-1])


def answer(call: Callable[[], Any]) -> str:
    """`done`, or the error's code."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def delete_table(role: Role) -> Any:
    return role.client("dynamodb").delete_table(TableName=role["LedgerTable"])


def scan_table(role: Role) -> Any:
    return role.client("dynamodb").scan(TableName=role["LedgerTable"], Limit=1)


def delete_item(role: Role) -> Any:
    return role.client("dynamodb").delete_item(TableName=role["LedgerTable"], Key=NOBODY)


def read_items(role: Role) -> Any:
    return role.client("dynamodb").batch_get_item(RequestItems={role["LedgerTable"]: {"Keys": [NOBODY]}})


def list_pending(role: Role) -> Any:
    return role.client("dynamodb").query(
        TableName=role["LedgerTable"],
        IndexName="pending",
        KeyConditionExpression="pending_shard = :shard",
        ExpressionAttributeValues={":shard": {"S": "no-shard"}},
    )


def announce(role: Role) -> Any:
    entry = {"EventBusName": role["CatalogBus"], "Source": "catalog-relay", "DetailType": "PermissionTest", "Detail": "{}"}
    return role.client("events").put_events(Entries=[entry])


def secret(of: str) -> Callable[[Role], Any]:
    return lambda role: role.client("secretsmanager").get_secret_value(SecretId=role.secret(of))


def change_secret(of: str) -> Callable[[Role], Any]:
    return lambda role: role.client("secretsmanager").put_secret_value(SecretId=role.secret(of), SecretString="{}")


def read_object(key: str) -> Callable[[Role], Any]:
    return lambda role: role.client("s3").get_object(Bucket=role["FeedBucket"], Key=key)


def write_object(key: str) -> Callable[[Role], Any]:
    return lambda role: role.client("s3").put_object(Bucket=role["FeedBucket"], Key=key, Body=b"x")


def delete_object(key: str) -> Callable[[Role], Any]:
    return lambda role: role.client("s3").delete_object(Bucket=role["FeedBucket"], Key=key)


def list_versions(prefix: str) -> Callable[[Role], Any]:
    return lambda role: role.client("s3").list_object_versions(Bucket=role["FeedBucket"], Prefix=prefix)


def delete_version(key: str) -> Callable[[Role], Any]:
    def delete(role: Role) -> Any:
        versions = role.relay.client("s3").list_object_versions(Bucket=role["FeedBucket"], Prefix=key)["Versions"]
        return role.client("s3").delete_object(Bucket=role["FeedBucket"], Key=key, VersionId=versions[0]["VersionId"])

    return delete


def purge(queue: str) -> Callable[[Role], Any]:
    return lambda role: role.client("sqs").purge_queue(QueueUrl=role[queue])


def look_at(queue: str) -> Callable[[Role], Any]:
    return lambda role: role.client("sqs").get_queue_attributes(QueueUrl=role[queue], AttributeNames=["All"])


def send_to(queue: str) -> Callable[[Role], Any]:
    return lambda role: role.client("sqs").send_message(QueueUrl=role[queue], MessageBody="permission test")


def receive(queue: str) -> Callable[[Role], Any]:
    return lambda role: role.client("sqs").receive_message(QueueUrl=role[queue], VisibilityTimeout=0)


def invoke(function: str) -> Callable[[Role], Any]:
    return lambda role: role.client("lambda").invoke(FunctionName=role[function], Payload=b"{}")


def change_function(function: str) -> Callable[[Role], Any]:
    return lambda role: role.client("lambda").update_function_configuration(FunctionName=role[function], Timeout=3)


def become_admin(role: Role) -> Any:
    return role.client("iam").put_role_policy(RoleName=role_of(role.relay, "normalize"), PolicyName="more", PolicyDocument="{}")


ANYBODY = {
    "delete the ledger": delete_table,
    "delete an item": delete_item,
    "purge its dead letters": purge("IngestDlq"),
    "change a secret": change_secret("pimcore"),
    "change a function": change_function("NormalizeFunction"),
    "give itself permissions": become_admin,
    "delete a feed": delete_object("incoming/shein-api/a.json"),
    "write a feed": write_object("incoming/shein-api/permission-test.json"),
}
NOT_NEEDED: dict[str, dict[str, Callable[[Role], Any]]] = {
    "normalize": {
        "scan the ledger": scan_table,
        "read Pimcore's secret": secret("pimcore"),
        "read Medusa's secret": secret("medusa"),
        "read parked letters": read_object("parked/pimcore/a.json"),
        "delete what was rejected": delete_object("rejected/run/0.jsonl"),
        "send to the shop's queue": send_to("MedusaQueue"),
        "start a function": invoke("MedusaPushFunction"),
        # Of what is pending it may list lines of parts that wait, and nothing else; the emulator does not look at an index's
        # leading keys, so tests/test_template.py holds the condition.
        "delete a large body": delete_object(BODY),
    },
    "pimcore-sync": {
        "read Medusa's secret": secret("medusa"),
        "read a feed": read_object("incoming/shein-api/a.json"),
        "send to the shop's queue": send_to("MedusaQueue"),
        "receive from the shop's queue": receive("MedusaQueue"),
        "send to another dead-letter queue": send_to("MedusaDlq"),
        "read its own dead letters": receive("PimcoreDlq"),
        "purge its queue": purge("PimcoreQueue"),
        "start a function": invoke("MedusaPushFunction"),
        "write a large body": write_object(BODY),
        "delete a large body": delete_object(BODY),
    },
    "medusa-push": {
        "scan the ledger": scan_table,
        "read a feed": read_object("incoming/shein-api/a.json"),
        "receive from Pimcore's queue": receive("PimcoreQueue"),
        "send to Pimcore's queue": send_to("PimcoreQueue"),
        "read its own dead letters": receive("MedusaDlq"),
        "purge its queue": purge("MedusaQueue"),
        "start a function": invoke("PimcoreSyncFunction"),
        "read a large body": read_object(BODY),
    },
    "dlq-redrive": {
        "scan the ledger": scan_table,
        "read Pimcore's secret": secret("pimcore"),
        "read Medusa's secret": secret("medusa"),
        "read a feed": read_object("incoming/shein-api/a.json"),
        "receive from a queue": receive("PimcoreQueue"),
        "purge a queue": purge("PimcoreQueue"),
        "start a function": invoke("PimcoreSyncFunction"),
        "read a large body": read_object(BODY),
        "write a large body": write_object(BODY),
        "hide a large body behind a marker": delete_object(BODY),
        "list the versions of feeds": list_versions("incoming/"),
    },
    "pimcore-notices": {
        "scan the ledger": scan_table,
        "read products": read_items,
        "announce": announce,
        "read Pimcore's secret": secret("pimcore"),
        "read Medusa's secret": secret("medusa"),
        "read a feed": read_object("incoming/shein-api/a.json"),
        "receive from the queue that it sends to": receive("PimcoreQueue"),
        "send to the shop's queue": send_to("MedusaQueue"),
        "send feeds": send_to("IngestQueue"),
        "start a function": invoke("PimcoreSyncFunction"),
    },
}
NEEDED: dict[str, dict[str, Callable[[Role], Any]]] = {
    "normalize": {
        "read products": read_items,
        "announce": announce,
        "look at its queue": look_at("IngestQueue"),
        "write what was rejected": write_object("rejected/permission-test/0.jsonl"),
        "write a large body": write_object(BODY),
        "read a large body": read_object(BODY),
    },
    "pimcore-sync": {
        "read products": read_items,
        "walk the ledger": scan_table,
        "announce": announce,
        "look at its queue": look_at("PimcoreQueue"),
        "read a large body": read_object(BODY),
        "read Pimcore's secret": secret("pimcore"),
    },
    "medusa-push": {
        "read products": read_items,
        "look at its queue": look_at("MedusaQueue"),
        "read Pimcore's secret": secret("pimcore"),
        "read Medusa's secret": secret("medusa"),
    },
    "dlq-redrive": {
        "list what is pending": list_pending,
        "announce": announce,
        "read dead letters": receive("PimcoreDlq"),
        "write a parked letter": write_object("parked/pimcore/permission-test.json"),
        "delete a parked letter": delete_object("parked/pimcore/permission-test.json"),
        "list the versions of large bodies": list_versions("bodies/"),
        "delete a version of a large body": delete_version(BODY),
    },
    "pimcore-notices": {"read the secret of notices": secret("pimcore-notices")},
}


def cases(of: dict[str, dict[str, Callable[[Role], Any]]]) -> list[tuple[str, str]]:
    return [(function, what) for function in FUNCTIONS for what in of[function]]


@pytest.mark.parametrize(("function", "what"), [(function, what) for function in FUNCTIONS for what in {**ANYBODY, **NOT_NEEDED[function]}])
def test_what_a_function_does_not_need_is_denied(roles: dict[str, Role], function: str, what: str) -> None:
    attempt = {**ANYBODY, **NOT_NEEDED[function]}[what]
    assert answer(lambda: attempt(roles[function])) in DENIED


@pytest.mark.parametrize(("function", "what"), cases(NEEDED))
def test_what_a_function_needs_is_allowed(roles: dict[str, Role], function: str, what: str) -> None:
    assert answer(lambda: NEEDED[function][what](roles[function])) == "done"


@pytest.fixture(scope="module")
def somebody(relay: Relay) -> Iterator[Any]:
    """STS for a user of the account who may take any role that lets him."""
    iam, name = relay.client("iam"), f"somebody-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="assume", PolicyDocument=json.dumps(allow))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=emulator.REGION)
    yield session.client("sts", endpoint_url=emulator.endpoint(relay.stack.ports["aws"]))
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=name, PolicyName="assume")
    iam.delete_user(UserName=name)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nobody_but_lambda_takes_a_functions_role(relay: Relay, roles: dict[str, Role], somebody: Any, function: str) -> None:
    account = relay.client("sts").get_caller_identity()["Account"]

    def take(role: str) -> str:
        return answer(lambda: somebody.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="somebody"))

    assert take(role_of(relay, function)) in DENIED
    assert take(roles[function].name) == "done", "the user may take no role at all"


@pytest.fixture
def editor(relay: Relay, request: pytest.FixtureRequest) -> Iterator[Role]:
    """A user with a policy for people who put something into force, and nothing else."""
    iam, name, policy = relay.client("iam"), f"editor-{uuid.uuid4().hex[:8]}", relay.outputs[request.param]
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    yield Role(relay, boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=emulator.REGION), name)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName=name, PolicyArn=policy)
    iam.delete_user(UserName=name)


MAPPING, RULES = "config/sources/permission-test.csv", "config/rules/permission-test.txt"


@pytest.mark.parametrize(
    ("editor", "own", "other", "kind"), [("SourceEditors", MAPPING, RULES, "source"), ("RuleEditors", RULES, MAPPING, "rules")], indirect=["editor"]
)
def test_who_edits_sources_or_rules_writes_these_and_nothing_else(editor: Role, own: str, other: str, kind: str) -> None:
    assert answer(lambda: write_object(own)(editor)) == "done"
    assert answer(lambda: delete_object(own)(editor)) == "done"
    for key in ("incoming/canonical/permission-test.json", other, "parked/permission-test.json"):
        assert answer(lambda key=key: write_object(key)(editor)) in DENIED, key
    head = {"pk": {"S": f"C#{kind}"}, "sk": {"S": "n#permission-test"}}
    table = editor.client("dynamodb")
    assert answer(lambda: table.get_item(TableName=editor["LedgerTable"], Key=head)) == "done"
    assert answer(lambda: table.put_item(TableName=editor["LedgerTable"], Item=head)) in DENIED
