"""One Pimcore with its two sides, and products that belong to a single row."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from pimcore_real.editor import Editor, texts
from pimcore_real.hub import FOLDER, Answer, Hub, Product, prices, update_body

PRICE, HASH, TEXT = "19.90", "hash-0", "PUBLISHED"


class Unknown(Exception):
    """This Pimcore does not know what the row asks about; the reason."""


@dataclass
class Item:
    """A product of a row."""

    id: int
    key: str
    external_id: str

    @property
    def path(self) -> str:
        return f"{FOLDER}/{self.key}"


@dataclass
class Room:
    """Everybody who works on the products."""

    hub: Hub
    person: Editor
    second: Editor | None = None
    bundle: bool = False
    languages: tuple[str, ...] = ("en", "ar")
    made: list[Item] = field(default_factory=list)

    def product(self) -> Item:
        """A published product with a text of people's, a price and a hash."""
        key = f"people-{secrets.token_hex(5)}"
        fields = {"source": "people", "sku": key, "name": {"en": "Pot"}, "prices": prices(PRICE), "contentHash": HASH}
        created = self.hub.create(key, f"people:{key}", fields)
        if not created.success or created.id is None:
            raise RuntimeError(f"cannot make a product: {created.message}")
        item = Item(created.id, key, f"people:{key}")
        self.made.append(item)
        saved = self.person.save(item.id, "publish", texts(en={"marketingName": TEXT}))
        if not saved.ok:
            raise RuntimeError(f"cannot publish a text: {saved}")
        return item

    def read(self, item: Item) -> Product:
        product = self.hub.read(item.external_id)
        if product is None:
            raise RuntimeError(f"{item.external_id} is not to be seen")
        return product

    def update(self, item: Item, price: str = "25.50", *, omit_version: bool = True, path: str | None = None, **more: Any) -> Answer:
        """One update of the pipeline, which looks, writes, and looks again if somebody was quicker."""
        fields = {"prices": prices(price), "contentHash": f"hash-{price}", **more}
        answer = Answer(False, "not sent")
        for _ in range(5):
            seen = self.hub.read(item.external_id)
            where = path or item.path
            answer = self.hub.write(update_body(where, fields, read=seen.date if seen else 0, omit_version=omit_version))
            if not answer.conflict:
                break
        return answer

    def draft(self, item: Item, task: str = "version", text: str = "DRAFT TEXT", *, by: Editor | None = None) -> None:
        saved = (by or self.person).save(item.id, task, texts(en={"marketingName": text}))
        if not saved.ok:
            raise RuntimeError(f"cannot save a draft: {saved}")

    def in_editor(self, item: Item, *, by: Editor | None = None) -> str:
        shown = (by or self.person).shown(item.id)
        return f"{shown.text}, {'banner' if shown.banner else 'no banner'}, price {' '.join(shown.amounts)}"

    def live(self, item: Item) -> str:
        product = self.read(item)
        return f"{product.text}, price {' '.join(product.prices)}, {product.hash}"

    def tidy(self) -> None:
        for item in self.made:
            self.person.update(item.id, locked=None)
            self.person.delete(item.id, into_bin=False)
        self.made.clear()


def has_bundle(hub: Hub, make: Item) -> bool:
    """Whether a write that was prepared from an older state is refused."""
    return hub.write(update_body(make.path, {"contentHash": HASH}, read=1)).conflict


def early_in_a_second() -> None:
    """Waits until most of a second is left."""
    fraction = time.time() % 1
    if fraction > 0.3:
        time.sleep(1.02 - fraction)
