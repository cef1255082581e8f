//! What an earlier version left in the shop (D155).
//!
//! That version wrote the same of the same state, but noted less: there was no [`MADE`]. A product
//! that carries its marker is believed, and costs no write until something of it changes; what was
//! not noted follows from the marker.

use crate::api::model::Product;
use crate::aside::{Known, MADE, Made};
use crate::desired::{Article, Desired, MARKER, Presence};
use crate::references::References;

/// How such a product is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// The marker that the earlier version would have given it.
    pub(crate) marker: String,
    /// It was for sale as it is to be when it was last pushed. A draft without that may be of our
    /// own making.
    offered: bool,
}

impl Left {
    /// `None` for what an earlier version did not complete, or wrote otherwise: `as_said` tells
    /// that its prices are written as they are said.
    pub(crate) fn of(
        desired: &Desired,
        there: &Product,
        known: &Known,
        as_said: bool,
        references: &References,
    ) -> Option<Self> {
        let noted = |name: &str| there.metadata.as_ref().is_some_and(|metadata| metadata.contains_key(name));
        if !as_said || noted(MADE) || !noted(MARKER) || desired.presence == Presence::Withheld {
            return None;
        }
        let marker = desired.marker_before(references);
        let offered = known.view.as_ref().is_some_and(|view| [&marker, &desired.marker(references)].contains(&view));
        Some(Self { marker, offered })
    }

    /// Whether the product is as that version completed it.
    pub(crate) fn is_on(&self, there: &Product) -> bool {
        there.metadata.as_ref().and_then(|metadata| metadata.get(MARKER)).is_some_and(|marker| *marker == self.marker)
    }

    /// What it would have noted.
    pub(crate) fn made(&self, there: &Product, article: &Article, channel: &str) -> Made {
        let made = Made::published(article, channel, &[]);
        if self.offered { made } else { Made { status: there.status.clone(), ..made } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aside::{Aside, decide};
    use crate::testing::{article, held, key, references};

    fn desired() -> Desired {
        Desired { key: key("demo:1"), presence: Presence::Offered(Box::new(article(2))) }
    }

    /// As the earlier version left it.
    fn there() -> Product {
        let mut there = held(&key("demo:1"), &article(2));
        let marker = desired().marker_before(&references());
        there.metadata.as_mut().unwrap().insert(MARKER.to_owned(), marker.into());
        there
    }

    fn of(there: &Product, view: Option<String>, as_said: bool) -> Option<Left> {
        Left::of(&desired(), there, &Known { view, ..Known::default() }, as_said, &references())
    }

    #[test]
    fn what_an_earlier_version_completed_is_known_by_its_marker() {
        let left = of(&there(), None, true).unwrap();
        assert!(left.is_on(&there()));
        let changed = |name: &str, value: &str| {
            let mut other = there();
            other.metadata.as_mut().unwrap().insert(name.to_owned(), value.into());
            other
        };
        assert!(!left.is_on(&changed(MARKER, "another state")));
        assert!(!left.is_on(&changed(MARKER, "")), "under way");
        assert_eq!(of(&changed(MADE, "noted"), None, true), None, "this version's own");
        assert_eq!(of(&there(), None, false), None, "prices are rounded now");
        assert_eq!(of(&held(&key("demo:1"), &article(2)), None, true), None, "a person's");
    }

    #[test]
    fn a_draft_is_a_persons_doing_where_it_was_for_sale_when_it_was_last_pushed() {
        let draft = Product { status: "draft".into(), ..there() };
        let asides = |view: Option<String>| {
            let left = of(&draft, view, true).unwrap();
            let made = left.made(&draft, &article(2), "sc_1");
            decide(Some(&made), &draft, &["demo-1-1"].into(), "sc_1", false)
        };
        let variant = Aside::Variant { sku: "demo-1-1".into() };
        for view in [desired().marker(&references()), desired().marker_before(&references())] {
            assert_eq!(asides(Some(view)), [Aside::Draft, variant.clone()]);
        }
        let withheld = Desired { presence: Presence::Withheld, ..desired() };
        for view in [None, Some(withheld.marker(&references())), Some(withheld.marker_before(&references()))] {
            assert_eq!(asides(view), std::slice::from_ref(&variant));
        }
    }
}
