//! What goes over the wire to AWS: trace headers where the services expect them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use catalog::{Failure, ProductKey};
use runtime::{Announcement, Announcer, Batch, Outcome, Queue};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

const HEADER: &str = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1";

/// An AWS that answers everything in the same way.
async fn aws(answer: Value) -> (MockServer, SdkConfig) {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_json(answer);
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "test")))
        .endpoint_url(server.uri())
        .build();
    (server, config)
}

async fn asked(server: &MockServer) -> Value {
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    requests[0].body_json().unwrap()
}

/// A batch of two products; the first one's message carries a trace.
fn batch() -> Batch {
    let message = |id: &str, trace: Option<&str>| {
        let mut message = SqsMessage::default();
        message.message_id = Some(id.into());
        message.receipt_handle = Some(id.into());
        message.body = Some(format!(r#"{{"source":"demo","productId":"{id}","correlationId":"run-1"}}"#));
        message.attributes.extend(trace.map(|trace| ("AWSTraceHeader".to_owned(), trace.to_owned())));
        message
    };
    let mut event = SqsEvent::default();
    event.records = vec![message("1", Some(HEADER)), message("2", None)];
    Batch::of(event)
}

#[tokio::test]
async fn an_announcement_continues_the_trace_of_the_message_that_named_its_product() {
    let entry = json!({"EventId": "1"});
    let (server, config) = aws(json!({"FailedEntryCount": 0, "Entries": [entry, entry, entry]})).await;
    let batch = batch();
    let bus = Announcer::new(aws_sdk_eventbridge::Client::new(&config), "bus").continuing(batch.traces());
    let of_feed = Announcement::new("FeedCompleted", &json!({}));
    let [one, two] = [0, 1].map(|n| Announcement::product_synced(&batch.products()[n]));
    assert!(bus.announce(&[one, two, of_feed]).await.iter().all(Result::is_ok));
    let sent = asked(&server).await;
    let headers: Vec<&Value> = sent["Entries"].as_array().unwrap().iter().map(|entry| &entry["TraceHeader"]).collect();
    // There is no invocation here whose trace the others could begin with.
    assert_eq!(headers, [&json!(HEADER), &Value::Null, &Value::Null]);
}

#[tokio::test]
async fn a_dead_letter_keeps_its_trace_beside_its_reason() {
    let sent = json!({"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"});
    let (server, config) = aws(json!({"Successful": [sent], "Failed": []})).await;
    let batch = batch();
    let queue = Queue::new(aws_sdk_sqs::Client::new(&config), "http://queue/q", "http://queue/dlq");
    let outcomes: HashMap<ProductKey, Outcome> = batch
        .keys()
        .into_iter()
        .zip([Outcome::Failed(Failure::permanent("medusa_sku_taken", "taken")), Outcome::Done])
        .collect();
    queue.settle(&batch, &outcomes).await;
    let asked = asked(&server).await;
    assert_eq!(asked["QueueUrl"], "http://queue/dlq");
    let entry = &asked["Entries"][0];
    assert_eq!(entry["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"], HEADER);
    assert_eq!(entry["MessageAttributes"]["relay.code"]["StringValue"], "medusa_sku_taken");
}
