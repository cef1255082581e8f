//! Any compressed bytes: no panic, no hang, and no more output than the limits allow.
#![no_main]

use feeds::adapter;
use feeds::{Checkpoint, Feed, Limits, Progress};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, &[u8])| {
    let (zstd, bytes) = input;
    let magic: &[u8] = if zstd { &[0x28, 0xB5, 0x2F, 0xFD] } else { &[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] };
    let object = [magic, bytes].concat();
    let limits = Limits { feed_bytes: 1 << 20, ratio_from: 1 << 16, ratio: 100, ..Limits::default() };
    let Some(adapter) = adapter::find("canonical") else { return };
    let Ok(mut feed) = Feed::new(adapter, "feed", Checkpoint::default(), limits) else { return };
    let mut out = Vec::new();
    feed.offer(object);
    let mut steps = 0;
    let mut step = feed.step(&mut out);
    while step == Ok(Progress::More) {
        steps += 1;
        assert!(steps < 100_000, "a step that does nothing and asks for another");
        step = feed.step(&mut out);
    }
    if step.is_ok() {
        let _ = feed.finish(&mut out);
    }
});
