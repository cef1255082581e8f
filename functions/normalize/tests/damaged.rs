//! Compressed objects that turn out damaged.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::io::Write as _;

use common::{World, product};
use ledger::RunStatus;
use runtime::Outcome;

/// A sound gzip of so many products, each with a text that does not compress, so that the object is
/// large if need be.
fn gzip(products: u32, filling: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"[").unwrap();
    let mut noise = 1_u32;
    for number in 0..products {
        let mut product = product(&format!("p{number:05}"), "10.00");
        let mut letter = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b' ' + u8::try_from(noise >> 25).unwrap() % 90)
        };
        product["description"] = serde_json::json!({"en": (0..filling).map(|_| letter()).collect::<String>()});
        let separator = if number > 0 { "," } else { "" };
        encoder.write_all(format!("{separator}{product}").as_bytes()).unwrap();
    }
    encoder.write_all(b"]").unwrap();
    encoder.finish().unwrap()
}

/// The check sum at its end is another.
fn damaged(mut gzip: Vec<u8>) -> Vec<u8> {
    let at = gzip.len() - 6;
    gzip[at] ^= 1;
    gzip
}

#[tokio::test]
async fn nothing_of_a_small_damaged_file_is_taken() {
    let world = World::new();
    let message = world.upload("incoming/canonical/x.json.gz", damaged(gzip(400, 0)));
    assert_eq!(world.read(&message).await, Outcome::Done);
    let run = world.run(&message);
    assert_eq!((run.status, run.counts.changed), (RunStatus::Failed, 0));
    let reason = run.reason.unwrap();
    assert!(reason.starts_with("corrupt_compression") && reason.contains("nothing of it was taken"), "{reason}");
    assert_eq!((world.take_announced().0.len(), world.take_writes()), (0, 0));

    let good = world.upload("incoming/canonical/x.json.gz", gzip(400, 0));
    world.read(&good).await;
    assert_eq!(world.run(&good).counts.changed, 400);
}

#[tokio::test]
async fn a_small_file_that_is_cut_off_is_taken_up_to_there() {
    let world = World::new();
    let whole = gzip(400, 100);
    let message = world.upload("incoming/canonical/x.json.gz", &whole[..whole.len() / 2]);
    world.read(&message).await;
    let run = world.run(&message);
    assert!(run.reason.as_deref().unwrap().starts_with("truncated"), "{:?}", run.reason);
    assert!(run.counts.changed > 50, "{:?}", run.counts);
}

#[tokio::test]
async fn a_large_one_says_what_is_doubtful() {
    let world = World::new();
    let whole = gzip(600, 20_000);
    assert!(whole.len() > 8 << 20, "{}", whole.len());
    let message = world.upload("incoming/canonical/x.json.gz", damaged(whole));
    world.read(&message).await;
    let run = world.run(&message);
    assert_eq!(run.status, RunStatus::Failed);
    let told = format!("of {} products before, those of the run {}, is doubtful", run.counts.changed, run.name);
    assert!(run.counts.changed > 0 && run.reason.as_deref().unwrap().contains(&told), "{:?}", run.reason);
}
