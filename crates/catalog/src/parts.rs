//! Parts: what several storefronts say of one product, put together.
//!
//! A part is one storefront's whole record. [`assemble`] is pure and does not care in which order the parts came: they have an order of their own.
//!
//! - Parts with a name in English come first, then by their names. The first *leads*: it gives ids, options, variants, stock, images, categories,
//!   attributes, brand, address, and decides whether the product is offered.
//! - Every part gives the texts of its language, and prices in its currency for variants with the same SKU; so does the only variant of one part for the
//!   only variant of another. A part neither clears nor replaces what another one gives.
//! - What the leading part lacks altogether (brand, group, images, facts …) comes from the next one that has it.
//! - A withdrawn part that does not lead gives no prices.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Attribute, Category, CategoryPath, Localized, Price, Product, ProductOption, Variant, Warning, WarningCode,
};

/// The name of a part: `us-usd`, `ar-sar`, or `sar` where the storefront is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartName(String);

impl PartName {
    /// Characters kept of a storefront.
    const STOREFRONT_CHARS: usize = 24;

    /// The storefront that a product is from: the first label of its page's host, and the currency. Derived from the product alone, so that a document
    /// that was written before there were parts has one, too. `None` for a product without a price.
    ///
    /// Of several currencies it is the first that is not USD: sources convert into that beside the storefront's own.
    #[must_use]
    pub fn of_storefront(product: &Product) -> Option<Self> {
        let all = product.variants.iter().flat_map(|variant| &variant.prices).map(|price| price.currency.as_str());
        let currency = all.min_by_key(|currency| (*currency == "USD", *currency))?.to_ascii_lowercase();
        let host = product.url.as_deref().and_then(|url| url.split_once("//")).map(|(_, rest)| rest);
        let label = host.and_then(|host| host.split(['.', '/', '?', '#', ':', '@']).next()).unwrap_or_default();
        let letters = label.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').map(|c| c.to_ascii_lowercase());
        let label: String = letters.take(Self::STOREFRONT_CHARS).collect();
        Some(Self(if label.is_empty() { currency } else { format!("{label}-{currency}") }))
    }

    /// A name read back from a ledger.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a currency is the storefront's own.
    fn owns(&self, currency: &str) -> bool {
        self.0.rsplit('-').next().is_some_and(|own| own.eq_ignore_ascii_case(currency))
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The index of the part that leads; `None` where there is no part.
#[must_use]
pub fn leading<'p>(parts: impl IntoIterator<Item = (&'p PartName, &'p Product)>) -> Option<usize> {
    let ranked = parts.into_iter().enumerate().map(|(index, (name, product))| (rank(name, product), index));
    ranked.min().map(|(_, index)| index)
}

fn rank<'p>(name: &'p PartName, product: &Product) -> (bool, &'p PartName) {
    (!speaks_english(product), name)
}

/// Whether the English name is one, and none that stands in for it.
fn speaks_english(product: &Product) -> bool {
    product.name.get("en").is_some_and(|name| !name.trim().is_empty()) && !stands_in(product)
}

/// A category's name may stand in, too: then no other language has the product's.
fn stands_in(product: &Product) -> bool {
    let name = product.name.get("en");
    let same = product.name.0.iter().any(|(lang, text)| lang != "en" && Some(text.as_str()) == name);
    same && product.warnings.iter().any(|warning| warning.code == WarningCode::NameFromOtherLanguage)
}

