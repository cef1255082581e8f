//! Mappings in the bucket: in force without a deployment, refused with file and line, kept for runs
//! that began with them.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use common::{BUCKET, World};
use ledger::RunStatus;
use normalize::config::{Changed, SOURCE};
use runtime::Outcome;
use serde_json::{Value, json};

const KEY: &str = "config/sources/acme.yaml";
const ACME: &str = "source: acme\nform: csv\nproduct:\n  id: no\n  name: what\n  variants:\n    price: { from: price, currency: EUR }\n    stock: = 1\n";
const FEED: &str = "no,what,price\n1,Cup,4.50\n2,Jug,9.00\n";

fn told(world: &World) -> Vec<Value> {
    world.take_announced().1
}

#[tokio::test]
async fn a_mapping_is_in_force_without_a_deployment_and_a_wrong_one_changes_nothing() {
    let world = World::new();
    let early = world.upload("incoming/acme/a.csv", FEED);
    assert_eq!(world.read(&early).await, Outcome::Done);
    assert!(world.run(&early).reason.unwrap().starts_with("unknown_source"), "nobody knows it yet");

    let put = world.upload(KEY, ACME);
    told(&world);
    assert_eq!(world.configure(&put).await, Outcome::Done);
    let head = world.ledger.config_head(SOURCE, "acme").await.unwrap();
    let first = head.digest.clone().unwrap();
    assert_eq!(told(&world)[0]["inForce"], json!(first));
    world.configure(&put).await;
    assert_eq!(
        (told(&world).len(), world.ledger.config_head(SOURCE, "acme").await.unwrap()),
        (0, ledger::core::config::Head { revision: head.revision + 1, ..head }),
        "once more: counted, not told"
    );

    let feed = world.upload("incoming/acme/b.csv", FEED);
    world.read(&feed).await;
    assert_eq!((world.run(&feed).status, world.run(&feed).counts.changed), (RunStatus::Completed, 2));
    assert!(world.run(&feed).resume.unwrap().contains(&first));

    let wrong = world.upload(KEY, ACME.replace("  name: what", "  nmae: what"));
    told(&world);
    world.configure(&wrong).await;
    let head = world.ledger.config_head(SOURCE, "acme").await.unwrap();
    assert_eq!(head.digest.as_ref(), Some(&first), "the old one stays in force");
    let problems = head.refused.unwrap().problems;
    assert!(problems.iter().any(|one| one.starts_with("config/sources/acme.yaml:5:3: \"nmae\"")), "{problems:?}");
    assert_eq!(told(&world)[0]["problems"], json!(problems));
    let again = world.upload("incoming/acme/c.csv", FEED);
    world.read(&again).await;
    assert_eq!((world.run(&again).status, world.run(&again).counts.unchanged), (RunStatus::Completed, 2));

    world.delete(KEY);
    let gone = put.replace("Object Created", "Object Deleted");
    world.configure(&gone).await;
    assert_eq!(world.ledger.config_head(SOURCE, "acme").await.unwrap().digest, None);
    let after = world.upload("incoming/acme/d.csv", FEED);
    world.read(&after).await;
    assert!(world.run(&after).reason.unwrap().starts_with("unknown_source"));
}

#[tokio::test]
async fn feeds_of_a_source_whose_only_mapping_is_wrong_end_as_failed_runs_and_others_go_on() {
    let world = World::new();
    let wrong = world.upload(KEY, ACME.replace("form: csv", "form: cvs"));
    world.configure(&wrong).await;
    let feed = world.upload("incoming/acme/a.csv", FEED);
    assert_eq!(world.read(&feed).await, Outcome::Done);
    let run = world.run(&feed);
    assert_eq!(run.status, RunStatus::Failed);
    let reason = run.reason.unwrap();
    assert!(reason.starts_with("mapping_invalid: config/sources/acme.yaml:2:"), "{reason}");
    let other = world.upload("incoming/plain-csv/a.csv", "id,name,price\n1,Cup,4.50\n");
    world.read(&other).await;
    assert_eq!(world.run(&other).status, RunStatus::Completed);
    // The feed is still there: with the mapping put right it is read.
    world.configure(&world.upload(KEY, ACME)).await;
    let again = world.upload("incoming/acme/a.csv", FEED);
    world.read(&again).await;
    assert_eq!(world.run(&again).counts.changed, 2);
}

