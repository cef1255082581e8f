//! Whether a notice is the bundle's: `t=SECONDS,v1=HEX`, HMAC-SHA256 over the seconds, a full stop
//! and the body as it was sent.
//!
//! The time is signed, and a signature holds for [`WINDOW_S`]. Within that time it can be sent
//! again; a notice is a key, so that costs a look.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The header, as Lambda spells it.
pub const HEADER: &str = "x-catalog-signature";
/// So many seconds a signature may be old, or ahead of our clock.
pub const WINDOW_S: i64 = 300;

/// Signatures of one header that are looked at: two while a secret changes.
const MOST: usize = 4;
const DIGITS: usize = 12;

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("the signature names no time")]
    Timeless,
    #[error("the signature's time is more than five minutes from ours")]
    Time,
    #[error("no signature is that of the secret")]
    Wrong,
}

/// Whether `header` signs `body` with one of the secrets, as of `now_s`.
///
/// # Errors
/// Why not.
pub fn verify(header: &str, secrets: &[&str], now_s: i64, body: &[u8]) -> Result<(), Mismatch> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let time = |value: &str| {
        let plain = (1..=DIGITS).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| value.parse::<i64>().ok()).flatten()
    };
    let signed_at = parts().filter(|(name, _)| *name == "t").filter_map(|(_, value)| time(value)).next_back();
    let signed_at = signed_at.ok_or(Mismatch::Timeless)?;
    if (now_s - signed_at).abs() > WINDOW_S {
        return Err(Mismatch::Time);
    }
    let given = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| bytes_of(value)).take(MOST);
    for signature in given {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            if holds(secret, signed_at, body, &signature) {
                return Ok(());
            }
        }
    }
    Err(Mismatch::Wrong)
}

/// Compares in a time that says nothing about the right one.
fn holds(secret: &str, signed_at: i64, body: &[u8], signature: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(format!("{signed_at}.").as_bytes());
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}

fn bytes_of(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        case: String,
        secrets: Vec<String>,
        now: i64,
        header: String,
        body: String,
        holds: bool,
    }

    /// The same vectors hold the bundle to it (`DecisionTest.php`).
    #[test]
    fn signatures_are_those_of_the_bundles_vectors() {
        let vectors = include_str!("../../../platforms/pimcore-bundle/tests/signatures.json");
        let vectors: Vec<Vector> = serde_json::from_str(vectors).unwrap();
        assert!(vectors.len() > 10 && vectors.iter().any(|vector| vector.holds));
        for Vector { case, secrets, now, header, body, holds } in vectors {
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            assert_eq!(verify(&header, &secrets, now, body.as_bytes()).is_ok(), holds, "{case}");
        }
    }

    const SECRET: &str = "a secret of the stack";
    const BODY: &[u8] = br#"{"message":"m","notices":[]}"#;
    const AT: i64 = 1_764_237_600;
    const RIGHT: &str = "9cfde8c3666d9dceb9c7a0087930f76226bffed70f64e791d161de2a1af665e4";

    fn tried(header: &str, now_s: i64, body: &[u8]) -> Result<(), Mismatch> {
        verify(header, &[SECRET], now_s, body)
    }

    #[test]
    fn what_is_wrong_with_a_signature_is_said() {
        let header = format!("t={AT},v1={RIGHT}");
        assert_eq!(tried(&header, AT, BODY), Ok(()));
        assert_eq!(tried(&header, AT, &BODY[..BODY.len() - 1]), Err(Mismatch::Wrong), "truncated");
        assert_eq!(tried(&header, AT + WINDOW_S, BODY), Ok(()), "a replay within the window is a look");
        assert_eq!(tried(&header, AT + WINDOW_S + 1, BODY), Err(Mismatch::Time), "old");
        assert_eq!(tried(&header, AT - WINDOW_S - 1, BODY), Err(Mismatch::Time), "of the future");
        assert_eq!(tried("", AT, BODY), Err(Mismatch::Timeless));
        assert_eq!(tried(&format!("v1={RIGHT}"), AT, BODY), Err(Mismatch::Timeless));
        assert_eq!(tried(&format!("t=-{AT},v1={RIGHT}"), AT, BODY), Err(Mismatch::Timeless));
        assert_eq!(tried("t=999999999999,v1=", AT, BODY), Err(Mismatch::Time));
        let forms = [String::new(), RIGHT[..62].to_owned(), format!("{RIGHT}00"), "é".repeat(32)];
        for given in forms {
            assert_eq!(tried(&format!("t={AT},v1={given}"), AT, BODY), Err(Mismatch::Wrong), "{given}");
        }
        assert_eq!(verify(&header, &[""], AT, BODY), Err(Mismatch::Wrong), "no secret is no secret");
        assert_eq!(verify(&header, &[], AT, BODY), Err(Mismatch::Wrong));
    }

    #[test]
    fn many_signatures_cost_no_more_than_a_few() {
        let wrong = format!("v1={},", "0".repeat(64)).repeat(MOST);
        assert_eq!(tried(&format!("t={AT},{wrong}v1={RIGHT}"), AT, BODY), Err(Mismatch::Wrong));
    }
}
