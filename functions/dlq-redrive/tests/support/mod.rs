//! A stack of its own on a local AWS for each test: queues, table, bucket and bus under names that
//! nobody else has.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use aws_sdk_sqs::config::Credentials;
use aws_sdk_sqs::types::{MessageAttributeValue, MessageSystemAttributeName, SendMessageBatchRequestEntry};
use catalog::{Failure, ProductKey};
use dlq_redrive::{Health, QueueUrls, RedriveError, Redriver, RedriverParts, Settings};
use futures::future::BoxFuture;
use ledger::Ledger;
use redrive::overdue::Patience;
use redrive::{Limits, Parked, QueueName, RedriveReport, RedriveRequest};
use runtime::{Clock, Deadline, SystemClock};

/// Address of the local AWS, or nothing: the test is skipped, except in CI, where it fails.
pub(crate) fn endpoint() -> Option<String> {
    let endpoint = std::env::var("RELAY_AWS_ENDPOINT").ok().filter(|value| !value.is_empty());
    if endpoint.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "RELAY_AWS_ENDPOINT is not set, but CI is");
        eprintln!("SKIPPED: no RELAY_AWS_ENDPOINT. This test needs a local AWS, see functions/dlq-redrive/README.md");
    }
    endpoint
}

/// A clock that is ahead of the machine's by a settable time.
#[derive(Default)]
pub(crate) struct Ahead(AtomicU64);

impl Ahead {
    pub(crate) fn by_minutes(&self, minutes: u64) {
        self.0.store(minutes * 60_000, Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + i64::try_from(self.0.load(Ordering::SeqCst)).unwrap_or(0)
    }
}

/// A switch in place of the targets.
pub(crate) struct Switch(AtomicBool);

impl Switch {
    pub(crate) fn set(&self, answers: bool) {
        self.0.store(answers, Ordering::SeqCst);
    }
}

impl Health for Switch {
    fn answers(&self, _: QueueName) -> BoxFuture<'_, bool> {
        Box::pin(async { self.0.load(Ordering::SeqCst) })
    }
}

pub(crate) struct Stack {
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) ledger: Ledger,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<Ahead>,
    pub(crate) targets: Arc<Switch>,
    aws: aws_config::SdkConfig,
}

impl Stack {
    pub(crate) async fn new(name: &str) -> Option<Self> {
        let endpoint = endpoint()?;
        let aws = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .endpoint_url(endpoint)
            .load()
            .await;
        let name = format!("redrive-{name}-{}-{}", std::process::id(), SystemClock.now_ms() % 1_000_000);
        let sqs = aws_sdk_sqs::Client::new(&aws);
        let mut queues = BTreeMap::new();
        for queue in QueueName::ALL {
            let url = |kind: &str| {
                let (sqs, name) = (sqs.clone(), format!("{name}-{queue}{kind}"));
                async move {
                    let made = sqs.create_queue().queue_name(name).send().await.expect("a queue");
                    made.queue_url.expect("a queue has a URL")
                }
            };
            queues.insert(queue, QueueUrls { queue: url("").await, dead_letters: url("-dlq").await });
        }
        let settings = Settings {
            environment: name.clone(),
            table: name.clone(),
            bus: name.clone(),
            bucket: name.clone(),
            queues,
            pimcore_url: "http://127.0.0.1:9".into(),
            medusa_url: "http://127.0.0.1:9".into(),
            per_second: 1000,
            sweep_max: 1000,
            limits: Limits::default(),
            patience: Patience::default(),
        };
        let s3 = settings.s3_client(&aws);
        s3.create_bucket().bucket(&name).send().await.expect("a bucket");
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        create_table(&dynamodb, &name).await;
        let eventbridge = aws_sdk_eventbridge::Client::new(&aws);
        eventbridge.create_event_bus().name(&name).send().await.expect("a bus");
        let leases = ledger::Stage::Medusa.leases();
        Some(Self {
            sqs,
            s3,
            ledger: Ledger::new(dynamodb.clone(), &name, leases),
            dynamodb,
            settings,
            clock: Arc::default(),
            targets: Arc::new(Switch(AtomicBool::new(true))),
            aws,
        })
    }

