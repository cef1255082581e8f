//! Rule 8: members of a group are one product in the shop, an *article* (D220).
//!
//! Each member keeps its own stage: claim, pending, doubt and completion are as without articles.
//! The article has a lease and a doubt of its own, on an item like a product's `state`, and is
//! never pending: a member that is to be shown is, and whoever brings the member brings the article.
//!
//! Who brings a member does this, in this order:
//!
//! - claims the member; reads where the PIM has it;
//! - notes there, as the member's owner, every article that it may be shown by from now on
//!   ([`heads_for`]), *before* it joins one: whoever comes after a dead owner looks at them all;
//! - [`join`]s the article that it belongs to and [`leave`]s the others;
//! - claims each of these articles, *then* reads who has joined ([`has_joined`]) and what the PIM
//!   shows of them: of two who write an article the later has read everybody later;
//! - writes and completes the articles, then the member.
//!
//! A short way: who brings a member that is in one article only, and in no doubt, reads the PIM,
//! *then* what the article's last owner noted of it ([`standing`]), then whether the shop still
//! shows that. If that is the member as it was read, nothing is left but to complete it. Nobody
//! holds the article at that moment, so whoever claims it from now on reads the PIM after this; and
//! who is late with it left a member in doubt.
//!
//! Only a completion that ends the member's doubt forgets where else it may be shown ([`complete`]).
//! Nobody need ask whether the article is in doubt: who left it so held a member, which is in doubt
//! for as long, and brings it once more.

use std::collections::BTreeMap;

use catalog::ProductKey;

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::stage::{self, Applied, Leases, Owner, Stage};
use super::state::{self, ProductState};

/// Where a member may be shown: keys, a line each. Absent: by itself.
pub const HOMES: &str = "medusa_homes";
/// The watermark that says by which setting `Articles` products are brought, and since when
/// ([`super::walk::goal_of_setting`]).
pub const SETTING: &str = "articles";
/// That a member has joined, in its item of the article's partition.
const JOINED: &str = "joined";
/// What became of a member when the article was last written; absent where it is shown as wanted.
const FATE: &str = "fate";
/// What an article shows of whom: a line with the marker and the face, then a line a member with its
/// mark and its id.
const SHOWS: &str = "shows";

/// The table forgets an item after this time (s).
const EXPIRES_AT: &str = "expires_at";

/// Sort keys of members begin so.
pub const MEMBERS: &str = "member#";

/// The key of a member's item in its article's partition.
#[must_use]
pub fn member_key(article: &ProductKey, member: &ProductKey) -> ItemKey {
    ItemKey { pk: state::partition(article), sk: format!("{MEMBERS}{}", member.id()) }
}

/// The member that a sort key names.
#[must_use]
pub fn member_of(article: &ProductKey, sk: &str) -> Option<ProductKey> {
    ProductKey::new(article.source(), sk.strip_prefix(MEMBERS)?).ok()
}

