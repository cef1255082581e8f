"""Deploys the template to the local AWS with samlocal, as `sam deploy` would to AWS."""

from __future__ import annotations

import json
from typing import Any

from local_stack import emulator, functions, pim
from local_stack.paths import REPO, Place, venv_bin
from local_stack.processes import environment, run
from local_stack.shop import ShopFacts


def secrets_of(place: Place, facts: ShopFacts) -> dict[str, dict[str, str]]:
    """The secrets that the template refers to by name."""
    return {
        f"{place.cfn}/pimcore": {"apiKey": pim.api_key(place)},
        f"{place.cfn}/pimcore-notices": {"secret": pim.notices_secret(place)},
        f"{place.cfn}/medusa": {"email": facts.email, "password": facts.password},
    }


def put_secret(port: int, name: str, value: dict[str, str]) -> None:
    """Creates a secret or gives it a new value, unless it has that value."""
    client = emulator.client(port, "secretsmanager")
    text = json.dumps(value)
    try:
        if client.get_secret_value(SecretId=name)["SecretString"] != text:
            client.put_secret_value(SecretId=name, SecretString=text)
    except client.exceptions.ResourceNotFoundException:
        client.create_secret(Name=name, SecretString=text)


def parameters(place: Place, urls: dict[str, str], facts: ShopFacts, publish_policy: str) -> dict[str, str]:
    """The template's parameters. `urls` says where the functions find `pim` and `medusa`."""
    return {
        "Architecture": functions.architecture(),
        "PimcoreUrl": urls["pim"],
        "PimcoreSecret": f"{place.cfn}/pimcore",
        "PimcoreNoticesSecret": f"{place.cfn}/pimcore-notices",
        "MedusaUrl": urls["medusa"],
        "MedusaSecret": f"{place.cfn}/medusa",
        "SalesChannelId": facts.sales_channel_id,
        "StockLocationId": facts.stock_location_id,
        "PublishPolicy": publish_policy,
        "LogLevel": "INFO",
        # MiniStack speaks plain HTTP on loopback, and enforces the policies that refuse it.
        "RequireTls": "false",
    }


def deploy(place: Place, ports: dict[str, int], values: dict[str, str]) -> None:
    """`samlocal deploy` of the staged template, unless exactly that is deployed."""
    port = ports["aws"]
    wanted = {"staged": functions.stage(place, values), "parameters": values}
    record = place.dir / "deployed.json"
    if record.exists() and json.loads(record.read_text()) == wanted and status(place, port) in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return
    record.unlink(missing_ok=True)
    env = environment(HOME=str(place.emulator), SAM_CLI_TELEMETRY="0", **emulator.shell_variables(port))
    command = [
        venv_bin("samlocal"), "deploy", "--config-file", REPO / "samconfig.toml", "--config-env", "local",
        "--template", place.build / "template.yaml", "--stack-name", place.cfn, "--region", emulator.REGION,
        "--parameter-overrides", *(f"{name}={value}" for name, value in values.items()),
    ]  # fmt: skip
    run("samlocal deploy", command, place.logs / "deploy.log", cwd=place.build, env=env)
    record.write_text(json.dumps(wanted, indent=2))


def status(place: Place, port: int) -> str:
    """What CloudFormation says of the stack; empty when there is none."""
    client = emulator.client(port, "cloudformation")
    try:
        return str(client.describe_stacks(StackName=place.cfn)["Stacks"][0]["StackStatus"])
    except client.exceptions.ClientError:
        return ""


def outputs(place: Place, port: int) -> dict[str, str]:
    """The stack's outputs by name."""
    described: dict[str, Any] = emulator.client(port, "cloudformation").describe_stacks(StackName=place.cfn)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
