//! Sources. An adapter turns one record of its source into a product, or says what is wrong with
//! it.
//!
//! A new source is a module here with a mapping and fixtures, and a line in [`ADAPTERS`];
//! `docs/feeds.md` walks through one.

mod canonical;
mod found_id;
mod layout;
pub(crate) mod made_sku;
mod parse;
mod shein_api;
mod shein_brightdata;

use std::borrow::Cow;

use catalog::{PartName, Product, ProductKey};

use crate::ids::{self, Ids};
use crate::quality::UNDETERMINED;
use crate::split::Row;
use crate::split::wrapped::places;
use crate::{Defect, Reason, text};

pub use layout::{Layout, nearest};

pub use canonical::Canonical;
pub use shein_api::SheinApi;
#[doc(hidden)]
pub use shein_api::plain_parse;
pub use shein_brightdata::{ASSUMED_STOCK, SheinBrightData};

/// Knows one source.
pub trait Adapter: std::fmt::Debug + Sync {
    /// The source's name: the second part of the object key `incoming/<source>/…`, and the
    /// product's `source`.
    fn source(&self) -> &'static str;

    /// Maps a record in JSON.
    fn json(&self, record: &str) -> Result<Product, Defect>;

    /// Maps a record in CSV; `columns` are the names in the header.
    fn csv(&self, _columns: &Columns, _row: &Row) -> Result<Product, Defect> {
        Err(Defect::new(Reason::NotJson, format!("{} feeds are JSON, not CSV", self.source())))
    }

    /// The columns without which a CSV feed is not this source's. Empty if the source does not send
    /// CSV.
    fn required_columns(&self) -> &'static [&'static str] {
        &[]
    }

    /// Keys of which a record of this source has at least one; without any it is something else
    /// altogether.
    fn marks(&self) -> &'static [&'static str];

    /// Whether an object with these keys is unmistakably a record of this source.
    fn recognises(&self, keys: &[Cow<'_, str>]) -> bool;

    /// Where a record in JSON keeps the product's id, as a JSON pointer.
    fn id_pointer(&self) -> &'static str;

    /// Whether the facts of its products follow from what was read of them before there were facts.
    /// Then a product that is known without them says nothing new.
    fn facts_follow(&self) -> bool {
        false
    }

    /// What the source says about its ids.
    fn ids(&self) -> Ids;

    /// The part that a record of it is, where several of them together say one product
    /// ([`catalog::parts`]). It follows from the product alone.
    fn part(&self, _product: &Product) -> Option<PartName> {
        None
    }
}

/// Every source there is.
pub static ADAPTERS: &[&dyn Adapter] = &[&SheinApi, &SheinBrightData, &Canonical];

#[must_use]
pub fn find(source: &str) -> Option<&'static dyn Adapter> {
    ADAPTERS.iter().find(|adapter| adapter.source() == source).copied()
}

/// The part that a product is, by its source.
#[must_use]
pub fn part_of(product: &Product) -> Option<PartName> {
    find(&product.source).and_then(|adapter| adapter.part(product))
}

/// The names in the header of a CSV feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    names: Vec<String>,
    /// Each column that repeats an earlier one's name, with that one.
    again: Vec<(usize, usize)>,
}

impl Columns {
    #[must_use]
    pub fn read(header: &str) -> Self {
        let mut row = Row::below(header);
        row.read(header);
        let names: Vec<String> =
            (0..row.len()).map(|field| row.get(field).unwrap_or_default().trim().to_owned()).collect();
        let earlier = |column: usize| names[..column].iter().position(|name| *name == names[column]);
        let again = (0..names.len()).filter_map(|column| Some((column, earlier(column)?))).collect();
        Self { names, again }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// How many columns of this name there are.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.names.iter().filter(|column| *column == name).count()
    }

    #[must_use]
    pub fn cell<'r>(&self, row: &'r Row, name: &str) -> Option<&'r str> {
        self.names.iter().position(|column| column == name).and_then(|field| row.get(field))
    }

    /// Refuses a row in which columns of one name, of those that are read, contradict each other.
    ///
    /// # Errors
    /// `duplicate_key`: nobody can tell which one counts.
    pub fn agree(&self, row: &Row, read: &[&str]) -> Result<(), Defect> {
        for (column, first) in &self.again {
            let (name, one, other) = (&self.names[*first], row.get(*first), row.get(*column));
            if read.contains(&&**name) && one.map(str::trim) != other.map(str::trim) {
                let message = format!("the column {name:?} stands twice in the header, and here with two values");
                let values = format!("{} / {}", one.unwrap_or_default(), other.unwrap_or_default());
                return Err(Defect::new(Reason::DuplicateKey, message).path(format!("$.{name}")).value(&values));
            }
        }
        Ok(())
    }

    /// The names as keys, to be recognised.
    #[must_use]
    pub fn keys(&self) -> Vec<Cow<'_, str>> {
        self.names.iter().map(|column| Cow::Borrowed(column.as_str())).collect()
    }
}

