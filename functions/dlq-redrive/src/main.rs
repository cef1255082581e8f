//! Wiring: clients from the environment, then requests.

use std::sync::Arc;

use dlq_redrive::breakers::{self, Breakers};
use dlq_redrive::{Mappings, Probe, Redriver, RedriverParts, Settings, metrics};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use ledger::{Ledger, Owner};
use redrive::Request;
use runtime::{Clock, Deadline, Metrics, SystemClock};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = runtime::settings::start().await;
    let settings = Settings::from_environment()?;
    let reported = Metrics::new(&settings.environment, "dlq-redrive");
    let probe = Arc::new(Probe::new(&settings)?);
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let breakers = Breakers {
        ledger: Ledger::new(dynamodb.clone(), &settings.table, Settings::LEASES),
        mappings: Mappings::from_environment(aws_sdk_lambda::Client::new(&aws))?,
        health: probe.clone(),
        settings: breakers::settings()?,
    };
    let redriver = Redriver::new(RedriverParts {
        sqs: aws_sdk_sqs::Client::new(&aws),
        s3: settings.s3_client(&aws),
        dynamodb,
        eventbridge: aws_sdk_eventbridge::Client::new(&aws),
        health: probe,
        clock: Arc::new(SystemClock),
        settings,
    });
    let (redriver, breakers, reported) = (&redriver, &breakers, &reported);
    run(service_fn(move |event: LambdaEvent<Value>| async move {
        if breakers::asks(&event.payload) {
            let owner = Owner(event.context.request_id.clone());
            let tended = Box::pin(breakers.tend(&owner, reported, SystemClock.now_ms())).await?;
            reported.emit(SystemClock.now_ms());
            return Ok(tended);
        }
        let request = Request::parse(&event.payload)?;
        let report = Box::pin(redriver.handle(&request, Deadline::of(&event.context))).await?;
        metrics::of(&report, reported);
        reported.emit(SystemClock.now_ms());
        Ok::<_, Error>(serde_json::to_value(report)?)
    }))
    .await
}
