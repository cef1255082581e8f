"""The rows: what is done, what was seen without the bundle, and what has to be seen with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from pimcore_real.editor import texts
from pimcore_real.hub import FOLDER, update_body
from pimcore_real.room import HASH, Item, Room, Unknown, early_in_a_second


@dataclass(frozen=True)
class Row:
    """One thing that people do."""

    name: str
    what: str
    without: str
    with_bundle: str
    ask: Callable[[Room], str]

    def expected(self, room: Room) -> str:
        return self.with_bundle if room.bundle else self.without


ROWS: list[Row] = []


def row(name: str, what: str, without: str, with_bundle: str | None = None) -> Callable[[Callable[[Room], str]], Callable[[Room], str]]:
    """Puts a question on the list."""

    def put(ask: Callable[[Room], str]) -> Callable[[Room], str]:
        ROWS.append(Row(name, what, without, with_bundle if with_bundle is not None else without, ask))
        return ask

    return put


HIDDEN, KEPT = "PUBLISHED, no banner, price 25.50", "DRAFT TEXT, banner, price 25.50"


# ---- drafts


@row("1.1", "a draft, then an update", HIDDEN, KEPT)
def draft(room: Room) -> str:
    item = room.product()
    room.draft(item)
    room.update(item)
    return room.in_editor(item)


@row("1.2", "an autosave, then an update", HIDDEN, KEPT)
def autosave(room: Room) -> str:
    item = room.product()
    room.draft(item, "autoSave")
    room.update(item)
    return room.in_editor(item)


@row("1.3", "a draft and an update within one second", HIDDEN, KEPT)
def same_second(room: Room) -> str:
    item = room.product()
    early_in_a_second()
    room.draft(item)
    room.update(item)
    return room.in_editor(item)


@row("1.4", "a draft, then an update that leaves a version", HIDDEN, KEPT)
def with_version(room: Room) -> str:
    item = room.product()
    room.draft(item)
    room.update(item, omit_version=False)
    return room.in_editor(item)


@row("1.5", "a draft, then three updates: what is shown, and the drafts in the versions tab", f"{HIDDEN}; 1 of the text", f"{KEPT}; 2 of the text")
def several_updates(room: Room) -> str:
    item = room.product()
    room.draft(item)
    before = len(room.person.versions(item.id))
    for price in ("21.00", "23.00", "25.50"):
        room.update(item, price)
    return f"{room.in_editor(item)}; {len(room.person.versions(item.id)) - before + 1} of the text"


@row("1.6", "no update: the draft is published", "DRAFT TEXT, price 19.90, hash-0")
def publish_draft(room: Room) -> str:
    item = room.product()
    room.draft(item)
    room.person.save(item.id, "publish")
    return room.live(item)


@row(
    "1.7",
    "the editor stays open over an update, then Save & Publish with another field",
    "PUBLISHED, price 25.50, hash-25.50",
    "DRAFT TEXT, price 25.50, hash-25.50",
)
def editor_left_open(room: Room) -> str:
    item = room.product()
    room.draft(item)
    room.update(item)
    room.person.save(item.id, "publish", {"shopVisibility": "show"})
    return room.live(item)


@row("1.8", "the hidden draft is published in the versions tab", "DRAFT TEXT, price 19.90, hash-0", "DRAFT TEXT, price 25.50, hash-25.50")
def publish_in_versions_tab(room: Room) -> str:
    item = room.product()
    room.draft(item)
    version = room.person.versions(item.id)[0]
    room.update(item)
    room.person.publish_version(int(version["id"]))
    return room.live(item)


@row("1.9", "a draft, an update, the draft is published, within one second: is it still shown as a draft", "no banner", "no banner")
def published_within_the_second(room: Room) -> str:
    item = room.product()
    early_in_a_second()
    room.draft(item)
    room.update(item)
    room.person.save(item.id, "publish")
    return "banner" if room.person.shown(item.id).banner else "no banner"


@row("1.10", "two people's autosaves, then an update: what each sees", "PUBLISHED / PUBLISHED", "OF ONE / OF TWO")
def two_people(room: Room) -> str:
    if room.second is None:
        raise Unknown("no second person: PIM_SECOND_USER, PIM_SECOND_PASSWORD_FILE")
    item = room.product()
    room.draft(item, "autoSave", "OF ONE")
    room.draft(item, "autoSave", "OF TWO", by=room.second)
    room.update(item)
    return f"{room.person.shown(item.id).text} / {room.second.shown(item.id).text}"


@row(
    "1.11",
    "a draft that changes a price, too: what is live after an update and its publication",
    "PUBLISHED, price 25.50, hash-25.50",
    "DRAFT TEXT, price 25.50, hash-25.50",
)
def draft_of_a_price(room: Room) -> str:
    item = room.product()
    changed = {**texts(en={"marketingName": "DRAFT TEXT"}), **price_in_editor("11.11")}
    room.person.save(item.id, "version", changed)
    room.update(item)
    room.person.save(item.id, "publish")
    return room.live(item)


@row("1.12", "a draft in a third language, then an update", "None", "TEXTE")
def third_language_draft(room: Room) -> str:
    need_french(room)
    item = room.product()
    room.person.save(item.id, "version", texts(fr={"marketingName": "TEXTE"}))
    room.update(item)
    return str(room.person.shown(item.id).third)


@row("1.13", "by how much the row's count of versions rises: an update, one over a draft, one more", "0 1 0", "0 1 1")
def count_of_versions(room: Room) -> str:
    item = room.product()
    counts = [_count(room, item)]
    room.update(item, "21.00")
    counts.append(_count(room, item))
    room.draft(item)
    for price in ("23.00", "25.50"):
        room.update(item, price)
        counts.append(_count(room, item))
    return " ".join(str(after - before) for before, after in pairwise(counts))


@row("1.14", "an autosave, then an update: is it in the versions tab", "as an autosave")
def autosave_is_listed(room: Room) -> str:
    item = room.product()
    room.draft(item, "autoSave")
    kept = int(room.person.versions(item.id)[0]["id"])
    room.update(item)
    listed = [version for version in room.person.versions(item.id) if version["autoSave"]]
    return "as an autosave" if listed and (room.bundle or int(listed[0]["id"]) == kept) else "no"


@row("1.15", "a draft, then an update that leaves a version: by how much the row's count of versions rises", "2")
def count_with_version(room: Room) -> str:
    item = room.product()
    before = _count(room, item)
    room.draft(item)
    room.update(item, omit_version=False)
    return str(_count(room, item) - before)


def _count(room: Room, item: Item) -> int:
    return next(count for count in range(1, 100) if not room.hub.above(item.id, count))


# ---- what Data Hub shows of drafts


@row("2.1", "a draft: the version that GraphQL names", "as before")
def version_in_graphql(room: Room) -> str:
    item = room.product()
    before = room.hub.version_of(item.id)
    # Within the second of the save before it, chance decides.
    time.sleep(1.1)
    room.draft(item)
    return "as before" if room.hub.version_of(item.id) == before else "another"


@row("2.2", "the schema's names with draft, autosave or recycle", "none")
def words_of_the_schema(room: Room) -> str:
    found = sorted(word for word in room.hub.words() if any(part in word.lower() for part in ("draft", "autosave", "recycle")))
    return ", ".join(found) or "none"


# ---- what people decide


@row("3.1", "a person unpublishes, then an update", "unpublished")
def unpublish(room: Room) -> str:
    item = room.product()
    room.person.save(item.id, "unpublish")
    room.update(item)
    return "published" if room.read(item).published else "unpublished"


@row("3.2", "Save on an unpublished product, then an update", "UNPUBLISHED TEXT, price 25.50, hash-25.50")
def edit_while_unpublished(room: Room) -> str:
    item = room.product()
    room.person.save(item.id, "unpublish")
    room.draft(item, text="UNPUBLISHED TEXT")
    room.update(item)
    return room.live(item)


@row("3.3", "a person renames it: update at the old path / at the new one", "unable to update object. Unknown id or fullpath / success")
def rename(room: Room) -> str:
    item = room.product()
    room.person.update(item.id, key=f"{item.key}-renamed")
    old = room.hub.write(update_body(item.path, {"contentHash": "x"}, read=None))
    new = room.hub.write(update_body(f"{item.path}-renamed", {"contentHash": "y"}, read=None))
    return f"{old.message} / {'success' if new.success else new.message}"


@row("3.4", "a person moves it out of the catalogue: update at the new path / rows with its id", "permission denied. / 0")
def move_out(room: Room) -> str:
    item = room.product()
    room.person.update(item.id, parentId=elsewhere(room))
    denied = room.hub.write(update_body(f"/people-elsewhere/{item.key}", {"contentHash": "x"}, read=None))
    return f"{denied.message} / {0 if room.hub.read(item.external_id) is None else 1}"


def create_again(room: Room, item: Item) -> str:
    """What a create at the product's own path is told, when the product is elsewhere."""
    again = room.hub.create(item.key, item.external_id, {"contentHash": HASH})
    if again.id is not None:
        room.made.append(Item(again.id, item.key, item.external_id))
    return "unique constraint violation" if "unique constraint violation" in again.message else again.message or "made"