/// Where an item says that its product may be shown.
#[must_use]
pub fn homes(item: &Item) -> Vec<ProductKey> {
    let text = item.get(HOMES).and_then(Value::text).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

fn text(homes: &[ProductKey]) -> String {
    homes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Where a product may be shown once somebody begins to show it at these places. One that was brought
/// before, and of which nothing else is known, may be there by itself.
#[must_use]
pub fn heading(key: &ProductKey, claimed: &ProductState, places: &[ProductKey]) -> Vec<ProductKey> {
    let shop = &claimed.medusa;
    let brought = shop.applied.is_some() || shop.recheck_at.is_some() || shop.attempts > 1 || shop.last_error.is_some();
    let mut homes = claimed.homes.clone();
    if homes.is_empty() && brought {
        homes.push(key.clone());
    }
    let new: Vec<ProductKey> = places.iter().filter(|place| !homes.contains(place)).cloned().collect();
    homes.extend(new);
    homes
}

/// Whether a member that is to be shown at these places needs no note of it: it is, and nowhere
/// else.
#[must_use]
pub fn is_settled(claimed: &ProductState, places: &[ProductKey]) -> bool {
    claimed.homes == places && claimed.medusa.recheck_at.is_none()
}

/// Notes where a member may be shown, as the owner of its stage.
#[must_use]
pub fn heads_for(key: &ProductKey, owner: &Owner, homes: &[ProductKey]) -> Write {
    let owned = Condition::Eq(Stage::Medusa.attributes().owner, Operand::Value(owner.0.clone().into()));
    Write { key: state::item_key(key), condition: owned, changes: vec![Change::Set(HOMES, text(homes).into())] }
}

/// A member belongs to an article from now on. Never refused: who lost its lease is followed by
/// somebody who joins and leaves anew.
#[must_use]
pub fn join(article: &ProductKey, member: &ProductKey) -> Write {
    let changes = vec![Change::Set(JOINED, 1.into()), Change::Remove(EXPIRES_AT)];
    Write { key: member_key(article, member), condition: Condition::Always, changes }
}

/// A member belongs to an article no more: the table forgets its item.
#[must_use]
pub fn leave(article: &ProductKey, member: &ProductKey, now: i64) -> Write {
    let changes = vec![Change::Remove(JOINED), Change::Remove(FATE), Change::Set(EXPIRES_AT, (now / 1000).into())];
    Write { key: member_key(article, member), condition: Condition::Always, changes }
}

/// Whether a member's item says that it has joined.
#[must_use]
pub fn has_joined(item: &Item) -> bool {
    item.contains_key(JOINED)
}

/// What became of a member when the article was last written.
#[must_use]
pub fn fate(item: &Item) -> Option<&str> {
    item.get(FATE).and_then(Value::text)
}

/// Notes what became of a member, after it was made pending where that is news to it.
#[must_use]
pub fn note_fate(article: &ProductKey, member: &ProductKey, fate: Option<&str>) -> Write {
    let change = fate.map_or(Change::Remove(FATE), |fate| Change::Set(FATE, fate.into()));
    Write { key: member_key(article, member), condition: Condition::Present(JOINED), changes: vec![change] }
}

/// What the setting `Articles` asks of a product that it may have been changed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It is shown where it belongs, or whoever brings it next reads the setting that is in force.
    Nothing,
    /// It leaves its article.
    Leaves,
    /// It joins one, if it has a group.
    JoinsItsGroup,
}

/// What a setting asks of a product, if nobody claims any more who works by another one. Where it
/// is in doubt between two places it is pending, and whoever brings it looks at both.
#[must_use]
pub fn asks(state: &ProductState, grouped: bool) -> Asked {
    let in_article = state.homes.first().is_some_and(ProductKey::is_article);
    let brought = state.medusa.applied.is_some() || !state.homes.is_empty();
    match (grouped, in_article) {
        (false, true) => Asked::Leaves,
        (true, false) if brought => Asked::JoinsItsGroup,
        _ => Asked::Nothing,
    }
}

/// Gives a stage, or an article, back of which nothing was done. What was noted stands.
#[must_use]
pub fn give_back(key: &ProductKey, owner: &Owner) -> Write {
    let names = Stage::Medusa.attributes();
    Write {
        key: state::item_key(key),
        condition: Condition::Eq(names.owner, Operand::Value(owner.0.clone().into())),
        changes: vec![Change::Remove(names.owner), Change::Remove(names.until), Change::Remove(names.attempts)],
    }
}

/// Completes a product's stage in the shop, shown at these places. If that ends the doubt, it is
/// shown nowhere else.
#[must_use]
pub fn complete(
    (key, places): (&ProductKey, &[ProductKey]),
    owner: &Owner,
    (claimed, seen): (&ProductState, &ProductState),
    applied: &Applied,
    now: i64,
    leases: Leases,
) -> Write {
    let mut write = stage::complete(Stage::Medusa, key, owner, (claimed, seen), applied, now, leases);
    if stage::ends_doubt(Stage::Medusa, claimed, seen, now, leases) {
        let alone = places == std::slice::from_ref(key);
        write.changes.push(if alone { Change::Remove(HOMES) } else { Change::Set(HOMES, text(places).into()) });
    }
    write
}

/// What the shop shows of an article, as whoever wrote it last noted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shows {
    /// What of it people see and change first, as a digest.
    pub face: String,
    /// What it shows of each member, as a digest, by id.
    pub marks: BTreeMap<String, String>,
}

