//! A SKU that we make, where another product has it.
//!
//! Where a source gives no SKU, one is made of the product's id and the choice. Two products may
//! come to the same one: two sources use one id, or `12` has a size `3-4` and `12-3` a size `4`.
//! The PIM keeps it for both. In the shop the first has it, and the other's variant gets digits of
//! its product behind it. Whoever has either form keeps it: SKUs stand on labels and invoices. So
//! the digits of an article's variant are its member's, by itself or not.

use std::collections::{BTreeMap, BTreeSet};

use catalog::ProductKey;

use crate::api::model::{Metadata, Product};
use crate::articles::MEMBER;
use crate::aside::Made;
use crate::desired::Article;

/// The variant metadata key that says which SKU the PIM has, where that is another.
pub const SAID: &str = "relay_pim_sku";
/// Between a SKU and the digits. No SKU of our making has one, as long as no id has.
const MARK: char = '~';

/// Eight hexadecimal digits of a product.
fn digits(key: &ProductKey) -> String {
    blake3::hash(key.to_string().as_bytes()).to_hex()[..8].to_owned()
}

/// The SKU of this product's own.
#[must_use]
pub fn own(key: &ProductKey, sku: &str) -> String {
    format!("{sku}{MARK}{}", digits(key))
}

/// The SKU that the PIM has, of one in the shop.
#[must_use]
pub fn said<'s>(key: &ProductKey, sku: &'s str) -> &'s str {
    let plain = sku.strip_suffix(digits(key).as_str()).and_then(|rest| rest.strip_suffix(MARK));
    plain.filter(|plain| !plain.is_empty()).unwrap_or(sku)
}

/// The product that a variant is of: itself, or a member.
pub(crate) fn owner_of(key: &ProductKey, metadata: Option<&Metadata>) -> ProductKey {
    let member = metadata.and_then(|metadata| metadata.get(MEMBER)?.as_str()?.parse().ok());
    member.filter(|_| key.is_article()).unwrap_or_else(|| key.clone())
}

/// The article with this product's own SKUs in the place of some.
pub(crate) fn with_own(key: &ProductKey, article: &Article, skus: &BTreeSet<&str>) -> Article {
    let mut article = article.clone();
    for variant in article.variants.iter_mut().filter(|variant| skus.contains(variant.sku.as_str())) {
        let own = own(&owner_of(key, Some(&variant.metadata)), &variant.sku);
        let said = std::mem::replace(&mut variant.sku, own);
        variant.metadata.insert(SAID.to_owned(), said.into());
    }
    article
}

/// The SKUs for which a product in the shop has, or had until a person deleted the variant, one of
/// its own.
pub(crate) fn kept<'a>(key: &ProductKey, article: &'a Article, there: &Product) -> BTreeSet<&'a str> {
    let made = Made::of(there.metadata.as_ref()).map(|made| made.skus).unwrap_or_default();
    let has: BTreeSet<&str> = there.variants.iter().filter_map(|row| row.sku.as_deref()).collect();
    // Of what is there and what was there, what is there counts first.
    let had = made.iter().map(String::as_str).map(|sku| (sku, false));
    let known: BTreeMap<&str, bool> = had.chain(has.iter().map(|sku| (*sku, true))).collect();
    if !known.keys().any(|sku| sku.contains(MARK)) {
        return BTreeSet::new();
    }
    let keeps = |variant: &&crate::desired::Variant| {
        let own = known.get(own(&owner_of(key, Some(&variant.metadata)), &variant.sku).as_str());
        own.is_some() && own > known.get(variant.sku.as_str())
    };
    article.variants.iter().filter(keeps).map(|variant| variant.sku.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aside::{MADE, Made};
    use crate::testing::{article, held, key};

    #[test]
    fn the_own_form_leads_back_to_what_the_pim_says_and_only_of_its_product() {
        let (one, other) = (key("demo:1"), key("other:1"));
        let own_one = own(&one, "1-s");
        assert_ne!(own_one, own(&other, "1-s"));
        assert_eq!((said(&one, &own_one), said(&other, &own_one)), ("1-s", own_one.as_str()));
        assert_eq!(said(&one, "1-s"), "1-s");
        let bare = format!("~{}", digits(&one));
        assert_eq!(said(&one, &bare), bare, "nothing is left of it");
    }

    #[test]
    fn a_members_own_form_is_the_same_in_its_article() {
        let (product, article_key) = (key("demo:1"), key("demo~article:G"));
        let mut wanted = article(2);
        wanted.variants[0].metadata.insert(MEMBER.into(), "demo:1".into());
        wanted.variants[1].metadata.insert(MEMBER.into(), "demo:2".into());
        let skus: BTreeSet<&str> = ["demo-1-0", "demo-1-1"].into();
        let mixed = with_own(&article_key, &wanted, &skus);
        let has: Vec<String> = mixed.variants.iter().map(|variant| variant.sku.clone()).collect();
        assert_eq!(has, [own(&product, "demo-1-0"), own(&key("demo:2"), "demo-1-1")]);
        assert_eq!(kept(&article_key, &wanted, &held(&article_key, &mixed)), skus);
        // By itself nobody is a member.
        assert_eq!(owner_of(&product, Some(&[(MEMBER.to_owned(), "demo:2".into())].into())), product);
    }

    #[test]
    fn what_the_shop_has_is_kept() {
        let key = key("demo:1");
        let wanted = article(3);
        let skus = |all: &[&'static str]| all.iter().copied().collect::<BTreeSet<&str>>();
        let plain = held(&key, &wanted);
        assert_eq!(kept(&key, &wanted, &plain), skus(&[]));
        let mixed = with_own(&key, &article(2), &skus(&["demo-1-1"]));
        assert_eq!(
            (mixed.variants[0].sku.as_str(), &mixed.variants[1].metadata[SAID]),
            ("demo-1-0", &"demo-1-1".into())
        );
        let mut there = held(&key, &mixed);
        assert_eq!(
            kept(&key, &wanted, &there),
            skus(&["demo-1-1"]),
            "the plain one stays plain, a new one is looked up"
        );
        // Its variant deleted by a person: what we made of it is still known by its name.
        let made = Made::published(&mixed, "sc_1", &[]);
        there.variants.truncate(1);
        there.metadata.get_or_insert_default().insert(MADE.into(), made.value());
        assert_eq!(kept(&key, &wanted, &there), skus(&["demo-1-1"]));
        // Made anew by that person under the plain one: that is what there is.
        there.variants.push(held(&key, &article(2)).variants[1].clone());
        assert_eq!(kept(&key, &wanted, &there), skus(&[]));
        // An article that has its own forms already has nothing to keep.
        assert_eq!(kept(&key, &mixed, &held(&key, &mixed)), skus(&[]));
    }
}
