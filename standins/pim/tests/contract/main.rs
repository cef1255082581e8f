//! The stand-in against the recordings of a real Pimcore: every recorded request is sent again, and
//! the answers are compared member by member.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail by panicking, and prints its table")]

mod arrange;
mod behaviour;
mod catalog;
mod compare;
mod definitions;
mod general;
mod known;
mod people;
mod recording;
mod report;
mod schema;
mod world;

use report::Report;

/// At least so many percent of the recordings of objects, listings and errors.
const SHARE: usize = 90;

#[tokio::test]
async fn answers_the_recorded_requests_of_the_catalog_like_the_real_one() {
    let Some(folder) = recording::folder("catalog/recordings") else { return };
    let databases = scratch("catalog");
    let mut report = Report::default();
    catalog::replay(recording::read(&folder), &databases, &mut report).await;
    std::fs::remove_dir_all(&databases).unwrap();
    if let Err(wrong) = report.verdict("catalog", &[&known::CATALOG], SHARE) {
        panic!("\n{wrong}");
    }
}

#[tokio::test]
async fn answers_the_general_requests_that_fit_the_catalog_like_the_real_one() {
    let Some(folder) = recording::folder("record") else { return };
    let databases = scratch("general");
    let mut report = Report::default();
    general::replay(recording::read(&folder), &databases, &mut report).await;
    std::fs::remove_dir_all(&databases).unwrap();
    if let Err(wrong) = report.verdict("general", &[known::ABSENT.as_slice(), &known::GENERAL], SHARE) {
        panic!("\n{wrong}");
    }
}

#[test]
fn offers_the_schema_of_the_real_one() {
    let Some(folder) = recording::folder("catalog") else { return };
    let recorded = std::fs::read_to_string(folder.join("schema-catalog.graphql")).unwrap();
    let ours = pim::schema::sdl(true, 0);
    let gained = include_str!("../gained.graphql");
    assert_eq!(schema::outline(&ours), schema::outline(&format!("{recorded}\n{gained}")));
}

#[tokio::test]
async fn introspection_shows_what_the_real_one_shows() {
    let Some(folder) = recording::folder("catalog") else { return };
    let recorded = std::fs::read(folder.join("introspection-catalog.json")).unwrap();
    let recorded: serde_json::Value = serde_json::from_slice(&recorded).unwrap();
    let databases = scratch("introspection");
    let world = world::World::open(&databases.join("pim.db"), 1000, true).await;
    let query = "{__schema{queryType{name} mutationType{name} types{name kind fields{name args{name}} inputFields{name} \
                 possibleTypes{name}}}}";
    let ours = world.query(query, serde_json::Value::Null).await;
    let mut ours = schema::introspected(&ours);
    ours.retain(|name, _| !name.contains("CatalogFact") && !name.contains("_facts"));
    for members in ours.values_mut() {
        members.retain(|member| {
            !member.starts_with("facts") && !member.contains("_facts") && !member.contains("CatalogFact")
        });
    }
    assert_eq!(ours, schema::introspected(&recorded));
    std::fs::remove_dir_all(&databases).unwrap();
}

/// An empty folder for databases.
fn scratch(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("pim-contract-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
