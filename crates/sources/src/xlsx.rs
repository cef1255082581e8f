//! Excel workbooks (.xlsx): one sheet becomes the CSV that it would be saved as, and is read like
//! any other. So a workbook has every promise that CSV has, and a place in it is a byte of that
//! CSV.
//!
//! A workbook is a ZIP archive whose directory stands at its end: it is held in memory, and has to
//! be small. What it unfolds to is read as it streams by.

mod cell;
mod package;
mod part;
mod sheet;
mod strings;
mod styles;

use std::sync::Arc;

use feeds::{Broken, Reason};

pub(crate) use self::cell::failed;
use self::package::Package;
use self::part::{PART_BYTES, Part};
use self::sheet::Sheet;
use self::strings::Strings;
use self::styles::Styles;

/// Bytes of a workbook. Excel writes about 8 MB for 100,000 rows of twenty columns.
pub(crate) const WORKBOOK_BYTES: usize = 32 << 20;
/// Bytes of a sheet as CSV.
const TEXT_BYTES: u64 = 1 << 30;
/// Bytes of CSV that are handed out at once.
const AT_ONCE: usize = 64 << 10;
/// Bytes of the part that names the sheets, of those that say where parts are, and of the formats,
/// after decompression.
const BOOK_BYTES: u64 = 16 << 20;
const RELATIONS_BYTES: u64 = 2 << 20;
const STYLES_BYTES: u64 = 64 << 20;
/// Columns of a sheet.
const COLUMNS: usize = 1_000;
/// Sheets of a workbook.
const SHEETS: usize = 1_000;
/// Bytes of a row as CSV, above which the rest of it is left out: such a record is refused for its
/// size.
const ROW_BYTES: usize = 8 << 20;

/// Why a workbook cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Fault {
    fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    fn unknown(message: impl Into<String>) -> Self {
        Self::new(Reason::UnknownFormat, message)
    }

    fn corrupt(message: impl Into<String>) -> Self {
        Self::new(Reason::CorruptCompression, message)
    }

    fn too_much(message: impl Into<String>) -> Self {
        Self::new(Reason::TooMuchData, message)
    }

    pub(crate) fn broken(self) -> Broken {
        Broken { reason: self.reason, offset: 0, index: 0, message: self.message, excerpt: None }
    }
}

/// Which part of a workbook is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The sheet's name, or its number among those that are shown; otherwise the first of these.
    pub(crate) sheet: Option<String>,
    /// The row with the names of the columns; otherwise the first that is not empty.
    pub(crate) header_row: Option<u32>,
    /// Whether there is such a row.
    pub(crate) header: bool,
}

/// A workbook on its way in, and then its sheet on its way out.
#[derive(Debug)]
pub(crate) struct Workbook {
    chosen: Chosen,
    bytes: Vec<u8>,
    rows: Option<Rows>,
}

impl Workbook {
    pub(crate) const fn new(chosen: Chosen) -> Self {
        Self { chosen, bytes: Vec::new(), rows: None }
    }

