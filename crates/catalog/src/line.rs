//! Lines: what a declared part (a stock list, a price list) says of one product or variant, and what becomes of a product by them.
//!
//! - A line names its product or variant by one [`Identifier`] and says something of some [`Field`]s. No two parts of a source own one field, and a part's lines go
//!   by one kind of identifier; so each field of a variant has one line that speaks of it, and lines can be laid over a product in any order.
//! - What a line does not speak of stays as it was said: fields have versions of their own, and [`Statement::merged`] keeps the newest of each.
//! - [`overlaid`] neither makes nor ends a product. One without any price is not offered until one comes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Gtin, PartName, Price, Product, Variant, Version, Warning, WarningCode};

/// By what a part knows products or variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdKind {
    /// The product's id within the source.
    Id,
    /// A variant's SKU.
    Sku,
    /// The GTIN of a variant, or of a product with a single one.
    Gtin,
    /// The manufacturer's number, likewise.
    Mpn,
    /// The extra fact `supplier_number`, likewise.
    SupplierNumber,
}

impl IdKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Id, Self::Sku, Self::Gtin, Self::Mpn, Self::SupplierNumber];
    /// The extra fact of that name is the supplier's number.
    const EXTRA: &'static str = "supplier_number";

    /// As mappings and keys write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Sku => "sku",
            Self::Gtin => "gtin",
            Self::Mpn => "mpn",
            Self::SupplierNumber => "supplier_number",
        }
    }

    /// What it is called.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// A variant's value of it.
    fn of(self, product: &Product, variant: &Variant) -> Option<String> {
        let only = product.variants.len() == 1;
        let facts = variant.facts.as_deref().into_iter().chain(product.facts.as_deref().filter(|_| only));
        match self {
            Self::Id => None,
            Self::Sku => Some(variant.sku.clone()),
            Self::Gtin => facts.into_iter().find_map(|facts| facts.gtin.as_ref()).map(|gtin| padded(gtin.as_str())),
            Self::Mpn => facts.into_iter().find_map(|facts| facts.mpn.clone()),
            Self::SupplierNumber => facts.into_iter().find_map(|facts| facts.extra.get(Self::EXTRA).cloned()),
        }
    }
}

impl fmt::Display for IdKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// 8, 12 and 13 digits are those of 14 without zeros in front.
fn padded(digits: &str) -> String {
    format!("{digits:0>14}")
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// By what.
    pub kind: IdKind,
    /// Which; all ways of writing one GTIN are one.
    pub value: String,
}

impl Identifier {
    /// One as a file has it.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub fn new(kind: IdKind, value: &str) -> Result<Self, String> {
        let value = value.trim();
        let value = match kind {
            IdKind::Gtin => {
                Gtin::from_str(value).map(|gtin| padded(gtin.as_str())).map_err(|error| error.to_string())?
            }
            _ => value.to_owned(),
        };
        match value.chars().count() {
            0 => Err("it is empty".to_owned()),
            1..=255 if value.chars().any(char::is_control) => Err("it has control characters".to_owned()),
            1..=255 => Ok(Self { kind, value }),
            more => Err(format!("it has {more} characters, more than 255")),
        }
    }

    /// Those of these kinds that a product and its variants have.
    #[must_use]
    pub fn all_of(product: &Product, kinds: &BTreeSet<IdKind>) -> BTreeSet<Self> {
        let own = kinds.contains(&IdKind::Id).then(|| Self { kind: IdKind::Id, value: product.id.clone() });
        let each = |kind: &IdKind| {
            let kind = *kind;
            product.variants.iter().filter_map(move |variant| Some(Self { kind, value: kind.of(product, variant)? }))
        };
        own.into_iter().chain(kinds.iter().flat_map(each)).collect()
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.value)
    }
}

/// What a part can own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Field {
    /// Pieces.
    Stock,
    /// The price in a currency, with what it was before a reduction.
    Price(String),
    /// The title in a language.
    Name(String),
    /// The description in a language.
    Description(String),
    /// The brand.
    Brand,
}

impl Field {
    /// Whether it is the product's, not a variant's.
    #[must_use]
    pub const fn is_of_product(&self) -> bool {
        matches!(self, Self::Name(_) | Self::Description(_) | Self::Brand)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stock => f.write_str("stock"),
            Self::Price(currency) => write!(f, "price.{currency}"),
            Self::Name(language) => write!(f, "name.{language}"),
            Self::Description(language) => write!(f, "description.{language}"),
            Self::Brand => f.write_str("brand"),
        }
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.to_string()
    }
}