/// One product of all that is said of it; `None` where nothing is. Of two parts with one name the first counts.
#[must_use]
pub fn assemble<'p>(parts: impl IntoIterator<Item = (&'p PartName, &'p Product)>) -> Option<Product> {
    let mut parts: Vec<(&PartName, &Product)> = parts.into_iter().collect();
    parts.sort_by_key(|(name, product)| rank(name, product));
    parts.dedup_by(|later, earlier| later.0 == earlier.0);
    let ((_, leading), rest) = parts.split_first()?;
    let mut product = (*leading).clone();
    if rest.is_empty() {
        return Some(product);
    }
    // Texts that only stand in for English ones give way to real ones.
    let without_stand_ins: Vec<Product> = rest
        .iter()
        .map(|(_, part)| {
            let mut part = (*part).clone();
            if stands_in(&part) && speaks_english(leading) {
                part.name.0.remove("en");
                part.description.0.remove("en");
                part.warnings.retain(|warning| warning.code != WarningCode::NameFromOtherLanguage);
            }
            part
        })
        .collect();
    let mut remarks = Vec::new();
    for (part, (name, _)) in without_stand_ins.iter().zip(rest) {
        texts(&mut product, part);
        lacking(&mut product, part);
        remarks.extend(part.warnings.iter().cloned());
        remarks.extend(left_out(leading, name, part));
    }
    prices(&mut product, &parts);
    for remark in remarks {
        if !product.warnings.contains(&remark) {
            product.warnings.push(remark);
        }
    }
    let said = |lang: &String| format!("{lang:?}");
    let languages: Vec<String> = product.name.0.keys().map(said).collect();
    let missing = |remark: &Warning| !languages.iter().any(|lang| remark.message.ends_with(lang.as_str()));
    product.warnings.retain(|remark| remark.code != WarningCode::MissingLanguage || missing(remark));
    Some(product)
}

/// Adds texts in languages that are not there.
fn add(to: &mut Localized, from: &Localized) {
    for (lang, text) in &from.0 {
        to.0.entry(lang.clone()).or_insert_with(|| text.clone());
    }
}

/// The texts of a part: those of what is the same thing in both.
fn texts(product: &mut Product, part: &Product) {
    add(&mut product.name, &part.name);
    add(&mut product.description, &part.description);
    let same_axes = product.options.len() == part.options.len();
    for (ProductOption { name }, other) in product.options.iter_mut().zip(&part.options).filter(|_| same_axes) {
        add(name, &other.name);
    }
    let known: Vec<&Category> = part.categories.iter().flat_map(|CategoryPath(path)| path).collect();
    for Category { id, name } in product.categories.iter_mut().flat_map(|CategoryPath(path)| path) {
        if let Some(other) = known.iter().find(|other| other.id == *id) {
            add(name, &other.name);
        }
    }
    for Attribute { code, name, values } in &mut product.attributes {
        let Some(other) = part.attributes.iter().find(|other| other.code == *code) else { continue };
        add(name, &other.name);
        if values.len() == other.values.len() {
            values.iter_mut().zip(&other.values).for_each(|(value, other)| add(value, other));
        }
    }
}

/// What the parts before lack altogether.
fn lacking(product: &mut Product, part: &Product) {
    fn either<T: Clone>(to: &mut Option<T>, from: &Option<T>) {
        if to.is_none() {
            to.clone_from(from);
        }
    }
    fn any<T: Clone>(to: &mut Vec<T>, from: &[T]) {
        if to.is_empty() {
            to.extend_from_slice(from);
        }
    }
    either(&mut product.group, &part.group);
    either(&mut product.sku, &part.sku);
    either(&mut product.brand, &part.brand);
    either(&mut product.url, &part.url);
    either(&mut product.facts, &part.facts);
    any(&mut product.images, &part.images);
    any(&mut product.categories, &part.categories);
    any(&mut product.attributes, &part.attributes);
    let variants = product.variants.len();
    for (index, variant) in product.variants.iter_mut().enumerate() {
        if let Some(other) = counterpart(variant, (index, variants), part) {
            either(&mut variant.facts, &other.facts);
            any(&mut variant.images, &other.images);
        }
    }
}