@row("3.7", "a person renames it, or moves it out of the catalogue: a create at its old path", "unique constraint violation / unique constraint violation")
def create_at_the_old_path(room: Room) -> str:
    renamed, moved = room.product(), room.product()
    room.person.update(renamed.id, key=f"{renamed.key}-renamed")
    room.person.update(moved.id, parentId=elsewhere(room))
    return f"{create_again(room, renamed)} / {create_again(room, moved)}"


@row("3.8", "a person moves it out of the catalogue and back: its number, its text", "the same number, PUBLISHED, price 19.90, hash-0")
def move_back(room: Room) -> str:
    item = room.product()
    home = room.person.id_of(FOLDER)
    if home is None:
        raise Unknown(f"there is no {FOLDER}")
    room.person.update(item.id, parentId=elsewhere(room))
    room.person.update(item.id, parentId=home)
    same = "the same" if room.read(item).id == item.id else "another"
    return f"{same} number, {room.live(item)}"


@row("3.9", "another person has it open in the editor: an update, and what that person then publishes", "success / OTHER TEXT, price 25.50, hash-25.50")
def open_elsewhere(room: Room) -> str:
    if room.second is None:
        raise Unknown("no second person: PIM_SECOND_USER, PIM_SECOND_PASSWORD_FILE")
    item = room.product()
    room.second.open(item.id)
    answer = room.update(item)
    room.second.save(item.id, "publish", texts(en={"marketingName": "OTHER TEXT"}))
    room.second.leave(item.id)
    return f"{'success' if answer.success else answer.message} / {room.live(item)}"


