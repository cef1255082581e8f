//! A mapping file, read and checked as a whole.

pub(crate) mod line;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use catalog::IdKind;
use expr::{Expression, Value};
use feeds::Reason;

use crate::problem::{At, Problem};
use crate::record::Path;
use crate::xlsx::Chosen;

/// What a supplier's feed means.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(crate) file: String,
    pub(crate) source: String,
    pub(crate) digest: String,
    pub(crate) form: Form,
    pub(crate) group: Option<Group>,
    pub(crate) skip: Option<Field>,
    pub(crate) reject: Vec<Reject>,
    pub(crate) language: Option<Field>,
    pub(crate) product: ProductMap,
    /// Columns and first keys that are read, and where.
    pub(crate) reads: BTreeMap<String, At>,
    /// The names that expressions read.
    pub(crate) names: BTreeSet<String>,
    /// What a record says, where it is a line of a declared part and no product.
    pub(crate) line: Option<Box<line::LineMap>>,
    /// The source's declared parts by name.
    pub(crate) parts: BTreeMap<String, Arc<Mapping>>,
    /// A part owns prices: a product may come without.
    pub(crate) may_lack_price: bool,
    /// It says what products are, too.
    pub(crate) leads: bool,
}

impl Mapping {
    /// Reads a mapping; `file` is its name for error texts.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of its lines.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        Self::read_with(file, text, &BTreeMap::new())
    }

    /// The same with the tables beside it, by name.
    ///
    /// # Errors
    /// Everything that is wrong with it and them.
    pub fn read_with(file: &str, text: &str, beside: &BTreeMap<String, String>) -> Result<Self, Vec<Problem>> {
        read::mapping(file, text, beside)
    }

    /// The source's name.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What its feeds look like: the names that it reads.
    #[must_use]
    pub(crate) fn layout(&self) -> feeds::adapter::Layout {
        let of_expressions =
            self.names.iter().filter(|name| self.reads.keys().all(|read| expr::identifier(read) != **name));
        let names = self.reads.keys().chain(of_expressions).cloned().collect();
        feeds::adapter::Layout { source: self.source.clone(), names }
    }

    /// The mapping file's name.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The version: a digest of the mapping's text.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The mapping of a declared part: of the files below `incoming/<source>/<part>/`.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&Arc<Self>> {
        self.parts.get(name)
    }

    /// Whether its records say prices: not the lines of a part that owns none.
    #[must_use]
    pub fn says_prices(&self) -> bool {
        self.line.as_ref().is_none_or(|line| !line.prices.is_empty())
    }

    /// The declared parts: name, by what it knows products, and what it owns.
    pub fn parts(&self) -> impl Iterator<Item = (&str, IdKind, BTreeSet<String>)> {
        self.parts.iter().filter_map(|(name, part)| {
            let line = part.line.as_ref()?;
            Some((name.as_str(), line.kind, line.owns()))
        })
    }

    /// Whether it says what products are. Otherwise the source is built in, and only gets parts.
    #[must_use]
    pub const fn leads(&self) -> bool {
        self.leads
    }

    /// Columns and first keys that it reads by name.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.reads.keys().map(String::as_str)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Csv,
    Json,
    Xml,
    Xlsx,
}

#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) kind: Type,
    pub(crate) records: Vec<String>,
    pub(crate) delimiter: Option<u8>,
    pub(crate) header: bool,
    pub(crate) encoding: Option<&'static encoding_rs::Encoding>,
    pub(crate) json: Vec<String>,
    pub(crate) blank: Vec<String>,
    /// Of a workbook: the sheet, and where its header stands.
    pub(crate) chosen: Chosen,
}

impl Form {
    /// Whether records are rows with columns.
    pub(crate) const fn has_columns(&self) -> bool {
        matches!(self.kind, Type::Csv | Type::Xlsx)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) by: Field,
    pub(crate) spread: bool,
    pub(crate) leading: Option<Field>,
}

#[derive(Debug, Clone)]
pub(crate) struct Reject {
    pub(crate) when: Field,
    pub(crate) reason: Reason,
    pub(crate) message: String,
    pub(crate) value: Option<Field>,
}

#[derive(Debug, Clone)]
pub(crate) enum Take {
    Paths(Vec<Path>),
    Expr(Box<Expression>),
    Is(Value),
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) at: At,
    pub(crate) take: Take,
    pub(crate) default: Option<String>,
    pub(crate) table: BTreeMap<String, String>,
    pub(crate) others: Option<String>,
    pub(crate) split: Option<String>,
    pub(crate) html_text: bool,
    pub(crate) whole_number: bool,
    pub(crate) unit: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum LocalizedField {
    /// In the record's language.
    One(Field),
    /// By language.
    Each(Vec<(String, Field)>),
}

#[derive(Debug, Clone)]
pub(crate) struct ProductMap {
    pub(crate) at: At,
    pub(crate) id: Field,
    pub(crate) name: LocalizedField,
    pub(crate) description: Option<LocalizedField>,
    pub(crate) attributes_as_description: bool,
    pub(crate) brand: Option<Field>,
    pub(crate) group: Option<Field>,
    pub(crate) sku: Option<Field>,
    pub(crate) url: Option<Field>,
    pub(crate) withdrawn: Option<Field>,
    pub(crate) images: Vec<Field>,
    pub(crate) categories: Vec<CategoryMap>,
    pub(crate) attributes: Vec<AttributeMap>,
    pub(crate) options: Vec<OptionMap>,
    pub(crate) facts: Vec<FactMap>,
    pub(crate) facts_from_attributes: bool,
    pub(crate) variants: VariantMap,
}

#[derive(Debug, Clone)]
pub(crate) struct CategoryMap {
    pub(crate) from: Field,
    pub(crate) split: Option<String>,
    pub(crate) separator: Option<String>,
    pub(crate) each_path: bool,
    pub(crate) name: Option<Field>,
    pub(crate) id: Option<Field>,
}

#[derive(Debug, Clone)]
pub(crate) struct AttributeMap {
    pub(crate) each: Option<Field>,
    pub(crate) name: Field,
    pub(crate) value: Field,
}

#[derive(Debug, Clone)]
pub(crate) struct OptionMap {
    pub(crate) name: LocalizedField,
    pub(crate) value: Field,
}

#[derive(Debug, Clone)]
pub(crate) struct VariantMap {
    pub(crate) at: At,
    pub(crate) each: Option<Field>,
    pub(crate) when: Option<Field>,
    pub(crate) single: Vec<String>,
    pub(crate) sku: Option<Field>,
    pub(crate) title: Option<Field>,
    pub(crate) prices: Vec<PriceMap>,
    pub(crate) stock: Option<Field>,
    pub(crate) in_stock: i32,
    pub(crate) images: Vec<Field>,
    pub(crate) facts: Vec<FactMap>,
}

/// Something that is said of a product or variant, in the words of [`catalog::facts::Row`].
#[derive(Debug, Clone)]
pub(crate) struct FactMap {
    pub(crate) code: &'static str,
    /// The kind of a document or relation, the name of an extra.
    pub(crate) name: String,
    pub(crate) value: LocalizedField,
    /// Of a document.
    pub(crate) language: Option<Field>,
}

#[derive(Debug, Clone)]
pub(crate) struct PriceMap {
    pub(crate) amount: Field,
    pub(crate) currency: Option<Field>,
    pub(crate) list: Option<Field>,
    pub(crate) decimal: Option<char>,
    pub(crate) country: Option<Field>,
    pub(crate) float: bool,
}
