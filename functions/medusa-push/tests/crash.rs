//! kill -9 of the function, as Lambda runs it, in the middle of a batch of 60: after the next
//! delivery the shop is complete. No duplicate, no orphaned inventory item, no variant without a
//! price, and nobody pays a wrong one.
//!
//! The function is its own binary in a process of its own. It gets its batches from a Lambda
//! Runtime API in this process, keeps its ledger in DynamoDB, reads a PIM in this process and
//! writes to a real Medusa through a gate that counts: the blows fall on certain writes, spread
//! over all kinds of them, before Medusa hears of it, while it works on it, or when it has
//! answered. `RELAY_KILLS` says how often the function is killed (default 3).
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

#[path = "crash/articles.rs"]
mod articles;
mod common;
#[path = "common/gate.rs"]
mod gate;

use std::collections::HashMap;
use std::future::pending;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use catalog::{Product, ProductKey};
use common::support::{NobodyWants, Real, Shown, deadline, rows_are_sound, setting};
use common::{dress, in_pim};
use gate::{Blow, Gate, Now};
use medusa::{Change, CompareAt, Depth, Desired, Presence};
use medusa_push::map;
use serde_json::{Value, json};
use testing::standin::{KEY, StandIn, later};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};

const PRODUCTS: usize = 60;
const TABLE_PREFIX: &str = "medusa-push-crash";

/// What the function needs of AWS, in a local one.
struct Aws {
    endpoint: String,
    table: String,
    dynamodb: aws_sdk_dynamodb::Client,
    queues: [String; 2],
    secrets: [String; 2],
}

impl Aws {
    /// `None`, said loudly, where there is no local AWS. In CI that is a failure.
    async fn connect(story: &str) -> Option<Self> {
        let Some(endpoint) = setting("RELAY_AWS_ENDPOINT") else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "RELAY_AWS_ENDPOINT is not set, but CI is");
            eprintln!(
                "SKIPPED: no RELAY_AWS_ENDPOINT. This test needs a local AWS, see functions/medusa-push/tests/crash.rs"
            );
            return None;
        };
        let name = format!("{TABLE_PREFIX}-{story}-{}", std::process::id());
        let credentials = Credentials::new("test", "test", None, None, "tests");
        macro_rules! client {
            ($sdk:ident::Client) => {{
                let config = $sdk::Config::builder()
                    .behavior_version($sdk::config::BehaviorVersion::latest())
                    .endpoint_url(&endpoint)
                    .region($sdk::config::Region::new("us-east-1"))
                    .credentials_provider(credentials.clone());
                $sdk::Client::from_conf(config.build())
            }};
        }
        let dynamodb = client!(aws_sdk_dynamodb::Client);
        let attribute = |name: &str| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            attribute.attribute_type(ScalarAttributeType::S).build().unwrap()
        };
        let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
        let table = dynamodb.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        let table = table.attribute_definitions(attribute("pk")).attribute_definitions(attribute("sk"));
        let table = table.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
        table.send().await.unwrap();
        let sqs = client!(aws_sdk_sqs::Client);
        let mut queues = [format!("{name}-queue"), format!("{name}-dead")];
        for queue in &mut queues {
            *queue = sqs.create_queue().queue_name(queue.as_str()).send().await.unwrap().queue_url.unwrap();
        }
        let manager = client!(aws_sdk_secretsmanager::Client);
        let secrets = [format!("{name}-pimcore"), format!("{name}-medusa")];
        let (email, password) = (setting("RELAY_MEDUSA_EMAIL").unwrap(), setting("RELAY_MEDUSA_PASSWORD").unwrap());
        let values = [json!({ "apiKey": KEY }), json!({ "email": email, "password": password })];
        for (name, value) in secrets.iter().zip(values) {
            manager.create_secret().name(name).secret_string(value.to_string()).send().await.unwrap();
        }
        Some(Self { endpoint, table: name, dynamodb, queues, secrets })
    }

    /// So much time has passed that no lease is valid any more and no request of its holder can
    /// land: the lease of 90 s and the minute after it are not waited for, they are written into
    /// the ledger as over.
    async fn time_passes(&self, keys: &[ProductKey]) {
        for key in keys {
            let item = ledger::core::state::item_key(key);
            let update = self.dynamodb.update_item().table_name(&self.table);
            let update =
                update.key("pk", AttributeValue::S(item.pk.clone())).key("sk", AttributeValue::S(item.sk.clone()));
            let update = update
                .update_expression("SET medusa_until = :past")
                .condition_expression("attribute_exists(medusa_until)")
                .expression_attribute_values(":past", AttributeValue::N("1".into()));
            // A product whose stage nobody holds has nothing to expire.
            let _ = update.send().await;
        }
    }
}

