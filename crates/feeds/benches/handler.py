"""What a Lambda handler in Python does before its first event: import, make clients, ask for work. For the start-up comparison."""

import http.client
import os

import boto3
import pydantic


class Message(pydantic.BaseModel):
    bucket: str
    key: str


CLIENTS = [boto3.client(name) for name in ("s3", "dynamodb", "events", "sqs")]

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
connection.request("GET", "/2018-06-01/runtime/invocation/next")
connection.getresponse().read()
