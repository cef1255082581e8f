//! A failure stands until there is new content, or a person says that its cause is gone.
//!
//! Both take the stage's count of attempts away and leave the error for people to read: an error
//! without an attempt is about what was before. From then on nothing holds the product back, not
//! even a refusal; a sweep announces it even if the announcement that follows here is lost.

use catalog::ProductKey;

use super::deaths;
use super::expression::{Change, Condition, Operand, Write};
use super::stage::Stage;
use super::state::{self, ProductState, RecordedError};

/// The failure that stands: the last attempt at this content failed, and nothing has come since.
#[must_use]
pub fn standing(state: &ProductState, stage: Stage) -> Option<&RecordedError> {
    let held = state.stage(stage);
    held.last_error.as_ref().filter(|_| held.attempts > 0)
}

/// The failure that stands, if it is a refusal: nothing but new content or a person ends it.
#[must_use]
pub fn refusal(state: &ProductState, stage: Stage) -> Option<&RecordedError> {
    standing(state, stage).filter(|error| error.kind.is_final())
}

/// The conditional write that lifts the failure in `seen`; `None` where there is none. It is not
/// lifted if somebody works on the product or has done so since: what that came to is newer.
#[must_use]
pub fn lift(stage: Stage, key: &ProductKey, seen: &ProductState) -> Option<Write> {
    standing(seen, stage)?;
    let names = stage.attributes();
    let attempts = Operand::Value(seen.stage(stage).attempts.into());
    let mut changes = vec![Change::Remove(names.attempts)];
    if seen.stage(stage).deaths > deaths::ALONE_FROM {
        // It is tried again, alone.
        changes.push(Change::Set(names.deaths, deaths::ALONE_FROM.into()));
    }
    Some(Write {
        key: state::item_key(key),
        condition: Condition::All(vec![Condition::Eq(names.attempts, attempts), Condition::Absent(names.owner)]),
        changes,
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
    fn what_killed_functions_is_tried_alone_again() {
        let key: ProductKey = "demo:1".parse().unwrap();
        let mut refused = item("permanent", 3, None);
        refused.insert("pimcore_deaths".into(), Value::N(5));
        let write = lift(Stage::Pimcore, &key, &ProductState::of(&refused)).unwrap();
        let state = ProductState::of(&write.apply(&refused).unwrap());
        assert_eq!(deaths::care(state.pimcore.deaths), deaths::Care::Alone);
    }

    #[test]
    fn what_stands_is_lifted_and_only_while_nobody_is_at_it() {
        let key: ProductKey = "demo:1".parse().unwrap();
        let lifted = |item: &Item| lift(Stage::Pimcore, &key, &ProductState::of(item));
        let refused = item("permanent", 3, None);
        let write = lifted(&refused).unwrap();
        assert!(write.condition.holds(&refused));
        assert_eq!(write.changes, [Change::Remove("pimcore_attempts")]);
        for since in [item("permanent", 4, None), item("permanent", 3, Some("w"))] {
            assert!(!write.condition.holds(&since), "{since:?}");
        }
        let transient = item("transient", 3, None);
        assert!(lifted(&transient).is_some() && refusal(&ProductState::of(&transient), Stage::Pimcore).is_none());
        assert!(lifted(&item("permanent", 0, None)).is_none(), "lifted already, or about older content");
        assert!(lift(Stage::Medusa, &key, &ProductState::of(&refused)).is_none());
    }
}
