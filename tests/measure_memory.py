"""Runs full batches of large products through the functions with no more memory than the template gives them; writes target/reports/memory.json.

    make bench-memory

Starts a stack of its own. The products have 200 variants (10 colours in 20 sizes) with an image, three prices and texts in two languages each; as many
as a batch has are sent to each function in one invocation. The kernel limits the functions' processes (RLIMIT_DATA, as in the benchmark of normalize) to the
memory of the template, so an allocation beyond it ends the process. What does not fit an invocation's time comes back by itself, as on AWS.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from local_stack import emulator
from local_stack.paths import REPORTS
from samcli.yamlhelper import yaml_parse
from support.bench import own_site, write_report
from support.site import Site, key_of

OUT = REPORTS / "memory.json"
TEMPLATE: dict[str, Any] = yaml_parse((Path(__file__).parents[1] / "template.yaml").read_text())
MEMORY = int(TEMPLATE["Globals"]["Function"]["MemorySize"])
FUNCTIONS = {"normalize": "NormalizeFunction", "pimcore-sync": "PimcoreSyncFunction", "medusa-push": "MedusaPushFunction"}
VARIANTS = 200


def batch_of(function: str) -> int:
    """The largest batch that may be deployed."""
    events = TEMPLATE["Resources"][FUNCTIONS[function]]["Properties"]["Events"]
    size = events["Queue"]["Properties"]["BatchSize"]
    return int(TEMPLATE["Parameters"][size["Ref"]]["MaxValue"] if isinstance(size, dict) else size)


def seconds_of(function: str) -> int:
    return int(TEMPLATE["Resources"][FUNCTIONS[function]]["Properties"]["Timeout"])


def large(number: int, round_: int) -> dict[str, Any]:
    """A product as large as a large shop's: 200 variants, 60 more images, two pages of text in each of two languages."""
    words = {"en": f"Dress {number} of round {round_}", "ar": "فستان طويل مطرز"}
    image = "https://img.example.com/2026/11/{}_thumbnail_900x.webp"
    variants = [
        {
            "sku": f"L{number}-{n}",
            "title": f"Colour {n // 20} / Size {n % 20}",
            "options": [f"Colour {n // 20}", f"Size {n % 20}"],
            "stock": n,
            "images": [image.format(f"{number:06}{n:034}")],
            "prices": [{"currency": currency, "amount": f"{100 + n + round_}.50", "listAmount": f"{200 + n}.00"} for currency in ("SAR", "AED", "USD")],
        }
        for n in range(VARIANTS)
    ]
    text = {language: " ".join(f"<p>{word} {n} {number}</p>" for n in range(200)) for language, word in words.items()}
    attributes = [{"code": str(n), "name": words, "values": [words, words]} for n in range(40)]
    options = [{"name": {"en": name}} for name in ("Colour", "Size")]
    images = [image.format(f"{number:06}{n:034}-more") for n in range(60)]
    base = {"source": "canonical", "id": f"large-{number}", "name": words, "description": text}
    return {**base, "options": options, "variants": variants, "attributes": attributes, "images": images}


