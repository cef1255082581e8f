"""A run: feeds are uploaded, their notifications delivered by plan, everything is spoiled for a while; then quiet, rest, comparison."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_stack import deploy, emulator
from local_stack.console import say
from local_stack.http import HttpError, call
from local_stack.ledger import Ledger, key_of, run_of
from local_stack.stack import Stack
from local_stack.where import depths
from pimcore_real.editor import Editor, texts

from chaos import observe, parts
from chaos.articles import CANONICAL, Article
from chaos.compare import DEAD, LOST, STUCK, Finding, compare
from chaos.offers import Wanted
from chaos.plan import Act, Kill, Plan
from chaos.proxies import FaultyAws, FaultyTarget

# A killed function's messages come back after the queue's visibility timeout, the sweep waits ten minutes, traffic returns in steps of a minute. For a run of
# minutes these waits are shortened, but visibility stays longer than the functions' leases: the protocol relies on that order.
VISIBILITY = {"IngestQueue": 160, "PimcoreQueue": 100, "MedusaQueue": 100}
SWEEP_AFTER = 120
# How a walk after another setting is written down, and in how many parts it goes.
SETTING, WALK, SEGMENTS = ("W#articles", "watermark"), "W#walk-articles", 4
BREAKER_STEP = 10
# Seconds without any change in what is pending or waiting after which rest is given up. A lease, the time for a late request and a visibility timeout fit in.
PATIENCE = 420.0
# What people did, as the report counts it; anything else is a draft.
DONE = {"save": "edits", "delete": "deletions", "restore": "restores"}
# The change feed looks at a second again for this long.
SETTLED = 20.0


@dataclass
class Stage:
    """A deployed stack with faulty proxies around its functions."""

    stack: Stack
    aws: FaultyAws
    medusa: FaultyTarget
    pim: FaultyTarget

    @classmethod
    def open(cls, name: str, seed: int) -> Stage:
        stack = Stack.open(name, any_ports=True)
        return cls(
            stack,
            FaultyAws(stack.url("aws"), seed + 1),
            FaultyTarget("medusa", stack.url("medusa"), seed + 2),
            FaultyTarget("pim", stack.url("pim"), seed + 3),
        )

    def start(self) -> None:
        self.stack.start(aws=self.aws.url, medusa=self.medusa.url, pim=self.pim.url)

    def close(self, *, keep: bool = False) -> None:
        if not keep:
            self.stack.remove()
        for proxy in (self.aws, self.medusa, self.pim):
            proxy.close()

    @property
    def proxies(self) -> tuple[FaultyAws, FaultyTarget, FaultyTarget]:
        return self.aws, self.medusa, self.pim


@dataclass(frozen=True)
class Uploaded:
    """A feed in the bucket."""

    notification: str
    order: tuple[int, str]
    """The object's time and S3's sequencer: what decides which of two feeds is the newer."""
    run_pk: str


@dataclass
class Storm:
    """One run of a plan."""

    stage: Stage
    plan: Plan
    switched: bool = False
    """Each product is by itself at first; in the middle of the storm the setting changes to groups."""
    done: Counter[str] = field(default_factory=Counter)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    binned: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What people had entered when they deleted it."""
    lost_in_bin: dict[str, str] = field(default_factory=dict)
    """What could not be restored, and why not."""
    perhaps: set[str] = field(default_factory=set)
    """Those of them of which the ledger may not have known that the PIM had them."""
    outage: float = 0.0
    uploads: list[Uploaded] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stack = self.stage.stack
        port = self.stack.ports["aws"]
        self.outputs = deploy.outputs(self.stack.place, port)
        self.ledger = Ledger(port, self.outputs["LedgerTable"])
        self.sqs, self.functions = emulator.client(port, "sqs"), emulator.client(port, "lambda")
        self._over = threading.Event()
        self._edited = 0.0
        self._editor = Editor(self.stack.url("pim"), "person", "")
        self._before = {product.key for product in observe.pim_products(self.stack)}

    def run(self) -> list[Finding]:
        """Everything, to the comparison's end."""
        self.shorten_waits()
        self._show("grouped" if self.plan.grouped and not self.switched else "separate")
        if self.plan.in_parts:
            self.declare()
        self.upload()
        say(f"{len(self.uploads)} feeds uploaded; the storm begins")
        self.rage()
        return sorted(self.rest())

    def shorten_waits(self) -> None:
        for queue, seconds in VISIBILITY.items():
            self.sqs.set_queue_attributes(QueueUrl=self.outputs[queue], Attributes={"VisibilityTimeout": str(seconds)})
        self.set_variables("DlqRedriveFunction", SWEEP_AFTER_SECONDS=SWEEP_AFTER, BREAKER_STEP_SECONDS=BREAKER_STEP)

    def set_variables(self, function: str, **others: Any) -> None:
        """Gives a function other settings, as a deployment with other parameters would."""
        name = self.outputs[function]
        variables = self.functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"] | others
        # The emulator keeps numbers of the template as numbers.
        texts = {variable: str(value) for variable, value in variables.items()}
        self.functions.update_function_configuration(FunctionName=name, Environment={"Variables": texts})

    def _show(self, articles: str) -> None:
        self.set_variables("MedusaPushFunction", ARTICLES=articles)
        say(f"articles: {articles}")

    # ---------------------------------------------------------------- feeds

    def declare(self) -> None:
        """Puts the mapping with the parts into force."""
        port = self.stack.ports["aws"]
        emulator.client(port, "s3").put_object(Bucket=self.outputs["FeedBucket"], Key=parts.MAPPING_KEY, Body=parts.MAPPING.encode())
        head = {"pk": {"S": "C#source"}, "sk": {"S": f"n#{CANONICAL}"}}
        deadline = time.monotonic() + 60
        while "digest" not in emulator.client(port, "dynamodb").get_item(TableName=self.outputs["LedgerTable"], Key=head).get("Item", {}):
            assert time.monotonic() < deadline, "the mapping did not come into force"
            time.sleep(0.5)

    def upload(self) -> None:
        """Puts every feed and takes its notification off the queue, to deliver it by plan. The queue promises no order, nor that a message comes once."""
        (mapping,) = self.functions.list_event_source_mappings(FunctionName=self.outputs["NormalizeFunction"])["EventSourceMappings"]
        self.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        s3, bucket = emulator.client(self.stack.ports["aws"], "s3"), self.outputs["FeedBucket"]
        versions = []
        for number, feed in enumerate(self.plan.feeds):
            if number in self.plan.pauses:
                time.sleep(1.0 - time.time() % 1.0 + 0.01)
            put = s3.put_object(Bucket=bucket, Key=feed.key, Body=feed.body)
            head = s3.head_object(Bucket=bucket, Key=feed.key, VersionId=put["VersionId"])
            versions.append((put["VersionId"], int(head["LastModified"].timestamp())))
        notifications = self._take_notifications()
        for feed, (version, modified) in zip(self.plan.feeds, versions, strict=True):
            event = notifications[feed.key].pop(0)
            found = event["detail"]["object"]
            # S3 names the version in its events; the emulator leaves it out.
            found["version-id"] = version
            order = (modified, found["sequencer"].ljust(24, "0"))
            self.uploads.append(Uploaded(json.dumps(event), order, f"F#{bucket}#{feed.key}#{version}"))
        self.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def _take_notifications(self) -> dict[str, list[dict[str, Any]]]:
        """The events of all uploads by object key, in the order of the uploads."""
        events: dict[str, dict[str, Any]] = {}
        deadline = time.monotonic() + 60
        while len(events) < len(self.plan.feeds):
            assert time.monotonic() < deadline, f"{len(events)} of {len(self.plan.feeds)} notifications"
            answer = self.sqs.receive_message(QueueUrl=self.outputs["IngestQueue"], MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                event = json.loads(message["Body"])
                events[event["detail"]["object"]["sequencer"]] = event
                self.sqs.delete_message(QueueUrl=self.outputs["IngestQueue"], ReceiptHandle=message["ReceiptHandle"])
        by_key: dict[str, list[dict[str, Any]]] = {}
        for _, event in sorted(events.items()):
            by_key.setdefault(event["detail"]["object"]["key"], []).append(event)
        return by_key

    def wanted(self) -> dict[str, Wanted]:
        """The newest of every product, by object time, sequencer and position, and what people did."""
        newest: dict[str, Article] = {}
        said: dict[tuple[str, str], str] = {}
        homes: dict[str, set[str]] = {}
        for _, feed in sorted(zip((upload.order for upload in self.uploads), self.plan.feeds, strict=True), key=lambda pair: pair[0]):
            for article in feed.records:
                newest[article.key] = article
                homes.setdefault(article.key, set()).add(article.home)
            said |= {(line.part, line.sku): line.value for line in feed.lines}
        return {
            key: Wanted(
                parts.assembled(article, said),
                self.people.get(key, {}),
                deleted=key in self.deleted,
                perhaps=key in self.perhaps,
                homes=frozenset(homes[key] if self.plan.grouped else ()),
            )
            for key, article in newest.items()
        }

    # ---------------------------------------------------------------- the storm

    def rage(self) -> None:
        """Lets the plan happen, and waits for its end."""
        plan, begun = self.plan, time.monotonic()
        timeline: list[tuple[float, Callable[[], None]]] = [
            (plan.medusa_stops, self._medusa_goes),
            (plan.medusa_stops + plan.size.medusa_down / 2, self._medusa_dies),
            (plan.medusa_returns, self._medusa_comes),
        ]
        if self.switched:
            timeline.append((plan.size.storm / 2, lambda: self._show("grouped")))
        timeline += [(delivery.at, lambda feed=delivery.feed: self._deliver(feed)) for delivery in plan.deliveries]
        timeline += [(kill.at, lambda kill=kill: self._kill(kill)) for kill in plan.kills]
        timeline += [(fault.at, lambda fault=fault.fault: call_standin(self.stack, "POST", "faults", fault)) for fault in plan.pim_faults]
        timeline += [(fault.until, lambda at=fault.until: self._pim_recovers(at)) for fault in plan.pim_faults]
        for window in plan.windows:
            timeline.append((window.begin, lambda service=window.service: self._spell(service, begins=True)))
            timeline.append((window.end, lambda service=window.service: self._spell(service, begins=False)))
        for proxy in self.stage.proxies:
            proxy.stormy = True
        people = threading.Thread(target=self._people, args=(begun,), daemon=True)
        schedules = threading.Thread(target=self._schedules, daemon=True)
        people.start()
        schedules.start()
        busy = []
        for at, happen in sorted(timeline, key=lambda event: event[0]):
            time.sleep(max(0.0, begun + at - time.monotonic()))
            thread = threading.Thread(target=happen, daemon=True)
            thread.start()
            busy.append(thread)
        time.sleep(max(0.0, begun + plan.size.storm - time.monotonic()))
        for thread in busy:
            thread.join(180)
        for proxy in self.stage.proxies:
            proxy.stormy = False
        say("quiet, but for people")
        call_standin(self.stack, "DELETE", "faults")
        people.join(2 * PATIENCE)
        assert not people.is_alive(), "people could not do what they wanted: the products did not reach the PIM"
        self._over.set()
        schedules.join(90)

    def _deliver(self, feed: int) -> None:
        self.sqs.send_message(QueueUrl=self.outputs["IngestQueue"], MessageBody=self.uploads[feed].notification)

    def _spell(self, service: str, *, begins: bool) -> None:
        for proxy in self.stage.proxies:
            proxy.spells.add(service) if begins else proxy.spells.discard(service)

    def _pim_recovers(self, at: float) -> None:
        """Forgets what is in store, unless something else is to last longer."""
        if not any(fault.at < at < fault.until for fault in self.plan.pim_faults):
            call_standin(self.stack, "DELETE", "faults")

    def _medusa_goes(self) -> None:
        """It hangs: connections are accepted, nothing is answered."""
        self._gone_since = time.monotonic()
        pid = self.stack.medusa.pid()
        assert pid, "Medusa does not run"
        os.killpg(pid, signal.SIGSTOP)

    def _medusa_dies(self) -> None:
        self.stack.medusa.stop(signal.SIGKILL)

    def _medusa_comes(self) -> None:
        self.stack.start_medusa()
        self.outage = time.monotonic() - self._gone_since

    def _kill(self, kill: Kill) -> None:
        """Waits for a process of the function, and kills it."""
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            for pid in processes_of(self.stack, kill.function):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                self.done[f"killed {kill.function}"] += 1
                return
            time.sleep(0.05)

    def _people(self, begun: float) -> None:
        """People edit what they see: a product that is not in the PIM yet is tried again. Two edits of one product keep their order."""
        waiting = list(self.plan.acts)
        while waiting:
            blocked: set[str] = set()
            for act in list(waiting):
                if act.key in blocked or time.monotonic() < begun + act.at:
                    blocked.add(act.key)
                elif self._act(act):
                    waiting.remove(act)
                else:
                    blocked.add(act.key)
            time.sleep(0.5)

    def _act(self, act: Act) -> bool:
        path = f"/catalog/products/{act.key.replace(':', '-')}"
        if act.what == "save":
            done = self._save(act, path)
        elif act.what == "delete":
            done = self._delete(act.key, path)
        elif act.what == "restore":
            done = self._restore(act.key, path)
        else:
            object_id = self._editor.id_of(path)
            done = object_id is not None and self._editor.save(object_id, act.what, texts(**_by_language(act.set))).ok
        if done:
            self.done[DONE.get(act.what, "drafts")] += 1
            self._edited = time.monotonic()
        return done

    def _save(self, act: Act, path: str) -> bool:
        try:
            call_standin(self.stack, "POST", "objects", {"path": path, "set": act.set})
        except HttpError as problem:
            if problem.status != 404:
                raise
            return False
        mine = self.people.setdefault(act.key, {})
        for name, value in act.set.items():
            mine[name] = {**mine.get(name, {}), **value} if isinstance(value, dict) else value
        return True

    def _delete(self, key: str, path: str) -> bool:
        settled, object_id = self._settled(key), self._editor.id_of(path)
        if object_id is None or not self._editor.delete(object_id).ok:
            return False
        # What they had entered is gone with it, until it is restored.
        self.binned[key] = self.people.pop(key, {})
        self.deleted.add(key)
        if not settled:
            self.perhaps.add(key)
        return True

    def _restore(self, key: str, path: str) -> bool:
        """Always works, unless the product may have been made again."""
        said = self._editor.restore(path)
        if said.ok:
            self.people[key] = self.binned.pop(key)
            self.deleted.discard(key)
            self.perhaps.discard(key)
        elif key not in self.perhaps:
            self.lost_in_bin[key] = str(said)
        return True

    def _settled(self, key: str) -> bool:
        """Whether the ledger knows that the PIM has a product, and nobody who claimed it before is making it."""
        state = self.ledger.state(key)
        return bool(state.get("pimcore_id")) and not {"pimcore_owner", "pimcore_recheck_at"} & state.keys()

    def _schedules(self) -> None:
        """The emulator runs the template's schedules; this runs them more often, for the story lasts minutes instead of days."""
        while not self._over.wait(20):
            self._invoke("PimcoreSyncFunction", "changes")
            self._tend()

    def _tend(self) -> None:
        self._invoke("MedusaPushFunction", "settings")
        for action in ("tend", "redrive", "sweep"):
            self._invoke("DlqRedriveFunction", action)

    def _invoke(self, function: str, action: str) -> bool:
        try:
            answer = self.functions.invoke(FunctionName=self.outputs[function], Payload=json.dumps({"action": action}).encode())
        except Exception as problem:  # a schedule that fails comes again
            say(f"{action}: {problem}", mark="!")
            return False
        answer["Payload"].read()
        return "FunctionError" not in answer

    # ---------------------------------------------------------------- rest

    def rest(self) -> list[Finding]:
        """Waits until nothing is pending and nothing waits, and compares. What does not come to rest is stuck."""
        last, moved, calm, looked = "", time.monotonic(), 0, False
        swept = 0.0
        while True:
            pending, runs, waiting = self.pending(), self.unfinished(), Counter(depths(self.stack))
            now = time.monotonic()
            # Nothing is pending, no letter is dead: what still waits only comes to look once more.
            late = Counter({queue: depth for queue, depth in waiting.items() if depth and not queue.endswith("Dlq")})
            restless = bool(pending or runs or not self.followed() or waiting.total() - late.total() or (late and self.plan.size.to_the_last_message))
            calm = 0 if restless else calm + 1
            if calm >= 2 and looked:
                findings = self.differences()
                if not late or not findings:
                    self.done["left waiting"] = late.total()
                    return findings + self._stuck(pending, runs, waiting - late)
            if now - moved > PATIENCE:
                return self._stuck(pending, runs, waiting) + self.differences()
            state = repr((sorted(pending), sorted(runs), waiting))
            if state != last:
                last, moved = state, now
                say(f"{len(pending)} pending, {len(runs)} runs under way, messages: {', '.join(f'{n} {q}' for q, n in waiting.items() if n) or 'none'}")
            if now - swept > 15:
                # The census finds deletions, too, but waits three minutes for products that are new.
                followed = self._invoke("PimcoreSyncFunction", "changes") and self._invoke("PimcoreSyncFunction", "reconcile")
                looked = followed and now - self._edited > SETTLED
                calm = 0
                self._tend()
                swept = time.monotonic()
            time.sleep(3)

    def pending(self) -> dict[str, dict[str, Any]]:
        """Products that the ledger says are not where they should be."""
        items = self.ledger._scan("#sk = :sk AND attribute_exists(#pending_since)", {":sk": {"S": "state"}})
        return {key_of(item["pk"]): item for item in items}

    def followed(self) -> bool:
        """Whether every product has been looked at since the setting changed."""
        if not self.switched:
            return True

        def item(pk: str, sk: str) -> dict[str, Any]:
            found = self.ledger.client.get_item(TableName=self.ledger.table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True)
            return {name: next(iter(value.values())) for name, value in found.get("Item", {}).items()}

        goal = item(*SETTING).get("cursor", "")
        segments = [item(WALK, f"{segment:02}") for segment in range(SEGMENTS)]
        return goal.startswith("grouped@") and all(segment.get("goal") == goal and "done_at" in segment for segment in segments)

    def unfinished(self) -> list[str]:
        """Feeds that were not read, or not to their end."""
        runs = {item["pk"]: run_of(item) for item in self.ledger._scan("#sk = :sk", {":sk": {"S": "run"}})}
        missing = [upload.run_pk for upload in self.uploads if upload.run_pk not in runs]
        return missing + [pk for pk, run in runs.items() if run.status != "completed"]

    def _stuck(self, pending: dict[str, dict[str, Any]], runs: list[str], waiting: dict[str, int]) -> list[Finding]:
        findings = [Finding(STUCK, key, "the ledger", self._why(item)) for key, item in pending.items()]
        findings += [Finding(STUCK, pk, "the feeds", "it was not read to its end") for pk in runs]
        for queue, depth in waiting.items():
            kind = DEAD if queue.endswith("Dlq") else STUCK
            findings += [Finding(kind, f"message {number + 1}", queue, "it is still there") for number in range(depth)]
        s3 = emulator.client(self.stack.ports["aws"], "s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.outputs["FeedBucket"], Prefix="parked/"):
            findings += [Finding(DEAD, entry["Key"], "the bucket", "it was parked") for entry in page.get("Contents", [])]
        return findings

    @staticmethod
    def _why(item: Mapping[str, Any]) -> str:
        interesting = ("_error", "_owner", "_recheck_at", "_attempts")
        return "pending: " + (", ".join(f"{name} {value}" for name, value in item.items() if name.endswith(interesting)) or "for no recorded reason")

    def miscounted(self) -> list[Finding]:
        """Every feed's run has counted exactly its records."""
        runs = {item["pk"]: run_of(item) for item in self.ledger._scan("#sk = :sk", {":sk": {"S": "run"}})}
        findings = []
        for upload, feed in zip(self.uploads, self.plan.feeds, strict=True):
            run = runs.get(upload.run_pk)
            if run and (run.counts.get("read"), run.counts.get("rejected")) != (feed.count, 0):
                findings.append(Finding(STUCK, upload.run_pk, "the feeds", f"{feed.count} records were counted as {run.counts}"))
        return findings

    def differences(self) -> list[Finding]:
        shop = observe.Shop(self.stack)
        # What was there before the storm is none of its business.
        pim, products = ([product for product in found if product.key not in self._before] for found in (observe.pim_products(self.stack), shop.products()))
        findings = compare(self.wanted(), pim, products, shop.shown(), grouped=self.plan.grouped)
        findings += [Finding(LOST, key, "the bin", f"it could not be restored: {why}") for key, why in self.lost_in_bin.items()]
        return findings + shop.orphans() + self.miscounted()

    def killed_at_work(self) -> int:
        """Invocations that died with their function, as the emulator logged them."""
        log = self.stack.place.logs / "emulator.log"
        return log.read_text(errors="replace").count("errorType=Runtime.ExitError")

    def met(self) -> Counter[str]:
        """Faults by service and kind, as the proxies counted them."""
        total: Counter[str] = Counter()
        for proxy in self.stage.proxies:
            total += proxy.met
        return total


def _by_language(changed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Texts by language, as the editor sends them."""
    languages: dict[str, dict[str, Any]] = {}
    for name, by_language in changed.items():
        for language, text in by_language.items():
            languages.setdefault(language, {})[name] = text
    return languages


def call_standin(stack: Stack, method: str, what: str, body: Any = None) -> None:
    """Asks the PIM stand-in's interface for tests."""
    try:
        call(method, f"{stack.url('pim')}/_standin/{what}", body=body)
    except HttpError as problem:
        # "No content" is no JSON.
        if problem.status is not None:
            raise


def processes_of(stack: Stack, function: str) -> list[int]:
    """The processes in which the local AWS runs a function. Needs /proc; elsewhere nothing is killed, and the report says so."""
    root = stack.services()["aws"].pid()
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.parent.name)] = int(fields[1])
    wanted = f"AWS_LAMBDA_FUNCTION_NAME={stack.place.cfn}-{function}".encode()
    found = []
    for pid, parent in parents.items():
        if parent != root:
            continue
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if wanted in environment:
            found.append(pid)
    return found