/// What the Lambda service is to a function: it hands out invocations and takes the answers.
struct Lambda {
    address: String,
    /// The setting `Articles`.
    articles: &'static str,
    invocations: mpsc::Sender<Value>,
    answers: Mutex<mpsc::Receiver<Result<Value, Value>>>,
}

struct Served {
    waiting: Mutex<mpsc::Receiver<Value>>,
    answers: mpsc::Sender<Result<Value, Value>>,
}

impl Lambda {
    async fn start() -> Self {
        let (invocations, waiting) = mpsc::channel(1);
        let (answered, answers) = mpsc::channel(16);
        let served = Arc::new(Served { waiting: Mutex::new(waiting), answers: answered });
        let answer = |State(served): State<Arc<Served>>, body: String| async move {
            served.answers.send(Ok(serde_json::from_str(&body).unwrap())).await.unwrap();
        };
        let error = |State(served): State<Arc<Served>>, body: String| async move {
            served.answers.send(Err(Value::String(body))).await.unwrap();
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(Self::next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answer))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(error))
            .with_state(served);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, articles: "separate", invocations, answers: Mutex::new(answers) }
    }

    async fn next(State(served): State<Arc<Served>>) -> (HeaderMap, String) {
        let Some(event) = served.waiting.lock().await.recv().await else { return pending().await };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("lambda-runtime-aws-request-id", format!("invocation-{now}")),
            ("lambda-runtime-deadline-ms", (now + 60_000).to_string()),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:000000000000:function:medusa-push".into(),
            ),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        (headers, event.to_string())
    }

    /// The function in a new process, as Lambda starts one.
    fn function(&self, aws: &Aws, pim: &StandIn, real: &Real, gate: &Gate) -> Child {
        let here = &real.shop.references;
        let variables = [
            ("AWS_LAMBDA_RUNTIME_API", self.address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "medusa-push"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_ENDPOINT_URL", &aws.endpoint),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("RELAY_ENVIRONMENT", TABLE_PREFIX),
            ("LEDGER_TABLE", &aws.table),
            ("EVENT_BUS", "default"),
            ("MEDUSA_QUEUE_URL", &aws.queues[0]),
            ("MEDUSA_DLQ_URL", &aws.queues[1]),
            ("PIMCORE_URL", &pim.url),
            ("PIMCORE_SECRET", &aws.secrets[0]),
            ("MEDUSA_URL", &gate.url),
            ("MEDUSA_SECRET", &aws.secrets[1]),
            ("SALES_CHANNEL_ID", &here.sales_channel_id),
            ("STOCK_LOCATION_ID", &here.stock_location_id),
            ("COMPARE_AT", "price-list"),
            ("ARTICLES", self.articles),
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_medusa-push"));
        let log = std::fs::File::options().create(true).append(true).open(log()).unwrap();
        command.env_clear().envs(variables).kill_on_drop(true).stdin(Stdio::null()).stdout(log);
        command.spawn().unwrap()
    }

    /// Deliveries, each to a new process, until no message is to come again. On a slow machine the
    /// function may run out of time.
    async fn deliver(
        &self,
        aws: &Aws,
        pim: &StandIn,
        real: &Real,
        gate: &Gate,
        (keys, leased): (&[ProductKey], &[ProductKey]),
    ) {
        for _ in 0..5 {
            if self.deliver_once(aws, pim, real, gate, keys).await == 0 {
                return;
            }
            aws.time_passes(leased).await;
        }
        panic!("five deliveries were not enough; see {}", log().display());
    }

    /// A delivery that is struck, unless the function gives up before.
    async fn killed(
        &self,
        aws: &Aws,
        pim: &StandIn,
        (real, gate): (&Real, &Gate),
        keys: &[ProductKey],
        blow: Blow,
    ) -> Option<Now> {
        gate.arm(Some(blow));
        let mut function = self.function(aws, pim, real, gate);
        self.invocations.send(event(keys)).await.unwrap();
        let mut answers = self.answers.lock().await;
        let dying = tokio::select! {
            now = gate.struck() => Some(now),
            _ = answers.recv() => None,
        };
        function.kill().await.unwrap();
        dying
    }

    /// A delivery, and how many messages are to come again.
    async fn deliver_once(&self, aws: &Aws, pim: &StandIn, real: &Real, gate: &Gate, keys: &[ProductKey]) -> usize {
        gate.arm(None);
        let mut function = self.function(aws, pim, real, gate);
        self.invocations.send(event(keys)).await.unwrap();
        let mut answers = self.answers.lock().await;
        let answer = tokio::select! {
            answer = answers.recv() => answer.unwrap().unwrap(),
            ended = function.wait() => panic!("the function ended by itself: {ended:?}"),
        };
        function.kill().await.unwrap();
        answer["batchItemFailures"].as_array().unwrap().len()
    }
}

/// Where the function's own log goes.
fn log() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("medusa-push-crash-{}.log", std::process::id()))
}

