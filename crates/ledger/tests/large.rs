//! Products whose bodies do not fit an item: where they are, what a crash leaves, what is refused.
//! In memory, and on a local DynamoDB and S3.
#![allow(clippy::unwrap_used, reason = "tests")]

use catalog::{ContentHash, Failure, Localized, Product, ProductKey, Version};
use ledger::core::desired::{self, Body, MAX_BODY_BYTES};
use ledger::core::{MAX_JSON_BYTES, spill};
use ledger::{Bodies, DesiredDoc, DesiredOutcome, Leases, Ledger, LedgerError, Table as _};
use proptest::prelude::*;

const LEASES: Leases = Leases { lease_ms: 1_000, landing_ms: 1_000 };

fn key() -> ProductKey {
    ProductKey::new("demo", "large").unwrap()
}

fn version(position: u64) -> Version {
    Version::new(1_700_000_000_000, "1", position)
}

/// Nothing compresses it: 3 bytes a character.
fn noise(seed: u64, chars: usize) -> String {
    let mut state = seed.wrapping_add(1);
    let mut roll = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((state >> 33) % 20_000).unwrap()
    };
    (0..chars).map(|_| char::from_u32(0x4E00 + roll()).unwrap()).collect()
}

fn doc(seed: u64, chars: usize, position: u64) -> DesiredDoc {
    let description = Localized::default().with("en", &noise(seed, chars));
    let product = Product { description, ..testing::dynamodb::product("large", "") };
    let hash = ContentHash::of(&product);
    DesiredDoc { product, version: version(position), hash, run: "run-1".into(), provenance: "test".into() }
}

async fn read<T: ledger::Table>(ledger: &Ledger<T>) -> Result<DesiredDoc, LedgerError> {
    ledger.read_docs(&[key()]).await.unwrap().remove(&key()).unwrap()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_its_size_a_product_is_read_as_it_was_written(sizes in prop::collection::vec((0_u64..3, 0_usize..260_000), 1..5)) {
        let ledger = Ledger::in_memory(LEASES);
        block_on(async {
            for (n, (seed, chars)) in sizes.into_iter().enumerate() {
                let doc = doc(seed, chars, n as u64);
                assert_eq!(ledger.put_desired(&key(), &doc, 1).await.unwrap(), DesiredOutcome::Written);
                let item = ledger.table().item(&desired::doc_key(&key()));
                let spilled = doc.packed().unwrap().len() > MAX_BODY_BYTES;
                assert_eq!(matches!(Body::of(&item), Some(Body::At(_))), spilled);
                assert!(item.contains_key("body") != spilled, "never both");
                assert_eq!(read(&ledger).await.unwrap(), doc);
            }
        });
    }
}

#[test]
fn a_crash_between_body_and_doc_is_completed_by_the_next_attempt() {
    let ledger = Ledger::in_memory(LEASES);
    block_on(async {
        let before = doc(1, 200_000, 1);
        ledger.put_desired(&key(), &before, 1).await.unwrap();
        let after = doc(2, 200_000, 2);
        let packed = after.packed().unwrap();
        let object = Body::object_for(&key(), &packed).unwrap();
        Bodies::put(ledger.table(), &object, packed).await.unwrap();
        assert_eq!(read(&ledger).await.unwrap(), before);
        ledger.put_desired(&key(), &after, 2).await.unwrap();
        assert_eq!(read(&ledger).await.unwrap(), after);
        // What the doc named before can be told from what it names now.
        let doc = ledger.table().item(&desired::doc_key(&key()));
        let waste: Vec<String> =
            ledger.table().bodies().into_iter().filter(|object| spill::is_waste([&doc], object)).collect();
        assert_eq!(waste, [Body::object_for(&key(), &before.packed().unwrap()).unwrap()]);
    });
}

#[test]
fn an_overtaken_document_does_not_change_what_is_named() {
    let ledger = Ledger::in_memory(LEASES);
    block_on(async {
        let (older, newer) = (doc(1, 200_000, 1), doc(2, 200_000, 2));
        ledger.put_desired(&key(), &newer, 1).await.unwrap();
        assert_eq!(ledger.put_desired(&key(), &older, 1).await.unwrap(), DesiredOutcome::Stale);
        assert_eq!(read(&ledger).await.unwrap(), newer);
    });
}

