//! What is wanted of a product: what its source said, under the shop's rules.
//!
//! Rules act before the PIM. Whoever brings a product there claims its stage, *then* reads which rules are in force, and notes with the completion what they made
//! of the document, as a digest beside the hash ([`super::stage::Applied::view`] of the PIM's stage; absent where the rules change nothing, so that without rules all
//! is as if there were none). A walk ([`super::walk`]) begins after rules are in force, and reads each product's state after that. So it finds
//!
//! - somebody at work, who may have read the rules before: the stage is put in doubt, which ends only with a claim after this; or
//! - what came of it: a digest that is compared with what is wanted now; or
//! - a claim that is still to come, which reads these rules or newer ones.

use catalog::ContentHash;

use super::stage::Stage;
use super::state::ProductState;

/// Whether the PIM has to be looked at because other rules are in force. `wanted` is the digest of what these make of the product's document.
#[must_use]
pub fn concerns(state: &ProductState, wanted: Option<&str>) -> bool {
    let stage = state.stage(Stage::Pimcore);
    if state.hash.is_none() {
        return false;
    }
    if stage.owner.is_some() || stage.last_error.is_some() {
        return true;
    }
    // Of whatever content: the document is written before the state, so that the PIM may hold one that the state does not speak of yet.
    let differs = |applied: &super::stage::Applied| applied.view.as_deref() != wanted;
    // In doubt: whoever claims it from now on reads the rules that are in force.
    stage.recheck_at.is_none() && stage.applied.as_ref().is_some_and(differs)
}

/// Whether the PIM shows exactly this, and nobody is about to change it.
#[must_use]
pub fn shows(state: &ProductState, hash: &Option<ContentHash>, wanted: Option<&str>) -> bool {
    let stage = state.stage(Stage::Pimcore);
    let quiet = stage.owner.is_none() && stage.recheck_at.is_none() && stage.last_error.is_none();
    let holds =
        |applied: &super::stage::Applied| Some(&applied.hash) == hash.as_ref() && applied.view.as_deref() == wanted;
    quiet && state.hash == *hash && stage.applied.as_ref().is_some_and(holds)
}

/// Whether a push may show the shop something else than what the PIM was just made to hold, though it is of the same content: it holds that by other rules, or somebody
/// pushes what the PIM showed before. Then it is counted like a person's save ([`super::stage::edited`]). `claimed` is the state that the claim gave, `wanted` the digest of
/// what the PIM holds now.
#[must_use]
pub fn counts(claimed: &ProductState, hash: &ContentHash, wanted: Option<&str>) -> bool {
    let (pimcore, shop) = (claimed.stage(Stage::Pimcore), claimed.stage(Stage::Medusa));
    let held = pimcore.applied.as_ref().filter(|held| held.hash == *hash);
    // Whoever failed or died may have shown it, by any rules.
    let unsure = pimcore.recheck_at.is_some() || pimcore.last_error.is_some();
    // Of content that comes back: the shop has it, or whoever pushes read it when it was there before.
    let came_back = || shop.owner.is_some() || shop.applied.as_ref().is_some_and(|held| held.hash == *hash);
    match held {
        Some(held) if !unsure => held.view.as_deref() != wanted,
        held => unsure || held.is_some() || came_back(),
    }
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Failure, Version};

    use super::*;
    use crate::core::stage::Applied;
    use crate::core::state::{RecordedError, StageState};

    fn applied(hash: &str, view: Option<&str>) -> Applied {
        Applied {
            hash: ContentHash::from_text(hash),
            version: Version::from_text("v"),
            remote_id: None,
            view: view.map(str::to_owned),
            seen: None,
            at: 0,
        }
    }

    #[test]
    fn who_may_have_acted_by_other_rules_is_looked_at_and_nobody_else() {
        let state = |pimcore: StageState| ProductState {
            hash: Some(ContentHash::from_text("h")),
            pimcore,
            ..ProductState::default()
        };
        let holds = |view| StageState { applied: Some(applied("h", view)), ..StageState::default() };
        let error = Some(RecordedError::new(&Failure::permanent("x", "x"), 1));
        for (stage, wanted, expected, what) in [
            (holds(None), None, false, "no rule, as before"),
            (holds(Some("d")), Some("d"), false, "the same"),
            (holds(None), Some("d"), true, "a rule came"),
            (holds(Some("d")), None, true, "it went"),
            (holds(Some("d")), Some("e"), true, "it changed"),
            (StageState { owner: Some("w".into()), ..holds(Some("d")) }, Some("d"), true, "somebody is at work"),
            (StageState { recheck_at: Some(1), ..holds(None) }, Some("d"), false, "a claim is to come"),
            (
                StageState { applied: Some(applied("old", None)), ..StageState::default() },
                Some("d"),
                true,
                "the state may learn only now of what the PIM holds",
            ),
            (StageState::default(), Some("d"), false, "it never came"),
            (StageState { last_error: error, ..StageState::default() }, None, true, "other rules may help"),
        ] {
            assert_eq!(concerns(&state(stage), wanted), expected, "{what}");
        }
        assert!(!concerns(&ProductState { hash: None, ..state(holds(None)) }, Some("d")), "people made it");
    }

    #[test]
    fn what_the_shop_may_show_by_other_rules_counts() {
        let applied = |hash, view| Some(applied(hash, view));
        let stage = |applied| StageState { applied, ..StageState::default() };
        let doubt = |applied| StageState { recheck_at: Some(1), ..stage(applied) };
        let none = || stage(None);
        for (pimcore, medusa, wanted, expected, what) in [
            (none(), none(), Some("d"), false, "new"),
            (stage(applied("old", Some("d"))), stage(applied("old", None)), None, false, "new content"),
            (stage(applied("h", Some("d"))), stage(applied("h", None)), Some("d"), false, "the same"),
            (stage(applied("h", None)), stage(applied("h", None)), Some("d"), true, "the shop has it by other rules"),
            (stage(applied("h", None)), none(), Some("d"), true, "somebody may push what the PIM showed"),
            (stage(applied("old", None)), stage(applied("h", None)), None, true, "content that came back"),
            (
                stage(applied("old", None)),
                StageState { owner: Some("push".into()), ..none() },
                None,
                true,
                "whoever pushes may have read this content, when it was there before",
            ),
            (doubt(None), none(), None, true, "who died may have shown it by other rules"),
            (doubt(applied("h", None)), none(), None, true, "who died after that, too"),
        ] {
            let claimed = ProductState { pimcore, medusa, ..ProductState::default() };
            assert_eq!(counts(&claimed, &ContentHash::from_text("h"), wanted), expected, "{what}");
        }
    }
}