def locked_by_a_person(room: Room, how: str) -> str:
    item = room.product()
    room.person.update(item.id, locked=how)
    answer = room.update(item)
    return "success" if answer.success else answer.message


@row("3.5", "a person locks it: an update", "success")
def lock(room: Room) -> str:
    return locked_by_a_person(room, "self")


@row("3.12", "a person locks it with what is below: an update", "success")
def lock_propagate(room: Room) -> str:
    return locked_by_a_person(room, "propagate")


@row("3.13", "locked: a person's save, rename, move; after an update the lock", "success / success / refused / stays")
def locked_for_people(room: Room) -> str:
    item = room.product()
    room.person.update(item.id, locked="propagate")
    saved = room.person.save(item.id, "publish", texts(en={"marketingName": "TEXT"}))
    renamed = room.person.update(item.id, key=f"{item.key}-renamed")
    moved = room.person.update(item.id, parentId=elsewhere(room))
    room.update(item, path=f"{item.path}-renamed")
    room.person.delete(item.id)
    stays = "stays" if room.hub.said_of(item.id) == "there" else "is gone"
    return f"{saved} / {renamed} / {'refused' if not moved.ok else 'success'} / {stays}"


@row("3.10", "an autosave while unpublished, then an update", HIDDEN, KEPT)
def autosave_while_unpublished(room: Room) -> str:
    item = room.product()
    room.person.save(item.id, "unpublish")
    room.draft(item, "autoSave")
    room.update(item)
    return room.in_editor(item)


@row(
    "3.11",
    "a person moves it within the catalogue: update at the old path / at the new one / where it is then / a create at the old path",
    "unable to update object. Unknown id or fullpath / success / where the person put it / unique constraint violation",
)
def move_inside(room: Room) -> str:
    item = room.product()
    folder = folder_below(room)
    room.person.update(item.id, parentId=folder)
    there = f"{FOLDER}/people-folder/{item.key}"
    old = room.hub.write(update_body(item.path, {"contentHash": "x"}, read=None))
    new = room.hub.write(update_body(there, {"contentHash": "y"}, read=None))
    where = "where the person put it" if room.read(item).path == there else room.read(item).path
    return f"{old.message} / {'success' if new.success else new.message} / {where} / {create_again(room, item)}"


@row("3.14", "another person has it open in the editor: who opens it is told", "told")
def told_who_has_it(room: Room) -> str:
    if room.second is None:
        raise Unknown("no second person: PIM_SECOND_USER, PIM_SECOND_PASSWORD_FILE")
    item = room.product()
    room.second.open(item.id)
    room.update(item)
    told = "told" if "editlock" in room.person.open(item.id) else "not told"
    room.second.leave(item.id)
    room.person.leave(item.id)
    return told


