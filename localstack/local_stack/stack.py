"""A stack: its parts, the order in which they start, and what is kept of it between commands.

State is `.local/stacks/<name>/stack.json` (ports and settings) beside the parts' data, logs and process ids. Stacks share the installed
tools and the shop's template, nothing else: each has its own ports, database, PIM and local AWS.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass

from local_stack import deploy, emulator, orphans, pim, shop
from local_stack.console import Failed, say, step
from local_stack.install import together
from local_stack.paths import Place
from local_stack.postgres import Cluster
from local_stack.processes import HOST, Service, free_port
from local_stack.shop import ShopFacts

DEFAULT_PORTS = {"aws": 4566, "medusa": 9000, "pim": 8080, "postgres": 5433}


@dataclass
class Stack:
    """One running (or stopped) stack."""

    place: Place
    ports: dict[str, int]
    publish_policy: str = "auto"

    @classmethod
    def load(cls, name: str) -> Stack | None:
        """A stack that was started before."""
        place = Place(name)
        if not place.state.exists():
            return None
        try:
            kept = json.loads(place.state.read_text())
            return cls(place, {part: int(kept["ports"][part]) for part in DEFAULT_PORTS}, str(kept["publish_policy"]))
        except (ValueError, KeyError, TypeError) as problem:
            raise Failed(
                f"{place.state} cannot be read: somebody or something has changed it",
                why=f"{type(problem).__name__}: {problem}",
                todo="make clean deletes the stacks with their data; the next start makes them anew",
            ) from problem

    @classmethod
    def open(cls, name: str, *, publish_policy: str = "auto", any_ports: bool = False) -> Stack:
        """A stack by name, with ports chosen if it is new or somebody else has taken one of its own."""
        known = cls.load(name)
        stack = known or cls(Place(name), {}, publish_policy)
        if not known:
            stack.forget_remains()
        stack.publish_policy = publish_policy
        taken: set[int] = set()
        for part, default in DEFAULT_PORTS.items():
            wanted = stack.ports.get(part, 0 if any_ports else default)
            if not (known and stack.services()[part].alive()):
                port = free_port(wanted)
                while port in taken:
                    port = free_port()
                if wanted not in (0, port):
                    say(f"port {wanted} is taken: {part} uses {port}")
                stack.ports[part] = port
            taken.add(stack.ports[part])
        stack.save()
        return stack

    def save(self) -> None:
        self.place.dir.mkdir(parents=True, exist_ok=True)
        self.place.state.write_text(json.dumps({"ports": self.ports, "publish_policy": self.publish_policy}, indent=2))

    @property
    def cluster(self) -> Cluster:
        return Cluster.of(self.place.name, self.place.dir)

    @property
    def medusa(self) -> Service:
        return Service("Medusa", self.place.dir / "medusa.pid", self.place.logs / "medusa.log")

    def services(self) -> dict[str, Service]:
        """The background programs by the name of their port, in the order in which they start."""
        return {"aws": emulator.service(self.place), "pim": pim.service(self.place), "postgres": self.cluster.service, "medusa": self.medusa}

    @property
    def facts(self) -> ShopFacts:
        """The shop that this stack was cloned from. Kept with the stack: a newer template has other keys."""
        facts = self.kept_facts()
        if not facts:
            raise Failed(f"{self.place.dir / 'shop.json'} is missing or damaged", todo="make up makes the shop anew")
        return facts

    def kept_facts(self) -> ShopFacts | None:
        """The same, if they are there."""
        try:
            return ShopFacts(**json.loads((self.place.dir / "shop.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def forget_remains(self) -> None:
        """Ends what still runs of a stack of this name whose folder was removed by hand, and deletes its database: nobody has its password any more."""
        if not self.cluster.exists():
            return
        ended = orphans.stop(self.place.dir, self.cluster.data)
        self.cluster.remove()
        programs = f", {len(ended)} of its programs stopped" if ended else ""
        say(f"the folder of the stack {self.place.name} was gone: what was left of it is removed{programs}")

    def url(self, part: str) -> str:
        return f"http://{HOST}:{self.ports[part]}"

    def start(self, **through: str) -> None:
        """Starts what does not run and deploys what is not deployed. `through` gives the functions other addresses of `aws`, `pim` or `medusa`,
        such as a proxy's."""
        aws = through.pop("aws", "")
        together(lambda: self.start_aws(aws), self.start_pim, self.start_shop)
        facts = self.facts
        for name, value in deploy.secrets_of(self.place, facts).items():
            deploy.put_secret(self.ports["aws"], name, value)
        urls = {part: self.url(part) for part in ("pim", "medusa")} | through
        deploy.deploy(self.place, self.ports, deploy.parameters(self.place, urls, facts, self.publish_policy))

    def start_aws(self, functions_see: str = "") -> None:
        emulator.start(self.place, self.ports["aws"], functions_see)

    def start_pim(self) -> None:
        pim.start(self.place, self.ports["pim"])

    def start_shop(self) -> None:
        self.start_database()
        self.start_medusa()

    def start_database(self) -> None:
        cluster = self.cluster
        if cluster.exists() and not self.kept_facts():
            say("the shop's keys (shop.json) were gone: its database is made anew, products come with their next push (relay replay)")
            self.medusa.stop()
            cluster.stop()
            cluster.remove()
        if not cluster.exists():
            data, facts = shop.template()
            cluster.clone(data)
            shop.private(self.place.dir / "shop.json").write_text(json.dumps(vars(facts)))
        cluster.start(self.ports["postgres"])

    def start_medusa(self) -> None:
        shop.start(self.medusa, self.ports["medusa"], self.shop_environment())

    def shop_environment(self) -> dict[str, str]:
        facts = self.facts
        return shop.environment_of(
            database_password=facts.database_password,
            jwt=facts.jwt_secret,
            cookie=facts.cookie_secret,
            database_port=self.ports["postgres"],
        )

    def stop(self) -> None:
        """Stops everything; data stays."""
        for part, service in reversed(self.services().items()):
            if service.alive():
                with step(f"stop {service.name}"):
                    self.cluster.stop() if part == "postgres" else service.stop()

    def remove(self) -> None:
        """Stops everything and deletes the stack's data."""
        self.stop()
        self.cluster.remove()
        shutil.rmtree(self.place.dir, ignore_errors=True)
