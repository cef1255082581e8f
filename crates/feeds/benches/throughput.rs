//! Throughput and memory of the way from bytes to canonical JSON, on one thread. One measurement
//! per process, printed as a JSON line:
//!
//! ```text
//! throughput <what> <source> <feed file> <megabytes>
//! what: ours | unchecked | value | plain | memory
//! ```
//!
//! The records of the file are repeated to the given size. `benches/normalize.py` runs all of it
//! beside the Python baseline.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

mod measure;

use std::time::Instant;

use feeds::integrity::{Algorithm, Checksum, Partial};
use feeds::{Checkpoint, Feed, Limits, Outcome, Progress, adapter};
use measure::{Repeated, on_cpu, peak};

/// Bytes of one piece, as the function reads them from S3.
const PIECE: usize = 2 << 20;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [what, source, file, megabytes] = args.as_slice() else {
        // `cargo test` and a bare `cargo bench` start it without anything to measure.
        println!("usage: throughput ours|unchecked|value|plain|memory <source> <feed file> <megabytes>");
        return;
    };
    let feed = Repeated::of(&std::fs::read(file).unwrap(), megabytes.parse::<usize>().unwrap() << 20);
    let size = feed.size();
    let whole = if what == "memory" { Vec::new() } else { feed.pieces(PIECE).flatten().collect() };
    let checksum = (what == "ours").then(|| checksum(&whole));
    let (started, began) = (Instant::now(), on_cpu());
    let (records, written) = match what.as_str() {
        "ours" | "unchecked" => ours(source, checksum, whole.chunks(PIECE).map(<[u8]>::to_vec)),
        "memory" => ours(source, None, feed.pieces(PIECE)),
        "value" => (serde_json::from_slice::<Vec<serde_json::Value>>(&whole).unwrap().len(), 0),
        "plain" => (adapter::plain_parse(&whole).unwrap(), 0),
        other => panic!("no such measurement: {other}"),
    };
    let wall = started.elapsed().as_secs_f64();
    // Time on the CPU, so that other work on the machine does not count; wall time where the system
    // does not tell.
    let seconds = on_cpu().zip(began).map_or(wall, |(now, began)| now - began);
    println!(
        "{}",
        serde_json::json!({
            "what": what, "source": source, "bytes": size, "records": records, "writtenBytes": written, "seconds": seconds, "wallSeconds": wall,
            "megabytesPerSecond": size as f64 / 1e6 / seconds, "recordsPerSecond": records as f64 / seconds, "peakKilobytes": peak(),
        })
    );
}

/// S3's checksum of an object.
fn checksum(object: &[u8]) -> Checksum {
    let mut whole = Partial::new(Algorithm::Crc64Nvme);
    whole.add(0, object);
    Checksum { algorithm: Algorithm::Crc64Nvme, value: whole.value() }
}

/// The function's own way without AWS: products as canonical JSON.
fn ours(source: &str, checksum: Option<Checksum>, pieces: impl Iterator<Item = Vec<u8>>) -> (usize, usize) {
    let adapter = adapter::find(source).unwrap();
    let mut feed = Feed::expecting(checksum, adapter, "feed", Checkpoint::default(), Limits::default()).unwrap();
    let mut outcomes = Vec::new();
    let mut json = Vec::new();
    let (mut records, mut written) = (0, 0);
    let mut drain = |outcomes: &mut Vec<Outcome>| {
        for outcome in outcomes.drain(..) {
            let Outcome::Product(mapped) = outcome else { panic!("{outcome:?}") };
            json.clear();
            serde_json::to_writer(&mut json, &mapped.product).unwrap();
            records += 1;
            written += json.len();
        }
    };
    for piece in pieces {
        feed.offer(piece);
        while feed.step(&mut outcomes).unwrap() == Progress::More {
            drain(&mut outcomes);
        }
        drain(&mut outcomes);
    }
    feed.finish(&mut outcomes).unwrap();
    drain(&mut outcomes);
    (records, written)
}