fn event(keys: &[ProductKey]) -> Value {
    let records = keys.iter().enumerate().map(|(n, key)| {
        let body = json!({"source": key.source(), "productId": key.id(), "correlationId": "run", "cause": "feed"});
        json!({"messageId": format!("m{n}"), "receiptHandle": format!("r{n}"), "body": body.to_string(),
            "attributes": {"ApproximateReceiveCount": "1"}, "eventSource": "aws:sqs", "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:medusa"})
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}

/// What the source says first, and what it says when the function is killed: other sizes, prices
/// and images.
fn versions(keys: &[ProductKey]) -> (Vec<Product>, Vec<Product>) {
    let plain = |key: &ProductKey| {
        let mut product = dress(key);
        product.categories.clear();
        product
    };
    let first = |key: &ProductKey| {
        let mut product = plain(key);
        product.variants.truncate(4);
        product.images.reverse();
        for variant in &mut product.variants {
            variant.prices[0].amount = "40".parse().unwrap();
            variant.prices[0].list_amount = Some("45".parse().unwrap());
        }
        product
    };
    (keys.iter().take(20).map(first).collect(), keys.iter().map(plain).collect())
}

#[tokio::test]
async fn after_the_functions_death_the_next_delivery_completes_the_shop() {
    let Some(real) = Real::connect_with(CompareAt::PriceLists).await else { return };
    let Some(aws) = Aws::connect("products").await else { return };
    let kills: usize = setting("RELAY_KILLS").map_or(3, |count| count.parse().unwrap());
    let (old, new) = (StandIn::start("crash-old").await, StandIn::start("crash-new").await);
    let lambda = Lambda::start().await;
    let gate = Gate::before(&real.url).await;
    let batch = async || -> Vec<ProductKey> {
        let keys: Vec<ProductKey> = (0..PRODUCTS).map(|_| real.new_key()).collect();
        let (first, second) = versions(&keys);
        in_pim(&old.client(), &first, 0).await;
        in_pim(&new.client(), &second, 0).await;
        lambda.deliver(&aws, &old, &real, &gate, (&keys[..20], &keys[..20])).await;
        keys
    };
    // What an undisturbed batch writes, so that the blows are spread over all of it.
    let mut course = Vec::new();
    for _ in 0..3 {
        let keys = batch().await;
        let again = lambda.deliver_once(&aws, &new, &real, &gate, &keys).await;
        if again == 0 {
            course = gate.course();
            complete(&real, &new, &keys).await;
            break;
        }
        println!("{again} messages are to come again although nothing happened; see {}", log().display());
    }
    tell(&course);

    for n in 0..kills {
        let blow = Blow::spread(&course, n, kills);
        let mut fell = false;
        for _ in 0..3 {
            let keys = batch().await;
            let dying = lambda.killed(&aws, &new, (&real, &gate), &keys, blow).await;
            fell = dying.is_some();
            let how = told(n, &blow, dying);
            // Medusa finishes what the dead function had asked for.
            gate.idle().await;
            let halves = half_made(&real, &keys).await;
            aws.time_passes(&keys).await;
            lambda.deliver(&aws, &new, &real, &gate, (&keys, &keys)).await;
            complete(&real, &new, &keys).await;
            println!("{how}: {halves}, then complete");
            if fell {
                break;
            }
        }
        assert!(fell, "{blow:?} never fell");
    }
    std::fs::remove_file(log()).ok();
}

/// What is printed of a blow; the dead function's request goes on.
fn told(n: usize, blow: &Blow, dying: Option<Now>) -> String {
    match dying {
        Some(Now { write, dead }) => {
            dead.send(()).unwrap();
            format!("kill {n} at write {} ({write}), {}", blow.write, blow.moment)
        }
        None => format!("{blow:?} never fell, the function gave up before; see {}", log().display()),
    }
}

fn tell(course: &[String]) {
    assert!(!course.is_empty(), "no batch went through undisturbed");
    println!("an undisturbed batch writes {} times:", course.len());
    for stretch in course.chunk_by(|a, b| a == b) {
        println!("  {} x {}", stretch.len(), stretch[0]);
    }
}

/// What the blow left behind, for the record. Nothing half-made is for sale.
async fn half_made(real: &Real, keys: &[ProductKey]) -> String {
    let (mut absent, mut drafts, mut unmarked) = (0, 0, 0);
    for product in real.admin_products(keys).await {
        let Some(product) = product else {
            absent += 1;
            continue;
        };
        drafts += usize::from(product["status"] == "draft");
        unmarked += usize::from(product["metadata"]["relay_state"].is_null());
        assert!(product["status"] == "draft" || rows_are_sound(&product).is_ok(), "for sale, but half-made: {product}");
    }
    format!("{absent} absent, {drafts} drafts, {unmarked} under way")
}

async fn complete(real: &Real, pim: &StandIn, keys: &[ProductKey]) {
    let in_pim = pim.client().read_products(keys, later()).await.unwrap();
    let nowhere = HashMap::new();
    let desired: Vec<Desired> = keys
        .iter()
        .map(|key| map::desired(key, Some(in_pim[key].as_ref().unwrap()), &nowhere, &real.shop.references))
        .collect();
    let products = real.admin_products(keys).await;
    for (n, (wanted, product)) in desired.iter().zip(&products).enumerate() {
        let product = product.as_ref().unwrap_or_else(|| panic!("{} is not there", wanted.key));
        real.sound(&wanted.key, product).await.unwrap();
        let Presence::Offered(article) = &wanted.presence else { panic!("{} is withheld", wanted.key) };
        // The full comparison below covers all; price lists and the storefront are asked about
        // some.
        if n % 12 == 0 {
            assert_eq!(real.shown(&wanted.key).await, Some(Shown::expected(article, real)));
            assert_eq!(real.entries(product).await, real.expected_entries(article));
        }
    }
    let orders: Vec<_> = desired.iter().map(|desired| (desired, Depth::Full)).collect();
    for outcome in real.shop.push(&orders, &NobodyWants, deadline()).await {
        assert_eq!(outcome.unwrap().change, Change::Unchanged);
    }
}
