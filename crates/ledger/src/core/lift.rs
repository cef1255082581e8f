//! A refusal ends with new content, or with a person who says that its cause is gone.
//!
//! Both take the stage's count of attempts away and leave the error for people to read: an error without an attempt is about what was
//! before. From then on nothing holds the product back; a sweep announces it even if the announcement that follows here is lost.

use catalog::{ErrorKind, ProductKey};

use super::expression::{Change, Condition, Operand, Write};
use super::stage::Stage;
use super::state::{self, ProductState, RecordedError};

/// The refusal that stands: the target refused this content, and nothing has come since.
#[must_use]
pub fn refusal(state: &ProductState, stage: Stage) -> Option<&RecordedError> {
    let held = state.stage(stage);
    let error = held.last_error.as_ref().filter(|_| held.attempts > 0)?;
    matches!(error.kind, ErrorKind::Permanent | ErrorKind::Poison).then_some(error)
}

/// The conditional write that lifts the refusal in `seen`; `None` where there is none. It is not lifted if somebody works on the product or
/// has done so since: what that came to is newer.
#[must_use]
pub fn lift(stage: Stage, key: &ProductKey, seen: &ProductState) -> Option<Write> {
    refusal(seen, stage)?;
    let names = stage.attributes();
    let attempts = Operand::Value(seen.stage(stage).attempts.into());
    Some(Write {
        key: state::item_key(key),
        condition: Condition::All(vec![Condition::Eq(names.attempts, attempts), Condition::Absent(names.owner)]),
        changes: vec![Change::Remove(names.attempts)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::expression::{Item, Value};

    fn item(error: &str, attempts: i64, owner: Option<&str>) -> Item {
        let error = format!(r#"{{"kind":"{error}","code":"c","message":"m","at":5}}"#);
        let mut item = Item::from([
            ("pimcore_error".into(), error.as_str().into()),
            ("pimcore_attempts".into(), Value::N(attempts)),
        ]);
        item.extend(owner.map(|owner| ("pimcore_owner".to_owned(), Value::from(owner))));
        item
    }

    #[test]
    fn only_a_refusal_that_stands_is_lifted_and_only_while_nobody_is_at_it() {
        let key: ProductKey = "demo:1".parse().unwrap();
        let lifted = |item: &Item| lift(Stage::Pimcore, &key, &ProductState::of(item));
        let refused = item("permanent", 3, None);
        let write = lifted(&refused).unwrap();
        assert!(write.condition.holds(&refused));
        assert_eq!(write.changes, [Change::Remove("pimcore_attempts")]);
        for since in [item("permanent", 4, None), item("permanent", 3, Some("w"))] {
            assert!(!write.condition.holds(&since), "{since:?}");
        }
        assert!(lifted(&item("transient", 3, None)).is_none());
        assert!(lifted(&item("permanent", 0, None)).is_none(), "lifted already, or about older content");
        assert!(lift(Stage::Medusa, &key, &ProductState::of(&refused)).is_none());
    }
}
