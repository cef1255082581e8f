//! Entities of HTML in texts that are no HTML: `Dress &amp; Belt`.
//!
//! Browsers also decode what lacks its semicolon (`&copy2`); here only what is written out is an
//! entity, because `AT&T` and `R&notes` are none. Suppliers that put titles into title case make
//! `&Amp;` of `&amp;`: a name that is not known as it stands is looked up in small letters.

use std::borrow::Cow;

use memchr::memchr;

/// Characters of the longest name there is (`&CounterClockwiseContourIntegral;`), and some.
const LONGEST: usize = 40;

/// The text with its entities decoded, once. Unknown ones stay.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    let Some(first) = memchr(b'&', text.as_bytes()) else { return Cow::Borrowed(text) };
    let mut decoded: Option<String> = None;
    let (mut done, mut at) = (0, first);
    loop {
        let rest = &text[at..];
        let step = match entity(rest) {
            Some((length, character)) => {
                let decoded = decoded.get_or_insert_default();
                decoded.push_str(&text[done..at]);
                decoded.push_str(&character);
                done = at + length;
                length
            }
            None => 1,
        };
        match memchr(b'&', &text.as_bytes()[at + step..]) {
            Some(next) => at += step + next,
            None => break,
        }
    }
    match decoded {
        None => Cow::Borrowed(text),
        Some(mut decoded) => {
            decoded.push_str(&text[done..]);
            Cow::Owned(decoded)
        }
    }
}

/// The entity that a text begins with: its length and what it stands for.
fn entity(text: &str) -> Option<(usize, Cow<'_, str>)> {
    let end = memchr(b';', &text.as_bytes()[..text.len().min(LONGEST)])?;
    let (whole, name) = (&text[..=end], &text[1..end]);
    let meant = if let Some(number) = name.strip_prefix('#') {
        let digits = number.strip_prefix(['x', 'X']);
        let is_number = match digits {
            Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
            None => !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
        };
        is_number.then(|| htmlize::unescape(whole))?
    } else {
        named(whole).or_else(|| named(&whole.to_ascii_lowercase()))?
    };
    Some((whole.len(), meant))
}

fn named<'m>(whole: &str) -> Option<Cow<'m, str>> {
    let meant = htmlize::ENTITIES.get(whole.as_bytes())?;
    std::str::from_utf8(meant).ok().map(Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_decoded_once_and_what_is_none_stays() {
        for (text, right) in [
            ("Drain for 2 &Amp; 3 in. pipe, 5&quot; &ndash; set", "Drain for 2 & 3 in. pipe, 5\" – set"),
            ("Dress &amp; Belt &#39;24", "Dress & Belt '24"),
            ("&amp;amp; &amp;lt;b&amp;gt;", "&amp; &lt;b&gt;"),
            (
                "AT&T; R&notes; &copy2 &nosuch; && &; &#; &#x; &#xg;",
                "AT&T; R&notes; &copy2 &nosuch; && &; &#; &#x; &#xg;",
            ),
            ("&Eacute;&eacute;&NDASH;&#x2019;&#8217;&#X20AC;", "Éé–’’€"),
            ("&#150;", "–"),
            ("&#0;&#x110000;&#xd800;", "\u{fffd}\u{fffd}\u{fffd}"),
            ("&amp", "&amp"),
            ("ends with &", "ends with &"),
            ("قميص &amp;", "قميص &"),
            ("&قميص;", "&قميص;"),
        ] {
            assert_eq!(decoded(text), right, "{text}");
        }
        assert!(matches!(decoded("H&M"), Cow::Borrowed(_)));
    }
}
