"""A person's side: the requests that Pimcore's own editor sends (admin-ui-classic 1.6), in a session of its own."""

from __future__ import annotations

import http.cookiejar
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Said:
    """Status, and the JSON that came with it if it was JSON."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        return self.status == 200 and isinstance(self.body, dict) and bool(self.body.get("success", True))

    def __str__(self) -> str:
        message = self.body.get("message", "") if isinstance(self.body, dict) else str(self.body)
        return "success" if self.ok else f"{self.status} {message}".strip()


@dataclass(frozen=True)
class Shown:
    """What the editor shows of a product."""

    text: str | None
    name: str | None
    third: str | None
    banner: bool
    amounts: tuple[str, ...]


class NotAPerson(Exception):
    """The login was refused."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: after the login it says where to go."""

    def redirect_request(self, *_: Any) -> None:
        return None


def texts(**languages: dict[str, str]) -> dict[str, Any]:
    """Changed texts as the editor sends them: only what was changed."""
    return {"localizedfields": languages}


class Editor:
    """A person who is logged in."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.base = f"{url.rstrip('/')}/admin"
        self.token = ""
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._open = urllib.request.build_opener(cookies, _NoRedirect()).open
        self.token = str(self._send("GET", "login/csrf-token").body["csrfToken"])
        login = self._send("POST", "login/login", form={"username": user, "password": password, "csrfToken": self.token})
        if login.status not in (200, 302):
            raise NotAPerson(f"{user}: {login}")
        again = self._send("GET", "login/csrf-token").body
        if not isinstance(again, dict):
            raise NotAPerson(f"{user}: the login did not hold")
        self.token = str(again["csrfToken"])
        # A refused login, too, is a redirect.
        if self.id_of("/catalog") is None:
            raise NotAPerson(f"{user}: cannot see /catalog; is the password right, and the catalog installed?")

    def _send(self, method: str, path: str, *, query: dict[str, Any] | None = None, form: dict[str, Any] | None = None) -> Said:
        url = f"{self.base}/{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "X-Requested-With": "XMLHttpRequest", "X-pimcore-csrf-token": self.token}
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        try:
            with self._open(request, timeout=60) as answer:
                return Said(answer.status, _json(answer.read()))
        except urllib.error.HTTPError as refused:
            return Said(refused.code, _json(refused.read()))

    def get(self, object_id: int) -> dict[str, Any]:
        """What the editor loads when a product is opened."""
        body = self.open(object_id)
        # The next one who opens it would be told that it is locked.
        self.leave(object_id)
        return body

    def open(self, object_id: int) -> dict[str, Any]:
        """Opens it, which locks it in the eyes of others, and leaves it open."""
        body = self._send("GET", "object/get", query={"id": object_id}).body
        return dict(body) if isinstance(body, dict) else {}

    def leave(self, object_id: int) -> None:
        self._send("PUT", "element/unlock-element", form={"id": object_id, "type": "object"})

    def shown(self, object_id: int) -> Shown:
        body = self.get(object_id)
        data = body.get("data") or {}
        localized = (data.get("localizedfields") or {}).get("data") or {}
        language = {code: localized.get(code) or {} for code in ("en", "fr")}
        return Shown(
            language["en"].get("marketingName"),
            language["en"].get("name"),
            language["fr"].get("marketingName"),
            bool(body.get("draft")),
            tuple(_amounts(data.get("prices"))),
        )

    def save(self, object_id: int, task: str, changed: dict[str, Any] | None = None) -> Said:
        """`version` and `autoSave` keep a draft, `publish` and `unpublish` save."""
        form = {"id": object_id, "data": json.dumps(changed or {})}
        return self._send("PUT", "object/save", query={"task": task}, form=form)

    def update(self, object_id: int, **values: Any) -> Said:
        """Renames (`key`), moves (`parentId`) or locks (`locked`)."""
        return self._send("PUT", "object/update", form={"id": object_id, "values": json.dumps(values)})

    def versions(self, object_id: int) -> list[dict[str, Any]]:
        """The versions tab, newest first."""
        body = self._send("GET", "element/get-versions", query={"id": object_id, "elementType": "object"}).body
        return sorted(body["versions"], key=lambda version: int(version["id"]), reverse=True)

    def publish_version(self, version_id: int) -> Said:
        return self._send("POST", "object/publish-version", form={"id": version_id})

    def add_folder(self, parent_id: int, key: str) -> Said:
        return self._send("POST", "object/add-folder", form={"parentId": parent_id, "key": key})

    def id_of(self, path: str) -> int | None:
        """The number of the object at a path."""
        body = self._send("GET", "element/get-subtype", query={"id": path, "type": "object"}).body
        return int(body["id"]) if isinstance(body, dict) and body.get("success") else None

    def delete(self, object_id: int, *, into_bin: bool = True) -> Said:
        """As the tree does it: into the bin, then away."""
        if into_bin:
            self._send("POST", "recyclebin/add", form={"type": "object", "id": object_id})
        return self._send("DELETE", "object/delete", query={"id": object_id})

    def restore(self, path: str) -> Said:
        """Takes the newest item of that path out of the bin."""
        body = self._send("POST", "recyclebin/list", form={"filterFullText": path, "limit": 50, "start": 0}).body
        items = [item for item in body["data"] if item["path"] == path]
        if not items:
            return Said(404, {"message": "not in the bin"})
        newest = max(items, key=lambda item: int(item["id"]))
        return self._send("POST", "recyclebin/restore", form={"id": newest["id"]})


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body[:200].decode(errors="replace")


def _amounts(rows: Any) -> list[str]:
    found = []
    for row in rows or []:
        data = row.get("data", row)
        if isinstance(data, dict) and data.get("amount") is not None:
            found.append(str(data["amount"]))
    return found
