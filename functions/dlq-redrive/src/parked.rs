//! Parked letters in S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::primitives::ByteStream;
use redrive::parked::{PREFIX, Removed};
use redrive::{Parked, QueueName};

use crate::RedriveError;

#[derive(Debug, Clone)]
pub(crate) struct Store {
    client: Client,
    bucket: String,
}

impl Store {
    pub(crate) fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    fn error(&self, operation: &'static str, key: &str, error: &(impl std::error::Error + 'static)) -> RedriveError {
        let message = DisplayErrorContext(error).to_string();
        RedriveError::Aws { service: "S3", operation, resource: format!("s3://{}/{key}", self.bucket), message }
    }

    /// Writes a parked letter; writing it again changes nothing. Returns its key.
    pub(crate) async fn put(&self, parked: &Parked) -> Result<String, RedriveError> {
        let key = parked.object_key();
        let body = serde_json::to_vec_pretty(parked)
            .map_err(|error| RedriveError::Nothing(format!("a parked letter cannot be written as JSON: {error}")))?;
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .content_type("application/json")
            .body(ByteStream::from(body))
            .send()
            .await
            .map_err(|error| self.error("PutObject", &key, &error))?;
        Ok(key)
    }

    /// Notes that a letter was taken away, with the letter. Returns the note's key.
    pub(crate) async fn note(&self, removed: &Removed) -> Result<String, RedriveError> {
        let key = removed.object_key();
        let body = serde_json::to_vec_pretty(removed)
            .map_err(|error| RedriveError::Nothing(format!("a note cannot be written as JSON: {error}")))?;
        let put = self.client.put_object().bucket(&self.bucket).key(&key).content_type("application/json");
        let put = put.body(ByteStream::from(body)).send().await;
        put.map(|_| key.clone()).map_err(|error| self.error("PutObject", &key, &error))
    }

    /// A page of keys of a queue's parked letters, oldest day first, and where the next page begins.
    pub(crate) async fn list(
        &self,
        queue: QueueName,
        from: Option<String>,
    ) -> Result<(Vec<String>, Option<String>), RedriveError> {
        let prefix = format!("{PREFIX}{queue}/");
        let output = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(&prefix)
            .set_continuation_token(from)
            .send()
            .await
            .map_err(|error| self.error("ListObjectsV2", &prefix, &error))?;
        let keys = output.contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect();
        Ok((keys, output.next_continuation_token))
    }

    /// Reads a parked letter; `None` when somebody took it meanwhile.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<Parked>, RedriveError> {
        let output = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(output) => output,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(self.error("GetObject", key, &error)),
        };
        let body = output.body.collect().await.map_err(|error| self.error("GetObject", key, &error))?;
        serde_json::from_slice(&body.into_bytes()).map(Some).map_err(|error| self.error("GetObject", key, &error))
    }

    /// Deletes a parked letter that was sent back, or taken away.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), RedriveError> {
        let deleted = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        deleted.map(|_| ()).map_err(|error| self.error("DeleteObject", key, &error))
    }
}
