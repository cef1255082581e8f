"""Every permission of every role, taken away one at a time: what needs it is denied, and says which permission it was.

The roles are copies with the policies that are deployed (a function's role can be taken by Lambda only), so one put of a policy takes a permission
away. The functions themselves are then invoked with a permission missing, and their own words have to name it.
"""

from __future__ import annotations

import copy
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from local_stack import emulator
from local_stack.paths import FUNCTIONS
from support.evidence import log_lines
from support.notices import delete_of, signed
from support.operator import Operator
from support.relay import Relay
from support.site import Site, feed, new_id, noise, product

DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}
NOBODY = {"pk": {"S": "F#nobody"}, "sk": {"S": "state"}}
# Permissions that services use for a role, or for which the emulator has no service: seen on AWS only.
NOT_HERE = {
    "xray:": "the emulator has no X-Ray",
    "ec2:": "network interfaces are made by Lambda itself, in a VPC",
    "logs:": "the emulator writes a function's log itself; deliveries are made by Step Functions",
    "states:": "Step Functions uses them for the map run itself",
    "lambda:GetEventSourceMapping": "the emulator asks for ListEventSourceMappings instead",
    "lambda:UpdateEventSourceMapping": "the emulator asks for nothing",
    "s3:ListMultipartUploadParts": "Step Functions' own upload of its results",
    "s3:AbortMultipartUpload": "Step Functions' own upload of its results",
}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def permissions(document: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Each permission of a policy by itself: number of the statement, action, resource."""
    statements = enumerate(document["Statement"])
    return [(n, action, resource) for n, one in statements for action in listed(one["Action"]) for resource in listed(one["Resource"])]


def without(document: dict[str, Any], n: int, action: str, resource: str) -> dict[str, Any]:
    """The policy with one permission less."""
    one = document["Statement"][n]
    others = {"Action": [other for other in listed(one["Action"]) if other != action], "Resource": one["Resource"]}
    elsewhere = {"Action": [action], "Resource": [other for other in listed(one["Resource"]) if other != resource]}
    parts = [{**one, **part} for part in (others, elsewhere) if part["Action"] and part["Resource"]]
    left: dict[str, Any] = copy.deepcopy(document)
    left["Statement"][n : n + 1] = [{key: value for key, value in part.items() if key != "Sid"} for part in parts]
    return left


# ---------------------------------------------------------------- roles


class Copy:
    """A role that a test may take, with the policies of a deployed one."""

    def __init__(self, relay: Relay, deployed: str) -> None:
        self.relay, self.name = relay, f"one-less-{uuid.uuid4().hex[:12]}"
        self.iam, sts = relay.client("iam"), relay.client("sts")
        account = sts.get_caller_identity()["Account"]
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}]}
        self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(trust))
        self.documents = policies_of(relay, deployed)
        for policy, document in self.documents.items():
            self.put(policy, document)
        given = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{self.name}", RoleSessionName="one-less")["Credentials"]
        self.session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=emulator.REGION)
        self.clients: dict[str, Any] = {}

    def put(self, policy: str, document: dict[str, Any]) -> None:
        self.iam.put_role_policy(RoleName=self.name, PolicyName=policy, PolicyDocument=json.dumps(document))

    def client(self, name: str) -> Any:
        if name not in self.clients:
            config = Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})
            self.clients[name] = self.session.client(name, endpoint_url=emulator.endpoint(self.relay.stack.ports["aws"]), config=config)
        return self.clients[name]

    def remove(self) -> None:
        for policy in self.documents:
            self.iam.delete_role_policy(RoleName=self.name, PolicyName=policy)
        self.iam.delete_role(RoleName=self.name)


def policies_of(relay: Relay, role: str) -> dict[str, dict[str, Any]]:
    iam = relay.client("iam")
    found = {}
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        found[policy] = document if isinstance(document, dict) else json.loads(document)
    assert found, f"{role} has no policies"
    return found


def deployed_role(relay: Relay, resource: str) -> str:
    stack = relay.client("cloudformation").describe_stack_resource(StackName=relay.stack.place.cfn, LogicalResourceId=resource)
    return str(stack["StackResourceDetail"]["PhysicalResourceId"])


# ---------------------------------------------------------------- what needs which permission


@dataclass
class Attempt:
    """What needs a permission, on the resource that the permission names."""

    role: Copy
    resource: str
    condition: dict[str, Any]

    def last(self, sign: str = ":") -> str:
        return self.resource.rsplit(sign, maxsplit=1)[-1]

    def client(self, name: str) -> Any:
        return self.role.client(name)

    # ---- S3

    def bucket(self) -> str:
        return self.resource.removeprefix("arn:aws:s3:::").partition("/")[0]

    def place(self) -> dict[str, str]:
        """An object that the resource's pattern covers."""
        return {"Bucket": self.bucket(), "Key": self.resource.partition("/")[2].removesuffix("*") + "one-less/permission-test"}

    def there(self) -> dict[str, str]:
        """The same, and it exists."""
        self.role.relay.client("s3").put_object(**self.place(), Body=b"x")
        return self.place()

    def version(self) -> dict[str, str]:
        written = self.role.relay.client("s3").put_object(**self.place(), Body=b"x")
        return {**self.place(), "VersionId": written["VersionId"]}

    def listing(self) -> dict[str, str]:
        prefix = self.condition.get("StringLike", {}).get("s3:prefix", "*")
        return {"Bucket": self.bucket(), "Prefix": prefix.removesuffix("*")}

    # ---- SQS

    def queue(self) -> str:
        return str(self.role.relay.client("sqs").get_queue_url(QueueName=self.last())["QueueUrl"])

    # ---- DynamoDB

    def query(self) -> dict[str, Any]:
        table, _, index = self.resource.split(":table/")[1].partition("/index/")
        value = {"TableName": table, "ExpressionAttributeValues": {":value": {"S": "nobody"}}}
        return (
            {**value, "KeyConditionExpression": "pending_shard = :value", "IndexName": index} if index else {**value, "KeyConditionExpression": "pk = :value"}
        )

    def update(self) -> dict[str, Any]:
        one = {"TableName": self.last("/"), "Key": NOBODY, "ConditionExpression": "attribute_exists(pk)"}
        return {**one, "UpdateExpression": "SET nothing = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}


ENTRY = {"Source": "catalog-relay", "DetailType": "PermissionTest", "Detail": "{}"}
LETTER = [{"Id": "1", "ReceiptHandle": "none"}]
# An empty batch asks for the permission and sends nothing.
NEEDS: dict[str, Callable[[Attempt], Any]] = {
    "s3:ListBucket": lambda it: it.client("s3").list_objects_v2(**it.listing()),
    "s3:ListBucketVersions": lambda it: it.client("s3").list_object_versions(**it.listing()),
    "s3:PutObject": lambda it: it.client("s3").put_object(**it.place(), Body=b"x"),
    "s3:GetObject": lambda it: it.client("s3").get_object(**it.there()),
    "s3:GetObjectVersion": lambda it: it.client("s3").get_object(**it.version()),
    "s3:DeleteObject": lambda it: it.client("s3").delete_object(**it.there()),
    "s3:DeleteObjectVersion": lambda it: it.client("s3").delete_object(**it.version()),
    "sqs:ReceiveMessage": lambda it: it.client("sqs").receive_message(QueueUrl=it.queue(), VisibilityTimeout=0),
    "sqs:GetQueueAttributes": lambda it: it.client("sqs").get_queue_attributes(QueueUrl=it.queue(), AttributeNames=["QueueArn"]),
    "sqs:SendMessage": lambda it: it.client("sqs").send_message(QueueUrl=it.queue(), MessageBody=""),
    "sqs:SendMessage*": lambda it: it.client("sqs").send_message_batch(QueueUrl=it.queue(), Entries=[]),
    "sqs:DeleteMessage*": lambda it: it.client("sqs").delete_message_batch(QueueUrl=it.queue(), Entries=LETTER),
    "sqs:ChangeMessageVisibility*": lambda it: it.client("sqs").change_message_visibility(QueueUrl=it.queue(), ReceiptHandle="none", VisibilityTimeout=1),
    "dynamodb:Query": lambda it: it.client("dynamodb").query(**it.query()),
    "dynamodb:Scan": lambda it: it.client("dynamodb").scan(TableName=it.last("/"), Limit=1),
    "dynamodb:GetItem": lambda it: it.client("dynamodb").get_item(TableName=it.last("/"), Key=NOBODY),
    "dynamodb:BatchGetItem": lambda it: it.client("dynamodb").batch_get_item(RequestItems={it.last("/"): {"Keys": [NOBODY]}}),
    "dynamodb:UpdateItem": lambda it: it.client("dynamodb").update_item(**it.update()),
    "events:PutEvents": lambda it: it.client("events").put_events(Entries=[{**ENTRY, "EventBusName": it.last("/")}]),
    "secretsmanager:GetSecretValue": lambda it: it.client("secretsmanager").get_secret_value(SecretId=it.last().removesuffix("-??????")),
    "lambda:InvokeFunction": lambda it: it.client("lambda").invoke(FunctionName=it.resource, InvocationType="DryRun"),
    "lambda:ListEventSourceMappings": lambda it: it.client("lambda").get_event_source_mapping(UUID=it.last()),
}


def denial(call: Callable[[], Any]) -> str | None:
    """What is said to somebody who may not; `None` for somebody who may, whatever else is wrong."""
    try:
        call()
    except ClientError as error:
        return str(error) if error.response["Error"]["Code"] in DENIED else None
    return None


ROLES = ["NormalizeRole", "PimcoreSyncRole", "MedusaPushRole", "DlqRedriveRole", "SchedulesRole", "BackfillRole"]


@pytest.mark.parametrize("resource", ROLES)
def test_without_any_one_of_its_permissions_a_role_is_denied_and_told_which_one(relay: Relay, resource: str) -> None:
    role = Copy(relay, deployed_role(relay, resource))
    try:
        units = [(policy, unit) for policy, document in role.documents.items() for unit in permissions(document) if seen_here(unit)]
        wrong = [said for policy, unit in units for said in one_less(role, policy, unit)]
    finally:
        role.remove()
    assert not wrong, "\n".join(wrong)
    assert len(units) >= 3, units


def seen_here(unit: tuple[int, str, str]) -> bool:
    return not any(unit[1].startswith(what) for what in NOT_HERE)


def one_less(role: Copy, policy: str, unit: tuple[int, str, str]) -> list[str]:
    """What is wrong with a permission: denied though it is there, allowed though it is not, or a denial that does not name it."""
    document, (n, action, where) = role.documents[policy], unit
    assert action in NEEDS, f"nothing is known that needs {action}: add it to NEEDS"
    it = Attempt(role, where, document["Statement"][n].get("Condition", {}))
    if said := denial(lambda: NEEDS[action](it)):
        return [f"with all permissions: {action} on {where}: {said}"]
    role.put(policy, without(document, *unit))
    said = denial(lambda: NEEDS[action](it))
    role.put(policy, document)
    if said is None:
        return [f"without {action} on {where} it is allowed all the same"]
    return [] if action.split(":")[1].removesuffix("*") in said else [f"without {action} on {where} it is not said which: {said}"]


# ---------------------------------------------------------------- the functions' own words


@contextmanager
def lacking(relay: Relay, function: str, action: str, part: str) -> Iterator[None]:
    """The deployed role without a permission on resources that contain `part`."""
    role, iam = deployed_role(relay, f"{resource_of(function)}Role"), relay.client("iam")
    before, taken = policies_of(relay, role), 0
    for policy, document in before.items():
        left = document
        while units := [unit for unit in permissions(left) if unit[1].removesuffix("*") == action and part in unit[2]]:
            left = without(left, *units[0])
            taken += 1
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(left))
    try:
        assert taken, f"{function} has no {action} on {part}"
        yield
    finally:
        for policy, document in before.items():
            iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def resource_of(function: str) -> str:
    return "".join(word.capitalize() for word in function.split("-"))


def invoke(relay: Relay, function: str, event: dict[str, Any]) -> str:
    """Invokes a function; all that it says: its answer and its log lines."""
    begun = int(time.time() * 1000)
    answer = relay.client("lambda").invoke(FunctionName=relay.outputs[f"{resource_of(function)}Function"], Payload=json.dumps(event).encode())
    said = answer["Payload"].read().decode()
    return "\n".join([said, *log_lines(relay, function, begun)])


def message(body: str, queue: str) -> dict[str, Any]:
    """A message as Lambda hands it over. Its handle is no real one."""
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "1", "SenderId": "test", "ApproximateFirstReceiveTimestamp": "1"}
    arn = f"arn:aws:sqs:us-east-1:000000000000:{queue}"
    one = {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "none",
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }
    return {"Records": [one]}


