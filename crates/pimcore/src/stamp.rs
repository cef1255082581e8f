//! What the field `contentHash` says: the hash of what the source said, and, where rules make
//! something else of it, the digest of what is wanted.
//!
//! `<hash>` or `<hash>+<digest>`: a product that no rule changes is written as if there were none.

use catalog::ContentHash;

/// Digits of the second part.
const DIGITS: usize = 16;

/// A digest as it is noted.
#[must_use]
pub fn short(wanted: &ContentHash) -> String {
    wanted.as_str().chars().take(DIGITS).collect()
}

/// The field's text.
#[must_use]
pub fn stamp(said: &ContentHash, wanted: Option<&str>) -> ContentHash {
    match wanted {
        None => said.clone(),
        Some(wanted) => ContentHash::from_text(format!("{said}+{wanted}")),
    }
}

/// What a text says: the hash of what the source said, and the digest of what is wanted.
#[must_use]
pub fn read(text: &str) -> (ContentHash, Option<String>) {
    match text.split_once('+') {
        None => (ContentHash::from_text(text), None),
        Some((said, wanted)) => (ContentHash::from_text(said), Some(wanted.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_come_back_and_without_rules_there_is_one() {
        let (said, other) = (ContentHash::from_text("ab".repeat(16)), ContentHash::from_text("cd".repeat(16)));
        assert_eq!(stamp(&said, None), said);
        let digest = Some(short(&other));
        let both = stamp(&said, digest.as_deref());
        assert!(both.as_str().len() <= crate::limits::SHORT, "{both}");
        assert_eq!(read(both.as_str()), (said.clone(), digest));
        assert_eq!(read(said.as_str()), (said, None));
    }
}
