"""The other end of the notifications: believes what is signed and new, and counts."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WINDOW = 300


def holds(header: str, secrets: list[str], now: int, body: str) -> bool:
    """Whether a signature is that of one of the secrets, and of the last minutes."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t" and value.isascii() and value.isdigit() and len(value) <= 12]
    if not times or abs(now - int(times[-1])) > WINDOW:
        return False
    signed = f"{times[-1]}.{body}".encode()
    found = False
    for secret in filter(None, secrets):
        right = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        for name, _, value in parts:
            found |= name == "v1" and hmac.compare_digest(right.encode(), value.encode())
    return found


class Sink:
    """Listens on a port of this machine."""

    def __init__(self, port: int, secret: str) -> None:
        self.notices: list[dict[str, Any]] = []
        self.refused = 0
        # Seconds that an answer takes, and its status.
        self.delay, self.status = 0.0, 204
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                now = time.time()
                right = holds(self.headers.get("X-Catalog-Signature", ""), [secret], int(now), body)
                if right:
                    sink.notices.extend({**notice, "arrived": now} for notice in json.loads(body)["notices"])
                else:
                    sink.refused += 1
                time.sleep(sink.delay)
                self.send_response(sink.status if right else 403)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def wait(self, object_id: int, what: str, within: float = 10.0) -> float | None:
        """When a notice came; None if it did not."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            for notice in list(self.notices):
                if (notice["id"], notice["what"]) == (object_id, what):
                    return float(notice["arrived"])
            time.sleep(0.02)
        return None

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
