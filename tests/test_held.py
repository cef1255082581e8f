"""What rules hold: a price that rises too much and a feed that changes too much wait for a person, on a running stack; the shop sells on as before."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from support.operator import Operator
from support.relay import Relay
from test_rules import a_minute_passes, amount, own_source, walked

RULES = """rules:
  - rule: A person looks first
    when: {{source: {source}}}
    hold: {{price-rise-over: 30%}}
feeds: {{average-price-over: 40%}}
"""
MANY = 22


def rows(prices: dict[int, str]) -> bytes:
    return ("id;name;price\n" + "".join(f"H-{n};Enamel cup {n};{price}\n" for n, price in prices.items())).encode()


def test_what_is_held_waits_for_a_person(relay: Relay, tmp_path: Path) -> None:
    operator = Operator(relay.stack)
    source, rules = own_source(operator, tmp_path)
    keys = [f"{source}:H-{n}" for n in range(MANY)]

    def feed(prices: dict[int, str]) -> str:
        run = relay.run_of(relay.upload(f"incoming/{source}/list.csv", rows(prices)))
        assert run.counts["changed"] == len(prices), run.counts
        return run.name

    def costs(n: int) -> Decimal:
        return amount(relay.shop_products(keys[n])[keys[n]])

    def held() -> dict[str, dict[str, object]]:
        return {row["product"]: row["held"] for row in operator.json("held list") if row["product"].startswith(f"{source}:")}

    feed(dict.fromkeys(range(MANY), "10.00"))
    relay.wait_for_arrival(keys)
    rules.write_text(RULES.format(source=source))
    assert operator.run(f"rules put {rules}").code == 0
    try:
        walked(relay, operator)
        relay.wait_for_arrival(keys)

        # By product: what was there before the rules is what changes are measured against.
        feed({0: "20.00", 1: "30.00", 2: "11.00"})
        relay.wait_until("two wait", lambda: set(held()) == set(keys[:2]))
        relay.wait_until("one does not", lambda: costs(2) == Decimal("11.00"))
        assert (costs(0), costs(1)) == (Decimal("10.00"), Decimal("10.00"))
        operator.run("held list").names("A person looks first", "10.00 → 20.00 USD", keys[0])
        operator.run("status").names("held by rules until a person has looked")
        operator.run(f"trace {keys[0]}").names("waits for a person")
        warnings = relay.pim_product(keys[0], "warnings")["warnings"]
        assert f"relay held approve {keys[0]}" in warnings
        operator.run(f"held approve {keys[0]}").names("1 product approved")
        operator.run(f"held reject {keys[1]}").names("1 product rejected")
        relay.wait_until("it is dearer", lambda: costs(0) == Decimal("20.00"))
        relay.wait_until("nothing waits", lambda: held() == {})
        assert costs(1) == Decimal("10.00")
        operator.run(f"trace {keys[1]}").names("rejected by a person")

        # By feed: it waits as a whole, also what rises by little.
        cheap = feed({n: "12.00" if n == 3 else "18.00" for n in range(3, MANY)} | {0: "36.00", 1: "18.00", 2: "18.00"})
        relay.wait_until("all of it waits", lambda: set(held()) == set(keys))
        assert {costs(3), costs(4)} == {Decimal("10.00")}
        operator.run("held list").names("its feed: prices change by", "on average")
        # A newer feed takes the place of what waits, and is no broken one.
        feed(dict.fromkeys(range(3, MANY), "10.00") | {0: "20.00", 2: "11.00"})
        relay.wait_until("one of the broken feed waits", lambda: set(held()) == {keys[1]})
        operator.run(f"held approve --feed {cheap}").names("1 product approved")
        relay.wait_until("approved by its feed", lambda: costs(1) == Decimal("18.00"))
    finally:
        operator.run(f"rules remove {source}-rules.yaml").names("nothing rules any more")
    walked(relay, operator)
    a_minute_passes(relay)
    relay.wait_for_arrival(keys)
