//! What our last save left in the PIM: noted when its stage is completed, as what it has `seen`.
//!
//! An object whose date is that of our last save was saved by nobody since. Our saves in an unbroken
//! row count as one, from what stood before the first of them. Two saves within one second look the
//! same; whoever relies on the date compares the content hash too.

use std::fmt;

use super::state::ProductState;

/// An unbroken row of our saves of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    pub before: Before,
    /// The object's date after the last of them, seconds since 1970.
    pub date: i64,
    /// Digest of the texts that it has from us.
    pub texts: String,
}

/// What stood before the first of our saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing: we made the object.
    Nothing,
    /// A save of that date, seconds since 1970.
    Save(i64),
    /// Our bundle, which keeps drafts: nothing is to be found out ([`super::drafts`]).
    Kept,
}

impl Ours {
    /// After one more save of ours, which was decided upon an object of the date `read`; `None` if it
    /// made one. `kept`: our bundle was there.
    #[must_use]
    pub fn next(last: Option<&Self>, read: Option<i64>, date: i64, texts: String, kept: bool) -> Self {
        let unbroken = last.filter(|last| Some(last.date) == read && last.before != Before::Kept);
        let before = match (kept, read, unbroken) {
            (true, ..) => Before::Kept,
            (_, None, _) => Before::Nothing,
            (.., Some(last)) => last.before,
            (_, Some(read), None) => Before::Save(read),
        };
        Self { before, date, texts }
    }

    /// As the stage has it.
    #[must_use]
    pub fn of(state: &ProductState) -> Option<Self> {
        let mut parts = state.pimcore.applied.as_ref()?.seen.as_deref()?.split(' ');
        let before = match parts.next()? {
            "made" => Before::Nothing,
            "kept" => Before::Kept,
            date => Before::Save(date.parse().ok()?),
        };
        Some(Self { before, date: parts.next()?.parse().ok()?, texts: parts.next()?.to_owned() })
    }
}

impl fmt::Display for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.before {
            Before::Nothing => write!(f, "made")?,
            Before::Save(date) => write!(f, "{date}")?,
            Before::Kept => write!(f, "kept")?,
        }
        write!(f, " {} {}", self.date, self.texts)
    }
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Version};

    use super::*;
    use crate::core::stage::Applied;

    fn state(seen: &str) -> ProductState {
        let (hash, version) = (ContentHash::from_text("h"), Version::from_text("v"));
        let applied = Applied { hash, version, remote_id: None, view: None, seen: Some(seen.into()), at: 0 };
        let mut state = ProductState::default();
        state.pimcore.applied = Some(applied);
        state
    }

    #[test]
    fn an_unbroken_row_keeps_what_stood_before_it() {
        let next = |last: Option<&Ours>, read, date| Ours::next(last, read, date, "t".into(), false);
        let made = next(None, None, 10);
        let twice = next(Some(&made), Some(10), 20);
        assert_eq!((made.before, twice.before, twice.date), (Before::Nothing, Before::Nothing, 20));
        let after_a_person = next(Some(&twice), Some(25), 30);
        assert_eq!(next(Some(&after_a_person), Some(30), 40).before, Before::Save(25));
        assert_eq!(next(None, Some(5), 10).before, Before::Save(5), "whose save that was is not known");
        let kept = Ours::next(Some(&twice), Some(20), 30, "t".into(), true);
        assert_eq!(kept.before, Before::Kept);
        assert_eq!(next(Some(&kept), Some(30), 40).before, Before::Save(30), "the bundle is gone: from here on");
    }

    #[test]
    fn it_is_read_as_it_was_written_and_nothing_else_is() {
        for before in [Before::Nothing, Before::Save(1_764_237_600), Before::Kept] {
            let ours = Ours { before, date: 1_764_237_700, texts: "0123456789abcdef".into() };
            assert_eq!(Ours::of(&state(&ours.to_string())), Some(ours));
        }
        for other in ["", "made", "made x y", "0123456789abcdef", "made 7"] {
            assert_eq!(Ours::of(&state(other)), None, "{other}");
        }
        assert_eq!(Ours::of(&ProductState::default()), None);
    }
}
