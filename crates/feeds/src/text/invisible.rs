//! Characters that nobody sees and that make two texts of one, or one of two: overrides of the
//! direction of writing, blanks without width, tags.
//!
//! Some of them are needed in writing: a joiner between Arabic or Indic letters changes their
//! shape, joiners and selectors make one picture of several emoji, marks of direction set
//! punctuation right in a text from right to left.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';

/// The text without what only misleads; what was taken out is added to `gone`, each once. `strict`:
/// also marks of direction and soft hyphens, which are harmless to read, but not in what is
/// compared.
pub(super) fn without<'t>(text: &'t str, strict: bool, gone: &mut Vec<char>) -> Cow<'t, str> {
    if !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let rightward = text.chars().any(is_right_to_left);
    let mut clean = String::with_capacity(text.len());
    let mut before = None;
    for (at, c) in text.char_indices() {
        let kept = !is_unseen(c) || {
            let behind = &text[at + c.len_utf8()..];
            is_needed(c, before, behind, rightward && !strict, strict)
        };
        if kept {
            clean.push(c);
            // A mark belongs to its letter, and marks may stand in another order.
            if !is_combining_mark(c) || is_selector(c) {
                before = Some(c);
            }
        } else if !gone.contains(&c) {
            gone.push(c);
        }
    }
    if clean.len() == text.len() { Cow::Borrowed(text) } else { Cow::Owned(clean) }
}

/// Characters without width or ink: Unicode's `Default_Ignorable_Code_Point`, and annotations.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether an unseen character does something where it stands.
fn is_needed(c: char, before: Option<char>, behind: &str, directions: bool, strict: bool) -> bool {
    let before_is = |one: fn(char) -> bool| before.is_some_and(one);
    // What follows, but for further unseen characters.
    let next = || behind.chars().find(|c| !is_unseen(*c) && !is_combining_mark(*c));
    match c {
        NON_JOINER => before_is(is_joined) && next().is_some_and(is_joined),
        JOINER if before_is(is_joined) => !strict || next().is_some_and(is_joined),
        JOINER => before_is(is_pictured) && next().is_some_and(is_picture),
        '\u{180b}'..='\u{180d}' | '\u{180f}' => before_is(|c| matches!(c, '\u{1820}'..='\u{18aa}')),
        '\u{fe00}'..='\u{fe0f}' => {
            // An emoji of a digit, such as the one of 1 in a box.
            let keycap = before_is(|c| matches!(c, '0'..='9' | '#' | '*')) && behind.starts_with('\u{20e3}');
            keycap
                || before_is(|c| {
                    !c.is_ascii() && !c.is_whitespace() && !is_unseen(c) && !is_joined(c) && !is_western(c)
                })
        }
        '\u{e0100}'..='\u{e01ef}' => before_is(is_ideograph),
        // The flags of England, Scotland and Wales are a black one with tags.
        '\u{e0020}'..='\u{e007f}' => before_is(|c| matches!(c, '\u{1f3f4}' | '\u{e0020}'..='\u{e007e}')),
        '\u{61c}' | '\u{200e}' | '\u{200f}' => directions,
        '\u{ad}' => !strict,
        _ => false,
    }
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// A letter that looks the same with a selector behind it, in Latin, Greek, Cyrillic and what
/// stands beside them.
fn is_western(c: char) -> bool {
    c < '\u{590}' && c.is_alphanumeric()
        || matches!(c, '\u{1d00}'..='\u{1fff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a640}'..='\u{a7ff}')
}

/// A letter of a writing in which letters join.
fn is_joined(c: char) -> bool {
    let joins = matches!(c,
        '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{1900}'..='\u{1cff}' | '\u{a800}'..='\u{abff}'
        | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10a00}'..='\u{11fff}');
    joins && c.is_alphabetic()
}

fn is_picture(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1fbff}')
}

/// A picture, or what belongs to one.
fn is_pictured(c: char) -> bool {
    is_picture(c) || c == '\u{fe0f}'
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
        && c != '\u{61c}'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn left(text: &str, strict: bool) -> String {
        without(text, strict, &mut Vec::new()).into_owned()
    }

    #[test]
    fn what_misleads_goes() {
        for (text, right) in [
            ("\u{202e}abc\u{202c} scarf\u{200b}", "abc scarf"),
            ("pay\u{200c}pal", "paypal"),
            ("pay\u{200d}pal", "paypal"),
            ("X\u{fe0f}L", "XL"),
            ("\u{feff}Dress\u{2060}", "Dress"),
            ("a\u{e0041}\u{e0042}b", "ab"),
            ("\u{2066}S\u{2069}", "S"),
            ("S\u{200e}", "S"),
            ("\u{3164}", ""),
            ("قميص\u{200c}", "قميص"),
        ] {
            assert_eq!(left(text, false), right, "{text:?}");
        }
        assert_eq!(left("قميص (XL)\u{200f}", true), "قميص (XL)", "what is compared has no marks of direction");
        assert_eq!(left("Groß\u{ad}e", true), "Große");
    }

    #[test]
    fn what_writing_needs_stays() {
        for text in [
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "ه\u{200d}",
            "👩\u{200d}👩\u{200d}👧",
            "🏳\u{fe0f}\u{200d}🌈",
            "👩🏽\u{200d}🚀",
            "1\u{fe0f}\u{20e3}",
            "❤\u{fe0f}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "葛\u{e0100}",
            "قميص (XL)\u{200f}",
            "Groß\u{ad}e",
        ] {
            assert_eq!(left(text, false), text, "{text:?}");
        }
    }

    /// Words of a writing that joins its letters, and emoji, with joiners between their parts.
    fn joined() -> impl Strategy<Value = String> {
        let word = |letters: &'static str| {
            proptest::collection::vec(letters, 1..5).prop_flat_map(|parts| {
                proptest::sample::select(vec!["\u{200c}", "\u{200d}"]).prop_map(move |joiner| parts.join(joiner))
            })
        };
        let family = proptest::collection::vec("[\u{1f466}-\u{1f469}][\u{1f3fb}-\u{1f3ff}]?\u{fe0f}?", 1..5)
            .prop_map(|people| people.join("\u{200d}"));
        let one = prop_oneof![word("[ء-ي]{1,4}"), word("[अ-ह][\u{93e}-\u{94d}]?"), family, "[a-zß-ÿ0-9]{1,6}"];
        proptest::collection::vec(one, 1..5).prop_map(|words| words.join(" "))
    }

    proptest! {
        #[test]
        fn joiners_inside_words_and_emoji_live(text in joined()) {
            for strict in [false, true] {
                prop_assert_eq!(left(&text, strict), &*text);
            }
        }

        #[test]
        fn nothing_that_is_seen_goes(text in "\\PC{0,20}", strict in any::<bool>()) {
            let seen = |text: &str| text.chars().filter(|c| !is_unseen(*c)).collect::<String>();
            prop_assert_eq!(seen(&left(&text, strict)), seen(&text));
        }

        #[test]
        fn latin_text_has_nothing_unseen_left(text in "[a-z \u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2069}\u{feff}]{0,12}") {
            prop_assert!(!left(&text, true).contains(is_unseen));
        }
    }
}
