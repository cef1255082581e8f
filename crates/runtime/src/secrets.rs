//! Secrets by name, never by value.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata as _, SdkError};
use catalog::Failure;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::codes;

/// Reads JSON secrets from Secrets Manager and keeps them for [`Secrets::KEEP`].
///
/// A target that refuses a secret may do so because it was rotated: [`Secrets::forget`] it, read
/// again, try once more.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
    kept: Arc<Mutex<HashMap<String, (Instant, String)>>>,
}

impl Secrets {
    /// How long a value is used before it is read again.
    pub const KEEP: Duration = Duration::from_secs(300);

    /// Secrets of the account that `client` belongs to.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, kept: Arc::default() }
    }

    /// The secret `name` (a name or an ARN), read as `T`.
    ///
    /// # Errors
    /// `secret_missing`, `secret_denied` and `secret_unreadable` when it is not there, may not be
    /// read or has another form (transient: the messages wait until somebody puts it right),
    /// `secrets_unavailable` when Secrets Manager does not answer. No message contains any part of
    /// a value.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, Failure> {
        let mut kept = self.kept.lock().await;
        let text = match kept.get(name) {
            Some((read, text)) if read.elapsed() < Self::KEEP => text.clone(),
            _ => {
                let text = self.read(name).await?;
                kept.insert(name.to_owned(), (Instant::now(), text.clone()));
                text
            }
        };
        // serde's message may quote the value: it is not passed on.
        serde_json::from_str(&text).map(without_line_ends).and_then(serde_json::from_value).map_err(|_| {
            kept.remove(name);
            let fields = "Pimcore {\"apiKey\"}, Medusa {\"email\",\"password\"} or {\"secretKey\"}";
            Failure::transient(
                codes::SECRET_UNREADABLE,
                format!("secret {name} is not the JSON it should be: {fields}"),
            )
        })
    }

    /// Drops a value, so that the next [`Secrets::get`] reads it again.
    pub async fn forget(&self, name: &str) {
        self.kept.lock().await.remove(name);
    }

    async fn read(&self, name: &str) -> Result<String, Failure> {
        let output = self.client.get_secret_value().secret_id(name).send().await.map_err(|error| match &error {
            SdkError::ServiceError(refused) if refused.err().is_resource_not_found_exception() => Failure::transient(
                codes::SECRET_MISSING,
                format!("secret {name} does not exist: create it, see docs/deployment.md"),
            ),
            // A role that may read one secret only is told nothing else about a name that does not
            // exist.
            SdkError::ServiceError(refused) if refused.err().code() == Some("AccessDeniedException") => {
                Failure::transient(
                    codes::SECRET_DENIED,
                    format!(
                        "secret {name} does not exist, or this function may not read it: {}",
                        refused.err().message().unwrap_or("AccessDeniedException")
                    ),
                )
            }
            _ => Failure::transient(
                codes::SECRETS_UNAVAILABLE,
                format!("secret {name} cannot be read: {}", DisplayErrorContext(&error)),
            ),
        })?;
        output.secret_string.ok_or_else(|| {
            Failure::transient(codes::SECRET_UNREADABLE, format!("secret {name} holds bytes, not JSON text"))
        })
    }
}

/// A key that was piped into a file ends in a line feed, which is not part of it.
fn without_line_ends(secret: Value) -> Value {
    match secret {
        Value::String(text) => Value::String(text.trim_matches(['\r', '\n']).to_owned()),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, without_line_ends(value))).collect(),
        other => other,
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_feed_after_a_secret_is_not_part_of_it() {
        let piped = json!({"apiKey": "k1\n", "email": "a@shop.example\r\n", "password": " with spaces ", "n": 1});
        let read = json!({"apiKey": "k1", "email": "a@shop.example", "password": " with spaces ", "n": 1});
        assert_eq!(without_line_ends(piped), read);
    }
}
