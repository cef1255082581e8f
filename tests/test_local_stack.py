"""The local stack's own decisions."""

from __future__ import annotations

import gzip
import io
import json
import re
import socket
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from local_stack import demo, feed, ledger, orders, products, ruled
from local_stack.console import Failed
from local_stack.orders import Bought
from local_stack.paths import REPO, SOURCES
from local_stack.processes import Service, environment, free_port
from local_stack.report import Report, Row
from local_stack.shopfront import Shown, fillings, said


def archive_of(content: bytes) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("feed", content)
    return body.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "source"),
    [
        ("a.json", b'\xef\xbb\xbf [{"code":"0","info":{"productInfo":{}}}]', "shein-api"),
        ("a.json", b'{"source":"canonical","id":"1","name":{}}', "canonical"),
        ("a.jsonl", b'{"source":"canonical","id":"1"}\n{"source":"canonical","id":"2"}\n', "canonical"),
        ("a.csv", b"product_id,name\n1,x\n", "shein-brightdata"),
        ("a.csv.gz", gzip.compress(b"product_id,name\n", mtime=0), "shein-brightdata"),
        ("a.json.gz", gzip.compress(b'[{"code":"0","info":null}]', mtime=0), "shein-api"),
        ("a.json.gz", b"\x1f\x8bnot gzip at all", "canonical"),
        ("a", b"", "canonical"),
        ("a", "product_id\tname\n1\tx\n".encode("utf-16-le"), "shein-brightdata"),
        ("a.json", '{"code":"0","info":{}}'.encode("utf-16"), "shein-api"),
        ("a.zip", archive_of(b"sep=;\r\nproduct_id;name\r\n"), "shein-brightdata"),
        ("a.zip", b"PK\x03\x04 and nothing else", "canonical"),
    ],
)
def test_the_source_of_a_feed_is_told_from_its_beginning(tmp_path: Path, name: str, content: bytes, source: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert feed.source_of(file) == source


@pytest.mark.parametrize(
    ("fixture", "source"),
    [
        ("google.tsv", "google-merchant-tsv"),
        ("google.xml", "google-merchant-xml"),
        ("medusa.csv", "medusa-csv"),
        ("plain.csv", "plain-csv"),
        ("plain.xlsx", "plain-xlsx"),
        ("shopee.csv", "shopee-brightdata"),
        ("shopify.csv", "shopify-csv"),
        ("shopify.json", "shopify-json"),
        ("woocommerce.csv", "woocommerce-csv"),
        ("shein-brightdata.csv", "shein-brightdata"),
    ],
)
def test_the_source_of_every_described_feed_is_told_from_its_beginning(fixture: str, source: str) -> None:
    file = REPO / "crates" / "sources" / "tests" / "fixtures" / fixture
    assert feed.source_of(file) == source
    assert source in feed.sources()
    if source not in ("woocommerce-csv",):
        assert products.keys(file, source)


def test_the_sample_feeds_are_of_the_source_they_show() -> None:
    for file in (SOURCES / "sample-feeds").glob("*.json"):
        assert feed.source_of(file) == "shein-api", file


def test_a_taken_port_is_not_chosen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


def test_a_service_is_known_by_more_than_its_process_id(tmp_path: Path) -> None:
    service = Service("sleeper", tmp_path / "pid", tmp_path / "log")
    service.start(["sleep", "60"], ready=lambda: True, within=5, env=environment())
    known = json.loads(service.pid_file.read_text())
    try:
        assert service.alive()
        service.pid_file.write_text(json.dumps({**known, "born": "at another time"}))
        assert not service.alive()
    finally:
        service.pid_file.write_text(json.dumps(known))
        assert service.stop()
    assert not service.alive()


def test_environment_passes_no_credentials_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "HOME"):
        monkeypatch.setenv(name, "mine")
    assert "mine" not in environment().values()


def run(**counts: int) -> ledger.Run:
    return ledger.Run(pk="F#b#k#v", name="run-1", status="completed", reason="", counts=counts, started=0)


def row(verdict_of: Shown, **more: Any) -> Row:
    document = {"variants": [{"sku": "A", "title": "A", "stock": 1, "prices": [{"currency": "SAR", "amount": "2.50"}]}]}
    return Row("demo:1", document, verdict_of, "7", changed=True, **more)