impl Shows {
    fn text(&self, marker: &str) -> String {
        let marks = self.marks.iter().map(|(id, mark)| format!("\n{mark} {id}"));
        marks.fold(format!("{marker} {}", self.face), |text, mark| text + &mark)
    }

    /// `None` for what was noted beside another marker: by a version that does not know of this.
    fn of(text: &str, marker: &str) -> Option<Self> {
        let mut pairs = text.lines().filter_map(|line| line.split_once(' '));
        let (_, face) = pairs.next().filter(|(noted, _)| *noted == marker)?;
        let marks = pairs.map(|(mark, id)| (id.to_owned(), mark.to_owned())).collect();
        Some(Self { face: face.to_owned(), marks })
    }
}

/// An article that the shop was made to show, and that nobody is changing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its id in the shop.
    pub id: String,
    pub marker: String,
    pub shows: Shows,
}

/// What an article's item says of what the shop shows, if that can be relied on: nobody is at work
/// on it, nothing may land late, nothing has failed, nothing of it is set aside.
#[must_use]
pub fn standing(item: &Item) -> Option<Standing> {
    let state = ProductState::of(item);
    let applied = state.medusa.applied.as_ref()?;
    if !state.medusa.is_quiet() || !state.aside.is_empty() {
        return None;
    }
    let (id, marker) = (applied.remote_id.clone()?, applied.view.clone()?);
    let shows = Shows::of(item.get(SHOWS)?.text()?, &marker)?;
    Some(Standing { id, marker, shows })
}

