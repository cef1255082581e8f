//! What a record means, held against what the ledger knows of its product.

use catalog::{ContentHash, PartName};
use ledger::core::{lines, parts, waiting};
use ledger::{Classification, Declared, ProductState, classify};

use super::{Entry, Repeated};

/// What is known of a product that is to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct How {
    /// It was written before.
    pub known: bool,
    /// It is of several parts, or of another one so far.
    pub parted: bool,
    /// Lines of declared parts are laid over it, or were.
    pub lined: bool,
    /// What the ledger holds was looked for in vain: announced even if it is as it was.
    pub lacking: bool,
    /// It is new, or was withdrawn: noted before it is written.
    pub brought: bool,
}

/// An entry with what it means.
pub(super) struct Weighed {
    pub class: Classification,
    /// With the part that it is, and the hash by which it is known.
    pub entry: Entry,
    pub how: How,
    /// What is known of its part.
    pub state: ProductState,
}

/// Holds an entry against the state of its whole product. `of_doc`: the part that the `doc` is,
/// where only that tells. `noting`: what is new is noted before it is written.
pub(super) fn weigh(
    mut entry: Entry,
    whole: &ProductState,
    of_doc: Option<&PartName>,
    declared: Option<&Declared>,
    noting: bool,
) -> Weighed {
    let lined = declared.is_some() || whole.lines.is_some();
    if lined {
        entry.part.get_or_insert_with(|| PartName::from_text(lines::MAIN));
    }
    let part = entry.part.as_ref();
    let mut state =
        parts::known(whole, part, &known_as(&entry, whole)).unwrap_or_else(|| parts::known_of(whole, part, of_doc));
    if lined && whole.lines != Some(declared.cloned().unwrap_or_default()) {
        // Written under another declaration: written anew.
        state = ProductState { version: None, hash: None, ..state };
    }
    entry.hash = known_as(&entry, &state);
    let untold = !entry.product.made_skus.is_empty() && waiting::lacks_sku(whole);
    let class = match classify(&state, &entry.version, &entry.hash) {
        Classification::Unchanged if untold => Classification::Changed,
        class => class,
    };
    let how = How {
        known: whole.hash.is_some(),
        parted: whole.parts.is_some() || (whole.hash.is_some() && state.hash.is_none()),
        lined,
        lacking: waiting::lacks_content(whole) || untold,
        brought: noting && state.hash.is_none() && !entry.product.withdrawn,
    };
    Weighed { class, entry, how, state }
}

/// Of what changed: whether an earlier record of the same feed said something else.
pub(super) fn repeated(entry: &Entry, state: &ProductState) -> Option<Repeated> {
    let earlier = state.version.as_ref()?.earlier_in_object_of(&entry.version)?;
    let Entry { key, index, offset, .. } = entry;
    (!entry.reported).then(|| Repeated { key: key.clone(), earlier, index: *index, offset: *offset })
}

/// The hash by which the ledger knows what a product says: where its facts follow from the rest and
/// it was written before there were facts, that of the rest. So the facts that an adapter learns to
/// read cost no write; they arrive with the next change.
pub(super) fn known_as(entry: &Entry, state: &ProductState) -> ContentHash {
    let known = state.hash.as_ref().filter(|known| entry.facts_follow && **known != entry.hash);
    let before = known.and_then(|known| ContentHash::before_facts(&entry.product).filter(|before| before == known));
    before.unwrap_or_else(|| entry.hash.clone())
}

#[cfg(test)]
mod tests {
    use catalog::{Localized, Product, ProductKey, Version};

    use super::*;

    fn entry(at: u64, number: u64, says: &str) -> Entry {
        let product = Product { name: Localized::default().with("en", says), ..Product::bare("acme", "1") };
        Entry {
            key: ProductKey::new("acme", "1").unwrap(),
            part: None,
            hash: ContentHash::of(&product),
            product,
            version: Version::new(at, "00", number),
            facts_follow: false,
            index: number,
            offset: number * 10,
            reported: false,
        }
    }

    fn state(entry: &Entry) -> ProductState {
        let (version, hash) = (Some(entry.version.clone()), Some(entry.hash.clone()));
        ProductState { version, hash, ..ProductState::default() }
    }

    #[test]
    fn what_nobody_knows_is_written_and_noted_where_new_things_are() {
        let weighed = weigh(entry(1, 0, "a"), &ProductState::default(), None, None, true);
        assert_eq!(weighed.class, Classification::Changed);
        assert_eq!(weighed.how, How { brought: true, ..How::default() });
        let silent = weigh(entry(1, 0, "a"), &ProductState::default(), None, None, false);
        assert_eq!(silent.how, How::default());
    }

    #[test]
    fn what_is_known_is_held_against_its_hash() {
        let known = state(&entry(1, 0, "a"));
        let class = |entry| weigh(entry, &known, None, None, true).class;
        assert_eq!(class(entry(2, 0, "a")), Classification::Unchanged);
        assert_eq!(class(entry(1, 0, "a")), Classification::Again);
        assert_eq!(class(entry(0, 0, "b")), Classification::Stale);
        let changed = weigh(entry(2, 0, "b"), &known, None, None, true);
        assert_eq!(changed.how, How { known: true, ..How::default() });
    }

    #[test]
    fn a_product_under_another_declaration_is_written_anew() {
        let declared = Declared::default();
        let before = state(&entry(1, 0, "a"));
        let first = weigh(entry(2, 0, "a"), &before, None, Some(&declared), false);
        assert_eq!((first.class, first.how.lined), (Classification::Changed, true));
        assert_eq!(first.entry.part, Some(PartName::from_text(lines::MAIN)));
        let under = ProductState { lines: Some(declared.clone()), ..before };
        let next = weigh(entry(2, 0, "a"), &under, None, Some(&declared), false);
        assert_eq!(next.class, Classification::Unchanged);
    }

    #[test]
    fn a_part_that_the_document_is_not_is_new_beside_it() {
        let whole = state(&entry(1, 0, "a"));
        let other = Entry { part: Some(PartName::from_text("de-eur")), ..entry(2, 0, "b") };
        let weighed = weigh(other, &whole, Some(&PartName::from_text("us-usd")), None, false);
        assert_eq!(weighed.class, Classification::Changed);
        assert_eq!(weighed.how, How { known: true, parted: true, ..How::default() });
    }

    #[test]
    fn a_feed_that_says_two_things_of_a_product_is_told_so_once() {
        let known = state(&entry(1, 3, "a"));
        let later = entry(1, 7, "b");
        let of = Repeated { key: later.key.clone(), earlier: 3, index: 7, offset: 70 };
        assert_eq!(repeated(&later, &known), Some(of));
        assert_eq!(repeated(&Entry { reported: true, ..later }, &known), None);
        assert_eq!(repeated(&entry(2, 7, "b"), &known), None, "another feed");
    }
}
