//! Unpublished drafts that our saves hid in the PIM, for people to see; nothing else follows from
//! them, so a look that is lost costs a line of `relay status`.
//!
//! The PIM offers a draft only while that is newer than its object, and shows drafts to no program.
//! Every save raises the object's count of versions to the highest there is, and ours make none: so
//! over an unbroken row of our saves ([`super::ours`]) the count rises only if a person drafted. A
//! person's own save makes a version, and starts the count anew.

use std::fmt;

use catalog::ProductKey;

use super::expression::{Change, Condition, ItemKey, Write};
use super::ours::{Before, Ours};
use super::stage::Stage;
use super::state::{self, ProductState};

/// What is known of the count, as text.
pub const DRAFTS: &str = "pimcore_drafts";
/// The partition that lists products with a hidden draft; there may be more in it than have one.
pub const LIST: &str = "DRAFTS";
/// Versions of an object that we made: Pimcore saves a new one twice.
pub const OF_NEW: i64 = 2;

const SINCE: &str = "since";
const EXPIRES_AT: &str = "expires_at";
/// An item of the list that is not needed any more goes after so many seconds.
const KEPT: i64 = 86_400;

/// How many versions an object counted after the save of a date, and whether a draft was hidden since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    pub count: i64,
    /// Of that save, seconds since 1970; 0 where there was none.
    pub date: i64,
    /// Since when (ms) a draft is known to be hidden.
    pub hidden: Option<i64>,
}

/// What has to be asked of the PIM about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Nothing,
    /// Whether it counts more versions than these.
    Above(i64),
    /// How many it counts, as of a save of that date.
    Count(i64),
}

/// The PIM's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Above(bool),
    Count(i64),
}

impl Known {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ').map(str::parse);
        let mut next = || parts.next()?.ok();
        Some(Self { count: next()?, date: next()?, hidden: next() })
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.count, self.date)?;
        self.hidden.map_or(Ok(()), |hidden| write!(f, " {hidden}"))
    }
}

/// What to ask about an object that was last saved at `date`.
#[must_use]
pub fn look(state: &ProductState, date: i64) -> Look {
    // While somebody writes it, the ledger does not know yet whose save that is.
    if state.pimcore.owner.is_some() || state.pimcore.applied.is_none() {
        return Look::Nothing;
    }
    match Ours::of(state) {
        Some(ours) if ours.date == date => match ours.before {
            Before::Nothing => Look::Above(OF_NEW),
            Before::Save(before) => match state.drafts.filter(|known| known.date == before) {
                Some(known) => Look::Above(known.count),
                None => Look::Count(before),
            },
            Before::Kept => Look::Nothing,
        },
        // A person saved it. With the bundle that ends what was hidden before there was one.
        Some(Ours { before: Before::Kept, .. }) if state.drafts.is_none_or(|known| known.hidden.is_none()) => {
            Look::Nothing
        }
        _ => Look::Count(date),
    }
}

/// What is known after the answer, if that is something new.
#[must_use]
pub fn learn(state: &ProductState, look: Look, answer: Answer, now: i64) -> Option<Known> {
    let known = match (look, answer) {
        (Look::Above(count), Answer::Above(above)) => {
            let date = match Ours::of(state)?.before {
                Before::Save(date) => date,
                Before::Nothing | Before::Kept => 0,
            };
            let since = state.drafts.filter(|known| known.date == date).and_then(|known| known.hidden);
            Known { count, date, hidden: above.then(|| since.unwrap_or(now)) }
        }
        (Look::Count(date), Answer::Count(count)) => Known { count, date, hidden: None },
        _ => return None,
    };
    let of_new = Known { count: OF_NEW, date: 0, hidden: None };
    (known != state.drafts.unwrap_or(of_new)).then_some(known)
}

/// Notes what is known.
#[must_use]
pub fn note(key: &ProductKey, known: &Known) -> Write {
    Write {
        key: state::item_key(key),
        condition: Condition::Present(Stage::Pimcore.attributes().hash),
        changes: vec![Change::Set(DRAFTS, known.to_string().into())],
    }
}

