//! The proof that the language is strong enough: a mapping that gives the same products as the
//! built-in source of the same feed.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use common::{map_bytes, mapping, real, repository};
use feeds::{Feed, Limits, Outcome};

fn built_in(bytes: &[u8]) -> Vec<Outcome> {
    let adapter = feeds::adapter::find("shein-brightdata").unwrap();
    let mut feed = Feed::new(adapter, "rows.csv", feeds::Checkpoint::default(), Limits::default()).unwrap();
    let mut out = Vec::new();
    feed.offer(bytes);
    while feed.step(&mut out).unwrap() == feeds::Progress::More {}
    feed.finish(&mut out).unwrap();
    out
}

fn same(bytes: &[u8]) -> usize {
    let mapping = mapping("shein-brightdata");
    let (mapped, end) = map_bytes(&mapping, "rows.csv", bytes, 10_007);
    end.unwrap();
    let built = built_in(bytes);
    assert_eq!(mapped.len(), built.len());
    for (one, other) in mapped.iter().zip(&built) {
        match (one, other) {
            (Outcome::Product(one), Outcome::Product(other)) => {
                assert_eq!(one, other);
            }
            (Outcome::Rejected(one, _), Outcome::Rejected(other, _)) => {
                assert_eq!((one.index, one.reason, &one.product_id), (other.index, other.reason, &other.product_id));
            }
            _ => panic!("one is a product, the other not: {one:?} {other:?}"),
        }
    }
    built.iter().filter(|outcome| matches!(outcome, Outcome::Product(_))).count()
}

#[test]
fn the_real_rows_give_the_same_products() {
    let Some(bytes) = real("shein_brightdata_300.csv") else { return };
    assert_eq!(same(&bytes), 300);
    let material = |outcome: &Outcome| matches!(outcome, Outcome::Product(one) if one.product.facts.as_ref().is_some_and(|facts| !facts.material.is_empty()));
    assert_eq!(built_in(&bytes).iter().filter(|outcome| material(outcome)).count(), 263, "the facts are compared, too");
}

#[test]
fn so_do_rows_made_to_be_awkward() {
    let rows = std::fs::read(repository().join("crates/sources/tests/fixtures/shein-brightdata.csv")).unwrap();
    assert!(same(&rows) >= 4);
}
