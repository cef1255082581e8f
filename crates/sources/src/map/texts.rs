//! Texts out of markup.

use expr::Value;
use feeds::helpers;

use crate::record;

/// A text without its tags; where a block ended a line ends.
pub(super) fn without_markup(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        let tag = &rest[open + 1..];
        let named = tag.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
        let Some(close) = tag.find('>').filter(|_| named) else {
            text.push('<');
            rest = tag;
            continue;
        };
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let name = name.to_ascii_lowercase();
        if matches!(name.as_str(), "br" | "p" | "div" | "li" | "tr" | "ul" | "ol" | "h1" | "h2" | "h3" | "h4")
            && !text.ends_with('\n')
        {
            text.push('\n');
        }
        rest = &tag[close + 1..];
        if matches!(name.as_str(), "script" | "style") && !tag.starts_with('/') {
            let end = format!("</{name}");
            let behind = rest.to_ascii_lowercase().find(&end);
            rest = behind.map_or("", |at| &rest[at..]);
        }
    }
    text.push_str(rest);
    let decoded = helpers::without_entities(&text);
    let lines: Vec<&str> = decoded.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// A bare number with its unit; a bare 0 is none.
pub(super) fn with_unit(value: Value, unit: &str) -> Value {
    let Some(text) = record::text(&value) else { return value };
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',')) {
        return value;
    }
    if text.bytes().all(|byte| matches!(byte, b'0' | b'.' | b',')) {
        return Value::None;
    }
    Value::Text(format!("{text} {unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_leave_and_lines_stay() {
        assert_eq!(
            without_markup("<p>A &amp; <b>B</b></p><ul><li>1 < 2</li><li>c</li></ul><script>x</script>d"),
            "A & B\n1 < 2\nc\nd"
        );
        assert_eq!(without_markup("plain"), "plain");
        assert_eq!(without_markup("<p"), "<p");
    }
}
