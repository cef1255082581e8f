//! Any record of `shein-api`: a product that keeps its promises, or a defect; never a panic.
#![no_main]

use feeds::adapter;
use feeds::{Checkpoint, Feed, Limits, Outcome, Progress};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(adapter) = adapter::find("shein-api") else { return };
    let Ok(mut feed) = Feed::new(adapter, "feed", Checkpoint::default(), Limits::default()) else { return };
    let mut out = Vec::new();
    feed.offer(bytes);
    let mut step = feed.step(&mut out);
    while step == Ok(Progress::More) {
        step = feed.step(&mut out);
    }
    if step.is_ok() {
        let _ = feed.finish(&mut out);
    }
    for outcome in out {
        if let Outcome::Product(mapped) = outcome {
            // What was checked stays checked, and survives the ledger.
            assert!(mapped.product.key().is_ok());
            assert!(feeds::quality::checked(mapped.product.clone()).is_ok());
            let json = serde_json::to_string(&mapped.product).expect("a product is JSON");
            assert_eq!(serde_json::from_str::<catalog::Product>(&json).expect("and comes back"), mapped.product);
        }
    }
});
