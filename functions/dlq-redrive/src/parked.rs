//! Parked letters in S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::primitives::ByteStream;
use ledger::core::spill;
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

    /// A page of keys of a queue's parked letters, oldest day first, and where the next page
    /// begins.
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

    /// A page of versions of large bodies, and where (key, version) the next page begins.
    pub(crate) async fn bodies(
        &self,
        from: Option<(String, String)>,
    ) -> Result<(Vec<spill::Version>, Option<(String, String)>), RedriveError> {
        let (key, version) = from.unzip();
        let list = self.client.list_object_versions().bucket(&self.bucket).prefix(spill::PREFIX);
        let list = list.set_key_marker(key).set_version_id_marker(version).send().await;
        let output = list.map_err(|error| self.error("ListObjectVersions", spill::PREFIX, &error))?;
        let of = |one: aws_sdk_s3::types::ObjectVersion| {
            let written = one.last_modified.and_then(|time| time.to_millis().ok())?;
            Some(spill::Version { object: one.key?, version: one.version_id?, written })
        };
        let next = output.next_key_marker.zip(output.next_version_id_marker);
        Ok((output.versions.unwrap_or_default().into_iter().filter_map(of).collect(), next))
    }

    /// Deletes one version of a body, and nothing that was written since.
    pub(crate) async fn delete_body(&self, body: &spill::Version) -> Result<(), RedriveError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(&body.object).version_id(&body.version);
        let deleted = delete.send().await;
        deleted.map(|_| ()).map_err(|error| self.error("DeleteObject", &body.object, &error))
    }

    /// Deletes a parked letter that was sent back, or taken away.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), RedriveError> {
        let deleted = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        deleted.map(|_| ()).map_err(|error| self.error("DeleteObject", key, &error))
    }
}
