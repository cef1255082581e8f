#!/usr/bin/env python3
"""How large the functions' packages are, and what is in them.

    crates/feeds/benches/package_size.py                   # builds every function as it is deployed (this machine's architecture) and measures it
    crates/feeds/benches/package_size.py normalize         # one of them
    crates/feeds/benches/package_size.py --check FOLDER    # fails if a bootstrap below FOLDER (what `sam build` leaves) makes too large a package

The sizes by crate are those of the symbols in the unstripped binary. A function that the compiler made for a client's types (a future, a destructor)
counts for that client, whichever crate it is written in. Writes target/reports/package-size.json. Needs cargo, and nm and strip of binutils.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

REPO = pathlib.Path(__file__).resolve().parents[3]
REPORT = REPO / "target" / "reports" / "package-size.json"
FUNCTIONS = ["normalize", "pimcore-sync", "medusa-push", "dlq-redrive", "pimcore-notices"]
# Bytes of a package, zipped as SAM does it.
LIMIT = 6_000_000
# What belongs together; the first that occurs anywhere in a symbol counts, the rest goes by the symbol's own crate.
CLIENTS = ["aws_sdk_s3", "aws_sdk_dynamodb", "aws_sdk_sqs", "aws_sdk_eventbridge", "aws_sdk_lambda", "aws_sdk_secretsmanager", "aws_sdk_sts", "reqwest"]
GROUPS = {
    "TLS (aws-lc, rustls)": r"aws_lc|rustls|webpki|ecp_nistz|aesni|aes_|sha\d|bn_|ec_|p\d+_|curve25519|x25519|ml_kem|mlkem|edwards|rsaz|vpaes|gcm_|chacha|poly1305|md5|keccak|.*pqdsa|mldsa|L?p\d{3}_|Lp\d|Led25519|Ledwards|RSA_|kPrimes|kObject|kNID|g_p\d|mulx?4x|ripemd",
    "HTTP (hyper, h2, http)": r"hyper|h2$|http|tower|httparse|url$|idna|icu_|percent_encoding",
    "AWS SDK, shared (smithy, config, signing)": r"aws_smithy|aws_config|aws_runtime|aws_sigv4|aws_types|aws_credential|xmlparser|fastrand|regex_lite|crc_fast|time$|base64_simd",
    "Lambda runtime, logging": r"lambda_|tracing|matchers|regex|sharded_slab|thread_local|nu_ansi",
    "asynchronous runtime": r"tokio|mio|futures|bytes|parking_lot|socket2|signal_hook",
    "standard library": r"core$|std$|alloc$|hashbrown|gimli|addr2line|rustc_demangle|miniz|object|memchr|compiler_builtins",
    "compression (zstd, zlib-rs)": r"zstd|ZSTD|HUF|FSE|HIST|ZBUFF|XXH|POOL|COVER|DIVSUFSORT|zlib|flate2|libz",
    "JSON, decimals, CSV": r"serde|itoa|ryu|zmij|rust_decimal|csv|jiff|simdutf8|wide|blake3",
    "ours": r"normalize|pimcore|medusa|redrive|dlq_redrive|feeds|catalog|ledger|runtime$|withdrawal|pimcore_sync|medusa_push",
}


def zipped(binary):
    """Bytes of the package."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
            package.write(binary, "bootstrap")
        return file.seek(0, os.SEEK_END)


def crates(symbol):
    """The crates that a mangled name mentions, in order (both schemes of rustc)."""
    if symbol.startswith("_R"):
        return [found[1][: int(found[0])] for found in re.findall(r"C(?:s[0-9a-zA-Z]*_)?(\d+)_?([a-zA-Z_]\w*)", symbol)]
    if symbol.startswith("_ZN"):
        length = re.match(r"_ZN(\d+)", symbol)[1]
        first = symbol[3 + len(length) :][: int(length)].replace("..", "::")
        return re.findall(r"(?:^|[^\w:])([a-z_]\w*)(?=::|$)", re.sub(r"\$\w+\$", " ", first).replace("_ ", " "))
    return []


def owner(symbol):
    for client in CLIENTS:
        if client in symbol:
            return client.replace("aws_sdk_", "client: ") if client.startswith("aws") else "client: reqwest"
    named = crates(symbol)
    crate = named[0] if named else symbol
    return next((group for group, pattern in GROUPS.items() if re.match(pattern, crate)), "other")


def contents(binary):
    """Kilobytes by owner."""
    listing = subprocess.run(["nm", "--print-size", "--defined-only", binary], check=True, capture_output=True, text=True).stdout
    sizes = collections.Counter()
    for line in listing.splitlines():
        parts = line.split()
        if len(parts) == 4 and parts[2].lower() in "trdw":
            sizes[owner(parts[3])] += int(parts[1], 16)
    return {name: round(size / 1000) for name, size in sizes.most_common()}


def built(function):
    """Builds a function as it is deployed, but with its symbols."""
    environment = os.environ | {"CARGO_PROFILE_RELEASE_STRIP": "none"}
    subprocess.run(["cargo", "build", "--locked", "--release", "-p", function, "--bin", function], cwd=REPO, check=True, env=environment)
    return REPO / "target" / "release" / function


def measured(function, binary):
    with tempfile.TemporaryDirectory() as folder:
        stripped = pathlib.Path(folder) / "bootstrap"
        shutil.copy(binary, stripped)
        subprocess.run(["strip", stripped], check=True)
        row = {"binaryBytes": stripped.stat().st_size, "packageBytes": zipped(stripped), "kilobytes": contents(binary)}
    print(f"{function}: binary {row['binaryBytes'] / 1e6:.2f} MB, package {row['packageBytes'] / 1e6:.2f} MB", flush=True)
    for name, size in row["kilobytes"].items():
        print(f"  {size:6} kB {name}")
    return row


def check(folder):
    found = sorted(pathlib.Path(folder).rglob("bootstrap"))
    if not found:
        raise SystemExit(f"no function below {folder}")
    sizes = {path: zipped(path) for path in found}
    for path, size in sizes.items():
        print(f"{path.parent.name}: {size / 1e6:.2f} MB zipped of {LIMIT / 1e6:.0f} MB")
    large = [path.parent.name for path, size in sizes.items() if size > LIMIT]
    if large:
        raise SystemExit(f"larger than {LIMIT / 1e6:.0f} MB zipped: {', '.join(large)}; docs/performance.md says what is in a package")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("functions", nargs="*", metavar="function[=unstripped binary]", default=FUNCTIONS)
    arguments.add_argument("--check", metavar="FOLDER")
    chosen = arguments.parse_args()
    if chosen.check:
        return check(chosen.check)
    report = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    for function in chosen.functions:
        name, _, binary = function.partition("=")
        report[name] = measured(name, binary or built(name))
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    return None


if __name__ == "__main__":
    sys.exit(main())
