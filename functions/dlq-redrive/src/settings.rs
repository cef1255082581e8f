//! What the function is told by its environment.

use std::collections::BTreeMap;

use redrive::overdue::Patience;
use redrive::{Limits, QueueName};
use runtime::settings::{SettingError, optional, required};

/// A queue and its dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueUrls {
    pub queue: String,
    pub dead_letters: String,
}

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the deployment, for metrics.
    pub environment: String,
    /// The ledger's table.
    pub table: String,
    pub bus: String,
    /// The bucket that parked letters go to.
    pub bucket: String,
    pub queues: BTreeMap<QueueName, QueueUrls>,
    pub pimcore_url: String,
    pub medusa_url: String,
    /// Letters sent back per second, per queue.
    pub per_second: u32,
    /// Products announced in one sweep at most, less what waits in their queue already.
    pub sweep_max: usize,
    /// The policy's numbers.
    pub limits: Limits,
    /// The sweep's numbers.
    pub patience: Patience,
}

impl Settings {
    /// Seconds between two scheduled runs: what one run sends back is spread over as many.
    pub const PERIOD_SECONDS: u32 = 300;

    /// Reads the environment.
    ///
    /// # Errors
    /// The variable that is missing or wrong.
    pub fn from_environment() -> Result<Self, SettingError> {
        let urls = |queue, dead_letters| -> Result<_, SettingError> {
            Ok(QueueUrls { queue: required(queue)?, dead_letters: required(dead_letters)? })
        };
        Ok(Self {
            environment: optional("RELAY_ENVIRONMENT").unwrap_or_else(|| "catalog-relay".to_owned()),
            table: required("LEDGER_TABLE")?,
            bus: required("EVENT_BUS")?,
            bucket: required("FEED_BUCKET")?,
            queues: BTreeMap::from([
                (QueueName::Ingest, urls("INGEST_QUEUE_URL", "INGEST_DLQ_URL")?),
                (QueueName::Pimcore, urls("PIMCORE_QUEUE_URL", "PIMCORE_DLQ_URL")?),
                (QueueName::Medusa, urls("MEDUSA_QUEUE_URL", "MEDUSA_DLQ_URL")?),
            ]),
            pimcore_url: required("PIMCORE_URL")?,
            medusa_url: required("MEDUSA_URL")?,
            per_second: whole("REDRIVE_PER_SECOND", 10)?.clamp(1, 1000),
            sweep_max: whole("SWEEP_MAX", 5_000)? as usize,
            limits: Limits { max_redrives: whole("REDRIVE_MAX", Limits::default().max_redrives)?, ..Limits::default() },
            patience: Patience {
                first_ms: i64::from(whole("SWEEP_AFTER_SECONDS", 600)?) * 1000,
                ..Patience::default()
            },
        })
    }

    /// Letters handled per queue when the request does not say: what the rate allows until the next
    /// scheduled run.
    #[must_use]
    pub const fn default_max(&self) -> usize {
        (self.per_second * Self::PERIOD_SECONDS) as usize
    }

    /// A client of S3. A local AWS has one name for all buckets, so they are addressed by path
    /// there.
    #[must_use]
    pub fn s3_client(&self, aws: &aws_config::SdkConfig) -> aws_sdk_s3::Client {
        let local = aws.endpoint_url().is_some();
        aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(aws).force_path_style(local).build())
    }
}

fn whole(name: &'static str, default: u32) -> Result<u32, SettingError> {
    optional(name).map_or(Ok(default), |value| {
        value.trim().parse().map_err(|_| SettingError::Invalid { name, expected: "a whole number", value })
    })
}
