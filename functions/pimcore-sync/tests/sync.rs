//! Batches: what Pimcore holds afterwards, what the ledger knows, and what it cost.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::time::Duration;

use catalog::{ErrorKind, Failure, Localized};
use common::{Function, failure, key, path, product, version};
use ledger::core::aside::Seen;
use ledger::{Aside, Claim, Owner, Stage};
use pimcore::{PimProduct, Pimcore};
use pimcore_sync::decide::PublishPolicy;
use runtime::{Announcement, Cause, Clock, Outcome, ProductMessage};
use serde_json::json;
use testing::standin::{StandIn, later};

async fn read(pimcore: &Pimcore, id: &str) -> PimProduct {
    pimcore.read_products(&[key(id)], later()).await.unwrap().remove(&key(id)).unwrap().unwrap()
}

#[tokio::test]
async fn a_new_product_arrives_once_whatever_is_announced_again() {
    let pim = StandIn::start("sync-new").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let messages = [function.memory.put(&product("1"), &version(1))];
    assert_eq!(function.run(&pimcore, &messages).await[&key("1")], Outcome::Done);
    assert_eq!(function.heard.take(), [Announcement::product_synced(&messages[0])]);
    let read = read(&pimcore, "1").await;
    assert!(read.published);
    assert_eq!(read.categories[0].external_id.as_deref(), Some("demo:shoes"));
    let state = function.memory.state(&key("1"));
    let applied = state.pimcore.applied.unwrap();
    assert_eq!((Some(applied.hash), applied.remote_id), (state.hash, Some(read.id.to_string())));
    assert_eq!(state.pimcore.owner, None);
    // The shop still lacks it: announced again, but Pimcore is not even asked.
    let before = pim.app.counters.now();
    assert_eq!(function.run(&pimcore, &messages).await[&key("1")], Outcome::Done);
    assert_eq!(function.heard.take().len(), 1);
    assert_eq!(pim.app.counters.now(), before);
}

#[tokio::test]
async fn what_pimcore_holds_already_is_not_written() {
    let pim = StandIn::start("sync-same").await;
    let pimcore = pim.client();
    let messages: Vec<ProductMessage> = {
        let function = Function::default();
        let messages: Vec<_> = (0..20).map(|n| function.memory.put(&product(&n.to_string()), &version(1))).collect();
        function.run(&pimcore, &messages).await;
        messages
    };
    // A new ledger knows nothing of that.
    let function = Function::default();
    for n in 0..20 {
        function.memory.put(&product(&n.to_string()), &version(2));
    }
    let before = pim.app.counters.now();
    let outcomes = function.run(&pimcore, &messages).await;
    assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
    let after = pim.app.counters.now();
    assert_eq!((after.aliases_written, after.requests - before.requests), (before.aliases_written, 1));
    assert_eq!(function.heard.take().len(), 20);
    assert!(function.memory.state(&key("7")).pimcore.applied.is_some());
}

#[tokio::test]
async fn one_changed_price_is_one_write_and_people_keep_their_fields() {
    let pim = StandIn::start("sync-price").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let mut products: Vec<_> = (0..20).map(|n| product(&n.to_string())).collect();
    let messages: Vec<_> = products.iter().map(|product| function.memory.put(product, &version(1))).collect();
    function.run(&pimcore, &messages).await;
    let person = json!({"marketingName": {"en": "Bestseller"}, "shopVisibility": "show", "published": false});
    pim.edit(&path("3"), person);
    products[3].variants[0].prices[0].amount = "19.99".parse().unwrap();
    function.memory.put(&products[3], &version(2));
    let before = pim.app.counters.now();
    function.run(&pimcore, &messages).await;
    let after = pim.app.counters.now();
    assert_eq!((after.aliases_written - before.aliases_written, after.requests - before.requests), (1, 2));
    let read = read(&pimcore, "3").await;
    assert_eq!(read.prices[0].amount.to_string(), "19.99");
    assert_eq!(read.title("en"), Some("Bestseller"));
    assert!(!read.published, "what a person unpublished stays unpublished");
}

