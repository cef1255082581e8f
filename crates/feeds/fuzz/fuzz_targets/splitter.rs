//! Any bytes, cut anywhere: the pieces must not matter, memory must stay within the limits, and a checkpoint must lead to the same end.
#![no_main]

use feeds::split::{Expected, Splitter};
use feeds::{Broken, Checkpoint, Limits, Reason};
use libfuzzer_sys::fuzz_target;

/// Number, offset, bytes and reason of each piece.
type Pieces = Vec<(u64, u64, Vec<u8>, Option<Reason>)>;

const LIMITS: Limits = Limits {
    record_bytes: 64,
    depth: 8,
    gap_bytes: 1 << 16,
    feed_bytes: 1 << 20,
    ratio: 100,
    ratio_from: 1 << 16,
    zstd_window_log: 23,
    excerpt_bytes: 16,
};

fn read(splitter: &mut Splitter, bytes: &[u8], step: usize, out: &mut Pieces) -> Result<(), Broken> {
    let mut sink = |piece: feeds::split::Piece<'_>| {
        assert!(piece.bytes.len() <= LIMITS.record_bytes, "a record over the limit got through whole");
        out.push((piece.index, piece.offset, piece.bytes.to_vec(), piece.defect.map(|defect| defect.reason)));
    };
    for piece in bytes.chunks(step) {
        splitter.push(piece, &mut sink)?;
    }
    splitter.finish(&mut sink)
}

fn place(end: Result<(), Broken>) -> Result<(), (Reason, u64, u64)> {
    end.map_err(|broken| (broken.reason, broken.offset, broken.index))
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (mode, step, bytes) = input;
    let expected = Expected { csv: mode & 1 == 1, json_lines: mode & 2 == 2 };
    let (mut whole, mut cut) = (Pieces::new(), Pieces::new());
    let whole_end = place(read(&mut Splitter::new(expected, LIMITS), bytes, usize::MAX, &mut whole));
    let cut_end = place(read(&mut Splitter::new(expected, LIMITS), bytes, usize::from(step).max(1), &mut cut));
    assert_eq!(whole_end, cut_end);
    assert_eq!(whole, cut);

    // Everything that is handed out stands where it says.
    for (_, offset, record, reason) in &whole {
        if *reason != Some(Reason::RecordTooLarge) {
            let at = usize::try_from(*offset).unwrap_or(usize::MAX);
            assert_eq!(bytes.get(at..at + record.len()), Some(record.as_slice()));
        }
    }

    // Interrupted in the middle, and taken up again. How long nothing came is counted anew by then, so an end for that reason may differ.
    if matches!(whole_end, Err((Reason::TooMuchData, ..))) {
        return;
    }
    let half = bytes.len() / 2;
    let mut resumed = Pieces::new();
    let mut first = Splitter::new(expected, LIMITS);
    let mut keep = |piece: feeds::split::Piece<'_>| {
        resumed.push((piece.index, piece.offset, piece.bytes.to_vec(), piece.defect.map(|defect| defect.reason)));
    };
    if first.push(&bytes[..half], &mut keep).is_ok() {
        let checkpoint: Checkpoint = first.checkpoint();
        let from = usize::try_from(checkpoint.offset).unwrap_or(usize::MAX);
        let end = read(&mut Splitter::resume(checkpoint, expected, LIMITS), &bytes[from..], usize::MAX, &mut resumed);
        assert_eq!(place(end), whole_end);
        assert_eq!(resumed, whole);
    }
});
