//! What a person deleted in the PIM stays away until a person ends that (D11).
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use catalog::{ErrorKind, Product};
use common::{Function, Site, failure, key, message, path, product, version};
use ledger::core::gone::known_id;
use ledger::core::{Item, ItemKey, Write};
use ledger::{Ledger, LedgerError, Scanned, Stage, Table};
use pimcore::PimProduct;
use pimcore_sync::changes::{self, OVERLAP_S, SETTLE_S};
use pimcore_sync::decide::PublishPolicy;
use runtime::{Clock, Outcome, ProductMessage};
use serde_json::json;
use testing::standin::later;

/// With a person's text on each product.
async fn edited(name: &str, ids: &[&str]) -> Site {
    let site = Site::with(name, ids).await;
    for id in ids {
        site.pim.edit(&path(id), json!({"marketingName": {"en": "Bestseller"}}));
    }
    site
}

impl Site {
    /// A feed says another price.
    fn says(&self, id: &str, amount: &str, n: u64) -> ProductMessage {
        self.function.memory.put(&dearer(id, amount), &version(n))
    }

    fn is_there(&self, id: &str) -> bool {
        self.pim.view(&path(id)).is_some()
    }

    async fn read(&self, id: &str) -> PimProduct {
        self.pimcore.read_products(&[key(id)], later()).await.unwrap().remove(&key(id)).unwrap().unwrap()
    }

    /// The change feed, and what it announces to the PIM's stage.
    async fn follow(&self) -> usize {
        let Function { memory, heard, clock, .. } = &self.function;
        let report = changes::follow(&self.pimcore, memory, heard, clock, self.function.deadline()).await.unwrap();
        report.repaired
    }
}

fn dearer(id: &str, amount: &str) -> Product {
    let mut product = product(id);
    product.variants[0].prices[0].amount = amount.parse().unwrap();
    product
}

#[tokio::test]
async fn no_feed_makes_it_again_and_restored_it_has_the_newest_price_and_peoples_text() {
    let site = edited("deleted-stays", &["1", "2"]).await;
    let id = known_id(&site.state("1")).map(str::to_owned);
    site.pim.delete_into_bin(&path("1"));
    site.run(&[site.says("1", "21", 2), site.says("2", "21", 2)]).await;
    assert!(!site.is_there("1") && site.is_there("2"));
    let (seen, now) = (site.state("1"), site.function.clock.now_ms());
    let held = seen.pimcore.applied.as_ref().map(|held| held.hash.clone());
    assert_eq!((known_id(&seen), held), (id.as_deref(), seen.hash.clone()));
    assert!(seen.gone.is_some_and(|since| since <= now) && site.state("2").gone.is_none());
    assert_eq!(site.function.heard.take().len(), 2, "the shop is told of it as of any other");
    assert_eq!(site.function.memory.gone().await.unwrap(), [(key("1"), seen.gone.unwrap())]);
    // Withdrawn, offered again, dearer: whatever its source says. It is not looked for twice any more.
    let withdrawn = Product { withdrawn: true, ..product("1") };
    site.run(&[site.function.memory.put(&withdrawn, &version(3))]).await;
    site.pass(60);
    let before = site.pim.app.counters.now();
    site.run(&[site.says("1", "22", 4)]).await;
    let asked = site.pim.app.counters.now();
    assert_eq!((asked.aliases_written, asked.requests - before.requests), (before.aliases_written, 2), "heads, health");
    assert!(!site.is_there("1"));
    assert_eq!((site.state("1").gone, known_id(&site.state("1"))), (seen.gone, id.as_deref()), "since the first time");
    // A person asks for it to be compared: that is no reason either.
    site.function.memory.doubt(Stage::Pimcore, &key("1"), site.function.clock.now_ms()).await.unwrap();
    site.run(&[message(&key("1"))]).await;
    assert!(!site.is_there("1"));

    site.pass(OVERLAP_S + SETTLE_S + 1);
    site.follow().await;
    assert!(site.pim.restore(&path("1")), "nothing is in its way");
    site.function.heard.take();
    assert_eq!(site.follow().await, 1);
    site.run(&[message(&key("1"))]).await;
    let read = site.read("1").await;
    assert_eq!((read.prices[0].amount.to_string().as_str(), read.title("en")), ("22", Some("Bestseller")));
    assert!(read.published && Some(read.id.to_string()) == id);
    assert_eq!((site.state("1").gone, site.function.memory.gone().await.unwrap()), (None, vec![]));
    let heard = format!("{:?}", site.function.heard.take());
    assert!(heard.contains("ProductSynced"), "on sale again: {heard}");
    site.pass(OVERLAP_S + SETTLE_S + 1);
    site.follow().await;
    assert_eq!(site.follow().await, 0);
}

