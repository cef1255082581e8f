"""Everything outside the pipeline that people, suppliers and accidents touch: the PIM, the shop, AWS. It breaks things, and it carries out remedies
that are no `relay` command."""

from __future__ import annotations

import itertools
import json
import random
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local_stack import deploy
from local_stack.http import call
from local_stack.shop import log_in
from pimcore_real.editor import Editor

from support import functions
from support.operator import Operator, Said
from support.proxy import Answer, Asked
from support.relay import Relay

# Ids that no earlier run on a kept stack used.
_numbers = itertools.count(int(time.time() * 10))


def new_id(word: str) -> str:
    """A product id that says what will happen to it."""
    return f"{word}-{next(_numbers)}"


def product(product_id: str, **changes: Any) -> dict[str, Any]:
    """A canonical product that is fine, but for the changes."""
    price = {"currency": "SAR", "amount": "10.00"}
    variant = {"sku": f"SKU-{product_id}", "title": "One", "prices": [price], "stock": 3}
    fine = {"source": "canonical", "id": product_id, "name": {"en": f"Cup {product_id}", "ar": "كوب"}, "variants": [variant]}
    return fine | changes


def costing(product_id: str, amount: str, currency: str = "SAR") -> dict[str, Any]:
    """The same at another price."""
    made = product(product_id)
    made["variants"][0]["prices"] = [{"currency": currency, "amount": amount}]
    return made


def noise(length: int) -> str:
    """A text that no compression makes smaller."""
    dice = random.Random(1)
    return "".join(chr(dice.randrange(0x4E00, 0x9FA5)) for _ in range(length))


def key_of(product_id: str) -> str:
    return f"canonical:{product_id}"


def path_of(product_id: str) -> str:
    """Where the PIM keeps it."""
    return f"/catalog/products/canonical-{product_id}"


def feed(*products: Mapping[str, Any]) -> bytes:
    return json.dumps(products, ensure_ascii=False).encode()


