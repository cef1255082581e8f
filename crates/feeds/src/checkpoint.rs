//! Where a feed can be taken up again.

use serde::{Deserialize, Serialize};

use crate::decode::Compression;
use crate::integrity::Partial;
use crate::split::{Format, Place};

/// A place between two records. Everything before it has been handed out; reading on from here
/// hands out the rest, each record with the number and offset it would have had anyway.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Bytes from the beginning of the feed, after decompression.
    pub offset: u64,
    /// The number of the next record.
    pub index: u64,
    /// How the object is compressed; `None` before anything was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// How records follow each other; `None` before the beginning has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// What came last.
    #[serde(default)]
    pub place: Place,
    /// Objects around the records that are still open.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u32,
    /// The first record of a CSV feed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Of a feed whose products come out at its end: in how many steps what was handed out came.
    #[serde(default, skip_serializing_if = "no_steps")]
    pub steps: u64,
    /// The object's checksum so far; `None` where it is not known, and for compressed objects,
    /// which are read from their beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Partial>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(depth: &u32) -> bool {
    *depth == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn no_steps(steps: &u64) -> bool {
    *steps == 0
}

impl Checkpoint {
    /// The byte of the object to read on from. Compressed data can only be read from its beginning:
    /// what was read before is decompressed once more and dropped.
    #[must_use]
    pub fn object_offset(&self) -> u64 {
        match self.compression {
            Some(Compression::None) => self.offset,
            _ => 0,
        }
    }
}
