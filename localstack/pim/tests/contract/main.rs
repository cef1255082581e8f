//! The stand-in against the recordings of a real Pimcore: every recorded request is sent again, and the answers are
//! compared member by member.

mod arrange;
mod catalog;
mod compare;
mod known;
mod recording;
mod report;
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
    if let Err(wrong) = report.verdict("catalog", &known::CATALOG, SHARE) {
        panic!("\n{wrong}");
    }
}

/// An empty folder for databases.
fn scratch(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("pim-contract-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
