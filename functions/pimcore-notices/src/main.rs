//! Wiring: clients are made once, then [`pimcore_notices::handler`] has them.

use lambda_runtime::Error;
use pimcore_notices::handler::PimcoreNotices;
use runtime::limit::Limit;
use runtime::{Metrics, Secrets, Sender, client, settings};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = settings::start().await;
    let limit = Limit::default();
    let function = PimcoreNotices {
        secrets: Secrets::new(client!(aws_sdk_secretsmanager::Client, &aws, &limit)),
        secret: settings::required("NOTICES_SECRET")?,
        queue: Sender::new(client!(aws_sdk_sqs::Client, &aws, &limit), settings::required("PIMCORE_QUEUE_URL")?),
        metrics: Metrics::new(settings::required("RELAY_ENVIRONMENT")?, "pimcore-notices"),
    };
    runtime::serve(function, limit).await
}
