"""What people do with categories, and with a product's place in the PIM: each has its rule in docs/pimcore.md."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from pimcore_real.editor import Editor
from support.operator import Operator
from support.relay import Relay
from support.site import Site, costing, feed, key_of, new_id, path_of, product

CATEGORIES = "/catalog/categories"


@pytest.fixture
def site(relay: Relay) -> Site:
    return Site(relay, Operator(relay.stack))


def a_minute_passes(site: Site) -> bool:
    """What the schedule does."""
    answer = site.relay.client("lambda").invoke(FunctionName=f"{site.relay.stack.place.cfn}-pimcore-sync", Payload=b'{"action": "changes"}')
    assert "FunctionError" not in answer, json.loads(answer["Payload"].read())
    return True


def arrive(site: Site, *products: dict[str, Any]) -> None:
    site.next_second()
    ids = [one["id"] for one in products]
    site.run_of(site.upload(f"{ids[0]}-{new_id('feed')}.json", feed(*products)))
    site.relay.wait_for_arrival([key_of(product_id) for product_id in ids])


def in_shop(site: Site, product_id: str) -> dict[str, Any]:
    return dict(site.relay.shop_products(key_of(product_id))[key_of(product_id)])


def categories(site: Site, product_id: str) -> list[str]:
    return [str(one["id"]) for one in in_shop(site, product_id)["categories"]]


def category(site: Site, category_id: str) -> dict[str, Any]:
    return dict(site.shop("GET", f"product-categories/{category_id}", query={"fields": "id,name,parent_category_id"})["product_category"])


def found(person: Editor, path: str) -> int:
    object_id = person.id_of(path)
    assert object_id is not None, path
    return object_id


def test_a_product_that_a_person_moves_out_of_the_catalogue_is_away_until_it_comes_back(site: Site) -> None:
    moved, person = new_id("moved"), site.person()
    arrive(site, product(moved))
    object_id, home = found(person, path_of(moved)), found(person, "/catalog/products")
    if person.id_of("/elsewhere") is None:
        assert person.add_folder(1, "elsewhere").ok
    assert person.update(object_id, parentId=found(person, "/elsewhere")).ok
    for amount in ("12.00", "13.00"):
        arrive(site, costing(moved, amount))
        assert person.id_of(path_of(moved)) is None, "it is not made again"
        assert in_shop(site, moved)["status"] == "draft"
    said = site.operator.trace(key_of(moved))
    said.names("Somebody deleted it in Pimcore, or moved it out of /catalog/products; seen", "move it back")
    assert said.code == 0, "that is as somebody wants it"
    assert person.update(object_id, parentId=home).ok
    site.relay.wait_until("it is on sale again", lambda: a_minute_passes(site) and in_shop(site, moved)["status"] == "published")
    site.is_right(moved)
    (variant,) = in_shop(site, moved)["variants"]
    assert variant["prices"][0]["amount"] == 13, "the newest price"


def test_a_product_that_a_person_renames_or_files_below_the_catalogue_goes_on_as_before(site: Site) -> None:
    filed, person = new_id("filed"), site.person()
    arrive(site, product(filed))
    object_id, home = found(person, path_of(filed)), found(person, "/catalog/products")
    folder = new_id("folder")
    assert person.add_folder(home, folder).ok
    assert person.update(object_id, parentId=found(person, f"/catalog/products/{folder}"), key=f"{filed} by hand").ok
    arrive(site, costing(filed, "12.00"))
    assert person.id_of(path_of(filed)) is None, "it is not made again"
    assert person.id_of(f"/catalog/products/{folder}/{filed} by hand") == object_id, "it is left where it is"
    assert in_shop(site, filed)["status"] == "published"
    assert in_shop(site, filed)["variants"][0]["prices"][0]["amount"] == 12
    site.is_right(filed)


def in_categories(product_id: str, *path: str, amount: str = "10.00") -> dict[str, Any]:
    return costing(product_id, amount) | {"categories": [[{"id": word, "name": {"en": word.partition("-")[0].title()}} for word in path]]}


def test_a_category_that_a_person_moves_is_moved_in_the_shop_until_a_newer_document_says_where_it_is(site: Site) -> None:
    top, other, shoes, one, two, person = new_id("top"), new_id("other"), new_id("shoes"), new_id("one"), new_id("two"), site.person()
    arrive(site, in_categories(one, top, shoes), in_categories(two, other))
    (in_medusa,), (new_parent,) = categories(site, one), categories(site, two)
    old_parent = category(site, in_medusa)["parent_category_id"]
    assert old_parent not in (None, new_parent)
    object_id, target = found(person, f"{CATEGORIES}/canonical-{top}/canonical-{shoes}"), found(person, f"{CATEGORIES}/canonical-{other}")
    # What was saved within two seconds counts as made like that.
    time.sleep(3)
    a_minute_passes(site)
    # Below another one, and under another key.
    assert person.update(object_id, parentId=target, key=f"{shoes} by hand").ok
    site.relay.wait_until("the shop's category is moved", lambda: a_minute_passes(site) and category(site, in_medusa)["parent_category_id"] == new_parent)
    # Its place is the source's: what the next document says of one of its products counts. Its key is people's.
    arrive(site, in_categories(one, top, shoes, amount="12.00"))
    assert person.id_of(f"{CATEGORIES}/canonical-{top}/{shoes} by hand") == object_id
    site.relay.wait_until("it is back", lambda: a_minute_passes(site) and category(site, in_medusa)["parent_category_id"] == old_parent)
    assert categories(site, one) == [in_medusa]


def test_a_category_that_a_person_deletes_loses_its_products_until_they_change(site: Site) -> None:
    shoes, one, two, person = new_id("shoes"), new_id("one"), new_id("two"), site.person()
    path = f"{CATEGORIES}/canonical-{shoes}"
    arrive(site, in_categories(one, shoes), in_categories(two, shoes))
    (in_medusa,) = categories(site, one)
    object_id = found(person, path)
    assert person.delete(object_id).ok
    site.relay.wait_until("its products have left it", lambda: a_minute_passes(site) and not categories(site, one) + categories(site, two))
    # Restored it has the same number, and no products: Pimcore took it out of them. Each comes with its next change.
    assert person.restore(path).ok
    assert person.id_of(path) == object_id
    arrive(site, in_categories(one, shoes, amount="12.00"))
    assert (categories(site, one), categories(site, two)) == ([in_medusa], [])
    # Deleted, and a product of it changes: it is made again, and what lies in the bin can no longer be restored.
    assert person.delete(object_id).ok
    arrive(site, in_categories(two, shoes, amount="12.00"))
    assert person.id_of(path) not in (None, object_id)
    assert len(categories(site, two)) == 1
    assert not person.restore(path).ok
    assert [in_shop(site, product_id)["status"] for product_id in (one, two)] == ["published"] * 2, "a category takes nothing off sale"