#[tokio::test]
async fn a_product_that_cannot_be_held_is_refused_alone_and_says_why() {
    let pim = StandIn::start("sync-refused").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let mut long = product("long");
    long.name = Localized([("en".to_owned(), "x".repeat(513))].into());
    let mut ring = product("ring");
    let path = ring.categories[0].0.clone();
    ring.categories[0].0.extend(path);
    let messages = [&long, &ring, &product("fine")].map(|p| function.memory.put(p, &version(1)));
    let outcomes = function.run(&pimcore, &messages).await;
    for (id, code, named) in [
        ("long", "pimcore_field_too_long", "demo:long: name.en has 513 characters, Pimcore keeps 512"),
        ("ring", "category_cycle", "demo:ring"),
    ] {
        let refused = failure(&outcomes[&key(id)]);
        assert_eq!((refused.kind, refused.code.as_str()), (ErrorKind::Permanent, code));
        assert!(refused.message.contains(named), "{refused}");
        let recorded = function.memory.state(&key(id)).pimcore.last_error.unwrap();
        assert_eq!((recorded.code.as_str(), recorded.kind), (code, ErrorKind::Permanent));
    }
    assert_eq!(outcomes[&key("fine")], Outcome::Done);
}

#[tokio::test]
async fn under_review_nothing_is_published_before_a_person_does() {
    let pim = StandIn::start("sync-review").await;
    let (pimcore, function) = (Ok(pim.client()), Function::default());
    let client = pim.client();
    let mut product = product("1");
    let messages = [function.memory.put(&product, &version(1))];
    function.run_with(&pimcore, &messages, PublishPolicy::Review).await;
    assert!(!read(&client, "1").await.published);
    product.brand = Some("Other".into());
    function.memory.put(&product, &version(2));
    function.run_with(&pimcore, &messages, PublishPolicy::Review).await;
    assert!(!read(&client, "1").await.published);
    pim.edit(&path("1"), json!({"published": true}));
    product.brand = Some("Third".into());
    function.memory.put(&product, &version(3));
    function.run_with(&pimcore, &messages, PublishPolicy::Review).await;
    let read = read(&client, "1").await;
    assert_eq!((read.published, read.brand.as_deref()), (true, Some("Third")));
}

#[tokio::test]
async fn withdrawal_unpublishes_unless_people_keep_it_and_is_undone() {
    let pim = StandIn::start("sync-withdrawn").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let ids = ["plain", "kept", "hidden"];
    let put =
        |withdrawn, n| ids.map(|id| function.memory.put(&catalog::Product { withdrawn, ..product(id) }, &version(n)));
    function.run(&pimcore, &put(false, 1)).await;
    pim.edit(&path("kept"), json!({"keepWhenWithdrawn": true}));
    pim.edit(&path("hidden"), json!({"published": false}));
    function.run(&pimcore, &put(true, 2)).await;
    let shown = async || {
        let mut shown = Vec::new();
        for id in ids {
            let read = read(&pimcore, id).await;
            shown.push((read.withdrawn, read.published, read.offered()));
        }
        shown
    };
    assert_eq!(shown().await, [(true, false, false), (true, true, true), (true, false, false)]);
    function.run(&pimcore, &put(false, 3)).await;
    assert_eq!(shown().await, [(false, true, true), (false, true, true), (false, false, false)]);
    assert_eq!(read(&pimcore, "hidden").await.warnings, None, "the remark has done its service");
}

#[tokio::test]
async fn a_withdrawn_product_that_pimcore_never_had_is_not_created() {
    let pim = StandIn::start("sync-absent").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let messages = [function.memory.put(&catalog::Product { withdrawn: true, ..product("1") }, &version(1))];
    assert_eq!(function.run(&pimcore, &messages).await[&key("1")], Outcome::Done);
    assert!(pim.view(&path("1")).is_none());
    assert_eq!(function.heard.take().len(), 1, "the shop may have it");
}

#[tokio::test]
async fn a_category_that_a_person_deleted_is_made_again_within_the_batch() {
    let pim = StandIn::start("sync-category").await;
    let (pimcore, function) = (pim.client(), Function::default());
    function.run(&pimcore, &[function.memory.put(&product("1"), &version(1))]).await;
    pim.delete("/catalog/categories/demo-women");
    let messages: Vec<_> = ["2", "3"].map(|id| function.memory.put(&product(id), &version(1))).into();
    let outcomes = function.run(&pimcore, &messages).await;
    assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
    assert_eq!(read(&pimcore, "2").await.categories[0].external_id.as_deref(), Some("demo:shoes"));
}

#[tokio::test]
async fn without_a_secret_every_product_waits_and_says_so() {
    let function = Function::default();
    let missing = Err(Failure::transient("secret_missing", "secret x does not exist"));
    let messages = [function.memory.put(&product("1"), &version(1))];
    let outcomes = function.run_with(&missing, &messages, PublishPolicy::Auto).await;
    assert_eq!(failure(&outcomes[&key("1")]).kind, ErrorKind::Transient);
    let state = function.memory.state(&key("1"));
    assert_eq!((state.pimcore.last_error.unwrap().code.as_str(), state.pimcore.owner), ("secret_missing", None));
    assert!(function.heard.take().is_empty());
    let pim = StandIn::start("sync-secret").await;
    assert_eq!(function.run(&pim.client(), &messages).await[&key("1")], Outcome::Done);
}

