//! Variants that the PIM no longer has: sold out and kept, and deleted when nobody can need them
//! any more.
//!
//! A supplier that leaves a size out of one document has not taken its barcode, weight, tiers and
//! rows of price lists with it. So the variant stays under its id with no stock, and notes on
//! itself since when, and what people had chosen of its stock: that is given back when it returns.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::variants::Match;
use crate::api::model::{Variant, VariantWrite};

/// The variant metadata key that says that the PIM no longer has it.
pub const GONE: &str = "relay_gone";

/// How long (ms) a variant is kept where nothing is configured: 30 days.
pub const RETENTION: i64 = 30 * DAY;

pub(crate) const DAY: i64 = 86_400_000;

/// What a variant notes of its going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Gone {
    since: jiff::Timestamp,
    /// People had chosen not to count its stock.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    uncounted: bool,
    /// It could be ordered when it was sold out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    backorder: bool,
}

impl Gone {
    fn of(now: &Variant) -> Option<Self> {
        let note = now.metadata.as_ref()?.get(GONE).filter(|note| note.is_object())?;
        Self::deserialize(note).ok()
    }

    /// When (ms) it may be deleted; `None` for never: of what was sold uncounted, or beyond what
    /// there was, Medusa keeps no reservation that would tell of open orders.
    fn until(&self, retention: i64) -> Option<i64> {
        (!self.uncounted && !self.backorder).then(|| self.since.as_millisecond().saturating_add(retention))
    }
}

/// Whether a variant says of itself that the PIM no longer has it.
#[must_use]
pub fn is_gone(variant: &Variant) -> bool {
    Gone::of(variant).is_some()
}

/// Moves the variants that are to be kept to those that orders hold: both are sold out and stay.
pub(super) fn keep(matched: &mut Match<'_, '_>, retention: i64, now: i64) {
    let is_kept = |variant: &&Variant| {
        // Without a price set it cannot be for sale, sold out or not.
        let whole = variant.prices.is_some();
        // With it Medusa would delete the item.
        let lent = has_lent_its_item(variant);
        whole
            && (lent
                || Gone::of(variant)
                    .map_or(retention > 0, |gone| gone.until(retention).is_none_or(|until| until > now)))
    };
    let kept: Vec<&Variant> = matched.gone.extract_if(.., |variant| is_kept(variant)).collect();
    matched.held.extend(kept.into_iter().map(|variant| (variant, 0)));
}

/// Whether another variant has its SKU and its inventory item by now: then what is in stock is that
/// one's.
pub(super) fn has_lent_its_item(variant: &Variant) -> bool {
    let named = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let mut items = variant.inventory_items.iter().filter_map(|link| link.inventory.as_ref());
    !named(&variant.sku) && items.any(|item| named(&item.sku))
}

/// Whether an inventory item of its goes by this SKU.
pub(super) fn has_item_of(variant: &Variant, sku: &str) -> bool {
    let mut items = variant.inventory_items.iter().filter_map(|link| link.inventory.as_ref());
    items.any(|item| item.sku.as_deref() == Some(sku))
}

/// When (ms) to look again whether it can be deleted.
pub(super) fn look_at(variant: &Variant, retention: i64, now: i64) -> Option<i64> {
    let until = Gone::of(variant).map_or_else(|| Some(now + retention), |gone| gone.until(retention))?;
    // Held by orders beyond its time: nobody says when they are done.
    Some(if until > now { until } else { now + DAY })
}

/// What makes it sold out, whatever people chose of its stock.
pub(super) fn sold_out(variant: &Variant, now: i64) -> VariantWrite {
    let backorder = variant.allow_backorder == Some(true);
    let mut change = VariantWrite {
        id: Some(variant.id.clone()),
        manage_inventory: (!variant.manage_inventory).then_some(true),
        allow_backorder: backorder.then_some(false),
        ..VariantWrite::default()
    };
    let noted = Gone::of(variant);
    let uncounted = !variant.manage_inventory;
    if noted.is_none() || uncounted || backorder {
        let since = noted.as_ref().map_or_else(|| time(now), |gone| gone.since);
        let was = |of: fn(&Gone) -> bool| noted.as_ref().is_some_and(of);
        let gone = Gone {
            since,
            uncounted: uncounted || was(|gone| gone.uncounted),
            backorder: backorder || was(|gone| gone.backorder),
        };
        change.metadata.insert(GONE.to_owned(), serde_json::to_value(gone).unwrap_or(Value::Null));
    }
    change
}

/// Gives a variant that is back what people had chosen of its stock.
pub(super) fn give_back(variant: &Variant, change: &mut VariantWrite) {
    let Some(gone) = Gone::of(variant) else { return };
    if gone.uncounted {
        change.manage_inventory = Some(false);
    }
    if gone.backorder && change.allow_backorder.is_none() {
        change.allow_backorder = Some(true);
    }
}

fn time(ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}
