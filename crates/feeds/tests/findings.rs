//! Inputs that fuzzing found, and the seeds it starts from: read whole and in pieces, by every source, with the same result and without a panic.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};

use common::run_with;
use feeds::{Limits, Outcome, quality};

fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, all) } else { all.push(path) }
    }
}

#[test]
fn every_input_that_was_ever_of_interest_is_answered_the_same_in_any_pieces() {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    files(&crate_root.join("tests/findings"), &mut all);
    files(&crate_root.join("fuzz/seeds"), &mut all);
    assert!(all.len() > 5, "the findings are gone");
    for path in all {
        let bytes = std::fs::read(&path).unwrap();
        for source in ["shein-api", "shein-brightdata", "canonical"] {
            let (whole, whole_end) = run_with(source, &bytes, 1 << 20, Limits::default());
            for piece in [1, 3, 64] {
                let (cut, cut_end) = run_with(source, &bytes, piece, Limits::default());
                assert_eq!(whole, cut, "{} as {source} in pieces of {piece}", path.display());
                assert_eq!(whole_end.is_ok(), cut_end.is_ok(), "{} as {source}", path.display());
            }
            for outcome in whole {
                if let Outcome::Product(mapped) = outcome {
                    assert_eq!(quality::checked(mapped.product.clone()), Ok(mapped.product), "{}", path.display());
                }
            }
        }
    }
}

/// `WRITE_SEEDS=1 cargo test -p feeds --test findings` writes the seeds anew from the made-up records of the tests.
#[test]
fn seeds_are_the_made_up_records() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let records = [
        ("shein_api", "document.json", common::document("7").to_string()),
        ("shein_brightdata", "row.json", common::row("7").to_string()),
        ("shein_brightdata", "rows.csv", common::csv(&[common::row("7"), common::row("8")])),
        ("canonical", "product.json", common::canonical("7").to_string()),
        ("canonical", "products.json", format!("[{},{}]", common::canonical("7"), common::canonical("8"))),
    ];
    for (target, name, text) in records {
        let path = seeds.join(target).join(name);
        if std::env::var_os("WRITE_SEEDS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{}", path.display());
    }
}
