//! The rows of a sheet, one after another.

use std::collections::HashMap;
use std::io::Read;

use super::cell::{self, NOT_COMPUTED, number, place, unescaped};
use super::package::Package;
use super::part::{Next, Part, Tag};
use super::strings::Strings;
use super::styles::Styles;
use super::{COLUMNS, Fault, ROW_BYTES};

/// Rows of a sheet; Excel has as many.
const ROWS: u32 = 1_048_576;
/// Cells of a row; Excel has as many columns.
const CELLS: usize = 16_384;
/// Areas of merged cells.
const MERGED: usize = 200_000;
/// Bytes of a sheet after decompression.
const SHEET_BYTES: u64 = 512 << 20;

#[derive(Debug, Clone)]
enum Cell {
    Shared(u32),
    Own(String),
}

impl Cell {
    /// Bytes that it holds itself.
    fn bytes(&self) -> usize {
        if let Self::Own(text) = self { text.len() } else { 0 }
    }
}

/// A sheet that is read.
#[derive(Debug)]
pub(super) struct Sheet {
    part: Part,
    styles: Styles,
    since_1904: bool,
    /// The number of the row that is read, from 1.
    number: u32,
    /// Its cells by column, without those that are blank.
    cells: Vec<(u32, Cell)>,
    bytes: usize,
    /// Merged cells: from column and first row to the last one.
    merged: HashMap<(u32, u32), u32>,
    /// What is merged into the rows that follow: by column the last row, and what stands there.
    down: HashMap<u32, (u32, Cell)>,
    /// The last row was read.
    ended: bool,
}

impl Sheet {
    pub(super) fn open(package: &Package, path: &str, styles: Styles, since_1904: bool) -> Result<Self, Fault> {
        let missing = || Fault::corrupt(format!("the workbook lacks {path}"));
        // Read once as a whole: what is damaged is found before anything of it counts, and merged
        // cells are named behind the rows.
        let merged = merged(package.unpacked(path)?.ok_or_else(missing)?)?;
        let part = package.part(path, SHEET_BYTES)?.ok_or_else(missing)?;
        let (cells, down) = (Vec::new(), HashMap::new());
        Ok(Self { part, styles, since_1904, number: 0, cells, bytes: 0, merged, down, ended: false })
    }

    /// The cells of the row that was read.
    pub(super) fn row(&self) -> &[(u32, impl std::fmt::Debug)] {
        &self.cells
    }

    /// What a cell of it shows.
    pub(super) fn text<'t>(&'t self, column: u32, strings: &'t Strings) -> &'t str {
        let found = self.cells.binary_search_by_key(&column, |(column, _)| *column);
        match found.ok().map(|at| &self.cells[at].1) {
            None => "",
            Some(Cell::Own(text)) => text,
            Some(Cell::Shared(number)) => strings.get(*number).unwrap_or_default(),
        }
    }

    /// Reads the next row, and gives its number.
    pub(super) fn next_row(&mut self, strings: &Strings) -> Result<Option<u32>, Fault> {
        while !self.ended {
            match self.part.next()? {
                None => return Err(Fault::new(feeds::Reason::Truncated, "the sheet is cut off")),
                Some(Next::End(name)) if name == "sheetData" => self.ended = true,
                Some(Next::Tag(tag)) if tag.name == "row" => {
                    let said = tag.get("r").and_then(|number| number.parse().ok());
                    self.number = said.unwrap_or_else(|| self.number.saturating_add(1));
                    if self.number > ROWS {
                        return Err(Fault::too_much(format!("the sheet has more than {ROWS} rows")));
                    }
                    self.read_row(strings)?;
                    return Ok(Some(self.number));
                }
                Some(_) => {}
            }
        }
        Ok(None)
    }

    fn read_row(&mut self, strings: &Strings) -> Result<(), Fault> {
        self.cells.clear();
        self.bytes = 0;
        let mut column = 0;
        loop {
            match self.part.next()? {
                None => return Err(Fault::new(feeds::Reason::Truncated, "the sheet is cut off")),
                Some(Next::End(name)) if name == "row" => break,
                Some(Next::Tag(tag)) if tag.name == "c" => {
                    column = tag.get("r").and_then(place).map_or(column, |(column, _)| column);
                    let cell = self.read_cell(&tag, strings)?;
                    if let Some(cell) = cell.filter(|_| self.cells.len() < CELLS && self.bytes <= ROW_BYTES) {
                        self.bytes += cell.bytes();
                        self.cells.push((column, cell));
                    }
                    column = column.saturating_add(1);
                }
                Some(_) => {}
            }
        }
        if !self.cells.is_sorted_by(|one, other| one.0 < other.0) {
            self.cells.sort_by_key(|(column, _)| *column);
            self.cells.dedup_by_key(|(column, _)| *column);
        }
        self.fill_down()
    }

