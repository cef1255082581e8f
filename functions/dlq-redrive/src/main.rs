//! Wiring: clients are made once, then [`dlq_redrive::DlqRedrive`] has them.

use std::sync::Arc;

use dlq_redrive::breakers::{self, Breakers};
use dlq_redrive::{DlqRedrive, Mappings, Probe, Redriver, RedriverParts, Settings};
use lambda_runtime::Error;
use ledger::{Ledger, Stage};
use runtime::limit::Limit;
use runtime::{Metrics, SystemClock, client};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = runtime::settings::start().await;
    let limit = Limit::default();
    let settings = Settings::from_environment()?;
    let metrics = Metrics::new(&settings.environment, "dlq-redrive");
    let health = Arc::new(Probe::new(&settings)?);
    let dynamodb = client!(aws_sdk_dynamodb::Client, &aws, &limit);
    let breakers = Breakers {
        ledger: Ledger::new(dynamodb.clone(), &settings.table, Stage::Medusa.leases()),
        mappings: Mappings::from_environment(client!(aws_sdk_lambda::Client, &aws, &limit))?,
        health: health.clone(),
        settings: breakers::settings()?,
    };
    let redriver = Redriver::new(RedriverParts {
        sqs: client!(aws_sdk_sqs::Client, &aws, &limit),
        s3: settings.s3_client(&aws),
        dynamodb,
        eventbridge: client!(aws_sdk_eventbridge::Client, &aws, &limit),
        health,
        clock: Arc::new(SystemClock),
        settings,
    });
    runtime::serve(DlqRedrive { redriver, breakers, metrics }, limit).await
}
