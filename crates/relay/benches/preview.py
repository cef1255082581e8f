"""`relay preview` of many products under the sample rules: seconds and peak memory, against a tenth of them. No stack is needed.

python3 crates/relay/benches/preview.py [--relay target/debug/relay] [--products 100000]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
RULES = ROOT / "localstack" / "rules" / "sample.yaml"


def feed(path: Path, products: int, factor: float) -> None:
    """Canonical products with two sizes, three prices each."""
    with path.open("w") as out:
        out.write("[")
        for n in range(products):
            cents = 1_000 + (n * 37) % 20_000
            prices = [{"currency": code, "amount": f"{int(cents * factor) / 100:.2f}"} for code in ("SAR", "USD", "AED")]
            product = {
                "source": "canonical",
                "id": f"p{n}",
                "name": {"en": f"Enamel cup number {n}"},
                "description": {"en": "Holds what one drinks, and keeps it warm for as long as one likes. " * 4},
                "categories": [[{"id": str(n % 400), "name": {"en": f"Women Shelf {n % 400}"}}]],
                "options": [{"name": {"en": "Size"}}],
                "variants": [{"sku": f"p{n}-{size}", "title": size, "options": [size], "prices": prices, "stock": 5} for size in "SM"],
                "images": [f"https://images.example/{n}.jpg"],
            }
            out.write(("," if n else "") + json.dumps(product))
        out.write("]")


def measure(relay: str, folder: Path, products: int) -> tuple[float, float]:
    """Seconds of a processor, and peak memory in MB."""
    before, after = folder / "before.json", folder / "after.json"
    feed(before, products, 1.0)
    feed(after, products, 1.01)
    words = [relay, "--json", "preview", str(after), "--against", str(before), "--source", "canonical", "--rules", str(RULES), "--rules-before", str(RULES)]
    began = time.monotonic()
    with (folder / "report.json").open("w") as out:
        process = os.posix_spawn(relay, words, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
        _, status, usage = os.wait4(process, 0)
    report = json.loads((folder / "report.json").read_text())
    assert os.waitstatus_to_exitcode(status) in (0, 1), status
    assert report["counts"]["products"] == products, report["counts"]
    print(
        f"{products:>8} products: {time.monotonic() - began:6.1f} s, {usage.ru_utime + usage.ru_stime:6.1f} s of a processor, {usage.ru_maxrss / 1024:5.0f} MB"
    )
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--relay", default=str(ROOT / "target" / "debug" / "relay"))
    options.add_argument("--products", type=int, default=100_000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _, few = measure(asked.relay, Path(folder), asked.products // 10)
        seconds, many = measure(asked.relay, Path(folder), asked.products)
    assert many < 1.5 * few + 16, f"memory is not flat: {few:.0f} MB, then {many:.0f} MB"
    assert seconds < 60, f"{seconds:.0f} s of a processor"


if __name__ == "__main__":
    main()
