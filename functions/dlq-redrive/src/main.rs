//! Wiring: clients from the environment, then requests.

use std::sync::Arc;

use dlq_redrive::breakers::{self, Breakers};
use dlq_redrive::{Mappings, Probe, Redriver, RedriverParts, Settings, metrics};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use ledger::{Ledger, Owner, Stage};
use redrive::Request;
use runtime::limit::Limit;
use runtime::{Clock, Deadline, Metrics, SystemClock, client};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = runtime::settings::start().await;
    let limit = Limit::default();
    let settings = Settings::from_environment()?;
    let reported = Metrics::new(&settings.environment, "dlq-redrive");
    let probe = Arc::new(Probe::new(&settings)?);
    let dynamodb = client!(aws_sdk_dynamodb::Client, &aws, &limit);
    let breakers = Breakers {
        ledger: Ledger::new(dynamodb.clone(), &settings.table, Stage::Medusa.leases()),
        mappings: Mappings::from_environment(client!(aws_sdk_lambda::Client, &aws, &limit))?,
        health: probe.clone(),
        settings: breakers::settings()?,
    };
    let redriver = Redriver::new(RedriverParts {
        sqs: client!(aws_sdk_sqs::Client, &aws, &limit),
        s3: settings.s3_client(&aws),
        dynamodb,
        eventbridge: client!(aws_sdk_eventbridge::Client, &aws, &limit),
        health: probe,
        clock: Arc::new(SystemClock),
        settings,
    });
    let (redriver, breakers, reported, limit) = (&redriver, &breakers, &reported, &limit);
    run(service_fn(move |event: LambdaEvent<Value>| async move {
        limit.until(Deadline::of(&event.context));
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
