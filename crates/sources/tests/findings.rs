//! What fuzzing found, and the seeds it starts from, held against the checks that the fuzz targets
//! make.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::checks;

use std::path::Path;

fn files(target: &str) -> Vec<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [here.join("../feeds/fuzz/seeds").join(target), here.join("tests/findings").join(target)];
    let found = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let files: Vec<_> = found.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(!files.is_empty(), "{target} has no files");
    files
}

#[test]
fn every_input_that_was_ever_of_interest_is_answered() {
    for (target, check) in [("mapping", checks::mapping as fn(&[u8])), ("xml", checks::xml), ("xlsx", checks::xlsx)] {
        for bytes in files(target) {
            check(&bytes);
            // Cut off anywhere it is answered, too.
            for end in (0..bytes.len()).step_by(13) {
                check(&bytes[..end]);
            }
        }
    }
}
