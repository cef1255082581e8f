#!/usr/bin/env python3
"""Measures normalize and writes target/reports/bench-normalize.json.

    crates/feeds/benches/normalize.py [--quick] [--profile light|release] [--only throughput,memory,mapped,startup,function]

a) throughput, one thread, from bytes to canonical JSON: the Rust way, the Python way it replaces, serde_json::Value, and the plain typed parse
   as the limit; in one run, each several times, the best of each;
b) peak memory for 10 MB, 250 MB and 1 GB: of the reading alone, and of the function's process reading from a local AWS, limited to the 256 MB it
   gets along with;
c) start-up: from the start of the process to its first request for work, and the size of the binary; against Python with boto3 and Pydantic;
d) AWS calls for 1,000 products, changed and unchanged.

Needs cargo and python3; installs Pydantic, boto3 and MiniStack below target/bench. The feeds are the real ones in ../shared/data.
"""

import argparse
import csv
import json
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[2]
BENCH = REPO / "target" / "bench"
REPORT = REPO / "target" / "reports" / "bench-normalize.json"
DATA = REPO.parent / "shared" / "data"
DOCUMENTS, ROWS = DATA / "shein_products.json", DATA / "shein_brightdata_300.csv"
# `unchecked` is our way without the comparison with S3's checksum.
RIVALS = {"toPlainParse": "plain", "toValue": "value", "toUnchecked": "unchecked"}
PACKAGES = ["pydantic==2.13.5", "boto3==1.43.106", "ministack==1.5.33"]


def venv():
    """A virtual environment with what the baselines need; this script goes on in it."""
    python = BENCH / "venv" / "bin" / "python"
    done = BENCH / "venv" / ".installed"
    wanted = "\n".join(PACKAGES)
    if not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", BENCH / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        done.write_text(wanted)
    return python


def built(*arguments, where=REPO):
    """Builds something with cargo; the path of the executable."""
    command = ["cargo", "build", "--message-format=json-render-diagnostics", *arguments]
    output = subprocess.run(command, cwd=where, check=True, stdout=subprocess.PIPE, text=True).stdout
    executables = [json.loads(line).get("executable") for line in output.splitlines() if '"executable"' in line]
    return next(path for path in reversed(executables) if path)


def built_before(commit):
    """The same way from bytes to JSON as an earlier commit went it."""
    folder = BENCH / "before"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], cwd=REPO, check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    # What both are built from is built once.
    target = ["--target-dir", REPO / "target"]
    return built("--profile", "light", "-p", "feeds", "--bench", "throughput", *target, where=folder)


