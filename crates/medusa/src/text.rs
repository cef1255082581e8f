//! Texts made fit for the shop.

use std::borrow::Cow;

/// A text without control characters: NUL makes Medusa answer 500, the others do not belong in a title. Line breaks become spaces.
#[must_use]
pub fn line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A description as safe HTML. The source can have sent anything, scripts too.
///
/// What the shop shows keeps its formatting (paragraphs, lists, tables, links, images) and loses what could act:
/// scripts, styles, event handlers, frames, forms and `javascript:` addresses. A text without any markup stays a text, except that it
/// is escaped where it would otherwise read as markup.
#[must_use]
pub fn html(text: &str) -> String {
    let text: Cow<'_, str> = if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) };
    // Without markup there is nothing to clean, and `&` in "M & S" may stay what it is.
    if !text.contains('<') {
        return text.trim().to_owned();
    }
    ammonia::clean(&text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_act_is_removed_and_what_formats_stays() {
        let dirty = "<p onclick=\"x()\">Light <b>shoe</b><script>alert(1)</script></p>\
                     <a href=\"javascript:alert(1)\">a</a><iframe src=//evil></iframe><ul><li>1</li></ul>";
        let clean = html(dirty);
        assert!(clean.starts_with("<p>Light <b>shoe</b></p>") && clean.ends_with("<ul><li>1</li></ul>"), "{clean}");
        for word in ["script", "onclick", "iframe", "javascript"] {
            assert!(!clean.contains(word), "{word} in {clean}");
        }
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(html("  M & S, 100 % cotton\nقطن\0 "), "M & S, 100 % cotton\nقطن");
        assert_eq!(line(" a\0b\r\nc  قميص "), "a b c قميص");
    }

    proptest! {
        #[test]
        fn cleaning_twice_is_cleaning_once(text in "(<[a-z]{1,6}( on[a-z]{2,5}=\"x\")?>|</[a-z]{1,6}>|[a-z&;<> \\x00]{0,8}){0,12}") {
            let once = html(&text);
            prop_assert_eq!(html(&once), once.clone());
            prop_assert!(!once.contains("<script") && !once.contains('\0'));
        }
    }
}