class Quiet:
    """A stack in which nothing happens but what a test asks for: announcements are switched off."""

    def __init__(self, relay: Relay) -> None:
        self.relay, self.site = relay, Site(relay, Operator(relay.stack))

    def arrived(self, body: bytes, **metadata: str) -> dict[str, Any]:
        """A feed, and the event that normalize would get."""
        key = self.site.upload(f"{new_id('one-less')}.json", body, **metadata)
        head = self.relay.client("s3").head_object(Bucket=self.relay.bucket, Key=key)
        thing = {"key": key, "version-id": head["VersionId"], "etag": head["ETag"].strip('"'), "size": head["ContentLength"], "sequencer": "00"}
        detail = {"bucket": {"name": self.relay.bucket}, "object": thing}
        event = {"source": "aws.s3", "detail-type": "Object Created", "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "detail": detail}
        return message(json.dumps(event), "ingest")

    def brought(self, product_id: str) -> dict[str, Any]:
        """A product that is in the ledger and nowhere else, and its message."""
        said = invoke(self.relay, "normalize", self.arrived(feed(product(product_id))))
        assert "not authorized" not in said, said
        body = {"source": "canonical", "productId": product_id, "correlationId": "one-less", "cause": "feed"}
        return message(json.dumps(body), "pimcore")

    def synced(self, product_id: str) -> dict[str, Any]:
        """The same, in Pimcore."""
        event = self.brought(product_id)
        said = invoke(self.relay, "pimcore-sync", event)
        assert "not authorized" not in said, said
        return event

    def told(self) -> dict[str, Any]:
        """A signed notice, as it comes through the function's URL."""
        header, body = signed(self.relay, delete_of("canonical:one-less"))
        return {"headers": {"x-catalog-signature": header}, "body": body, "requestContext": {"http": {"method": "POST"}}}


@pytest.fixture(scope="module")
def quiet(relay: Relay) -> Iterator[Quiet]:
    stack = Quiet(relay)
    with stack.site.rule_off("feed-arrived"), stack.site.rule_off("product-changed"), stack.site.rule_off("product-synced"):
        yield stack


def a_feed(quiet: Quiet) -> dict[str, Any]:
    wrong = product(new_id("wrong"), variants=[])
    return quiet.arrived(feed(product(new_id("right")), wrong), feed_mode="full")


def a_large_product(quiet: Quiet) -> dict[str, Any]:
    return quiet.arrived(feed(product(new_id("large"), description={"en": noise(200_000)})))


def nonsense(_: Quiet) -> dict[str, Any]:
    return message("nonsense", "ingest")


def a_new_product(quiet: Quiet) -> dict[str, Any]:
    return quiet.brought(new_id("new"))


def a_synced_product(quiet: Quiet) -> dict[str, Any]:
    return quiet.synced(new_id("synced"))


def asking(action: str, **more: Any) -> Callable[[Quiet], dict[str, Any]]:
    return lambda _: {"action": action, **more}


def a_dead_letter(quiet: Quiet) -> dict[str, Any]:
    quiet.site.send("PimcoreDlq", f"nonsense {uuid.uuid4()}")
    return {"action": "redrive", "queue": "pimcore"}


# (function, action, part of the resource, what is asked of the function)
WORDS: list[tuple[str, str, str, Callable[[Quiet], dict[str, Any]]]] = [
    ("normalize", "dynamodb:BatchGetItem", "", a_feed),
    ("normalize", "dynamodb:UpdateItem", "", a_feed),
    ("normalize", "dynamodb:Query", "", a_feed),
    ("normalize", "s3:GetObject", "incoming/", a_feed),
    ("normalize", "s3:PutObject", "rejected/", a_feed),
    ("normalize", "s3:PutObject", "manifests/", a_feed),
    ("normalize", "s3:PutObject", "bodies/", a_large_product),
    ("normalize", "events:PutEvents", "", a_feed),
    ("normalize", "sqs:SendMessage", "-dlq", nonsense),
    ("pimcore-sync", "dynamodb:BatchGetItem", "", a_new_product),
    ("pimcore-sync", "dynamodb:UpdateItem", "", a_new_product),
    ("pimcore-sync", "events:PutEvents", "", a_new_product),
    ("pimcore-sync", "secretsmanager:GetSecretValue", "", a_new_product),
    ("pimcore-sync", "dynamodb:Query", "", asking("changes")),
    ("pimcore-sync", "dynamodb:Scan", "", asking("reconcile")),
    ("pimcore-sync", "sqs:SendMessage", "-dlq", nonsense),
    ("medusa-push", "dynamodb:BatchGetItem", "", a_synced_product),
    ("medusa-push", "dynamodb:UpdateItem", "", a_synced_product),
    ("medusa-push", "secretsmanager:GetSecretValue", "pimcore", a_synced_product),
    ("medusa-push", "secretsmanager:GetSecretValue", "medusa", a_synced_product),
    ("medusa-push", "sqs:SendMessage", "-dlq", nonsense),
    ("pimcore-notices", "sqs:SendMessage", "-pimcore", Quiet.told),
    ("pimcore-notices", "secretsmanager:GetSecretValue", "", Quiet.told),
    ("dlq-redrive", "dynamodb:Query", "", asking("sweep")),
    ("dlq-redrive", "sqs:ReceiveMessage", "-pimcore-dlq", a_dead_letter),
    ("dlq-redrive", "sqs:DeleteMessage", "-pimcore-dlq", a_dead_letter),
    ("dlq-redrive", "sqs:GetQueueAttributes", "-medusa", asking("sweep")),
    ("dlq-redrive", "s3:PutObject", "parked/", a_dead_letter),
    ("dlq-redrive", "s3:ListBucket", "", asking("parked")),
]


@pytest.mark.parametrize(("function", "action", "part", "ask"), WORDS, ids=[f"{one[0]} {one[1]} {one[2]}" for one in WORDS])
def test_a_function_that_lacks_a_permission_says_which(quiet: Quiet, function: str, action: str, part: str, ask: Callable[[Quiet], dict[str, Any]]) -> None:
    event = ask(quiet)
    if action.startswith("secretsmanager:"):
        quiet.site.start_cold(function)
    with lacking(quiet.relay, function, action, part):
        said = invoke(quiet.relay, function, event)
    assert action.split(":")[1] in said, said[-3000:]
    assert any(word in said for word in ("not authorized", "AccessDenied")), said[-3000:]


def test_every_function_is_asked(quiet: Quiet) -> None:
    """With all its permissions, what is asked above is denied nothing."""
    assert {one[0] for one in WORDS} == set(FUNCTIONS)
    for function, ask in {(one[0], one[3].__name__): (one[0], one[3]) for one in WORDS}.values():
        said = invoke(quiet.relay, function, ask(quiet))
        assert "not authorized" not in said, f"{function}: {said[-2000:]}"
        assert "AccessDenied" not in said, f"{function}: {said[-2000:]}"