/// The same variant in another part: by SKU, or the only one for the only one.
fn counterpart<'p>(variant: &Variant, (_, of): (usize, usize), part: &'p Product) -> Option<&'p Variant> {
    let by_sku = part.variants.iter().find(|other| other.sku == variant.sku);
    by_sku.or_else(|| part.variants.first().filter(|_| of == 1 && part.variants.len() == 1))
}

/// A price in each currency: that of the storefront whose currency it is, else that of the first part that has one.
fn prices(product: &mut Product, parts: &[(&PartName, &Product)]) {
    let givers: Vec<(&PartName, &Product)> = parts
        .iter()
        .enumerate()
        .filter(|(index, (_, part))| *index == 0 || !part.withdrawn)
        .map(|(_, part)| *part)
        .collect();
    let variants = product.variants.len();
    for (index, variant) in product.variants.iter_mut().enumerate() {
        let mut found: Vec<(bool, &Price)> = Vec::new();
        for (name, part) in &givers {
            let prices = counterpart(variant, (index, variants), part).map_or(&[][..], |other| &other.prices[..]);
            for price in prices {
                let own = name.owns(&price.currency);
                match found.iter_mut().find(|(_, known)| known.currency == price.currency) {
                    Some(known) if own && !known.0 => *known = (own, price),
                    Some(_) => {}
                    None => found.push((own, price)),
                }
            }
        }
        let mut prices: Vec<Price> = found.into_iter().map(|(_, price)| price.clone()).collect();
        prices.sort_by(|a, b| a.currency.cmp(&b.currency));
        variant.prices = prices;
    }
}