/// Puts the product on the list, or (`ended`) has it leave that in a day.
#[must_use]
pub fn list(key: &ProductKey, ended: bool, now: i64) -> Write {
    let end = if ended { Change::Set(EXPIRES_AT, (now / 1000 + KEPT).into()) } else { Change::Remove(EXPIRES_AT) };
    let key = ItemKey { pk: LIST.to_owned(), sk: key.to_string() };
    Write { key, condition: Condition::Always, changes: vec![Change::Set(SINCE, now.into()), end] }
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Version};

    use super::*;
    use crate::core::stage::Applied;

    fn state(seen: Option<&str>, drafts: Option<Known>) -> ProductState {
        let (hash, version) = (ContentHash::from_text("h"), Version::from_text("v"));
        let applied = Applied { hash, version, remote_id: None, view: None, seen: seen.map(str::to_owned), at: 0 };
        let mut state = ProductState { drafts, ..ProductState::default() };
        state.pimcore.applied = Some(applied);
        state
    }

    const fn known(count: i64, date: i64, hidden: Option<i64>) -> Known {
        Known { count, date, hidden }
    }

    #[test]
    fn of_an_object_that_we_made_the_count_is_known() {
        let made = state(Some("made 20 t"), None);
        assert_eq!(look(&made, 20), Look::Above(OF_NEW));
        assert_eq!(learn(&made, Look::Above(2), Answer::Above(false), 7), None, "nothing is written for the usual");
        let hidden = known(2, 0, Some(7));
        assert_eq!(learn(&made, Look::Above(2), Answer::Above(true), 7), Some(hidden));
        let again = state(Some("made 30 t"), Some(hidden));
        assert_eq!(look(&again, 30), Look::Above(2));
        assert_eq!(learn(&again, Look::Above(2), Answer::Above(true), 9), None, "since the first time");
        // Deleted, released, and made anew.
        assert_eq!(learn(&again, Look::Above(2), Answer::Above(false), 9), Some(known(2, 0, None)));
    }

    #[test]
    fn a_persons_save_ends_it_and_starts_the_count_anew() {
        let hidden = state(Some("made 20 t"), Some(known(2, 0, Some(7))));
        assert_eq!(look(&hidden, 25), Look::Count(25));
        let after = known(4, 25, None);
        assert_eq!(learn(&hidden, Look::Count(25), Answer::Count(4), 9), Some(after));
        // Then a save of ours, decided upon that.
        let ours = state(Some("25 30 t"), Some(after));
        assert_eq!(look(&ours, 30), Look::Above(4));
        assert_eq!(learn(&ours, Look::Above(4), Answer::Above(false), 9), None);
        assert_eq!(learn(&ours, Look::Above(4), Answer::Above(true), 9), Some(known(4, 25, Some(9))));
    }

    #[test]
    fn where_nobody_looked_between_two_saves_nothing_is_claimed() {
        let unknown = state(Some("25 30 t"), Some(known(2, 0, Some(7))));
        assert_eq!(look(&unknown, 30), Look::Count(25));
        assert_eq!(learn(&unknown, Look::Count(25), Answer::Count(5), 9), Some(known(5, 25, None)));
        // Written by an earlier version of this program.
        assert_eq!(look(&state(None, None), 30), Look::Count(30));
    }

    #[test]
    fn what_is_being_written_or_kept_by_the_bundle_is_not_looked_at() {
        let mut busy = state(Some("made 20 t"), None);
        busy.pimcore.owner = Some("w".into());
        assert_eq!(look(&busy, 20), Look::Nothing);
        assert_eq!(look(&ProductState::default(), 20), Look::Nothing);
        let kept = state(Some("kept 20 t"), None);
        assert_eq!((look(&kept, 20), look(&kept, 25)), (Look::Nothing, Look::Nothing));
        let before = state(Some("kept 20 t"), Some(known(2, 0, Some(7))));
        assert_eq!((look(&before, 20), look(&before, 25)), (Look::Nothing, Look::Count(25)));
    }

    #[test]
    fn what_is_known_is_read_as_it_was_written() {
        for one in [known(2, 0, None), known(14, 1_764_237_600, Some(1_764_237_600_000))] {
            assert_eq!(Known::parse(&one.to_string()), Some(one));
        }
        assert_eq!(Known::parse("2"), None);
    }
}
