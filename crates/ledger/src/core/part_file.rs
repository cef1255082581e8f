//! What the files of a declared part have come to: of how many identifiers it speaks, so that a
//! file that blanks too many of them is told from one that speaks of few.
//!
//! Counted when a run ends, once a run. What a part had said before anybody counted is known by its
//! largest file.

use catalog::line::{Field, Said, Spoken, Statement};

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::missing;

/// Lines that a part is taken to have at least, so that a file of the few that were sold out today
/// is not refused.
pub const FEW: u64 = 50;

const OWNED: &str = "owned";
const COUNTED: &str = "counted";

/// The item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartFile {
    /// Identifiers that the part has spoken of.
    pub owned: u64,
    /// The run that was counted last.
    counted: Option<String>,
}

/// The key of a part's item, by the name under which its runs are registered
/// ([`super::lines::register`]).
#[must_use]
pub fn item_key(register: &str) -> ItemKey {
    ItemKey { pk: format!("L#{register}"), sk: "part".to_owned() }
}

impl PartFile {
    /// Reads an item.
    #[must_use]
    pub fn of(item: &Item) -> Self {
        let owned = item.get(OWNED).and_then(Value::number).and_then(|number| u64::try_from(number).ok());
        let counted = item.get(COUNTED).and_then(Value::text).map(str::to_owned);
        Self { owned: owned.unwrap_or(0), counted }
    }

    /// Counts a run of so many lines, of which so many were the first by their identifier; nothing
    /// where it is counted already.
    #[must_use]
    pub fn count(&self, register: &str, run: &str, lines: u64, first: u64) -> Option<Write> {
        if self.counted.as_deref() == Some(run) {
            return None;
        }
        let owned = self.owned.saturating_add(first).max(lines);
        let seen = |counted: &String| Condition::Eq(COUNTED, Operand::Value(counted.as_str().into()));
        Some(Write {
            key: item_key(register),
            condition: self.counted.as_ref().map_or(Condition::Absent(COUNTED), seen),
            changes: vec![
                Change::Set(OWNED, i64::try_from(owned).unwrap_or(i64::MAX).into()),
                Change::Set(COUNTED, run.into()),
            ],
        })
    }

    /// Whether a file of so many lines blanks too many: more than ten, and more than `percent` of
    /// what the part owns.
    #[must_use]
    pub fn blanks_too_many(&self, blanked: u64, lines: u64, percent: u64) -> bool {
        missing::too_many(blanked, self.of_lines(lines), percent)
    }

    /// Of how many lines a share is taken.
    #[must_use]
    pub fn of_lines(&self, lines: u64) -> u64 {
        self.owned.max(lines).max(FEW)
    }
}

/// Whether a line may blank something, whatever was said before.
#[must_use]
pub fn may_blank<'s>(mut says: impl Iterator<Item = &'s Said>) -> bool {
    says.any(|said| !is_something(said))
}

/// Whether a line blanks something: pieces, a price or a text that the part had said; or a price of
/// which it had said nothing, so that the catalogue's goes.
#[must_use]
pub fn blanks(before: &Statement, after: &Statement) -> bool {
    after.0.iter().any(|(field, now)| match before.0.get(field) {
        Some(Spoken { said, .. }) if *said != Said::Deleted => is_something(said) && !is_something(&now.said),
        _ => matches!(field, Field::Price(_)) && now.said == Said::Empty,
    })
}

const fn is_something(said: &Said) -> bool {
    match said {
        Said::Pieces(pieces) => *pieces > 0,
        Said::Amount(..) | Said::Text(_) => true,
        Said::Empty | Said::Deleted => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use catalog::{IdKind, Identifier, Line, Version};

    use super::*;

    fn statement(said: &[(Field, Said)], at: u64) -> Statement {
        let about = Identifier { kind: IdKind::Sku, value: "1".into() };
        let line = Line { about, says: said.iter().cloned().collect::<BTreeMap<_, _>>() };
        Statement::default().merged(&line, &Version::new(at, "0", 0))
    }

    #[test]
    fn a_run_is_counted_once_and_never_over_another() {
        let part = PartFile::default();
        let item = part.count("acme/stock", "r1", 50, 40).unwrap().apply(&Item::new()).unwrap();
        let first = PartFile::of(&item);
        assert_eq!(first.owned, 50);
        assert_eq!(first.count("acme/stock", "r1", 50, 40), None, "it was counted before it died");
        let item = first.count("acme/stock", "r2", 5, 3).unwrap().apply(&item).unwrap();
        assert_eq!(PartFile::of(&item).owned, 53);
        assert!(
            first.count("acme/stock", "r3", 9, 9).unwrap().apply(&item).is_err(),
            "somebody else was counted meanwhile"
        );
    }

    #[test]
    fn a_share_is_one_of_what_the_part_owns_not_of_a_file_of_few_lines() {
        let counted = |owned| PartFile { owned, counted: Some("r".into()) };
        assert!(counted(100).blanks_too_many(21, 21, 20));
        assert!(!counted(1_000).blanks_too_many(21, 21, 20), "what was sold out since the last file");
        assert!(!counted(3).blanks_too_many(10, 10, 20) && counted(3).blanks_too_many(11, 11, 20), "ten always may");
        assert!(PartFile::default().blanks_too_many(21, 40, 20), "nobody has counted what it owns");
    }

    #[test]
    fn what_was_something_and_is_nothing_is_blanked() {
        let price = || Field::Price("EUR".into());
        let amount = || Said::Amount(4.into(), None);
        let of = |field: Field, before: Option<Said>, now: Said| {
            let before = before.map_or_else(Statement::default, |said| statement(&[(field.clone(), said)], 1));
            blanks(&before, &statement(&[(field, now)], 2))
        };
        assert!(of(price(), Some(amount()), Said::Empty) && of(price(), Some(amount()), Said::Deleted));
        assert!(of(price(), None, Said::Empty) && of(price(), Some(Said::Deleted), Said::Empty));
        assert!(!of(price(), Some(Said::Empty), Said::Empty) && !of(price(), None, Said::Deleted));
        assert!(of(Field::Stock, Some(Said::Pieces(4)), Said::Pieces(0)));
        assert!(!of(Field::Stock, None, Said::Pieces(0)), "the first stock list may say that all is sold out");
        assert!(!of(Field::Stock, Some(Said::Pieces(0)), Said::Pieces(0)));
        assert!(of(Field::Brand, Some(Said::Text("Acme".into())), Said::Empty));
        assert!(may_blank([&Said::Pieces(1), &Said::Empty].into_iter()) && !may_blank([&amount()].into_iter()));
    }
}