impl TryFrom<String> for Field {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('.') {
            None if text == "stock" => Ok(Self::Stock),
            None if text == "brand" => Ok(Self::Brand),
            Some(("price", currency)) => Ok(Self::Price(currency.to_owned())),
            Some(("name", language)) => Ok(Self::Name(language.to_owned())),
            Some(("description", language)) => Ok(Self::Description(language.to_owned())),
            _ => Err(format!("{text} is no field of a part")),
        }
    }
}

/// What is said of a field. A field that is not spoken of is in no line.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// So many pieces.
    Pieces(i32),
    /// What one pays, and what it was before.
    Amount(Decimal, #[serde(default)] Option<Decimal>),
    /// A text.
    Text(String),
    /// There is none: no piece, no price in the currency, no text in the language.
    Empty,
    /// The part takes back what it said; what the leading part says counts.
    Deleted,
}

/// A line of a part's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub about: Identifier,
    /// What it says.
    pub says: BTreeMap<Field, Said>,
}

impl Line {
    /// Whether it says a price.
    #[must_use]
    pub fn prices(&self) -> bool {
        self.says.keys().any(|field| matches!(field, Field::Price(_)))
    }
}

/// What is said of a field, and the version of the line that said it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Spoken {
    /// Of the newest line that spoke of the field.
    #[serde(rename = "v")]
    pub version: Version,
    /// What it said.
    #[serde(rename = "is")]
    pub said: Said,
    /// Where that stood, for people; empty while it is the line that is being written.
    #[serde(rename = "f", default, skip_serializing_if = "String::is_empty")]
    pub from: String,
}

/// All that a part has said by one identifier.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Statement(pub BTreeMap<Field, Spoken>);

impl Statement {
    /// With a line of this version: of each field the newest counts.
    #[must_use]
    pub fn merged(&self, line: &Line, version: &Version) -> Self {
        let mut merged = self.clone();
        for (field, said) in &line.says {
            let known = merged.0.get(field);
            let same = known.is_some_and(|known| known.version == *version && known.said == *said);
            if !same && known.is_none_or(|known| known.version <= *version) {
                let spoken = Spoken { version: version.clone(), said: said.clone(), from: String::new() };
                merged.0.insert(field.clone(), spoken);
            }
        }
        merged
    }

    /// The same, where that which does not say where it is from is from there.
    #[must_use]
    pub fn placed(mut self, place: &str) -> Self {
        self.0
            .values_mut()
            .filter(|spoken| spoken.from.is_empty())
            .for_each(|spoken| place.clone_into(&mut spoken.from));
        self
    }

    /// The same, without the place where that can be left out.
    #[must_use]
    pub fn unplaced(mut self, place: &str) -> Self {
        self.0.values_mut().filter(|spoken| spoken.from == place).for_each(|spoken| spoken.from.clear());
        self
    }

    /// Whether both say the same, whenever it was said.
    #[must_use]
    pub fn says_what(&self, other: &Self) -> bool {
        let said = |one: &Self, other: &Self| {
            one.0.iter().all(|(field, spoken)| other.0.get(field).is_some_and(|known| known.said == spoken.said))
        };
        self.0.len() == other.0.len() && said(self, other)
    }

    /// The version of the newest line in it.
    #[must_use]
    pub fn newest(&self) -> Option<&Version> {
        self.0.values().map(|spoken| &spoken.version).max()
    }
}

/// A product with what the parts' lines say laid over it: part, identifier, statement. What lines say of stock has their versions ([`Product::stock_said`]).
#[must_use]
pub fn overlaid<'s>(
    product: &Product,
    lines: impl IntoIterator<Item = (&'s PartName, &'s Identifier, &'s Statement)>,
) -> Product {
    let mut made = product.clone();
    let mut lines: Vec<_> = lines.into_iter().collect();
    lines.sort_by_key(|(part, about, _)| (*part, *about));
    for (_, about, statement) in lines {
        for (field, spoken) in &statement.0 {
            lay(&mut made, product, about, field, spoken);
        }
    }
    let variants = &mut made.variants;
    variants.iter_mut().for_each(|variant| variant.prices.sort_by(|a, b| a.currency.cmp(&b.currency)));
    // Nobody could buy it.
    made.withdrawn |= variants.iter().all(|variant| variant.prices.is_empty());
    remark(&mut made);
    made
}