def one(command):
    print("  " + " ".join(pathlib.Path(str(part)).name for part in command), flush=True)
    return json.loads(subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def throughput(python, tool, megabytes, rows_megabytes, rounds):
    results = {}
    for source, file, size in (("shein-api", DOCUMENTS, megabytes), ("shein-brightdata", ROWS, rows_megabytes)):
        runs = {}
        for number in range(rounds):
            kinds = ["ours", "python"] if source == "shein-brightdata" else ["ours", "unchecked", "plain", "value", "python"]
            for kind in kinds:
                if kind in ("python", "value") and number >= 2:
                    continue
                command = [python, HERE / "baseline.py"] if kind == "python" else [tool, kind]
                runs.setdefault(kind, []).append(one([*command, source, file, size]))
        best = {kind: max(found, key=lambda run: run["megabytesPerSecond"]) for kind, found in runs.items()}
        speed = {kind: run["megabytesPerSecond"] for kind, run in best.items()}
        ratios = {"toPython": speed["ours"] / speed["python"]}
        if "plain" in speed:
            ratios |= {name: speed["ours"] / speed[kind] for name, kind in RIVALS.items()}
        results[source] = {"best": best, "ratios": ratios}
    return results


def canonical():
    """A canonical feed without facts."""

    def text(english, arabic):
        return {"en": english, "ar": arabic}

    prices = [{"currency": "SAR", "amount": "23.80", "listAmount": "28.00"}, {"currency": "USD", "amount": "6.35"}]

    def record(number):
        variants = [{"sku": f"{number}-{s}", "title": s, "options": [s], "stock": 3 + number % 7, "prices": prices} for s in "SMLX"]
        return {
            "source": "canonical", "id": str(number), "group": f"g{number // 3}", "sku": f"a-{number}", "brand": "ACME",
            "name": text(f"Light silk scarf {number} with a geometric print", f"وشاح حريري {number}"),
            "description": text("<p>" + "A fine scarf of silk, washed by hand. " * 6 + "</p>", "<p>" + "وشاح من الحرير " * 8 + "</p>"),
            "categories": [[{"id": "10", "name": text("Women", "نساء")}, {"id": "20", "name": text("Scarves", "أوشحة")}]],
            "attributes": [
                {"code": "160", "name": text("Material", "المواد"), "values": [text("Silk", "حرير")]},
                {"code": "9", "name": text("Type", "نوع"), "values": [text("Evening", "سهرة")]},
            ],
            "options": [{"name": text("Size", "مقاس")}],
            "variants": variants,
            "images": [f"https://img.example.com/{number}/{n}.webp" for n in range(5)],
        }  # fmt: skip

    file = BENCH / "canonical.json"
    file.write_text(json.dumps([record(number) for number in range(300)], ensure_ascii=False))
    return file


def without_facts(feed):
    """The same feed, its attributes renamed from which facts follow."""
    text = feed.read_text(encoding="utf-8")
    for name in ("Material", "Gender", "Crowd"):
        text = text.replace(f'"{name}"', f'"{name[::-1]}"')
    file = BENCH / f"without-facts-{feed.name}"
    file.write_text(text, encoding="utf-8")
    return file


def instructions(tool, source, file):
    """Instructions for a record, which other work on the machine does not change; without the checksum, for which Valgrind's processor has no instruction."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=throughput::ours", tool, "unchecked", source, file, 3]
    run = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return int(re.search(r"Collected : (\d+)", run.stderr).group(1)) / json.loads(run.stdout.splitlines()[-1])["records"]


def compared(tool, earlier, rounds):
    """Our way against an earlier commit's: time on the processor in alternating pairs, and instructions where Valgrind is there."""
    results = {}
    feeds = {
        "canonical": ("canonical", canonical(), 20),
        "documents": ("shein-api", DOCUMENTS, 100),
        "documents without facts": ("shein-api", without_facts(DOCUMENTS), 100),
        "rows": ("shein-brightdata", ROWS, 10),
        "rows without facts": ("shein-brightdata", without_facts(ROWS), 10),
    }
    for name, (source, file, megabytes) in feeds.items():
        pairs = []
        for number in range(rounds):
            kinds = ["before", "now"] if number % 2 == 0 else ["now", "before"]
            took = {kind: one([{"before": earlier, "now": tool}[kind], "ours", source, file, megabytes])["seconds"] for kind in kinds}
            pairs.append(took["before"] / took["now"])
        results[name] = {"time": statistics.median(pairs)}
        if shutil.which("valgrind"):
            count = {kind: instructions(path, source, file) for kind, path in (("before", earlier), ("now", tool))}
            results[name] |= {"instructions": count["before"] / count["now"], "perRecord": {kind: round(n) for kind, n in count.items()}}
    return results


def memory(tool, sizes):
    return [one([tool, "memory", "shein-api", DOCUMENTS, size]) for size in sizes]


def described():
    """The dataset's rows as JSON, and mappings of feeds for the measurements."""
    folder = BENCH / "mapped"
    folder.mkdir(parents=True, exist_ok=True)
    nested = ("category_tree", "image_urls", "other_attributes", "all_available_sizes")
    csv.field_size_limit(1 << 24)
    with ROWS.open(newline="", encoding="utf-8") as file:
        rows = [{name: json.loads(cell) if name in nested and cell else cell for name, cell in row.items()} for row in csv.DictReader(file)]
    (folder / "rows.json").write_text(json.dumps(rows, ensure_ascii=False))
    text = (REPO / "sources/shein-brightdata.yaml").read_text()
    (folder / "json.yaml").write_text(re.sub(r"  type: csv\n  json: .*\n", "  type: json\n", text))
    # Each item by itself: what is spread over a feed waits in temporary storage.
    text = (REPO / "sources/google-merchant-xml.yaml").read_text()
    (folder / "xml.yaml").write_text(re.sub(r"group:\n(  .*\n)+", "", text).replace("id: = g_item_group_id ?? g_id", 'id: "g:id"'))
    return folder


def same_products(python, tool, mapping, file):
    """Python is a rival only if it comes to the same products."""
    commands = ([python, HERE / "baseline.py", "shein-brightdata", file, "products"], [tool, "products", mapping, file, 0])
    theirs, ours = (subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout for command in commands)
    pairs = zip(theirs.splitlines(), ours.splitlines(), strict=True)
    differ = [number for number, (one, other) in enumerate(pairs) if json.loads(one) != json.loads(other)]
    if differ:
        raise SystemExit(f"Python and the mapping differ in rows {differ} of {file}")


def mapped(python, tool, megabytes, rounds):
    """Feeds that a mapping describes: against the built-in adapter of the same feed, and against Python."""
    folder = described()
    results = {}
    for form, mapping, file in (("csv", REPO / "sources/shein-brightdata.yaml", ROWS), ("json", folder / "json.yaml", folder / "rows.json")):
        same_products(python, tool, mapping, file)
        runs = {}
        for number in range(rounds):
            for kind in ("mapped", "built-in"):
                runs.setdefault(kind, []).append(one([tool, kind, mapping, file, megabytes]))
            if number < 2:
                runs.setdefault("python", []).append(one([python, HERE / "baseline.py", "shein-brightdata", file, megabytes]))
        best = {kind: max(found, key=lambda run: run["megabytesPerSecond"]) for kind, found in runs.items()}
        speed = {kind: run["megabytesPerSecond"] for kind, run in best.items()}
        results[form] = {"best": best, "ratios": {"toBuiltIn": speed["mapped"] / speed["built-in"], "toPython": speed["mapped"] / speed["python"]}}
    return results


def mapped_memory(tool, sizes):
    folder = described()
    feeds = (
        ("csv", REPO / "sources/shein-brightdata.yaml", ROWS),
        ("xml", folder / "xml.yaml", REPO / "crates/sources/tests/fixtures/google.xml"),
    )
    return [one([tool, "memory", mapping, file, size]) | {"form": form} for form, mapping, file in feeds for size in sizes]


def records():
    """The real documents as text with a place for another id."""
    documents = json.loads(DOCUMENTS.read_bytes())
    raw = DOCUMENTS.read_text().strip()[1:-1]
    decoder = json.JSONDecoder()
    position, texts = 0, []
    for document in documents:
        while raw[position] in " \r\n\t,":
            position += 1
        _, end = decoder.raw_decode(raw, position)
        texts.append((raw[position:end], document["info"]["productInfo"]["goods_id"]))
        position = end
    return texts


def feed(count):
    """A feed of that many different products."""
    texts = records()

    def record(number):
        text, own = texts[number % len(texts)]
        text = text.replace(f'"{own}"', f'"{700_000_000 + number}"')
        # Another SKU for another product, as in the source.
        return re.sub(r'"sku_code": "', f'"sku_code": "{number}-', text)

    return ("[" + ",".join(record(number) for number in range(count)) + "]").encode()


def function(binary, ministack, sizes, products):
    from function import MEMORY_MEGABYTES, PEAK_MEGABYTES, Counter, Function, LocalAws, check_the_limit

    check_the_limit()
    aws = LocalAws(ministack, BENCH / "aws")
    try:
        counter = Counter(aws.port)
        calls = {}
        process = Function(binary, aws, counter.endpoint, BENCH / "calls.log")
        body = feed(products)
        try:
            for what in ("changed", "unchanged"):
                message = aws.upload("incoming/shein-api/calls.json", body)
                counter.take()
                seconds = process.invoke(message)
                made = counter.take()
                calls[what] = {
                    "calls": made,
                    "perThousandProducts": {name: round(number * 1000 / products, 1) for name, number in sorted(made.items())},
                    "total": round(sum(made.values()) * 1000 / products, 1),
                    "seconds": seconds,
                }
                print(f"  {what}: {calls[what]['total']} calls for 1,000 products", flush=True)
        finally:
            process.stop()

        peaks = []
        for megabytes in sizes:
            body = feed(max(3, (megabytes << 20) * 3 // len(DOCUMENTS.read_bytes())))
            message = aws.upload(f"incoming/shein-api/{megabytes}.json", body)
            size = len(body)
            del body
            process = Function(binary, aws, aws.endpoint, BENCH / f"memory-{megabytes}.log")
            try:
                seconds = process.invoke(message)
                peak = process.peak_kilobytes()
                peaks.append({"bytes": size, "limitMegabytes": MEMORY_MEGABYTES, "peakKilobytes": peak, "seconds": seconds})
            finally:
                process.stop()
            print(f"  {size / 1e6:.0f} MB: peak {peaks[-1]['peakKilobytes'] / 1024:.1f} MB in {seconds:.0f} s", flush=True)
        over = [run for run in peaks if run["peakKilobytes"] > PEAK_MEGABYTES << 10]
        if over:
            raise SystemExit(f"more than {PEAK_MEGABYTES} MB: {over}")
        return {"calls": calls, "products": products, "memory": peaks}
    finally:
        aws.stop()


def startup(binary, python, times):
    from function import settings, start_up

    ours = start_up([binary], times, **settings("https://queue", "https://dead"))
    theirs = start_up([str(python), str(HERE / "handler.py")], max(3, times // 3))
    size = pathlib.Path(binary).stat().st_size
    archive = BENCH / "normalize.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        package.write(binary, "bootstrap")
    return {
        "milliseconds": statistics.median(ours),
        "pythonMilliseconds": statistics.median(theirs),
        "ratio": statistics.median(theirs) / statistics.median(ours),
        "binaryBytes": size,
        "packageBytes": archive.stat().st_size,
    }


def machine():
    model = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text())
    cores = len(re.findall(r"^processor", pathlib.Path("/proc/cpuinfo").read_text(), re.M))
    rustc = subprocess.run(["rustc", "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
    return {"processor": model.group(1) if model else platform.machine(), "cores": cores, "rustc": rustc, "python": platform.python_version()}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="smaller feeds, fewer rounds")
    arguments.add_argument("--profile", default="light", help="profile of the function's binary; release is what is deployed")
    arguments.add_argument("--before", help="a commit against which this one is measured; with --only '' nothing else is")
    arguments.add_argument("--binary", help="a binary of the function that is there already")
    arguments.add_argument("--only", default="throughput,memory,mapped,startup,function")
    chosen = arguments.parse_args()
    only = set(filter(None, chosen.only.split(",")))
    if not DOCUMENTS.exists():
        raise SystemExit(f"the real feeds are not there: {DOCUMENTS}")
    python = venv() if only else None
    if only and pathlib.Path(sys.prefix) != BENCH / "venv":
        raise SystemExit(subprocess.run([python, __file__, *sys.argv[1:]]).returncode)
    sys.path.insert(0, str(HERE))

    report = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    BENCH.mkdir(parents=True, exist_ok=True)
    report["machine"] = machine()
    if only & {"throughput", "memory"}:
        tool = built("--profile", "light", "-p", "feeds", "--bench", "throughput")
    if only & {"startup", "function"}:
        binary = chosen.binary or built("--profile", chosen.profile, "-p", "normalize", "--bin", "normalize")
    if "throughput" in only:
        print("throughput", flush=True)
        report["throughput"] = throughput(python, tool, 50 if chosen.quick else 250, 10 if chosen.quick else 50, 2 if chosen.quick else 4)
    if chosen.before:
        print(f"against {chosen.before}", flush=True)
        tool = built("--profile", "light", "-p", "feeds", "--bench", "throughput")
        report["before"] = {"commit": chosen.before, "ratios": compared(tool, built_before(chosen.before), 4 if chosen.quick else 12)}
    if "memory" in only:
        print("memory of the reading", flush=True)
        report["memory"] = memory(tool, [10, 250] if chosen.quick else [10, 250, 1024])
    if "mapped" in only:
        tool = built("--profile", "light", "-p", "sources", "--bench", "mapped")
        print("feeds that a mapping describes", flush=True)
        report["mapped"] = mapped(python, tool, 10 if chosen.quick else 50, 2 if chosen.quick else 4)
        report["mappedMemory"] = mapped_memory(tool, [10, 128] if chosen.quick else [10, 256, 1024])
        over = [run for run in report["mappedMemory"] if run["peakKilobytes"] > 64 << 10]
        if over:
            raise SystemExit(f"more than 64 MB: {over}")
    if "startup" in only:
        print("start-up", flush=True)
        report["startup"] = {"profile": chosen.profile, **startup(binary, python, 5 if chosen.quick else 15)}
    if "function" in only:
        print("the function against a local AWS", flush=True)
        sizes = [10] if chosen.quick else [10, 250, 1024]
        ministack = BENCH / "venv" / "bin" / "ministack"
        report["function"] = {"profile": chosen.profile, **function(binary, ministack, sizes, 300 if chosen.quick else 1000)}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    summary(report)


def summary(report):
    print()
    for source, result in report.get("throughput", {}).items():
        best, ratios = result["best"], result["ratios"]
        print(f"{source}: {best['ours']['megabytesPerSecond']:.0f} MB/s, {best['ours']['recordsPerSecond']:.0f} products/s")
        for name, ratio in ratios.items():
            print(f"  {name}: {ratio:.2f} x")
    for source, ratios in report.get("before", {}).get("ratios", {}).items():
        print(f"{source} against {report['before']['commit']}: time {ratios['time']:.3f} x, instructions {ratios.get('instructions', 0):.3f} x")
    for form, result in report.get("mapped", {}).items():
        print(f"mapped {form}: {result['best']['mapped']['megabytesPerSecond']:.0f} MB/s, {result['best']['mapped']['recordsPerSecond']:.0f} products/s")
        for name, ratio in result["ratios"].items():
            print(f"  {name}: {ratio:.2f} x")
    for run in report.get("mappedMemory", []):
        print(f"mapped {run['form']}, {run['bytes'] / 1e6:.0f} MB: peak {run['peakKilobytes'] / 1024:.1f} MB")
    for run in report.get("memory", []):
        print(f"reading {run['bytes'] / 1e6:.0f} MB: peak {run['peakKilobytes'] / 1024:.1f} MB")
    if start := report.get("startup"):
        print(f"start-up: {start['milliseconds']:.1f} ms, Python {start['pythonMilliseconds']:.0f} ms: {start['ratio']:.0f} x")
        print(f"binary {start['binaryBytes'] / 1e6:.1f} MB, package {start['packageBytes'] / 1e6:.1f} MB")
    if run := report.get("function"):
        for peak in run["memory"]:
            print(f"function, {peak['bytes'] / 1e6:.0f} MB: peak {peak['peakKilobytes'] / 1024:.1f} MB in {peak['seconds']:.0f} s")
        for what, calls in run["calls"].items():
            print(f"AWS calls for 1,000 {what} products: {calls['total']}: {calls['perThousandProducts']}")
    print(f"report: {REPORT.relative_to(REPO)}")


main()
