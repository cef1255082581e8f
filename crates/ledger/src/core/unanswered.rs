//! What one environment has seen of a target: counted in memory, one batch at a time (D33).

use std::collections::{BTreeMap, BTreeSet};

use catalog::{ErrorKind, Failure, Fate, ProductKey};

use super::breaker::Settings;
use super::stage::Stage;

/// What a batch tells about a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It answered somebody. Whatever it said about the data, it works.
    Answer,
    /// It answered nobody.
    Silence {
        /// A product that got no answer; none where the target was asked about no product.
        product: Option<ProductKey>,
        /// Whether the trouble cannot be due to one product: several met it, or there was no
        /// connection at all.
        general: bool,
        /// The trouble in the target's or our words.
        reason: String,
        /// The products, if all that came was that the target broke on the request: it answers, and
        /// may work for others.
        choked: Option<BTreeSet<ProductKey>>,
    },
    /// It was not asked, or nothing follows from what happened.
    Nothing,
}

/// Batches in a row to which a target gave no answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unanswered {
    in_a_row: u32,
    product: Option<ProductKey>,
    general: bool,
    /// Somebody got no answer at all.
    silent: bool,
    /// Products that the target broke on, no more once they are [`MANY`].
    choked: BTreeSet<ProductKey>,
}

/// Products that a target breaks on, with none between them that it takes: then it is down,
/// whatever a probe says that only reads.
pub const MANY: usize = 10;

/// What follows for a target's breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Fine,
    /// It is to be tripped.
    Trip,
    /// It is to be tripped if a probe that is known to work does not: perhaps it is these products
    /// that the target breaks on.
    Ask,
}

impl Unanswered {
    /// Learns from a batch. The target's breaker is to be tripped when enough batches in a row got
    /// no answer, and it is not one and the same product that the target has trouble with.
    pub fn learn(&mut self, seen: &Seen, settings: &Settings) -> Verdict {
        match seen {
            Seen::Nothing => Verdict::Fine,
            Seen::Answer => {
                *self = Self::default();
                Verdict::Fine
            }
            Seen::Silence { product, general, choked, .. } => {
                self.in_a_row = self.in_a_row.saturating_add(1);
                if let Some(product) = product {
                    let before = self.product.replace(product.clone());
                    self.general |= before.is_some_and(|before| before != *product);
                }
                self.general |= *general;
                self.silent |= choked.is_none();
                if !self.many() {
                    self.choked.extend(choked.iter().flatten().cloned());
                }
                match self.in_a_row >= settings.failures && self.general {
                    false => Verdict::Fine,
                    true if self.silent || self.many() => Verdict::Trip,
                    true => Verdict::Ask,
                }
            }
        }
    }

    /// Whether the target broke on so many that no probe can clear it.
    #[must_use]
    pub fn many(&self) -> bool {
        self.choked.len() >= MANY
    }

    /// Whether the target answered the last time: then there is no reason to look at its breaker.
    #[must_use]
    pub const fn none(&self) -> bool {
        self.in_a_row == 0
    }
}

/// Whether a failure is about this target: its client's codes begin with its name.
fn is_of(target: Stage, failure: &Failure) -> bool {
    failure.code.strip_prefix(target.as_str()).is_some_and(|what| what.starts_with('_'))
}

/// Whether a failure says that a target as a whole does not work: no connection, no answer, or
/// somebody else's in its place. Not a refusal, a lease or the ledger.
#[must_use]
pub fn is_silence(target: Stage, failure: &Failure) -> bool {
    let silent = matches!(failure.request, Fate::NoConnection | Fate::Unanswered | Fate::MayStillLand);
    failure.kind == ErrorKind::Transient && silent && is_of(target, failure)
}

/// Whether a failure is the target's own word: it works, though not for this product or with this
/// key.
fn is_answer(target: Stage, failure: &Failure) -> bool {
    failure.request == Fate::Answered && failure.choke.is_none() && is_of(target, failure)
}

/// Whether a failure says that the target broke on the request.
#[must_use]
pub fn is_choke(target: Stage, failure: &Failure) -> bool {
    failure.choke.is_some() && failure.kind == ErrorKind::Transient && is_of(target, failure)
}

