//! Stock of what one can buy.

use super::{Plan, Structure};
use crate::api::model::{LevelWrite, Variant};
use crate::references::References;

/// Pieces of a variant that open orders hold, at any location.
pub(super) fn reserved(variant: &Variant) -> i64 {
    let items = variant.inventory_items.iter().filter_map(|link| link.inventory.as_ref());
    items.flat_map(|item| &item.location_levels).map(|level| level.reserved_quantity).sum()
}

/// Brings a variant's stock at our location to `pieces`. A variant whose stock people chose not to count has none.
pub(super) fn of(
    pieces: i64,
    sku: &str,
    now: &Variant,
    references: &References,
    plan: &mut Plan,
    late: &mut Vec<Structure>,
) {
    if !now.manage_inventory {
        return;
    }
    let Some((link, item)) = now.inventory_items.iter().find_map(|link| Some((link, link.inventory.as_ref()?))) else {
        late.push(Structure::Stock { variant_id: now.id.clone(), sku: sku.to_owned() });
        plan.look_again = true;
        return;
    };
    let item_id = &link.inventory_item_id;
    if item.sku.as_deref() != Some(sku) && !sku.is_empty() {
        late.push(Structure::RenameItem { item_id: item_id.clone(), sku: sku.to_owned() });
    }
    let level = LevelWrite {
        inventory_item_id: item_id.clone(),
        location_id: references.stock_location_id.clone(),
        stocked_quantity: pieces,
    };
    match item.location_levels.iter().find(|level| level.location_id == references.stock_location_id) {
        None => plan.levels.create.push(level),
        Some(now) if now.stocked_quantity != pieces => plan.levels.update.push(level),
        Some(_) => {}
    }
}
