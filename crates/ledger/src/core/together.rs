//! What the parts of a product say together, with their lines laid over it, and whether its `doc`
//! says that already ([`super::parts`], [`super::lines`]).

use std::collections::{BTreeMap, BTreeSet};

use catalog::line::{Field, overlaid};
use catalog::{ContentHash, Identifier, PartName, Product, Version, WarningCode, assemble, price_drop};

use super::desired::DesiredDoc;
use super::lines::{self, Declared, Kept, Origin};
use super::parts::{self, Mark, Marks};
use super::{Item, ItemKey};

/// A line with what is kept of it.
pub type KeptLine = (PartName, Identifier, ItemKey, Kept);

/// The parts of a product put together, before any line.
#[derive(Debug)]
pub struct Assembled<'p> {
    pub product: Product,
    /// The leading part's version.
    pub leads: Option<&'p Version>,
    pub marks: Marks,
}

impl<'p> Assembled<'p> {
    /// `None` without a part that can be read.
    #[must_use]
    pub fn of(found: &'p BTreeMap<PartName, DesiredDoc>) -> Option<Self> {
        let products = || found.iter().map(|(name, part)| (name, &part.product));
        let (product, leading) = (assemble(products())?, catalog::parts::leading(products())?);
        let leads = found.values().nth(leading).map(|part| &part.version);
        let marks = found.iter().map(|(name, part)| (name.clone(), mark(part))).collect();
        Some(Self { product, leads, marks })
    }
}

/// The `doc` that is to be replaced.
#[derive(Debug)]
pub struct Replaced {
    pub mark: Option<Mark>,
    /// What it says; `None` without one, or where that is damaged, or not in the item.
    kept: Option<DesiredDoc>,
    /// Whether it is of several parts.
    parted: bool,
    declared: Option<Declared>,
}

impl Replaced {
    #[must_use]
    pub fn of(item: &Item) -> Self {
        Self {
            mark: parts::mark_of(item),
            kept: DesiredDoc::of(item).ok().flatten(),
            parted: parts::marks(item).is_some(),
            declared: Declared::of(item),
        }
    }

    /// The identifiers of the product that it did not have under this declaration.
    #[must_use]
    pub fn fresh(&self, known: &BTreeSet<Identifier>, declared: &Declared) -> BTreeSet<Identifier> {
        let kept = self.kept.as_ref().filter(|_| self.is_under(declared));
        let had = kept.map(|kept| Identifier::all_of(&kept.product, &declared.kinds())).unwrap_or_default();
        known.difference(&had).cloned().collect()
    }

    /// Whether it says this, was read, and found right: what is damaged is written anew.
    #[must_use]
    pub fn says(&self, hash: &ContentHash) -> bool {
        self.parted
            && self.mark.as_ref().is_some_and(|mark| mark.hash == *hash)
            && self.kept.as_ref().is_some_and(|kept| ContentHash::of(&kept.product) == *hash)
    }

    /// A version as it is kept in its place: text order is writing order.
    fn grown(&self, version: &Version) -> Version {
        self.mark.as_ref().map_or_else(|| version.clone(), |mark| version.grown(&mark.version))
    }

    fn is_under(&self, declared: &Declared) -> bool {
        self.declared.as_ref() == Some(declared)
    }

    /// The remark on a price that fell much; while all is as it was, the one that there is.
    fn price_drop(&self, product: &Product, same: bool) -> Option<catalog::Warning> {
        let kept = &self.kept.as_ref()?.product;
        if same {
            return kept.warnings.iter().find(|one| one.code == WarningCode::PriceDrop).cloned();
        }
        price_drop(kept, product)
    }
}

/// What all say together.
#[derive(Debug)]
pub struct Together {
    pub doc: DesiredDoc,
    pub marks: Marks,
    /// The `doc` says so already.
    pub same: bool,
    /// Its body may stay: not even a figure is of another time.
    pub keeps_body: bool,
}

/// Parts without lines, in the place of the `doc` that was read. `said`: the part that was written.
#[must_use]
pub fn of_parts(assembled: Assembled<'_>, before: &Replaced, said: &DesiredDoc) -> Together {
    let Assembled { product, leads, marks } = assembled;
    let version = before.grown(leads.unwrap_or(&said.version));
    let hash = ContentHash::of(&product);
    let same = before.says(&hash);
    let (run, provenance) = (said.run.clone(), said.provenance.clone());
    Together { doc: DesiredDoc { product, version, hash, run, provenance }, marks, same, keeps_body: same }
}

