"""What people do in the PIM that no save of a product tells: they delete one, or edit a category. The shop follows within minutes."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from pimcore_real.editor import texts
from support import notices
from support.operator import Operator
from support.relay import Relay
from support.site import Site, costing, feed, key_of, new_id, path_of, product


@pytest.fixture
def site(relay: Relay) -> Site:
    return Site(relay, Operator(relay.stack))


def arrive(site: Site, *ids: str, **more: Any) -> None:
    site.run_of(site.upload(f"{ids[0]}.json", feed(*(product(product_id, **more) for product_id in ids))))
    site.relay.wait_for_arrival([key_of(product_id) for product_id in ids])


def a_minute_passes(site: Site) -> dict[str, Any]:
    """What the schedule does; `reconcile`, which comes once a day, is not asked for."""
    answer = site.relay.client("lambda").invoke(FunctionName=f"{site.relay.stack.place.cfn}-pimcore-sync", Payload=b'{"action": "changes"}')
    said: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return said


def three_minutes_pass(site: Site, product_id: str) -> None:
    """What was noted when a product was made is looked at when its maker can no longer be under way (`census::MADE_MS`): the note becomes that old."""
    table, name = site.relay.client("dynamodb"), site.relay.outputs["LedgerTable"]
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "W#pimcore-made"}}, "ConsistentRead": True}
    notes = [item for item in table.query(TableName=name, **query)["Items"] if key_of(product_id) in json.loads(item["keys"]["S"])]
    assert notes, f"nobody noted that {product_id} is about to be made"
    for note in notes:
        table.delete_item(TableName=name, Key={"pk": note["pk"], "sk": note["sk"]})
        owner = note["sk"]["S"].partition("-")[2]
        table.put_item(TableName=name, Item=note | {"sk": {"S": f"{int(time.time() * 1000) - 180_000:013}-{owner}"}})


def status(site: Site, product_id: str) -> str:
    return str(site.relay.shop_products(key_of(product_id))[key_of(product_id)]["status"])


def test_a_product_that_a_person_deletes_is_a_draft_within_the_next_rounds(site: Site) -> None:
    gone, stays = new_id("gone"), new_id("stays")
    arrive(site, gone, stays)
    # Nobody has compared anything, and no count has held it: the ledger knows it all the same.
    site.pim_delete(path_of(gone))
    three_minutes_pass(site, gone)

    def draft() -> bool:
        a_minute_passes(site)
        return status(site, gone) == "draft"

    site.relay.wait_until("the deleted product is a draft", draft)
    assert status(site, stays) == "published"
    site.relay.wait_until("the ledger is at rest", lambda: not site.relay.ledger.states([key_of(gone)])[0].pending)
    counted = a_minute_passes(site)
    assert counted["census"]["deleted"] == 0, "it is found once"


def says(site: Site, product_id: str, amount: str) -> None:
    """A feed says another price, and the ledger is at rest again."""
    site.next_second()
    site.run_of(site.upload(f"{product_id}-{amount}.json", feed(costing(product_id, amount))))
    site.relay.wait_for_arrival([key_of(product_id)])


def deleted(site: Site) -> list[str]:
    """What `relay status` names as deleted."""
    return list(site.operator.json("status")["deleted"])


def price(site: Site, product_id: str) -> int:
    (variant,) = site.relay.shop_products(key_of(product_id))[key_of(product_id)]["variants"]
    return int(variant["prices"][0]["amount"])


def test_what_a_person_deletes_stays_away_whatever_its_feed_says_until_it_is_restored(site: Site) -> None:
    gone = new_id("bin")
    key, path, person = key_of(gone), path_of(gone), site.person()
    arrive(site, gone)
    site.pim_edit(path, marketingName={"en": "Bestseller"})
    title = lambda: site.relay.shop_products(key)[key]["title"]  # noqa: E731
    site.relay.wait_until("the person's text is in the shop", lambda: a_minute_passes(site) and title() == "Bestseller")
    object_id = person.id_of(path)
    assert object_id is not None
    assert person.delete(object_id).ok

    for amount in ("12.00", "13.00"):
        says(site, gone, amount)
        assert person.id_of(path) is None, "it is not made again"
        assert status(site, gone) == "draft"
    said = site.operator.trace(key)
    said.names("Somebody deleted it in Pimcore, or moved it out of /catalog/products; seen", "Who did cannot be said", "recycle bin", f"`relay release {key}`")
    assert said.code == 0, "that is as somebody wants it"
    assert key in deleted(site)
    site.operator.run("status").names("deleted by people in Pimcore")

    restored = person.restore(path)
    assert restored.ok, restored
    assert person.id_of(path) == object_id

    def on_sale() -> bool:
        a_minute_passes(site)
        return status(site, gone) == "published"

    site.relay.wait_until("the restored product is on sale", on_sale)
    site.is_right(gone)
    assert (price(site, gone), title()) == (13, "Bestseller"), "the newest price, and the person's text"
    assert key not in deleted(site)


def hidden_drafts(site: Site) -> dict[str, dict[str, Any]]:
    """The drafts that `relay status` says are hidden."""
    return {draft["product"]: draft for draft in site.operator.json("status")["hiddenDrafts"]["products"]}


def test_a_draft_that_a_feed_hides_is_named_until_a_person_publishes(site: Site) -> None:
    drafted, published = new_id("drafted"), new_id("published")
    arrive(site, drafted, published)
    key, person = key_of(drafted), site.person()
    ids = {product_id: person.id_of(path_of(product_id)) for product_id in (drafted, published)}
    for product_id, task in ((drafted, "version"), (published, "publish")):
        object_id = ids[product_id]
        assert object_id is not None
        assert person.save(object_id, task, texts(en={"marketingName": "By a person"})).ok
        says(site, product_id, "12.00")
    site.relay.wait_until("the hidden draft is named", lambda: a_minute_passes(site) and key in hidden_drafts(site))
    assert key_of(published) not in hidden_drafts(site), "what was published is no draft"
    assert hidden_drafts(site)[key]["link"].endswith(f"/admin/login/deeplink?object_{ids[drafted]}_object")
    site.operator.run("status").names("hidden in Pimcore by a feed's write", key, "looked at")
    assert person.save(ids[drafted] or 0, "publish", texts(en={"marketingName": "By a person"})).ok
    site.relay.wait_until("it is not hidden any more", lambda: a_minute_passes(site) and key not in hidden_drafts(site))


def test_what_people_do_is_in_the_shop_within_a_minute_where_the_pim_tells_of_it(site: Site) -> None:
    told, other = new_id("told"), new_id("untold")
    arrive(site, told, other)
    key, path, person = key_of(told), path_of(told), site.person()

    def follows(wanted: str, *acts: dict[str, Any]) -> tuple[str, str]:
        """One is told; the shop follows. Nobody asks for the schedule's work, and the count of products comes minutes later."""
        began, sent = time.monotonic(), notices.signed(site.relay, list(acts))
        assert notices.send(site.relay, *sent) == 204
        site.relay.wait_until(f"the shop's product is {wanted}", lambda: status(site, told) == wanted, within=60)
        took = time.monotonic() - began
        print(f"{acts[0]['what']} to {wanted}: {took:.1f} s")
        assert took < 60
        return sent

    object_id = person.id_of(path)
    assert object_id is not None
    assert person.delete(object_id).ok
    first = follows("draft", notices.notice("delete", key))
    assert key in deleted(site)
    site.relay.wait_until("the ledger is at rest", lambda: not site.relay.ledger.states([key])[0].pending)
    site.operator.trace(key).names("ann (user 4) deleted it in Pimcore at 20", "as Pimcore's notice says")
    assert person.restore(path).ok
    # Sent again within its five minutes it is a look: the product is there.
    assert notices.send(site.relay, *first) == 204
    follows("published", notices.notice("restore", key))
    site.relay.wait_until("the note is gone", lambda: key not in deleted(site))
    # What is told does not have to be so, or be of ours.
    others = [notices.notice("delete", key_of(other)), notices.notice("delete", "nobody:1"), notices.notice("delete", "-"), notices.notice("draft", key)]
    follows("published", *others, notices.notice("save", key, "CatalogCategory"))
    site.is_right(told, other)


