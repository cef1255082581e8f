//! Looks at the beginning of a feed.

use std::collections::{BTreeMap, HashSet};

use expr::Value;
use feeds::Limits;
use feeds::decode::{Compression, Decoder};
use feeds::split::{Piece, Row};

use crate::{json, record, xlsx, xml};

/// Records that are looked at.
const RECORDS: usize = 500;
/// Decoded bytes that are looked at.
const BYTES: usize = 16 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Csv,
    Json,
    Xml,
    Xlsx,
}

/// The beginning of a feed.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) shape: Shape,
    /// The path to the records, or their element.
    pub(super) records: String,
    pub(super) encoding: Option<&'static str>,
    pub(super) columns: Vec<String>,
    /// Of a workbook: the row with the names of the columns, where it is not the first.
    pub(super) header_row: Option<u32>,
    rows: Vec<BTreeMap<String, Value>>,
}

impl Sample {
    /// What stands in a column, where it stands.
    pub(super) fn values(&self, column: &str) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(move |row| match row.get(column) {
            Some(Value::Text(text)) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        })
    }

    fn texts(&self, column: &str) -> Vec<String> {
        self.rows.iter().filter_map(|row| row.get(column).and_then(record::text)).collect()
    }

    pub(super) fn repeats(&self, column: &str) -> bool {
        let texts = self.texts(column);
        let unique: HashSet<&String> = texts.iter().collect();
        unique.len() < texts.len()
    }

    /// Whether every record has a value in a column.
    pub(super) fn is_full(&self, column: &str) -> bool {
        self.texts(column).iter().filter(|text| !text.trim().is_empty()).count() == self.rows.len()
    }

    /// Whether records of equal values follow each other; `otherwise` is the column that counts
    /// where the first has none.
    pub(super) fn is_adjacent(&self, column: &str, otherwise: Option<&str>) -> bool {
        let text = |row: &BTreeMap<String, Value>, column: &str| {
            row.get(column).and_then(record::text).filter(|text| !text.trim().is_empty())
        };
        let key = |row| text(row, column).or_else(|| otherwise.and_then(|other| text(row, other)));
        let mut texts: Vec<String> = self.rows.iter().filter_map(key).collect();
        texts.dedup();
        let unique: HashSet<&String> = texts.iter().collect();
        unique.len() == texts.len()
    }

    pub(super) fn holds_json(&self, column: &str) -> bool {
        let mut any = false;
        for value in self.values(column).filter(|value| *value != "null") {
            if !value.starts_with(['[', '{']) || serde_json::from_str::<serde::de::IgnoredAny>(value).is_err() {
                return false;
            }
            any = true;
        }
        any
    }

    /// Words in a column of stocks of which nobody knows how many pieces they mean.
    pub(super) fn unknown_stocks(&self, column: &str) -> Vec<String> {
        let plain =
            |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        let mut words: Vec<String> = self
            .values(column)
            .filter(|text| !text.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
            .filter(|text| feeds::lenient::truth(text).is_none())
            .filter(|text| !matches!(&*plain(text), "instock" | "available" | "outofstock" | "soldout" | "unavailable"))
            .map(str::to_lowercase)
            .collect();
        words.sort();
        words.dedup();
        words.truncate(10);
        words
    }

    pub(super) fn has_decimal_commas(&self, column: &str) -> bool {
        let comma = |value: &str| {
            value
                .rsplit_once(',')
                .is_some_and(|(_, rest)| rest.trim_end_matches(|c: char| !c.is_ascii_digit()).len() == 2)
        };
        self.values(column).any(comma)
    }
}