/// Lays lines over parts, in the place of the `doc` that was read.
#[must_use]
pub fn with_lines(
    assembled: Assembled<'_>,
    read: &[KeptLine],
    before: &Replaced,
    declared: &Declared,
    origin: Origin,
) -> Together {
    let statements = read.iter().map(|(part, about, _, kept)| (part, about, &kept.statement));
    let mut product = overlaid(&assembled.product, statements);
    lines::date_figures(&mut product, declared, assembled.leads);
    let said = stock_version(read, declared).or(assembled.leads).cloned().unwrap_or_else(|| Version::from_text(""));
    let version = before.grown(&said);
    let hash = ContentHash::of(&product);
    let same = before.is_under(declared) && before.says(&hash);
    let as_old = before.kept.as_ref().is_some_and(|kept| kept.product.stock_said == product.stock_said);
    let drop = before.price_drop(&product, same);
    product.warnings.retain(|warning| warning.code != WarningCode::PriceDrop);
    product.warnings.extend(drop);
    let Origin { run, provenance } = origin;
    let doc = DesiredDoc { product, version, hash, run, provenance };
    Together { doc, marks: assembled.marks, same, keeps_body: same && as_old }
}

/// A part, as it is in a `doc`.
#[must_use]
pub fn mark(part: &DesiredDoc) -> Mark {
    Mark { version: part.version.clone(), hash: part.hash.clone() }
}

/// Remarks that come from putting a product together, not from one of its files.
#[must_use]
pub fn made_together(product: &Product) -> Vec<WarningCode> {
    let of_it = |code: &WarningCode| matches!(code, WarningCode::VariantLeftOut | WarningCode::PriceDrop);
    product.warnings.iter().map(|warning| warning.code).filter(of_it).collect()
}

/// Whether none of these lines says something else than when it was read first.
#[must_use]
pub fn stand(again: &[KeptLine], read: &[KeptLine]) -> bool {
    let stands = |(_, _, key, now): &KeptLine| {
        read.iter().any(|(_, _, one, then)| one == key && then.statement == now.statement)
    };
    again.iter().all(stands)
}

/// How old the product's figures are, where a part owns them.
fn stock_version<'r>(read: &'r [KeptLine], declared: &Declared) -> Option<&'r Version> {
    let owner = declared.stock.as_ref()?;
    let of_owner = read.iter().filter(|(part, ..)| part == owner);
    of_owner.filter_map(|(.., kept)| kept.statement.0.get(&Field::Stock)).map(|spoken| &spoken.version).max()
}

#[cfg(test)]
mod tests {
    use catalog::line::{Said, Spoken, Statement};
    use catalog::{IdKind, Localized, Price, Variant};

    use super::*;

    fn name(text: &str) -> PartName {
        PartName::from_text(text)
    }

    fn product(says: &str) -> Product {
        let variant = Variant {
            sku: "K".into(),
            title: "K".into(),
            options: vec![],
            prices: vec![Price { currency: "EUR".into(), amount: "20".parse().unwrap(), list_amount: None }],
            stock: 1,
            images: vec![],
            facts: None,
        };
        let name = Localized::default().with("en", says);
        Product { name, variants: vec![variant], ..Product::bare("acme", "1") }
    }

    fn part(says: &str, at: u64) -> DesiredDoc {
        let product = product(says);
        let (hash, version) = (ContentHash::of(&product), Version::new(at, "0", 0));
        DesiredDoc { product, version, hash, run: "r".into(), provenance: "p".into() }
    }

    fn main_of(says: &str, at: u64) -> BTreeMap<PartName, DesiredDoc> {
        BTreeMap::from([(name("main"), part(says, at))])
    }

    fn declared() -> Declared {
        let stock = name("stock");
        Declared { parts: BTreeMap::from([(stock.clone(), IdKind::Sku)]), stock: Some(stock) }
    }

    fn line(pieces: i32, at: u64) -> KeptLine {
        let about = Identifier::new(IdKind::Sku, "K").unwrap();
        let key = lines::line_key("acme", &name("stock"), &about);
        let spoken = Spoken { version: Version::new(at, "0", 0), said: Said::Pieces(pieces), from: String::new() };
        let statement = Statement(BTreeMap::from([(Field::Stock, spoken)]));
        (name("stock"), about, key, Kept::default().saying(statement))
    }