    /// Takes some more of the object.
    pub(crate) fn hold(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.bytes.len() + bytes.len() > WORKBOOK_BYTES {
            let message = format!(
                "the workbook has more than {} MiB; save the sheet as CSV, which may have any size",
                WORKBOOK_BYTES >> 20
            );
            return Err(Fault::too_much(message));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The next rows as CSV; `false` when there are no more.
    pub(crate) fn next(&mut self, csv: &mut String) -> Result<bool, Fault> {
        if self.rows.is_none() {
            let bytes = std::mem::take(&mut self.bytes);
            if bytes.is_empty() {
                return Err(Fault::new(Reason::EmptyFeed, "the object has no bytes"));
            }
            self.rows = Some(Rows::open(bytes, &self.chosen)?);
        }
        match &mut self.rows {
            Some(rows) => rows.next(csv),
            None => Ok(false),
        }
    }
}

/// A sheet's rows on their way to CSV.
#[derive(Debug)]
struct Rows {
    sheet: Sheet,
    strings: Strings,
    chosen: Chosen,
    /// Columns of the header, once it was there.
    columns: Option<usize>,
    written: u64,
}

impl Rows {
    fn open(bytes: Vec<u8>, chosen: &Chosen) -> Result<Self, Fault> {
        let package = Package::open(Arc::new(bytes))?;
        let book = Book::read(&package)?;
        let path = book.sheet(chosen.sheet.as_deref())?;
        let strings = match package.part(&book.strings, PART_BYTES)? {
            Some(part) => Strings::read(part)?,
            None => Strings::default(),
        };
        let styles = match package.part(&book.styles, STYLES_BYTES)? {
            Some(part) => Styles::read(part)?,
            None => Styles::default(),
        };
        let sheet = Sheet::open(&package, path, styles, book.since_1904)?;
        Ok(Self { sheet, strings, chosen: chosen.clone(), columns: None, written: 0 })
    }

    fn next(&mut self, csv: &mut String) -> Result<bool, Fault> {
        let begin = csv.len();
        while csv.len() - begin < AT_ONCE {
            let Some(number) = self.sheet.next_row(&self.strings)? else {
                if self.columns.is_none() && self.chosen.header {
                    return Err(match self.chosen.header_row {
                        Some(row) => Fault::new(
                            Reason::CsvHeader,
                            format!("row {row} of the sheet is empty, and is to be its header"),
                        ),
                        None => Fault::new(Reason::EmptyFeed, "the sheet is empty"),
                    });
                }
                return Ok(csv.len() > begin);
            };
            let before = csv.len();
            self.write(number, csv)?;
            self.written += (csv.len() - before) as u64;
            if self.written > TEXT_BYTES {
                return Err(Fault::too_much(format!("the sheet has more than {} MiB of text", TEXT_BYTES >> 20)));
            }
        }
        Ok(true)
    }

    /// Writes the row that the sheet is at, if it counts.
    fn write(&mut self, number: u32, csv: &mut String) -> Result<(), Fault> {
        let row = self.sheet.row();
        if row.is_empty() {
            return Ok(());
        }
        let width = row.last().map_or(0, |(column, _)| *column as usize + 1);
        let columns = match self.columns {
            Some(columns) => columns,
            None if !self.chosen.header => width.min(COLUMNS),
            None => {
                if self.chosen.header_row.is_some_and(|row| number < row) {
                    return Ok(());
                }
                if let Some(wanted) = self.chosen.header_row
                    && number > wanted
                {
                    let message = format!("row {wanted} of the sheet is empty, and is to be its header");
                    return Err(Fault::new(Reason::CsvHeader, message));
                }
                if width > COLUMNS {
                    return Err(Fault::new(Reason::CsvHeader, format!("the sheet has more than {COLUMNS} columns")));
                }
                self.columns = Some(width);
                line(
                    width,
                    |column, cell| {
                        let text = self.sheet.text(column, &self.strings);
                        cell.push_str(&text.split_whitespace().collect::<Vec<_>>().join(" "));
                    },
                    csv,
                );
                return Ok(());
            }
        };
        line(columns, |column, cell| cell.push_str(self.sheet.text(column, &self.strings)), csv);
        Ok(())
    }
}

/// Writes a line of CSV. Its first cell is in quotes whatever it is, so that the line never begins
/// like something else.
fn line(columns: usize, mut text: impl FnMut(u32, &mut String), csv: &mut String) {
    let begin = csv.len();
    let mut cell = String::new();
    for column in 0..columns {
        if column > 0 {
            csv.push(',');
        }
        if csv.len() - begin > ROW_BYTES {
            continue;
        }
        cell.clear();
        text(u32::try_from(column).unwrap_or(u32::MAX), &mut cell);
        if column == 0 || cell.contains(['"', ',', '\n', '\r']) {
            csv.push('"');
            csv.push_str(&cell.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(&cell);
        }
    }
    csv.push('\n');
}

/// What a workbook says of itself.
#[derive(Debug, Default)]
struct Book {
    sheets: Vec<Tab>,
    /// The path of the texts that cells share, and that of the formats.
    strings: String,
    styles: String,
    since_1904: bool,
}

#[derive(Debug)]
struct Tab {
    name: String,
    relation: String,
    hidden: bool,
    path: Option<String>,
}

impl Book {
    fn read(package: &Package) -> Result<Self, Fault> {
        let mut workbook = "xl/workbook.xml".to_owned();
        if let Some(mut part) = package.part("_rels/.rels", RELATIONS_BYTES)? {
            while let Some(relation) = part.relation()? {
                if relation.kind.ends_with("/officeDocument") {
                    workbook = resolved("", &relation.target);
                }
            }
        }
        let (folder, file) = workbook.rsplit_once('/').map_or(("", &*workbook), |(folder, file)| (folder, file));
        let Some(part) = package.part(&workbook, BOOK_BYTES)? else {
            return Err(Fault::unknown("the archive holds no Excel workbook"));
        };
        // Where they are if nothing points to them.
        let (strings, styles) = (resolved(folder, "sharedStrings.xml"), resolved(folder, "styles.xml"));
        let mut book = Self { strings, styles, ..Self::default() };
        book.tabs(part)?;
        if let Some(mut part) = package.part(&resolved(folder, &format!("_rels/{file}.rels")), RELATIONS_BYTES)? {
            while let Some(relation) = part.relation()? {
                let path = resolved(folder, &relation.target);
                match relation.kind.rsplit('/').next() {
                    Some("worksheet") => {
                        for tab in book.sheets.iter_mut().filter(|tab| tab.relation == relation.id) {
                            tab.path = Some(path.clone());
                        }
                    }
                    Some("sharedStrings") => book.strings = path,
                    Some("styles") => book.styles = path,
                    _ => {}
                }
            }
        }
        Ok(book)
    }

    fn tabs(&mut self, mut part: Part) -> Result<(), Fault> {
        while let Some(tag) = part.tag()? {
            match &*tag.name {
                "workbookPr" => self.since_1904 = matches!(tag.get("date1904"), Some("1" | "true")),
                "sheet" if self.sheets.len() < SHEETS => self.sheets.push(Tab {
                    name: tag.get("name").unwrap_or_default().to_owned(),
                    relation: tag.get("id").unwrap_or_default().to_owned(),
                    hidden: matches!(tag.get("state"), Some("hidden" | "veryHidden")),
                    path: None,
                }),
                _ => {}
            }
        }
        Ok(())
    }

    /// The path of a sheet within the package.
    fn sheet(&self, wanted: Option<&str>) -> Result<&str, Fault> {
        let with_rows = || self.sheets.iter().filter(|tab| tab.path.is_some());
        let shown = |number: usize| with_rows().filter(|tab| !tab.hidden).nth(number);
        let found = match wanted {
            None => shown(0),
            Some(wanted) => with_rows()
                .find(|tab| tab.name == wanted)
                .or_else(|| with_rows().find(|tab| tab.name.trim().to_lowercase() == wanted.trim().to_lowercase()))
                .or_else(|| {
                    wanted.parse().ok().filter(|number: &usize| *number > 0).and_then(|number| shown(number - 1))
                }),
        };
        match found.and_then(|tab| tab.path.as_deref()) {
            Some(path) => Ok(path),
            None => {
                let names: Vec<String> = with_rows()
                    .take(20)
                    .map(|tab| format!("{:?}{}", tab.name, if tab.hidden { " (hidden)" } else { "" }))
                    .collect();
                let what =
                    wanted.map_or_else(|| "no sheet that is shown".to_owned(), |wanted| format!("no sheet {wanted:?}"));
                Err(Fault::unknown(format!("the workbook has {what}; its sheets: {}", names.join(", "))))
            }
        }
    }
}

/// The path that a relation of a part in `folder` leads to.
fn resolved(folder: &str, target: &str) -> String {
    let from = if target.starts_with('/') { "" } else { folder };
    let mut path: Vec<&str> = Vec::new();
    for step in from.split('/').chain(target.split('/')) {
        match step {
            "" | "." => {}
            ".." => drop(path.pop()),
            step => path.push(step),
        }
    }
    path.join("/")
}

/// Whether an archive is a workbook, so far as its directory tells.
pub(crate) fn is_workbook(bytes: &[u8]) -> bool {
    let package = bytes.starts_with(b"PK").then(|| Package::open(Arc::new(bytes.to_vec())));
    package.and_then(Result::ok).is_some_and(|package| package.has("[Content_Types].xml"))
}

/// The first rows of a sheet as CSV, for whoever looks at a workbook for the first time; and the
/// row with the names of the columns, where it is not the first.
pub(crate) fn beginning(bytes: &[u8], rows: usize) -> Result<(String, Option<u32>), Fault> {
    let mut all = Rows::open(bytes.to_vec(), &Chosen { header: false, ..Chosen::default() })?;
    // Titles and addresses stand above a table and are narrower than it.
    let mut widths: Vec<(u32, usize)> = Vec::new();
    while widths.len() < 30
        && let Some(number) = all.sheet.next_row(&all.strings)?
    {
        let filled =
            all.sheet.row().iter().filter(|(column, _)| !all.sheet.text(*column, &all.strings).trim().is_empty());
        let filled = filled.count();
        if filled > 0 {
            widths.push((number, filled));
        }
    }
    let widest = widths.iter().map(|(_, filled)| *filled).max().unwrap_or(0);
    let header = widths.iter().find(|(_, filled)| filled * 3 >= widest * 2).map(|(number, _)| *number);
    let header = header.filter(|number| widths.first().is_some_and(|(first, _)| first != number));
    let mut all = Rows::open(bytes.to_vec(), &Chosen { header: true, header_row: header, sheet: None })?;
    let mut csv = String::new();
    // Rows come many at once.
    while csv.lines().count() <= rows && all.next(&mut csv)? {}
    Ok((csv, header))
}
