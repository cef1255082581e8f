//! What was refused comes back, wherever its letter is; and what has arrived by itself leaves no
//! letter behind.

use std::collections::BTreeSet;

use catalog::Failure;
use ledger::core::standing::refusal;
use redrive::{QueueName, QueueReport, RedriveRequest};
use runtime::Clock as _;

use crate::support::{Stack, body, key};
use crate::{DiesBefore, Stage, ids};

const CODE: &str = "pimcore_field_too_long";
const UNPARK: &str = r#"{"action":"unpark","filter":{"code":"pimcore_field_too_long"}}"#;

fn too_long() -> Failure {
    Failure::permanent(CODE, "brand is longer than 190 characters")
}

/// Sent back from S3, from the dead-letter queue, and without a letter.
fn sent_back(queue: &QueueReport) -> (usize, usize, usize) {
    assert!(queue.failures.is_empty(), "{queue:?}");
    (queue.unparked, queue.redriven, queue.announced)
}

impl Stack {
    /// A product that Pimcore refused; its letter is not sent yet.
    async fn refuse(&self, id: &str) {
        self.desire(id).await;
        self.fail(Stage::Pimcore, id, &too_long()).await;
    }

    /// Whether it stands refused.
    async fn is_refused(&self, id: &str) -> bool {
        let states = self.ledger.read_states(&[key(id)]).await.expect("a state");
        refusal(&states[&key(id)], Stage::Pimcore).is_some()
    }

    async fn unpark(&self, request: &str) -> QueueReport {
        self.run(request).await.queues.into_iter().find(|queue| queue.queue == QueueName::Pimcore).expect("Pimcore's")
    }
}

