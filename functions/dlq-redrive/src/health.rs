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

/// Asks over HTTP, without credentials: any answer below 500 is an answer, also a refusal.
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
            .build()
            .map_err(|error| RedriveError::Nothing(error.to_string()))?;
        let trimmed = |url: &str| url.trim_end_matches('/').to_owned();
        Ok(Self {
            client,
            pimcore: format!("{}/", trimmed(&settings.pimcore_url)),
            medusa: format!("{}/health", trimmed(&settings.medusa_url)),
        })
    }
}

impl Health for Probe {
    fn answers(&self, queue: QueueName) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let url = match queue {
                // Feeds need nothing but AWS.
                QueueName::Ingest => return true,
                QueueName::Pimcore => &self.pimcore,
                QueueName::Medusa => &self.medusa,
            };
            match self.client.get(url).send().await {
                Ok(answer) if answer.status().as_u16() < 500 => true,
                Ok(answer) => {
                    tracing::warn!(%queue, url, status = answer.status().as_u16(), "the target is not well");
                    false
                }
                Err(error) => {
                    tracing::warn!(%queue, url, %error, "the target does not answer");
                    false
                }
            }
        })
    }
}