#[tokio::test]
async fn a_run_that_is_resumed_goes_on_with_the_version_it_began_with() {
    let mut world = World::new();
    world.configure(&world.upload(KEY, ACME)).await;
    let first = world.ledger.config_head(SOURCE, "acme").await.unwrap().digest.unwrap();
    let feed = world.upload("incoming/acme/a.csv", FEED);
    // It dies before anything is committed.
    world.fail_after(Some(1));
    assert!(matches!(world.read(&feed).await, Outcome::Failed(_)));
    world.fail_after(None);
    world.configure(&world.upload(KEY, ACME.replace("name: what", "name: = 'The ' + what"))).await;
    assert_ne!(world.ledger.config_head(SOURCE, "acme").await.unwrap().digest, Some(first.clone()));
    // Another environment goes on.
    world.sources = Default::default();
    assert_eq!(world.read(&feed).await, Outcome::Done);
    assert_eq!(world.doc("acme:2").unwrap().product.name.get("en"), Some("Jug"));
    assert!(world.run(&feed).resume.unwrap().contains(&first));
    let next = world.upload("incoming/acme/b.csv", FEED);
    world.read(&next).await;
    assert_eq!(world.doc("acme:2").unwrap().product.name.get("en"), Some("The Jug"));
}

#[tokio::test]
async fn a_mapping_lies_over_a_deployed_one_and_never_over_a_built_in_one() {
    let world = World::new();
    let over = "source: plain-csv\nform: csv\nproduct:\n  id: id\n  name: = name.upper()\n  variants: { price: { from: price, currency: EUR } }\n";
    world.configure(&world.upload("config/sources/plain-csv.yaml", over)).await;
    let feed = world.upload("incoming/plain-csv/a.csv", "id,name,price\n1,Cup,4.50\n");
    world.read(&feed).await;
    assert_eq!(world.doc("plain-csv:1").unwrap().product.name.get("en"), Some("CUP"));
    for (name, said) in [
        ("shein-api", "is built in"),
        ("shop", "begin with shop:"),
        ("shein", "cannot be told from"),
        ("shopify-csv-two", "cannot be told from"),
        ("other", "it says source: plain-csv"),
    ] {
        let text = if name == "other" { over.to_owned() } else { over.replace("plain-csv", name) };
        world.configure(&world.upload(&format!("config/sources/{name}.yaml"), text)).await;
        let head = world.ledger.config_head(SOURCE, name).await.unwrap();
        let problems = head.refused.unwrap_or_else(|| panic!("{name}")).problems;
        assert!(head.digest.is_none() && problems[0].contains(said), "{problems:?}");
    }
    let unknown = Changed { bucket: BUCKET.into(), key: "config/sources/readme.txt".into() };
    world.take_announced();
    assert_eq!(world.look_at(&unknown).await, Outcome::Done);
    assert!(told(&world)[0]["problems"][0].as_str().unwrap().starts_with("config_unknown"));
}

#[tokio::test]
async fn a_table_beside_a_mapping_is_a_part_of_it() {
    let world = World::new();
    let text = ACME.replace("  name: what\n", "  name: { from: what, table_file: names.csv }\n");
    let put = world.upload(KEY, &text);
    world.configure(&put).await;
    let refused = world.ledger.config_head(SOURCE, "acme").await.unwrap().refused.unwrap();
    assert!(refused.problems[0].contains("there is no file names.csv beside the mapping"), "{refused:?}");
    for (name, table) in [("Tasse", "theirs,ours\ncup,Tasse\n"), ("Becher", "theirs,ours\nCUP,Becher\n")] {
        world.configure(&world.upload("config/sources/names.csv", table)).await;
        let feed = world.upload("incoming/acme/a.csv", FEED);
        world.read(&feed).await;
        assert_eq!(world.doc("acme:1").unwrap().product.name.get("en"), Some(name));
    }
    world.configure(&world.upload("config/sources/names.csv", "theirs,ours\ncup\n")).await;
    let head = world.ledger.config_head(SOURCE, "acme").await.unwrap();
    assert!(head.digest.is_some() && head.refused.unwrap().problems[0].contains("names.csv line 2"));
}

#[tokio::test]
async fn of_two_sources_that_cannot_be_told_apart_one_is_refused_and_may_come_when_the_other_went() {
    let world = World::new();
    let put = |name: &str| {
        world.upload(&format!("config/sources/{name}.yaml"), ACME.replace("source: acme", &format!("source: {name}")))
    };
    let (one, other) = (put("acme-de"), put("acme"));
    world.configure(&one).await;
    world.configure(&other).await;
    let head = |name: &'static str| world.ledger.config_head(SOURCE, name);
    assert!(head("acme-de").await.unwrap().digest.is_some());
    let refused = head("acme").await.unwrap().refused.unwrap().problems;
    assert!(refused[0].contains("the source acme cannot be told from acme-de"), "{refused:?}");
    world.delete("config/sources/acme-de.yaml");
    world.configure(&one.replace("Object Created", "Object Deleted")).await;
    world.configure(&put("acme")).await;
    assert!(head("acme").await.unwrap().digest.is_some());
    world.configure(&put("acme-fr")).await;
    assert!(head("acme-fr").await.unwrap().refused.is_some(), "the name was claimed again");
}