fn lay(made: &mut Product, base: &Product, about: &Identifier, field: &Field, spoken: &Spoken) {
    let said = &spoken.said;
    if *said == Said::Deleted {
        return;
    }
    if field.is_of_product() {
        if about.kind == IdKind::Id && about.value == base.id {
            of_product(made, field, said);
        }
        return;
    }
    for (variant, known) in made.variants.iter_mut().zip(&base.variants) {
        if means(about, base, known, field) {
            of_variant(variant, field, said);
            if *field == Field::Stock {
                made.stock_said.insert(known.sku.clone(), spoken.version.clone());
            }
        }
    }
}

/// Whether a line about this says a field of a variant.
fn means(about: &Identifier, base: &Product, variant: &Variant, field: &Field) -> bool {
    match about.kind {
        // A price may be that of all variants; pieces are those of one.
        IdKind::Id => about.value == base.id && (base.variants.len() == 1 || matches!(field, Field::Price(_))),
        kind => kind.of(base, variant).as_ref() == Some(&about.value),
    }
}

/// The line that decides a field of a product, or of one of its variants; `None` where the leading part does.
pub fn speaker<'s>(
    product: &Product,
    variant: Option<&Variant>,
    field: &Field,
    lines: impl IntoIterator<Item = (&'s PartName, &'s Identifier, &'s Statement)>,
) -> Option<(&'s PartName, &'s Identifier, &'s Spoken)> {
    let about_it = |about: &Identifier| match variant {
        Some(variant) => means(about, product, variant, field),
        None => about.kind == IdKind::Id && about.value == product.id,
    };
    let mut said: Vec<_> = lines
        .into_iter()
        .filter(|(_, about, _)| about_it(about))
        .filter_map(|(part, about, statement)| Some((part, about, statement.0.get(field)?)))
        .filter(|(.., spoken)| spoken.said != Said::Deleted)
        .collect();
    // As they are laid over it: the last one counts.
    said.sort_by_key(|(part, about, _)| (*part, *about));
    said.pop()
}

fn of_product(product: &mut Product, field: &Field, said: &Said) {
    let text = match said {
        Said::Text(text) => Some(text.clone()),
        _ => None,
    };
    match (field, text) {
        (Field::Name(language), Some(text)) => drop(product.name.0.insert(language.clone(), text)),
        // Never without a name.
        (Field::Name(language), None) if product.name.0.keys().any(|other| other != language) => {
            product.name.0.remove(language);
        }
        (Field::Description(language), Some(text)) => drop(product.description.0.insert(language.clone(), text)),
        (Field::Description(language), None) => drop(product.description.0.remove(language)),
        (Field::Brand, text) => product.brand = text,
        _ => {}
    }
}

fn of_variant(variant: &mut Variant, field: &Field, said: &Said) {
    match (field, said) {
        (Field::Stock, Said::Pieces(pieces)) => variant.stock = *pieces,
        (Field::Stock, Said::Empty) => variant.stock = 0,
        (Field::Price(currency), said) => {
            variant.prices.retain(|price| price.currency != *currency);
            if let Said::Amount(amount, list_amount) = *said {
                variant.prices.push(Price { currency: currency.clone(), amount, list_amount });
            }
        }
        _ => {}
    }
}