/// The source that a record is unmistakably of, if that is another one than `expected`.
pub(crate) fn other_source(expected: &dyn Adapter, keys: &[Cow<'_, str>]) -> Option<&'static str> {
    if expected.recognises(keys) {
        return None;
    }
    ADAPTERS
        .iter()
        .filter(|adapter| adapter.source() != expected.source())
        .find(|adapter| adapter.recognises(keys))
        .map(|adapter| adapter.source())
}

/// What to say of a record with these keys that has none of `expected`'s: that it is no feed known
/// here, what comes nearest, and what to do. `None` where it has some, or no keys at all.
pub(crate) fn unknown(
    expected: &dyn Adapter,
    keys: &[Cow<'_, str>],
    record: Option<&str>,
    more: &[Layout],
) -> Option<String> {
    if keys.is_empty() || Layout::of(expected).there(keys) > 0 {
        return None;
    }
    let shown: Vec<String> = keys.iter().take(8).map(|key| crate::reason::shorten(key, 40)).collect();
    let rest = if keys.len() > shown.len() { ", …" } else { "" };
    let mut message =
        format!("not a feed I know: it has {}{rest}; nearest: {}. ", shown.join(", "), nearest(keys, more));
    let document = record.and_then(|record| serde_json::from_str(record).ok());
    let all: Vec<&str> = ADAPTERS.iter().flat_map(|adapter| adapter.marks()).copied().collect();
    let (lists, objects) = document.map_or_else(Default::default, |document| places(&document, &all));
    if !objects.is_empty() {
        message.push_str(&format!("What looks like a product stands at {}: send what is there. ", objects.join(", ")));
    } else if !lists.is_empty() {
        message.push_str(&format!(
            "Lists of objects stand at {}: if one has the products, send that list. ",
            lists.join(", ")
        ));
    }
    message.push_str("Otherwise the source has to be described first (docs/feeds.md, \"A new source\")");
    Some(message)
}

/// Whether all of `wanted` are among `keys`.
fn all_of(keys: &[Cow<'_, str>], wanted: &[&str]) -> bool {
    wanted.iter().all(|name| keys.iter().any(|key| key == name))
}

/// The product's id in a JSON record that was refused, as far as it was read before what is wrong
/// with it.
pub(crate) fn id_in(adapter: &dyn Adapter, record: &str) -> Option<String> {
    found_id::find(record, adapter.id_pointer()).and_then(|id| known_id(adapter, &id))
}

/// An id as its product is known by, in a record that was refused.
pub(crate) fn known_id(adapter: &dyn Adapter, id: &str) -> Option<String> {
    let id = text::key(ids::of_refused(id.trim(), adapter.ids()));
    (!id.is_empty()).then(|| crate::reason::shorten(&id, ProductKey::MAX_ID_CHARS))
}

/// The language that a script gives away; `None` for Latin letters, which stand for too many.
pub(crate) fn language_by_script(text: &str) -> Option<&'static str> {
    let mut han = None;
    for c in text.chars() {
        match c {
            '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' => {
                return Some("ar");
            }
            '\u{590}'..='\u{5ff}' => return Some("he"),
            '\u{3040}'..='\u{30ff}' => return Some("ja"),
            '\u{ac00}'..='\u{d7af}' => return Some("ko"),
            '\u{e00}'..='\u{e7f}' => return Some("th"),
            '\u{370}'..='\u{3ff}' => return Some("el"),
            '\u{400}'..='\u{4ff}' => return Some("ru"),
            // Japanese is written with these, too, but not with these alone.
            '\u{4e00}'..='\u{9fff}' => han = Some("zh"),
            _ => {}
        }
    }
    han
}

/// The same, with Latin letters taken for English.
fn language_of(text: &str) -> &'static str {
    language_by_script(text).unwrap_or("en")
}

/// An address as `https://…`: one without a scheme or with `http` is completed.
pub(crate) fn https(address: &str) -> Cow<'_, str> {
    let address = address.trim();
    match address.strip_prefix("//").or_else(|| address.strip_prefix("http://")) {
        Some(rest) => Cow::Owned(format!("https://{rest}")),
        None => Cow::Borrowed(address),
    }
}

/// Adds an image unless it is blank or there already.
pub(crate) fn add_image(images: &mut Vec<String>, address: &str) {
    let address = https(address);
    if !address.is_empty() && !images.iter().any(|known| *known == address) {
        images.push(address.into_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Handles in the shop and paths in the PIM are `<source>-<id>`: with a source `a` beside
    /// `a-b`, the ids `b-1` and `1` would be one.
    #[test]
    fn no_source_begins_like_another_so_that_handles_and_paths_of_two_never_meet() {
        for one in ADAPTERS {
            for other in ADAPTERS {
                let beginning = format!("{}-", one.source());
                assert!(!other.source().starts_with(&beginning), "{} and {}", one.source(), other.source());
            }
        }
    }
}