#[tokio::test]
async fn released_it_is_made_anew_once_whatever_dies_in_between() {
    let site = edited("deleted-released", &["1"]).await;
    assert!(!site.function.memory.release_gone(&key("1"), 7).await.unwrap(), "nobody deleted it");
    let first = site.read("1").await.id;
    site.pim.delete_into_bin(&path("1"));
    site.run(&[site.says("1", "21", 2)]).await;
    let now = site.function.clock.now_ms();
    assert!(site.function.memory.release_gone(&key("1"), now).await.unwrap());
    assert!(!site.function.memory.release_gone(&key("1"), now).await.unwrap(), "it is released already");
    assert!(site.function.memory.gone().await.unwrap().is_empty());
    // It is made, and whoever made it does not hear of it.
    site.pim.fault(json!({"kind": "bad-gateway", "executed": true, "match": "createCatalogProduct"}));
    let outcomes = site.function.run(&site.pimcore, &[message(&key("1"))]).await;
    assert_eq!(failure(&outcomes[&key("1")]).kind, ErrorKind::Transient);
    site.pass(60);
    site.run(&[message(&key("1"))]).await;
    let read = site.read("1").await;
    assert!(read.id != first && read.title("en") != Some("Bestseller"), "made anew");
    assert_eq!(known_id(&site.state("1")), Some(read.id.to_string().as_str()));
    // And deleted again it stays away again.
    site.pim.delete_into_bin(&path("1"));
    site.run(&[site.says("1", "22", 3)]).await;
    assert!(!site.is_there("1") && site.state("1").gone.is_some());
}

#[tokio::test]
async fn one_that_was_released_while_its_source_had_withdrawn_it_comes_with_its_source() {
    let site = edited("deleted-withdrawn", &["1"]).await;
    site.pim.delete_into_bin(&path("1"));
    let withdrawn = Product { withdrawn: true, ..product("1") };
    site.run(&[site.function.memory.put(&withdrawn, &version(2))]).await;
    assert!(site.function.memory.release_gone(&key("1"), site.function.clock.now_ms()).await.unwrap());
    site.run(&[message(&key("1"))]).await;
    assert!(!site.is_there("1"));
    site.run(&[site.says("1", "21", 3)]).await;
    assert!(site.is_there("1") && site.state("1").gone.is_none());
}

#[tokio::test]
async fn where_it_cannot_be_told_whether_the_folder_is_seen_nothing_is_deleted_and_nobody_else_is_held_up() {
    let site = edited("deleted-folder", &["1", "2"]).await;
    site.pim.delete_into_bin(&path("1"));
    let announced = [site.says("1", "21", 2), site.says("2", "21", 2)];
    site.pim.fault(json!({"kind": "unavailable", "match": "query Health"}));
    let outcomes = site.function.run(&site.pimcore, &announced).await;
    let refused = failure(&outcomes[&key("1")]);
    assert_eq!((refused.kind, refused.code.as_str()), (ErrorKind::Transient, "pimcore_unavailable"), "{refused}");
    assert_eq!(outcomes[&key("2")], Outcome::Done);
    assert_eq!((site.state("1").gone, site.function.memory.gone().await.unwrap()), (None, vec![]));
    site.run(&announced).await;
    assert!(site.state("1").gone.is_some());
}