def test_a_report_is_only_fine_when_every_product_arrived() -> None:
    bought = row(Shown("demo:1", carts=[{"ok": True}]))
    assert Report("f", "o", run(changed=1), [bought]).ok
    refused = row(Shown("demo:1", carts=[{"ok": False}], problems=["no price"]))
    assert not Report("f", "o", run(changed=2), [bought, refused]).ok
    waiting = row(Shown("demo:1"), problem="waits for the PIM")
    assert not Report("f", "o", run(changed=1), [waiting]).ok
    failed = ledger.Run(pk="F#b#k#v", name="run-1", status="failed", reason="truncated", counts={}, started=0)
    assert not Report("f", "o", failed, [bought]).ok


class Shelf(orders.Shop):
    """A shop that is only its stock."""

    def __init__(self, **stock: int) -> None:
        self.stock = {sku: [pieces, 0] for sku, pieces in stock.items()}

    def level(self, sku: str) -> tuple[int, int]:
        return self.stock[sku][0], self.stock[sku][1]

    def buy(self, order: Bought) -> None:
        order.id = order.item = f"order in {order.currency}"
        self.stock[order.sku][1] += 1

    def fulfil(self, order: Bought) -> None:
        self.stock[order.sku] = [self.stock[order.sku][0] - 1, self.stock[order.sku][1] - 1]

    def take_back(self, order: Bought) -> None:
        self.stock[order.sku][0] += 1


def in_stock(**stock: int) -> Report:
    prices = [{"currency": currency, "amount": "2.50"} for currency in ("SAR", "USD")]
    document = {"variants": [{"sku": sku, "title": sku, "stock": pieces, "prices": prices} for sku, pieces in stock.items()]}
    return Report("f", "o", run(changed=1), [Row("demo:1", document, Shown("demo:1", carts=[{"ok": True}]), "7", changed=True)])


def test_one_piece_is_ordered_in_each_region_of_what_there_is_most_of() -> None:
    assert [(order.sku, order.currency) for order in orders.chosen(in_stock(A=1, B=5, C=0))] == [("B", "SAR"), ("B", "USD")]
    assert [(order.sku, order.currency) for order in orders.chosen(in_stock(A=2, B=2))] == [("B", "SAR"), ("A", "USD")]
    assert [order.currency for order in orders.chosen(in_stock(A=1))] == ["SAR"]
    assert orders.chosen(in_stock(A=0)) == []
    own = in_stock(A=1)
    own.rows[0].shown.skus = {"A": "A~1a2b3c4d"}
    assert [order.sku for order in orders.chosen(own)] == ["A~1a2b3c4d"], "A is another product's"


def test_a_sku_of_the_products_own_is_known_for_what_the_feed_calls_it() -> None:
    assert [said(sku, {"A", "B~c"}) for sku in ("A~1a2b3c4d", "B~c", "C~1a2b3c4d", "A")] == ["A", "B~c", "C~1a2b3c4d", "A"]


def said_of(sku: str, **more: Any) -> dict[str, Any]:
    return {"variants": [{"sku": sku, "title": sku, "stock": 1, "prices": [{"currency": "SAR", "amount": "2.50"}]}], **more}


def test_a_product_is_where_the_ledger_says_that_the_shop_shows_it() -> None:
    item = {"pk": "P#demo#1", "medusa_id": "prod_1"}
    assert ledger.state_of(item).place == "demo:1"
    assert ledger.state_of(item | {"medusa_homes": "demo:1\ndemo~article:G"}).place == "demo~article:G", "it is on its way there"


def test_an_article_sells_what_its_members_do_that_are_not_withdrawn() -> None:
    one = demo.together({"demo:1": said_of("A")})
    assert one == said_of("A"), "a product by itself is as it is"
    three = {"demo:1": said_of("A"), "demo:2": said_of("B", withdrawn=True), "demo:3": said_of("C")}
    sold = demo.together(three)
    assert [(variant["sku"], variant["member"]) for variant in sold["variants"]] == [("A", "demo:1"), ("C", "demo:3")]
    assert not sold.get("withdrawn")
    gone = demo.together({key: document | {"withdrawn": True} for key, document in three.items()})
    assert (len(gone["variants"]), gone["withdrawn"]) == (3, True)


