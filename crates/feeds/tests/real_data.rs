//! The real documents and rows that the adapters were made for.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use catalog::Product;
use feeds::{Checkpoint, Feed, Limits, Outcome, Progress, adapter};

/// A file of `../shared/data` beside the repository. On a machine without it the test says so; in
/// CI it must be there.
fn shared(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{} must be there in CI: {error}", path.display());
            eprintln!("SKIPPED: {} is not there: {error}", path.display());
            None
        }
    }
}

fn run(source: &str, bytes: &[u8], piece: usize) -> Vec<Outcome> {
    let adapter = adapter::find(source).unwrap();
    let mut feed = Feed::new(adapter, "feed", Checkpoint::default(), Limits::default()).unwrap();
    let mut out = Vec::new();
    for piece in bytes.chunks(piece) {
        feed.offer(piece);
        while feed.step(&mut out).unwrap() == Progress::More {}
    }
    feed.finish(&mut out).unwrap();
    out
}

fn products(outcomes: Vec<Outcome>) -> Vec<Product> {
    outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Product(mapped) => mapped.product,
            Outcome::Line(line) => unreachable!("a part: {line:?}"),
            Outcome::Rejected(rejection, _) => panic!("rejected: {rejection:?}"),
        })
        .collect()
}

/// SKU title, stock and `currency amount [list]` of every variant.
fn variants(product: &Product) -> Vec<String> {
    product
        .variants
        .iter()
        .map(|variant| {
            let prices: Vec<String> = variant
                .prices
                .iter()
                .map(|price| match price.list_amount {
                    Some(list) => format!("{} {} [{list}]", price.currency, price.amount),
                    None => format!("{} {}", price.currency, price.amount),
                })
                .collect();
            format!("{}: {} at {}", variant.title, variant.stock, prices.join(", "))
        })
        .collect()
}

#[test]
fn the_three_product_detail_documents() {
    let Some(bytes) = shared("shein_products.json") else { return };
    let products = products(run("shein-api", &bytes, 10_000));
    let by_id: BTreeMap<&str, &Product> = products.iter().map(|product| (product.id.as_str(), product)).collect();
    assert_eq!(by_id.keys().copied().collect::<Vec<_>>(), ["394173816", "42873776", "90854097"]);

    let dress = by_id["90854097"];
    let at = "20 at SAR 23.80 [28.00], USD 6.35 [7.47]";
    assert_eq!(variants(dress), ["XS", "S", "M", "L", "XL"].map(|size| format!("{size}: {at}")));
    assert_eq!(
        dress.name.get("en"),
        Some("INAWLY Women s Elegant Slim Fit Asymmetrical Neck Ruffled Hem Slit Midi Dress")
    );
    assert!(dress.name.get("ar").unwrap().starts_with("INAWLY فستان نسائي"));
    assert_eq!(dress.brand.as_deref(), Some("INAWLY"));
    let path: Vec<_> = dress.categories[0].0.iter().map(|category| category.name.get("en").unwrap()).collect();
    assert_eq!(path, ["Women Apparel", "Women Clothing", "Women Dresses", "Women Midi Dresses"]);
    assert_eq!(dress.options[0].name.get("en"), Some("Size"));
    assert_eq!(dress.images.len(), 3);
    assert!(dress.images.iter().all(|image| image.starts_with("https://img.ltwebstatic.com/")));

    let oil = by_id["394173816"];
    assert_eq!(variants(oil), ["Default: 1 at SAR 17.00, USD 4.53"]);
    assert!(oil.options.is_empty());
    assert_eq!(oil.brand, None);

    let sweater = by_id["42873776"];
    let at = "20 at SAR 51.85 [61.00], USD 13.82 [16.26]";
    assert_eq!(
        variants(sweater),
        ["S", "M", "L", "XL"].map(|size| format!("{size}: {at}")),
        "no 0XL-3XL: it has no SKU"
    );
    assert_eq!(
        sweater.name.get("en"),
        Some("DAZY Women s V Neck Cable Knit Fitted Short Pullover Sweater Long Sleeve Tops Fall")
    );
}

#[test]
fn every_row_of_the_dataset_becomes_a_product_or_a_rejection_with_a_true_reason() {
    let Some(bytes) = shared("shein_brightdata_300.csv") else { return };
    let outcomes = run("shein-brightdata", &bytes, 4096);
    assert_eq!(outcomes.len(), 300);
    let mut refused = BTreeMap::<_, Vec<String>>::new();
    let mut remarks = BTreeMap::<_, usize>::new();
    let mut taken = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Product(mapped) => {
                for warning in &mapped.product.warnings {
                    *remarks.entry(warning.code).or_default() += 1;
                }
                taken.push(mapped.product);
            }
            Outcome::Line(line) => unreachable!("a part: {line:?}"),
            Outcome::Rejected(rejection, _) => {
                refused
                    .entry(rejection.reason)
                    .or_default()
                    .push(format!("record {}: {}", rejection.index, rejection.message));
            }
        }
    }
    eprintln!("{} products, remarks: {remarks:?}", taken.len());
    for (reason, records) in &refused {
        eprintln!("rejected, {reason}: {}", records.join("; "));
    }
    assert_eq!(taken.len(), 300, "every one of these rows is sound");

    let vase = taken.iter().find(|product| product.id == "40460214").unwrap();
    assert_eq!(variants(vase), ["Default: 1 at USD 120.99"]);
    assert_eq!(
        vase.categories[0].0.iter().map(|category| category.id.as_str()).collect::<Vec<_>>(),
        ["4327", "4577", "4926", "4929"]
    );
    assert!(
        taken.iter().flat_map(|product| &product.images).all(|image| !image.contains("-p-")),
        "no page among the images"
    );
    let mut skus: Vec<_> = taken.iter().flat_map(|product| &product.variants).map(|variant| &variant.sku).collect();
    let all = skus.len();
    skus.sort();
    skus.dedup();
    assert_eq!(skus.len(), all, "SKUs are unique across the feed");
}