    fn laid(found: &BTreeMap<PartName, DesiredDoc>, read: &[KeptLine], item: &Item) -> Together {
        let origin = Origin { run: "r".into(), provenance: "p".into() };
        with_lines(Assembled::of(found).unwrap(), read, &Replaced::of(item), &declared(), origin)
    }

    /// The item that a `doc` becomes.
    fn kept(together: &Together) -> Item {
        let key = catalog::ProductKey::new("acme", "1").unwrap();
        let body = Some(together.doc.packed().unwrap().into());
        let write = parts::write_together(&key, &together.doc, body, &together.marks, &mark(&together.doc));
        lines::first(lines::under(write, &declared())).apply(&Item::new()).unwrap()
    }

    #[test]
    fn what_is_said_already_is_the_same_and_keeps_its_body() {
        let first = laid(&main_of("a", 1), &[line(5, 2)], &Item::new());
        assert!(!first.same);
        assert_eq!(first.doc.product.variants[0].stock, 5);
        assert_eq!(first.doc.version, Version::new(2, "0", 0), "the figure is as old as its line");
        let item = kept(&first);
        let again = laid(&main_of("a", 1), &[line(5, 2)], &item);
        assert!(again.same && again.keeps_body);
        let said_later = laid(&main_of("a", 1), &[line(5, 3)], &item);
        assert!(said_later.same && !said_later.keeps_body, "the figure is of another time");
        let changed = laid(&main_of("a", 1), &[line(6, 3)], &item);
        assert!(!changed.same && changed.doc.version > again.doc.version);
    }

    #[test]
    fn what_was_written_under_another_declaration_is_written_anew() {
        let known = BTreeSet::from([line(5, 2).1]);
        let mut item = kept(&laid(&main_of("a", 1), &[line(5, 2)], &Item::new()));
        assert_eq!(Replaced::of(&item).fresh(&known, &declared()), BTreeSet::new());
        item.remove(lines::LINES);
        assert_eq!(Replaced::of(&item).fresh(&known, &declared()), known);
        assert!(!laid(&main_of("a", 1), &[line(5, 2)], &item).same);
        // Parts without lines know no declaration.
        let said = laid(&main_of("a", 1), &[line(5, 2)], &Item::new()).doc.product;
        let found = BTreeMap::from([(name("main"), DesiredDoc { product: said, ..part("a", 1) })]);
        assert!(of_parts(Assembled::of(&found).unwrap(), &Replaced::of(&item), &part("a", 1)).same);
    }

    #[test]
    fn a_damaged_document_is_never_the_same() {
        let mut item = kept(&laid(&main_of("a", 1), &[], &Item::new()));
        item.insert("body".to_owned(), super::super::Value::B(vec![0]));
        let found = main_of("a", 1);
        assert!(!of_parts(Assembled::of(&found).unwrap(), &Replaced::of(&item), &part("a", 1)).same);
    }

    #[test]
    fn a_price_that_fell_much_is_told_as_long_as_nothing_else_changes() {
        let codes = |together: &Together| together.doc.product.warnings.iter().map(|one| one.code).collect::<Vec<_>>();
        let before = kept(&laid(&main_of("a", 1), &[], &Item::new()));
        let mut cheap = main_of("a", 2);
        let doc = cheap.get_mut(&name("main")).unwrap();
        doc.product.variants[0].prices[0].amount = "1".parse().unwrap();
        let fallen = laid(&cheap, &[], &before);
        assert_eq!(codes(&fallen), [WarningCode::PriceDrop]);
        assert_eq!(made_together(&fallen.doc.product), [WarningCode::PriceDrop]);
        let again = laid(&cheap, &[], &kept(&fallen));
        assert_eq!((again.same, codes(&again)), (true, vec![WarningCode::PriceDrop]));
    }

    #[test]
    fn a_line_that_somebody_wrote_meanwhile_does_not_stand() {
        assert!(stand(&[line(5, 2)], &[line(5, 2)]));
        assert!(!stand(&[line(6, 3)], &[line(5, 2)]));
        assert!(!stand(&[line(5, 2)], &[]), "it was not read");
    }
}
