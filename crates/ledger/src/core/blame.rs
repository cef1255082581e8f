//! Whose fault it is when a target breaks on a product: the target's, or this product's alone.
//!
//! A target that answers 500 may be down; or it breaks on one product and works for all others. So
//! a product is asked about alone ([`catalog::Choke`]), and what came of it counts only if the
//! target worked at that time: for others, or for a probe. Who does so three times in a row is set
//! aside with the answer that it got.

use catalog::{Choke, ErrorKind, Failure};

use super::stage::Stage;
use super::state::StageState;

/// How often in a row a target has to break on a product alone.
pub const TIMES: u32 = 3;

/// What a failure of this product comes to. `before` is the stage as it was claimed, `works`
/// whether the target worked for others.
#[must_use]
pub fn judge(target: Stage, before: &StageState, mut failure: Failure, works: bool, code: &str) -> Failure {
    let Some(choke) = failure.choke.filter(|_| failure.kind == ErrorKind::Transient) else { return failure };
    // The first claim since the content changed, or since somebody lifted the failure: what was
    // counted before was of something else.
    let before = if before.attempts > 1 { before.choked_alone } else { 0 };
    let alone = if choke.alone > 0 && works { before + 1 } else { before };
    failure.choke = Some(Choke { alone });
    if alone >= TIMES {
        failure.kind = ErrorKind::Permanent;
        failure.code = code.to_owned();
        failure.message = format!("{target} breaks on this product alone, {alone} times in a row: {}", failure.message);
    }
    failure
}

#[cfg(test)]
mod tests {
    use catalog::Fate;

    use super::*;

    fn choked(alone: bool) -> Failure {
        Failure::transient("medusa_unavailable", "demo:1: Medusa answers 500").request(Fate::MayStillLand).choked(alone)
    }

    /// Whether it failed alone, and whether the target worked for others.
    type Attempt = (bool, bool);

    /// Attempts one after the other.
    fn history(attempts: &[Attempt]) -> Failure {
        let mut held = StageState::default();
        let mut last = choked(false);
        for (alone, works) in attempts {
            held.attempts += 1;
            last = judge(Stage::Medusa, &held, choked(*alone), *works, "medusa_chokes");
            held.choked_alone = last.choke.unwrap().alone;
        }
        last
    }

    #[test]
    fn three_times_alone_beside_others_that_work_is_the_products_own_fault() {
        const ALONE: Attempt = (true, true);
        let table: [(&str, &[Attempt], bool); 7] = [
            ("once", &[ALONE], false),
            ("twice", &[ALONE, ALONE], false),
            ("three times", &[ALONE, ALONE, ALONE], true),
            ("never alone", &[(false, true); 9], false),
            ("while nobody else got through either", &[(true, false); 9], false),
            ("two of these while the target was down", &[ALONE, (true, false), (true, false), ALONE], false),
            ("an outage in between takes nothing back", &[ALONE, ALONE, (true, false), (false, false), ALONE], true),
        ];
        for (case, attempts, set_aside) in table {
            let failure = history(attempts);
            assert_eq!(failure.kind == ErrorKind::Permanent, set_aside, "{case}");
            assert_eq!(failure.code == "medusa_chokes", set_aside, "{case}");
            assert!(failure.message.contains("Medusa answers 500"), "{case}: {}", failure.message);
        }
    }

    #[test]
    fn other_content_and_a_person_who_lifts_it_begin_anew() {
        let held = StageState { attempts: 1, choked_alone: 2, ..StageState::default() };
        let failure = judge(Stage::Medusa, &held, choked(true), true, "medusa_chokes");
        assert_eq!((failure.kind, failure.choke.unwrap().alone), (ErrorKind::Transient, 1));
    }

    #[test]
    fn what_is_no_choke_is_as_it_was() {
        let held = StageState { attempts: 5, choked_alone: 2, ..StageState::default() };
        for failure in [Failure::transient("leased", "…"), Failure::permanent("medusa_refused", "no")] {
            assert_eq!(judge(Stage::Medusa, &held, failure.clone(), true, "medusa_chokes"), failure);
        }
    }
}
