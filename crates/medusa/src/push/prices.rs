//! Prices of many products in one call.
//!
//! `variants/batch` belongs to one product by its path alone: Medusa looks each variant up by its
//! id and keeps it at the product that has it. So products whose variants change in nothing but
//! prices and our metadata share calls (D271): the price is a tenth of a call for each.
//!
//! A shared call is refused as a whole. Then each of its products has a call of its own, so that
//! one bad product never stops the others. A call without an answer may have been carried out for
//! each of its products, as their own calls may.

use std::collections::HashMap;
use std::time::Instant;

use serde::de::IgnoredAny;

use super::finish::MOST_ROWS;
use super::{Offer, Shop};
use crate::api::model::{Product, TranslationsBatch, VariantWrite, VariantsBatch};
use crate::api::{ApiError, split_batch};
use crate::plan::{Plan, Structure};

/// What became of products, by slot, in calls that they shared. Who is not in it has calls of its
/// own.
pub(super) type Shared = HashMap<usize, Result<(), ApiError>>;

impl Shop {
    /// Writes what these products share calls for.
    pub(super) async fn prices_together<'p>(
        &self,
        planned: impl Iterator<Item = (&'p Offer<'p>, &'p Product, &'p Plan)>,
        deadline: Instant,
    ) -> Shared {
        let shared = planned.filter_map(|(offer, product, plan)| Some((offer.slot, product, prices_alone(plan)?)));
        let shared: Vec<(usize, &Product, &[VariantWrite])> = shared.collect();
        let [(_, product, _), _, ..] = shared.as_slice() else { return Shared::new() };
        let path = format!("/admin/products/{}/variants/batch", product.id);
        let rows = shared.iter().flat_map(|(slot, _, rows)| rows.iter().map(|row| (*slot, row.clone())));
        let (slots, rows): (Vec<usize>, Vec<VariantWrite>) = rows.unzip();
        let mut slots = slots.into_iter();
        let mut answers = Vec::new();
        for update in split_batch(rows, MOST_ROWS, |_| 1) {
            let slots: Vec<usize> = slots.by_ref().take(update.len()).collect();
            let batch = VariantsBatch { update, ..VariantsBatch::default() };
            let answer: Result<IgnoredAny, ApiError> =
                self.medusa.post(&path, &[("fields", "id")], &batch, deadline).await;
            answers.push((slots, answer.map(drop)));
        }
        settled(answers)
    }
}

/// What became of products that had rows in these calls. Who had a row in one that was refused
/// writes all of them once more, unless another call has no answer.
fn settled(answers: Vec<(Vec<usize>, Result<(), ApiError>)>) -> Shared {
    let mut shared = Shared::new();
    let mut refused = Vec::new();
    for (slots, answer) in answers {
        match answer {
            Ok(()) => {
                for slot in slots {
                    shared.entry(slot).or_insert(Ok(()));
                }
            }
            Err(error) if error.refusal().is_some() => refused.extend(slots),
            Err(error) => shared.extend(slots.into_iter().map(|slot| (slot, Err(error.clone())))),
        }
    }
    for slot in refused {
        if shared.get(&slot).is_some_and(Result::is_ok) {
            shared.remove(&slot);
        }
    }
    shared
}

/// Whether a plan changes nothing but prices, our metadata and what the last update writes. If it is
/// interrupted, the next delivery compares all of these ([`super::Depth::Full`]), so that it needs
/// no sign of its own that it is under way (D272). A figure of stock does: that a level was written
/// cannot be seen from it.
pub(super) fn leaves_no_trap(plan: &Plan) -> bool {
    let Plan { sale, stock, translations, look_again, .. } = plan;
    prices_alone(plan).is_some()
        && sale.is_empty()
        && stock.due.is_empty()
        && !look_again
        && *translations == TranslationsBatch::default()
}

