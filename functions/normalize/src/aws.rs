//! The feed bucket and the ingest queue on AWS.

use std::time::Duration;

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumMode, ChecksumType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use catalog::Failure;
use feeds::integrity::{Algorithm, Checksum};
use runtime::TraceHeader;
use runtime::message::REPLAYED;

use crate::codes;
use crate::message::FeedObject;
use crate::ports::{Current, Ingest, ObjectError, ObjectInfo, Objects};

/// Longest time for the body of one range read.
const BODY: Duration = Duration::from_secs(20);
/// Tries of one range read whose body breaks off; the SDK's own retries end with the response's
/// head.
const TRIES: u32 = 3;

#[derive(Debug, Clone)]
pub struct S3(pub aws_sdk_s3::Client);

/// How a range read says which object it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// The newest object under the key, as long as it has the ETag that the notification spoke of.
    ByEtag,
    /// The version that the notification spoke of, also when a newer one has taken its place.
    ByVersion,
}

impl S3 {
    /// S3 as configured. A `local` AWS has one name for all buckets, so they are addressed by path
    /// there.
    #[must_use]
    pub fn new(config: aws_sdk_s3::config::Builder, local: bool) -> Self {
        Self(aws_sdk_s3::Client::from_conf(config.force_path_style(local).build()))
    }

    /// What became of a version that is not there any more: whether another object has taken its
    /// place.
    async fn gone(&self, work: &FeedObject) -> ObjectError {
        match self.0.head_object().bucket(&work.id.bucket).key(&work.id.key).send().await {
            Ok(_) => ObjectError::Replaced,
            Err(error) => object_error(work, &error),
        }
    }

    async fn range_once(&self, work: &FeedObject, from: u64, to: u64, named: Named) -> Result<Vec<u8>, ObjectError> {
        let request = self
            .0
            .get_object()
            .bucket(&work.id.bucket)
            .key(&work.id.key)
            .range(format!("bytes={from}-{}", to.saturating_sub(1)));
        let request = match named {
            Named::ByEtag => request.set_if_match(etag(work)),
            Named::ByVersion => request.set_version_id(work.version_id.clone()),
        };
        let answer = request.send().await.map_err(|error| object_error(work, &error))?;
        let whole = answer.content_range().is_none();
        let bytes = match tokio::time::timeout(BODY, answer.body.collect()).await {
            Ok(Ok(bytes)) => bytes.into_bytes(),
            Ok(Err(error)) => return Err(unavailable(work, &error.to_string())),
            Err(_) => return Err(unavailable(work, "the body did not arrive in time")),
        };
        let wanted = usize::try_from(to - from).unwrap_or(usize::MAX);
        if bytes.len() == wanted {
            return Ok(bytes.into());
        }
        // A server may ignore the range and send everything (RFC 9110, 14.2).
        let begin = usize::try_from(from).unwrap_or(usize::MAX);
        match bytes.get(begin..begin.saturating_add(wanted)).filter(|_| whole) {
            Some(part) => Ok(part.to_vec()),
            None => Err(unavailable(work, &format!("asked for {wanted} bytes, got {}", bytes.len()))),
        }
    }
}

