#!/usr/bin/env python3
"""Measures a stock list of a million lines against 200,000 known products and writes target/reports/bench-lines.json.

    functions/normalize/benches/lines.py [--lines 1000000] [--profile light|release] [--bench PATH]

In one run, each in a process of its own, one thread, the best of the rounds, CPU time:

- `lines`: the whole function over the list (`benches/lines.rs`), with a ledger that is computed as it is asked; peak memory, which fails above 64 MB.
- `documents`: the same function over the same figures as whole documents, a row a variant: what changing a figure took before there were parts.
- `join`: a Python script that reads the list with `csv`, looks each SKU up in a dict of pieces, and prints what changed as JSON lines. No ledger, no versions.
- `like`: a Python script that does for each line what the function does: read the SKU's item (a dict of JSON texts, in hundreds), parse it, compare the
  version and value of each field, write the item anew, and make and print the product's document, where a figure changed. It skips zstd, hashes and checks.

A hundredth of the figures is new. Every figure is said of one SKU of a product with five.
"""

import argparse
import csv
import json
import pathlib
import subprocess
import sys
import time

REPO = pathlib.Path(__file__).resolve().parents[3]
FOLDER = REPO / "target" / "bench"
REPORT = REPO / "target" / "reports" / "bench-lines.json"
VARIANTS = 5
FLAT_KILOBYTES = 64 * 1024


def known(number):
    return number % 47


def said(number):
    return known(number) + 1 if number % 100 == 0 else known(number)


def sku(number):
    return f"A{number // VARIANTS:06}-{number % VARIANTS}"


def write_files(lines):
    FOLDER.mkdir(parents=True, exist_ok=True)
    stock, documents = FOLDER / f"stock-{lines}.csv", FOLDER / f"documents-{lines}.csv"
    with stock.open("w") as out:
        out.write("article,pieces\n")
        out.writelines(f"{sku(n)},{said(n)}\n" for n in range(lines))
    with documents.open("w") as out:
        out.write("id,title,text,size,sku,eur,pieces\n")
        out.writelines(f'A{n // VARIANTS:06},"Kettle, brushed steel",Boils a litre in two minutes.,{n % VARIANTS},{sku(n)},12.00,{said(n)}\n' for n in range(lines))
    return stock, documents


def statement(pieces):
    version = "1700000000000-000000000000000000000000-00000000000"
    return json.dumps({"stock": {"v": version, "is": {"pieces": pieces}}})


def on_cpu():
    return time.process_time()


def join(path, lines):
    pieces = {sku(n): known(n) for n in range(lines)}
    began, changed = on_cpu(), 0
    with open(path, newline="") as file, open("/dev/null", "w") as out:
        rows = csv.reader(file)
        next(rows)
        for article, said_now in rows:
            figure = int(said_now)
            if pieces.get(article) != figure:
                pieces[article] = figure
                out.write(json.dumps({"sku": article, "pieces": figure}) + "\n")
                changed += 1
    return on_cpu() - began, changed


def like(path, lines):
    items = {f"K#acme#sku#{sku(n)}": statement(known(n)) for n in range(lines)}
    began, changed, record = on_cpu(), 0, 0
    with open(path, newline="") as file, open("/dev/null", "w") as out:
        rows = csv.reader(file)
        next(rows)
        window = []

        def write():
            nonlocal changed
            read = {key: items.get(key) for key, _, _ in window}
            for key, version, figure in window:
                kept = json.loads(read[key]) if read[key] else {}
                spoken = kept.get("stock")
                if spoken and (spoken["is"] == {"pieces": figure} or spoken["v"] > version):
                    continue
                kept["stock"] = {"v": version, "is": {"pieces": figure}}
                items[key] = json.dumps(kept)
                product = key.rpartition("#")[2].partition("-")[0]
                variants = []
                for number in range(VARIANTS):
                    line = json.loads(items[f"K#acme#sku#{product}-{number}"])
                    variants.append({"sku": f"{product}-{number}", "title": str(number), "options": [str(number)], "stock": line["stock"]["is"]["pieces"]})
                document = {"source": "acme", "id": product, "name": {"en": "Kettle, brushed steel"}, "variants": variants}
                out.write(json.dumps(document) + "\n")
                changed += 1
            window.clear()

        for article, said_now in rows:
            version = f"{1800000000000:013}-{'00FF':<024}-{record:011}"
            window.append((f"K#acme#sku#{article.strip()}", version, int(said_now)))
            record += 1
            if len(window) == 100:
                write()
        write()
    return on_cpu() - began, changed


def own(tool, what, path, lines):
    output = subprocess.run([str(tool), what, str(path), str(lines)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def python(what, path, lines):
    output = subprocess.run([sys.executable, __file__, "--script", what, "--file", str(path), "--lines", str(lines)], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(output.stdout.splitlines()[-1])


def built(profile):
    command = ["cargo", "bench", "--no-run", "--locked", "--profile", profile, "--message-format=json-render-diagnostics", "-p", "normalize", "--bench", "lines"]
    output = subprocess.run(command, cwd=REPO, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line)["executable"] for line in output.splitlines() if '"executable":"' in line][-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--profile", default="light")
    parser.add_argument("--bench", help="an executable that is built already")
    parser.add_argument("--script", choices=["join", "like"], help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.script:
        seconds, changed = {"join": join, "like": like}[options.script](options.file, options.lines)
        print(json.dumps({"seconds": seconds, "changed": changed, "linesPerSecond": options.lines / seconds}))
        return 0
    tool = options.bench or built(options.profile)
    stock, documents = write_files(options.lines)
    best = {}
    for _ in range(options.rounds):
        for what in ("lines", "documents", "join", "like"):
            path = documents if what == "documents" else stock
            run = own(tool, what, path, options.lines) if what in ("lines", "documents") else python(what, path, options.lines)
            print(f"  {what}: {run['linesPerSecond']:,.0f} lines/s", flush=True)
            if what not in best or run["seconds"] < best[what]["seconds"]:
                best[what] = run
    lines = best["lines"]
    ratios = {
        "toDocumentsByLine": lines["linesPerSecond"] / best["documents"]["linesPerSecond"],
        "toDocumentsByDocument": lines["linesPerSecond"] / best["documents"]["recordsPerSecond"],
        "toJoin": lines["linesPerSecond"] / best["join"]["linesPerSecond"],
        "toLike": lines["linesPerSecond"] / best["like"]["linesPerSecond"],
    }
    flat = lines["peakKilobytes"] <= FLAT_KILOBYTES
    report = {"best": best, "ratios": ratios, "flat": flat, "profile": options.bench or options.profile}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps({**ratios, "peakMegabytes": lines["peakKilobytes"] / 1024, "itemsRead": lines["itemsRead"], "itemsWritten": lines["itemsWritten"]}, indent=2))
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
