"""`Articles` is switched on and off for one source of a running stack: its products follow without a feed, others stay, and `relay` tells how far."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.functions import set_variables, variables_of
from support.operator import Operator
from support.relay import Relay
from support.site import new_id

LIST = "id;name;group;price\nred;Enamel cup, red;CUPS;12.50\nblue;Enamel cup, blue;CUPS;12.50\npan;Pan;;30.00\n"
MAPPING = """source: {source}
form: csv
product:
  id: id
  name: name
  group: group
  variants:
    price: {{ from: price, currency: USD }}
    stock: = 4
"""
# How long the walk waits for functions that work by the setting of before.
LEASE_MS = 90_000


class Setting:
    """The parameter `Articles`, as a deployment changes it."""

    def __init__(self, relay: Relay, operator: Operator) -> None:
        self.relay, self.operator = relay, operator
        self.function = f"{relay.stack.place.cfn}-medusa-push"
        self.before = variables_of(relay, self.function)

    def deploy(self, articles: str) -> dict[str, Any]:
        """Sets it; a lease's length passes. What the function noted."""
        set_variables(self.relay, self.function, self.before | {"ARTICLES": articles})
        answer = self.relay.client("lambda").invoke(FunctionName=self.function, Payload=b'{"action": "settings"}')
        said: dict[str, Any] = json.loads(answer["Payload"].read())
        table, key = self.relay.ledger.table, {"pk": {"S": "W#articles"}, "sk": {"S": "watermark"}}
        client = self.relay.ledger.client
        noted = client.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]["cursor"]["S"]
        text, _, since = noted.rpartition("@")
        values, names = {":to": {"S": f"{text}@{int(since) - LEASE_MS}"}}, {"#c": "cursor"}
        client.update_item(TableName=table, Key=key, UpdateExpression="SET #c = :to", ExpressionAttributeNames=names, ExpressionAttributeValues=values)
        return said

    def for_source(self, source: str, kind: str) -> str:
        others = self.before["ARTICLES"]
        return json.dumps((json.loads(others) if others.startswith("{") else {"default": others}) | {source: kind})

    def followed(self) -> dict[str, Any]:
        """Waits until every product has."""

        def done() -> Any:
            answer = self.relay.client("lambda").invoke(FunctionName=f"{self.relay.stack.place.cfn}-pimcore-sync", Payload=b'{"action": "changes"}')
            assert "FunctionError" not in answer, answer["Payload"].read()
            said = self.operator.json("articles")
            return said if said["walk"]["done"] and not said["shown"]["left"] else None

        found: dict[str, Any] = self.relay.wait_until("products followed the setting", done)
        return found


def own_source(operator: Operator, folder: Path) -> str:
    source = f"e2e{new_id('').strip('-').lower()[:8]}"
    mapping = folder / f"{source}.yaml"
    mapping.write_text(MAPPING.format(source=source))
    assert operator.run(f"source put {mapping}").code == 0
    return source


def test_products_follow_a_changed_setting_without_a_feed_and_back(relay: Relay, tmp_path: Path) -> None:
    operator = Operator(relay.stack)
    setting, source = Setting(relay, operator), own_source(operator, tmp_path)
    members, pan, article = [f"{source}:red", f"{source}:blue"], f"{source}:pan", f"{source}~article:CUPS"
    try:
        setting.deploy(setting.for_source(source, "separate"))
        run = relay.run_of(relay.upload(f"incoming/{source}/list.csv", LIST.encode()))
        assert (run.status, run.counts["changed"]) == ("completed", 3), run
        relay.wait_for_arrival([*members, pan])
        setting.followed()
        before = relay.shop_products(*members, pan)

        said = setting.deploy(setting.for_source(source, "grouped"))
        assert said["news"] is True, said
        operator.run(f"trace {members[0]}").names(f"shows it by {article}", "`relay articles`")
        told = setting.followed()
        assert min(told["shown"]["inArticles"], told["walk"]["announced"]) >= 2, told
        after = relay.shop_products(*members, pan, article)
        assert {variant["sku"] for variant in after[article]["variants"]} == {variant["sku"] for key in members for variant in before[key]["variants"]}
        assert [after[key]["status"] for key in [article, *members]] == ["published", "draft", "draft"]
        assert after[pan]["updated_at"] == before[pan]["updated_at"], "who has no group is not touched"
        for key in members:
            assert operator.run(f"diff {key}").code == 0, operator.run(f"diff {key}").text
            assert operator.trace(key).code == 0
        assert operator.run(f"trace {article}").code == 0
        led = {row["from"]: row["to"] for row in operator.json("handles redirects --format json")}
        assert [led.get(before[key]["handle"]) for key in members] == [after[article]["handle"]] * 2
        operator.run("articles").names("every product follows it")

        setting.deploy(setting.for_source(source, "separate"))
        setting.followed()
        back = relay.shop_products(*members, article)
        assert [back[key]["status"] for key in [article, *members]] == ["draft", "published", "published"]
        assert [back[key]["id"] for key in members] == [before[key]["id"] for key in members]
        led = {row["from"]: row["to"] for row in operator.json("handles redirects --format json")}
        assert led[after[article]["handle"]] in [back[key]["handle"] for key in members], "one that it showed last"
        assert operator.run(f"diff {members[0]}").code == 0
    finally:
        set_variables(relay, setting.function, setting.before)
