//! CSV rows as records: of each row only the cells that the mapping reads are kept.

use std::cmp::Ordering;
use std::sync::Arc;

use catalog::Line;
use expr::Value;
use feeds::split::Row;
use feeds::{Defect, Reason};

use crate::json;
use crate::mapping::{Mapping, Type};
use crate::plain::Plain;
use crate::record::{Names, Record};
use crate::xlsx::failed;

/// Columns of a feed without a header: they are called by their numbers.
pub(crate) const NUMBERED: usize = 512;

/// Reads the rows below one header.
#[derive(Debug)]
pub(crate) struct Rows {
    row: Row,
    columns: usize,
    /// The cells that are kept: number of the column, whether it holds JSON, name.
    kept: Vec<(usize, bool, String)>,
    names: Arc<Names>,
    /// Each column that repeats the name of an earlier one that is kept.
    again: Vec<(usize, usize)>,
    /// Whether formulas may have failed.
    workbook: bool,
    /// Texts that mean: not given.
    blank: Vec<String>,
    plain: Option<Plain>,
}

impl Rows {
    /// Whether the header has a column, of those that the mapping reads.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.kept.iter().any(|(.., name)| name == column)
    }

    /// For the rows below `header`.
    ///
    /// # Errors
    /// The columns that the mapping needs and the header lacks.
    pub(crate) fn below(header: &str, mapping: &Mapping, needed: &[&str]) -> Result<Self, String> {
        let mut row = match mapping.form.delimiter {
            Some(delimiter) => Row::separated_by(delimiter),
            None => Row::below(header),
        };
        row.read(header);
        let columns: Vec<String> = (0..row.len())
            .map(|column| row.get(column).unwrap_or_default().trim().trim_start_matches('\u{feff}').to_owned())
            .collect();
        let missing: Vec<&str> =
            needed.iter().filter(|name| !columns.iter().any(|column| column == *name)).copied().collect();
        if !missing.is_empty() {
            let near = |name: &&str| {
                let near = expr::nearest(name, columns.iter().map(String::as_str));
                near.map_or_else(|| format!("{name:?}"), |near| format!("{name:?} (did you mean {near:?}?)"))
            };
            let lacking: Vec<String> = missing.iter().map(near).collect();
            return Err(format!("the first line lacks columns that {} needs: {}", mapping.file, lacking.join(", ")));
        }
        let reads = |name: &str| mapping.reads.contains_key(name) || mapping.names.contains(&expr::identifier(name));
        let mut kept: Vec<(usize, bool, String)> = Vec::new();
        let mut again = Vec::new();
        for (number, name) in columns.iter().enumerate() {
            if name.is_empty() || !reads(name) {
                continue;
            }
            match kept.iter().find(|(_, _, known)| known == name) {
                Some((first, ..)) => again.push((number, *first)),
                None => kept.push((number, mapping.form.json.contains(name), name.clone())),
            }
        }
        let plain = Plain::of(mapping, row.separator(), &columns);
        let names = Arc::new(Names::new(kept.iter().map(|(_, _, name)| name.clone())));
        let columns = if mapping.form.header { columns.len() } else { 0 };
        let workbook = mapping.form.kind == Type::Xlsx;
        Ok(Self { row, columns, kept, names, again, workbook, blank: mapping.form.blank.clone(), plain })
    }

    /// What a row of a declared part says, if that can be told without looking.
    pub(crate) fn plain(&self, row: &[u8]) -> Option<Line> {
        self.plain.as_ref()?.read(row)
    }

    /// One row.
    pub(crate) fn read(&mut self, text: &str) -> Result<Record, Defect> {
        self.row.read(text);
        if self.columns > 0 {
            self.row.expect_len(self.columns)?;
        }
        for (column, first) in &self.again {
            let (one, other) = (self.row.get(*first).map(str::trim), self.row.get(*column).map(str::trim));
            if one != other {
                let name = self.kept.iter().find(|(number, ..)| number == first).map_or("", |(_, _, name)| name);
                let message = format!("the column {name:?} stands twice in the header, and here with two values");
                let values = format!("{} / {}", one.unwrap_or_default(), other.unwrap_or_default());
                return Err(Defect::new(Reason::DuplicateKey, message).path(format!("$.{name}")).value(&values));
            }
        }
        let cell = |(number, holds_json, name): &(usize, bool, String)| match self.row.get(*number) {
            None => Ok(Value::None),
            Some(cell) if *holds_json => {
                if cell.trim().is_empty() {
                    return Ok(Value::None);
                }
                json::read(cell, &|_| true).map_err(|mut defect| {
                    defect.message = format!("the cell holds no JSON: {}", defect.message);
                    defect.at = None;
                    defect.path(format!("$.{name}"))
                })
            }
            Some(cell) => match self.workbook.then(|| failed(cell.trim())).flatten() {
                Some(why) if !self.blank.iter().any(|blank| blank == cell.trim()) => {
                    Err(Defect::new(Reason::SourceError, why).path(format!("$.{name}")).value(cell))
                }
                _ => Ok(Value::Text(cell.to_owned())),
            },
        };
        let cells = self.kept.iter().map(cell).collect::<Result<_, _>>()?;
        Ok(Record::Cells(Arc::clone(&self.names), cells))
    }

    /// What a row that is refused says, as far as its cells are certain to stand below their names:
    /// of one with too few, or that may be `cut` off, all but the last; of one with too many, in
    /// which a separator was not quoted somewhere, the first.
    pub(crate) fn what_is_there(&mut self, text: &str, cut: bool) -> Record {
        self.row.read(text);
        let whole = match self.row.len().cmp(&self.columns) {
            Ordering::Equal => self.row.len(),
            Ordering::Greater if self.columns > 0 => 1,
            Ordering::Greater if !cut => self.row.len(),
            Ordering::Greater | Ordering::Less => self.row.len().saturating_sub(1),
        };
        let cell = |(number, holds_json, _): &(usize, bool, String)| {
            let twice = self.again.iter().any(|(_, first)| first == number);
            match self.row.get(*number).filter(|_| *number < whole && !twice) {
                Some(cell) if *holds_json => json::read(cell, &|_| true).unwrap_or(Value::None),
                Some(cell) => Value::Text(cell.to_owned()),
                None => Value::None,
            }
        };
        Record::Cells(Arc::clone(&self.names), self.kept.iter().map(cell).collect())
    }
}
