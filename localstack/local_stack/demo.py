"""The demonstration: a feed is uploaded, and what comes of it is followed to orders in the shop."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from local_stack import deploy, diagnose, emulator, feed, orders, ruled
from local_stack.console import Failed, say
from local_stack.feed import Upload
from local_stack.ledger import Ledger, ProductState, Run
from local_stack.paths import REPO, REPORTS
from local_stack.report import Report, Row
from local_stack.shopfront import Shopfront, Shown
from local_stack.stack import Stack
from local_stack.where import where_to_look

POLL_SECONDS = 0.5
DIAGNOSE_EVERY = 20.0


def demonstrate(stack: Stack, file: str, source: str, patience: float, rules: str = "") -> int:
    """Runs the demonstration. 0 when every product of the feed arrived."""
    path = Path(file)
    path = path if path.is_absolute() else Path.cwd() / path
    if rules:
        ruled.put(stack, rules)
    report = follow(stack, path, source, patience)
    if report.ok:
        say("ordering in each region")
        report.orders = orders.Shop(stack).prove(report, lambda: follow(stack, path, source, patience))
    report.write(REPORTS / "demo.json")
    print()
    report.show()
    print()
    print(where_to_look(stack))
    print(f"  Report     {(REPORTS / 'demo.json').relative_to(REPO)}")
    if not report.ok:
        print(f"\n{report.next_step()}")
    return 0 if report.ok else 1


def follow(stack: Stack, file: Path, source: str, patience: float) -> Report:
    """Uploads a feed and follows it to its end."""
    outputs = deploy.outputs(stack.place, stack.ports["aws"])
    ledger = Ledger(stack.ports["aws"], outputs["LedgerTable"])
    begun, since = time.monotonic(), int(time.time() * 1000)
    sent = feed.upload(stack, file, source, outputs["FeedBucket"])
    say(f"uploaded {file.name} to s3://{sent.bucket}/{sent.key}")
    run = wait_for_run(stack, ledger, sent, since, patience)
    products, diagnosis = wait_for_products(stack, ledger, sent, run, patience)
    say("asking the shop and filling carts")
    rows = look(stack, ledger, run, products)
    return Report(
        feed=file.name,
        object=f"s3://{sent.bucket}/{sent.key}",
        run=run,
        rows=rows,
        rejected=rejected(stack, sent.bucket, run),
        seconds=time.monotonic() - begun,
        diagnosis=diagnosis,
    )


def wait_for_run(stack: Stack, ledger: Ledger, sent: Upload, since: int, patience: float) -> Run:
    """Waits until the feed was read to its end, or cannot be."""
    seen, moved = None, time.monotonic()
    while True:
        run = ledger.run(sent, since)
        if run and run.ended:
            say(f"feed read: {_counts(run)}", mark="✓" if run.status == "completed" else "✗")
            return run
        if run != seen:
            seen, moved = run, time.monotonic()
            if run:
                say(f"feed run {run.name}: {_counts(run)}")
        if time.monotonic() - moved > patience:
            raise Failed(
                f"the feed was not read within {patience:.0f} s: s3://{sent.bucket}/{sent.key}",
                why="\n".join(diagnose.findings(stack, [])),
                todo="make logs NAME=normalize",
            )
        time.sleep(POLL_SECONDS)


def _counts(run: Run) -> str:
    said = [f"{run.counts.get(name, 0)} {name}" for name in ("read", "changed", "unchanged", "stale", "rejected") if name == "read" or run.counts.get(name)]
    return ", ".join(said) + (f"; {run.reason}" if run.reason else "")


def wait_for_products(stack: Stack, ledger: Ledger, sent: Upload, run: Run, patience: float) -> tuple[list[ProductState], list[str]]:
    """Waits until no product of the feed is on its way any more, and says what holds them up if that takes long."""
    seen: tuple[int, int] | None = None
    moved = asked = time.monotonic()
    said: list[str] = []
    keys = [product.key for product in ledger.products(sent, run)]
    while True:
        products = ledger.states(keys)
        waiting = [product for product in products if product.pending and not product.dead]
        in_pim = sum(bool(product.pimcore_id) for product in products)
        if seen != (len(waiting), in_pim):
            seen, moved = (len(waiting), in_pim), time.monotonic()
            say(f"{len(products)} products: {in_pim} in the PIM, {len(products) - len(waiting)} done")
        if not waiting:
            return products, []
        if time.monotonic() - asked > DIAGNOSE_EVERY:
            asked = time.monotonic()
            fresh = diagnose.findings(stack, products)
            if fresh != said:
                for text in fresh:
                    say(text, mark="!")
                said = fresh
        if time.monotonic() - moved > patience:
            return products, [f"given up after {patience:.0f} s without progress", *diagnose.findings(stack, products)]
        time.sleep(POLL_SECONDS)


def look(stack: Stack, ledger: Ledger, run: Run, products: list[ProductState]) -> list[Row]:
    """Compares what the shop shows and charges with the documents: of a product, or of the members of an article."""
    documents = {product.key: ledger.document(product.key) for product in products}
    if ruled.in_force(stack):
        documents = {key: ruled.document(stack, key, document) for key, document in documents.items()}
    places: dict[str, list[ProductState]] = {}
    for product in products:
        places.setdefault(product.place, []).append(product)
    wanted = {place: {product.key: documents[product.key] for product in members} for place, members in places.items()}
    arrived = {place: together(wanted[place]) for place, members in places.items() if not any(product.pending for product in members)}
    shown = {item.key: item for item in Shopfront(stack).check(arrived, {place: list(wanted[place]) for place in arrived})}
    return [
        Row(
            place,
            together(wanted[place]),
            shown.get(place, Shown(place)),
            ", ".join(product.pimcore_id for product in members if product.pimcore_id),
            changed=any(product.run == run.name for product in members),
            problem="; ".join(filter(None, map(problem_of, members))),
            waiting=any(product.pending and not product.dead for product in members),
            since_ms=min((product.since_ms for product in members if product.pending), default=0),
            members=list(wanted[place]),
        )
        for place, members in places.items()
    ]


def problem_of(product: ProductState) -> str:
    """Why a product has not arrived; empty if it has."""
    if not product.pending:
        return ""
    errors = [f"{stage}: {error['message']} ({error['code']})" for stage, error in product.errors.items()]
    return "; ".join(errors) or ("waits for Medusa" if product.pimcore_id else "waits for the PIM")


def together(documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What one product of the shop should sell: all that the members of an article do that are not withdrawn."""
    if len(documents) == 1:
        return next(iter(documents.values()))
    sold = [document for document in documents.values() if not document.get("withdrawn")] or list(documents.values())
    variants = [{**variant, "member": key} for key, document in documents.items() if document in sold for variant in document["variants"]]
    return {**sold[0], "variants": variants}


def rejected(stack: Stack, bucket: str, run: Run) -> list[dict[str, Any]]:
    """What normalize wrote under `rejected/<run>/`."""
    s3 = emulator.client(stack.ports["aws"], "s3")
    records: dict[tuple[Any, ...], dict[str, Any]] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"rejected/{run.name}/"):
        for entry in page.get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().decode(errors="replace")
            # JSON Lines: only a line feed ends a line.
            for record in (json.loads(line) for line in body.split("\n") if line.strip()):
                # A second attempt may have written a record into another part than the first.
                records[record["index"], record["offset"], record["reason"]] = record
    return sorted(records.values(), key=lambda record: record["index"])
