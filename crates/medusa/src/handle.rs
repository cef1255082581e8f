//! A product's handle in the shop.

use catalog::ProductKey;

/// Characters of a handle; the rest of the URL must fit beside it.
const MAX_CHARS: usize = 120;

/// The handle of a product: `source-id` in `a-z 0-9 -`.
///
/// Handles are the only unique text that Medusa guards (external ids are not), so two creators of one product cannot both
/// win. Where lower case, a replaced character or the length would make two ids look alike, eight hexadecimal digits of the hash of the
/// original follow.
#[must_use]
pub fn handle(key: &ProductKey) -> String {
    let plain = format!("{}-{}", key.source(), key.id());
    let kept = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if plain.len() <= MAX_CHARS && plain.chars().all(kept) {
        return plain;
    }
    let readable: String = plain
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if kept(c) { c } else { '-' })
        .take(MAX_CHARS - 9)
        .collect();
    format!("{}-{}", readable.trim_end_matches('-'), digits(key))
}

/// Where a product that is not ours has taken the handle: the same for every creator, so that it guards as well.
#[must_use]
pub fn second_handle(key: &ProductKey) -> String {
    let first = handle(key);
    format!("{}-x{}", first.chars().take(MAX_CHARS).collect::<String>(), digits(key))
}

fn digits(key: &ProductKey) -> String {
    blake3::hash(key.to_string().as_bytes()).to_hex()[..8].to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> ProductKey {
        text.parse().unwrap()
    }

    #[test]
    fn a_plain_id_is_readable_in_the_handle() {
        assert_eq!(handle(&key("shein-api:90854097")), "shein-api-90854097");
    }

    #[test]
    fn ids_that_look_alike_keep_handles_of_their_own() {
        let ids = ["s:a b", "s:a/b", "s:A-b", "s:a-b", "s:قميص", "s:قمص", "s:a_b"];
        let handles: HashSet<_> = ids.iter().map(|id| handle(&key(id))).collect();
        assert_eq!(handles.len(), ids.len(), "{handles:?}");
    }

    proptest! {
        #[test]
        fn every_handle_is_safe_in_a_url(source in "[a-z0-9-]{1,32}", id in "\\PC{1,157}") {
            prop_assume!(id.trim() == id);
            let key = ProductKey::new(source, id).unwrap();
            for handle in [handle(&key), second_handle(&key)] {
                prop_assert!(handle.len() <= MAX_CHARS + 10);
                prop_assert!(handle.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", handle);
            }
        }
    }
}
