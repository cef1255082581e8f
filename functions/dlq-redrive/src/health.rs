//! Whether a target answers at all.

use std::time::Duration;

use futures::future::BoxFuture;
use redrive::QueueName;

use crate::RedriveError;
use crate::settings::Settings;

/// Tells whether a queue's target answers.
pub trait Health: Send + Sync {
    /// Whether it is worth sending work to it.
    fn answers(&self, queue: QueueName) -> BoxFuture<'_, bool>;
}

/// Asks over HTTP, without credentials, and looks at the answer: a proxy's page, a redirect or
/// somebody else's 404 is no sign of health.
#[derive(Debug, Clone)]
pub struct Probe {
    client: reqwest::Client,
    pimcore: String,
    medusa: String,
}

impl Probe {
    const TIMEOUT: Duration = Duration::from_secs(5);

    /// Probes the targets of the settings.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: &Settings) -> Result<Self, RedriveError> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .timeout(Self::TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| RedriveError::Nothing(error.to_string()))?;
        let trimmed = |url: &str| url.trim_end_matches('/').to_owned();
        Ok(Self {
            client,
            pimcore: format!("{}/pimcore-graphql-webservices/catalog", trimmed(&settings.pimcore_url)),
            medusa: format!("{}/health", trimmed(&settings.medusa_url)),
        })
    }
}

impl Probe {
    async fn ask(&self, queue: QueueName) -> Result<(), String> {
        let request = match queue {
            // Feeds need nothing but AWS.
            QueueName::Ingest => return Ok(()),
            // Without a key: Pimcore refuses, in its own words.
            QueueName::Pimcore => {
                let query = serde_json::json!({"query": "{__typename}"});
                self.client.post(&self.pimcore).header("accept", "application/json").json(&query)
            }
            QueueName::Medusa => self.client.get(&self.medusa),
        };
        let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(|error| error.without_url().to_string())?;
        let well = match queue {
            QueueName::Ingest => true,
            QueueName::Pimcore => pimcore_is_well(status, &body),
            QueueName::Medusa => medusa_is_well(status, &body),
        };
        let beginning: String = String::from_utf8_lossy(&body).chars().take(100).collect();
        if well { Ok(()) } else { Err(format!("HTTP {status}, begins: {beginning:?}")) }
    }
}

/// A Data Hub answers a query with data, and one without a key with its framework's own 403, whose
/// detail is longer in a development environment.
fn pimcore_is_well(status: u16, body: &[u8]) -> bool {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match status {
        200 => body["data"].is_object(),
        403 => body["status"] == 403 && body["detail"].is_string(),
        _ => false,
    }
}

/// Medusa's `/health` says OK as long as it runs. It says so without its database too: then the
/// first batch of one message fails, and the breaker opens again.
fn medusa_is_well(status: u16, body: &[u8]) -> bool {
    status == 200 && body.trim_ascii() == b"OK"
}

impl Health for Probe {
    fn answers(&self, queue: QueueName) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let asked = self.ask(queue).await;
            if let Err(reason) = &asked {
                tracing::warn!(%queue, reason, "the target is not well");
            }
            asked.is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_in_the_targets_place_is_no_sign_of_health() {
        let refused = br#"{"type":"https://tools.ietf.org/html/rfc2616#section-10","title":"An error occurred","status":403,"detail":"Forbidden"}"#;
        assert!(pimcore_is_well(403, refused));
        assert!(pimcore_is_well(200, br#"{"data":{"__typename":"Query"}}"#));
        let page = b"<html><body>Be right back</body></html>";
        for (status, body) in
            [(200, &page[..]), (403, page), (404, page), (502, page), (200, b""), (302, b""), (500, refused)]
        {
            assert!(!pimcore_is_well(status, body), "{status}");
            assert!(!medusa_is_well(status, body), "{status}");
        }
        assert!(medusa_is_well(200, b"OK"));
        assert!(!medusa_is_well(503, b"OK"));
    }
}
