//! Products that are fine say today what they said yesterday: a content hash that changes writes
//! every product anew.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::BTreeMap;

use catalog::{ContentHash, WarningCode};
use common::{canonical, csv, document, row, run_with, shared};
use feeds::{Limits, Outcome};

/// What a feed says: `id hash` of every product, how many remarks of each kind, and what was
/// rejected.
fn said(source: &str, bytes: &[u8]) -> (Vec<String>, BTreeMap<WarningCode, usize>, Vec<String>) {
    let (out, end) = run_with(source, bytes, 1 << 16, Limits::default());
    end.unwrap();
    let (mut hashes, mut remarks, mut rejected) = (Vec::new(), BTreeMap::new(), Vec::new());
    for outcome in out {
        match outcome {
            Outcome::Product(mapped) => {
                // Of both SHEIN sources the facts follow from the rest: by the hash of that
                // normalize knows what was written before there were facts.
                let hash = ContentHash::before_facts(&mapped.product);
                assert!(hash.is_none() || feeds::adapter::find(source).unwrap().facts_follow());
                let hash = hash.unwrap_or_else(|| ContentHash::of(&mapped.product));
                hashes.push(format!("{} {hash}", mapped.product.id));
                for warning in &mapped.product.warnings {
                    *remarks.entry(warning.code).or_default() += 1;
                }
            }
            Outcome::Line(line) => unreachable!("a part: {line:?}"),
            Outcome::Rejected(rejection, _) => rejected.push(format!("{}: {}", rejection.reason, rejection.message)),
        }
    }
    hashes.sort();
    (hashes, remarks, rejected)
}

#[test]
fn made_up_records_keep_their_hashes() {
    for (source, bytes, right) in [
        ("shein-api", document("7").to_string(), "7 49c83712574fefb1e14c93827a514ac6"),
        ("shein-brightdata", row("7").to_string(), "7 ea517a7e816c30d213ae9f8fe8516e34"),
        ("shein-brightdata", csv(&[row("7")]), "7 ea517a7e816c30d213ae9f8fe8516e34"),
        ("canonical", canonical("7").to_string(), "7 ebb37ccd8e626385dbae6349b7ab0e8c"),
    ] {
        assert_eq!(said(source, bytes.as_bytes()).0, [right], "{source}");
    }
}

/// As the PIM has it that the version before filled (`functions/pimcore-sync/tests/before.rs`).
#[test]
fn the_sample_feed_keeps_its_hashes() {
    let (hashes, ..) = said("shein-api", include_bytes!("../../../localstack/sample-feeds/abayas.json"));
    assert!(hashes.contains(&"70010003 4625e7c7ef4f08b455099134da327bb6".to_owned()), "{hashes:?}");
}

#[test]
fn real_documents_keep_their_hashes() {
    let Some(bytes) = shared("shein_products.json") else { return };
    let (hashes, remarks, rejected) = said("shein-api", &bytes);
    assert_eq!(hashes, DOCUMENTS);
    assert_eq!((remarks, rejected), (BTreeMap::new(), vec![]));
}

#[test]
fn real_rows_keep_their_hashes() {
    let Some(bytes) = shared("shein_brightdata_300.csv") else { return };
    let (hashes, remarks, rejected) = said("shein-brightdata", &bytes);
    assert_eq!((hashes.len(), rejected), (300, vec![]));
    assert_eq!(remarks, BTreeMap::from([(WarningCode::MissingLanguage, 300), (WarningCode::TitleShortened, 1)]));
    // The title of one has an entity, `&Amp;`, which is decoded since.
    let (decoded, others): (Vec<String>, Vec<String>) =
        hashes.into_iter().partition(|line| line.starts_with("40258411 "));
    assert_eq!(decoded, ["40258411 552e5efc14fe2a8b8a33bf10e1e1cd14"]);
    let all = blake3::hash(others.join("\n").as_bytes()).to_hex();
    assert_eq!(&all[..32], "53060107d587ded385f37460ef19a111", "one of the hashes of:\n{}", others.join("\n"));
}

const DOCUMENTS: [&str; 3] = [
    "394173816 4d45e7827d2acaf1fddfb0b2a11230ad",
    "42873776 3ff88182fe1bfa3ab44c502c548fcd18",
    "90854097 68ca2fe070a5d05e5ef8a236520a3535",
];
