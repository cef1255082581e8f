"""What our bundle in the PIM says people did, signed and sent as it does (`platforms/pimcore-bundle/src/Decision`)."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from local_stack import emulator, pim

from support.relay import Relay


def notice(what: str, external_id: str, object_class: str = "CatalogProduct") -> dict[str, Any]:
    path = f"/catalog/products/{external_id.replace(':', '-')}"
    return {"what": what, "id": 7, "at": int(time.time()), "class": object_class, "externalId": external_id, "path": path, "user": {"id": 4, "name": "ann"}}


def delete_of(external_id: str) -> list[dict[str, Any]]:
    return [notice("delete", external_id)]


def signed(relay: Relay, notices: list[dict[str, Any]], at: int | None = None, secret: str = "") -> tuple[str, str]:
    """The header, and the body."""
    body = json.dumps({"message": uuid.uuid4().hex, "notices": notices, "more": False}, ensure_ascii=False)
    seconds = int(time.time()) if at is None else at
    key = secret or pim.notices_secret(relay.stack.place)
    return f"t={seconds},v1={hmac.new(key.encode(), f'{seconds}.{body}'.encode(), hashlib.sha256).hexdigest()}", body


def send(relay: Relay, header: str, body: str) -> int:
    """The status that is answered. The emulator serves a function's URL under its own address."""
    url_id = urlsplit(relay.outputs["PimcoreNoticesUrl"]).netloc.partition(".")[0]
    url = f"{emulator.endpoint(relay.stack.ports['aws'])}/_aws/lambda-url/{url_id}/"
    headers = {"Content-Type": "application/json", "X-Catalog-Signature": header}
    try:
        with urlopen(Request(url, data=body.encode(), headers=headers, method="POST"), timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        return int(error.code)
