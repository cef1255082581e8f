//! A table of its own for each test.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use catalog::{Localized, Price, Product, Variant};
use ledger::core::{Item, ItemKey, Value};
use ledger::{Leases, Ledger};

/// Names the endpoint of a DynamoDB that tests may create tables in.
const ENDPOINT: &str = "RELAY_DYNAMODB_ENDPOINT";

/// A table, gone when dropped.
pub struct Table {
    runtime: tokio::runtime::Runtime,
    client: Client,
    name: String,
}

impl Table {
    /// A new table; `None`, said aloud, where there is no DynamoDB. In CI that is a failure.
    pub fn open() -> Option<Self> {
        let Some(endpoint) = std::env::var(ENDPOINT).ok().filter(|endpoint| !endpoint.is_empty()) else {
            assert!(std::env::var("CI").is_err(), "{ENDPOINT} is not set: CI must run this test against DynamoDB");
            eprintln!("SKIPPED: {ENDPOINT} is not set (crates/ledger/README.md)");
            return None;
        };
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("ledger-test-{}-{number}", std::process::id());
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .build();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
        let table = Self { runtime, client: Client::from_conf(config), name };
        table.block_on(table.create());
        Some(table)
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    pub fn ledger(&self, leases: Leases) -> Ledger {
        Ledger::new(self.client.clone(), &self.name, leases)
    }

    /// The table as the template makes it.
    async fn create(&self) {
        let attribute = |name: &str, kind: ScalarAttributeType| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
        };
        let key = |name: &str, kind: KeyType| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
        };
        let index = GlobalSecondaryIndex::builder()
            .index_name("pending")
            .key_schema(key("pending_shard", KeyType::Hash))
            .key_schema(key("pending_since", KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .unwrap();
        self.client
            .create_table()
            .table_name(&self.name)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("pk", ScalarAttributeType::S))
            .attribute_definitions(attribute("sk", ScalarAttributeType::S))
            .attribute_definitions(attribute("pending_shard", ScalarAttributeType::S))
            .attribute_definitions(attribute("pending_since", ScalarAttributeType::N))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .global_secondary_indexes(index)
            .send()
            .await
            .unwrap();
    }

    /// Puts an item as it is; an empty one stands for none.
    pub async fn put(&self, key: &ItemKey, item: &Item) {
        if item.is_empty() {
            return;
        }
        let mut attributes: HashMap<String, AttributeValue> = item
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    Value::S(text) => AttributeValue::S(text.clone()),
                    Value::N(number) => AttributeValue::N(number.to_string()),
                    Value::B(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
                };
                (name.clone(), value)
            })
            .collect();
        attributes.extend(key_of(key));
        self.client.put_item().table_name(&self.name).set_item(Some(attributes)).send().await.unwrap();
    }

    pub async fn put_raw(&self, key: &ItemKey, name: &str, value: AttributeValue) {
        let mut attributes = key_of(key);
        attributes.insert(name.to_owned(), value);
        self.client.put_item().table_name(&self.name).set_item(Some(attributes)).send().await.unwrap();
    }

    /// The item as it is stored.
    pub async fn get(&self, key: &ItemKey) -> Item {
        let output = self
            .client
            .get_item()
            .table_name(&self.name)
            .consistent_read(true)
            .set_key(Some(key_of(key)))
            .send()
            .await
            .unwrap();
        let attributes = output.item.unwrap_or_default();
        attributes
            .into_iter()
            .filter(|(name, _)| name != "pk" && name != "sk")
            .map(|(name, value)| {
                let value = match value {
                    AttributeValue::S(text) => Value::S(text),
                    AttributeValue::N(number) => Value::N(number.parse().unwrap()),
                    AttributeValue::B(bytes) => Value::B(bytes.into_inner()),
                    other => panic!("{name}: {other:?}"),
                };
                (name, value)
            })
            .collect::<BTreeMap<_, _>>()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let _ = self.block_on(self.client.delete_table().table_name(&self.name).send());
    }
}

fn key_of(key: &ItemKey) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(key.pk.clone())),
        ("sk".to_owned(), AttributeValue::S(key.sk.clone())),
    ])
}

/// A product that says one thing.
pub fn product(id: &str, says: &str) -> Product {
    Product {
        name: Localized::default().with("en", "Shirt"),
        description: Localized::default().with("en", says),
        variants: vec![Variant {
            sku: "S1".into(),
            title: "Shirt".into(),
            options: vec![],
            prices: vec![Price { currency: "SAR".into(), amount: "23.80".parse().unwrap(), list_amount: None }],
            stock: 1,
            images: vec![],
            facts: None,
        }],
        ..Product::bare("demo", id)
    }
}
