//! Text for people: tables, ages, times.

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;

use crate::shown::plain;

/// A table without lines.
#[must_use]
pub fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.iter().map(|word| word.to_uppercase()));
    for row in rows {
        table.add_row(row.map(|cell| plain(&cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A span of time, in its two largest units: `3 d 4 h`.
#[must_use]
pub fn span(ms: i64) -> String {
    let seconds = (ms / 1000).max(0);
    let (d, h, m, s) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match (d, h, m) {
        (0, 0, 0) => format!("{s} s"),
        (0, 0, _) => format!("{m} min {s} s"),
        (0, _, _) => format!("{h} h {m} min"),
        _ => format!("{d} d {h} h"),
    }
}

/// A time with how long ago it is.
#[must_use]
pub fn ago(at: i64, now: i64) -> String {
    format!("{} ({} ago)", time(at), span(now - at))
}

/// A time, UTC, to the second.
#[must_use]
pub fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms / 1000 * 1000).map_or_else(|_| format!("{ms} ms"), |at| at.to_string())
}

/// At most so many characters of a text, on one line.
#[must_use]
pub fn short(text: &str, chars: usize) -> String {
    let line: String = text.chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c }).collect();
    match line.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A count with its noun: `1 product`, `2 products`.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_without_arithmetic() {
        assert_eq!(span(999), "0 s");
        assert_eq!(span(61_000), "1 min 1 s");
        assert_eq!(span(3_600_000 * 27), "1 d 3 h");
        assert_eq!(time(1_795_391_999_123), "2026-11-22T23:59:59Z");
        assert_eq!(ago(1_795_391_999_000, 1_795_392_059_000), "2026-11-22T23:59:59Z (1 min 0 s ago)");
    }

    #[test]
    fn tables_are_aligned_and_without_trailing_blanks() {
        let text =
            table(["queue", "dead"], [["ingest".to_owned(), "0".to_owned()], ["pimcore".to_owned(), "12".to_owned()]]);
        assert_eq!(text, "QUEUE    DEAD\ningest   0\npimcore  12");
    }

    #[test]
    fn a_long_or_wild_text_stays_on_its_line() {
        assert_eq!(short("ab\ncd", 10), "ab cd");
        assert_eq!(short("قميص", 2), "قم…");
    }
}