impl Objects for S3 {
    async fn head(&self, work: &FeedObject) -> Result<ObjectInfo, ObjectError> {
        let answer = self
            .0
            .head_object()
            .bucket(&work.id.bucket)
            .key(&work.id.key)
            .set_version_id(work.version_id.clone())
            .checksum_mode(ChecksumMode::Enabled)
            // Where the bucket has no versions, this notices that the object was replaced
            // meanwhile.
            .set_if_match(etag(work).filter(|_| work.version_id.is_none()))
            .send()
            .await;
        let answer = match answer.map_err(|error| object_error(work, &error)) {
            Ok(answer) => answer,
            Err(ObjectError::Missing) if work.version_id.is_some() => return Err(self.gone(work).await),
            Err(error) => return Err(error),
        };
        let modified = answer.last_modified().and_then(|time| time.to_millis().ok()).unwrap_or(0);
        let said = |name: &str| answer.metadata().and_then(|metadata| metadata.get(name));
        Ok(ObjectInfo {
            size: answer.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            modified_ms: u64::try_from(modified).unwrap_or(0),
            full: said("feed-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("full")),
            replayed: said(REPLAYED).is_some(),
            charset: answer.content_type().and_then(feeds::charset::of_content_type).map(str::to_owned),
            checksum: checksum(&answer),
        })
    }

    async fn range(&self, work: &FeedObject, from: u64, to: u64) -> Result<Vec<u8>, ObjectError> {
        let mut named = if work.etag.is_some() || work.version_id.is_none() { Named::ByEtag } else { Named::ByVersion };
        let mut tries = 1;
        loop {
            match self.range_once(work, from, to, named).await {
                // Replaced or deleted while it is being read: its version is still there.
                Err(ObjectError::Replaced | ObjectError::Missing)
                    if named == Named::ByEtag && work.version_id.is_some() =>
                {
                    named = Named::ByVersion;
                }
                Err(ObjectError::Failed(failure)) if tries < TRIES => {
                    tracing::warn!(from, to, %failure, "range read failed, trying again");
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, Failure> {
        let mut keys = Vec::new();
        let mut pages = self.0.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                let why = format!("s3://{bucket}/{prefix}: {}", DisplayErrorContext(error));
                Failure::transient(codes::BUCKET_UNAVAILABLE, why)
            })?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        }
        keys.sort_unstable();
        Ok(keys)
    }

    async fn current(&self, bucket: &str, key: &str, limit: u64) -> Result<Current, Failure> {
        let unavailable =
            |why: String| Failure::transient(codes::BUCKET_UNAVAILABLE, format!("s3://{bucket}/{key}: {why}"));
        let answer = match self.0.get_object().bucket(bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => {
                return Ok(Current::Missing);
            }
            Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 404) => {
                return Ok(Current::Missing);
            }
            Err(error) => return Err(unavailable(DisplayErrorContext(&error).to_string())),
        };
        let size = answer.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        if size > limit {
            return Ok(Current::TooLarge { size });
        }
        match tokio::time::timeout(BODY, answer.body.collect()).await {
            Ok(Ok(bytes)) => Ok(Current::Body(bytes.into_bytes().into())),
            Ok(Err(error)) => Err(unavailable(error.to_string())),
            Err(_) => Err(unavailable("the body did not arrive in time".to_owned())),
        }
    }

    async fn put(&self, bucket: &str, key: &str, kind: &str, body: Vec<u8>) -> Result<(), Failure> {
        let request = self.0.put_object().bucket(bucket).key(key).content_type(kind).body(ByteStream::from(body));
        request.send().await.map(|_| ()).map_err(|error| {
            Failure::transient(
                codes::BUCKET_UNAVAILABLE,
                format!("s3://{bucket}/{key}: {}", DisplayErrorContext(&error)),
            )
        })
    }
}

/// The checksum of the whole object. One of parts uploaded by themselves (`…-3`) is that of their
/// checksums, and cannot be compared.
fn checksum(answer: &HeadObjectOutput) -> Option<Checksum> {
    if answer.checksum_type() == Some(&ChecksumType::Composite) {
        return None;
    }
    let known = [
        (Algorithm::Crc64Nvme, answer.checksum_crc64_nvme()),
        (Algorithm::Crc32C, answer.checksum_crc32_c()),
        (Algorithm::Crc32, answer.checksum_crc32()),
    ];
    known.into_iter().find_map(|(algorithm, text)| Checksum::of(algorithm, &STANDARD.decode(text?).ok()?))
}

fn etag(work: &FeedObject) -> Option<String> {
    work.etag.as_deref().map(|etag| format!("\"{}\"", etag.trim_matches('"')))
}

fn unavailable(work: &FeedObject, message: &str) -> ObjectError {
    ObjectError::Failed(Failure::transient(codes::BUCKET_UNAVAILABLE, format!("{}: {message}", work.location())))
}

fn object_error<E>(work: &FeedObject, error: &SdkError<E>) -> ObjectError
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

#[derive(Debug, Clone)]
pub struct IngestQueue {
    pub client: aws_sdk_sqs::Client,
    pub url: String,
}

impl Ingest for IngestQueue {
    async fn send(&self, body: &str) -> Result<(), Failure> {
        let trace = TraceHeader::of_invocation().and_then(|trace| trace.system_attributes());
        let message = self.client.send_message().queue_url(&self.url).message_body(body);
        message.set_message_system_attributes(trace).send().await.map(|_| ()).map_err(|error| {
            Failure::transient(
                codes::QUEUE_UNAVAILABLE,
                format!("the ingest queue: {}", aws_sdk_sqs::error::DisplayErrorContext(&error)),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_checksum_of_the_whole_object_is_compared() {
        let answer = HeadObjectOutput::builder;
        let crc32 = |value: u64| Some(Checksum { algorithm: Algorithm::Crc32, value });
        assert_eq!(checksum(&answer().checksum_crc32("y/Q5Jg==").build()), crc32(0xcbf4_3926));
        let whole = answer().checksum_crc32("y/Q5Jg==").checksum_type(ChecksumType::FullObject);
        assert_eq!(checksum(&whole.build()), crc32(0xcbf4_3926));
        let parts = answer().checksum_crc32("y/Q5Jg==").checksum_type(ChecksumType::Composite);
        assert_eq!(checksum(&parts.build()), None);
        assert_eq!(checksum(&answer().checksum_crc32("y/Q5Jg==-3").build()), None);
        assert_eq!(checksum(&answer().checksum_sha256("n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=").build()), None);
        let nvme = checksum(&answer().checksum_crc64_nvme("rosUhgp5mIg=").build()).unwrap();
        assert_eq!((nvme.algorithm, nvme.value), (Algorithm::Crc64Nvme, 0xae8b_1486_0a79_9888));
        assert_eq!(checksum(&answer().build()), None);
    }

    #[tokio::test]
    async fn a_local_aws_is_asked_for_its_buckets_by_path() {
        use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
        use aws_sdk_s3::presigning::PresigningConfig;
        let asked = async |local: bool| {
            let mut config = aws_sdk_s3::config::Builder::new()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new("test", "test", None, None, "tests"));
            config.set_endpoint_url(local.then(|| "http://localstack:4566".to_owned()));
            let signed = PresigningConfig::expires_in(Duration::from_secs(60)).unwrap();
            let request = S3::new(config, local).0.get_object().bucket("feeds").key("incoming/a.json");
            request.presigned(signed).await.unwrap().uri().to_owned()
        };
        assert!(asked(true).await.starts_with("http://localstack:4566/feeds/incoming/a.json?"));
        assert!(asked(false).await.starts_with("https://feeds.s3.us-east-1.amazonaws.com/incoming/a.json?"));
    }
}