#[test]
fn what_neither_target_would_take_is_refused_by_name() {
    let ledger = Ledger::in_memory(LEASES);
    block_on(async {
        let error = ledger.put_desired(&key(), &doc(1, MAX_JSON_BYTES / 3, 1), 1).await.unwrap_err();
        assert!(matches!(&error, LedgerError::TooLarge { key, .. } if key == "demo:large"), "{error}");
        let Failure { code, message, .. } = error.failure();
        assert_eq!(code, "product_too_large");
        assert!(message.contains("bytes of JSON") && message.contains("8388608"), "{message}");
        assert!(ledger.table().bodies().is_empty());
        assert!(ledger.read_docs(&[key()]).await.unwrap().is_empty());
    });
}

/// Cleaned up between the two reads, because another body had taken its place.
#[test]
fn a_reader_who_comes_late_reads_what_the_doc_names_by_then() {
    /// Loses a body once it is asked for, and then names another one.
    #[derive(Debug, Clone)]
    struct Racing(ledger::Memory, DesiredDoc);
    impl Bodies for Racing {
        fn put<'a>(
            &'a self,
            object: &'a str,
            packed: Vec<u8>,
        ) -> futures::future::BoxFuture<'a, Result<(), LedgerError>> {
            Bodies::put(&self.0, object, packed)
        }
        fn get<'a>(&'a self, object: &'a str) -> futures::future::BoxFuture<'a, Result<Option<Vec<u8>>, LedgerError>> {
            Box::pin(async move {
                let packed = self.1.packed().unwrap();
                let newer = Body::object_for(&key(), &packed).unwrap();
                if object != newer {
                    Bodies::put(&self.0, &newer, packed).await?;
                    let write = desired::write_doc(&key(), &self.1, Body::At(newer));
                    assert!(self.0.write_large(&write).await?);
                    self.0.lose_body(object);
                }
                Bodies::get(&self.0, object).await
            })
        }
    }
    block_on(async {
        let (older, newer) = (doc(1, 200_000, 1), doc(2, 200_000, 2));
        let ledger = Ledger::in_memory(LEASES);
        ledger.put_desired(&key(), &older, 1).await.unwrap();
        let racing = Racing(ledger.table().clone(), newer.clone());
        assert_eq!(read(&ledger.with_bodies(racing)).await.unwrap(), newer);
    });
}

#[test]
fn who_is_told_of_no_bucket_says_so() {
    let ledger = Ledger::in_table(ledger::Memory::default(), LEASES);
    let error = block_on(ledger.put_desired(&key(), &doc(1, 200_000, 1), 1)).unwrap_err();
    assert_eq!(error.failure().code, "product_body_unavailable");
}

// ---------------------------------------------------------------- a local AWS

fn s3(endpoint: &str) -> aws_sdk_s3::Client {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

#[test]
fn dynamodb_and_s3_keep_a_large_product_and_lose_it_by_name() {
    let Some(table) = testing::dynamodb::Table::open() else { return };
    let client = s3(&std::env::var("RELAY_DYNAMODB_ENDPOINT").unwrap());
    let bucket = format!("large-bodies-{}", std::process::id());
    table.block_on(client.create_bucket().bucket(&bucket).send()).unwrap();
    let ledger = table.ledger(LEASES).with_bodies(ledger::S3Bodies::new(client.clone(), &bucket));
    table.block_on(async {
        let large = doc(7, 250_000, 1);
        assert_eq!(ledger.put_desired(&key(), &large, 1).await.unwrap(), DesiredOutcome::Written);
        assert_eq!(read(&ledger).await.unwrap(), large);
        let object = Body::object_for(&key(), &large.packed().unwrap()).unwrap();
        client.delete_object().bucket(&bucket).key(&object).send().await.unwrap();
        let error = read(&ledger).await.unwrap_err();
        assert!(matches!(&error, LedgerError::BodyMissing { object: named, .. } if *named == object), "{error}");
        ledger.put_desired(&key(), &large, 2).await.unwrap();
        assert_eq!(read(&ledger).await.unwrap(), large);
        // Anything but an answer about the object is no proof that it is gone.
        let elsewhere = table.ledger(LEASES).with_bodies(ledger::S3Bodies::new(client.clone(), "no-such-bucket"));
        assert_eq!(read(&elsewhere).await.unwrap_err().failure().code, "product_body_unavailable");
    });
}