/// What the results of a batch tell about a target. A product that was done needed every target of
/// the function.
#[must_use]
pub fn seen<R>(target: Stage, results: &BTreeMap<ProductKey, Result<R, Failure>>) -> Seen {
    let mut silent: Option<(&ProductKey, &Failure)> = None;
    let mut several = false;
    let (mut choked, mut all_choked) = (BTreeSet::new(), true);
    for (key, result) in results {
        match result {
            Ok(_) => return Seen::Answer,
            Err(failure) if is_answer(target, failure) => return Seen::Answer,
            Err(failure) if is_choke(target, failure) || is_silence(target, failure) => {
                several |= silent.is_some();
                silent = Some((key, failure));
                if is_choke(target, failure) {
                    choked.insert(key.clone());
                } else {
                    all_choked = false;
                }
            }
            Err(_) => {}
        }
    }
    silent.map_or(Seen::Nothing, |(product, failure)| Seen::Silence {
        product: Some(product.clone()),
        general: several || failure.request == Fate::NoConnection,
        reason: failure.to_string(),
        choked: all_choked.then_some(choked),
    })
}

/// What a request that was about no product (a listing, say) tells about a target when it failed.
/// Only where there was no connection at all does it say something about the products.
#[must_use]
pub fn seen_in_passing(target: Stage, failure: &Failure) -> Seen {
    if is_silence(target, failure) {
        let general = failure.request == Fate::NoConnection;
        Seen::Silence { product: None, general, reason: failure.to_string(), choked: None }
    } else {
        Seen::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings {
        failures: 3,
        wait_ms: 1,
        longest_wait_ms: 1,
        probe_ms: 1,
        step_ms: 1,
        steps: &[1],
        over_after_ms: 1,
        calm_ms: 1,
    };

    /// As the clients make them.
    fn trouble(code: &str) -> Failure {
        let request = match code {
            "medusa_unreachable" | "pimcore_unreachable" => Fate::NoConnection,
            "medusa_timeout" | "medusa_unavailable" | "pimcore_timeout" => Fate::MayStillLand,
            "medusa_throttled" | "pimcore_unavailable" => Fate::Unanswered,
            "medusa_login_refused" | "medusa_not_found" => Fate::Answered,
            _ => Fate::NotAsked,
        };
        Failure::transient(code, "trouble").request(request)
    }

    fn batch(results: &[(&str, Result<(), &str>)]) -> BTreeMap<ProductKey, Result<(), Failure>> {
        let failure = |code: &&str| match *code {
            "medusa_refused" => Failure::permanent("medusa_refused", "no").request(Fate::Answered),
            code => trouble(code),
        };
        let of = |(id, result): &(&str, Result<(), &str>)| {
            (ProductKey::new("demo", *id).unwrap(), result.as_ref().map_err(failure).copied())
        };
        results.iter().map(of).collect()
    }

    fn medusa(results: &[(&str, Result<(), &str>)]) -> Seen {
        seen(Stage::Medusa, &batch(results))
    }

    #[test]
    fn what_the_target_itself_does_counts_and_nothing_else() {
        for silence in ["medusa_unreachable", "medusa_timeout", "medusa_unavailable", "medusa_throttled"] {
            assert!(matches!(medusa(&[("1", Err(silence))]), Seen::Silence { .. }), "{silence}");
        }
        for nothing in
            ["leased", "ledger_unavailable", "deadline", "medusa_out_of_time", "pimcore_unreachable", "secret_missing"]
        {
            assert_eq!(medusa(&[("1", Err(nothing))]), Seen::Nothing, "{nothing}");
        }
        for answer in ["medusa_refused", "medusa_login_refused", "medusa_not_found"] {
            assert_eq!(medusa(&[("1", Err(answer))]), Seen::Answer, "{answer}");
        }
        assert_eq!(medusa(&[]), Seen::Nothing);
        assert_eq!(medusa(&[("1", Err("medusa_unavailable")), ("2", Ok(()))]), Seen::Answer);
    }

    #[test]
    fn the_name_of_a_code_decides_nothing() {
        let unlucky = Failure::transient("medusa_price_unavailable", "no").request(Fate::Answered);
        assert!(!is_silence(Stage::Medusa, &unlucky) && is_answer(Stage::Medusa, &unlucky));
        let lucky = Failure::transient("medusa_anything", "…").request(Fate::Unanswered);
        assert!(is_silence(Stage::Medusa, &lucky) && !is_silence(Stage::Pimcore, &lucky));
    }

    #[test]
    fn a_product_that_is_done_says_that_the_pim_works_too() {
        assert_eq!(seen(Stage::Pimcore, &batch(&[("1", Ok(()))])), Seen::Answer);
        assert_eq!(seen(Stage::Pimcore, &batch(&[("1", Err("medusa_timeout"))])), Seen::Nothing);
    }

    #[test]
    fn failures_in_a_row_trip_and_an_answer_in_between_starts_anew() {
        let (silence, answer) = (medusa(&[("1", Err("medusa_unreachable"))]), medusa(&[("1", Ok(()))]));
        let mut unanswered = Unanswered::default();
        let mut learn = |seen| unanswered.learn(seen, &SETTINGS) == Verdict::Trip;
        assert!(!learn(&silence) && !learn(&silence));
        assert!(!learn(&answer));
        assert!(!learn(&silence) && !learn(&Seen::Nothing) && !learn(&silence) && learn(&silence));
        assert!(learn(&silence), "whoever fails again while traffic returns trips at once");
        assert!(!unanswered.none());
    }

    #[test]
    fn a_listing_that_fails_says_nothing_about_products_unless_there_is_no_connection() {
        let listing = |code: &str| seen_in_passing(Stage::Pimcore, &trouble(code));
        let trips = |seen: &Seen| {
            let mut unanswered = Unanswered::default();
            (0..10).any(|_| unanswered.learn(seen, &SETTINGS) == Verdict::Trip)
        };
        assert!(!trips(&listing("pimcore_unavailable")));
        assert!(trips(&listing("pimcore_unreachable")));
        assert_eq!(listing("ledger_unavailable"), Seen::Nothing);
    }

    #[test]
    fn one_product_that_gets_no_answer_does_not_trip() {
        let mut unanswered = Unanswered::default();
        for _ in 0..10 {
            assert_eq!(unanswered.learn(&medusa(&[("1", Err("medusa_unavailable"))]), &SETTINGS), Verdict::Fine);
        }
        assert_eq!(unanswered.learn(&medusa(&[("2", Err("medusa_unavailable"))]), &SETTINGS), Verdict::Trip);
    }

    fn choked(ids: std::ops::Range<u32>) -> Seen {
        let failure = || Failure::transient("medusa_unavailable", "500").request(Fate::MayStillLand).choked(true);
        let each = ids.map(|id| (ProductKey::new("demo", id.to_string()).unwrap(), Err::<(), _>(failure())));
        seen(Stage::Medusa, &each.collect())
    }

    #[test]
    fn a_few_products_that_the_target_breaks_on_ask_for_a_probe_and_many_do_not() {
        let mut unanswered = Unanswered::default();
        let mut learn = |seen: Seen| unanswered.learn(&seen, &SETTINGS);
        assert_eq!([learn(choked(0..4)), learn(choked(0..4))], [Verdict::Fine; 2]);
        assert_eq!([learn(choked(0..4)), learn(choked(1..3))], [Verdict::Ask; 2], "the same four for ever");
        assert_eq!(learn(medusa(&[("9", Ok(()))])), Verdict::Fine);
        assert_eq!([learn(choked(0..4)), learn(choked(0..4))], [Verdict::Fine; 2], "counted anew");
        assert_eq!(learn(choked(4..9)), Verdict::Ask);
        assert_eq!(learn(choked(9..10)), Verdict::Trip, "ten different ones, and none that gets through");
        assert_eq!(learn(choked(0..1)), Verdict::Trip, "until one does");
    }

    #[test]
    fn who_gets_no_answer_at_all_needs_no_probe() {
        let mut unanswered = Unanswered::default();
        let silence = || medusa(&[("1", Err("medusa_timeout")), ("2", Err("medusa_timeout"))]);
        assert_eq!(unanswered.learn(&choked(0..4), &SETTINGS), Verdict::Fine);
        assert_eq!(unanswered.learn(&silence(), &SETTINGS), Verdict::Fine);
        assert_eq!(unanswered.learn(&choked(0..4), &SETTINGS), Verdict::Trip);
    }
}
