//! dlq-redrive on real queues, a real table and a real bucket.

#[path = "dead_letters/bodies.rs"]
mod bodies;
mod support;
#[path = "dead_letters/unpark.rs"]
mod unpark;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_sqs::config::{ConfigBag, Intercept, RuntimeComponents};
use catalog::{ContentHash, Failure, Localized, Price, Product, Variant, Version};
use ledger::core::stage::Applied;
use ledger::{Claim, DesiredDoc, Owner, Stage};
use redrive::{QueueName, RedriveRequest};
use runtime::Clock;
use support::{Stack, body, key};

fn product(id: &str) -> Product {
    Product {
        name: Localized::default().with("en", "Shirt"),
        variants: vec![Variant {
            sku: format!("S{id}"),
            title: "Shirt".into(),
            options: vec![],
            prices: vec![Price { currency: "SAR".into(), amount: 1.into(), list_amount: None }],
            stock: 1,
            images: vec![],
            facts: None,
        }],
        ..Product::bare("demo", id)
    }
}

impl Stack {
    /// Makes a product desired, an hour before now.
    async fn desire(&self, id: &str) -> (Version, ContentHash) {
        let now = self.clock.now_ms() - 3_600_000;
        let product = product(id);
        let version = Version::new(u64::try_from(now).expect("a time"), "00", 0);
        let hash = ContentHash::of(&product);
        let doc = DesiredDoc { product, version, hash, run: "run-1".into(), provenance: "s3://b/k record 0".into() };
        self.ledger.put_desired(&key(id), &doc, now).await.expect("written");
        (doc.version, doc.hash)
    }

    async fn claim(&self, stage: Stage, id: &str, at: i64) -> ledger::ProductState {
        let owner = Owner(format!("test-{id}"));
        let claims = self.ledger.claim(stage, &[key(id)], &owner, at).await.expect("claimed");
        match claims.into_values().next() {
            Some(Claim::Claimed(state)) => state,
            other => panic!("{other:?}"),
        }
    }

    async fn apply(&self, stage: Stage, id: &str, content: &(Version, ContentHash)) {
        let now = self.clock.now_ms();
        let seen = self.claim(stage, id, now).await;
        let (version, hash) = content.clone();
        let applied = Applied { hash, version, remote_id: Some("7".into()), view: None, seen: None, at: 0 };
        let owner = Owner(format!("test-{id}"));
        self.ledger.complete(stage, &key(id), &owner, &seen, &applied, now).await.expect("completed");
    }

    async fn fail(&self, stage: Stage, id: &str, failure: &Failure) {
        let now = self.clock.now_ms() - 1_800_000;
        self.claim(stage, id, now).await;
        self.ledger.fail(stage, &key(id), &Owner(format!("test-{id}")), failure, now).await.expect("failed");
    }
}

fn ids(messages: &[(String, std::collections::HashMap<String, String>)]) -> BTreeSet<String> {
    messages.iter().map(|(body, _)| body.clone()).collect()
}

/// The products announced, with the reason and the run they are announced with.
fn announced(messages: &[(String, std::collections::HashMap<String, String>)]) -> Vec<[String; 3]> {
    let read = |body: &str| runtime::ProductMessage::parse(body).expect("a product message");
    let read = messages.iter().map(|(body, _)| read(body));
    read.map(|m| [m.key.to_string(), format!("{:?}", m.cause), m.correlation_id]).collect()
}

