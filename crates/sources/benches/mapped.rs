//! Throughput and memory of feeds that a mapping describes, from bytes to canonical JSON, on one
//! thread. One measurement per process, printed as a JSON line:
//!
//! ```text
//! mapped <what> <mapping file> <feed file> <megabytes>
//! what: mapped | built-in (of the same source) | memory (mapped, from pieces that are made as they are read) | products (each as a line, mapped once)
//! ```
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

#[path = "../../feeds/benches/measure/mod.rs"]
mod measure;

use std::sync::Arc;
use std::time::Instant;

use feeds::{Checkpoint, Feed, Limits, Outcome, Progress, adapter};
use measure::{Repeated, on_cpu, peak};
use sources::Mapping;

/// Bytes of one piece, as the function reads them from S3.
const PIECE: usize = 2 << 20;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [what, mapping, file, megabytes] = args.as_slice() else {
        println!("usage: mapped mapped|built-in|memory|products <mapping file> <feed file> <megabytes>");
        return;
    };
    let mapping = Arc::new(Mapping::read(mapping, &std::fs::read_to_string(mapping).unwrap()).unwrap());
    let repeated = Repeated::of(&std::fs::read(file).unwrap(), megabytes.parse::<usize>().unwrap() << 20);
    let size = repeated.size();
    let whole: Vec<u8> = if what == "memory" { Vec::new() } else { repeated.pieces(PIECE).flatten().collect() };
    let feed = match what.as_str() {
        "built-in" => {
            let adapter = adapter::find(mapping.source()).unwrap();
            Feed::new(adapter, "feed", Checkpoint::default(), Limits::default())
        }
        _ => sources::feed(None, Arc::clone(&mapping), "feed", Checkpoint::default(), Limits::default()),
    };
    let (started, began) = (Instant::now(), on_cpu());
    let (records, written) = match what.as_str() {
        "memory" => read(feed.unwrap(), repeated.pieces(PIECE)),
        "products" => return shown(feed.unwrap(), whole),
        _ => read(feed.unwrap(), whole.chunks(PIECE).map(<[u8]>::to_vec)),
    };
    let wall = started.elapsed().as_secs_f64();
    let seconds = on_cpu().zip(began).map_or(wall, |(now, began)| now - began);
    println!(
        "{}",
        serde_json::json!({
            "what": what, "source": mapping.source(), "bytes": size, "records": records, "writtenBytes": written, "seconds": seconds, "wallSeconds": wall,
            "megabytesPerSecond": size as f64 / 1e6 / seconds, "recordsPerSecond": records as f64 / seconds, "peakKilobytes": peak(),
        })
    );
}

fn shown(mut feed: Feed, whole: Vec<u8>) {
    let mut outcomes = Vec::new();
    feed.offer(whole);
    while feed.step(&mut outcomes).unwrap() == Progress::More {}
    while feed.conclude(&mut outcomes).unwrap() == Progress::More {}
    for outcome in outcomes {
        if let Outcome::Product(mapped) = outcome {
            println!("{}", serde_json::to_string(&mapped.product).unwrap());
        }
    }
}

fn read(mut feed: Feed, pieces: impl Iterator<Item = Vec<u8>>) -> (usize, usize) {
    let (mut outcomes, mut json) = (Vec::new(), Vec::new());
    let (mut records, mut written) = (0, 0);
    let mut drain = |outcomes: &mut Vec<Outcome>| {
        for outcome in outcomes.drain(..) {
            if let Outcome::Product(mapped) = outcome {
                json.clear();
                serde_json::to_writer(&mut json, &mapped.product).unwrap();
                written += json.len();
            }
            records += 1;
        }
    };
    for piece in pieces {
        feed.offer(piece);
        while feed.step(&mut outcomes).unwrap() == Progress::More {
            drain(&mut outcomes);
        }
        drain(&mut outcomes);
    }
    while feed.conclude(&mut outcomes).unwrap() == Progress::More {
        drain(&mut outcomes);
    }
    drain(&mut outcomes);
    (records, written)
}
