//! The manifests in S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use catalog::Failure;

use crate::manifest::Manifests;

#[derive(Debug, Clone)]
pub struct Bucket(pub Client);

fn failed(key: &str, error: impl std::error::Error) -> Failure {
    Failure::transient(crate::codes::S3_UNAVAILABLE, format!("{key}: {}", DisplayErrorContext(error)))
}

impl Manifests for Bucket {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        let output = match self.0.get_object().bucket(bucket).key(key).send().await {
            Ok(output) => output,
            Err(SdkError::ServiceError(refused)) if refused.err().is_no_such_key() => return Ok(None),
            Err(error) => return Err(failed(key, error)),
        };
        let body = output.body.collect().await.map_err(|error| failed(key, error))?;
        Ok(Some(body.to_vec()))
    }

    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<(String, u64)>, Failure> {
        let mut pages = self.0.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(prefix, error))?;
            for object in page.contents() {
                let size = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
                found.extend(object.key().map(|key| (key.to_owned(), size)));
            }
        }
        Ok(found)
    }

    async fn range(&self, bucket: &str, key: &str, from: u64, to: u64) -> Result<Vec<u8>, Failure> {
        let range = format!("bytes={from}-{}", to.saturating_sub(1));
        let output = self
            .0
            .get_object()
            .bucket(bucket)
            .key(key)
            .range(range)
            .send()
            .await
            .map_err(|error| failed(key, error))?;
        let body = output.body.collect().await.map_err(|error| failed(key, error))?;
        Ok(body.to_vec())
    }
}