#[tokio::test]
async fn the_comparison_notes_what_is_gone_and_finds_what_was_restored() {
    let site = edited("deleted-compared", &["1", "2", "3"]).await;
    site.pim.delete_into_bin(&path("2"));
    site.comparison().start(false).await.unwrap();
    let since = site.state("2").gone;
    assert!(since.is_some() && site.state("1").gone.is_none());
    assert_eq!(site.function.memory.gone().await.unwrap(), [(key("2"), since.unwrap())]);
    site.pass(60);
    let again = site.comparison().start(false).await.unwrap();
    assert_eq!((again.compared, site.state("2").gone), (2, since), "what is gone says nothing of the listing");
    // Nobody reads the change feed.
    assert!(site.pim.restore(&path("2")));
    assert_eq!(site.comparison().start(false).await.unwrap().repaired, 1);
    site.run(&[message(&key("2"))]).await;
    assert_eq!((site.state("2").gone, site.function.memory.gone().await.unwrap()), (None, vec![]));
    assert_eq!(site.comparison().start(false).await.unwrap().repaired, 0);
}

/// A ledger in which somebody does something just before a write.
struct Meanwhile<F> {
    memory: ledger::Memory,
    writes: AtomicUsize,
    at: usize,
    act: F,
}

impl<F: Fn() + Send + Sync> Table for Meanwhile<F> {
    async fn write(&self, write: &Write) -> Result<Result<Item, Item>, LedgerError> {
        if self.writes.fetch_add(1, Ordering::Relaxed) == self.at {
            (self.act)();
        }
        self.memory.write(write).await
    }

    async fn write_large(&self, write: &Write) -> Result<bool, LedgerError> {
        self.memory.write_large(write).await
    }

    async fn read(&self, keys: &[ItemKey]) -> Result<HashMap<ItemKey, Item>, LedgerError> {
        self.memory.read(keys).await
    }

    async fn list(
        &self,
        shard: &str,
        before: i64,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Vec<(ItemKey, i64)>, LedgerError> {
        self.memory.list(shard, before, limit, oldest_first).await
    }

    async fn scan(&self, sk: &str, after: Option<&ItemKey>) -> Result<Scanned, LedgerError> {
        self.memory.scan(sk, after).await
    }

    async fn after(&self, pk: &str, sk: &str) -> Result<Vec<(String, Item)>, LedgerError> {
        self.memory.after(pk, sk).await
    }
}

#[tokio::test]
async fn whenever_it_is_restored_or_released_while_somebody_finds_it_gone_it_arrives() {
    for released in [false, true] {
        // Claim, list, note, complete; one more for luck.
        for at in 0..5 {
            let site = edited(&format!("deleted-meanwhile-{released}-{at}"), &["1"]).await;
            site.pass(OVERLAP_S + SETTLE_S + 1);
            site.follow().await;
            site.pim.delete_into_bin(&path("1"));
            let announced = site.says("1", "21", 2);
            if released {
                // Noted before: there is something to release.
                site.run(std::slice::from_ref(&announced)).await;
                site.says("1", "22", 3);
            }
            let memory = site.function.memory.table().clone();
            let now = site.function.clock.now_ms();
            let act = || {
                if released {
                    let _ = memory.put(&ledger::core::gone::release(&key("1"), now));
                } else {
                    assert!(site.pim.restore(&path("1")), "at write {at}");
                }
            };
            let table = Meanwhile { memory: memory.clone(), writes: AtomicUsize::new(0), at, act };
            let ledger = Ledger::in_table(table, Stage::Pimcore.leases());
            let client = Ok(site.pimcore.clone());
            site.function.run_on(&ledger, &client, std::slice::from_ref(&announced), PublishPolicy::Auto).await;
            if ledger.table().writes.load(Ordering::Relaxed) <= at {
                (ledger.table().act)();
            }
            site.follow().await;
            // The announcements of whoever acted, and the message that comes back.
            for _ in 0..2 {
                site.function.run(&site.pimcore, std::slice::from_ref(&announced)).await;
            }
            let (read, state) = (site.read("1").await, site.state("1"));
            let price = if released { "22" } else { "21" };
            assert_eq!(read.prices[0].amount.to_string(), price, "released {released}, at write {at}");
            assert_eq!(read.title("en") == Some("Bestseller"), !released, "at write {at}");
            assert_eq!((state.gone, state.pimcore.recheck_at), (None, None), "released {released}, at write {at}");
            assert_eq!(known_id(&state), Some(read.id.to_string().as_str()));
            assert_eq!(state.pimcore.applied.map(|held| held.hash), state.hash);
        }
    }
}
