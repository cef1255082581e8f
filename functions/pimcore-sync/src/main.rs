//! Wiring: clients are made once, then [`pimcore_sync::handler`] has them.

use lambda_runtime::Error;
use ledger::{Ledger, S3Bodies, Stage};
use pimcore_sync::decide::PublishPolicy;
use pimcore_sync::handler::PimcoreSync;
use runtime::limit::Limit;
use runtime::{Announcer, Metrics, Queue, Secrets, client, settings};
use worker::Guard;
use worker::access::pimcore::PimcoreAccess;
use worker::rules::Rules;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = settings::start().await;
    let limit = Limit::default();
    let sqs = client!(aws_sdk_sqs::Client, &aws, &limit);
    let bodies = S3Bodies::configured(
        aws_sdk_s3::config::Builder::from(&aws).interceptor(limit.clone()),
        aws.endpoint_url().is_some(),
        settings::required("FEED_BUCKET")?,
    );
    let function = PimcoreSync {
        access: PimcoreAccess::from_environment(Secrets::new(client!(aws_sdk_secretsmanager::Client, &aws, &limit)))?
            .showing(settings::languages()?),
        ledger: Ledger::new(
            client!(aws_sdk_dynamodb::Client, &aws, &limit),
            settings::required("LEDGER_TABLE")?,
            Stage::Pimcore.leases(),
        )
        .with_bodies(bodies),
        bus: Announcer::new(client!(aws_sdk_eventbridge::Client, &aws, &limit), settings::required("EVENT_BUS")?),
        queue: Queue::new(sqs, settings::required("PIMCORE_QUEUE_URL")?, settings::required("PIMCORE_DLQ_URL")?),
        guard: Guard::new(Stage::Pimcore, ledger::breaker::Settings::default()),
        policy: PublishPolicy::parse(&settings::required("PUBLISH_POLICY")?)?,
        rules: Rules::default(),
        lane: settings::switched("OFFERS_LANE")?,
        max_percent: settings::required("MAX_WITHDRAWN_PERCENT")?.parse()?,
        metrics: Metrics::new(settings::required("RELAY_ENVIRONMENT")?, "pimcore-sync"),
    };
    runtime::serve(function, limit).await
}
