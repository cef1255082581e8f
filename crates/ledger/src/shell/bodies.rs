//! Where bodies are kept that do not fit an item: the feed bucket, below `bodies/`.

use std::fmt::Debug;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use futures::future::BoxFuture;

use super::LedgerError;
use crate::core::MAX_JSON_BYTES;

/// Longest time for the bytes of one body; the SDK's own limits end with the answer's head.
const BYTES: Duration = Duration::from_secs(20);

/// A place for large bodies. What is read after it was written is what was written.
pub trait Bodies: Debug + Send + Sync {
    /// Keeps a body under a name that says what is in it.
    fn put<'a>(&'a self, object: &'a str, packed: Vec<u8>) -> BoxFuture<'a, Result<(), LedgerError>>;

    /// The body; `None` if there is none.
    fn get<'a>(&'a self, object: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, LedgerError>>;
}

/// The feed bucket.
#[derive(Debug, Clone)]
pub struct S3Bodies {
    client: Client,
    bucket: String,
}

impl S3Bodies {
    #[must_use]
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }

    /// Bodies in `bucket`, through a client made of `config`. A `local` AWS has one name for all
    /// buckets, so they are addressed by path there.
    #[must_use]
    pub fn configured(config: aws_sdk_s3::config::Builder, local: bool, bucket: impl Into<String>) -> Self {
        Self::new(Client::from_conf(config.force_path_style(local).build()), bucket)
    }

    fn unavailable(&self, operation: &'static str, object: &str, message: String) -> LedgerError {
        let (bucket, object) = (self.bucket.clone(), object.to_owned());
        LedgerError::BodyUnavailable { operation, bucket, object, message }
    }
}

impl Bodies for S3Bodies {
    fn put<'a>(&'a self, object: &'a str, packed: Vec<u8>) -> BoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(async move {
            let put = self.client.put_object().bucket(&self.bucket).key(object).content_type("application/zstd");
            let put = put.body(ByteStream::from(packed)).send().await;
            put.map(|_| ())
                .map_err(|error| self.unavailable("PutObject", object, DisplayErrorContext(error).to_string()))
        })
    }

    fn get<'a>(&'a self, object: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, LedgerError>> {
        Box::pin(async move {
            let failed = |message: String| self.unavailable("GetObject", object, message);
            let output = match self.client.get_object().bucket(&self.bucket).key(object).send().await {
                Ok(output) => output,
                Err(SdkError::ServiceError(refused)) if refused.err().is_no_such_key() => return Ok(None),
                Err(error) => return Err(failed(DisplayErrorContext(error).to_string())),
            };
            if output.content_length().is_some_and(|bytes| usize::try_from(bytes).is_ok_and(|n| n > MAX_JSON_BYTES)) {
                return Err(failed("larger than anything that is written".to_owned()));
            }
            match tokio::time::timeout(BYTES, output.body.collect()).await {
                Ok(Ok(bytes)) => Ok(Some(bytes.to_vec())),
                Ok(Err(error)) => Err(failed(DisplayErrorContext(error).to_string())),
                Err(_) => Err(failed("the bytes did not arrive in time".to_owned())),
            }
        })
    }
}

/// No place: for those who neither write nor read documents.
#[derive(Debug)]
pub(super) struct Nowhere;

impl Nowhere {
    fn error<R>(operation: &'static str, object: &str) -> Result<R, LedgerError> {
        let message = "this function is not told of a bucket for large bodies".to_owned();
        Err(LedgerError::BodyUnavailable { operation, bucket: String::new(), object: object.to_owned(), message })
    }
}

impl Bodies for Nowhere {
    fn put<'a>(&'a self, object: &'a str, _: Vec<u8>) -> BoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(async move { Self::error("PutObject", object) })
    }

    fn get<'a>(&'a self, object: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, LedgerError>> {
        Box::pin(async move { Self::error("GetObject", object) })
    }
}
