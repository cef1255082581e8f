//! A product without the variants that have to wait.

use std::collections::BTreeSet;

use super::variants::matched;
use crate::api::model::Product;
use crate::desired::Article;

/// `article` without its variants of these SKUs, which others hold. One that is there under another
/// SKU, which is to be renamed, keeps that SKU until then and is otherwise as wanted. `None` if
/// nothing is left to sell.
pub(crate) fn without(article: &Article, there: Option<&Product>, taken: &BTreeSet<&str>) -> Option<Article> {
    let nothing = Product::default();
    let kept = matched(article, there.unwrap_or(&nothing)).kept;
    let mut partial = article.clone();
    partial.variants.retain_mut(|variant| {
        if !taken.contains(variant.sku.as_str()) {
            return true;
        }
        let now = kept.iter().find(|(wanted, _)| wanted.sku == variant.sku).and_then(|(_, now)| now.sku.as_ref());
        let Some(sku) = now.filter(|sku| !sku.is_empty() && !taken.contains(sku.as_str())) else { return false };
        variant.sku.clone_from(sku);
        true
    });
    (!partial.variants.is_empty()).then_some(partial)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{article, held, key};

    #[test]
    fn only_the_variant_whose_sku_is_taken_waits() {
        let there = held(&key("demo:1"), &article(2));
        let grown = article(3);
        let partial = without(&grown, Some(&there), &["demo-1-2"].into()).unwrap();
        assert_eq!(partial, article(2));
        // Renamed to a SKU that is taken: stays under its own, with its new price.
        let mut renamed = article(2);
        renamed.variants[0].sku = "taken".into();
        renamed.variants[0].prices.insert("sar".into(), 99.into());
        let partial = without(&renamed, Some(&there), &["taken"].into()).unwrap();
        assert_eq!((partial.variants[0].sku.as_str(), partial.variants[0].prices["sar"]), ("demo-1-0", 99.into()));
        // A new product is made of what is left, and not at all of nothing.
        assert_eq!(without(&article(2), None, &["demo-1-1"].into()).unwrap().variants.len(), 1);
        assert_eq!(without(&article(1), None, &["demo-1-0"].into()), None);
    }
}
