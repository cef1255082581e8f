//! What Pimcore does to texts on save: keys, dates, rich text.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, fmt::strtime};

/// The longest key in characters.
const KEY_LENGTH: usize = 255;

/// The key that an object really gets: trimmed, without control characters, `/ < >` and everything
/// beyond the basic plane replaced by a dash, cut to 255 characters.
pub fn object_key(wanted: &str) -> String {
    let cleaned: String = wanted
        .chars()
        .filter(|character| !character.is_control())
        .map(|character| match character {
            '/' | '<' | '>' => '-',
            beyond if u32::from(beyond) > 0xFFFF => '-',
            other => other,
        })
        .collect();
    cleaned.trim().chars().take(KEY_LENGTH).collect()
}

/// A point in time as people and programs write it, in unix seconds. Fractions are dropped, offsets
/// applied, a text without offset is UTC; what cannot be understood is nothing, without an error.
pub fn datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if let (Ok(seconds), true) = (whole.parse::<i64>(), fraction.chars().all(|digit| digit.is_ascii_digit())) {
        return Some(seconds);
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_second());
    }
    for format in ["%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%dT%H:%M:%S%.f%z", "%a, %d %b %Y %H:%M:%S %z"] {
        if let Ok(moment) = strtime::parse(format, text).and_then(|parsed| parsed.to_timestamp()) {
            return Some(moment.as_second());
        }
    }
    let civil = text.parse::<DateTime>().ok().or_else(|| text.parse::<jiff::civil::Date>().ok().map(DateTime::from))?;
    civil.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}

/// How a date is read back: UTC, without offset.
pub fn show_datetime(seconds: i64) -> Option<String> {
    Some(Timestamp::from_second(seconds).ok()?.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Rich text as it is kept: scripts and event handlers removed, a lone `<` dropped, quotes and some
/// signs as entities.
pub fn wysiwyg(html: &str) -> String {
    let mut kept = String::with_capacity(html.len());
    let mut characters = html.chars().peekable();
    while let Some(character) = characters.next() {
        let tag = characters.peek().is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?'));
        if character != '<' || tag {
            kept.push(character);
        }
    }
    let clean = ammonia::Builder::default()
        .add_tags(["iframe"])
        .add_tag_attributes("iframe", ["src"])
        .add_tag_attributes("a", ["target"])
        .add_generic_attributes(["style", "class", "id", "title"])
        .link_rel(None)
        .clean(&kept)
        .to_string();
    encode(&clean.replace("&nbsp;", "\u{a0}"))
}

/// Encodes quotes and some signs in the texts and attribute values of well-formed HTML.
fn encode(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut quoted = false;
    let mut tag = false;
    for character in html.chars() {
        match character {
            '<' if !tag => tag = true,
            '"' if tag => quoted = !quoted,
            '>' if tag && !quoted => {
                tag = false;
                let start = out.rfind('<').unwrap_or(0);
                if ["<br", "<hr", "<img"].iter().any(|empty| out[start..].starts_with(empty)) {
                    out.push_str(" /");
                }
            }
            _ if tag && !quoted => {}
            '"' => {
                out.push_str("&#34;");
                continue;
            }
            '\'' => {
                out.push_str("&#039;");
                continue;
            }
            '=' | '@' | '`' | '+' => {
                out.push_str(&format!("&#{};", u32::from(character)));
                continue;
            }
            _ => {}
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_rewritten_like_the_recorded_ones() {
        for (wanted, kept) in [
            ("with/slash", "with-slash"),
            ("  lead trail  ", "lead trail"),
            ("emoji😀key", "emoji-key"),
            ("..", ".."),
            ("ß&?#%+\"'<>", "ß&?#%+\"'--"),
            ("tab\tx", "tabx"),
            ("a\u{0}b", "ab"),
            ("مفتاح عربي", "مفتاح عربي"),
        ] {
            assert_eq!(object_key(wanted), kept);
        }
        assert_eq!(object_key(&"a".repeat(300)).len(), 255);
    }

    #[test]
    fn dates_come_in_many_spellings_and_garbage_is_nothing() {
        let expected = Some(1_729_859_696);
        for text in ["2024-10-25T12:34:56Z", "2024-10-25T12:34:56.789Z", "2024-10-25T15:34:56+03:00", "1729859696"] {
            assert_eq!(datetime(text), expected, "{text}");
        }
        assert_eq!(datetime("2024-10-25 12:34:56"), expected);
        assert_eq!(datetime("2024-10-25"), Some(1_729_814_400));
        assert_eq!(datetime("garbage"), None);
        assert_eq!(datetime(""), None);
        assert_eq!(show_datetime(1_729_859_696).as_deref(), Some("2024-10-25 12:34:56"));
    }

    #[test]
    fn rich_text_is_encoded_and_loses_what_could_run() {
        assert_eq!(wysiwyg("<p>Buy \"now\"</p>"), "<p>Buy &#34;now&#34;</p>");
        assert_eq!(wysiwyg("<p onclick=\"x()\">a<br>b=c</p><script>y()</script>"), "<p>a<br />b&#61;c</p>");
        let once = wysiwyg("<a href=\"https://x.example/?a=1&b=2\">it's</a>");
        assert_eq!(wysiwyg(&once), once, "stable when it is written back");
    }
}
