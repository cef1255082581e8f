"""The shop: a real Medusa on a real PostgreSQL.

Migrating and seeding takes half a minute, so it happens once: into a template cluster named after everything that decides what is in
it. A stack clones that (a fraction of a second) and so gets the same channel, regions and keys as any other.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local_stack import postgres
from local_stack.console import Failed, step
from local_stack.http import HttpError, call
from local_stack.install import LOGS, digest
from local_stack.paths import LOCAL, SHOP, SOURCES
from local_stack.postgres import Cluster
from local_stack.processes import HOST, Service, answers, environment, free_port, one_at_a_time, run

EMAIL = "relay@example.test"
LOCALES = ("ar-SA", "en-US")


@dataclass(frozen=True)
class ShopFacts:
    """What others need to know of a seeded shop. Holds secrets of the local stack: kept in a file that only its owner reads."""

    email: str
    password: str
    database_password: str
    jwt_secret: str
    cookie_secret: str
    sales_channel_id: str
    stock_location_id: str
    publishable_key: str
    regions: dict[str, str]
    """Region id by currency."""
    tax_percent: dict[str, int]
    """VAT on top of a price, by currency."""


def environment_of(*, database_password: str, jwt: str, cookie: str, database_port: int) -> dict[str, str]:
    """What Medusa runs with."""
    home = LOCAL / "shop-home"
    home.mkdir(parents=True, exist_ok=True)
    return environment(
        HOME=str(home),
        XDG_CONFIG_HOME=str(home),
        NODE_ENV="production",
        CI="true",
        MEDUSA_DISABLE_TELEMETRY="true",
        DATABASE_URL=postgres.url(database_password, database_port),
        JWT_SECRET=jwt,
        COOKIE_SECRET=cookie,
    )


def medusa() -> list[str | Path]:
    """Medusa's command line."""
    node = shutil.which("node")
    if not node:
        raise Failed("node is not installed", todo="https://nodejs.org")
    return [node, SHOP / "node_modules" / "@medusajs" / "cli" / "cli.js"]


def foreground(port: int, env: dict[str, str]) -> tuple[list[str | Path], dict[str, str]]:
    """The command that runs Medusa until it is stopped, and its environment."""
    return [*medusa(), "start", "-H", HOST, "-p", str(port)], env


def start(service: Service, port: int, env: dict[str, str]) -> None:
    """Starts Medusa and waits until it is healthy."""
    service.start(
        foreground(port, env)[0],
        ready=lambda: answers(f"http://{HOST}:{port}/health"),
        within=300,
        cwd=SHOP,
        env=env,
    )


def template() -> tuple[Path, ShopFacts]:
    """The data of a migrated and seeded shop, made if need be: by one, while others that start at the same time wait for it."""
    with one_at_a_time(LOCAL / "cache" / "template.lock"):
        return _template()


def _template() -> tuple[Path, ShopFacts]:
    code = SOURCES / "local_stack"
    name = f"template-{digest(SHOP / '.installed', code / 'shop.py', code / 'postgres.py')}"
    folder = LOCAL / "cache" / name
    facts = folder / "shop.json"
    cluster = Cluster.of(name, folder)
    if facts.exists() and cluster.exists():
        return cluster.data, ShopFacts(**json.loads(facts.read_text()))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    words = {"database_password": secrets.token_urlsafe(24), "jwt": secrets.token_urlsafe(32), "cookie": secrets.token_urlsafe(32)}
    password = secrets.token_urlsafe(24)
    server = Service("Medusa", folder / "medusa.pid", folder / "logs" / "medusa.log")
    try:
        cluster.create(words["database_password"], LOGS / "initdb.log")
        port, shop_port = free_port(), free_port()
        cluster.start(port)
        env = environment_of(database_port=port, **words)
        run(
            "Shop: migrate its database",
            [*medusa(), "db:migrate", "--execute-all-links", "--execute-all-search"],
            LOGS / "medusa-migrate.log",
            cwd=SHOP,
            env=env,
        )
        run("Shop: create the pipeline's account", [*medusa(), "user", "-e", EMAIL, "-p", password], LOGS / "medusa-user.log", cwd=SHOP, env=env)
        start(server, shop_port, env)
        with step("Shop: seed channel, location, regions, delivery, tax and keys"):
            seeded = seed(f"http://{HOST}:{shop_port}", EMAIL, password)
    except HttpError as problem:
        raise Failed("the shop could not be seeded", why=str(problem), todo=f"read {server.log}") from problem
    finally:
        server.stop()
        cluster.stop()
    made = ShopFacts(EMAIL, password, words["database_password"], words["jwt"], words["cookie"], **seeded)
    facts.touch(mode=0o600)
    facts.write_text(json.dumps(asdict(made), indent=2))
    return cluster.data, made


def log_in(url: str, email: str, password: str) -> dict[str, str]:
    """The header that makes a request the administrator's."""
    token = call("POST", f"{url}/auth/user/emailpass", body={"email": email, "password": password})["token"]
    return {"authorization": f"Bearer {token}"}


