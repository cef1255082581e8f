//! Texts made fit for the shop.

mod bounds;

use std::borrow::Cow;

/// A text without control characters: NUL makes Medusa answer 500, the others do not belong in a
/// title. Line breaks become spaces.
#[must_use]
pub fn line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A description as safe HTML. The source can have sent anything, scripts too.
///
/// What the shop shows keeps its formatting (paragraphs, lists, tables, links, images) and loses
/// what could act: scripts, styles, event handlers, frames, forms and `javascript:` addresses. A
/// text without any markup stays a text, except that it is escaped where it would otherwise read as
/// markup.
#[must_use]
pub fn html(text: &str) -> String {
    cleaned(text).0
}

/// As [`html`], and how many bytes at its end are shown as text because the markup before them is
/// all that is taken ([`bounds`]).
#[must_use]
pub fn cleaned(text: &str) -> (String, usize) {
    let text: Cow<'_, str> = if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) };
    // Without markup there is nothing to clean, and `&` in "M & S" may stay what it is.
    if !text.contains('<') {
        return (text.trim().to_owned(), 0);
    }
    let (markup, beyond) = text.split_at(bounds::measure(&text).markup);
    let mut clean = ammonia::clean(markup);
    for character in beyond.chars() {
        match character {
            '&' => clean.push_str("&amp;"),
            '<' => clean.push_str("&lt;"),
            '>' => clean.push_str("&gt;"),
            other => clean.push(other),
        }
    }
    (clean.trim().to_owned(), beyond.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_may_begin_with_any_letter() {
        for (text, clean) in
            [("فستان <b>طويل</b>", "فستان <b>طويل</b>"), ("é<br>", "é<br>"), ("👗<p>x</p>", "👗<p>x</p>")]
        {
            assert_eq!(cleaned(text), (clean.to_owned(), 0));
        }
        assert_eq!(cleaned("\u{fffd}<objec"), ("\u{fffd}".to_owned(), 0));
    }

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

    /// What a text comes to, within which bounds.
    fn bounded(text: &str) -> (String, usize) {
        let measured = bounds::measure(text);
        assert!(measured.elements <= bounds::MOST_ELEMENTS, "{measured:?}");
        let (clean, beyond) = cleaned(text);
        assert!(clean.len() <= bounds::MOST_MARKUP + 5 * text.len(), "{} bytes become {}", text.len(), clean.len());
        let again = bounds::measure(&clean);
        assert!(again.elements <= bounds::MOST_ELEMENTS, "{again:?}");
        (clean, beyond)
    }

    #[test]
    fn a_tree_as_deep_as_its_text_ends_where_no_description_goes() {
        let (clean, beyond) = bounded(&format!("<p>Sound</p>{}x", "<div>".repeat(39_000)));
        assert!(clean.starts_with("<p>Sound</p><div><div>") && clean.ends_with("&lt;div&gt;x"), "{}", &clean[..60]);
        assert_eq!(clean.matches("<div>").count(), bounds::DEEPEST as usize - 1, "the rest is text");
        assert_eq!(beyond, 5 * (39_000 - 99) + 1);
    }

    #[test]
    fn tags_that_are_opened_again_in_every_paragraph_do_not_multiply() {
        let open: String = (0..1_500).map(|n| format!("<b id={n}>")).collect();
        let (clean, _) = bounded(&format!("<p>{open}{}", "<p>a".repeat(1_500)));
        assert!(clean.len() < 100_000, "{}", clean.len());
        // Fewer of them, in as many paragraphs as fit.
        let open: String = (0..90).map(|n| format!("<b title={n}>")).collect();
        let (clean, _) = bounded(&format!("<p>{open}{}", "<p>a".repeat(48_000)));
        assert!(clean.len() < 1_500_000, "{}", clean.len());
        // One long attribute on each.
        let long = format!("<i title=\"{}\">", "t".repeat(2_000));
        let (clean, _) = bounded(&format!("<p>{}{}", long.repeat(3), "<p>a".repeat(40_000)));
        assert!(clean.len() < 1_500_000, "{}", clean.len());
    }

    #[test]
    fn attributes_by_the_thousand_are_text() {
        let many: String = (0..30_000).map(|n| format!(" a{n}")).collect();
        let (clean, beyond) = bounded(&format!("<p>Sound</p><b{many}>bold</b>"));
        assert!(clean.starts_with("<p>Sound</p>&lt;b a0 a1"), "{}", &clean[..60]);
        assert!(beyond > many.len());
    }

    #[test]
    fn a_long_description_is_all_markup() {
        let row = "<tr><td><b>Material</b></td><td>Leather &amp; cork</td></tr>";
        let text = format!("<table><tbody>{}</tbody></table><ul>{}</ul>", row.repeat(1_500), "<li>one".repeat(3_000));
        let (clean, beyond) = bounded(&text);
        assert_eq!((beyond, clean.matches("<li>").count(), clean.matches("<td>").count()), (0, 3_000, 3_000));
    }

    proptest! {
        #[test]
        fn whatever_is_cleaned_stays_within_bounds(text in "(<(b|p|i|a|table|td|div|li)( [a-z]=[a-z]{1,3})?>|</(b|p|table|td|div)>|[a-z<>&\"'/ ]{0,3}){0,150}") {
            bounded(&text);
        }


        #[test]
        fn cleaning_twice_is_cleaning_once(text in "(<[a-z]{1,6}( on[a-z]{2,5}=\"x\")?>|</[a-z]{1,6}>|[a-z&;<> \\x00]{0,8}){0,12}") {
            let once = html(&text);
            prop_assert_eq!(html(&once), once.clone());
            prop_assert!(!once.contains("<script") && !once.contains('\0'));
        }
    }
}