#[tokio::test]
async fn a_refused_product_comes_back_wherever_its_letter_is() {
    let Some(stack) = Stack::new("unpark").await else { return };
    for id in ["parked", "dead", "unsent", "in-hand"] {
        stack.refuse(id).await;
    }
    stack.desire("another").await;
    stack.fail(Stage::Pimcore, "another", &Failure::permanent("pimcore_path_taken", "an object stands there")).await;
    stack.die(QueueName::Pimcore, &[body("parked")], Some(&too_long())).await;
    assert_eq!(stack.run(r#"{"action":"redrive","queue":"pimcore"}"#).await.queues[0].parked, 1);
    // A run that parks it just now has it in hand: hidden on the queue, not in S3 yet.
    stack.die(QueueName::Pimcore, &[body("in-hand")], Some(&too_long())).await;
    stack.hide(QueueName::Pimcore).await;
    stack.die(QueueName::Pimcore, &[body("dead")], Some(&too_long())).await;

    let rehearsal = r#"{"action":"unpark","filter":{"code":"pimcore_field_too_long"},"dryRun":true}"#;
    assert_eq!(sent_back(&stack.unpark(rehearsal).await), (1, 1, 2));
    assert!(stack.queue(QueueName::Pimcore).await.is_empty() && stack.is_refused("unsent").await);

    let report = stack.unpark(UNPARK).await;
    assert_eq!(sent_back(&report), (1, 1, 2), "{report:?}");
    let expected = ["parked", "dead", "unsent", "in-hand"].map(|id| format!("demo:{id}"));
    let back: Vec<_> = stack.queue(QueueName::Pimcore).await;
    let read = |body: &str| runtime::ProductMessage::parse(body).expect("a message").key.to_string();
    assert_eq!(back.iter().map(|(body, _)| read(body)).collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    assert_eq!(back.len(), 4, "each once");

    // Nothing holds them back any more, and asking again finds nothing: not even what is still
    // hidden.
    for id in ["parked", "dead", "unsent", "in-hand"] {
        assert!(!stack.is_refused(id).await, "{id}");
    }
    assert!(stack.is_refused("another").await);
    assert_eq!(sent_back(&stack.unpark(UNPARK).await), (0, 0, 0));
    assert!(stack.queue(QueueName::Pimcore).await.is_empty());
}

#[tokio::test]
async fn what_is_still_tried_again_comes_back_at_once_if_it_is_named() {
    let Some(stack) = Stack::new("unwait").await else { return };
    stack.desire("1").await;
    stack.fail(Stage::Pimcore, "1", &Failure::transient("pimcore_database", "deadlock")).await;
    assert_eq!(sent_back(&stack.unpark(r#"{"action":"unpark"}"#).await), (0, 0, 0), "it comes back by itself");
    for (named, expected) in [("code", "pimcore_database"), ("product", "demo:1")] {
        let rehearsal = format!(r#"{{"action":"unpark","filter":{{"{named}":"{expected}"}},"dryRun":true}}"#);
        assert_eq!(sent_back(&stack.unpark(&rehearsal).await), (0, 0, 1), "{named}");
    }
    let asked = r#"{"action":"unpark","filter":{"code":"pimcore_database"}}"#;
    assert_eq!(sent_back(&stack.unpark(asked).await), (0, 0, 1));
    assert_eq!(sent_back(&stack.unpark(asked).await), (0, 0, 0), "once");
    assert_eq!(stack.queue(QueueName::Pimcore).await.len(), 1);
}

#[tokio::test]
async fn a_message_that_is_lost_is_made_up_for_by_the_sweep() {
    let Some(mut stack) = Stack::new("unlost").await else { return };
    stack.connect_bus().await;
    stack.refuse("1").await;
    let healthy = stack.sqs.clone();
    let broken = healthy.config().to_builder().interceptor(DiesBefore("SendMessage")).build();
    stack.sqs = aws_sdk_sqs::Client::from_conf(broken);
    let report = stack.run(UNPARK).await;
    assert!(report.queues[1].failures[0].contains("the next sweep announces it"), "{report:?}");
    stack.sqs = healthy;
    stack.clock.by_minutes(11);
    assert_eq!(stack.run(r#"{"action":"sweep"}"#).await.sweep.expect("a sweep").announced_pimcore, 1);
}

#[tokio::test]
async fn somebody_at_work_knows_more_than_whoever_unparks() {
    let Some(stack) = Stack::new("unbusy").await else { return };
    stack.refuse("1").await;
    stack.claim(Stage::Pimcore, "1", stack.clock.now_ms()).await;
    let report = stack.unpark(UNPARK).await;
    assert_eq!((sent_back(&report), report.left), ((0, 0, 0), 1), "{report:?}");
    assert_eq!(report.letters[0].reason.code, "being_worked_on");
}

#[tokio::test]
async fn the_maximum_and_the_filters_hold_in_all_three_places_together() {
    let Some(stack) = Stack::new("unmax").await else { return };
    let names: Vec<String> = (0..9).map(|n| format!("p{n}")).collect();
    for id in &names {
        stack.refuse(id).await;
    }
    let bodies: Vec<String> = names.iter().map(|id| body(id)).collect();
    stack.die(QueueName::Pimcore, &bodies[..3], Some(&too_long())).await;
    assert_eq!(stack.run(r#"{"action":"redrive","queue":"pimcore"}"#).await.queues[0].parked, 3);
    stack.die(QueueName::Pimcore, &bodies[3..6], Some(&too_long())).await;

    let asked = |rest: &str| format!(r#"{{"action":"unpark","queue":"pimcore",{rest}}}"#);
    // Their failure is half an hour old, their letters a moment.
    for (rest, expected) in [
        (r#""filter":{"code":"medusa_refused"}"#, (0, 0, 0)),
        (r#""filter":{"kind":"transient"}"#, (0, 0, 0)),
        (r#""filter":{"product":"demo:p1"},"dryRun":true"#, (1, 0, 0)),
        (r#""filter":{"product":"demo:p4"},"dryRun":true"#, (0, 1, 0)),
        (r#""filter":{"product":"demo:p7"},"dryRun":true"#, (0, 0, 1)),
        (r#""filter":{"code":"pimcore_field_too_long","olderThanSeconds":3600}"#, (0, 0, 0)),
        (r#""filter":{"product":"demo:p8","olderThanSeconds":600}"#, (0, 0, 1)),
        (r#""dryRun":true"#, (3, 3, 2)),
        (r#""max":2"#, (2, 0, 0)),
        (r#""max":2"#, (1, 1, 0)),
        (r#""max":3"#, (0, 2, 1)),
    ] {
        let report = stack.unpark(&asked(rest)).await;
        assert_eq!(sent_back(&report), expected, "{rest}: {report:?}");
        if rest.contains("max") {
            assert!(report.more, "{rest}: {report:?}");
        }
    }
    let report = stack.unpark(&asked(r#""max":3"#)).await;
    assert_eq!((sent_back(&report), report.more), ((0, 0, 1), false), "{report:?}");
    assert_eq!(ids(&stack.queue(QueueName::Pimcore).await).len(), 9);
}

#[tokio::test]
async fn a_parked_letter_is_dropped_once_its_product_has_arrived() {
    let Some(stack) = Stack::new("tidy").await else { return };
    let taken = Failure::permanent("medusa_handle_taken", "the handle is taken");
    let content = stack.desire("arrived").await;
    stack.refuse("refused").await;
    stack.apply(Stage::Pimcore, "arrived", &content).await;
    stack.fail(Stage::Medusa, "arrived", &taken).await;
    stack.die(QueueName::Medusa, &[body("arrived")], Some(&taken)).await;
    stack.die(QueueName::Pimcore, &[body("refused")], Some(&too_long())).await;
    stack.die(QueueName::Pimcore, &["no message".to_owned()], None).await;
    let round = r#"{"action":"redrive"}"#;
    let parked = |report: &redrive::RedriveReport| report.queues.iter().map(|queue| queue.parked).collect::<Vec<_>>();
    assert_eq!(parked(&stack.run(round).await), [0, 2, 1]);
    assert_eq!(stack.parked().await.len(), 3, "nothing of it has arrived");

    // Somebody replays it: it arrives a moment after its letter was sent.
    stack.apply(Stage::Medusa, "arrived", &content).await;
    let rehearsal = stack.run(r#"{"action":"redrive","dryRun":true}"#).await;
    assert_eq!((rehearsal.queues[2].dropped, stack.parked().await.len()), (1, 3));
    for filtered in [r#"{"action":"redrive","max":5}"#, r#"{"action":"redrive","filter":{"product":"demo:other"}}"#] {
        assert_eq!(stack.run(filtered).await.queues[2].dropped, 0, "{filtered}");
    }
    let report = stack.run(round).await;
    assert_eq!(report.queues.iter().map(|queue| queue.dropped).collect::<Vec<_>>(), [0, 0, 1], "{report:?}");
    let left: Vec<String> = stack.parked().await.into_keys().collect();
    assert!(left.len() == 2 && left.iter().all(|key| key.starts_with("parked/pimcore/")), "{left:?}");

    // And one that came late to the dead-letter queue is not parked at all.
    stack.die(QueueName::Medusa, &[body("arrived")], Some(&taken)).await;
    let report = stack.run(round).await;
    assert_eq!((report.queues[2].dropped, report.queues[2].parked), (1, 0), "{report:?}");
}

#[tokio::test]
async fn unparking_goes_on_where_it_was_cut_short() {
    let Some(stack) = Stack::new("uncut").await else { return };
    for n in 0..5 {
        stack.refuse(&format!("p{n}")).await;
    }
    let request = RedriveRequest::parse(&serde_json::from_str(UNPARK).expect("JSON")).expect("a request");
    let report = stack.redriver().handle(&request, stack.deadline(5)).await.expect("a report");
    let pimcore = &report.queues[1];
    assert_eq!((sent_back(pimcore), pimcore.more), ((0, 0, 0), true), "{report:?}");
    assert_eq!(sent_back(&stack.unpark(UNPARK).await), (0, 0, 5));
}
