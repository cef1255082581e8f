//! What the function needs of the world, so that its logic runs against AWS and against memory
//! alike.

use std::future::Future;

use catalog::Failure;
use feeds::integrity::Checksum;

use crate::message::FeedObject;

/// What S3 says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    pub size: u64,
    /// When it was written, in ms.
    pub modified_ms: u64,
    /// The feed says that it is all the source has (`x-amz-meta-feed-mode: full`).
    pub full: bool,
    /// `relay replay` has put it there: everything that it says is to be known, also what costs no
    /// write otherwise.
    pub replayed: bool,
    /// The encoding that its Content-Type names.
    pub charset: Option<String>,
    /// S3's checksum of the whole object, where it has one that can be computed piece by piece.
    pub checksum: Option<Checksum>,
}

/// Why an object cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectError {
    Missing,
    /// Another object has taken its place.
    Replaced,
    /// Anything else: worth trying again.
    Failed(Failure),
}

/// An object as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Current {
    /// It is not there.
    Missing,
    /// It is larger than what is read.
    TooLarge {
        /// Bytes.
        size: u64,
    },
    /// All of it.
    Body(Vec<u8>),
}

/// The feed bucket.
pub trait Objects: Clone + Send + Sync + 'static {
    /// Looks at an object without reading it.
    fn head(&self, work: &FeedObject) -> impl Future<Output = Result<ObjectInfo, ObjectError>> + Send;

    /// Reads bytes `from..to` of an object.
    fn range(&self, work: &FeedObject, from: u64, to: u64)
    -> impl Future<Output = Result<Vec<u8>, ObjectError>> + Send;

    /// A small object as it is now, whatever was told of it.
    fn current(&self, bucket: &str, key: &str, limit: u64) -> impl Future<Output = Result<Current, Failure>> + Send;

    /// The keys that begin with a prefix, in order.
    fn list(&self, bucket: &str, prefix: &str) -> impl Future<Output = Result<Vec<String>, Failure>> + Send;

    fn put(
        &self,
        bucket: &str,
        key: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The function's own queue.
pub trait Ingest {
    /// Sends a message to it.
    fn send(&self, body: &str) -> impl Future<Output = Result<(), Failure>>;
}
