//! Drafts of people that our saves hid: found when the change feed shows those saves, for `relay
//! status` ([`ledger::core::drafts`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use catalog::{Failure, ProductKey};
use ledger::core::drafts::{Answer, Look, learn, look};
use ledger::{Ledger, ProductState, Table};
use pimcore::{Change, Pimcore};

use crate::changes::SETTLE_S;

/// No longer than this: what people saved is waiting to be followed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A saved product with its state.
pub(crate) type Row<'a> = (&'a Change, &'a ProductKey, &'a ProductState);

/// Asks about each, and notes what is new. What was saved just now comes again: the same second may
/// bring another save.
///
/// # Errors
/// Transient; the next save of ours shows the same.
pub(crate) async fn find<T: Table>(
    pimcore: &Pimcore,
    ledger: &Ledger<T>,
    rows: &[Row<'_>],
    now: i64,
    ends: Instant,
) -> Result<(), Failure> {
    let ends = ends.min(Instant::now() + PATIENCE);
    let settled = rows.iter().filter(|(change, ..)| change.cursor.modified <= now / 1000 - SETTLE_S);
    let asked =
        settled.map(|(change, key, state)| (change.cursor.id, *key, *state, look(state, change.cursor.modified)));
    let asked: Vec<(u32, &ProductKey, &ProductState, Look)> =
        asked.filter(|(.., look)| *look != Look::Nothing).collect();
    let counts = |(id, .., look): &(u32, &ProductKey, &ProductState, Look)| match look {
        Look::Above(count) => Some((*id, *count)),
        _ => None,
    };
    let compared: Vec<(u32, i64)> = asked.iter().filter_map(counts).collect();
    let counted: Vec<u32> = asked.iter().filter(|one| counts(one).is_none()).map(|(id, ..)| *id).collect();
    let above = if compared.is_empty() { BTreeSet::new() } else { pimcore.above(&compared, ends).await? };
    let counted: BTreeMap<u32, i64> = pimcore.count_versions(&counted, ends).await?;
    for (id, key, state, look) in asked {
        let answer = match counted.get(&id) {
            Some(count) => Answer::Count(*count),
            None => Answer::Above(above.contains(&id)),
        };
        let Some(known) = learn(state, look, answer, now) else { continue };
        if known.hidden.is_some() {
            tracing::info!(product = %key, object = id, "a person's draft is hidden by a save of ours");
        }
        ledger.note_drafts(key, state, &known, now).await.map_err(|error| error.failure())?;
    }
    Ok(())
}