def seed(url: str, email: str, password: str) -> dict[str, Any]:
    """Fills an empty shop with what selling to Saudi Arabia in SAR and to the United States in USD needs."""
    headers = log_in(url, email, password)

    def post(path: str, body: dict[str, Any]) -> Any:
        return call("POST", f"{url}/admin/{path}", body=body, headers=headers)

    store = call("GET", f"{url}/admin/stores", headers=headers)["stores"][0]["id"]
    channel = post("sales-channels", {"name": "Web shop", "description": "What catalog-relay publishes."})["sales_channel"]["id"]
    location = post("stock-locations", {"name": "Riyadh", "address": {"address_1": "King Fahd Road", "city": "Riyadh", "country_code": "sa"}})
    location = location["stock_location"]["id"]
    post(f"stock-locations/{location}/sales-channels", {"add": [channel]})
    post(
        f"stores/{store}",
        {
            "supported_currencies": [{"currency_code": "sar", "is_default": True}, {"currency_code": "usd"}],
            "supported_locales": [{"locale_code": code} for code in LOCALES],
            "default_sales_channel_id": channel,
            "default_location_id": location,
        },
    )
    regions = {}
    for name, currency, country in (("KSA", "sar", "sa"), ("United States", "usd", "us")):
        made = post("regions", {"name": name, "currency_code": currency, "countries": [country], "payment_providers": ["pp_system_default"]})
        regions[currency.upper()] = made["region"]["id"]
    post("tax-regions", {"country_code": "sa", "provider_id": "tp_system", "default_tax_rate": {"rate": 15, "code": "VAT", "name": "VAT"}})
    key = post("api-keys", {"title": "storefront", "type": "publishable"})["api_key"]
    post(f"api-keys/{key['id']}/sales-channels", {"add": [channel]})
    deliver(url, headers, location)
    return {
        "sales_channel_id": channel,
        "stock_location_id": location,
        "publishable_key": key["token"],
        "regions": regions,
        "tax_percent": {"SAR": 15, "USD": 0},
    }


def deliver(url: str, headers: dict[str, str], location: str) -> None:
    """Lets orders of every region be delivered from a location and paid for. Makes only what is not there: older shops have none of it."""

    def get(path: str, fields: str) -> Any:
        return call("GET", f"{url}/admin/{path}", headers=headers, query={"fields": fields})

    def post(path: str, body: dict[str, Any]) -> Any:
        return call("POST", f"{url}/admin/{path}", body=body, headers=headers)

    zones = "fulfillment_sets.service_zones"
    seen = "fulfillment_providers.id,fulfillment_sets.type," + ",".join(f"{zones}.{part}" for part in ("geo_zones.country_code", "shipping_options.id"))
    place = get(f"stock-locations/{location}", seen)["stock_location"]
    if "manual_manual" not in {provider["id"] for provider in place.get("fulfillment_providers") or []}:
        post(f"stock-locations/{location}/fulfillment-providers", {"add": ["manual_manual"]})
    there = next((fulfilment for fulfilment in place.get("fulfillment_sets") or [] if fulfilment["type"] == "shipping"), None)
    if not there:
        made = post(f"stock-locations/{location}/fulfillment-sets?fields=*fulfillment_sets", {"name": "Delivery", "type": "shipping"})
        there = made["stock_location"]["fulfillment_sets"][0]
    profiles = get("shipping-profiles", "id")["shipping_profiles"]
    profile = (profiles or [post("shipping-profiles", {"name": "Default", "type": "default"})["shipping_profile"]])[0]["id"]
    for region in get("regions", "currency_code,countries.iso_2,payment_providers.id")["regions"]:
        if "pp_system_default" not in {provider["id"] for provider in region["payment_providers"]}:
            post(f"regions/{region['id']}", {"payment_providers": ["pp_system_default", *(provider["id"] for provider in region["payment_providers"])]})
        for country in region["countries"]:
            code = country["iso_2"]
            covers = [zone for zone in there.get("service_zones") or [] if code in {place["country_code"] for place in zone["geo_zones"]}]
            zone = covers[0] if covers else _zone(post, there["id"], code)
            if not zone.get("shipping_options"):
                kind = {"label": "Standard", "description": "By courier", "code": "standard"}
                price = {"currency_code": region["currency_code"], "amount": 5}
                option = {"service_zone_id": zone["id"], "shipping_profile_id": profile, "provider_id": "manual_manual", "price_type": "flat"}
                post("shipping-options", {"name": f"Delivery to {code}", "type": kind, "prices": [price], "rules": [], **option})


def _zone(post: Callable[[str, dict[str, Any]], Any], fulfilment: str, country: str) -> dict[str, Any]:
    name = f"Delivery to {country}"
    body = {"name": name, "geo_zones": [{"type": "country", "country_code": country}]}
    made = post(f"fulfillment-sets/{fulfilment}/service-zones?fields=*service_zones", body)["fulfillment_set"]
    return next(dict(zone) for zone in made["service_zones"] if zone["name"] == name)


def private(path: Path) -> Path:
    """Creates a file that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    path.chmod(0o600)
    return path