class Measured:
    """A function with its memory limited."""

    def __init__(self, site: Site, function: str) -> None:
        self.site, self.function, self.relay = site, function, site.relay
        endpoint = emulator.endpoint(self.relay.stack.ports["aws"])
        patient = Config(read_timeout=180, retries={"max_attempts": 1})
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": emulator.REGION}
        self.client = boto3.client("lambda", endpoint_url=endpoint, config=patient, **keys)

    def processes(self) -> list[int]:
        mark = f"{self.relay.stack.place.cfn}-{self.function}"
        found = []
        for folder in Path("/proc").iterdir():
            try:
                named = folder.name.isdigit() and f"AWS_LAMBDA_FUNCTION_NAME={mark}\0".encode() in (folder / "environ").read_bytes()
                if named and (folder / "comm").read_text().strip() == "bootstrap":
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def limit(self) -> None:
        """A cold start, then the limit: nothing of the batch is in memory yet."""
        self.site.start_cold(self.function)
        self.invoke([])
        processes = self.processes()
        assert processes, f"no process of {self.function}"
        for process in processes:
            resource.prlimit(process, resource.RLIMIT_DATA, (MEMORY << 20, MEMORY << 20))

    def peak(self) -> float:
        """Megabytes of the process that took most."""
        peaks = []
        for process in self.processes():
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
            peaks += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")]
        return round(max(peaks), 1)

    def invoke(self, bodies: list[str]) -> dict[str, Any]:
        attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "1", "SenderId": "test", "ApproximateFirstReceiveTimestamp": "1"}
        records = [
            {"messageId": f"{n}-{uuid.uuid4()}", "receiptHandle": "none", "body": body, "attributes": attributes, "messageAttributes": {}}
            | {"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:measured", "awsRegion": "us-east-1"}
            for n, body in enumerate(bodies)
        ]
        answer = self.client.invoke(FunctionName=self.relay.outputs[FUNCTIONS[self.function]], Payload=json.dumps({"Records": records}).encode())
        said = answer["Payload"].read().decode()
        assert "FunctionError" not in answer, f"{self.function} died or failed: {said[:500]}"
        found: dict[str, Any] = json.loads(said)
        return found

    def batches(self, ids: list[str], cause: str) -> dict[str, Any]:
        """One full batch, again with what it gave back until nothing is left: what each invocation took."""
        left, invocations = list(ids), []
        while left:
            assert len(invocations) < 12, f"{self.function}: {len(left)} of {len(ids)} are left after {invocations}"
            begun = time.monotonic()
            answer = self.invoke([json.dumps({"source": "canonical", "productId": one, "correlationId": "measured", "cause": cause}) for one in left])
            seconds = round(time.monotonic() - begun, 1)
            back = {int(one["itemIdentifier"].split("-")[0]) for one in answer.get("batchItemFailures") or []}
            invocations.append({"products": len(left), "done": len(left) - len(back), "seconds": seconds, "peakMegabytes": self.peak()})
            assert seconds < seconds_of(self.function), invocations
            left = [one for n, one in enumerate(left) if n in back]
        return {"invocations": invocations}


def normalized(measured: Measured, products: list[dict[str, Any]], round_: int) -> dict[str, Any]:
    site = measured.site
    body = json.dumps(products, ensure_ascii=False).encode()
    key = site.upload(f"large-{round_}.json", body)
    head = site.relay.client("s3").head_object(Bucket=site.relay.bucket, Key=key)
    thing = {"key": key, "version-id": head["VersionId"], "etag": head["ETag"].strip('"'), "size": head["ContentLength"], "sequencer": "00"}
    event = {"source": "aws.s3", "detail-type": "Object Created", "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    begun = time.monotonic()
    answer = measured.invoke([json.dumps({**event, "detail": {"bucket": {"name": site.relay.bucket}, "object": thing}})])
    assert not answer.get("batchItemFailures"), answer
    return {"feedMegabytes": round(len(body) / 2**20, 1), "seconds": round(time.monotonic() - begun, 1), "peakMegabytes": measured.peak()}


def the_limit_limits() -> None:
    """Half of it can be had, twice of it cannot."""
    fill = "import resource, sys; limit = int(sys.argv[1]) << 20; resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)); bytearray(int(sys.argv[2]) << 20)"
    for megabytes, fits in ((MEMORY // 2, True), (MEMORY * 2, False)):
        done = subprocess.run([sys.executable, "-c", fill, str(MEMORY), str(megabytes)], stderr=subprocess.DEVNULL, check=False)
        assert (done.returncode == 0) == fits, f"the limit of {MEMORY} MB does not hold for {megabytes} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--products", type=int, default=batch_of("medusa-push"))
    count: int = parser.parse_args().products

    the_limit_limits()
    with own_site("memory") as site:
        functions = {name: Measured(site, name) for name in FUNCTIONS}
        report: dict[str, Any] = {"memoryMegabytes": MEMORY, "variants": VARIANTS, "rounds": {}}
        with site.rule_off("feed-arrived"), site.rule_off("product-changed"), site.rule_off("product-synced"):
            for measured in functions.values():
                measured.limit()
            for round_, what in enumerate(("new", "changed")):
                products = [large(number, round_) for number in range(count)]
                ids = [one["id"] for one in products]
                pimcore = batch_of("pimcore-sync")
                report["rounds"][what] = {
                    "normalize": normalized(functions["normalize"], products, round_),
                    "pimcore-sync": [functions["pimcore-sync"].batches(ids[at : at + pimcore], "feed") for at in range(0, count, pimcore)],
                    "medusa-push": functions["medusa-push"].batches(ids, "feed"),
                }
                site.relay.wait_for_arrival([key_of(one) for one in ids], 30)
                print(what, json.dumps(report["rounds"][what]), flush=True)
                site.next_second()
        write_report(OUT, report)


if __name__ == "__main__":
    main()
