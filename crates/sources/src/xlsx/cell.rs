//! What a cell shows.

use std::borrow::Cow;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::styles::Shown;

/// Digits of a number that count. Excel shows as many, and computes with two more:
/// 19.990000000000002 is 19.99.
const DIGITS: u32 = 15;
/// The last day of the year 9999.
const LAST_DAY: i64 = 2_958_465;
/// Days from 1899-12-30, which is Excel's day 0, to 1970-01-01.
const TO_1970: i64 = 25_569;
/// Days between the beginnings of the two calendars that Excel has.
const TO_1904: i64 = 1_462;

/// The text of a number, as it is written in the file.
pub(super) fn number(written: &str, shown: Shown, since_1904: bool) -> String {
    let written = written.trim();
    // Digits alone are a number or an id of somebody's own, and lose nothing.
    if shown == Shown::Plain && !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = written.trim_start_matches('0');
        return if digits.is_empty() { "0" } else { digits }.to_owned();
    }
    let parsed = Decimal::from_str_exact(written).or_else(|_| Decimal::from_scientific(written));
    // What no decimal holds stays as it is, and fails where a number is needed.
    let Ok(parsed) = parsed else { return rounded_text(written) };
    let value = parsed.round_sf(DIGITS).unwrap_or(parsed).normalize();
    match shown {
        Shown::Date => date(value, since_1904).unwrap_or_else(|| value.to_string()),
        Shown::Padded(digits) if value.is_integer() && !value.is_sign_negative() => {
            format!("{:0>digits$}", value.to_string())
        }
        Shown::Plain | Shown::Padded(_) => unmistakable(value),
    }
}

/// A number whose point is before its decimals for every reader: three digits behind a point may
/// also be thousands, four may not.
fn unmistakable(value: Decimal) -> String {
    let like_thousands = value.scale() == 3 && (Decimal::ONE..Decimal::ONE_THOUSAND).contains(&value.abs());
    if like_thousands { format!("{value}0") } else { value.to_string() }
}

/// A number with more digits than a decimal has, such as those of a program that writes all of a
/// binary fraction.
fn rounded_text(written: &str) -> String {
    let plain = written.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    let cut: String = written.chars().take(28).collect();
    match Decimal::from_str_exact(&cut) {
        Ok(value) if plain && cut.contains('.') => value.round_sf(DIGITS).unwrap_or(value).normalize().to_string(),
        _ => written.to_owned(),
    }
}

/// A day, with its time where it has one; a time alone.
fn date(value: Decimal, since_1904: bool) -> Option<String> {
    let day = value.trunc().to_i64()?;
    let seconds = ((value - value.trunc()) * Decimal::from(86_400)).round().to_i64()?;
    let (day, seconds) = if seconds >= 86_400 { (day + 1, 0) } else { (day, seconds) };
    let time = || format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if day == 0 && !since_1904 {
        return Some(time());
    }
    let day = if since_1904 { day + TO_1904 } else { day };
    if !(1..=LAST_DAY).contains(&day) {
        return None;
    }
    // Excel has a 29 February 1900, as day 60.
    let day = if day < 60 { day + 1 } else { day };
    let (year, month, day) = civil(day - TO_1970);
    let date = format!("{year:04}-{month:02}-{day:02}");
    Some(if seconds == 0 { date } else { format!("{date}T{}", time()) })
}

/// Year, month and day of a number of days since 1970-01-01.
const fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + (month <= 2) as i64, month, day)
}

