//! What keeps a finished product from being published: a pure decision.

use catalog::Product;

use crate::category::of_shop;
use crate::file::Withhold;
use crate::text::{folded, has_word};
use crate::view::View;

/// The reasons, in words; none lets it through. `below_cost` names a price that is lower than what
/// the source asks.
pub(crate) fn reasons(gate: &Withhold, view: &View<'_>, product: &Product, below_cost: Option<&str>) -> Vec<String> {
    let mut reasons = Vec::new();
    if gate.no_image && product.images.is_empty() && product.variants.iter().all(|variant| variant.images.is_empty()) {
        reasons.push("it has no image".to_owned());
    }
    if gate.no_stock && product.variants.iter().all(|variant| variant.stock <= 0) {
        reasons.push("no piece is in stock".to_owned());
    }
    if gate.unmapped && !product.categories.iter().any(of_shop) {
        reasons.push("it is in no category of the shop".to_owned());
    }
    if let (true, Some(price)) = (gate.below_cost, below_cost) {
        reasons.push(format!("a price is below what the source asks: {price}"));
    }
    if let Some(least) = gate.title_shorter_than {
        let title = product.name.base().unwrap_or_default();
        if title.chars().count() < least as usize {
            reasons.push(format!("its name has fewer than {least} characters: {title:?}"));
        }
    }
    for word in &gate.words.0 {
        if has_word(view.text(), &folded(word)) {
            reasons.push(format!("the word {word:?} stands in its name or description"));
        }
    }
    if is_bare(gate) {
        return vec![gate.reason.clone().unwrap_or_default()];
    }
    if let Some(said) = &gate.reason {
        reasons.iter_mut().for_each(|reason| *reason = format!("{reason} ({said})"));
    }
    reasons
}

/// Whether nothing is looked at: all products of the rule are withheld.
pub(crate) fn is_bare(gate: &Withhold) -> bool {
    let Withhold { no_image, no_stock, unmapped, below_cost, title_shorter_than, words, reason: _ } = gate;
    !no_image && !no_stock && !unmapped && !below_cost && title_shorter_than.is_none() && words.0.is_empty()
}
