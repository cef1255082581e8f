//! A product as the `doc` item keeps it: zstd-compressed JSON.

use catalog::Product;

/// Why a stored product cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Not what zstd wrote.
    #[error("the stored product cannot be decompressed: {0}")]
    Compression(#[from] std::io::Error),
    /// Not a product.
    #[error("the stored product is not understood: {0}")]
    Json(#[from] serde_json::Error),
}

/// zstd's default trade-off; a product of 6 kB becomes about 1.5 kB.
const LEVEL: i32 = 3;

pub(super) fn pack(product: &Product) -> Result<Vec<u8>, BodyError> {
    Ok(zstd::bulk::compress(&serde_json::to_vec(product)?, LEVEL)?)
}

pub(super) fn unpack(bytes: &[u8]) -> Result<Product, BodyError> {
    Ok(serde_json::from_slice(&zstd::stream::decode_all(bytes)?)?)
}
