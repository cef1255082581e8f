"""Why products do not arrive: asks Pimcore and Medusa themselves, with the secrets that the functions use."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable

from local_stack import emulator, pim
from local_stack.http import HttpError, call
from local_stack.ledger import ProductState
from local_stack.shop import log_in
from local_stack.stack import Stack


def findings(stack: Stack, products: Iterable[ProductState]) -> list[str]:
    """What is wrong, in sentences; empty when nothing is known to be."""
    said = [text for check in (_pimcore, _medusa) if (text := check(stack))]
    reasons = Counter((stage, error["code"], error["message"]) for product in products if product.pending for stage, error in product.errors.items())
    said += [f"{stage}: {message} ({code}, {times} product{'s' if times > 1 else ''})" for (stage, code, message), times in reasons.most_common(5)]
    return said


def _secret(stack: Stack, name: str) -> dict[str, str] | str:
    """A secret's fields, or what is wrong with it."""
    client, full = emulator.client(stack.ports["aws"], "secretsmanager"), f"{stack.place.cfn}/{name}"
    try:
        value = json.loads(client.get_secret_value(SecretId=full)["SecretString"])
        return value if isinstance(value, dict) else f"secret {full} is no JSON object"
    except client.exceptions.ResourceNotFoundException:
        return f"secret {full} does not exist; `make up` writes it"
    except ValueError:
        return f"secret {full} is not JSON; `make up` writes it anew"


def _probe(name: str, url: str, ask: Callable[[], object], secret: str) -> str:
    try:
        ask()
    except HttpError as problem:
        if problem.status in (401, 403):
            return f"{name} at {url} refuses secret {secret} (status {problem.status}); `make up` writes it anew"
        if problem.status is None:
            return f"{name} at {url} cannot be reached; the messages wait until it is back (`make up` starts it)"
        return f"{name} at {url} answers with status {problem.status}"
    return ""


def _pimcore(stack: Stack) -> str:
    value, url = _secret(stack, "pimcore"), stack.url("pim")
    if isinstance(value, str):
        return value
    headers = {"X-API-Key": value.get("apiKey", "")}
    return _probe(
        "Pimcore", url, lambda: call("POST", url + pim.ENDPOINT, body={"query": "{__typename}"}, headers=headers, timeout=5), f"{stack.place.cfn}/pimcore"
    )


def _medusa(stack: Stack) -> str:
    value, url = _secret(stack, "medusa"), stack.url("medusa")
    if isinstance(value, str):
        return value
    return _probe("Medusa", url, lambda: log_in(url, value.get("email", ""), value.get("password", "")), f"{stack.place.cfn}/medusa")
