//! Wiring: clients are made once, then [`normalize::handler`] has them.

use lambda_runtime::Error;
use ledger::{Ledger, S3Bodies};
use normalize::aws::{IngestQueue, S3};
use normalize::handler::{LEASES, Normalize};
use runtime::limit::Limit;
use runtime::{Announcer, Metrics, Queue, client, settings};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = settings::start().await;
    let limit = Limit::default();
    let sqs = client!(aws_sdk_sqs::Client, &aws, &limit);
    let url = settings::required("INGEST_QUEUE_URL")?;
    let objects =
        S3::new(aws_sdk_s3::config::Builder::from(&aws).interceptor(limit.clone()), aws.endpoint_url().is_some());
    let ledger =
        Ledger::new(client!(aws_sdk_dynamodb::Client, &aws, &limit), settings::required("LEDGER_TABLE")?, LEASES)
            .with_parts(feeds::adapter::part_of);
    let function = Normalize {
        ledger: ledger.with_bodies(S3Bodies::new(objects.0.clone(), settings::required("FEED_BUCKET")?)),
        objects,
        bus: Announcer::new(client!(aws_sdk_eventbridge::Client, &aws, &limit), settings::required("EVENT_BUS")?),
        queue: Queue::new(sqs.clone(), &url, settings::required("INGEST_DLQ_URL")?),
        ingest: IngestQueue { client: sqs, url },
        max_withdrawn_percent: settings::percent("MAX_WITHDRAWN_PERCENT")?,
        sources: Default::default(),
        metrics: Metrics::new(settings::required("RELAY_ENVIRONMENT")?, "normalize"),
    };
    runtime::serve(function, limit).await
}
