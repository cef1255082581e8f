//! Which changes of variants share a call.
//!
//! `variants/batch` is said to be all or nothing. It is not for prices: when another part of the
//! call is refused, Medusa takes its price step back by writing the price sets as it read them
//! before, and it reads them *without* their prices, so every variant whose prices were in the call
//! is left without any, people's tiers included. So prices only go with changes of the same kind,
//! where they are the last thing that Medusa does; what can be refused beside them (a SKU that is
//! taken, a variant that an order holds) has a call of its own.

use super::Structure;
use crate::api::model::VariantsBatch;

/// The calls that make up a batch: the new ones first, so that nothing goes before its successor is
/// there.
pub(super) fn apart(batch: VariantsBatch) -> impl Iterator<Item = Structure> {
    let VariantsBatch { create, update, delete } = batch;
    let new = VariantsBatch { create, ..VariantsBatch::default() };
    let changed = VariantsBatch { update, ..VariantsBatch::default() };
    let gone = VariantsBatch { delete, ..VariantsBatch::default() };
    [new, changed, gone].into_iter().filter(|call| !call.is_empty()).map(Structure::Variants)
}
