//! A product as the ledger keeps it: zstd-compressed JSON.

use std::io::Read;

use catalog::Product;

/// Why a stored product cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Not what zstd wrote.
    #[error("the stored product cannot be decompressed: {0}")]
    Compression(#[from] std::io::Error),
    #[error("the stored product is not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// Larger than anything that is written.
    #[error("{bytes} bytes of JSON, at most {MAX_JSON_BYTES} are kept")]
    TooLarge {
        /// At least so many.
        bytes: usize,
    },
}

/// Largest product, as JSON. Pimcore's web server takes 100 MB and Medusa's largest request is 2
/// MB, which is looked at where it is made; no record of a feed is larger than 4 MiB. What exceeds
/// this could not be held in memory with others.
pub const MAX_JSON_BYTES: usize = 8 << 20;

/// zstd's default trade-off; a product of 6 kB becomes about 1.5 kB.
const LEVEL: i32 = 3;

pub(super) fn pack(product: &Product) -> Result<Vec<u8>, BodyError> {
    let json = serde_json::to_vec(product)?;
    if json.len() > MAX_JSON_BYTES {
        return Err(BodyError::TooLarge { bytes: json.len() });
    }
    Ok(zstd::bulk::compress(&json, LEVEL)?)
}

pub(super) fn unpack(bytes: &[u8]) -> Result<Product, BodyError> {
    let mut json = Vec::new();
    let read = zstd::stream::Decoder::new(bytes)?.take(MAX_JSON_BYTES as u64 + 1).read_to_end(&mut json)?;
    if read > MAX_JSON_BYTES {
        return Err(BodyError::TooLarge { bytes: read });
    }
    Ok(serde_json::from_slice(&json)?)
}
