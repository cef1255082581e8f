//! Items as the model keeps them: shared until written, with times relative to now.
//!
//! The core compares times with the `now` that it is given and with each other, never with a fixed
//! date. So the model's `now` is always 0, and a tick moves the stored times back by one. What lies
//! far enough in the past is one state.

use std::sync::Arc;

use ledger::core::stage::Stage;
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
            // Counted: no rule of the protocol reads it, and it would make every retry a new state.
            for stage in Stage::ALL {
                after.remove(&format!("{}_attempts", stage.as_str()));
                after.remove(&format!("{}_deaths", stage.as_str()));
            }
            Ok(Arc::new(after))
        }
        Err(_) => Err(Arc::clone(item)),
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
