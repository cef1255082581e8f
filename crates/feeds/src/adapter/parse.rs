//! From a record to borrowed structs, with the place of what is wrong.

use serde::Deserialize;

use crate::lenient::MALFORMED;
use crate::{Defect, Reason, fast};

/// Parses a record of which little is needed: what is not needed is passed over, not validated.
pub(super) fn sparse<'r, T: Deserialize<'r>>(text: &'r str) -> Result<T, Defect> {
    fast::from_str(text).or_else(|_| record(text))
}

/// Parses a record. The path of a defect costs a second parse, which only records with a defect
/// pay.
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
    let message = text.rsplit_once(" at line ").map_or(&*text, |(message, _)| message).to_owned();
    let at = offset(record, error.line(), error.column());
    let reason = if message.contains("recursion limit") {
        Reason::RecordTooDeep
    } else if error.is_syntax() || error.is_eof() || message.starts_with(MALFORMED) {
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
        _ => in_words(&message),
    };
    let defect = Defect::new(reason, message).at(at);
    if reason == Reason::MalformedJson { defect.value(excerpt(&record[begin..])) } else { defect }
}

/// What a parser says about a form, in words that speak of the document.
pub(super) fn in_words(message: &str) -> String {
    let quoted =
        |text: &str| text.strip_prefix('`').and_then(|rest| rest.split_once('`')).map(|(name, _)| name.to_owned());
    if let Some(rest) = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "))
        && let Some((found, expected)) = rest.rsplit_once(", expected ")
    {
        let found = match found.split_once(' ') {
            _ if found == "sequence" => "a list".to_owned(),
            _ if found == "list of several" => "a list of several".to_owned(),
            _ if found == "map" => "an object".to_owned(),
            _ if found == "null" || found == "unit value" => "null".to_owned(),
            Some(("string", text)) => format!("the text {text}"),
            Some(("integer" | "boolean", value)) => value.trim_matches('`').to_owned(),
            Some(("floating", value)) => value.trim_start_matches("point ").trim_matches('`').to_owned(),
            _ => found.to_owned(),
        };
        return format!("{expected} is expected here, and here is {found}");
    }
    if let Some(name) = message.strip_prefix("missing field ").and_then(quoted) {
        return format!("there is no {name:?} here");
    }
    if let Some(name) = message.strip_prefix("duplicate field ").and_then(quoted) {
        return format!("{name:?} stands twice in one object; nobody can tell which one counts");
    }
    if let Some(rest) = message.strip_prefix("unknown field ")
        && let Some(name) = quoted(rest)
    {
        let known = rest.split_once(", expected ").map_or("", |(_, known)| known.trim_start_matches("one of "));
        return format!("{name:?} is not known here; what is: {}", known.replace('`', ""));
    }
    message.to_owned()
}

fn excerpt(text: &str) -> &str {
    text.char_indices().nth(60).map_or(text, |(end, _)| &text[..end])
}

/// Line and column, both from 1, as bytes from the beginning.
fn offset(record: &str, line: usize, column: usize) -> usize {
    let before: usize = record.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(record.len())
}
