//! The handles that products were given before there was a template: a function of the key. What is
//! in the shop keeps them ([`crate::address`]).

use catalog::ProductKey;

/// Characters of a handle; the rest of the URL must fit beside it.
const MAX_CHARS: usize = 120;

/// The handle of a product: `source-id` in `a-z 0-9 -`, as Medusa takes it: no hyphen at an end,
/// and no two in a row.
///
/// Where lower case, a replaced character or the length would make two ids look alike, eight
/// hexadecimal digits of the hash of the original follow.
#[must_use]
pub fn handle(key: &ProductKey) -> String {
    let plain = format!("{}-{}", key.source(), key.id());
    if plain.len() <= MAX_CHARS && is_valid(&plain) {
        return plain;
    }
    let mut readable = String::with_capacity(MAX_CHARS);
    for c in plain.chars().map(|c| c.to_ascii_lowercase()) {
        if readable.len() == MAX_CHARS - 9 {
            break;
        }
        if kept(c) && c != '-' {
            readable.push(c);
        } else if !readable.is_empty() && !readable.ends_with('-') {
            readable.push('-');
        }
    }
    match readable.trim_end_matches('-') {
        "" => digits(key),
        readable => format!("{readable}-{}", digits(key)),
    }
}

const fn kept(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

/// What Medusa's `isValidHandle` (2.21, `@medusajs/utils`) takes, as far as we make handles: words
/// of small letters and digits with one hyphen between two.
fn is_valid(handle: &str) -> bool {
    handle.chars().all(kept) && handle.split('-').all(|word| !word.is_empty())
}

/// Where a product that was not ours had taken the handle.
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
    fn handles_that_medusa_took_stay_what_they_were() {
        for (id, was) in [
            ("shein-api:90854097", "shein-api-90854097"),
            ("s:a-b", "s-a-b"),
            ("s:A-b", "s-a-b-7e527818"),
            ("s:a/b", "s-a-b-06a4bc08"),
            ("s:a_b", "s-a-b-f1bd6494"),
        ] {
            assert_eq!(handle(&key(id)), was, "{id}");
        }
    }

    #[test]
    fn ids_that_look_alike_keep_handles_of_their_own() {
        let ids = [
            "s:a b",
            "s:a/b",
            "s:A-b",
            "s:a-b",
            "s:قميص",
            "s:قمص",
            "s:a_b",
            "s:A (red)",
            "s:A  red",
            "s:a, b",
            "s:a--b",
            "s:a-b-",
            "s:-a-b",
            "s:A__2",
            "s:A_2",
            "s:-",
            "s:--",
            "s:(",
        ];
        let handles: HashSet<_> = ids.iter().map(|id| handle(&key(id))).collect();
        assert_eq!(handles.len(), ids.len(), "{handles:?}");
    }

    /// Medusa's own rule in its own words: `/[A-Z]/` refuses, then
    /// `/^[\p{Ll}\p{Lo}\p{Lm}\p{N}]+(?:-[\p{Ll}\p{Lo}\p{Lm}\p{N}]+)*$/u`. Read character by
    /// character like the expression; letters and digits beyond ASCII it takes, too, but we make
    /// none.
    fn medusa_takes(handle: &str) -> bool {
        let letter = |c: char| c.is_numeric() || (c.is_alphabetic() && !c.is_uppercase());
        let mut after_letter = false;
        for c in handle.chars() {
            match c {
                'A'..='Z' => return false,
                '-' if after_letter => after_letter = false,
                c if letter(c) => after_letter = true,
                _ => return false,
            }
        }
        after_letter
    }

    #[test]
    fn the_rule_is_medusas() {
        for (handle, taken) in [
            ("my-product-123", true),
            ("کتاب-فارسی", true),
            ("Hello-World", false),
            ("my product", false),
            ("-product", false),
            ("product-", false),
            ("a--b", false),
            ("", false),
        ] {
            assert_eq!(medusa_takes(handle), taken, "{handle}");
        }
    }

    /// What handles were made of before; where Medusa took the result, it has to be the same.
    fn before(key: &ProductKey) -> String {
        let plain = format!("{}-{}", key.source(), key.id());
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

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn medusa_takes_the_handle_of_every_id_and_those_it_took_stay(
            source in "[a-z0-9-]{1,32}", id in prop_oneof!["\\PC{1,157}", "[-_ a-cA-C.()]{1,12}", "[a-c-]{100,157}"],
        ) {
            prop_assume!(id.trim() == id);
            let key = ProductKey::new(source, id).unwrap();
            for handle in [handle(&key), second_handle(&key)] {
                prop_assert!(medusa_takes(&handle), "{}: {}", key, handle);
            }
            if medusa_takes(&before(&key)) {
                prop_assert_eq!(handle(&key), before(&key));
            }
        }

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