def test_a_notice_that_the_bundle_did_not_sign_is_refused(site: Site) -> None:
    acts, now = [notices.notice("delete", "canonical:nobody")], int(time.time())
    header, body = notices.signed(site.relay, acts)
    for refused in (
        notices.signed(site.relay, acts, at=now - 330),
        notices.signed(site.relay, acts, at=now + 330),
        notices.signed(site.relay, acts, secret="another"),
        (header, body[:-1]),
        (header, body.replace("nobody", "somebody")),
        ("", body),
    ):
        assert notices.send(site.relay, *refused) == 401, refused
    assert notices.send(site.relay, header, " " * (1 << 20) + body) == 413
    assert notices.send(site.relay, header, body) == 204


def test_what_a_person_deleted_is_made_anew_when_it_is_released(site: Site) -> None:
    ids = [new_id("released") for _ in range(3)]
    arrive(site, *ids)
    person = site.person()
    before = {product_id: person.id_of(path_of(product_id)) for product_id in ids}
    for product_id, object_id in before.items():
        assert object_id is not None
        assert person.delete(object_id).ok
        says(site, product_id, "12.00")
    assert {key_of(product_id) for product_id in ids} <= set(deleted(site))
    # One by name, as `relay trace` says; then all that there are, as after an accident.
    site.operator.does(site.operator.trace(key_of(ids[0])), "release")
    site.is_right(ids[0])
    site.operator.run("release --deleted").names("made anew in Pimcore")
    site.is_right(*ids)
    for product_id in ids:
        assert person.id_of(path_of(product_id)) not in (None, before[product_id])
        assert price(site, product_id) == 12
    assert not set(deleted(site)) & {key_of(product_id) for product_id in ids}
    assert site.operator.run(f"release {key_of(ids[0])}").code not in (0, 1), "nothing is to be released any more"


