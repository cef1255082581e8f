//! Stock of what one can buy: which levels have a figure to be applied.

use std::collections::BTreeSet;

use super::{Plan, Structure};
use crate::api::model::Variant;
use crate::references::References;
use crate::stock::{Applied, Due, Marked, Recall, Terms, adopted, due};

/// A level with a figure to be applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelf {
    /// `variant_…`
    pub variant_id: String,
    /// The variant's SKU as it is to be.
    pub sku: String,
    /// `iitem_…`
    pub item_id: String,
    /// `sloc_…`
    pub location_id: String,
    /// What the PIM says; 0 for what it no longer has.
    pub figure: i64,
    /// Whether the level was there when the product was read.
    pub there: bool,
    /// It may have been ordered without a reservation: beyond what there was.
    pub unreserved: bool,
}

/// What is known of a product's stock while it is planned.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// What is remembered, and said.
    pub recall: &'a Recall,
    /// How its source's figures are used.
    pub terms: &'a Terms,
    /// What the product's marker says.
    pub marked: Marked,
    /// The time, in ms.
    pub now: i64,
    /// SKUs of variants whose bar codes others have.
    pub uncoded: &'a BTreeSet<String>,
    /// The handle that it is to get instead of its own.
    pub moves_to: Option<&'a str>,
}

/// The location that is filled under these terms.
pub(crate) fn location<'a>(terms: &'a Terms, references: &'a References) -> &'a str {
    terms.location.as_deref().unwrap_or(&references.stock_location_id)
}

/// Pieces of a variant that open orders hold, at any location.
pub(super) fn reserved(variant: &Variant) -> i64 {
    let items = variant.inventory_items.iter().filter_map(|link| link.inventory.as_ref());
    items.flat_map(|item| &item.location_levels).map(|level| level.reserved_quantity).sum()
}

/// What `terms` say about ordering what is sold out, where the variant has it otherwise.
pub(super) fn backorder(terms: &Terms, now: &Variant) -> Option<bool> {
    terms.backorder.filter(|allow| now.allow_backorder != Some(*allow))
}

/// Looks whether a variant's figure, `pieces`, has to be applied at our location. A variant whose stock people chose not to count has none.
pub(super) fn of(
    pieces: i64,
    sku: &str,
    now: &Variant,
    references: &References,
    known: &Given<'_>,
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
    plan.stock.items.push(item_id.clone());
    let Given { recall, terms, marked, now: time, uncoded: _, moves_to: _ } = *known;
    let place = location(terms, references);
    let level = item.location_levels.iter().find(|level| level.location_id == place);
    let applied = recall.book.0.get(item_id);
    let said = recall.said_of(sku, pieces, applied);
    match due(pieces, &said, applied, level.is_some(), marked, terms, time) {
        Due::Nothing => {}
        Due::Adopt => {
            let stocked = level.map_or(0, |level| level.stocked_quantity);
            plan.stock.adopted.push((item_id.clone(), adopted(sku, pieces, &said, stocked, terms, time)));
        }
        Due::Apply => plan.stock.due.push(Shelf {
            variant_id: now.id.clone(),
            sku: sku.to_owned(),
            item_id: item_id.clone(),
            location_id: place.to_owned(),
            figure: pieces,
            there: level.is_some(),
            unreserved: now.allow_backorder == Some(true),
        }),
    }
}

/// What is to be done about the levels of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelves {
    /// Figures to be applied.
    pub due: Vec<Shelf>,
    /// Figures that are only remembered, by inventory item.
    pub adopted: Vec<(String, Applied)>,
    /// Every inventory item of the product whose stock counts.
    pub items: Vec<String>,
}
