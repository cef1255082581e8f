//! What `normalize` left of a full feed: an index, and the ids in sorted parts.

use std::collections::BTreeSet;
use std::future::Future;

use catalog::{Failure, PartName};
use serde::Deserialize;

use crate::codes;

/// Bytes of a part read at once. With fifty parts (a million products) both manifests together take
/// 6.5 MB.
pub const PIECE: u64 = 64 * 1024;

/// `manifests/<source>/<run>.json`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    pub parts: String,
    /// The feed, for people.
    pub object: String,
    /// Version of the feed: that of its first record.
    pub version: String,
    /// Whether every product of the feed is in it.
    pub complete: bool,
    /// The parts of products that it speaks for; empty where they do not come in parts.
    #[serde(default)]
    pub speaks_for: BTreeSet<PartName>,
}

/// The bucket, as far as manifests are concerned.
pub trait Manifests {
    /// Reads an object; `None` where there is none.
    fn get(&self, bucket: &str, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, Failure>>;

    /// Keys and sizes (bytes) of the objects under a prefix.
    fn list(&self, bucket: &str, prefix: &str) -> impl Future<Output = Result<Vec<(String, u64)>, Failure>>;

    /// Reads bytes `from..to` of an object.
    fn range(&self, bucket: &str, key: &str, from: u64, to: u64) -> impl Future<Output = Result<Vec<u8>, Failure>>;
}

/// One part, read piece by piece.
#[derive(Debug)]
pub struct Part {
    bucket: String,
    key: String,
    size: u64,
    /// Bytes read so far.
    read: u64,
    piece: Vec<u8>,
    /// Where in `piece` the next line begins.
    at: usize,
}

impl Part {
    /// A part of so many bytes.
    #[must_use]
    pub fn new(bucket: &str, key: String, size: u64) -> Self {
        Self { bucket: bucket.to_owned(), key, size, read: 0, piece: Vec::new(), at: 0 }
    }

    /// Ids in memory, in order.
    #[must_use]
    pub fn of_ids(ids: &[String]) -> Self {
        let piece = ids.iter().flat_map(|id| [id.as_bytes(), b"\n"].concat()).collect();
        Self { bucket: String::new(), key: String::new(), size: 0, read: 0, piece, at: 0 }
    }

    pub(crate) async fn next<M: Manifests>(&mut self, source: &M) -> Result<Option<String>, Failure> {
        loop {
            if let Some(length) = self.piece[self.at..].iter().position(|byte| *byte == b'\n') {
                let line = &self.piece[self.at..self.at + length];
                let id = String::from_utf8_lossy(line).into_owned();
                self.at += length + 1;
                if !id.is_empty() {
                    return Ok(Some(id));
                }
                continue;
            }
            if self.read >= self.size {
                return Ok(None);
            }
            self.piece.drain(..self.at);
            self.at = 0;
            let to = (self.read + PIECE).min(self.size);
            let more = source.range(&self.bucket, &self.key, self.read, to).await?;
            if more.is_empty() {
                return Err(Failure::transient(
                    codes::MANIFEST_UNREADABLE,
                    format!("{} ends before its size", self.key),
                ));
            }
            self.read += more.len() as u64;
            self.piece.extend(more);
        }
    }
}
