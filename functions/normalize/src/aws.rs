//! The feed bucket and the ingest queue on AWS.

use std::time::Duration;

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use catalog::Failure;

use crate::notification::Work;
use crate::ports::{Ingest, ObjectError, ObjectInfo, Objects};

/// Longest time for the body of one range read.
const BODY: Duration = Duration::from_secs(20);
/// Tries of one range read whose body breaks off; the SDK's own retries end with the response's head.
const TRIES: u32 = 3;

/// S3.
#[derive(Debug, Clone)]
pub struct S3(pub aws_sdk_s3::Client);

impl S3 {
    async fn range_once(&self, work: &Work, from: u64, to: u64) -> Result<Vec<u8>, ObjectError> {
        let request = self
            .0
            .get_object()
            .bucket(&work.id.bucket)
            .key(&work.id.key)
            .range(format!("bytes={from}-{}", to.saturating_sub(1)))
            .set_version_id(work.version_id.clone())
            // Where the bucket has no versions, this notices that the object was replaced meanwhile.
            .set_if_match(if_match(work));
        let answer = request.send().await.map_err(|error| object_error(work, &error))?;
        let body = tokio::time::timeout(BODY, answer.body.collect());
        let bytes = match body.await {
            Ok(Ok(bytes)) => bytes.into_bytes(),
            Ok(Err(error)) => return Err(unavailable(work, &error.to_string())),
            Err(_) => return Err(unavailable(work, "the body did not arrive in time")),
        };
        if bytes.len() as u64 != to - from {
            return Err(unavailable(work, &format!("asked for {} bytes, got {}", to - from, bytes.len())));
        }
        Ok(bytes.into())
    }
}

impl Objects for S3 {
    async fn head(&self, work: &Work) -> Result<ObjectInfo, ObjectError> {
        let answer = self
            .0
            .head_object()
            .bucket(&work.id.bucket)
            .key(&work.id.key)
            .set_version_id(work.version_id.clone())
            .set_if_match(if_match(work))
            .send()
            .await
            .map_err(|error| object_error(work, &error))?;
        let modified = answer.last_modified().and_then(|time| time.to_millis().ok()).unwrap_or(0);
        let mode = answer.metadata().and_then(|metadata| metadata.get("feed-mode"));
        Ok(ObjectInfo {
            size: answer.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            modified_ms: u64::try_from(modified).unwrap_or(0),
            full: mode.is_some_and(|mode| mode.eq_ignore_ascii_case("full")),
        })
    }

    async fn range(&self, work: &Work, from: u64, to: u64) -> Result<Vec<u8>, ObjectError> {
        let mut tries = 1;
        loop {
            match self.range_once(work, from, to).await {
                Err(ObjectError::Failed(failure)) if tries < TRIES => {
                    tracing::warn!(from, to, %failure, "range read failed, trying again");
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn put(&self, bucket: &str, key: &str, kind: &str, body: Vec<u8>) -> Result<(), Failure> {
        let request = self.0.put_object().bucket(bucket).key(key).content_type(kind).body(ByteStream::from(body));
        request.send().await.map(|_| ()).map_err(|error| {
            Failure::transient("bucket_unavailable", format!("s3://{bucket}/{key}: {}", DisplayErrorContext(&error)))
        })
    }
}

fn if_match(work: &Work) -> Option<String> {
    let etag = work.etag.as_deref().filter(|_| work.version_id.is_none())?;
    Some(format!("\"{}\"", etag.trim_matches('"')))
}

fn unavailable(work: &Work, message: &str) -> ObjectError {
    ObjectError::Failed(Failure::transient("bucket_unavailable", format!("{}: {message}", work.location())))
}

fn object_error<E>(work: &Work, error: &SdkError<E>) -> ObjectError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    match (status, error.code()) {
        (Some(404), _) | (_, Some("NoSuchKey" | "NoSuchVersion" | "NotFound")) => ObjectError::Missing,
        (Some(412), _) | (_, Some("PreconditionFailed")) => ObjectError::Replaced,
        // A delete marker answers so; so does a version id that is none.
        (Some(405), _) | (_, Some("MethodNotAllowed" | "InvalidVersion")) => ObjectError::Missing,
        _ => unavailable(work, &DisplayErrorContext(error).to_string()),
    }
}

/// The ingest queue.
#[derive(Debug, Clone)]
pub struct IngestQueue {
    /// Client.
    pub client: aws_sdk_sqs::Client,
    /// The queue's URL.
    pub url: String,
}

impl Ingest for IngestQueue {
    async fn send(&self, body: &str) -> Result<(), Failure> {
        self.client.send_message().queue_url(&self.url).message_body(body).send().await.map(|_| ()).map_err(|error| {
            Failure::transient(
                "queue_unavailable",
                format!("the ingest queue: {}", aws_sdk_sqs::error::DisplayErrorContext(&error)),
            )
        })
    }
}
