//! A product as the ledger keeps it: zstd-compressed JSON.

use std::cell::RefCell;
use std::io::Read;

use catalog::Product;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe;

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

thread_local! {
    /// Setting one up takes longer than most products.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

pub(super) fn pack(product: &Product) -> Result<Vec<u8>, BodyError> {
    let json = serde_json::to_vec(product)?;
    if json.len() > MAX_JSON_BYTES {
        return Err(BodyError::TooLarge { bytes: json.len() });
    }
    COMPRESSOR.with_borrow_mut(|known| {
        let compressor = match known.take() {
            Some(compressor) => compressor,
            None => Compressor::new(LEVEL)?,
        };
        Ok(known.insert(compressor).compress(&json)?)
    })
}

pub(super) fn unpack(bytes: &[u8]) -> Result<Product, BodyError> {
    // What was packed here says how long it is.
    if let Ok(Some(size)) = zstd_safe::get_frame_content_size(bytes)
        && let Some(size) = usize::try_from(size).ok().filter(|size| *size <= MAX_JSON_BYTES)
    {
        let json = DECOMPRESSOR.with_borrow_mut(|known| {
            let decompressor = match known.take() {
                Some(decompressor) => decompressor,
                None => Decompressor::new()?,
            };
            known.insert(decompressor).decompress(bytes, size)
        })?;
        return Ok(serde_json::from_slice(&json)?);
    }
    let mut json = Vec::new();
    let read = zstd::stream::Decoder::new(bytes)?.take(MAX_JSON_BYTES as u64 + 1).read_to_end(&mut json)?;
    if read > MAX_JSON_BYTES {
        return Err(BodyError::TooLarge { bytes: read });
    }
    Ok(serde_json::from_slice(&json)?)
}
