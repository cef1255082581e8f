//! Products that vanished: kept as drafts, and deleted when their time is over and nobody can need
//! them any more.
//!
//! A product vanishes when the PIM lacks it or its source withdrew it; one that people unpublished
//! or hid does not. The withdrawing write notes since when. The deletion is noted before it is
//! made: so that it is not taken for a person's, and so that nobody puts on sale again what a late
//! request may still delete.

use serde::{Deserialize, Serialize};

use super::GONE;
use super::kept::DAY;
use super::stock::reserved;
use crate::address::redirects;
use crate::api::model::{Metadata, Product};
use crate::aside::Made;

/// What a product notes of its vanishing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Vanished {
    since: jiff::Timestamp,
    /// It is being deleted, by us.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleting: bool,
}

impl Vanished {
    fn of(there: &Product) -> Option<Self> {
        let note = there.metadata.as_ref()?.get(GONE).filter(|note| note.is_object())?;
        Self::deserialize(note).ok()
    }

    fn noted(&self) -> Metadata {
        [(GONE.to_owned(), serde_json::to_value(self).unwrap_or_default())].into()
    }
}

/// What is to be done about a draft that is not for sale.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Retirement {
    /// Nothing, until this time (ms), if any.
    Stays(Option<i64>),
    /// This is to be noted on it; then nothing until a time (ms), if any.
    Noted(Metadata, Option<i64>),
    /// It may be deleted, if nobody needs it.
    Due,
}

/// The note that goes with a withdrawal.
pub(crate) fn vanishing(now: i64) -> Metadata {
    let since = jiff::Timestamp::from_millisecond(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Vanished { since, deleting: false }.noted()
}

/// Whether it was withdrawn by us, and by nobody else.
fn is_ours(there: &Product) -> bool {
    there.status == "draft" && Made::of(there.metadata.as_ref()).is_some_and(|made| made.status == "draft")
}

/// What is to be done about a draft, as a light read shows it. `retention` in ms; 0: for ever.
pub(crate) fn decide(there: &Product, vanished: bool, retention: i64, now: i64) -> Retirement {
    let noted = Vanished::of(there);
    match noted {
        // Back in the PIM, if not for sale: its time begins anew when it vanishes again.
        Some(_) if !vanished => Retirement::Noted([(GONE.to_owned(), "".into())].into(), None),
        _ if !vanished || retention == 0 || !is_ours(there) => Retirement::Stays(None),
        None => Retirement::Noted(vanishing(now), Some(now.saturating_add(retention))),
        Some(noted) => {
            let until = noted.since.as_millisecond().saturating_add(retention);
            if until > now { Retirement::Stays(Some(until)) } else { Retirement::Due }
        }
    }
}

/// When (ms) to look again at a product, read in full, that must not be deleted yet; `Some(None)`
/// where it never must.
pub(crate) fn needed(there: &Product, now: i64) -> Option<Option<i64>> {
    // Of what was sold uncounted, or beyond what there was, Medusa keeps no reservation that would
    // tell of open orders. And addresses that lead on to it would lead nowhere.
    let untold =
        |variant: &crate::api::model::Variant| !variant.manage_inventory || variant.allow_backorder == Some(true);
    if there.variants.iter().any(untold) || !redirects(there.metadata.as_ref()).is_empty() {
        return Some(None);
    }
    there.variants.iter().any(|variant| reserved(variant) > 0).then_some(Some(now + DAY))
}

/// The note that it is being deleted.
pub(crate) fn deleting(there: &Product) -> Option<Metadata> {
    Vanished::of(there).map(|noted| Vanished { deleting: true, ..noted }.noted())
}

/// The note that it is not, after all.
pub(crate) fn spared(there: &Product) -> Option<Metadata> {
    Vanished::of(there).map(|noted| Vanished { deleting: false, ..noted }.noted())
}

/// Whether we are deleting it, or have.
pub(crate) fn is_being_deleted(there: &Product) -> bool {
    is_ours(there) && Vanished::of(there).is_some_and(|noted| noted.deleting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::model::Variant;
    use crate::aside::MADE;
    use crate::plan::RETENTION;
    use crate::testing::{article, held, key};

    const NOW: i64 = 1_800_000_000_000;

    fn draft(noted: Option<Metadata>) -> Product {
        let mut there = held(&key("demo:1"), &article(2));
        there.status = "draft".into();
        let made = Made::published(&article(2), "sc_1", &[]).withdrawn();
        let metadata = there.metadata.get_or_insert_default();
        metadata.insert(MADE.to_owned(), made.value());
        metadata.extend(noted.into_iter().flatten());
        there
    }

    #[test]
    fn a_vanished_product_is_noted_kept_and_due_when_its_time_is_over() {
        let noted = Some(vanishing(NOW));
        let persons = Product {
            metadata: Some([(MADE.to_owned(), Made::published(&article(2), "sc_1", &[]).value())].into()),
            ..draft(None)
        };
        let later = NOW + RETENTION;
        for (what, there, vanished, retention, now, expected) in [
            (
                "just withdrawn, by a release before",
                draft(None),
                true,
                RETENTION,
                NOW,
                Retirement::Noted(vanishing(NOW), Some(later)),
            ),
            ("its time is not over", draft(noted.clone()), true, RETENTION, later - 1, Retirement::Stays(Some(later))),
            ("its time is over", draft(noted.clone()), true, RETENTION, later, Retirement::Due),
            ("for ever", draft(noted.clone()), true, 0, later, Retirement::Stays(None)),
            ("unpublished by an editor", draft(None), false, RETENTION, later, Retirement::Stays(None)),
            (
                "back in the PIM",
                draft(noted),
                false,
                RETENTION,
                later,
                Retirement::Noted([(GONE.to_owned(), "".into())].into(), None),
            ),
            ("a person's draft", persons, true, RETENTION, later, Retirement::Stays(None)),
            (
                "from before there were notes",
                Product { metadata: None, ..draft(None) },
                true,
                RETENTION,
                later,
                Retirement::Stays(None),
            ),
        ] {
            assert_eq!(decide(&there, vanished, retention, now), expected, "{what}");
        }
    }

    #[test]
    fn what_somebody_may_need_is_not_deleted() {
        let there = draft(Some(vanishing(NOW)));
        assert_eq!(needed(&there, NOW), None);
        let mut ordered = there.clone();
        let item = ordered.variants[1].inventory_items[0].inventory.as_mut().unwrap();
        item.location_levels[0].reserved_quantity = 1;
        assert_eq!(needed(&ordered, NOW), Some(Some(NOW + DAY)));
        let changes: [fn(&mut Variant); 2] =
            [|variant| variant.manage_inventory = false, |variant| variant.allow_backorder = Some(true)];
        for change in changes {
            let mut untold = there.clone();
            change(&mut untold.variants[0]);
            assert_eq!(needed(&untold, NOW), Some(None));
        }
        let mut led_to = there;
        led_to
            .metadata
            .get_or_insert_default()
            .insert(crate::address::REDIRECTS.to_owned(), serde_json::json!(["old"]));
        assert_eq!(needed(&led_to, NOW), Some(None));
    }

    #[test]
    fn a_deletion_is_ours_from_its_note_on_and_only_of_what_we_withdrew() {
        let there = draft(Some(vanishing(NOW)));
        assert!(!is_being_deleted(&there));
        let doomed = draft(deleting(&there));
        assert!(is_being_deleted(&doomed));
        assert!(!is_being_deleted(&draft(spared(&doomed))));
        // A note that lands after it was put on sale again says nothing.
        assert!(!is_being_deleted(&Product { status: "published".into(), ..doomed }));
    }
}
