"""JSON over HTTP with the standard library: what seeding and the demonstration need, no more."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

Query = Mapping[str, str | Sequence[str]]


class HttpError(Exception):
    """An answer other than 200, or none."""

    def __init__(self, method: str, url: str, status: int | None, detail: str) -> None:
        self.status = status
        super().__init__(f"{method} {url}: {status or 'no answer'}: {detail}")


def call(method: str, url: str, *, body: Any = None, headers: Mapping[str, str] | None = None, query: Query | None = None, timeout: float = 60.0) -> Any:
    """Sends JSON, returns JSON."""
    if query:
        url = f"{url}?{urllib.parse.urlencode(query, doseq=True)}"
    request = urllib.request.Request(url, method=method, headers={"content-type": "application/json", **(headers or {})})
    if body is not None:
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        text = refused.read().decode(errors="replace")[:500]
        raise HttpError(method, url, refused.code, text) from None
    except (OSError, ValueError) as problem:
        raise HttpError(method, url, None, str(problem)) from None
