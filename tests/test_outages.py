"""A target that is gone, a secret that is wrong: it is said which, messages wait, and everything arrives once it is put right."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest
from local_stack import deploy, diagnose
from local_stack.ledger import ProductState
from support import functions
from support.documents import FOLDER, feed_of, scarf
from support.relay import Relay

# Ids that no earlier run on a kept stack used.
_numbers = itertools.count(int(time.time()))


@pytest.fixture(autouse=True)
def _put_right(relay: Relay) -> Iterator[None]:
    """A test that fails leaves nothing broken for the next."""
    yield
    put_right(relay)


def put_right(relay: Relay) -> None:
    relay.stack.start_pim()
    relay.stack.start_medusa()
    for name, value in deploy.secrets_of(relay.stack.place, relay.stack.facts).items():
        deploy.put_secret(relay.stack.ports["aws"], name, value)


def upload_one(relay: Relay) -> str:
    """Sends a feed with one new product, and waits until it was read."""
    goods_id = str(next(_numbers))
    run = relay.run_of(relay.upload(f"{FOLDER}outage-{goods_id}.json", feed_of(scarf(goods_id))))
    assert run.counts["changed"] == 1, run
    return f"shein-api:{goods_id}"


def wait_for_error(relay: Relay, key: str, stage: str) -> ProductState:
    """Waits until the ledger holds a reason why a product does not get on, one that a retry can help."""

    def failed() -> ProductState | None:
        (state,) = relay.ledger.states([key])
        return state if stage in state.errors else None

    found: ProductState = relay.wait_until(f"recorded error of {key} at {stage}", failed)
    assert found.errors[stage]["kind"] == "transient", found
    assert found.pending
    return found


def start_cold(relay: Relay, function: str) -> None:
    """Makes the next invocation a cold start, which has no secret in memory."""
    name = relay.outputs[function]
    functions.set_variables(relay, name, functions.variables_of(relay, name) | {"COLD_START": str(next(_numbers))})


@pytest.mark.parametrize(("part", "stage", "name"), [("pim", "pimcore", "Pimcore"), ("medusa", "medusa", "Medusa")])
def test_messages_wait_for_a_target_that_is_down(relay: Relay, part: str, stage: str, name: str) -> None:
    relay.stack.services()[part].stop()
    key = upload_one(relay)
    state = wait_for_error(relay, key, stage)
    said = diagnose.findings(relay.stack, [state])
    assert any(name in text and "cannot be reached" in text for text in said), said
    put_right(relay)
    relay.wait_for_arrival([key], within=120)


@pytest.mark.parametrize("how", ["wrong", "missing"])
@pytest.mark.parametrize(("stage", "function"), [("pimcore", "PimcoreSyncFunction"), ("medusa", "MedusaPushFunction")])
def test_messages_wait_for_a_secret_that_is_put_right(relay: Relay, stage: str, function: str, how: str) -> None:
    name, port = f"{relay.stack.place.cfn}/{stage}", relay.stack.ports["aws"]
    if how == "wrong":
        deploy.put_secret(port, name, {"apiKey": "not-the-key"} if stage == "pimcore" else {"email": "relay@example.test", "password": "not-the-password"})
    else:
        relay.client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    start_cold(relay, function)
    key = upload_one(relay)
    state = wait_for_error(relay, key, stage)
    said = diagnose.findings(relay.stack, [state])
    assert any(name in text for text in said), said
    assert not any("not-the-" in text for text in said), said
    put_right(relay)
    relay.wait_for_arrival([key], within=120)
