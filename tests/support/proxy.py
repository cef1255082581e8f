"""A reverse proxy that counts: the evidence of what was asked of the shop."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}


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


class CountingProxy:
    """Passes requests on to a server on this machine and remembers them."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                upstream = HTTPConnection(proxy.target.hostname or "", proxy.target.port, timeout=60)
                try:
                    upstream.request(self.command, self.path, body, headers)
                    answer = upstream.getresponse()
                    content = answer.read()
                except OSError:
                    # Nobody there: whoever asked sees what it would see without a proxy.
                    self.close_connection = True
                    return
                finally:
                    upstream.close()
                with proxy._lock:
                    proxy.requests.append(Request(self.command, self.path, body, answer.status))
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _pass_on  # noqa: N815

            def log_message(self, *_: object) -> None:
                """The requests are kept; nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def writes(self) -> list[Request]:
        with self._lock:
            return [request for request in self.requests if request.writes]

    def forget(self) -> None:
        with self._lock:
            self.requests.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
