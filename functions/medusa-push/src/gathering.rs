//! Who waits once for the other members of its article.
//!
//! In a large load whose colours are far apart each colour that arrives changes its article: for
//! five colours one creation and four changes. So a member that comes for the first time, in a full
//! batch that has few of its article, is noted as a member and comes again a little later. Whoever
//! comes first then brings all who are noted, and the others find nothing to do (D269).
//!
//! It is bounded: where it may be shown is noted, so that nobody waits twice. And nobody is
//! promised anything: who waits is pending, and its message comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use catalog::ProductKey;
use ledger::ProductState;
use medusa::Depth;

use crate::grouped::Tasks;

/// How long a member waits.
pub(crate) const WAIT: Duration = Duration::from_secs(10);
/// Products of a batch that is as good as full: others are in the queue behind it, so that nothing
/// stands still while these wait.
const FULL: usize = 40;
/// Of so many members of an article in one batch none waits: its feed has them side by side.
const TOGETHER: usize = 4;

/// The members that are to wait, of those that belong to these places.
pub(crate) fn waiting(tasks: &Tasks<'_>, places: &BTreeMap<ProductKey, Vec<ProductKey>>) -> BTreeSet<ProductKey> {
    if tasks.len() < FULL {
        return BTreeSet::new();
    }
    let mut members: BTreeMap<&ProductKey, Vec<&ProductKey>> = BTreeMap::new();
    for (key, places) in places {
        for article in places.iter().filter(|place| place.is_article()) {
            members.entry(article).or_default().push(key);
        }
    }
    let few = members.into_values().filter(|members| members.len() < TOGETHER).flatten();
    few.filter(|key| tasks.get(*key).is_some_and(|(state, depth)| is_first(state, *depth))).cloned().collect()
}

/// Nobody has brought it before, or begun to.
fn is_first(state: &ProductState, depth: Depth) -> bool {
    depth == Depth::Light && state.medusa.applied.is_none() && state.homes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_time_and_in_a_full_batch_with_few_of_its_article_a_member_waits_and_only_once() {
        let member = |n: usize| ProductKey::new("demo", n.to_string()).unwrap();
        let article: ProductKey = "demo~article:G".parse().unwrap();
        let new = ProductState::default();
        let met = ProductState { homes: vec![article.clone()], ..ProductState::default() };
        // So many products of which so many are of the article, the first of them as given.
        let waits = |count: usize, of_article: usize, (first, depth): (&ProductState, Depth)| {
            let of = |n: usize| (member(n), if n == 0 { (first, depth) } else { (&new, Depth::Light) });
            let tasks: Tasks<'_> = (0..count).map(of).collect();
            waiting(&tasks, &(0..of_article).map(|n| (member(n), vec![article.clone()])).collect()).len()
        };
        assert_eq!(waits(FULL, 2, (&new, Depth::Light)), 2);
        assert_eq!(waits(FULL - 1, 2, (&new, Depth::Light)), 0, "nothing is behind it");
        assert_eq!(waits(FULL, TOGETHER, (&new, Depth::Light)), 0, "side by side");
        assert_eq!(waits(FULL, 2, (&met, Depth::Light)), 1, "it has waited");
        assert_eq!(waits(FULL, 2, (&new, Depth::Full)), 1, "somebody was interrupted with it");
    }
}
