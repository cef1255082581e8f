"""The shop's own prices: rules put into force on a running stack reach what they concern, and nothing else, without a feed; taken out, they are gone."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

from support.operator import Operator
from support.relay import Relay, prices_of
from support.site import new_id

LIST = "id;name;price\n" + "".join(f"{{id}}-{n};Enamel cup {n};{'30.00' if n < 2 else '12.50'}\n" for n in range(6))
MAPPING = """source: {source}
form: csv
product:
  id: id
  name: name
  variants:
    price: {{ from: price, currency: USD }}
    stock: = 4
"""
RULES = """categories:
  tree: [{{name: Table, below: [{{name: Cups}}]}}]
rules:
  - rule: Ours
    when: {{source: {source}, cost: {{from: {{USD: 20}}}}}}
    price: [{{markup: 30%}}, {{round: {{ending: [0.95], direction: up}}}}]
    categories: {{set: [Table > Cups]}}
"""


def amount(product: dict[str, Any]) -> Decimal:
    [price] = {Decimal(prices["usd"][1]) for prices in prices_of(product).values()}
    return price


def in_the_pim(relay: Relay, key: str) -> dict[str, Any]:
    return relay.pim_product(key, "modificationDate contentHash")


def a_minute_passes(relay: Relay) -> None:
    answer = relay.client("lambda").invoke(FunctionName=f"{relay.stack.place.cfn}-pimcore-sync", Payload=b'{"action": "changes"}')
    said = answer["Payload"].read()
    assert "FunctionError" not in answer, said


def walked(relay: Relay, operator: Operator) -> dict[str, Any]:
    """Waits until every product was looked at."""

    def done() -> Any:
        a_minute_passes(relay)
        walk = operator.json("rules list")["walk"]
        return walk if walk["done"] else None

    found: dict[str, Any] = relay.wait_until("all products were looked at", done)
    return found


def a_broken_file_changes_nothing(relay: Relay, operator: Operator, name: str) -> None:
    """However it comes into the bucket: it is named with line and reason, and what was in force is."""
    version = operator.json("rules list")["version"]
    relay.upload(f"config/rules/{name}", b"rules:\n  - rule: Theirs\n    price: [{mark-up: 30%}]\n")
    relay.wait_until("the file is refused", lambda: operator.json("rules list")["refused"])
    said = operator.run("rules list")
    said.names("The newest files are refused", f"config/rules/{name}:3:", "mark-up")
    assert operator.json("rules list")["version"] == version
    operator.run("status").names("the newest rules are refused", f"config/rules/{name}:3:")
    assert operator.run(f"rules remove {name}").code == 0
    left = operator.json("rules list")
    assert (left["version"], left["refused"]) == (version, None)


def test_rules_reach_what_they_concern_without_a_feed(relay: Relay, tmp_path: Path) -> None:
    operator = Operator(relay.stack)
    source, rules = own_source(operator, tmp_path)
    run = relay.run_of(relay.upload(f"incoming/{source}/list.csv", LIST.format(id="C").encode()))
    assert (run.status, run.counts["changed"]) == ("completed", 6), run
    keys = [f"{source}:C-{n}" for n in range(6)]
    relay.wait_for_arrival(keys)
    before = relay.shop_products(*keys)
    assert [amount(before[key]) for key in keys] == [Decimal("30.00")] * 2 + [Decimal("12.50")] * 4

    rules.write_text(RULES.format(source=source).replace("markup", "mark-up"))
    refused = operator.run(f"rules put {rules}")
    refused.names("Nothing was changed")
    assert refused.code == 1
    saved = [in_the_pim(relay, key) for key in keys]
    rules.write_text(RULES.format(source=source))
    put = operator.run(f"rules put {rules}")
    assert put.code == 0, put.text
    put.names("is in force")
    try:
        # Other tests' products that failed are looked at again, too.
        assert walked(relay, operator)["marked"] >= 2
        relay.wait_until("both are dearer", lambda: [amount(relay.shop_products(key)[key]) for key in keys[:2]] == [Decimal("39.95")] * 2)
        relay.wait_for_arrival(keys)
        now = [in_the_pim(relay, key) for key in keys]
        assert (now[2:], now[0] != saved[0]) == (saved[2:], True), "the others are not touched"
        after = relay.shop_products(*keys)
        assert [after[key]["updated_at"] for key in keys[2:]] == [before[key]["updated_at"] for key in keys[2:]], "the others are not touched"
        assert [category["name"] for category in after[keys[0]]["categories"]] == ["Cups"]
        facts = json.dumps(relay.pim_product(keys[0], "facts { ... on fieldcollection_CatalogFact { code name text } } contentHash"))
        assert "sourcePrice" in facts
        assert "30.00" in facts
        operator.run(f"explain-price {keys[0]}").names("= 39.95 USD", "Ours", f"config/rules/{source}-rules.yaml:")
        operator.run(f"trace {keys[0]}").names("30 → 39.95 USD: Ours + 30% = 39; Ours rounded = 39.95", "in Table > Cups")
        operator.run(f"diff {keys[0]}").names("39.95")

        a_broken_file_changes_nothing(relay, operator, f"{source}-broken.yaml")

        # A feed goes by them at once.
        run = relay.run_of(relay.upload(f"incoming/{source}/list.csv", LIST.format(id="C").replace("12.50", "24.00").encode()))
        assert run.counts["changed"] == 4
        relay.wait_for_arrival(keys)
        assert amount(relay.shop_products(keys[5])[keys[5]]) == Decimal("31.95")
    finally:
        operator.run(f"rules remove {source}-rules.yaml").names("nothing rules any more")
    walked(relay, operator)
    relay.wait_until("the source's price is back", lambda: amount(relay.shop_products(keys[0])[keys[0]]) == Decimal("30.00"))
    relay.wait_for_arrival(keys)
    operator.run("rules list").names("No rules are in force")


def own_source(operator: Operator, folder: Path) -> tuple[str, Path]:
    """A source that has a mapping, and where its rules are to be written."""
    source = f"e2e{new_id('').strip('-').lower()[:8]}"
    mapping = folder / f"{source}.yaml"
    mapping.write_text(MAPPING.format(source=source))
    assert operator.run(f"source put {mapping}").code == 0
    return source, folder / f"{source}-rules.yaml"


MANY, DEAR = 400, 40


def stamps(relay: Relay, keys: list[str]) -> dict[str, str]:
    """When the shop last changed each product."""
    found: dict[str, str] = {}
    for at in range(0, len(keys), 50):
        found |= {key: product["updated_at"] for key, product in relay.shop_products(*keys[at : at + 50]).items()}
    return found


def a_feed_arrives_meanwhile(relay: Relay, operator: Operator, rules: Path, source: str, cheap: list[str]) -> None:
    """While every product follows other rules, a feed arrives, too. How much later is printed, not asserted: machines are noisy."""

    def feed(name: str) -> float:
        rows = "".join(f"{name}-{n};Enamel cup {n};12.50\n" for n in range(20))
        began = time.monotonic()
        relay.run_of(relay.upload(f"incoming/{source}/{name}.csv", f"id;name;price\n{rows}".encode()))
        relay.wait_for_arrival([f"{source}:{name}-{n}" for n in range(20)])
        return time.monotonic() - began

    alone = feed("alone")
    before = stamps(relay, cheap)
    rules.write_text(RULES.format(source=source).replace("USD: 20", "USD: 1"))
    assert operator.run(f"rules put {rules}").code == 0
    with ThreadPoolExecutor(1) as pool:
        walk = pool.submit(walked, relay, Operator(relay.stack))
        time.sleep(12)  # It sets out 10 s after the rules came.
        meanwhile = feed("meanwhile")
        walk = walk.result()
    print(f"a feed of 20: {alone:.1f} s alone, {meanwhile:.1f} s while products follow other rules: {meanwhile / alone:.2f}; {walk}")
    relay.wait_for_arrival(cheap)
    after = stamps(relay, cheap)
    assert [key for key in cheap if after[key] == before[key]] == []
    assert (walk["looked"] >= MANY, walk["marked"] >= MANY - DEAR) == (True, True), walk


def test_of_many_products_only_those_are_written_that_come_out_different(relay: Relay, tmp_path: Path) -> None:
    operator = Operator(relay.stack)
    source, rules = own_source(operator, tmp_path)
    rows = [f"M-{n};Enamel cup {n};{'30.00' if n < DEAR else '12.50'}" for n in range(MANY)]
    began = time.monotonic()
    run = relay.run_of(relay.upload(f"incoming/{source}/list.csv", ("id;name;price\n" + "\n".join(rows) + "\n").encode()))
    assert run.counts["changed"] == MANY
    keys = [f"{source}:M-{n}" for n in range(MANY)]
    relay.wait_for_arrival(keys)
    brought = time.monotonic() - began
    before = stamps(relay, keys)
    rules.write_text(RULES.format(source=source))
    assert operator.run(f"rules put {rules}").code == 0
    try:
        began = time.monotonic()
        walk = walked(relay, operator)
        assert (walk["looked"] >= MANY, walk["marked"] >= DEAR) == (True, True), walk
        relay.wait_for_arrival(keys)
        after = stamps(relay, keys)
        print(f"{MANY} products in {brought:.0f} s; {walk['marked']} of {walk['looked']} by other rules in {time.monotonic() - began:.0f} s")
        assert {key for key in keys if after[key] != before[key]} == set(keys[:DEAR])
        a_feed_arrives_meanwhile(relay, operator, rules, source, keys[DEAR:])
    finally:
        operator.run(f"rules remove {source}-rules.yaml").names("nothing rules any more")
    walked(relay, operator)
    relay.wait_for_arrival(keys)