/// Excel writes characters that XML has no place for as `_x000D_`.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains("_x") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 6).filter(|_| rest.as_bytes().get(at + 6) == Some(&b'_'));
        let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32) {
            Some(character) => {
                out.push(character);
                rest = &rest[at + 7..];
            }
            None => {
                out.push_str("_x");
                rest = &rest[at + 2..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The number of a column from letters such as AB, from 0, and that of the row, from 1.
pub(super) fn place(reference: &str) -> Option<(u32, Option<u32>)> {
    let letters = reference.bytes().take_while(u8::is_ascii_alphabetic).count();
    if !(1..=3).contains(&letters) {
        return None;
    }
    let (column, row) = reference.split_at(letters);
    let number =
        column.bytes().fold(0_u32, |number, letter| number * 26 + u32::from(letter.to_ascii_uppercase() - b'A') + 1);
    Some((number - 1, row.parse().ok()))
}

/// What stands in a cell whose formula gave nothing that could be shown, or has not been computed.
pub(crate) fn failed(text: &str) -> Option<&'static str> {
    match text {
        NOT_COMPUTED => Some("the cell's formula has no result; open the workbook in Excel and save it"),
        "#N/A" | "#REF!" | "#DIV/0!" | "#VALUE!" | "#NAME?" | "#NUM!" | "#NULL!" | "#SPILL!" | "#CALC!" | "#FIELD!"
        | "#GETTING_DATA" | "#BLOCKED!" | "#CONNECT!" => Some("the cell shows an error of Excel's instead of a value"),
        _ => None,
    }
}

/// The text of a cell of the kind "error": one that is known to say so, whatever program wrote it.
pub(super) fn error(text: &str) -> String {
    if failed(text).is_some() { text.to_owned() } else { "#VALUE!".to_owned() }
}

/// The text of a formula without a result.
pub(super) const NOT_COMPUTED: &str = "#NOT_COMPUTED!";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_excel_shows() {
        for (written, text) in [
            ("19.990000000000002", "19.99"),
            ("0.30000000000000004", "0.3"),
            ("1.58095E3", "1580.95"),
            ("4006381333931", "4006381333931"),
            ("4.006381333931E12", "4006381333931"),
            ("1234567890123457", "1234567890123457"),
            ("007", "7"),
            ("850.625", "850.6250"),
            ("-16.795", "-16.7950"),
            ("0.125", "0.125"),
            ("1000.125", "1000.125"),
            ("5", "5"),
            ("12.50", "12.5"),
            ("-3.1", "-3.1"),
            ("0", "0"),
            ("1e-7", "0.0000001"),
            ("19.989999999999998436805981327779591083526611328125", "19.99"),
            ("1e400", "1e400"),
            ("NaN", "NaN"),
        ] {
            assert_eq!(number(written, Shown::Plain, false), text, "{written}");
        }
        assert_eq!(number("12345", Shown::Padded(8), false), "00012345");
        assert_eq!(number("1.5", Shown::Padded(8), false), "1.5");
    }

    #[test]
    fn dates_are_written_so_that_text_order_is_theirs() {
        for (written, since_1904, text) in [
            ("46353", false, "2026-11-27"),
            ("46353.75", false, "2026-11-27T18:00:00"),
            ("44891", true, "2026-11-27"),
            ("1", false, "1900-01-01"),
            ("59", false, "1900-02-28"),
            ("61", false, "1900-03-01"),
            ("0.5", false, "12:00:00"),
            ("2958465", false, "9999-12-31"),
            ("2958466", false, "2958466"),
            ("-1", false, "-1"),
            ("45000.9999999999", false, "2023-03-16"),
        ] {
            assert_eq!(number(written, Shown::Date, since_1904), text, "{written}");
        }
    }

    #[test]
    fn references_and_escapes() {
        assert_eq!(place("A1"), Some((0, Some(1))));
        assert_eq!(place("XFD1048576"), Some((16_383, Some(1_048_576))));
        assert_eq!(place("AB"), Some((27, None)));
        assert_eq!(place("1"), None);
        assert_eq!(place("ABCD1"), None);
        assert_eq!(unescaped("a_x000A_b_x00"), "a\nb_x00");
        assert_eq!(unescaped("größe_xé_"), "größe_xé_");
        assert_eq!(unescaped("_xD800_"), "_xD800_");
    }
}
