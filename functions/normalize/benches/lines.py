#!/usr/bin/env python3
"""Measures a stock list of a million lines against 200,000 known products and writes target/reports/bench-lines.json.

    functions/normalize/benches/lines.py [--lines 1000000] [--profile light|release] [--bench PATH]

In one run, each in a process of its own, one thread, the best of the rounds, CPU time:

- `again`: the whole function over the list (`benches/lines.rs`) after the list before, of which one line in 25 changed, with a ledger that is computed as it
  is asked (that time included) and without AWS's client; peak memory, that of the list before included, which fails above 64 MB.
- `first`: the same list with nothing left of the one before: every line is read.
- `all`: a list after the one before of which every line changed.
- `documents`, `documents-all`: the same function over the same figures as whole documents, a row a variant: what changing a figure took before there were parts.
- `join`: a Python script that reads the list with `csv`, looks each SKU up in a dict of pieces that is there already, and writes what changed as JSON
  lines. No ledger, no versions. `join-all`: where all changed. `join-files`: it reads the dict from the list before, as the function does.
- `like`: a Python script that does for each line what the function does without the list before: read the SKU's item (a dict of JSON texts, in hundreds),
  parse it, compare the version and value of each field, write the item anew, and make and print the product's document, where a figure changed. It skips
  zstd, hashes and checks.

Every figure is said of one SKU of a product with five.
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
    return known(number) + 1 if number % 25 == 0 else known(number)


def other(number):
    return known(number) + 1


def sku(number):
    return f"A{number // VARIANTS:06}-{number % VARIANTS}"


def write_files(lines):
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, figure in {"before": known, "some": said, "all": other}.items():
        files[name] = FOLDER / f"stock-{name}-{lines}.csv"
        with files[name].open("w") as out:
            out.write("article,pieces\n")
            out.writelines(f"{sku(n)},{figure(n)}\n" for n in range(lines))
    for name, figure in {"documents": said, "documents-all": other}.items():
        files[name] = FOLDER / f"{name}-{lines}.csv"
        with files[name].open("w") as out:
            out.write("id,title,text,size,sku,eur,pieces\n")
            out.writelines(f'A{n // VARIANTS:06},"Kettle, brushed steel",Boils a litre in two minutes.,{n % VARIANTS},{sku(n)},12.00,{figure(n)}\n' for n in range(lines))
    return files


def statement(pieces):
    version = "1700000000000-000000000000000000000000-00000000000"
    return json.dumps({"stock": {"v": version, "is": {"pieces": pieces}}})


def on_cpu():
    return time.process_time()


def join(path, lines, before=None):
    pieces = {} if before else {sku(n): known(n) for n in range(lines)}
    began, changed = on_cpu(), 0
    if before:
        with open(before, newline="") as file:
            rows = csv.reader(file)
            next(rows)
            for article, known_now in rows:
                pieces[article] = int(known_now)
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


def own(tool, what, path, lines, before=()):
    output = subprocess.run([str(tool), what, str(path), str(lines), *map(str, before)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(output.splitlines()[-1])


def python(what, path, lines, before=()):
    command = [sys.executable, __file__, "--script", what, "--file", str(path), "--lines", str(lines)]
    output = subprocess.run([*command, *(f"--before={one}" for one in before)], check=True, stdout=subprocess.PIPE, text=True)
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
    parser.add_argument("--before", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.script:
        seconds, changed = join(options.file, options.lines, options.before) if options.script == "join" else like(options.file, options.lines)
        print(json.dumps({"seconds": seconds, "changed": changed, "linesPerSecond": options.lines / seconds}))
        return 0
    tool = options.bench or built(options.profile)
    files, best = write_files(options.lines), {}
    before = [files["before"]]
    measures = {
        "again": lambda: own(tool, "lines", files["some"], options.lines, before),
        "first": lambda: own(tool, "lines", files["some"], options.lines),
        "all": lambda: own(tool, "lines", files["all"], options.lines, before),
        "documents": lambda: own(tool, "documents", files["documents"], options.lines),
        "documents-all": lambda: own(tool, "documents", files["documents-all"], options.lines),
        "join": lambda: python("join", files["some"], options.lines),
        "join-all": lambda: python("join", files["all"], options.lines),
        "join-files": lambda: python("join", files["some"], options.lines, before),
        "like": lambda: python("like", files["some"], options.lines),
    }
    for _ in range(options.rounds):
        for what, measure in measures.items():
            run = measure()
            print(f"  {what}: {run['linesPerSecond']:,.0f} lines/s", flush=True)
            if what not in best or run["seconds"] < best[what]["seconds"]:
                best[what] = run
    rate = {what: run["linesPerSecond"] for what, run in best.items()}
    pairs = [("again", "documents"), ("again", "join"), ("again", "join-files"), ("again", "like"), ("first", "documents"), ("first", "like"), ("all", "documents-all"), ("all", "join-all")]
    ratios = {f"{one} : {other_one}": rate[one] / rate[other_one] for one, other_one in pairs}
    peak = max(best[what]["peakKilobytes"] for what in ("again", "first", "all"))
    flat = peak <= FLAT_KILOBYTES
    report = {"best": best, "ratios": ratios, "flat": flat, "profile": options.bench or options.profile}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps({**ratios, "peakMegabytes": peak / 1024, "itemsRead": best["again"]["itemsRead"], "itemsWritten": best["again"]["itemsWritten"]}, indent=2))
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