#[tokio::test]
async fn healed_letters_go_transient_ones_return_and_refused_ones_are_parked() {
    let Some(stack) = Stack::new("policy").await else { return };
    for id in ["healed", "transient", "refused", "silent"] {
        let content = stack.desire(id).await;
        match id {
            "healed" => stack.apply(Stage::Pimcore, id, &content).await,
            "transient" => stack.fail(Stage::Pimcore, id, &Failure::transient("pimcore_timeout", "slow")).await,
            "refused" => stack.fail(Stage::Pimcore, id, &Failure::permanent("pimcore_invalid_value", "no")).await,
            _ => {}
        }
    }
    let bodies: Vec<String> = ["healed", "transient", "refused", "silent"].map(body).to_vec();
    let sent = stack.die(QueueName::Pimcore, &bodies, None).await;
    let poison = stack.die(QueueName::Pimcore, &["{\"source\": 7, ☃".to_owned()], None).await;

    let report = stack.run(r#"{"action":"redrive","queue":"pimcore"}"#).await;
    let queue = &report.queues[0];
    assert_eq!((queue.seen, queue.dropped, queue.redriven, queue.parked, queue.left), (5, 1, 2, 2, 0), "{report:?}");
    assert!(queue.failures.is_empty() && !queue.more, "{report:?}");

    let back = stack.queue(QueueName::Pimcore).await;
    assert_eq!(ids(&back), BTreeSet::from([body("transient"), body("silent")]));
    for (_, attributes) in &back {
        assert_eq!(attributes["relay.redrives"], "1");
        assert!(sent.contains(&attributes["relay.id"]));
    }
    assert_eq!(stack.dead_count(QueueName::Pimcore).await, 0);

    let parked = stack.parked().await;
    assert_eq!(parked.len(), 2);
    let refused = parked.iter().find(|(key, _)| key.contains(&sent[2])).expect("the refused one").1;
    assert_eq!(refused.reason.code, "pimcore_invalid_value");
    let redrive::view::Subject::Product { product, state: Some(state) } = &refused.subject else {
        panic!("{:?}", refused.subject)
    };
    assert_eq!((product.as_str(), state.pimcore.attempts), ("demo:refused", 1));
    let raw = parked.iter().find(|(key, _)| key.contains(&poison[0])).expect("the poisonous one").1;
    assert_eq!((raw.reason.code.as_str(), raw.letter.body.as_str()), ("message_not_understood", "{\"source\": 7, ☃"));
}

#[tokio::test]
async fn a_target_that_is_down_keeps_its_letters_and_a_rehearsal_changes_nothing() {
    let Some(stack) = Stack::new("down").await else { return };
    stack.desire("1").await;
    stack.die(QueueName::Medusa, &[body("1")], None).await;
    stack.targets.set(false);
    let report = stack.run(r#"{"action":"maintain"}"#).await;
    let medusa = &report.queues[2];
    assert_eq!((medusa.left, medusa.redriven, medusa.target_answers), (1, 0, false), "{report:?}");
    assert_eq!(medusa.letters[0].reason.code, "target_unavailable");
    let sweep = report.sweep.expect("a sweep");
    assert_eq!(sweep.held_back, BTreeMap::from([("pimcore target_unavailable".to_owned(), 1)]));

    stack.targets.set(true);
    for rehearsal in
        [r#"{"action":"inspect"}"#, r#"{"action":"redrive","dryRun":true}"#, r#"{"action":"park","dryRun":true}"#]
    {
        let report = stack.run(rehearsal).await;
        assert_eq!(report.queues[2].seen, 1, "{rehearsal}: {report:?}");
        assert_eq!(stack.dead_count(QueueName::Medusa).await, 1, "{rehearsal}");
    }
    assert!(stack.queue(QueueName::Medusa).await.is_empty() && stack.parked().await.is_empty());

    assert_eq!(stack.run(r#"{"action":"redrive"}"#).await.queues[2].redriven, 1);
    assert_eq!(stack.queue(QueueName::Medusa).await.len(), 1);
}

#[tokio::test]
async fn filters_and_maximum_select_what_an_operator_parks_and_unparks() {
    let Some(stack) = Stack::new("filters").await else { return };
    let ids: Vec<String> = (0..12).map(|n| format!("p{n}")).collect();
    let bodies: Vec<String> = ids.iter().map(|id| body(id)).collect();
    let taken = Failure::permanent("medusa_handle_taken", "the handle is taken");
    stack.die(QueueName::Medusa, &bodies[..6], Some(&taken)).await;
    stack.die(QueueName::Medusa, &bodies[6..], None).await;

    let one = stack.run(r#"{"action":"park","queue":"medusa","filter":{"product":"demo:p7"}}"#).await;
    assert_eq!((one.queues[0].parked, one.queues[0].skipped), (1, 11), "{one:?}");
    let by_code = r#"{"action":"park","queue":"medusa","filter":{"code":"medusa_handle_taken"},"max":4}"#;
    assert_eq!(stack.run(by_code).await.queues[0].parked, 4);
    assert_eq!(stack.run(by_code).await.queues[0].parked, 2);
    let old = r#"{"action":"park","queue":"medusa","filter":{"olderThanSeconds":3600}}"#;
    assert_eq!(stack.run(old).await.queues[0].parked, 0);
    assert_eq!(stack.dead_count(QueueName::Medusa).await, 5);
    assert_eq!(stack.parked().await.len(), 7);

    let listed = stack.run(r#"{"action":"parked","queue":"medusa"}"#).await;
    assert_eq!((listed.queues[0].unparked, stack.parked().await.len()), (7, 7));
    let unpark = r#"{"action":"unpark","queue":"medusa","filter":{"code":"medusa_handle_taken"}}"#;
    assert_eq!(stack.run(unpark).await.queues[0].unparked, 6);
    assert_eq!(stack.parked().await.len(), 1);
    let back = stack.queue(QueueName::Medusa).await;
    assert_eq!(
        back.iter().map(|(body, _)| body.clone()).collect::<BTreeSet<_>>(),
        bodies[..6].iter().cloned().collect()
    );
    assert!(
        back.iter()
            .all(|(_, attributes)| attributes["relay.redrives"] == "0" && !attributes.contains_key("relay.code"))
    );

    let force = r#"{"action":"redrive","queue":"medusa","filter":{"product":"demo:p8"},"force":true}"#;
    assert_eq!(stack.run(force).await.queues[0].redriven, 1);
}

#[tokio::test]
async fn what_nobody_will_send_back_is_removed_by_name_and_kept_with_who_did_it() {
    let Some(stack) = Stack::new("remove").await else { return };
    stack.die(QueueName::Pimcore, &["garbage".to_owned(), "rubbish".to_owned()], None).await;
    stack.run(r#"{"action":"park","queue":"pimcore"}"#).await;
    let before = stack.parked().await;
    assert_eq!(before.len(), 2, "{before:?}");

    let unnamed = stack.try_run(r#"{"action":"remove","queue":"pimcore","by":"mara"}"#).await;
    assert!(unnamed.unwrap_err().to_string().contains("unnamed"));
    let rehearsal = r#"{"action":"remove","filter":{"code":"message_not_understood"},"dryRun":true,"by":"mara"}"#;
    assert_eq!(stack.run(rehearsal).await.queues[1].removed, 2);
    assert_eq!(stack.parked().await, before);

    let one = r#"{"action":"remove","filter":{"code":"message_not_understood"},"max":1,"by":"mara"}"#;
    let report = stack.run(one).await;
    assert_eq!(report.queues[1].removed, 1, "{report:?}");
    let note = report.queues[1].letters[0].parked.clone().expect("the note");
    assert_eq!(stack.parked().await.len(), 1);
    assert!(note.starts_with("parked/removed/pimcore/"), "{note}");
    let kept: serde_json::Value = serde_json::from_slice(&stack.read(&note).await).expect("JSON");
    assert_eq!(kept["removedBy"], "mara");
    let body = kept["parked"]["letter"]["body"].as_str().expect("what it was");
    assert!(body == "garbage" || body == "rubbish", "{body}");
    let listed = stack.run(r#"{"action":"parked","queue":"pimcore"}"#).await;
    assert_eq!(listed.queues[0].unparked, 1, "what was removed waits for nobody");
}

/// Fails every call of one kind, as if the process had died before it.
#[derive(Debug)]
struct DiesBefore(&'static str);

impl Intercept for DiesBefore {
    fn name(&self) -> &'static str {
        "dies"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        if target.contains(self.0) { Err("the process died".into()) } else { Ok(()) }
    }
}

#[tokio::test]
async fn dying_between_send_and_delete_loses_nothing_and_parks_nothing_twice() {
    let Some(mut stack) = Stack::new("crash").await else { return };
    stack.desire("good").await;
    stack.desire("bad").await;
    stack.fail(Stage::Pimcore, "bad", &Failure::permanent("pimcore_invalid_value", "no")).await;
    let sent = stack.die(QueueName::Pimcore, &[body("good"), body("bad")], None).await;

    let healthy = stack.sqs.clone();
    stack.sqs =
        aws_sdk_sqs::Client::from_conf(healthy.config().to_builder().interceptor(DiesBefore("DeleteMessage")).build());
    // A short life, so that what it received is not hidden for long after it.
    let request = RedriveRequest::parse(&serde_json::json!({"action":"redrive","queue":"pimcore"})).expect("a request");
    let report = stack.redriver().handle(&request, stack.deadline(9)).await.expect("a report");
    assert_eq!((report.queues[0].redriven, report.queues[0].parked), (1, 1));
    assert!(!report.queues[0].failures.is_empty(), "a failed delete is told: {report:?}");
    stack.sqs = healthy;

    // Both are still there, hidden; the next run does the same again.
    assert_eq!(stack.dead_count(QueueName::Pimcore).await, 2);
    show_again(&stack, QueueName::Pimcore).await;
    let report = stack.run(r#"{"action":"redrive","queue":"pimcore"}"#).await;
    assert_eq!((report.queues[0].redriven, report.queues[0].parked), (1, 1), "{report:?}");
    assert_eq!(stack.dead_count(QueueName::Pimcore).await, 0);
    let back = stack.queue(QueueName::Pimcore).await;
    assert_eq!(back.len(), 2, "the key twice, which is harmless");
    assert!(back.iter().all(|(message, attributes)| *message == body("good") && attributes["relay.id"] == sent[0]));
    assert_eq!(stack.parked().await.len(), 1, "parked once");
}

#[tokio::test]
async fn a_queue_that_takes_nothing_keeps_the_letter_where_it_is() {
    let Some(mut stack) = Stack::new("nosend").await else { return };
    stack.desire("1").await;
    stack.die(QueueName::Pimcore, &[body("1")], None).await;
    let healthy = stack.sqs.clone();
    stack.sqs =
        aws_sdk_sqs::Client::from_conf(healthy.config().to_builder().interceptor(DiesBefore("SendMessage")).build());
    let report = stack.run(r#"{"action":"redrive","queue":"pimcore"}"#).await;
    assert_eq!((report.queues[0].redriven, report.queues[0].failures.len()), (0, 1), "{report:?}");
    stack.sqs = healthy;
    assert_eq!(stack.run(r#"{"action":"redrive","queue":"pimcore"}"#).await.queues[0].redriven, 1);
}

/// Waits until what a dead process had received is visible again; each look is a long poll.
async fn show_again(stack: &Stack, queue: QueueName) {
    for _ in 0..120 {
        let report = stack.run(&format!(r#"{{"action":"inspect","queue":"{queue}"}}"#)).await;
        if report.queues[0].seen > 0 {
            return;
        }
    }
    panic!("the letters did not become visible again");
}

#[tokio::test]
async fn two_at_once_redrive_every_letter_and_park_each_once() {
    let Some(stack) = Stack::new("two").await else { return };
    let bodies: Vec<String> = (0..200).map(|n| body(&format!("p{n}"))).collect();
    let refused = Failure::permanent("medusa_refused", "no");
    stack.die(QueueName::Medusa, &bodies[..100], None).await;
    stack.die(QueueName::Medusa, &bodies[100..], Some(&refused)).await;
    let request = RedriveRequest::parse(&serde_json::json!({"action":"redrive","queue":"medusa"})).expect("a request");
    let (a, b) = (stack.redriver(), stack.redriver());
    let (a, b) = tokio::join!(a.handle(&request, stack.deadline(60)), b.handle(&request, stack.deadline(60)));
    let (a, b) = (a.expect("a report"), b.expect("a report"));
    assert_eq!(a.queues[0].seen + b.queues[0].seen, 200);
    assert_eq!(stack.dead_count(QueueName::Medusa).await, 0);
    let back = stack.queue(QueueName::Medusa).await;
    assert_eq!(back.len(), 100);
    assert_eq!(ids(&back), bodies[..100].iter().cloned().collect());
    assert_eq!(stack.parked().await.len(), 100);
}

#[tokio::test]
async fn a_run_that_is_cut_short_is_resumed_by_the_next() {
    let Some(stack) = Stack::new("resume").await else { return };
    let bodies: Vec<String> = (0..90).map(|n| body(&format!("p{n}"))).collect();
    stack.die(QueueName::Medusa, &bodies, None).await;
    let request = RedriveRequest::parse(&serde_json::json!({"action":"redrive","queue":"medusa"})).expect("a request");
    // Too little time for anything.
    let report = stack.redriver().handle(&request, stack.deadline(5)).await.expect("a report");
    assert_eq!((report.queues[0].seen, report.queues[0].more), (0, true));
    let mut redriven = 0;
    for _ in 0..3 {
        let report = stack.run(r#"{"action":"redrive","queue":"medusa","max":30}"#).await;
        redriven += report.queues[0].redriven;
    }
    assert_eq!((redriven, stack.dead_count(QueueName::Medusa).await), (90, 0));
    assert_eq!(ids(&stack.queue(QueueName::Medusa).await), bodies.iter().cloned().collect());
}

#[tokio::test]
async fn a_sweep_announces_what_was_lost_once_and_not_what_is_refused() {
    let Some(stack) = Stack::new("sweep").await else { return };
    stack.connect_bus().await;
    let lost_before_pimcore = stack.desire("lost-pimcore").await;
    let lost_before_medusa = stack.desire("lost-medusa").await;
    stack.desire("refused").await;
    stack.fail(Stage::Pimcore, "refused", &Failure::permanent("pimcore_invalid_value", "no")).await;
    stack.apply(Stage::Pimcore, "lost-medusa", &lost_before_medusa).await;
    let settled = stack.desire("settled").await;
    stack.apply(Stage::Pimcore, "settled", &settled).await;
    stack.apply(Stage::Medusa, "settled", &settled).await;
    stack.clock.by_minutes(11);

    let report = stack.run(r#"{"action":"sweep"}"#).await.sweep.expect("a sweep");
    assert_eq!((report.pending, report.announced_pimcore, report.announced_medusa), (3, 1, 1), "{report:?}");
    assert_eq!(report.held_back, BTreeMap::from([("pimcore pimcore_invalid_value".to_owned(), 1)]));
    assert!(report.oldest_seconds.is_some_and(|age| age >= 3_600));
    let pimcore = stack.queue(QueueName::Pimcore).await;
    let expected = |id: &str| vec![[format!("demo:{id}"), "Sweep".to_owned(), "run-1".to_owned()]];
    assert_eq!(announced(&pimcore), expected("lost-pimcore"));
    assert_eq!(announced(&stack.queue(QueueName::Medusa).await), expected("lost-medusa"));

    // What waits in a queue is not announced a second time beyond the limit.
    let mut settings = stack.settings.clone();
    settings.sweep_max = 1;
    let request = RedriveRequest::parse(&serde_json::json!({"action":"sweep"})).expect("a request");
    let report = stack.redriver_with(settings).handle(&request, stack.deadline(60)).await.expect("a report");
    let report = report.sweep.expect("a sweep");
    assert_eq!((report.announced_pimcore, report.announced_medusa), (0, 0), "{report:?}");
    assert_eq!(report.held_back.get("pimcore enough_waiting"), Some(&1));

    stack.apply(Stage::Pimcore, "lost-pimcore", &lost_before_pimcore).await;
    let _ = stack.queue(QueueName::Pimcore).await;
}

#[tokio::test]
async fn a_run_without_a_reader_is_resumed_once_by_two_sweeps() {
    let Some(stack) = Stack::new("runs").await else { return };
    let id = ledger::RunId { bucket: "b".into(), key: "incoming/demo/a#1.json".into(), object_version: "v1".into() };
    let begun = stack.clock.now_ms() - 7_200_000;
    stack.ledger.claim_run(&id, "run-7", "{}", &Owner("dead".into()), begun).await.expect("claimed");
    let request = RedriveRequest::parse(&serde_json::json!({"action":"sweep"})).expect("a request");
    let (a, b) = (stack.redriver(), stack.redriver());
    let (a, b) = tokio::join!(a.handle(&request, stack.deadline(60)), b.handle(&request, stack.deadline(60)));
    let resumed = [a, b].map(|report| report.expect("a report").sweep.expect("a sweep").runs_resumed).concat();
    assert_eq!(resumed, ["run-7"]);
    let sent = stack.queue(QueueName::Ingest).await;
    assert_eq!(sent.len(), 1);
    let event: serde_json::Value = serde_json::from_str(&sent[0].0).expect("an event");
    assert_eq!(event["detail"]["object"]["key"], "incoming/demo/a#1.json");
    // Not again before long, and not for ever.
    let mut times = 1;
    for hour in 1..12 {
        stack.clock.by_minutes(60 * hour);
        times += stack.run(r#"{"action":"sweep"}"#).await.sweep.expect("a sweep").runs_resumed.len();
    }
    assert_eq!(times, 4);
}

/// Resident memory of this process, in kB.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

#[tokio::test]
async fn ten_thousand_letters_are_drained_by_runs_that_are_cut_short() {
    let Some(stack) = Stack::new("many").await else { return };
    let bodies: Vec<String> = (0..10_000).map(|n| body(&format!("p{n}"))).collect();
    let refused = Failure::permanent("medusa_refused", "no");
    stack.die(QueueName::Medusa, &bodies[..9_000], None).await;
    stack.die(QueueName::Medusa, &bodies[9_000..], Some(&refused)).await;
    let request = serde_json::json!({"action":"redrive","queue":"medusa","max":10_000});
    let request = RedriveRequest::parse(&request).expect("a request");
    let (before, mut runs, mut redriven, mut parked) = (resident_kb(), 0, 0, 0);
    while stack.dead_count(QueueName::Medusa).await > 0 {
        let report = stack.redriver().handle(&request, stack.deadline(20)).await.expect("a report");
        let queue = &report.queues[0];
        assert!(queue.failures.is_empty(), "{:?}", queue.failures);
        assert!(queue.letters.len() <= redrive::report::LISTED);
        (runs, redriven, parked) = (runs + 1, redriven + queue.redriven, parked + queue.parked);
        assert!(runs < 100, "{redriven} redriven, {parked} parked after {runs} runs");
    }
    let grown = resident_kb().saturating_sub(before) / 1024;
    eprintln!("10,000 letters: {runs} runs, {redriven} redriven, {parked} parked, {grown} MB more memory");
    assert_eq!((redriven, parked), (9_000, 1_000));
    assert!(grown < 64, "{grown} MB more memory");
    let mut back = BTreeSet::new();
    // The last ones are delayed by the rate.
    for _ in 0..30 {
        back.extend(ids(&stack.queue(QueueName::Medusa).await));
        if back.len() == 9_000 {
            break;
        }
    }
    assert_eq!(back, bodies[..9_000].iter().cloned().collect());
    let objects: BTreeSet<String> = stack.parked().await.into_values().map(|parked| parked.letter.body).collect();
    assert_eq!(objects, bodies[9_000..].iter().cloned().collect());
}