#[tokio::test]
async fn a_request_that_may_land_late_is_looked_at_again() {
    let pim = StandIn::start("sync-late").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let messages = [function.memory.put(&product("1"), &version(1))];
    pim.fault(json!({"kind": "bad-gateway", "executed": true, "match": "createCatalogProduct"}));
    let failed = failure(&function.run(&pimcore, &messages).await[&key("1")]);
    assert_eq!((failed.kind, failed.code.as_str()), (ErrorKind::Transient, "pimcore_unavailable"));
    let outcome = function.run(&pimcore, &messages).await[&key("1")].clone();
    assert!(matches!(outcome, Outcome::Again(_)), "{outcome:?}");
    function.clock.0.store(60_000, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(function.run(&pimcore, &messages).await[&key("1")], Outcome::Done);
    assert_eq!(pim.app.counters.now().aliases_written, 2 + 1, "two categories, one product");
}

#[tokio::test]
async fn somebody_elses_work_and_unknown_products_are_told_apart() {
    let pim = StandIn::start("sync-leased").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let leased = function.memory.put(&product("leased"), &version(1));
    let other = ledger::Owner("somebody else".into());
    function.memory.claim(ledger::Stage::Pimcore, &[key("leased")], &other, function.clock.now_ms()).await.unwrap();
    let unknown = ProductMessage { key: key("unknown"), correlation_id: String::new(), cause: Cause::Redrive };
    let outcomes = function.run(&pimcore, &[leased, unknown]).await;
    let leased = failure(&outcomes[&key("leased")]);
    assert_eq!((leased.kind, leased.code.as_str()), (ErrorKind::Transient, "leased"));
    // Not before long after the other one is done, but never after its lease has ended.
    assert!(leased.retry_within.is_some_and(|end| end <= Duration::from_secs(90)), "{leased:?}");
    let unknown = failure(&outcomes[&key("unknown")]);
    assert_eq!((unknown.kind, unknown.code.as_str()), (ErrorKind::Permanent, "unknown_product"));
}

#[tokio::test]
async fn what_a_person_took_off_sale_in_the_shop_is_in_the_remarks_until_that_ends() {
    let pim = StandIn::start("sync-aside").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let messages = [function.memory.put(&product("1"), &version(1))];
    function.run(&pimcore, &messages).await;
    let writes = || pim.app.counters.now().aliases_written;
    let draft = Aside { what: "draft".into(), sku: None, id: None, seen_at: 1_700_000_000_000 };
    // What medusa-push does when it sees that something was set aside, or no longer is.
    let noted = async |asides: &[Aside]| {
        let (key, owner, now) = (key("1"), Owner("push".into()), function.clock.now_ms());
        let claims = function.memory.claim(Stage::Medusa, std::slice::from_ref(&key), &owner, now).await.unwrap();
        let Some(Claim::Claimed(known)) = claims.get(&key) else { panic!("{claims:?}") };
        function.memory.note_aside(&key, &owner, known, Seen { asides, due: None, doubts: true }, now).await.unwrap();
        let failure = Failure::transient("test", "given back");
        function.memory.fail(Stage::Medusa, &key, &owner, &failure, now).await.unwrap();
    };
    for (asides, told) in [(std::slice::from_ref(&draft), 1), (&[], 0)] {
        noted(asides).await;
        let before = writes();
        function.run(&pimcore, &messages).await;
        assert_eq!(writes() - before, 1, "{asides:?}");
        let read = read(&pimcore, "1").await;
        let lines = read.warnings.iter().flat_map(|text| text.lines());
        let lines: Vec<&str> = lines.filter(|line| line.contains("somebody unpublished it in the shop")).collect();
        assert_eq!((lines.len(), read.published), (told, true), "{asides:?}: {lines:?}");
        // Looked at again it is as it should be, and a change of the source keeps the line.
        function.memory.doubt(Stage::Pimcore, &key("1"), function.clock.now_ms()).await.unwrap();
        let before = writes();
        function.run(&pimcore, &messages).await;
        assert_eq!(writes() - before, 0, "{asides:?}");
    }
    noted(&[draft]).await;
    let mut dearer = product("1");
    dearer.variants[0].prices[0].amount = "99.00".parse().unwrap();
    function.memory.put(&dearer, &version(2));
    function.run(&pimcore, &messages).await;
    assert!(read(&pimcore, "1").await.warnings.unwrap().contains("somebody unpublished it in the shop"));
}
