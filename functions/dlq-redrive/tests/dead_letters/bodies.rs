//! Large bodies: what a product needs stays, whatever else goes.

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use catalog::{ContentHash, Localized, Product, Version};
use ledger::core::desired::Body;
use ledger::core::spill::{self, PREFIX};
use ledger::{Bodies, DesiredDoc, Ledger, S3Bodies};

use super::support::{Stack, key};

/// Nothing compresses it.
fn noise(seed: u64) -> String {
    let mut state = seed;
    let mut roll = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((state >> 33) % 20_000).expect("small")
    };
    (0..200_000).map(|_| char::from_u32(0x4E00 + roll()).expect("a character")).collect()
}

fn doc(id: &str, seed: u64, position: u64) -> DesiredDoc {
    let product = Product { description: Localized::default().with("en", &noise(seed)), ..super::product(id) };
    let (version, hash) = (Version::new(1_700_000_000_000, "1", position), ContentHash::of(&product));
    DesiredDoc { product, version, hash, run: "run-1".into(), provenance: "test".into() }
}

fn object_of(doc: &DesiredDoc) -> String {
    let key = doc.product.key().expect("a key");
    Body::object_for(&key, &doc.packed().expect("packed")).expect("a large one")
}

impl Stack {
    fn with_bodies(&self) -> Ledger {
        self.ledger.clone().with_bodies(S3Bodies::new(self.s3.clone(), &self.settings.bucket))
    }

    /// The versions of all bodies: object and version.
    async fn bodies(&self) -> Vec<(String, String)> {
        let list = self.s3.list_object_versions().bucket(&self.settings.bucket).prefix(PREFIX).send().await;
        let list = list.expect("a list");
        assert!(list.delete_markers().is_empty(), "whoever cleans up leaves no markers: {list:?}");
        let of = |one: &aws_sdk_s3::types::ObjectVersion| Some((one.key.clone()?, one.version_id.clone()?));
        let mut all: Vec<_> = list.versions().iter().filter_map(of).collect();
        all.sort();
        all
    }

    /// The turns, an hour each, of these objects, beginning so many days from now.
    async fn rounds(&self, days: u64, bodies: &[(String, String)]) {
        for hour in 0..16 {
            // To the beginning of the hour: others of its scheduled runs do not look.
            let now = runtime::Clock::now_ms(&runtime::SystemClock);
            let into_the_hour = u64::try_from(now / 60_000 % 60).expect("a minute");
            self.clock.by_minutes((days * 24 + hour + 1) * 60 - into_the_hour);
            let turn = runtime::Clock::now_ms(&*self.clock) / 3_600_000;
            if bodies.iter().any(|(object, _)| spill::has_its_turn(object, turn)) {
                self.run(r#"{"action":"redrive"}"#).await;
            }
        }
    }
}

#[tokio::test]
async fn bodies_that_no_product_names_are_deleted_and_no_others() {
    let Some(stack) = Stack::new("bodies").await else { return };
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let put = stack.s3.put_bucket_versioning().bucket(&stack.settings.bucket).versioning_configuration(on);
    put.send().await.expect("versions");
    let ledger = stack.with_bodies();
    let (first, second, again) = (doc("1", 1, 1), doc("1", 2, 2), doc("1", 1, 3));
    let unnamed = doc("2", 3, 1);
    for doc in [&first, &second, &again] {
        ledger.put_desired(&key("1"), doc, 1).await.expect("written");
    }
    // A writer that died before it named what it had put.
    let bodies = S3Bodies::new(stack.s3.clone(), &stack.settings.bucket);
    bodies.put(&object_of(&unnamed), unnamed.packed().expect("packed")).await.expect("put");
    // What is not ours is left alone.
    let stranger = format!("{PREFIX}readme.txt");
    stack.s3.put_object().bucket(&stack.settings.bucket).key(&stranger).send().await.expect("put");
    let before = stack.bodies().await;
    assert_eq!(before.len(), 5, "every write is a version of its own: {before:?}");

    stack.rounds(0, &before).await;
    assert_eq!(stack.bodies().await, before, "a writer may be about to name what it has just put");

    stack.rounds(2, &before).await;
    let left = stack.bodies().await;
    let kept: Vec<_> =
        before.iter().filter(|(object, _)| *object == object_of(&again) || *object == stranger).cloned().collect();
    assert_eq!(left, kept);
    let read = ledger.read_docs(&[key("1")]).await.expect("read").remove(&key("1")).expect("a doc").expect("its body");
    assert_eq!(read, again);

    // A version that was judged to be waste may be deleted when its content is named again: by a
    // newer version.
    let stale = spill::Version { object: left[0].0.clone(), version: left[0].1.clone(), written: 0 };
    ledger.put_desired(&key("1"), &doc("1", 1, 4), 1).await.expect("written");
    let delete = stack.s3.delete_object().bucket(&stack.settings.bucket).key(&stale.object).version_id(&stale.version);
    delete.send().await.expect("deleted");
    let read = ledger.read_docs(&[key("1")]).await.expect("read").remove(&key("1")).expect("a doc").expect("its body");
    assert_eq!(read.product, again.product);
}