    /// Rules that bring announcements to the queues, as the template has them.
    pub(crate) async fn connect_bus(&self) {
        let events = aws_sdk_eventbridge::Client::new(&self.aws);
        for (queue, kind) in [(QueueName::Pimcore, "ProductChanged"), (QueueName::Medusa, "ProductSynced")] {
            let rule = format!("{}-{queue}", self.settings.bus);
            let pattern = format!(r#"{{"source":["catalog-relay"],"detail-type":["{kind}"]}}"#);
            let put = events.put_rule().name(&rule).event_bus_name(&self.settings.bus).event_pattern(pattern);
            put.send().await.expect("a rule");
            let arn = self
                .sqs
                .get_queue_attributes()
                .queue_url(&self.settings.queues[&queue].queue)
                .attribute_names(aws_sdk_sqs::types::QueueAttributeName::QueueArn)
                .send()
                .await
                .expect("attributes")
                .attributes
                .and_then(|a| a.get(&aws_sdk_sqs::types::QueueAttributeName::QueueArn).cloned())
                .expect("an ARN");
            let target = aws_sdk_eventbridge::types::Target::builder().id("queue").arn(arn).input_path("$.detail");
            let target = target.build().expect("a target");
            let put = events.put_targets().rule(&rule).event_bus_name(&self.settings.bus).targets(target);
            put.send().await.expect("a target");
        }
    }

    pub(crate) fn redriver(&self) -> Redriver {
        self.redriver_with(self.settings.clone())
    }

    pub(crate) fn redriver_with(&self, settings: Settings) -> Redriver {
        Redriver::new(RedriverParts {
            sqs: self.sqs.clone(),
            s3: self.s3.clone(),
            dynamodb: self.dynamodb.clone(),
            eventbridge: aws_sdk_eventbridge::Client::new(&self.aws),
            health: self.targets.clone(),
            clock: self.clock.clone(),
            settings,
        })
    }

    pub(crate) async fn run(&self, request: &str) -> RedriveReport {
        self.try_run(request).await.expect("a report")
    }

    pub(crate) async fn try_run(&self, request: &str) -> Result<RedriveReport, RedriveError> {
        let request = RedriveRequest::parse(&serde_json::from_str(request).expect("JSON")).expect("a request");
        self.redriver().handle(&request, self.deadline(60)).await
    }

    pub(crate) fn deadline(&self, seconds: i64) -> Deadline {
        Deadline::at(self.clock.now_ms() + seconds * 1000)
    }

    /// Sends messages to a dead-letter queue, ten at a time; returns their ids.
    pub(crate) async fn die(&self, queue: QueueName, bodies: &[String], reason: Option<&Failure>) -> Vec<String> {
        let attributes = reason.map(|failure| {
            let text = |value: &str| {
                MessageAttributeValue::builder().data_type("String").string_value(value).build().expect("attribute")
            };
            HashMap::from([
                ("relay.kind".to_owned(), text(failure.kind.as_str())),
                ("relay.code".to_owned(), text(&failure.code)),
                ("relay.reason".to_owned(), text(&failure.message)),
            ])
        });
        let mut ids = Vec::new();
        for some in bodies.chunks(10) {
            let entries = some.iter().enumerate().map(|(index, body)| {
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(body)
                    .set_message_attributes(attributes.clone())
                    .build()
                    .expect("an entry")
            });
            let sent = self
                .sqs
                .send_message_batch()
                .queue_url(&self.settings.queues[&queue].dead_letters)
                .set_entries(Some(entries.collect()))
                .send()
                .await
                .expect("sent");
            assert!(sent.failed.is_empty(), "{:?}", sent.failed);
            ids.extend(sent.successful.into_iter().map(|entry| entry.message_id));
        }
        ids
    }

    /// Receives what is on a dead-letter queue, as somebody who has it in hand: nobody else sees it
    /// for ten minutes.
    pub(crate) async fn hide(&self, queue: QueueName) {
        assert!(!self.take_all(&self.settings.queues[&queue].dead_letters).await.is_empty(), "nothing to hide");
    }

    /// Takes everything from a queue: bodies with their attributes, until it stays empty.
    pub(crate) async fn take_all(&self, url: &str) -> Vec<(String, HashMap<String, String>)> {
        let mut all = Vec::new();
        loop {
            let output = self
                .sqs
                .receive_message()
                .queue_url(url)
                .max_number_of_messages(10)
                .wait_time_seconds(1)
                .visibility_timeout(600)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .send()
                .await
                .expect("received");
            let messages = output.messages.unwrap_or_default();
            if messages.is_empty() {
                return all;
            }
            for message in messages {
                let attributes = message.message_attributes.unwrap_or_default();
                let texts = attributes.into_iter().map(|(name, v)| (name, v.string_value.unwrap_or_default()));
                all.push((message.body.unwrap_or_default(), texts.collect()));
            }
        }
    }

    pub(crate) async fn queue(&self, queue: QueueName) -> Vec<(String, HashMap<String, String>)> {
        self.take_all(&self.settings.queues[&queue].queue).await
    }

    /// Messages on a dead-letter queue, visible or hidden.
    pub(crate) async fn dead_count(&self, queue: QueueName) -> usize {
        use aws_sdk_sqs::types::QueueAttributeName as Name;
        let names = [Name::ApproximateNumberOfMessages, Name::ApproximateNumberOfMessagesNotVisible];
        let output = self
            .sqs
            .get_queue_attributes()
            .queue_url(&self.settings.queues[&queue].dead_letters)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .expect("attributes");
        let counts = output.attributes.unwrap_or_default();
        names.iter().filter_map(|name| counts.get(name)?.parse::<usize>().ok()).sum()
    }

    /// An object of the bucket.
    pub(crate) async fn read(&self, key: &str) -> Vec<u8> {
        let object = self.s3.get_object().bucket(&self.settings.bucket).key(key).send().await.expect("object");
        object.body.collect().await.expect("bytes").into_bytes().into()
    }

    /// All parked letters by key.
    pub(crate) async fn parked(&self) -> BTreeMap<String, Parked> {
        let mut all = BTreeMap::new();
        let mut from = None;
        loop {
            let list = self.s3.list_objects_v2().bucket(&self.settings.bucket).prefix("parked/");
            let output = list.set_continuation_token(from).send().await.expect("a list");
            for object in output.contents.unwrap_or_default() {
                let key = object.key.unwrap_or_default();
                if key.starts_with("parked/removed/") {
                    continue;
                }
                let object = self.s3.get_object().bucket(&self.settings.bucket).key(&key).send().await.expect("object");
                let bytes = object.body.collect().await.expect("bytes").into_bytes();
                all.insert(key, serde_json::from_slice(&bytes).expect("a parked letter"));
            }
            from = output.next_continuation_token;
            if from.is_none() {
                return all;
            }
        }
    }
}

pub(crate) fn body(id: &str) -> String {
    format!(r#"{{"source":"demo","productId":"{id}","correlationId":"run-1","cause":"feed"}}"#)
}

pub(crate) fn key(id: &str) -> ProductKey {
    ProductKey::new("demo", id).expect("a key")
}

async fn create_table(client: &aws_sdk_dynamodb::Client, name: &str) {
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().expect("an attribute")
    };
    let part = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("key");
    let index = GlobalSecondaryIndex::builder()
        .index_name("pending")
        .key_schema(part("pending_shard", KeyType::Hash))
        .key_schema(part("pending_since", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .expect("an index");
    client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::S))
        .attribute_definitions(attribute("pending_shard", ScalarAttributeType::S))
        .attribute_definitions(attribute("pending_since", ScalarAttributeType::N))
        .key_schema(part("pk", KeyType::Hash))
        .key_schema(part("sk", KeyType::Range))
        .global_secondary_indexes(index)
        .send()
        .await
        .expect("a table");
}
