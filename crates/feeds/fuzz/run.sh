#!/bin/sh
# Fuzzes the splitter, the decompression and every adapter: RUNS executions of each target (default 2,500,000, so 12.5 million in all).
# cargo-fuzz is installed beside the build output if there is none. Whatever it finds goes to ../tests/findings as a test.
set -eu
cd "$(dirname "$0")/.."
RUNS=${RUNS:-2500000}
TOOLS="$(pwd)/../../target/fuzz-tools"
export PATH="$TOOLS/bin:$PATH"
# The fuzzing instrumentation is an unstable compiler flag; it works with the stable compiler, too.
export RUSTC_BOOTSTRAP=1
command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --version 0.13.2 --locked --root "$TOOLS"

report=../../target/reports/fuzz.jsonl
mkdir -p "$(dirname "$report")"
: >"$report"
for target in ${TARGETS:-splitter shein_api shein_brightdata canonical compressed}; do
    mkdir -p "fuzz/corpus/$target"
    log=$(mktemp)
    # A hang is an execution of more than 5 s, growth is more than 512 MB.
    if cargo fuzz run --sanitizer "${SANITIZER:-none}" "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -runs="$RUNS" -max_len=4096 -timeout=5 -rss_limit_mb=512 -dict=fuzz/feeds.dict -print_final_stats=1 >"$log" 2>&1; then
        outcome=clean
    else
        outcome=finding
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    peak=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")
    coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)
    echo "{\"target\":\"$target\",\"outcome\":\"$outcome\",\"executions\":${executions:-0},\"peakMegabytes\":${peak:-0},\"coverage\":${coverage:-0}}" | tee -a "$report"
    if [ "$outcome" = finding ]; then
        tail -40 "$log" >&2
        exit 1
    fi
    rm -f "$log"
done
