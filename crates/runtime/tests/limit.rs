//! AWS that does not answer, near the end of an invocation.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::{Duration, Instant};

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::Credentials;
use aws_sdk_sqs::config::retry::RetryConfig;
use runtime::limit::Limit;
use runtime::{Clock, Deadline, SystemClock};
use tokio::net::TcpListener;

/// A server that takes every connection and says nothing.
async fn silence() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            kept.push(connection);
        }
    });
    format!("http://{address}")
}

fn aws(endpoint: String) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(10))
        .build();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(aws_sdk_sqs::config::SharedCredentialsProvider::new(Credentials::new(
            "t", "t", None, None, "t",
        )))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts)
        .sleep_impl(aws_sdk_sqs::config::SharedAsyncSleep::new(Tokio))
        .build()
}

#[derive(Debug)]
struct Tokio;

impl aws_sdk_sqs::config::AsyncSleep for Tokio {
    fn sleep(&self, duration: Duration) -> aws_sdk_sqs::config::Sleep {
        aws_sdk_sqs::config::Sleep::new(tokio::time::sleep(duration))
    }
}

#[tokio::test]
async fn a_call_ends_with_its_retries_before_the_invocation_does() {
    let limit = Limit::default();
    let sqs = runtime::client!(aws_sdk_sqs::Client, &aws(silence().await), &limit);
    limit.until(Deadline::at(SystemClock.now_ms() + 1_000));
    let started = Instant::now();
    assert!(sqs.list_queues().send().await.is_err());
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());

    limit.until(Deadline::at(SystemClock.now_ms() - 1));
    let started = Instant::now();
    assert!(sqs.list_queues().send().await.is_err());
    assert!(started.elapsed() < Duration::from_millis(300), "no time is left: {:?}", started.elapsed());
}