def category_of(site: Site, product_id: str) -> str:
    """Medusa's id of the category that a product is in."""
    (category,) = site.relay.shop_products(key_of(product_id))[key_of(product_id)]["categories"]
    return str(category["id"])


def category(site: Site, category_id: str) -> dict[str, Any]:
    return dict(site.shop("GET", f"product-categories/{category_id}", query={"fields": "id,name,handle,is_active"})["product_category"])


def test_an_edit_of_a_category_alone_reaches_the_shop(site: Site) -> None:
    word = new_id("kitchen")
    ids = [new_id("cat") for _ in range(3)]
    arrive(site, *ids, categories=[[{"id": word, "name": {"en": "Kitchen"}}]])
    # Kept: a product leaves a category that is hidden.
    kitchen = category_of(site, ids[0])
    assert category(site, kitchen)["name"] == "Kitchen"
    a_minute_passes(site)
    path = f"/catalog/categories/canonical-{word}"

    site.pim_edit(path, hidden=True, name={"en": "Pots and pans"})

    def shows(**wanted: Any) -> bool:
        a_minute_passes(site)
        found = category(site, kitchen)
        return {name: found[name] for name in wanted} == wanted

    site.relay.wait_until("name and hiding are in the shop", lambda: shows(name="Pots and pans", is_active=False))

    site.pim_edit(path, hidden=False, published=False)

    def without() -> bool:
        a_minute_passes(site)
        return all(not one["categories"] for one in site.relay.shop_products(*map(key_of, ids)).values())

    site.relay.wait_until("unpublished in the PIM, it has no products in the shop", without)