/// What is said of variants that only a part has which does not lead.
fn left_out(leading: &Product, name: &PartName, part: &Product) -> Option<Warning> {
    if leading.variants.len() == 1 && part.variants.len() == 1 {
        return None;
    }
    let unknown = |variant: &&Variant| !leading.variants.iter().any(|known| known.sku == variant.sku);
    let skus: Vec<&str> = part.variants.iter().filter(unknown).map(|variant| variant.sku.as_str()).collect();
    let shown = skus.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    let more = if skus.len() > 5 { ", …" } else { "" };
    let message = format!("only the storefront {name} has {shown}{more}; the leading one decides what there is");
    (!skus.is_empty()).then_some(Warning { code: WarningCode::VariantLeftOut, message })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ContentHash;

    fn name(text: &str) -> PartName {
        PartName::from_text(text)
    }

    fn price(currency: &str, amount: u32) -> Price {
        Price { currency: currency.into(), amount: amount.into(), list_amount: None }
    }

    fn variant(sku: &str, prices: Vec<Price>) -> Variant {
        Variant { sku: sku.into(), title: sku.into(), options: vec![], prices, stock: 3, images: vec![], facts: None }
    }

    fn product(names: &[(&str, &str)], variants: Vec<Variant>) -> Product {
        let texts =
            |all: &[(&str, &str)]| all.iter().fold(Localized::default(), |texts, (lang, text)| texts.with(lang, text));
        Product { name: texts(names), variants, ..Product::bare("demo", "1") }
    }

    fn us() -> Product {
        product(&[("en", "Scarf")], vec![variant("a", vec![price("USD", 10)])])
    }

    fn ar() -> Product {
        product(&[("ar", "وشاح")], vec![variant("a", vec![price("SAR", 37), price("USD", 9)])])
    }

    #[test]
    fn a_part_is_named_after_its_storefront_and_currency() {
        let at = |url: Option<&str>, prices: Vec<Price>| {
            let product = Product { url: url.map(str::to_owned), ..product(&[], vec![variant("a", prices)]) };
            PartName::of_storefront(&product).map(|name| name.0)
        };
        for (url, prices, right) in [
            (Some("https://us.shein.com/x-p-1.html"), vec![price("USD", 1)], Some("us-usd")),
            (Some("https://AR.shein.com"), vec![price("SAR", 1), price("USD", 1)], Some("ar-sar")),
            (Some("https://m.shein.com?x"), vec![price("USD", 1), price("ZAR", 1)], Some("m-zar")),
            (Some("https:///x"), vec![price("EUR", 1)], Some("eur")),
            (None, vec![price("SAR", 1)], Some("sar")),
            (None, vec![], None),
        ] {
            assert_eq!(at(url, prices).as_deref(), right, "{url:?}");
        }
        let long = at(Some(&format!("https://{}.shein.com/", "x".repeat(63))), vec![price("USD", 1)]).unwrap();
        assert!(long.len() <= 28, "{long}");
    }

    #[test]
    fn two_storefronts_give_both_languages_and_both_prices() {
        let (us, ar) = (us(), ar());
        let both = assemble([(&name("ar-sar"), &ar), (&name("us-usd"), &us)]).unwrap();
        assert_eq!((both.name.get("en"), both.name.get("ar")), (Some("Scarf"), Some("وشاح")));
        // The Arabic storefront converts; the dollars of the American one are its own.
        assert_eq!(both.variants[0].prices, [price("SAR", 37), price("USD", 10)]);
    }

    #[test]
    fn only_the_leading_part_withdraws_and_a_withdrawn_one_beside_it_gives_no_prices() {
        let (us, ar) = (us(), Product { withdrawn: true, ..ar() });
        let both = assemble([(&name("ar-sar"), &ar), (&name("us-usd"), &us)]).unwrap();
        assert!(!both.withdrawn);
        assert_eq!(both.variants[0].prices, [price("USD", 10)]);
        assert_eq!(both.name.get("ar"), Some("وشاح"), "its texts stay");
        let gone = Product { withdrawn: true, ..us };
        assert!(assemble([(&name("us-usd"), &gone), (&name("ar-sar"), &self::ar())]).unwrap().withdrawn);
    }

    #[test]
    fn what_leading_lacks_comes_from_the_next_and_what_only_the_next_sells_is_left_out_with_a_remark() {
        let mut us = us();
        us.variants.push(variant("b", vec![price("USD", 11)]));
        us.warnings
            .push(Warning { code: WarningCode::MissingLanguage, message: "the product has no title in \"ar\"".into() });
        let mut ar = ar();
        ar.brand = Some("Acme".into());
        ar.images = vec!["https://img.example.test/a.jpg".into()];
        ar.variants.push(variant("c", vec![price("SAR", 40)]));
        let both = assemble([(&name("us-usd"), &us), (&name("ar-sar"), &ar)]).unwrap();
        assert_eq!(both.brand.as_deref(), Some("Acme"));
        assert_eq!(both.images.len(), 1);
        let sold: Vec<(&str, usize)> = both.variants.iter().map(|one| (one.sku.as_str(), one.prices.len())).collect();
        assert_eq!(sold, [("a", 2), ("b", 1)]);
        let codes: Vec<WarningCode> = both.warnings.iter().map(|one| one.code).collect();
        assert_eq!(codes, [WarningCode::VariantLeftOut], "and that Arabic is missing is not true any more");
    }

    #[test]
    fn a_name_that_stands_in_for_english_does_not_lead_and_gives_way() {
        let mut de = product(&[("de", "Schal"), ("en", "Schal")], vec![variant("a", vec![price("EUR", 9)])]);
        de.description = Localized::default().with("de", "Weich").with("en", "Weich");
        de.warnings.push(Warning { code: WarningCode::NameFromOtherLanguage, message: "de".into() });
        let both = assemble([(&name("de-eur"), &de), (&name("us-usd"), &us())]).unwrap();
        assert_eq!((both.name.get("en"), both.name.get("de")), (Some("Scarf"), Some("Schal")));
        assert_eq!((both.description.get("en"), both.description.get("de")), (None, Some("Weich")));
        assert_eq!(both.warnings, []);
    }

    #[test]
    fn names_of_categories_and_attributes_meet_by_their_ids() {
        let told = |lang: &str, text: &str| Localized::default().with(lang, text);
        let with = |mut product: Product, lang: &str, category: &str, value: &str| {
            product.categories = vec![CategoryPath(vec![Category { id: "91".into(), name: told(lang, category) }])];
            product.attributes =
                vec![Attribute { code: "color".into(), name: told(lang, "x"), values: vec![told(lang, value)] }];
            product
        };
        let (us, ar) = (with(us(), "en", "Scarves", "Blue"), with(ar(), "ar", "أوشحة", "أزرق"));
        let both = assemble([(&name("us-usd"), &us), (&name("ar-sar"), &ar)]).unwrap();
        assert_eq!(both.categories[0].0[0].name, told("en", "Scarves").with("ar", "أوشحة"));
        assert_eq!(both.attributes[0].values, [told("en", "Blue").with("ar", "أزرق")]);
    }

    prop_compose! {
        fn any_product()(
            names in proptest::collection::btree_map(prop::sample::select(vec!["en", "ar", "de"]), "[a-c]{1,2}", 0..3),
            variants in proptest::collection::btree_map("[xyz]", proptest::collection::btree_map(prop::sample::select(vec!["EUR", "SAR", "USD"]), 1..9_u32, 0..3), 0..3),
            brand in proptest::option::of("[AB]"), images in proptest::collection::vec("[ij]", 0..2),
            withdrawn in any::<bool>(), stands_in in any::<bool>(),
        ) -> Product {
            let names: Vec<(&str, &str)> = names.iter().map(|(lang, text)| (*lang, text.as_str())).collect();
            let prices = |all: &std::collections::BTreeMap<&str, u32>| all.iter().map(|(currency, amount)| price(currency, *amount)).collect();
            let variants = variants.iter().map(|(sku, all)| variant(sku, prices(all))).collect();
            let warning = Warning { code: WarningCode::NameFromOtherLanguage, message: "m".into() };
            let warnings = if stands_in { vec![warning] } else { vec![] };
            Product { brand, images, withdrawn, warnings, ..product(&names, variants) }
        }
    }

    proptest! {
        #[test]
        fn any_order_of_parts_gives_the_same_and_one_gives_itself(
            parts in proptest::collection::btree_map(prop::sample::select(vec!["us-usd", "ar-sar", "de-eur", "sar"]), any_product(), 1..4),
            seed in any::<prop::sample::Index>(),
        ) {
            let parts: Vec<(PartName, Product)> = parts.into_iter().map(|(text, product)| (name(text), product)).collect();
            let whole = assemble(parts.iter().map(|(name, product)| (name, product)));
            let mut other: Vec<&(PartName, Product)> = parts.iter().collect();
            other.rotate_left(seed.index(parts.len()));
            prop_assert_eq!(&assemble(other.iter().map(|(name, product)| (name, product))), &whole);
            other.reverse();
            prop_assert_eq!(&assemble(other.iter().map(|(name, product)| (name, product))), &whole);
            let whole = whole.unwrap();
            // Nothing of a language or, where it is offered, a currency is lost, and nothing is cleared.
            for (_, part) in &parts {
                let told = |lang: &String| whole.name.0.contains_key(lang);
                prop_assert!(part.name.0.keys().all(told));
                prop_assert!(part.brand.is_none() || whole.brand.is_some());
                let alone = assemble([(&name("x"), part)]).unwrap();
                prop_assert_eq!(ContentHash::of(&alone), ContentHash::of(part));
                prop_assert_eq!(&alone, part);
            }
            let skus: Vec<&String> = whole.variants.iter().map(|one| &one.sku).collect();
            let first = leading(parts.iter().map(|(name, product)| (name, product))).unwrap();
            prop_assert_eq!(skus, parts[first].1.variants.iter().map(|one| &one.sku).collect::<Vec<_>>());
            prop_assert_eq!(whole.withdrawn, parts[first].1.withdrawn);
        }
    }
}
