"""The PIM stand-in: answers like Pimcore's Data Hub with this project's classes, and says everywhere that it is a stand-in."""

from __future__ import annotations

import secrets

from local_stack.paths import PIM, TARGET, Place
from local_stack.processes import HOST, Service, answers, environment
from local_stack.shop import private

ENDPOINT = "/pimcore-graphql-webservices/catalog"


def service(place: Place) -> Service:
    return Service("PIM stand-in", place.dir / "pim.pid", place.logs / "pim.log")


def api_key(place: Place) -> str:
    """The key of this stack's PIM, made at its first start."""
    if not place.pim_key.exists():
        private(place.pim_key).write_text(secrets.token_hex(32))
    return place.pim_key.read_text()


def notices_secret(place: Place) -> str:
    """What our bundle in this stack's PIM would sign its notices with."""
    if not place.notices_secret.exists():
        private(place.notices_secret).write_text(secrets.token_hex(32))
    return place.notices_secret.read_text()


def start(place: Place, port: int) -> None:
    api_key(place)
    service(place).start(
        [TARGET / "debug" / PIM, "--listen", f"{HOST}:{port}", "--db", place.pim_db, "--api-key-file", place.pim_key],
        ready=lambda: answers(f"http://{HOST}:{port}{ENDPOINT}"),
        within=20,
        cwd=place.dir,
        env=environment(HOME=str(place.dir), RUST_LOG="info"),
    )
