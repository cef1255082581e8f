//! Why the ledger could not do what was asked.

use catalog::Failure;

use crate::codes;
use crate::core::parts::MAX_PARTS;
use crate::core::{BodyError, MAX_JSON_BYTES};

/// Why the ledger could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// DynamoDB did not answer as it should, after the SDK's own retries.
    #[error("DynamoDB {operation} on table {table}: {message}")]
    Store { operation: &'static str, table: String, message: String },
    /// A stored product cannot be read.
    #[error("the ledger's copy of product {key} is damaged: {source}")]
    Damaged {
        key: String,
        /// What is wrong with it.
        source: BodyError,
    },
    /// A product is larger than the ledger keeps.
    #[error("product {key} is {bytes} bytes of JSON, the ledger keeps at most {limit}", limit = MAX_JSON_BYTES)]
    TooLarge {
        key: String,
        /// Its size as JSON.
        bytes: usize,
    },
    /// A product has as many parts as there may be.
    #[error("product {key} has {limit} parts, and {part} would be one more", limit = MAX_PARTS)]
    TooManyParts { key: String, part: String },
    /// The bucket did not answer as it should when asked for a large body.
    #[error("S3 {operation} of the body s3://{bucket}/{object}: {message}")]
    BodyUnavailable { operation: &'static str, bucket: String, object: String, message: String },
    /// A large body is not where the ledger says.
    #[error("the body of product {key} is gone: no object {object} in the feed bucket, though the ledger names it")]
    BodyMissing { key: String, object: String },
    /// The lease on this work is somebody else's by now.
    #[error("the lease on {what} was lost")]
    LeaseLost { what: String },
}

impl LedgerError {
    /// The same as a failure of a message.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Store { .. } => Failure::transient(codes::LEDGER_UNAVAILABLE, self.to_string()),
            Self::Damaged { .. } => Failure::permanent(codes::LEDGER_ITEM_DAMAGED, self.to_string()),
            Self::TooLarge { .. } | Self::TooManyParts { .. } => {
                Failure::permanent(codes::PRODUCT_TOO_LARGE, self.to_string())
            }
            Self::BodyUnavailable { .. } => Failure::transient(codes::PRODUCT_BODY_UNAVAILABLE, self.to_string()),
            Self::BodyMissing { .. } => Failure::permanent(codes::PRODUCT_BODY_MISSING, self.to_string()),
            Self::LeaseLost { .. } => Failure::transient(codes::LEASE_LOST, self.to_string()),
        }
    }
}
