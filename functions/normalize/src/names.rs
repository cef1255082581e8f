//! Names of sources that can be told apart. Handles and paths are `<source>-<id>`, so no name may be another's followed by a hyphen; all that could be taken
//! for each other begin alike, and are claimed in one item. So of two that are put at one moment one is refused.

use catalog::Failure;
use ledger::core::config::{Found, Head};
use ledger::{Ledger, Table};

use crate::codes;

/// The kind of the items that hold claims, by what the names begin with.
const KIND: &str = "source-name";
/// Claims that somebody else comes before.
const ROUNDS: usize = 16;

fn beginning(name: &str) -> &str {
    name.split('-').next().unwrap_or(name)
}

/// Whether one name is another's followed by a hyphen.
pub(crate) fn collide(one: &str, other: &str) -> bool {
    let begins = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('-'));
    begins(one, other) || begins(other, one)
}

/// What the item says with a name claimed, nothing if it says so already; or the name that stands in the way.
fn claimed(head: &Head, name: &str) -> Result<Option<Found>, String> {
    if head.files.iter().any(|known| known == name) {
        return Ok(None);
    }
    if let Some(other) = head.files.iter().find(|known| collide(known, name)) {
        return Err(other.clone());
    }
    Ok(Some(of(head.files.iter().cloned().chain([name.to_owned()]))))
}

/// What it says with the name given back.
fn released(head: &Head, name: &str) -> Option<Found> {
    let held = head.files.iter().any(|known| known == name);
    held.then(|| of(head.files.iter().filter(|known| *known != name).cloned()))
}

fn of(names: impl Iterator<Item = String>) -> Found {
    let mut files: Vec<String> = names.collect();
    files.sort();
    if files.is_empty() {
        return Found::Removed;
    }
    Found::Sound { digest: files.join(" "), files, looks_back: false }
}

/// Claims a name for a source that is about to be in force. The other name, if one stands in the way.
pub(crate) async fn claim<T: Table>(store: &Ledger<T>, name: &str, now: i64) -> Result<Option<String>, Failure> {
    for _ in 0..ROUNDS {
        let head = store.config_head(KIND, beginning(name)).await.map_err(|error| error.failure())?;
        match claimed(&head, name) {
            Err(other) => return Ok(Some(other)),
            Ok(None) => return Ok(None),
            Ok(Some(found)) => {
                let written = store.config_record(KIND, beginning(name), &head, &found, now).await;
                if written.map_err(|error| error.failure())?.is_ok() {
                    return Ok(None);
                }
            }
        }
    }
    Err(changing(name))
}

/// Gives a name back of a source that is not in force.
pub(crate) async fn release<T: Table>(store: &Ledger<T>, name: &str, now: i64) -> Result<(), Failure> {
    for _ in 0..ROUNDS {
        let head = store.config_head(KIND, beginning(name)).await.map_err(|error| error.failure())?;
        let Some(found) = released(&head, name) else { return Ok(()) };
        let written = store.config_record(KIND, beginning(name), &head, &found, now).await;
        if written.map_err(|error| error.failure())?.is_ok() {
            return Ok(());
        }
    }
    Err(changing(name))
}

fn changing(name: &str) -> Failure {
    Failure::transient(codes::CONFIG_CHANGING, format!("names like {name} change faster than they can be looked at"))
}

#[cfg(test)]
mod tests {
    use ledger::core::config::{Head, record};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Sources that are put and removed at one moment, each in two steps that interleave in any way: no two that collide hold their names.
        #[test]
        fn of_names_that_collide_one_is_claimed(steps in proptest::collection::vec((0usize..5, any::<bool>()), 0..60)) {
            const NAMES: [&str; 5] = ["acme", "acme-de", "acme-de-old", "acme-fr", "acmed"];
            let mut item = std::collections::BTreeMap::new();
            let mut seen: [Option<(Head, bool)>; 5] = [const { None }; 5];
            for (who, putting) in steps {
                match seen[who].take() {
                    None => seen[who] = Some((Head::of(&item), putting)),
                    Some((head, putting)) => {
                        let name = NAMES[who];
                        let found = if putting { claimed(&head, name).ok().flatten() } else { released(&head, name) };
                        if let Some(after) = found.and_then(|found| record(KIND, "acme", &head, &found, 1).apply(&item).ok()) {
                            item = after;
                        }
                    }
                }
                let held = Head::of(&item).files;
                for (at, one) in held.iter().enumerate() {
                    prop_assert!(held[at + 1..].iter().all(|other| !collide(one, other) && one != other), "{held:?}");
                }
            }
        }
    }

    #[test]
    fn names_that_begin_with_the_same_word_may_stand_beside_each_other() {
        assert!(
            collide("acme", "acme-de")
                && collide("acme-de", "acme")
                && !collide("acme-de", "acme-fr")
                && !collide("acme", "acmed")
        );
        let head = Head { files: vec!["acme-de".into()], ..Head::default() };
        assert_eq!(claimed(&head, "acme"), Err("acme-de".to_owned()));
        let Ok(Some(Found::Sound { files, .. })) = claimed(&head, "acme-fr") else { panic!("claimed") };
        assert_eq!(files, ["acme-de", "acme-fr"]);
        assert_eq!((claimed(&head, "acme-de"), released(&head, "acme-de")), (Ok(None), Some(Found::Removed)));
    }
}
