//! Items as the model keeps them: shared until written, with times relative to now.
//!
//! The core compares times with the `now` that it is given and with each other, never with a fixed
//! date. So the model's `now` is always 0, and a tick moves the stored times back by one. What lies
//! far enough in the past is one state.

use std::sync::Arc;

use ledger::core::stage::{Owner, Stage};
use ledger::core::{Item, Value, Write};

/// An item that many states of the model share.
pub(crate) type Shared = Arc<Item>;

/// Far enough in the past that no rule sees a difference: a lease that ended then has no request
/// under way.
const LONG_AGO: i64 = -4;

/// Applies a write: `Ok` and the item after it, or `Err` and the item that refused it.
pub(crate) fn apply(item: &Shared, write: &Write) -> Result<Shared, Shared> {
    match write.apply(item) {
        Ok(mut after) => {
            // Counted: it would make every retry a new state.
            for stage in Stage::ALL {
                after.remove(&format!("{}_deaths", stage.as_str()));
            }
            after.remove("medusa_attempts");
            claimed_or_not(&mut after);
            Ok(Arc::new(after))
        }
        Err(_) => Err(Arc::clone(item)),
    }
}

/// Rules read no more of the PIM's attempts than whether there was one since the content changed.
fn claimed_or_not(item: &mut Item) {
    if let Some(attempts) = item.get_mut("pimcore_attempts") {
        *attempts = 1.into();
    }
}

/// The item one tick later.
pub(crate) fn tick(item: &Shared) -> Shared {
    const TIMES: [&str; 4] = ["pimcore_until", "pimcore_recheck_at", "medusa_until", "medusa_recheck_at"];
    let moves = |name: &&str| item.get(*name).and_then(Value::number).is_some_and(|at| at > LONG_AGO);
    let moving: Vec<&str> = TIMES.into_iter().filter(moves).collect();
    if moving.is_empty() {
        return Arc::clone(item);
    }
    let mut after = Item::clone(item);
    for name in moving {
        if let Some(Value::N(at)) = after.get_mut(name) {
            *at -= 1;
        }
    }
    Arc::new(after)
}

/// Applies a write to an item of which what only tells is not kept, so that the states are few.
pub(crate) fn written(item: &mut Item, write: &Write, tells: &[&str]) -> Result<Item, Item> {
    let mut after = write.apply(item)?;
    after.retain(|name, _| !tells.contains(&name.as_str()));
    claimed_or_not(&mut after);
    item.clone_from(&after);
    Ok(after)
}

/// Whoever comes after one that died is somebody else.
pub(crate) fn owner(dead: Option<char>, who: char) -> Owner {
    let after = if dead == Some(who) { "another " } else { "" };
    Owner(format!("{after}{who}"))
}
