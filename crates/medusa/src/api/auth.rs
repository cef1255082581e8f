//! Who we are to Medusa.
//!
//! A secret key costs Medusa about 60 ms of CPU per request (it hashes the key with scrypt each
//! time), a token from a log-in none. With credentials for both, prefer the log-in.

use std::fmt;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::Hide;
use serde::{Deserialize, Serialize};

/// What the secret store holds: `{"email":"…","password":"…"}` or `{"secretKey":"sk_…"}`.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum Credentials {
    /// An admin user. Cheaper per call.
    User {
        /// The user's e-mail address.
        email: String,
        /// The user's password.
        password: String,
    },
    /// A secret API key.
    Key {
        /// `sk_…`
        #[serde(rename = "secretKey")]
        secret_key: String,
    },
}

/// Never shows the secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { email, .. } => f.debug_struct("User").field("email", email).finish_non_exhaustive(),
            Self::Key { .. } => f.debug_struct("Key").finish_non_exhaustive(),
        }
    }
}

impl Credentials {
    /// What must not be passed on of Medusa's words: the secret as it is sent, and as basic
    /// authentication sends it.
    pub(crate) fn hide(&self) -> Hide {
        match self {
            Self::User { password, .. } => Hide::new([password.as_str()]),
            Self::Key { secret_key } => {
                let basic = STANDARD.encode(format!("{secret_key}:"));
                Hide::new([secret_key.as_str(), &basic])
            }
        }
    }

    /// Reads the secret's text.
    pub fn from_secret(text: &str) -> Result<Self, CredentialsError> {
        serde_json::from_str(text).map_err(|_| CredentialsError)
    }
}

/// The secret has neither form. Its text is left out on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(r#"Medusa's secret must be {{"email":"…","password":"…"}} or {{"secretKey":"sk_…"}}"#)]
pub struct CredentialsError;

/// Medusa's tokens live 24 h; a new one is fetched after this.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_secs(20 * 3600);

/// A token and when it was given.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) since: Instant,
}

impl Token {
    pub(crate) fn fresh(&self, now: Instant) -> bool {
        now.duration_since(self.since) < TOKEN_LIFE
    }
}

/// The body of a log-in.
#[derive(Serialize)]
pub(crate) struct Login<'a> {
    pub(crate) email: &'a str,
    pub(crate) password: &'a str,
}

/// The answer to it.
#[derive(Deserialize)]
pub(crate) struct LoggedIn {
    pub(crate) token: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_secret_are_read_and_neither_is_shown() {
        let user = Credentials::from_secret(r#"{"email":"a@b.c","password":"hunter22"}"#).unwrap();
        let key = Credentials::from_secret(r#"{"secretKey":"sk_12345"}"#).unwrap();
        let shown = format!("{user:?} {key:?}");
        assert!(shown.contains("a@b.c") && !shown.contains("hunter22") && !shown.contains("sk_1"), "{shown}");
        let error = Credentials::from_secret(r#"{"apiKey":"sk_12345"}"#).unwrap_err();
        assert!(!error.to_string().contains("12345"));
    }
}
