//! Lines of a declared part whose mapping only names columns, and whose cells need no looking at:
//! read from the bytes, without a record, a scope, a product to check. What is not plain goes the
//! long way, by which both say the same (tests).

use std::collections::{BTreeMap, BTreeSet};

use catalog::line::{Field as Owned, Said};
use catalog::{IdKind, Identifier, Line};
use feeds::money;
use rust_decimal::Decimal;

use crate::mapping::line::currency;
use crate::mapping::{Field, Mapping, PriceMap, Take, Type};

/// Digits of a plain number.
const DIGITS: usize = 9;
/// Bytes of a plain identifier.
const LONGEST: usize = 100;
/// Columns that are read.
const READ: usize = 6;

/// What is plain below one header.
#[derive(Debug)]
pub(crate) struct Plain {
    separator: u8,
    columns: usize,
    by: usize,
    kind: IdKind,
    says: Vec<(usize, Owned)>,
    blank: Vec<String>,
}

/// The column that a field is, and nothing besides.
fn column(field: &Field) -> Option<&str> {
    let Field { take: Take::Paths(paths), default: None, others: None, split: None, unit: None, table, .. } = field
    else {
        return None;
    };
    let [path] = &paths[..] else { return None };
    let whole = path.first().is_some_and(|name| name == path.text);
    (whole && table.is_empty() && !field.html_text && !field.whole_number).then_some(path.text.as_str())
}

impl Plain {
    /// Lines below a header with these columns, where the mapping is plain.
    pub(crate) fn of(mapping: &Mapping, separator: u8, columns: &[String]) -> Option<Self> {
        let line = mapping.line.as_ref()?;
        let form = &mapping.form;
        let alone = line.name.is_none() && line.description.is_none() && line.brand.is_none();
        let simple = form.kind == Type::Csv && form.header && form.json.is_empty() && mapping.group.is_none();
        if !alone || !simple || mapping.skip.is_some() || !mapping.reject.is_empty() || line.delete.is_some() {
            return None;
        }
        let at = |field: &Field| {
            let name = column(field)?;
            let mut found = columns.iter().enumerate().filter(|(_, column)| *column == name);
            let (at, _) = found.next()?;
            found.next().is_none().then_some(at)
        };
        let by = at(&line.by)?;
        let stock = line.stock.iter().map(|field| Some((at(field)?, Owned::Stock)));
        let prices = line.prices.iter().map(|price| Some((at(&price.amount)?, Owned::Price(cents(price)?))));
        let says = stock.chain(prices).collect::<Option<Vec<_>>>()?;
        let fields: BTreeSet<&Owned> = says.iter().map(|(_, field)| field).collect();
        let fits = !says.is_empty() && says.len() < READ && fields.len() == says.len();
        let blank = form.blank.clone();
        fits.then_some(Self { separator, columns: columns.len(), by, kind: line.kind, says, blank })
    }

    /// What a row says; `None` where it has to be looked at.
    pub(crate) fn read(&self, row: &[u8]) -> Option<Line> {
        let mut cells = [&row[..0]; READ];
        let (mut begin, mut number) = (0, 0);
        for (at, byte) in row.iter().chain([&self.separator]).enumerate() {
            if *byte == self.separator {
                let cell = row.get(begin..at)?;
                let wanted = self.says.iter().map(|(column, _)| column).chain([&self.by]);
                cells.iter_mut().zip(wanted).filter(|(_, column)| **column == number).for_each(|(one, _)| *one = cell);
                (begin, number) = (at + 1, number + 1);
            } else if *byte == b'"' || !(byte.is_ascii_graphic() || *byte == b' ') {
                return None;
            }
        }
        if number != self.columns {
            return None;
        }
        let (said, by) = (cells.get(..self.says.len())?, identifier(cells.get(self.says.len())?)?);
        let is_blank = |cell: &[u8]| self.blank.iter().any(|blank| blank.as_bytes() == cell);
        if is_blank(by.as_bytes()) || said.iter().any(|cell| is_blank(cell)) {
            return None;
        }
        let each = self.says.iter().zip(said).map(|((_, field), cell)| Some((field.clone(), meant(field, cell)?)));
        let says = each.collect::<Option<BTreeMap<_, _>>>()?;
        Some(Line { about: Identifier::new(self.kind, by).ok()?, says })
    }
}

/// The currency of a price whose amounts have two decimals behind a point.
fn cents(price: &PriceMap) -> Option<String> {
    let plain = price.list.is_none() && price.decimal.is_none() && price.country.is_none();
    let currency = currency(price).filter(|_| plain)?;
    let known = money::currency(&currency) == Some(currency.as_str());
    (known && money::minor_digits(&currency) == 2 && !money::whole_units(&currency)).then_some(currency)
}

fn meant(field: &Owned, cell: &[u8]) -> Option<Said> {
    match (field, cell) {
        (Owned::Stock, pieces) => Some(Said::Pieces(i32::try_from(number(pieces)?).ok()?)),
        (_, [whole @ .., b'.', tens, ones]) if !matches!(whole, [b'0', ..]) => {
            let (whole, cents) = (number(whole)?, number(&[*tens, *ones])?);
            Some(Said::Amount(Decimal::new(whole * 100 + cents, 2), None))
        }
        _ => None,
    }
}

fn number(cell: &[u8]) -> Option<i64> {
    if cell.is_empty() || cell.len() > DIGITS {
        return None;
    }
    cell.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

/// Letters, digits and what nobody writes by mistake. A number with an exponent is looked at.
fn identifier(cell: &[u8]) -> Option<&str> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    let rounded = cell.first()?.is_ascii_digit() && cell.iter().any(|byte| matches!(byte, b'e' | b'E'));
    let fits = cell.len() <= LONGEST && !rounded && cell.iter().all(plain);
    if fits { std::str::from_utf8(cell).ok() } else { None }
}
