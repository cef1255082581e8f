"""Reverse proxies: what stands between the functions and what they talk to sees, counts and can spoil every request."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}


@dataclass(frozen=True)
class Asked:
    """A request. Names of headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """An answer. Where `broken_after` is set, the connection ends after so many bytes of the body."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    broken_after: int | None = None


class _Server(ThreadingHTTPServer):
    """A thread for each connection. That somebody hangs up, or is killed, is no news."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Proxy:
    """Passes requests on to a server on this machine. What else it does, subclasses say in `handle`."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                answer = proxy.handle(Asked(self.command, self.path, headers, body))
                try:
                    self._answer(answer)
                except OSError:
                    # Whoever asked has gone.
                    self.close_connection = True

            def _answer(self, answer: Answer | None) -> None:
                if answer is None:
                    # Nobody there: whoever asked sees what it would see without a proxy.
                    self.close_connection = True
                    return
                self.send_response_only(answer.status)
                for name, value in answer.headers:
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                length = next((value for name, value in answer.headers if name.lower() == "content-length"), "") if self.command == "HEAD" else ""
                self.send_header("content-length", length or str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body[: answer.broken_after])
                if answer.broken_after is not None:
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _pass_on  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Counted, not printed."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def handle(self, asked: Asked) -> Answer | None:
        return self.forward(asked)

    def forward(self, asked: Asked) -> Answer | None:
        """What the server answers; `None` when it does not."""
        upstream = HTTPConnection(self.target.hostname or "", self.target.port, timeout=60)
        try:
            upstream.request(asked.method, asked.path, asked.body, asked.headers)
            answer = upstream.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        except (OSError, HTTPException):
            return None
        finally:
            upstream.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True)
class Request:
    """One request and how it was answered."""

    method: str
    path: str
    body: bytes
    status: int

    @property
    def writes(self) -> bool:
        """Whether it changes the shop. Logging in does not."""
        return self.method not in ("GET", "HEAD", "OPTIONS") and not self.path.startswith("/auth/")


class CountingProxy(Proxy):
    """Remembers what was asked of the shop."""

    def __init__(self, target: str) -> None:
        self.requests: list[Request] = []
        self.interference: Callable[[Asked], Answer | None] | None = None
        """Answers in the shop's place, or lets a request through (None)."""
        self._lock = threading.Lock()
        super().__init__(target)

    def handle(self, asked: Asked) -> Answer | None:
        instead = self.interference(asked) if self.interference else None
        answer = instead or self.forward(asked)
        if answer:
            with self._lock:
                self.requests.append(Request(asked.method, asked.path, asked.body, answer.status))
        return answer

    def writes(self) -> list[Request]:
        with self._lock:
            return [request for request in self.requests if request.writes]

    def forget(self) -> None:
        with self._lock:
            self.requests.clear()

    def rest(self, quiet: float = 3, within: float = 90) -> None:
        """Forgets what was asked, once nobody has written for a while: modules share a stack, and what the one before has sent may still be on its way."""
        until = time.monotonic() + within
        self.forget()
        while time.monotonic() < until:
            time.sleep(quiet)
            if not self.writes():
                break
            self.forget()
