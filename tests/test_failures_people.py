"""What people do in the PIM: `relay trace` says who did what, and how it is undone."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from support.operator import Operator
from support.relay import Relay
from support.site import Site, feed, key_of, new_id, path_of, product

WORDS = ["deleted", "hidden", "unpublished", "review"]


@dataclass
class Edited:
    """Products that people have laid hands on."""

    site: Site
    ids: dict[str, str]


@pytest.fixture(scope="module")
def edited(relay: Relay) -> Edited:
    site = Site(relay, Operator(relay.stack))
    ids = {word: new_id(word) for word in WORDS}
    *by_policy, last = (ids[word] for word in WORDS)
    site.run_of(site.upload(f"{by_policy[0]}.json", feed(*map(product, by_policy))))
    relay.wait_for_arrival([key_of(product_id) for product_id in by_policy])
    before = site.settings("pimcore-sync", PUBLISH_POLICY="review")
    try:
        site.upload(f"{last}.json", feed(product(last)))
        relay.wait_until("the product is in the PIM", lambda: relay.ledger.state(key_of(last)).get("medusa_at"))
    finally:
        before()
    a_while_passes(site)
    site.pim_delete(path_of(ids["deleted"]))
    site.pim_edit(path_of(ids["hidden"]), shopVisibility="hide")
    site.pim_edit(path_of(ids["unpublished"]), published=False)
    a_while_passes(site)
    drafts = [key_of(ids[word]) for word in ("deleted", "hidden", "unpublished")]
    relay.wait_until("the shop follows", lambda: {one["status"] for one in relay.shop_products(*drafts).values()} == {"draft"})
    relay.wait_for_arrival(drafts)
    return Edited(site, ids)


def a_while_passes(site: Site) -> None:
    """What the schedules do every minute and every day: read the PIM's change feed, and look for what was deleted."""
    client = site.relay.client("lambda")
    for action in ("changes", "reconcile"):
        payload = f'{{"action": "{action}"}}'.encode()
        answer = client.invoke(FunctionName=f"{site.relay.stack.place.cfn}-pimcore-sync", Payload=payload)
        assert "FunctionError" not in answer, answer["Payload"].read()


def test_a_product_that_waits_for_review(edited: Edited) -> None:
    said = edited.site.operator.trace(key_of(edited.ids["review"]))
    said.names("in Pimcore (object", "not for sale: it is not published", "Publish it in Pimcore")
    assert said.code == 0, "that is as it should be"
    edited.site.pim_edit(path_of(edited.ids["review"]), published=True)


def test_a_product_that_a_person_unpublished(edited: Edited) -> None:
    said = edited.site.operator.trace(key_of(edited.ids["unpublished"]))
    said.names("not for sale: it is not published", "Publish it in Pimcore")
    edited.site.pim_edit(path_of(edited.ids["unpublished"]), published=True)


def test_a_product_that_a_person_hid(edited: Edited) -> None:
    said = edited.site.operator.trace(key_of(edited.ids["hidden"]))
    said.names("not for sale: somebody hid it from the shop", "Set its shop visibility in Pimcore to something else")
    edited.site.pim_edit(path_of(edited.ids["hidden"]), shopVisibility="inherit")


def test_a_product_that_a_person_deleted(edited: Edited) -> None:
    said = edited.site.operator.trace(key_of(edited.ids["deleted"]))
    said.names("Somebody deleted it in Pimcore, or moved it out of /catalog/products; seen", "recycle bin")
    assert said.code == 0, "that is a decision"
    edited.site.operator.does(said, "release")
    edited.site.is_right(edited.ids["deleted"])


def test_all_of_them_are_for_sale_again(edited: Edited) -> None:
    a_while_passes(edited.site)
    keys = [key_of(product_id) for product_id in edited.ids.values()]
    shop = edited.site.relay.shop_products
    edited.site.relay.wait_until("all for sale", lambda: [one["status"] for one in shop(*keys).values()] == ["published"] * len(keys))
    edited.site.is_right(*edited.ids.values())