    /// A value that is merged over several rows stands in each of them.
    fn fill_down(&mut self) -> Result<(), Fault> {
        if self.merged.is_empty() || self.cells.is_empty() {
            return Ok(());
        }
        let within = |column: &u32| usize::try_from(*column).is_ok_and(|column| column < COLUMNS);
        let number = self.number;
        self.down.retain(|_, (last, _)| *last >= number);
        let begin: Vec<(u32, u32, Cell)> = self
            .cells
            .iter()
            .filter(|(column, _)| within(column))
            .filter_map(|(column, cell)| Some((*column, *self.merged.get(&(*column, number))?, cell.clone())))
            .collect();
        let own = self.cells.len();
        for (column, (_, cell)) in &self.down {
            if self.cells[..own].binary_search_by_key(column, |(column, _)| *column).is_err() {
                self.cells.push((*column, cell.clone()));
            }
        }
        if self.cells.len() > own {
            self.cells.sort_by_key(|(column, _)| *column);
        }
        self.down.extend(begin.into_iter().map(|(column, last, cell)| (column, (last, cell))));
        let held: usize = self.down.values().map(|(_, cell)| cell.bytes()).sum();
        if held > ROW_BYTES {
            let message = format!("the sheet's merged cells hold more than {} MiB of text", ROW_BYTES >> 20);
            return Err(Fault::too_much(message));
        }
        Ok(())
    }

    /// What a cell holds, up to its end.
    fn read_cell(&mut self, tag: &Tag, strings: &Strings) -> Result<Option<Cell>, Fault> {
        let (kind, shown) = (tag.get("t").unwrap_or("n").to_owned(), self.styles.get(tag.get("s")));
        let (mut value, mut inline) = (String::new(), String::new());
        let (mut formula, mut phonetic) = (false, 0_u32);
        let mut within = "";
        loop {
            match self.part.next()? {
                None => return Err(Fault::new(feeds::Reason::Truncated, "the sheet is cut off")),
                Some(Next::Tag(tag)) => match &*tag.name {
                    "v" => within = "v",
                    "t" if phonetic == 0 => within = "t",
                    "rPh" => phonetic += 1,
                    "f" => formula = true,
                    _ => {}
                },
                Some(Next::End(name)) => match &*name {
                    "c" => break,
                    "rPh" => phonetic = phonetic.saturating_sub(1),
                    "v" | "t" => within = "",
                    _ => {}
                },
                Some(Next::Text(text)) => {
                    let target = match within {
                        "v" => &mut value,
                        "t" => &mut inline,
                        _ => continue,
                    };
                    if target.len() <= ROW_BYTES {
                        target.push_str(&text);
                    }
                }
            }
        }
        let text = match &*kind {
            "s" => return self.shared(value.trim(), strings),
            "inlineStr" => unescaped(&inline).into_owned(),
            "str" | "d" => unescaped(&value).into_owned(),
            "e" => cell::error(value.trim()),
            "b" => match value.trim() {
                "1" | "true" => "true".to_owned(),
                "0" | "false" => "false".to_owned(),
                other => other.to_owned(),
            },
            _ if value.trim().is_empty() => String::new(),
            _ => number(&value, shown, self.since_1904),
        };
        if text.trim().is_empty() {
            // The result of a formula may be an empty text; no result at all is something else.
            return Ok((formula && kind != "str").then(|| Cell::Own(NOT_COMPUTED.to_owned())));
        }
        Ok(Some(Cell::Own(text)))
    }

    /// A text that cells share.
    fn shared(&self, number: &str, strings: &Strings) -> Result<Option<Cell>, Fault> {
        if number.is_empty() {
            return Ok(None);
        }
        let found = number.parse().ok().and_then(|number| Some((number, strings.get(number)?)));
        let Some((number, text)) = found else {
            let message = format!("row {} names a text that the workbook does not have", self.number);
            return Err(Fault::corrupt(message));
        };
        Ok((!text.trim().is_empty()).then_some(Cell::Shared(number)))
    }
}

/// The areas of merged cells that reach over several rows: from their column and first row to the
/// last.
fn merged(mut bytes: impl Read) -> Result<HashMap<(u32, u32), u32>, Fault> {
    const TAG: &[u8] = b"mergeCell ";
    /// Longer than such a tag is.
    const LONGEST: usize = 256;
    let mut areas = HashMap::new();
    let (mut window, mut total) = (Vec::new(), 0_u64);
    let mut piece = vec![0; 64 << 10];
    loop {
        let read =
            bytes.read(&mut piece).map_err(|error| Fault::corrupt(format!("the workbook is damaged: {error}")))?;
        total += read as u64;
        if total > SHEET_BYTES {
            return Err(Fault::too_much(format!("the sheet unfolds to more than {} MiB", SHEET_BYTES >> 20)));
        }
        window.extend_from_slice(&piece[..read]);
        // A tag at the end of the window is looked at when more of it is there.
        let settled = if read == 0 { window.len() } else { window.len().saturating_sub(LONGEST) };
        let mut at = 0;
        while let Some(found) = memchr::memmem::find(&window[at..], TAG).filter(|found| at + found < settled) {
            let begin = at + found + TAG.len();
            let rest = &window[begin..window.len().min(begin + LONGEST)];
            let tag = rest.split(|byte| *byte == b'>').next().unwrap_or_default();
            if let Some((column, first, last)) = std::str::from_utf8(tag).ok().and_then(area)
                && last > first
            {
                areas.insert((column, first), last);
                if areas.len() > MERGED {
                    return Err(Fault::too_much(format!("the sheet has more than {MERGED} areas of merged cells")));
                }
            }
            at = begin;
        }
        if read == 0 {
            return Ok(areas);
        }
        window.drain(..settled.max(at).min(window.len()));
    }
}

/// `ref="A2:B5"` as column, first and last row.
fn area(tag: &str) -> Option<(u32, u32, u32)> {
    let (_, behind) = tag.split_once("ref=")?;
    let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (from, to) = behind[1..].split(quote).next()?.split_once(':')?;
    let ((column, first), (_, last)) = (cell::place(from)?, cell::place(to)?);
    Some((column, first?, last?))
}
