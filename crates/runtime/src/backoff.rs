//! How long a failed message waits before it is tried again.

use std::time::Duration;

use catalog::Failure;

/// Longest wait. SQS allows twelve hours; a target that recovers should not wait longer than this
/// for its messages.
pub const LONGEST: Duration = Duration::from_secs(300);

const FIRST: Duration = Duration::from_secs(4);

/// Messages that all wait for one end come back spread over this time after it.
const APART: Duration = Duration::from_secs(10);

/// The wait of message `id` after its `received`-th delivery (from 1) ended with this failure.
#[must_use]
pub fn after(failure: &Failure, id: &str, received: u32) -> Duration {
    let wait = wait(id, received, failure.retry_after);
    match failure.retry_within {
        Some(end) => wait.min(end.saturating_add(APART.mul_f64(fraction(id, received)))),
        None => wait,
    }
}

/// The wait after the `received`-th delivery (from 1) of message `id`, at least what the target
/// `asked` for.
///
/// "Equal jitter": half of `4 s × 2ⁿ` (capped) is certain, the other half spread evenly by the
/// message's id, so that messages that failed together do not come back together. It is a function
/// of its arguments: the same message waits the same in a replayed test.
#[must_use]
pub fn wait(id: &str, received: u32, asked: Option<Duration>) -> Duration {
    let full = FIRST.saturating_mul(1 << received.saturating_sub(1).min(16)).min(LONGEST);
    let spread = full.mul_f64(0.5 + 0.5 * fraction(id, received));
    spread.max(asked.unwrap_or_default()).min(Duration::from_secs(12 * 3600))
}

/// A number from 0 to 1 that depends on the message and its delivery count only (FNV-1a).
fn fraction(id: &str, received: u32) -> f64 {
    let hash = id
        .bytes()
        .chain(received.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    f64::from(u32::try_from(hash >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_within_the_cap_and_differ_between_messages() {
        for received in 1..40 {
            let full = FIRST.saturating_mul(1 << (received - 1_u32).min(16)).min(LONGEST);
            let wait = wait("message-a", received, None);
            assert!(wait >= full / 2 && wait <= full, "delivery {received}: {wait:?} of {full:?}");
        }
        let waits: std::collections::HashSet<_> = (0..50).map(|n| wait(&format!("message-{n}"), 5, None)).collect();
        assert!(waits.len() > 40, "only {} different waits", waits.len());
    }

    #[test]
    fn what_waits_for_a_lease_comes_back_when_it_has_ended() {
        let end = Duration::from_secs(70);
        let leased = Failure::transient("leased", "somebody else works on it").retry_within(end);
        // The first waits are short: most leases are given back long before they end.
        assert_eq!(after(&leased, "m", 1), wait("m", 1, None));
        for received in 7..20 {
            assert!(wait("m", received, None) > end + APART, "without a cap it would wait much longer");
            let waited = after(&leased, "m", received);
            assert!(waited >= end && waited <= end + APART, "delivery {received}: {waited:?}");
        }
        let waits: std::collections::HashSet<_> = (0..50).map(|n| after(&leased, &format!("m{n}"), 9)).collect();
        assert!(waits.len() > 40, "only {} different waits", waits.len());
    }

    #[test]
    fn the_target_may_ask_for_more() {
        assert_eq!(wait("m", 1, Some(Duration::from_secs(90))), Duration::from_secs(90));
    }
}
