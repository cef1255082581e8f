//! What must hold for any bytes at all. The fuzz targets feed these checks with what the fuzzer
//! makes up, `tests/findings.rs` with what it has found before; so both look at the same things,
//! under the same limits.

use catalog::Product;
use feeds::adapter;
use feeds::integrity::{Algorithm, Checksum, Partial};
use feeds::split::{Expected, Piece, Splitter};
use feeds::{Broken, Checkpoint, Feed, Limits, Outcome, Progress, Reason};

/// Any feed of `source`: products that keep their promises, or defects; never a panic.
pub fn adapter(source: &str, bytes: &[u8]) {
    for outcome in read(source, bytes, Limits::default()) {
        if let Outcome::Product(mapped) = outcome {
            // What was checked stays checked, and survives the ledger.
            assert!(mapped.product.key().is_ok());
            let json = serde_json::to_string(&mapped.product).expect("a product is JSON");
            // Entities are decoded once: what is left of one would be decoded again, and might be
            // another value then.
            assert!(json.contains('&') || feeds::quality::checked(mapped.product.clone()).is_ok());
            assert_eq!(serde_json::from_str::<Product>(&json).expect("and comes back"), mapped.product);
        }
    }
}

/// Any compressed bytes: no panic, no hang, and no more output than the limits allow. The first
/// byte picks the compression.
pub fn compressed(input: &[u8]) {
    let Some((kind, bytes)) = input.split_first() else { return };
    let magic: &[u8] = if kind & 1 == 1 { &[0x28, 0xB5, 0x2F, 0xFD] } else { &[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] };
    let limits = Limits { feed_bytes: 1 << 20, ratio_from: 1 << 16, ratio: 100, ..Limits::default() };
    read("canonical", &[magic, bytes].concat(), limits);
}

fn read(source: &str, bytes: &[u8], limits: Limits) -> Vec<Outcome> {
    let adapter = adapter::find(source).expect("a source that there is");
    let mut whole = Partial::new(Algorithm::Crc64Nvme);
    whole.add(0, bytes);
    let checksum = Some(Checksum { algorithm: Algorithm::Crc64Nvme, value: whole.value() });
    let feed = Feed::expecting(checksum, adapter, "feed", Checkpoint::default(), limits);
    let mut feed = feed.expect("a feed from its beginning");
    let mut out = Vec::new();
    let mut steps = 0;
    feed.offer(bytes);
    let end = loop {
        match feed.step(&mut out) {
            Ok(Progress::More) => steps += 1,
            Ok(Progress::Hungry) => break feed.finish(&mut out),
            Err(broken) => break Err(broken),
        }
        assert!(steps < 100_000, "a step that does nothing and asks for another");
    };
    if let Err(broken) = end {
        assert!(broken.offset <= limits.feed_bytes + (1 << 20), "the break is behind the end");
        assert_ne!(broken.reason, Reason::ObjectCorrupt, "what was offered is what was stored");
    }
    out
}

/// The limits under which the splitter is looked at: so small that a few bytes reach them.
pub const SMALL: Limits = Limits {
    record_bytes: 64,
    depth: 8,
    gap_bytes: 1 << 16,
    feed_bytes: 1 << 20,
    ratio: 100,
    ratio_from: 1 << 16,
    zstd_window_log: 23,
    excerpt_bytes: 16,
};

/// Number, offset, bytes and reason of each piece.
type Pieces = Vec<(u64, u64, Vec<u8>, Option<Reason>)>;

/// Any bytes, cut anywhere: the pieces must not matter, memory must stay within the limits, and a
/// checkpoint must lead to the same end. The first byte says what is expected, the second how long
/// the pieces are.
pub fn splitter(input: &[u8]) {
    let [mode, step, bytes @ ..] = input else { return };
    let expected = Expected { csv: mode & 1 == 1, json_lines: mode & 2 == 2, separator: None };
    let (mut whole, mut cut) = (Pieces::new(), Pieces::new());
    let whole_end = place(split(&mut Splitter::new(expected, SMALL), bytes, usize::MAX, &mut whole));
    let cut_end = place(split(&mut Splitter::new(expected, SMALL), bytes, usize::from(*step).max(1), &mut cut));
    assert_eq!(whole_end, cut_end);
    assert_eq!(whole, cut);

    // Everything that is handed out stands where it says.
    for (_, offset, record, reason) in &whole {
        if *reason != Some(Reason::RecordTooLarge) {
            let at = usize::try_from(*offset).unwrap_or(usize::MAX);
            assert_eq!(bytes.get(at..at + record.len()), Some(record.as_slice()));
        }
    }

    // Interrupted in the middle, and taken up again. How long nothing came is counted anew by then,
    // so an end for that reason may differ.
    if matches!(whole_end, Err((Reason::TooMuchData, ..))) {
        return;
    }
    let half = bytes.len() / 2;
    let mut resumed = Pieces::new();
    let mut first = Splitter::new(expected, SMALL);
    if first.push(&bytes[..half], &mut |piece| keep(&mut resumed, &piece)).is_ok() {
        let checkpoint: Checkpoint = first.checkpoint();
        let from = usize::try_from(checkpoint.offset).unwrap_or(usize::MAX);
        let end = split(&mut Splitter::resume(checkpoint, expected, SMALL), &bytes[from..], usize::MAX, &mut resumed);
        assert_eq!(place(end), whole_end);
        assert_eq!(resumed, whole);
    }
}

fn split(splitter: &mut Splitter, bytes: &[u8], step: usize, out: &mut Pieces) -> Result<(), Broken> {
    for piece in bytes.chunks(step) {
        splitter.push(piece, &mut |piece| keep(out, &piece))?;
    }
    splitter.finish(&mut |piece| keep(out, &piece))
}

fn keep(out: &mut Pieces, piece: &Piece<'_>) {
    assert!(piece.bytes.len() <= SMALL.record_bytes, "a record over the limit got through whole");
    out.push((piece.index, piece.offset, piece.bytes.to_vec(), piece.defect.as_ref().map(|defect| defect.reason)));
}

fn place(end: Result<(), Broken>) -> Result<(), (Reason, u64, u64)> {
    end.map_err(|broken| (broken.reason, broken.offset, broken.index))
}