def test_a_cart_also_takes_one_variant_of_each_colour() -> None:
    price = Decimal("2.50")
    pieces = [({"sku": sku, "member": member}, price) for sku, member in (("A", "1"), ("B", "1"), ("C", "2"), ("D", "3"))]
    carts = [[variant["sku"] for variant, _ in cart] for cart in fillings(pieces, only_one=False)]
    assert carts == [["A"], ["B"], ["C"], ["D"], ["A", "C", "D"]]
    assert [len(cart) for cart in fillings(pieces, only_one=True)] == [1, 3]
    assert [len(cart) for cart in fillings(pieces[:2], only_one=False)] == [1, 1], "one colour"


def test_a_report_names_the_members_and_the_options_of_an_article() -> None:
    shown = Shown("demo~article:G", carts=[{"ok": True}], options=[("Color", ["Black", "Sand"]), ("Size", ["S"])])
    article = Row("demo~article:G", said_of("A"), shown, "7, 8", changed=True, members=["demo:1", "demo:2"])
    assert article.name().split() == ["demo~article:G", "1", "2"]
    said = article.as_json()
    assert (said["members"], said["options"][0]) == (["demo:1", "demo:2"], {"title": "Color", "values": ["Black", "Sand"]})
    assert row(shown).name() == "demo:1"


def test_of_too_many_variants_none_is_ordered() -> None:
    assert orders.chosen(in_stock(**{f"A{n}": 9 for n in range(81)})) == []


def test_an_order_is_right_when_the_same_feed_again_leaves_its_stock_alone() -> None:
    report, shelf = in_stock(A=5), Shelf(A=5)
    report.orders = shelf.prove(report, lambda: None)
    assert report.ok, report.orders
    assert [order.stock["again"] for order in report.orders] == [(3, 0), (3, 0)]
    assert shelf.level("A") == (5, 0)


def test_stock_that_the_same_feed_puts_back_fails_the_demonstration() -> None:
    report, shelf = in_stock(A=5), Shelf(A=5)
    report.orders = shelf.prove(report, lambda: shelf.stock.update(A=[5, 0]))
    assert not report.ok
    assert "again" in report.orders[0].problem


def test_a_report_says_that_nothing_changed() -> None:
    bought = row(Shown("demo:1", carts=[{"ok": True}]))
    assert "Unchanged" in Report("f", "o", run(changed=0, unchanged=1), [bought]).summary()
    assert "Unchanged" not in Report("f", "o", run(changed=1, unchanged=0), [bought]).summary()


def test_unchanged_is_not_all_that_is_said_while_products_wait() -> None:
    late = row(Shown("demo:1"), problem="medusa: taken (medusa_sku_taken)", since_ms=1_795_391_940_000)
    report = Report("f", "o", run(read=1, unchanged=1), [late])
    assert not report.ok
    assert "one waits since" in report.summary()
    assert "does not show what the feed says" in report.summary()
    assert "does not go on by itself" in report.next_step()
    late.waiting = True
    assert "tried again by itself" in report.next_step()


def test_a_feed_of_which_nothing_arrived_is_not_fine_and_nothing_is_said_to_wait() -> None:
    refused = Report("f", "o", run(read=3, rejected=3), [])
    assert not refused.ok
    assert "Nothing of the feed was taken, 3 rejected. 0 of 0" in refused.summary()
    broken = Report("f", "o", ledger.Run(pk="F#b#k#v", name="run-1", status="failed", reason="not_json: x", counts={}, started=0), [])
    for report in (refused, broken):
        assert "nothing waits" in report.next_step()


