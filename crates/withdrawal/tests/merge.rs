//! Two lists of ids, merged as streams.

use std::collections::BTreeSet;

use proptest::prelude::*;
use withdrawal::manifest::Part;
use withdrawal::merge::{Ids, Missing};

use crate::world::World;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However ids are spread over parts, repeated or cut by reads: the merge is the difference of
    /// the sets, in order.
    #[test]
    fn the_merge_is_the_difference_of_the_sets(
        before in prop::collection::vec(prop::collection::vec("[a-dم]{1,3}", 0..6), 0..5),
        now in prop::collection::vec(prop::collection::vec("[a-dم]{1,3}", 0..6), 0..5),
    ) {
        let world = World::new();
        let parts = |name: &str, lists: &[Vec<String>]| -> Vec<Part> {
            lists.iter().enumerate().map(|(n, ids)| {
                let mut ids = ids.clone();
                ids.sort();
                let body: String = ids.iter().map(|id| format!("{id}\n")).collect();
                let key = format!("{name}/{n}");
                let size = body.len() as u64;
                world.objects.lock().unwrap().insert(key.clone(), body.into_bytes());
                Part::new("b", key, size)
            }).collect()
        };
        let (left, right) = (parts("before", &before), parts("now", &now));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(async {
            let before = Ids::open(&world, left, None).await.unwrap();
            let now = Ids::open(&world, right, None).await.unwrap();
            let mut missing = Missing::new(before, now).await.unwrap();
            let mut found = Vec::new();
            while let Some(id) = missing.next().await.unwrap() {
                found.push(id);
            }
            (found, missing.compared)
        });
        let set = |lists: &[Vec<String>]| lists.iter().flatten().cloned().collect::<BTreeSet<_>>();
        let wanted: Vec<String> = set(&before).difference(&set(&now)).cloned().collect();
        prop_assert_eq!(found, (wanted, set(&before).len() as u64));
    }
}