@row("3.6", "a person changes a price in the editor", "PUBLISHED, price 11.11, hash-0")
def price_by_hand(room: Room) -> str:
    item = room.product()
    room.person.save(item.id, "publish", price_in_editor("11.11"))
    return room.live(item)


@row("4.1", "a text in a third language, then an update of the others", "TEXTE")
def third_language(room: Room) -> str:
    need_french(room)
    item = room.product()
    room.person.save(item.id, "publish", texts(fr={"marketingName": "TEXTE"}))
    room.update(item, name={"en": "Better pot", "ar": None})
    return str(room.person.shown(item.id).third)


@row("4.2", "the supplier takes back a text in Arabic: that text / the person's", "nothing / PUBLISHED")
def text_taken_back(room: Room) -> str:
    item = room.product()
    room.update(item, name={"en": "Pot", "ar": "قدر"})
    if room.read(item).arabic != "قدر":
        return "the Arabic text was not written"
    room.update(item, name={"en": "Better pot", "ar": None})
    stands = room.read(item)
    return f"{stands.arabic or 'nothing'} / {stands.text}"


# ---- simultaneous work


@row("5.0", "a write prepared before a person's save", "success", "catalog conflict:")
def prepared_before(room: Room) -> str:
    item = room.product()
    read = room.read(item).date
    early_in_a_second()
    room.person.save(item.id, "publish", texts(en={"marketingName": "TEXT"}))
    # With dates of whole seconds the save before and this one must not look the same.
    answer = room.hub.write(update_body(item.path, {"contentHash": "x"}, read=read))
    return "success" if answer.success else answer.message[: len("catalog conflict:")]


# ---- deletion


@row("6.1", "a person deletes it: what is said of it", "object with id:'N' not found")
def delete(room: Room) -> str:
    item = room.product()
    room.person.delete(item.id)
    return room.hub.said_of(item.id)


@row("6.2", "it is restored: its number, its text", "the same number, PUBLISHED, price 19.90, hash-0")
def restore(room: Room) -> str:
    item = room.product()
    room.person.delete(item.id)
    restored = room.person.restore(item.path)
    if not restored.ok:
        return str(restored)
    same = "the same" if room.read(item).id == item.id else "another"
    return f"{same} number, {room.live(item)}"


@row("6.3", "it is made again while it lies in the bin: the restore", "422 unique constraint violation")
def restore_after_all(room: Room) -> str:
    item = room.product()
    room.person.delete(item.id)
    again = room.hub.create(item.key, item.external_id, {"contentHash": HASH})
    if again.id is not None:
        room.made.append(Item(again.id, item.key, item.external_id))
    return str(room.person.restore(item.path))


@row("6.4", "a person deletes a locked one", "there")
def delete_locked(room: Room) -> str:
    item = room.product()
    room.person.update(item.id, locked="self")
    room.person.delete(item.id)
    return room.hub.said_of(item.id)


@row("6.7", "it is restored: its date, by which the change feed sees it", "newer")
def restored_date(room: Room) -> str:
    item = room.product()
    before = room.read(item).date
    # The bundle dates the second save of a second one later.
    time.sleep(2.2)
    room.person.delete(item.id)
    room.person.restore(item.path)
    return "newer" if room.read(item).date > before else "as before"


def folder_below(room: Room) -> int:
    """A folder within the catalogue."""
    home, folder = room.person.id_of(FOLDER), room.person.id_of(f"{FOLDER}/people-folder")
    if folder is None and home is not None:
        room.person.add_folder(home, "people-folder")
        folder = room.person.id_of(f"{FOLDER}/people-folder")
    if folder is None:
        raise Unknown("cannot make a folder")
    return folder


def elsewhere(room: Room) -> int:
    """A folder that is none of the catalogue's."""
    folder = room.person.id_of("/people-elsewhere")
    if folder is None:
        room.person.add_folder(1, "people-elsewhere")
        folder = room.person.id_of("/people-elsewhere")
    if folder is None:
        raise Unknown("cannot make a folder")
    return folder


def price_in_editor(amount: str) -> dict[str, object]:
    """A price as the editor sends a changed list."""
    data = {"sku": "s0", "currency": "USD", "amount": amount, "listAmount": None}
    return {"prices": [{"data": data, "type": "CatalogPrice", "oIndex": 0, "title": "CatalogPrice"}]}


def need_french(room: Room) -> None:
    if "fr" not in room.languages:
        raise Unknown("French is not among this Pimcore's languages")