@pytest.mark.parametrize("case", ["arrived", "bought in vain", "waits", "refused", "nothing taken", "unreadable"])
def test_the_demonstration_ends_with_1_unless_everything_arrived(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bought = row(Shown("demo:1", carts=[{"ok": True}]))
    waiting = row(Shown("demo:1"), problem="waits for the PIM", waiting=True)
    refused = row(Shown("demo:1"), problem="pimcore: too long (pimcore_field_too_long)")
    unreadable = ledger.Run(pk="F#b#k#v", name="run-1", status="failed", reason="unknown_format: x", counts={}, started=0)
    told = {
        "arrived": Report("f", "o", run(changed=1), [bought]),
        "bought in vain": Report("f", "o", run(changed=1), [bought]),
        "waits": Report("f", "o", run(changed=2), [bought, waiting]),
        "refused": Report("f", "o", run(changed=2), [bought, refused]),
        "nothing taken": Report("f", "o", run(read=3, rejected=3), []),
        "unreadable": Report("f", "o", unreadable, []),
    }[case]

    class Counter:
        def __init__(self, _: object) -> None:
            pass

        def prove(self, *_: object) -> list[Bought]:
            steps = dict.fromkeys(("before", "fulfilled", "again", "returned"), (1, 0))
            return [Bought("demo:1", "A", "sar", id="order_1", stock=steps, problem="no payment" if case == "bought in vain" else "")]

    monkeypatch.setattr(demo, "follow", lambda *_: told)
    monkeypatch.setattr(demo.orders, "Shop", Counter)
    monkeypatch.setattr(demo, "where_to_look", lambda _: "")
    monkeypatch.setattr(Report, "write", lambda *_: None)
    assert demo.demonstrate(None, "feed.json", "", 1) == (0 if case == "arrived" else 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "source", "content", "keys"),
    [
        ("a.json", "canonical", b'\xef\xbb\xbf[{"id":"1"},{"id":"a:b"},3,{}]', {"canonical:1", "canonical:a:b"}),
        ("a.jsonl", "shein-api", b'{"info":{"productInfo":{"goods_id":7}}}\n{"info":null}\n', {"shein-api:7"}),
        ("a.csv", "shein-brightdata", b'name;product_id\r\n"x;\n";77\r\n', {"shein-brightdata:77"}),
        ("a.zip", "shein-brightdata", archive_of(b"sep=;\r\nname;product_id\r\nx;77\r\n"), {"shein-brightdata:77"}),
        ("a.csv", "shein-brightdata", "name\tproduct_id\nx\t78\n".encode("utf-16-be"), {"shein-brightdata:78"}),
        ("a.gz", "canonical", gzip.compress(b'{"id":"1"} {"id":"2"} {"id":', mtime=0), {"canonical:1", "canonical:2"}),
        ("a.gz", "canonical", b"\x1f\x8bnot gzip at all", set()),
    ],
)
def test_the_products_that_a_feed_speaks_of_are_known(tmp_path: Path, name: str, source: str, content: bytes, keys: set[str]) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert products.keys(file, source) == keys


@pytest.mark.parametrize("file", [SOURCES / "local_stack" / "shop.py", SOURCES / "docker-compose.yml", REPO / "platforms" / "medusa" / "migrate.sh"])
def test_a_password_that_begins_with_a_hyphen_is_no_option(file: Path) -> None:
    """One of 64 passwords does, and Medusa's command then takes its letters for options."""
    made = [line for line in file.read_text().splitlines() if re.search(r"""medusa(\(\), "| )user\b""", line)]
    assert made
    assert all("--password=" in line for line in made), made


def test_rules_are_in_force_for_the_demonstration_once_every_product_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would hold the shop, which still shows the old prices, against the new rules."""
    asked: list[str] = []
    walks = iter([{"done": False, "looked": looked, "words": "on its way"} for looked in (0, 0, 3)] + [{"done": True}])

    def relay(_: object, *words: str) -> dict[str, Any]:
        asked.append(words[1])
        return {"version": "v1"} if words[1] == "put" else {"walk": next(walks)}

    monkeypatch.setattr(ruled, "_relay", relay)
    monkeypatch.setattr(ruled.time, "sleep", lambda _: None)
    ruled.put(None, "rules.yaml")  # type: ignore[arg-type]
    assert asked == ["put", "list", "list", "list", "list"]
    monkeypatch.setattr(ruled, "PATIENCE", -1.0)
    walks = iter([{"done": False, "looked": 0, "words": "on its way"}])
    with pytest.raises(Failed):
        ruled.put(None, "rules.yaml")  # type: ignore[arg-type]