pub(super) fn at(bytes: &[u8]) -> Result<Sample, String> {
    if bytes.starts_with(b"\xD0\xCF\x11\xE0") || xlsx::is_workbook(bytes) {
        return of_workbook(bytes);
    }
    let decoded = decoded(bytes)?;
    let (text, encoding) = match std::str::from_utf8(&decoded) {
        Ok(text) => (text.to_owned(), None),
        // The sample may end within a character.
        Err(error) if error.error_len().is_none() => {
            (String::from_utf8_lossy(&decoded[..error.valid_up_to()]).into_owned(), None)
        }
        Err(_) => (encoding_rs::WINDOWS_1252.decode(&decoded).0.into_owned(), Some("windows-1252")),
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let mut sample = match text.chars().next() {
        None => return Err("the file is empty".to_owned()),
        Some('<') => of_xml(text)?,
        Some('{' | '[') => of_json(text)?,
        Some(_) => of_csv(text),
    };
    sample.encoding = encoding;
    if sample.columns.is_empty() {
        return Err("nothing in the file looks like a record".to_owned());
    }
    Ok(sample)
}

fn decoded(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let Some(kind) = Compression::of(bytes, true).filter(|kind| *kind != Compression::None) else {
        return Ok(bytes[..bytes.len().min(BYTES)].to_vec());
    };
    let mut decoder = Decoder::new(kind, &Limits::default()).map_err(|error| error.to_string())?;
    let (mut all, mut output, mut rest) = (Vec::new(), Vec::new(), bytes);
    loop {
        let step = decoder.step(rest, &mut output).map_err(|error| error.to_string())?;
        all.extend_from_slice(&output);
        rest = &rest[step.read..];
        if all.len() >= BYTES || (!step.full && (rest.is_empty() || step.read == 0)) {
            return Ok(all);
        }
    }
}

fn of_csv(text: &str) -> Sample {
    let header = text.lines().next().unwrap_or_default();
    let mut row = Row::below(header);
    row.read(header);
    let columns: Vec<String> = (0..row.len()).filter_map(|at| row.get(at).map(|name| name.trim().to_owned())).collect();
    let mut rows = Vec::new();
    let mut rest = &text[header.len().min(text.len())..];
    while rows.len() < RECORDS {
        rest = rest.trim_start_matches(['\r', '\n']);
        let Some(end) = end_of_record(rest) else { break };
        row.read(&rest[..end]);
        if row.len() == columns.len() {
            let cell = |at: usize| Value::Text(row.get(at).unwrap_or_default().to_owned());
            rows.push(columns.iter().enumerate().map(|(at, name)| (name.clone(), cell(at))).collect());
        }
        rest = &rest[end..];
    }
    let mut seen = HashSet::new();
    let columns = columns.into_iter().filter(|column| !column.is_empty() && seen.insert(column.clone())).collect();
    Sample { shape: Shape::Csv, records: String::new(), encoding: None, columns, header_row: None, rows }
}

fn of_workbook(bytes: &[u8]) -> Result<Sample, String> {
    let (csv, header_row) = xlsx::beginning(bytes, RECORDS).map_err(|fault| fault.message)?;
    let sample = of_csv(&csv);
    if sample.columns.is_empty() {
        return Err("nothing in the first sheet looks like a record".to_owned());
    }
    Ok(Sample { shape: Shape::Xlsx, header_row, ..sample })
}

/// Where a row ends; quotes that are doubled open and close again.
fn end_of_record(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => return Some(at),
            _ => {}
        }
    }
    (!text.is_empty() && !quoted).then_some(text.len())
}

fn of_json(text: &str) -> Result<Sample, String> {
    let first = text.lines().next().unwrap_or_default();
    let lines = text.starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(first.trim()).is_ok()
        && text.lines().count() > 1;
    let (records, items) = if lines {
        let items = text.lines().take(RECORDS).filter_map(|line| json::read(line.trim(), &|_| true).ok()).collect();
        (String::new(), items)
    } else {
        let document = json::read(text.trim_end(), &|_| true);
        let document = document.map_err(|_| "the JSON is not whole: drafting needs the whole document".to_owned())?;
        let mut best: Option<(String, Vec<Value>)> = None;
        lists(&document, "", 0, &mut best);
        match best {
            Some(found) => found,
            None if matches!(document, Value::Object(_)) => (String::new(), vec![document]),
            None => return Err("there is no list of objects in the document".to_owned()),
        }
    };
    Ok(of_objects(Shape::Json, records, items))
}

/// The first list of objects, from outside in.
fn lists(value: &Value, path: &str, depth: usize, best: &mut Option<(String, Vec<Value>)>) {
    let is_object = |item: &Value| matches!(item, Value::Object(_));
    match value {
        Value::List(items) if best.is_none() && !items.is_empty() && items.iter().all(is_object) => {
            *best = Some((path.to_owned(), items.iter().take(RECORDS).cloned().collect()));
        }
        Value::Object(entries) if depth < 6 => {
            for (key, value) in entries {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                lists(value, &inner, depth + 1, best);
            }
        }
        _ => {}
    }
}

fn of_objects(shape: Shape, records: String, items: Vec<Value>) -> Sample {
    let rows: Vec<BTreeMap<String, Value>> = items
        .into_iter()
        .filter_map(|item| if let Value::Object(entries) = item { Some(entries) } else { None })
        .collect();
    let mut columns: Vec<String> = Vec::new();
    for key in rows.iter().flat_map(BTreeMap::keys) {
        if !columns.contains(key) {
            columns.push(key.clone());
        }
    }
    Sample { shape, records, encoding: None, columns, header_row: None, rows }
}

fn of_xml(text: &str) -> Result<Sample, String> {
    const USUAL: [&str; 8] = ["item", "entry", "product", "Product", "offer", "article", "record", "row"];
    let mut names: Vec<&str> = Vec::new();
    for part in text.split('<').skip(1) {
        let name = part.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next().unwrap_or_default();
        if name.starts_with(|c: char| c.is_alphabetic()) && !names.contains(&name) {
            names.push(name);
        }
    }
    let usual = USUAL.iter().find(|name| names.contains(*name)).copied();
    let repeated = || {
        let again =
            |name: &&&str| text.matches(&format!("<{name}>")).count() + text.matches(&format!("<{name} ")).count() > 1;
        names.iter().find(again).copied()
    };
    let element = usual.or_else(repeated).ok_or("no element of the document repeats")?;
    let mut splitter = xml::Splitter::resume(element, 0, 0, Limits::default());
    let mut items = Vec::new();
    let mut sink = |piece: Piece<'_>| {
        if items.len() < RECORDS {
            items.extend(std::str::from_utf8(piece.bytes).ok().and_then(|text| xml::read(text).ok()));
        }
    };
    // A sample may end anywhere.
    let _ = splitter.push(text.as_bytes(), &mut sink);
    Ok(of_objects(Shape::Xml, element.to_owned(), items))
}
