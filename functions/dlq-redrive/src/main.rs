//! Wiring: clients from the environment, then requests.

use std::sync::Arc;

use dlq_redrive::{Probe, Redriver, RedriverParts, Settings, metrics};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use redrive::Request;
use runtime::{Clock, Deadline, Metrics, SystemClock};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = runtime::settings::start().await;
    let settings = Settings::from_environment()?;
    let reported = Metrics::new(&settings.environment, "dlq-redrive");
    let probe = Probe::new(&settings)?;
    let redriver = Redriver::new(RedriverParts {
        sqs: aws_sdk_sqs::Client::new(&aws),
        s3: settings.s3_client(&aws),
        dynamodb: aws_sdk_dynamodb::Client::new(&aws),
        eventbridge: aws_sdk_eventbridge::Client::new(&aws),
        health: Arc::new(probe),
        clock: Arc::new(SystemClock),
        settings,
    });
    let (redriver, reported) = (&redriver, &reported);
    run(service_fn(move |event: LambdaEvent<Value>| async move {
        let request = Request::parse(&event.payload)?;
        let report = redriver.handle(&request, Deadline::of(&event.context)).await?;
        metrics::of(&report, reported);
        reported.emit(SystemClock.now_ms());
        Ok::<_, Error>(report)
    }))
    .await
}