/// Remarks on what lines have changed are made anew.
fn remark(product: &mut Product) {
    let stocked = product.variants.iter().any(|variant| variant.stock > 0);
    let said = product.warnings.iter().any(|warning| warning.code == WarningCode::ZeroStock);
    if stocked {
        product.warnings.retain(|warning| warning.code != WarningCode::ZeroStock);
    } else if !said {
        product.warnings.push(Warning { code: WarningCode::ZeroStock, message: "no variant is in stock".to_owned() });
    }
    let languages: Vec<String> = product.name.0.keys().map(|language| format!("{language:?}")).collect();
    product.warnings.retain(|warning| {
        warning.code != WarningCode::MissingLanguage
            || !languages.iter().any(|language| warning.message.ends_with(language.as_str()))
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Localized;

    fn product() -> Product {
        let variant = |sku: &str| Variant {
            sku: sku.into(),
            title: sku.into(),
            options: vec![],
            prices: vec![Price { currency: "EUR".into(), amount: 10.into(), list_amount: None }],
            stock: 1,
            images: vec![],
            facts: None,
        };
        Product {
            name: Localized::default().with("en", "Kettle"),
            variants: vec![variant("K-1"), variant("K-2")],
            ..Product::bare("acme", "1")
        }
    }

    fn about(kind: IdKind, value: &str) -> Identifier {
        Identifier::new(kind, value).unwrap()
    }

    fn line(kind: IdKind, value: &str, says: &[(Field, Said)]) -> Line {
        Line { about: about(kind, value), says: says.iter().cloned().collect() }
    }

    fn version(at: u64) -> Version {
        Version::new(at, "00", 0)
    }

    fn with(product: &Product, lines: &[Line]) -> Product {
        let part = PartName::from_text("p");
        let said: Vec<(Identifier, Statement)> =
            lines.iter().map(|line| (line.about.clone(), Statement::default().merged(line, &version(1)))).collect();
        overlaid(product, said.iter().map(|(about, statement)| (&part, about, statement)))
    }

    #[test]
    fn absent_empty_and_deleted_are_three_things() {
        let eur = || Field::Price("EUR".into());
        let amount = |n: i64| Said::Amount(n.into(), None);
        let first = Statement::default()
            .merged(&line(IdKind::Sku, "K-1", &[(eur(), amount(12)), (Field::Stock, Said::Pieces(7))]), &version(1));
        let (part, k1) = (PartName::from_text("p"), about(IdKind::Sku, "K-1"));
        let made = |statement: &Statement| {
            let made = overlaid(&product(), [(&part, &k1, statement)]);
            let variant = &made.variants[0];
            (variant.prices.first().map(|price| price.amount), variant.stock)
        };
        assert_eq!(made(&first), (Some(12.into()), 7));
        let absent = first.merged(&line(IdKind::Sku, "K-1", &[(Field::Stock, Said::Pieces(3))]), &version(2));
        assert_eq!(made(&absent), (Some(12.into()), 3), "the price stays as it was said");
        let empty =
            first.merged(&line(IdKind::Sku, "K-1", &[(eur(), Said::Empty), (Field::Stock, Said::Empty)]), &version(2));
        assert_eq!(made(&empty), (None, 0));
        let deleted = first
            .merged(&line(IdKind::Sku, "K-1", &[(eur(), Said::Deleted), (Field::Stock, Said::Deleted)]), &version(2));
        assert_eq!(made(&deleted), (Some(10.into()), 1), "what the leading part says counts again");
        let late = deleted.merged(&line(IdKind::Sku, "K-1", &[(Field::Stock, Said::Pieces(9))]), &version(1));
        assert_eq!(made(&late).1, 1, "an older line brings nothing back");
    }

    #[test]
    fn a_line_speaks_of_the_variants_that_it_names_and_of_nothing_else() {
        let stock = |n| [(Field::Stock, Said::Pieces(n))];
        let made = with(&product(), &[line(IdKind::Sku, "K-2", &stock(5)), line(IdKind::Sku, "K-9", &stock(8))]);
        assert_eq!((made.variants[0].stock, made.variants[1].stock), (1, 5));
        let by_id = with(&product(), &[line(IdKind::Id, "1", &stock(5))]);
        assert_eq!(by_id.variants[0].stock, 1, "pieces of two variants cannot be told apart");
        let prices =
            with(&product(), &[line(IdKind::Id, "1", &[(Field::Price("USD".into()), Said::Amount(4.into(), None))])]);
        assert!(prices.variants.iter().all(|variant| variant.prices.len() == 2));
        let name = [(Field::Name("en".into()), Said::Empty), (Field::Name("de".into()), Said::Text("Kessel".into()))];
        let named = with(&product(), &[line(IdKind::Id, "1", &name)]);
        assert_eq!(named.name.0.keys().collect::<Vec<_>>(), ["de"]);
        let nameless = with(&product(), &[line(IdKind::Id, "1", &name[..1])]);
        assert_eq!(nameless.name.get("en"), Some("Kettle"), "never without a name");
        assert_eq!(
            with(&product(), &[line(IdKind::Sku, "K-1", &name)]).name,
            product().name,
            "a variant's line does not name the product"
        );
    }

    #[test]
    fn a_product_without_any_price_is_not_offered_until_one_comes() {
        let mut bare = product();
        bare.variants.iter_mut().for_each(|variant| variant.prices.clear());
        assert!(with(&bare, &[]).withdrawn);
        let price = [(Field::Price("EUR".into()), Said::Amount(4.into(), None))];
        assert!(!with(&bare, &[line(IdKind::Sku, "K-1", &price)]).withdrawn);
        let gone = Product { withdrawn: true, ..product() };
        assert!(with(&gone, &[line(IdKind::Sku, "K-1", &price)]).withdrawn, "only the leading part brings it back");
    }

    #[test]
    fn all_ways_of_writing_a_gtin_are_one_and_what_cannot_be_an_identifier_says_why() {
        assert_eq!(about(IdKind::Gtin, "4006381333931"), about(IdKind::Gtin, " 04006381333931 "));
        for (kind, text) in [(IdKind::Gtin, "4006381333932"), (IdKind::Sku, "  "), (IdKind::Sku, "a\u{7}b")] {
            assert!(Identifier::new(kind, text).is_err(), "{text:?}");
        }
        assert!(Identifier::new(IdKind::Sku, &"x".repeat(256)).is_err());
        let mut one = product();
        one.variants.truncate(1);
        one.facts =
            crate::Facts { gtin: Some("4006381333931".parse().unwrap()), mpn: Some("M7".into()), ..Default::default() }
                .boxed();
        let all = Identifier::all_of(&one, &IdKind::ALL.into_iter().collect());
        let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["id 1", "sku K-1", "gtin 04006381333931", "mpn M7"]);
    }

    #[test]
    fn remarks_follow_what_lines_say() {
        let mut none = product();
        none.variants.iter_mut().for_each(|variant| variant.stock = 0);
        none.warnings.push(Warning { code: WarningCode::ZeroStock, message: "no variant is in stock".into() });
        let stocked = with(&none, &[line(IdKind::Sku, "K-1", &[(Field::Stock, Said::Pieces(2))])]);
        assert!(stocked.warnings.is_empty());
        let zero = [
            line(IdKind::Sku, "K-1", &[(Field::Stock, Said::Pieces(0))]),
            line(IdKind::Sku, "K-2", &[(Field::Stock, Said::Empty)]),
        ];
        assert_eq!(with(&product(), &zero).warnings.len(), 1);
    }

    fn any_said() -> impl Strategy<Value = (Field, Said)> {
        prop_oneof![
            (0..5i32).prop_map(|n| (Field::Stock, Said::Pieces(n))),
            Just((Field::Stock, Said::Deleted)),
            Just((Field::Stock, Said::Empty)),
            (1..5u32).prop_map(|n| (Field::Price("EUR".into()), Said::Amount(n.into(), None))),
            Just((Field::Price("EUR".into()), Said::Empty)),
            (1..5u32).prop_map(|n| (Field::Price("USD".into()), Said::Amount(n.into(), None))),
        ]
    }

    proptest! {
        /// Lines of one identifier in any order, and lines of several laid over in any order, come to the same product.
        #[test]
        fn the_order_of_arrival_does_not_matter(
            lines in proptest::collection::vec((0..2usize, proptest::collection::vec(any_said(), 1..3)), 0..12),
            order in any::<u64>(),
        ) {
            let skus = ["K-1", "K-2"];
            let all: Vec<(Line, Version)> = lines.iter().enumerate()
                .map(|(at, (sku, says))| (line(IdKind::Sku, skus[*sku], says), version(at as u64))).collect();
            let mut shuffled = all.clone();
            shuffled.sort_by_key(|(_, version)| blake3::hash(format!("{order}{version}").as_bytes()).as_bytes().to_owned());
            let part = PartName::from_text("p");
            let made = |lines: &[(Line, Version)]| {
                let mut said: BTreeMap<Identifier, Statement> = BTreeMap::new();
                for (line, version) in lines {
                    let entry = said.entry(line.about.clone()).or_default();
                    *entry = entry.merged(line, version);
                }
                let forward = overlaid(&product(), said.iter().map(|(about, one)| (&part, about, one)));
                let backward = overlaid(&product(), said.iter().rev().map(|(about, one)| (&part, about, one)));
                (forward, backward)
            };
            let (one, back) = made(&all);
            prop_assert_eq!(&one, &back);
            prop_assert_eq!(one, made(&shuffled).0);
        }
    }
}
