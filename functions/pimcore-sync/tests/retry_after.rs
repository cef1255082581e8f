//! How long Pimcore asks to wait is how long its message stays hidden: from the header of an answer
//! to the call of SQS.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use axum::Router;
use axum::http::StatusCode;
use common::{Function, product, version};
use pimcore::{ApiKey, Pimcore};
use runtime::{Batch, Queue};
use serde_json::{Value, json};

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test]
async fn the_wait_that_pimcore_asks_for_reaches_the_queue() {
    let busy =
        serve(Router::new().fallback(async || (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "77")], ""))).await;
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let heard = Arc::clone(&asked);
    let sqs = serve(Router::new().fallback(async move |body: String| {
        heard.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        axum::Json(json!({"Successful": [{"Id": "0"}], "Failed": []}))
    }))
    .await;

    let function = Function::default();
    let message = function.memory.put(&product("1"), &version(1));
    let mut record = SqsMessage::default();
    record.message_id = Some("m".into());
    record.receipt_handle = Some("r".into());
    record.body = Some(serde_json::to_string(&message).unwrap());
    let mut event = SqsEvent::default();
    event.records = vec![record];
    let batch = Batch::of(event);
    let outcomes: HashMap<_, _> = function
        .run(&Pimcore::new(&busy, &ApiKey::new("a key")).unwrap(), batch.products())
        .await
        .into_iter()
        .collect();

    let config = aws_sdk_sqs::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_sqs::config::Region::new("us-east-1"))
        .credentials_provider(aws_credential_types::Credentials::new("a", "b", None, None, "test"))
        .endpoint_url(sqs);
    let queue = Queue::new(aws_sdk_sqs::Client::from_conf(config.build()), "http://queue/q", "http://queue/dlq");
    let back = queue.settle(&batch, &outcomes).await;
    assert_eq!(back.batch_item_failures[0].item_identifier, "m");
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0]["Entries"][0]["VisibilityTimeout"], 77, "{asked:?}");
}
