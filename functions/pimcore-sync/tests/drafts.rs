//! A draft that a write of ours hid is told after the fact, until a person saves the product.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use common::{Function, Site, key, path};
use pimcore_sync::changes::{self, FollowReport, OVERLAP_S, SETTLE_S};
use runtime::ProductMessage;
use serde_json::{Value, json};
use testing::standin::StandIn;

fn text(text: &str) -> Value {
    json!({"marketingName": {"en": text}})
}

impl Site {
    /// A person drafts, and a feed's price hides it.
    async fn hides_a_draft(&self, amount: &str, n: u64) {
        self.pim.draft(&path("1"), text("DRAFT"));
        self.run(&[self.says("1", amount, n)]).await;
        self.minute().await;
    }

    /// What the schedule does, once what was saved has settled.
    async fn minute(&self) -> FollowReport {
        self.pass(OVERLAP_S + SETTLE_S + 1);
        let Function { memory, heard, clock, .. } = &self.function;
        let report = changes::follow(&self.pimcore, memory, heard, clock, self.function.deadline()).await.unwrap();
        heard.take();
        report
    }

    /// What `relay status` names.
    async fn hidden(&self) -> Vec<String> {
        let hidden = self.function.memory.hidden_drafts().await.unwrap();
        hidden.into_iter().map(|(key, ..)| key.id().to_owned()).collect()
    }

    fn offered(&self, id: &str) -> Value {
        self.pim.view(&path(id)).unwrap()["draft"].clone()
    }
}

#[tokio::test]
async fn a_hidden_draft_is_named_until_a_person_publishes() {
    let site = Site::with_shop("drafts-hidden", &["1", "2"]).await;
    site.minute().await;
    site.pim.draft(&path("1"), text("DRAFT"));
    site.minute().await;
    assert_eq!((site.offered("1").is_null(), site.hidden().await), (false, vec![]), "it is offered");
    site.run(&[site.says("1", "21", 2), site.says("2", "21", 2)]).await;
    assert!(site.offered("1").is_null(), "as any write hides it");
    site.minute().await;
    assert_eq!(site.hidden().await, ["1"]);
    let since = site.state("1").drafts.unwrap().hidden;
    // Further writes change nothing of it.
    site.run(&[site.says("1", "22", 3)]).await;
    site.minute().await;
    assert_eq!((site.hidden().await, site.state("1").drafts.unwrap().hidden), (vec!["1".to_owned()], since));
    site.pim.edit(&path("1"), text("PUBLISHED"));
    site.minute().await;
    assert_eq!(site.hidden().await, Vec::<String>::new());
    site.run(&[site.says("1", "23", 4)]).await;
    site.minute().await;
    assert_eq!(site.hidden().await, Vec::<String>::new(), "a person's save is no draft");
    site.pim.draft(&path("1"), text("NEXT"));
    site.run(&[site.says("1", "24", 5)]).await;
    site.minute().await;
    assert_eq!(site.hidden().await, ["1"]);
    // One that was deleted has none that anybody looks for.
    site.pim.delete_into_bin(&path("1"));
    site.run(&[site.says("1", "25", 6)]).await;
    assert_eq!(site.hidden().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_persons_save_and_ours_between_two_looks_are_no_hidden_draft() {
    let site = Site::with_shop("drafts-between", &["1"]).await;
    site.minute().await;
    site.pass(2);
    site.pim.edit(&path("1"), text("PUBLISHED"));
    site.pass(2);
    site.run(&[site.says("1", "21", 2)]).await;
    site.minute().await;
    assert_eq!(site.hidden().await, Vec::<String>::new());
    site.hides_a_draft("22", 3).await;
    assert_eq!(site.hidden().await, ["1"], "from there on it is known again");
}

#[tokio::test]
async fn looking_costs_one_request_a_page_and_writes_nothing_for_the_usual() {
    let site = Site::with_shop("drafts-cost", &["1", "2", "3"]).await;
    site.minute().await;
    let messages: Vec<ProductMessage> = ["1", "2", "3"].iter().map(|id| site.says(id, "21", 2)).collect();
    site.run(&messages).await;
    let (url, sent) = testing::record::record(&site.pim).await;
    let pimcore = pimcore::Pimcore::new(&url, &pimcore::ApiKey::new(testing::standin::KEY)).unwrap();
    let site = Site { pimcore, ..site };
    site.minute().await;
    let looks = |sent: &[testing::record::Sent]| {
        sent.iter().filter(|one| one.body["query"].as_str().unwrap().contains("query Versions")).count()
    };
    assert_eq!(looks(&sent.lock().unwrap()), 1);
    assert!(["1", "2", "3"].iter().all(|id| site.state(id).drafts.is_none()));
    site.minute().await;
    assert_eq!(looks(&sent.lock().unwrap()), 1, "nothing was saved since");
}

#[tokio::test]
async fn with_the_bundle_nothing_is_hidden_and_nothing_is_told() {
    let pim = StandIn::with_bundle("drafts-bundle").await;
    let site = Site { pimcore: pim.client(), pim, function: Function::default() };
    site.arrive(&["1"]).await;
    site.minute().await;
    // The creation may have been answered without it.
    for n in 2..5 {
        site.run(&[site.says("1", &format!("{n}1"), n)]).await;
        site.minute().await;
        if n == 2 {
            site.pim.draft(&path("1"), text("DRAFT"));
        }
    }
    assert!(!site.offered("1").is_null(), "it is offered anew");
    assert_eq!(site.hidden().await, Vec::<String>::new());
}

#[tokio::test]
async fn that_drafts_cannot_be_asked_about_stops_nothing() {
    let site = Site::with_shop("drafts-unknown", &["1"]).await;
    site.minute().await;
    site.pim.edit(&path("1"), text("PUBLISHED"));
    site.pim.fault(json!({"kind": "unavailable", "match": "query Versions", "times": 9}));
    assert_eq!(site.minute().await.announced, 1);
    assert_eq!(site.state("1").drafts, None);
}

#[tokio::test]
async fn what_was_never_written_by_this_version_is_counted_first() {
    let site = Site::with_shop("drafts-before", &["1"]).await;
    let owner = ledger::Owner("before".into());
    // As an earlier version left it: nothing is known of its saves.
    let now = runtime::Clock::now_ms(&site.function.clock);
    site.function.memory.doubt(ledger::Stage::Pimcore, &key("1"), now).await.unwrap();
    let keys = [key("1")];
    let claims = site.function.memory.claim(ledger::Stage::Pimcore, &keys, &owner, now).await.unwrap();
    let Some(ledger::Claim::Claimed(claimed)) = claims.get(&key("1")) else { panic!("{claims:?}") };
    let applied = ledger::Applied { seen: None, ..claimed.pimcore.applied.clone().unwrap() };
    site.function.memory.complete(ledger::Stage::Pimcore, &key("1"), &owner, claimed, &applied, now).await.unwrap();
    site.run(&[site.says("1", "21", 2)]).await;
    site.minute().await;
    assert_eq!(site.hidden().await, Vec::<String>::new());
    site.hides_a_draft("22", 3).await;
    assert_eq!(site.hidden().await, ["1"]);
}
