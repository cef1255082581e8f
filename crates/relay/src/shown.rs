//! What comes from outside, on a terminal: keys, feeds, answers of others may hold characters that
//! move the cursor, change the title, forge a line or turn the direction of reading. Here, and only
//! here, they are made visible. [`crate::answer::Answer`] and the tables go through it.

use serde_json::Value;

/// Whether a character does something to a terminal or misleads a reader instead of being seen.
/// Joiners are none: words of many scripts need them.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// A text from outside with nothing in it that acts: `\n`, `\r` and `\t` by name, anything else as
/// `\u{1b}`.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => shown.extend(c.escape_default()),
            c if acts(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// An answer's text. Line feeds between its lines stay; those within what `outside` holds are made
/// visible like all else.
#[must_use]
pub fn text(text: &str, outside: &Value) -> String {
    let mut wild = Vec::new();
    collect(outside, &mut wild);
    // The longest first: one may be a part of another.
    wild.sort_unstable_by_key(|wild| std::cmp::Reverse(wild.len()));
    wild.dedup();
    let mut shown = text.to_owned();
    for wild in wild {
        if shown.contains(wild) {
            shown = shown.replace(wild, &plain(wild));
        }
    }
    shown.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

/// The texts in a value that have line feeds, and something else.
fn collect<'v>(value: &'v Value, wild: &mut Vec<&'v str>) {
    let mut add = |text: &'v str| {
        if text.contains('\n') && !text.trim().is_empty() {
            wild.push(text);
        }
    };
    match value {
        Value::String(text) => add(text),
        Value::Array(values) => values.iter().for_each(|value| collect(value, wild)),
        Value::Object(fields) => {
            fields.keys().for_each(|name| add(name));
            fields.values().for_each(|value| collect(value, wild));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// JSON as it was written, with what JSON itself lets through (above ASCII's first 32) in JSON's
/// own form: the value is the same.
#[must_use]
pub fn json(written: &str) -> String {
    let mut shown = String::with_capacity(written.len());
    for c in written.chars() {
        if c != '\n' && acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// What a feed may hold: a title for the window, colours, a forged line, a turned direction, an
/// eight-bit control sequence.
#[cfg(test)]
pub(crate) const WILD: &str = "a\u{1b}]0;owned\u{7}\u{1b}[31mb\r\nFORGED: all is well\u{202e}gpj\u{9b}2Jz";

/// Holds an answer made of [`WILD`] against what must never reach a terminal.
#[cfg(test)]
pub(crate) fn assert_tame(answer: &crate::answer::Answer) {
    let text = &answer.text;
    assert!(!text.chars().any(|c| c != '\n' && acts(c)), "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with("FORGED")), "{text}");
    assert!(text.contains("\\u{1b}]0;owned"), "it is shown, not left out: {text}");
    let written = answer.written().unwrap();
    assert!(!written.chars().any(|c| c != '\n' && acts(c)), "{written:?}");
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), answer.json, "scripts get what it is");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::answer::Answer;

    #[test]
    fn what_acts_is_made_visible_and_what_is_read_stays() {
        assert_eq!(plain("a\u{1b}[31m\n\u{202e}"), "a\\u{1b}[31m\\n\\u{202e}");
        for fine in ["قميص", "می\u{200c}خواهم", "👨\u{200d}👩", "a–b \\ ≠", "ö"] {
            assert_eq!(plain(fine), fine);
        }
    }

    #[test]
    fn every_answer_goes_through_here_whatever_command_gives_it() {
        // As `relay replay` and `relay withdraw` say what they did, in a sentence.
        let object = format!("s3://b/incoming/{WILD}.json");
        let text = format!("Asked normalize to read {object}.\n  `relay runs` shows its progress.");
        let answer = Answer::new(&json!({"object": object}), text, false);
        assert_tame(&answer);
        assert_eq!(answer.text.lines().count(), 2, "our own lines stay");
    }

    #[test]
    fn a_text_of_line_feeds_alone_does_not_take_the_lines_away() {
        assert_eq!(text("a\nb", &json!({"x": "\n", "y": ["\n \n"]})), "a\nb");
    }
}