/// The changes of a product whose variants change in nothing but prices and our metadata.
fn prices_alone(plan: &Plan) -> Option<&[VariantWrite]> {
    let [Structure::Variants(VariantsBatch { create, update, delete })] = plan.structure.as_slice() else {
        return None;
    };
    let plain = |row: &VariantWrite| {
        let VariantWrite { id, prices, metadata, .. } = row;
        let only = VariantWrite {
            id: id.clone(),
            prices: prices.clone(),
            metadata: metadata.clone(),
            ..VariantWrite::default()
        };
        id.is_some() && *row == only
    };
    (create.is_empty() && delete.is_empty() && update.iter().all(plain)).then_some(update)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::api::Refusal;
    use crate::plan::{Shelf, Shelves};

    fn row(id: &str) -> VariantWrite {
        VariantWrite { id: Some(id.into()), prices: Some(vec![]), ..VariantWrite::default() }
    }

    fn plan(structure: Vec<Structure>) -> Plan {
        Plan { structure, ..Plan::default() }
    }

    fn updates(update: Vec<VariantWrite>) -> Structure {
        Structure::Variants(VariantsBatch { update, ..VariantsBatch::default() })
    }

    #[test]
    fn only_prices_and_metadata_go_with_those_of_other_products() {
        assert_eq!(prices_alone(&plan(vec![updates(vec![row("a"), row("b")])])).map(<[_]>::len), Some(2));
        let retitled = VariantWrite { title: Some("S".into()), ..row("a") };
        let gone = Structure::Variants(VariantsBatch { delete: vec!["b".into()], ..VariantsBatch::default() });
        for other in [vec![], vec![updates(vec![row("a"), retitled])], vec![updates(vec![row("a")]), gone]] {
            assert_eq!(prices_alone(&plan(other)), None);
        }
    }

    #[test]
    fn what_the_next_delivery_cannot_see_is_said_to_be_under_way_first() {
        let prices = || plan(vec![updates(vec![row("a")])]);
        assert!(leaves_no_trap(&prices()));
        assert!(!leaves_no_trap(&plan(vec![])));
        let stock = Shelves { due: vec![Shelf::default()], ..Shelves::default() };
        assert!(!leaves_no_trap(&Plan { stock, ..prices() }));
        assert!(!leaves_no_trap(&Plan { look_again: true, ..prices() }));
    }

    #[test]
    fn a_refused_call_leaves_its_products_to_calls_of_their_own_and_a_lost_one_in_doubt() {
        let call = "POST /admin/products/prod_1/variants/batch".to_owned();
        let refused =
            ApiError::Refused { call: call.clone(), status: 400, refusal: Refusal::Invalid, message: "no".to_owned() };
        let lost = ApiError::Timeout { call, waited: Duration::from_secs(1) };
        let told = |answers: Vec<(Vec<usize>, Result<(), ApiError>)>| {
            let settled = settled(answers);
            (0..4).map(|slot| settled.get(&slot).map(Result::is_ok)).collect::<Vec<_>>()
        };
        let all = [Some(true), Some(true), Some(true), None];
        assert_eq!(told(vec![(vec![0, 0, 1], Ok(())), (vec![1, 2], Ok(()))]), all);
        // 1 has rows in both calls.
        let (first, second) = (vec![0, 1], vec![1, 2]);
        let of = |one: &Result<(), ApiError>, two: &Result<(), ApiError>| {
            told(vec![(first.clone(), one.clone()), (second.clone(), two.clone())])
        };
        let (done, refused, lost) = (Ok(()), Err(refused), Err(lost));
        assert_eq!(of(&done, &refused), [Some(true), None, None, None]);
        assert_eq!(of(&refused, &done), [None, None, Some(true), None]);
        assert_eq!(of(&done, &lost), [Some(true), Some(false), Some(false), None]);
        assert_eq!(of(&lost, &done), [Some(false), Some(false), Some(true), None]);
        assert_eq!(of(&lost, &refused), [Some(false), Some(false), None, None]);
    }
}
