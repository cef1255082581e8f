//! From a record to borrowed structs, with the place of what is wrong.

use serde::Deserialize;

use crate::{Defect, Reason, fast};

/// Parses a record of which little is needed: what is not needed is passed over, not validated.
pub(super) fn sparse<'r, T: Deserialize<'r>>(text: &'r str) -> Result<T, Defect> {
    fast::from_str(text).or_else(|_| record(text))
}

/// Parses a record. The path of a defect costs a second parse, which only records with a defect pay.
pub(super) fn record<'r, T: Deserialize<'r>>(record: &'r str) -> Result<T, Defect> {
    serde_json::from_str(record).map_err(|error| {
        let mut defect = defect(record, &error);
        let mut again = serde_json::Deserializer::from_str(record);
        if let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut again) {
            let path = error.path().to_string();
            if path != "." {
                defect = defect.path(format!("$.{path}"));
            }
        }
        defect
    })
}

/// What a parser's error means.
fn defect(record: &str, error: &serde_json::Error) -> Defect {
    let text = error.to_string();
    // The position is given as an offset of its own.
    let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
    let at = offset(record, error.line(), error.column());
    let reason = if message.contains("recursion limit") {
        Reason::RecordTooDeep
    } else if error.is_syntax() || error.is_eof() {
        Reason::MalformedJson
    } else if message.starts_with("duplicate field") {
        Reason::DuplicateKey
    } else if message.starts_with("unknown field") {
        Reason::UnknownField
    } else if message.starts_with("missing field") {
        Reason::MissingField
    } else {
        Reason::InvalidType
    };
    let begin = (0..=at.saturating_sub(20)).rev().find(|at| record.is_char_boundary(*at)).unwrap_or(0);
    let message = match reason {
        Reason::MalformedJson if !record.trim_start().starts_with(['{', '[']) => {
            format!("the record is not JSON: {message}")
        }
        Reason::MalformedJson => format!("the record is not well-formed JSON: {message}"),
        _ => message,
    };
    let defect = Defect::new(reason, message).at(at);
    if reason == Reason::MalformedJson { defect.value(excerpt(&record[begin..])) } else { defect }
}

fn excerpt(text: &str) -> &str {
    text.char_indices().nth(60).map_or(text, |(end, _)| &text[..end])
}

/// Line and column, both from 1, as bytes from the beginning.
fn offset(record: &str, line: usize, column: usize) -> usize {
    let before: usize = record.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(record.len())
}