/// Completes an article. `None`: not all that it shows is as wanted, so each member is looked at.
#[must_use]
pub fn complete_article(
    article: &ProductKey,
    owner: &Owner,
    (claimed, seen): (&ProductState, &ProductState),
    (applied, shows): (&Applied, Option<&Shows>),
    now: i64,
    leases: Leases,
) -> Write {
    let mut write = stage::complete(Stage::Medusa, article, owner, (claimed, seen), applied, now, leases);
    let text = shows.zip(applied.view.as_ref()).map(|(shows, marker)| shows.text(marker));
    write.changes.push(text.map_or(Change::Remove(SHOWS), |text| Change::Set(SHOWS, text.into())));
    write
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Version};

    use super::*;
    use crate::core::state::StageState;

    const LEASES: Leases = Leases { lease_ms: 90, landing_ms: 30 };

    fn key(text: &str) -> ProductKey {
        text.parse().unwrap()
    }

    fn applied() -> Applied {
        Applied {
            hash: ContentHash::from_text("h"),
            version: Version::from_text("v"),
            remote_id: None,
            view: None,
            seen: None,
            at: 0,
        }
    }

    fn owned(now: i64) -> (Owner, Item) {
        let owner = Owner("x".into());
        let item = stage::claim(Stage::Medusa, &key("demo:1"), &owner, now, LEASES).apply(&Item::new()).unwrap();
        (owner, item)
    }

    #[test]
    fn what_was_brought_before_may_be_there_by_itself() {
        let (product, article) = (key("demo:1"), key("demo~article:G"));
        let at = |place: &ProductKey| vec![place.clone()];
        let new = ProductState::default();
        assert_eq!(heading(&product, &new, &at(&article)), at(&article));
        assert_eq!(heading(&product, &new, &at(&product)), at(&product));
        let medusa = StageState { applied: Some(applied()), ..StageState::default() };
        let shown = ProductState { medusa, ..ProductState::default() };
        assert_eq!(heading(&product, &shown, &at(&article)), [product.clone(), article.clone()]);
        let grouped = ProductState { homes: at(&article), ..shown };
        assert_eq!(heading(&product, &grouped, &at(&article)), at(&article));
        assert_eq!(heading(&product, &grouped, &at(&product)), [article.clone(), product]);
        assert!(is_settled(&grouped, &at(&article)) && !is_settled(&grouped, &at(&key("demo~article:H"))));
        let doubted = StageState { recheck_at: Some(1), ..StageState::default() };
        assert!(!is_settled(&ProductState { medusa: doubted, ..grouped }, &at(&article)), "it may be elsewhere by now");
    }

    #[test]
    fn only_the_owner_says_where_a_member_is_shown_and_only_the_end_of_a_doubt_forgets_the_rest() {
        let (product, article) = (key("demo:1"), key("demo~article:G"));
        let (owner, item) = owned(0);
        let both = [product.clone(), article.clone()];
        let note = heads_for(&product, &owner, &both);
        assert!(heads_for(&product, &Owner("y".into()), &both).apply(&item).is_err());
        let claimed = ProductState::of(&item);
        let item = note.apply(&item).unwrap();
        let state = ProductState::of(&item);
        assert_eq!(state.homes, both);
        let done = |seen: &ProductState, places: &[ProductKey], item: &Item| {
            complete((&product, places), &owner, (&claimed, seen), &applied(), 5, LEASES).apply(item).unwrap()
        };
        assert_eq!(homes(&done(&state, &both[1..], &item)), &both[1..]);
        assert_eq!(homes(&done(&state, &both[..1], &item)), []);
        let doubted = stage::doubt(Stage::Medusa, &product, 5).apply(&item).unwrap();
        let after = done(&ProductState::of(&doubted), &both[1..], &doubted);
        assert_eq!(homes(&after), both, "it is brought once more, and looks at both");
        let back = give_back(&product, &owner).apply(&item).unwrap();
        assert_eq!((homes(&back).len(), ProductState::of(&back).medusa.owner), (2, None));
        assert!(give_back(&product, &Owner("y".into())).apply(&item).is_err());
    }

    #[test]
    fn a_setting_asks_something_of_those_alone_that_are_shown_elsewhere() {
        let (product, article) = (key("demo:1"), key("demo~article:G"));
        let medusa = StageState { applied: Some(applied()), ..StageState::default() };
        let shown = |homes: &[&ProductKey]| ProductState {
            homes: homes.iter().copied().cloned().collect(),
            medusa: medusa.clone(),
            ..ProductState::default()
        };
        for (state, grouped, expected, what) in [
            (ProductState::default(), true, Asked::Nothing, "never brought: its push reads the setting"),
            (ProductState::default(), false, Asked::Nothing, "the same"),
            (shown(&[]), true, Asked::JoinsItsGroup, "by itself"),
            (shown(&[]), false, Asked::Nothing, "by itself, as wanted"),
            (shown(&[&article]), true, Asked::Nothing, "in its article"),
            (shown(&[&article]), false, Asked::Leaves, "in its article"),
            (shown(&[&article, &product]), true, Asked::Nothing, "apart: there is no room"),
            (shown(&[&article, &product]), false, Asked::Leaves, "apart, or interrupted on its way out"),
            (shown(&[&product, &article]), true, Asked::JoinsItsGroup, "interrupted on its way in"),
            (shown(&[&product, &article]), false, Asked::Nothing, "the same: in doubt, so pending"),
        ] {
            assert_eq!(asks(&state, grouped), expected, "{what}, grouped: {grouped}");
        }
        let begun = ProductState { medusa: StageState::default(), ..shown(&[&product]) };
        assert_eq!(asks(&begun, true), Asked::JoinsItsGroup, "somebody began to show it by itself");
    }

    #[test]
    fn an_article_is_claimed_like_a_product_and_never_pending() {
        let article = key("demo~article:G");
        let (owner, next) = (Owner("x".into()), Owner("y".into()));
        let item = stage::claim(Stage::Medusa, &article, &owner, 0, LEASES).apply(&Item::new()).unwrap();
        let refused = stage::refused(Stage::Medusa, &next, &item, 91);
        let stage::Refusal::Expired(expired) = refused else { panic!("{refused:?}") };
        let item = stage::take_over(Stage::Medusa, &article, &next, &expired, 91, LEASES).apply(&item).unwrap();
        let state = ProductState::of(&item);
        assert_eq!((state.pending_since, state.medusa.recheck_at), (None, Some(120)));
        assert_eq!(stage::doubt(Stage::Medusa, &article, 1).key.pk, "A#demo#G");
    }

    #[test]
    fn what_an_article_shows_is_relied_on_only_while_nobody_changes_it_and_nothing_is_in_doubt() {
        let article = key("demo~article:G");
        let owner = Owner("x".into());
        let claim = |item: &Item| stage::claim(Stage::Medusa, &article, &owner, 0, LEASES).apply(item).unwrap();
        let item = claim(&Item::new());
        let state = ProductState::of(&item);
        let marks = [("a b", "m1"), ("2", "m2")].map(|(id, mark)| (id.to_owned(), mark.to_owned()));
        let shows = Shows { face: "f".into(), marks: marks.into() };
        let applied = Applied { remote_id: Some("prod_1".into()), view: Some("M".into()), ..applied() };
        let done = |applied: &Applied, shows: Option<&Shows>| {
            let both = (&state, &state);
            complete_article(&article, &owner, both, (applied, shows), 5, LEASES).apply(&item).unwrap()
        };
        let stands = done(&applied, Some(&shows));
        assert_eq!(standing(&stands), Some(Standing { id: "prod_1".into(), marker: "M".into(), shows: shows.clone() }));
        assert_eq!(standing(&item), None, "it is being written for the first time");
        assert_eq!(standing(&claim(&stands)), None, "somebody is at work on it");
        let doubted = stage::doubt(Stage::Medusa, &article, 5).apply(&stands).unwrap();
        assert_eq!(standing(&doubted), None, "in doubt");
        let failure = catalog::Failure::permanent("c", "m");
        let failed = stage::fail(Stage::Medusa, &article, &owner, &failure, 5, LEASES).apply(&claim(&stands)).unwrap();
        assert_eq!(standing(&failed), None, "failed");
        assert_eq!(standing(&done(&applied, None)), None, "not all as wanted");
        assert_eq!(standing(&done(&Applied { remote_id: None, ..applied.clone() }, Some(&shows))), None, "not there");
        // A version that does not know of the note has shown something else since.
        let other = Applied { view: Some("N".into()), ..applied };
        let older = stage::complete(Stage::Medusa, &article, &owner, (&state, &state), &other, 5, LEASES);
        assert_eq!(standing(&older.apply(&claim(&stands)).unwrap()), None, "noted beside another marker");
    }

    #[test]
    fn who_joined_and_left_is_known_by_name() {
        let (product, article) = (key("demo:1"), key("demo~article:G"));
        let item = join(&article, &product).apply(&Item::new()).unwrap();
        let noted = note_fate(&article, &product, Some("same choice")).apply(&item).unwrap();
        assert_eq!((has_joined(&noted), fate(&noted)), (true, Some("same choice")));
        let left = leave(&article, &product, 5_000).apply(&noted).unwrap();
        assert_eq!((has_joined(&left), fate(&left), left[EXPIRES_AT].clone()), (false, None, Value::N(5)));
        let back = join(&article, &product).apply(&left).unwrap();
        assert!(has_joined(&back) && !back.contains_key(EXPIRES_AT), "it is forgotten only while it is out");
        assert!(note_fate(&article, &product, None).apply(&left).is_err(), "it is not a member");
        assert_eq!(member_of(&article, &member_key(&article, &product).sk), Some(product));
        assert_eq!(member_of(&article, "state"), None);
    }
}
