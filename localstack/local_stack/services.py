"""A local AWS and a Medusa for Rust tests that need real ones: started, named to a command by environment variables, and removed."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence

from local_stack import emulator, shop
from local_stack.console import Failed
from local_stack.install import together
from local_stack.paths import REPO
from local_stack.stack import Stack


def run_with(command: Sequence[str], *, killable: bool) -> int:
    """Runs a command while the services run, and gives its exit code. With `killable` Medusa is not started: the command is told how to."""
    stack = Stack.open(f"services-{os.getpid()}", any_ports=True)
    try:
        if killable:
            stack.start_database()
        else:
            together(stack.start_aws, stack.start_shop)
        variables = medusa_variables(stack, killable=killable)
        if not killable:
            variables |= aws_variables(stack)
        try:
            return subprocess.run(command, env=os.environ | variables, cwd=REPO, check=False).returncode
        except FileNotFoundError as missing:
            raise Failed(f"there is no program {command[0]}", todo="say what to run after --, such as: -- cargo test") from missing
    finally:
        stack.remove()


def aws_variables(stack: Stack) -> dict[str, str]:
    """Where the tests find DynamoDB, SQS and S3."""
    endpoint = emulator.endpoint(stack.ports["aws"])
    return {"RELAY_AWS_ENDPOINT": endpoint, "RELAY_DYNAMODB_ENDPOINT": endpoint}


def medusa_variables(stack: Stack, *, killable: bool) -> dict[str, str]:
    """What the tests know of the shop: crates/medusa/README.md."""
    facts = stack.facts
    variables = {
        "RELAY_MEDUSA_URL": stack.url("medusa"),
        "RELAY_MEDUSA_EMAIL": facts.email,
        "RELAY_MEDUSA_PASSWORD": facts.password,
        "RELAY_MEDUSA_PUBLISHABLE_KEY": facts.publishable_key,
        "RELAY_SALES_CHANNEL_ID": facts.sales_channel_id,
        "RELAY_STOCK_LOCATION_ID": facts.stock_location_id,
    }
    if killable:
        arguments, environment = shop.foreground(stack.ports["medusa"], stack.shop_environment())
        assignments = [f"{name}={value}" for name, value in environment.items()]
        program = shlex.join(["env", "-i", *assignments, *map(str, arguments)])
        variables["RELAY_MEDUSA_COMMAND"] = f"cd {shlex.quote(str(shop.SHOP))} && exec {program}"
    return variables
