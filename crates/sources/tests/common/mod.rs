//! Feeds through mappings.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses some of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::Product;
use feeds::{Broken, Checkpoint, Limits, Outcome, Progress, Rejection};
use sources::Mapping;

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A mapping that comes with it.
pub(crate) fn mapping(source: &str) -> Arc<Mapping> {
    let file = format!("sources/{source}.yaml");
    read(&file, &std::fs::read_to_string(repository().join(&file)).unwrap())
}

pub(crate) fn read(file: &str, text: &str) -> Arc<Mapping> {
    Arc::new(Mapping::read(file, text).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(|problem| problem.shown(text)).collect::<Vec<_>>().join("\n"))
    }))
}

/// A real file that lies beside the repository, where it does.
pub(crate) fn real(name: &str) -> Option<Vec<u8>> {
    std::fs::read(repository().join("../shared/data").join(name))
        .or_else(|_| std::fs::read(repository().join("../../shared/data").join(name)))
        .ok()
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(repository().join("crates/sources/tests/fixtures").join(name)).unwrap()
}

/// Maps a feed that arrives in pieces.
pub(crate) fn map_bytes(
    mapping: &Arc<Mapping>,
    name: &str,
    bytes: &[u8],
    piece: usize,
) -> (Vec<Outcome>, Result<(), Broken>) {
    let mut feed = sources::feed(None, Arc::clone(mapping), name, Checkpoint::default(), Limits::default()).unwrap();
    let mut out = Vec::new();
    for bytes in bytes.chunks(piece) {
        feed.offer(bytes);
        loop {
            match feed.step(&mut out) {
                Ok(Progress::More) => {}
                Ok(Progress::Hungry) => break,
                Err(broken) => return (out, Err(broken)),
            }
        }
    }
    let end = feed.finish(&mut out);
    (out, end)
}

/// Maps a feed that is whole; products and what was refused.
pub(crate) fn map(mapping: &Arc<Mapping>, bytes: &[u8]) -> (Vec<Product>, Vec<Rejection>) {
    let (out, end) = map_bytes(mapping, "feed", bytes, 4_096);
    end.unwrap_or_else(|broken| panic!("{broken}"));
    let (mut products, mut refused) = (Vec::new(), Vec::new());
    for outcome in out {
        match outcome {
            Outcome::Product(mapped) => products.push(mapped.product),
            Outcome::Line(line) => unreachable!("a part: {line:?}"),
            Outcome::Rejected(rejection, _) => refused.push(rejection),
        }
    }
    (products, refused)
}
