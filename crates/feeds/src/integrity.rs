//! Whether an object arrives as it was stored.
//!
//! S3 keeps a checksum of each object as a whole, but answers range reads without one: what was
//! read in pieces can only be compared at its end. The checksums that can be taken up again in the
//! middle are CRCs, so the state of one is a part of the [`crate::Checkpoint`], and a run over
//! several invocations is compared like any other.

use crc_fast::{CrcAlgorithm, Digest};
use serde::{Deserialize, Serialize};

/// The checksums of S3 that can be taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// What S3 computes where the uploader does not say.
    Crc64Nvme,
    /// CRC-32/ISO-HDLC, that of gzip.
    Crc32,
    /// CRC-32/ISCSI.
    Crc32C,
}

impl Algorithm {
    const fn parameters(self) -> CrcAlgorithm {
        match self {
            Self::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
            Self::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
            Self::Crc32C => CrcAlgorithm::Crc32Iscsi,
        }
    }

    /// Bytes of a value.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Crc64Nvme => 8,
            Self::Crc32 | Self::Crc32C => 4,
        }
    }
}

/// What an object's checksum should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum {
    pub algorithm: Algorithm,
    pub value: u64,
}

impl Checksum {
    /// From the bytes of its value, the most significant first; `None` if they are too many or too
    /// few.
    #[must_use]
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        let value = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        (bytes.len() == algorithm.bytes()).then_some(Self { algorithm, value })
    }
}

/// A checksum over the beginning of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    algorithm: Algorithm,
    state: u64,
    bytes: u64,
}

impl Partial {
    /// Over nothing yet.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, state: Digest::new(algorithm.parameters()).get_state(), bytes: 0 }
    }

    /// How it is computed.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Adds `bytes`, the first of which stands at `offset` in the object. What is in it already
    /// does not count twice.
    pub fn add(&mut self, offset: u64, bytes: &[u8]) {
        let known = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX).min(bytes.len());
        let mut digest = Digest::new_with_init_state(self.algorithm.parameters(), self.state);
        digest.update(&bytes[known..]);
        self.state = digest.get_state();
        self.bytes += (bytes.len() - known) as u64;
    }

    /// The checksum of what has been added.
    #[must_use]
    pub fn value(&self) -> u64 {
        Digest::new_with_init_state(self.algorithm.parameters(), self.state).finalize()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksums_are_those_of_their_standards() {
        for (algorithm, check) in [
            (Algorithm::Crc64Nvme, 0xae8b_1486_0a79_9888),
            (Algorithm::Crc32, 0xcbf4_3926),
            (Algorithm::Crc32C, 0xe306_9283),
        ] {
            let mut partial = Partial::new(algorithm);
            partial.add(0, b"123456789");
            assert_eq!(partial.value(), check, "{algorithm:?}");
        }
        assert_eq!(Checksum::of(Algorithm::Crc32, &[0xcb, 0xf4, 0x39, 0x26]).unwrap().value, 0xcbf4_3926);
        assert_eq!(Checksum::of(Algorithm::Crc32, &[1, 2, 3]), None);
    }

    proptest! {
        #[test]
        fn pieces_pauses_and_repetitions_change_nothing(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
            cuts in proptest::collection::vec((0usize..600, 0usize..40), 0..6),
        ) {
            let mut whole = Partial::new(Algorithm::Crc64Nvme);
            whole.add(0, &bytes);
            let mut partial = Partial::new(Algorithm::Crc64Nvme);
            let mut at = 0usize;
            for (length, back) in cuts {
                let from = at.saturating_sub(back);
                at = (at + length).min(bytes.len());
                partial = serde_json::from_str(&serde_json::to_string(&partial).unwrap()).unwrap();
                partial.add(from as u64, &bytes[from..at]);
            }
            partial.add(at as u64, &bytes[at..]);
            prop_assert_eq!(partial, whole);
        }
    }
}