@dataclass
class Site:
    """The surroundings of one deployed stack."""

    relay: Relay
    operator: Operator

    # ---- feeds

    def upload(self, name: str, body: bytes, *, source: str = "canonical", **metadata: str) -> str:
        """Puts a feed; its key."""
        key = name if "/" in name else f"incoming/{source}/{name}"
        names = {word.replace("_", "-"): value for word, value in metadata.items()}
        self.relay.client("s3").put_object(Bucket=self.relay.bucket, Key=key, Body=body, Metadata=names)
        return key

    def run_of(self, key: str, ago: float = 60.0) -> dict[str, Any]:
        """The run that read a feed, once it has ended, as `relay runs` has it."""
        since = (time.time() - ago) * 1000

        def ended() -> dict[str, Any] | None:
            lines = self.operator.json("runs --limit 60")
            mine = [line for line in lines if line["object"].endswith(f"/{key}") and line["started"] > since and not line["strict"]]
            return mine[0] if mine and mine[0]["status"] != "running" else None

        found: dict[str, Any] = self.relay.wait_until(f"end of the run of {key}", ended)
        return found

    def next_second(self) -> None:
        """S3 tells the time in seconds, and the next feed is to be newer."""
        now = int(time.time())
        self.relay.wait_until("the next second", lambda: int(time.time()) > now)

    # ---- what is said

    def told(self, words: str, *parts: str, within: float = 60.0) -> Said:
        """Waits until a command's answer contains all of this."""
        last: list[Said] = []

        def all_in() -> Said | None:
            last[:] = [self.operator.run(words)]
            return last[0] if all(part in last[0].text for part in parts) else None

        try:
            said: Said = self.relay.wait_until(f"relay {words} says {parts}", all_in, within)
        except AssertionError:
            last[0].names(*parts)
            raise
        return said

    def is_right(self, *product_ids: str, within: float = 180.0) -> None:
        """Both targets hold what the feed says, the shop sells it, and `relay trace` says so."""
        keys = [key_of(product_id) for product_id in product_ids]
        try:
            self.relay.wait_for_arrival(keys, within)
        except AssertionError as error:
            stories = [self.operator.trace(key) for key in keys]
            raise AssertionError("\n".join([str(error), *(said.text for said in stories if said.code), self.operator.run("status").text])) from None
        shop = self.relay.shop_products(*keys)
        for key in keys:
            assert shop[key]["status"] == "published", shop[key]
            said = self.operator.trace(key)
            assert said.code == 0, said.text
            said.names("It is in Pimcore and in the shop as it should be")

    # ---- the PIM

    def pim(self, method: str, path: str, body: Any = None) -> None:
        request = urllib.request.Request(f"{self.relay.stack.url('pim')}/_standin/{path}", method=method, headers={"content-type": "application/json"})
        request.data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()

    def pim_fault(self, kind: str, **settings: Any) -> None:
        self.pim("POST", "faults", {"kind": kind, "times": 1000} | settings)

    def pim_well(self) -> None:
        self.pim("DELETE", "faults")

    def pim_edit(self, path: str, **fields: Any) -> None:
        """A person's save."""
        self.pim("POST", "objects", {"path": path, "set": fields})

    def pim_delete(self, path: str) -> None:
        self.pim("DELETE", f"objects?path={path}")

    def person(self) -> Editor:
        """Somebody at the PIM's editor."""
        return Editor(self.relay.stack.url("pim"), "person", "")

    def pim_create(self, key: str, external_id: str) -> None:
        """An object that somebody makes where a product belongs."""
        wanted = f'key: "{key}", path: "/catalog/products", published: true, input: {{externalId: "{external_id}"}}'
        body = {"query": f"mutation {{ createCatalogProduct({wanted}) {{ success message }} }}"}
        headers = {"X-API-Key": self.relay.stack.place.pim_key.read_text()}
        answer = call("POST", f"{self.relay.stack.url('pim')}/pimcore-graphql-webservices/catalog", body=body, headers=headers)
        assert answer.get("data", {}).get("createCatalogProduct", {}).get("success"), answer

    # ---- the shop

    def shop(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Any:
        """The Admin API, as somebody who runs the shop."""
        url, facts = self.relay.stack.url("medusa"), self.relay.stack.facts
        return call(method, f"{url}/admin/{path}", body=body, query=query, headers=log_in(url, facts.email, facts.password))

    def foreign_product(self, handle: str, sku: str) -> str:
        """A product that people made in the shop; its id."""
        price = {"currency_code": "sar", "amount": 5}
        variant = {"title": "One", "sku": sku, "options": {"Size": "One"}, "prices": [price]}
        body = {"title": f"Ours {handle}", "handle": handle, "options": [{"title": "Size", "values": ["One"]}], "variants": [variant]}
        return str(self.shop("POST", "products", body)["product"]["id"])

    @contextmanager
    def shop_answers(self, interference: Callable[[Asked], Answer | None]) -> Iterator[None]:
        """Something stands between the functions and the shop."""
        self.relay.shop.interference = interference
        try:
            yield
        finally:
            self.relay.shop.interference = None

    # ---- AWS

    @contextmanager
    def rule_off(self, name: str) -> Iterator[None]:
        """Somebody switched a rule off."""
        rule = {"Name": f"{self.relay.stack.place.cfn}-{name}"}
        if name != "feed-arrived":
            rule["EventBusName"] = self.relay.outputs["CatalogBus"]
        events = self.relay.client("events")
        events.disable_rule(**rule)
        try:
            yield
        finally:
            events.enable_rule(**rule)

    def settings(self, function: str, **variables: str) -> Callable[[], None]:
        """Gives a function other settings, as a deployment with other parameters would; returns what puts the old ones back."""
        name = f"{self.relay.stack.place.cfn}-{function}"
        before = functions.variables_of(self.relay, name)
        functions.set_variables(self.relay, name, before | variables)
        # A number makes it another environment: the next invocation is a cold start.
        return lambda: functions.set_variables(self.relay, name, before | {"COLD_START": str(next(_numbers))})

    def start_cold(self, function: str) -> None:
        """The next invocation is a cold start, which has nothing in memory."""
        self.settings(function, COLD_START=str(next(_numbers)))

    def send(self, queue: str, body: str) -> None:
        self.relay.client("sqs").send_message(QueueUrl=self.relay.outputs[queue], MessageBody=body)

    def secret(self, name: str, value: dict[str, str] | str | None) -> None:
        """Gives a secret a value, or removes it."""
        full, client = f"{self.relay.stack.place.cfn}/{name}", self.relay.client("secretsmanager")
        if value is None:
            client.delete_secret(SecretId=full, ForceDeleteWithoutRecovery=True)
        elif isinstance(value, str):
            client.put_secret_value(SecretId=full, SecretString=value)
        else:
            deploy.put_secret(self.relay.stack.ports["aws"], full, value)

    def right_secret(self, name: str) -> dict[str, str]:
        """What the secret should hold."""
        return deploy.secrets_of(self.relay.stack.place, self.relay.stack.facts)[f"{self.relay.stack.place.cfn}/{name}"]

    def close_breakers(self) -> None:
        """As if they had never opened: their items are gone, and the queues are as they were deployed."""
        table, client = self.relay.client("dynamodb"), self.relay.client("lambda")
        for target in ("pimcore", "medusa"):
            table.delete_item(TableName=self.relay.outputs["LedgerTable"], Key={"pk": {"S": f"B#{target}"}, "sk": {"S": "breaker"}})
        settings = client.get_function_configuration(FunctionName=f"{self.relay.stack.place.cfn}-dlq-redrive")["Environment"]["Variables"]
        for target in ("PIMCORE", "MEDUSA"):
            batch = int(settings[f"{target}_BATCH_SIZE"])
            client.update_event_source_mapping(UUID=settings[f"{target}_MAPPING_ID"], Enabled=True, BatchSize=batch)

    def everything_well(self) -> None:
        """Puts right whatever a test left broken."""
        self.relay.shop.interference = None
        self.relay.stack.start_pim()
        self.relay.stack.start_medusa()
        self.pim_well()
        for name in ("pimcore", "medusa"):
            self.secret(name, self.right_secret(name))
