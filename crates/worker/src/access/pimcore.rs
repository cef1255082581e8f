//! The client of Pimcore, made from its secret once and again when the secret changes. Both
//! functions ask Pimcore.

use catalog::{Failure, Languages};
use pimcore::{ApiKey, Pimcore};
use runtime::Secrets;
use runtime::settings::{SettingError, required};
use serde::Deserialize;
use tokio::sync::Mutex;

/// Where Pimcore is and which secret opens it.
#[derive(Debug)]
pub struct PimcoreAccess {
    url: String,
    secret: String,
    languages: Languages,
    secrets: Secrets,
    client: Mutex<Option<(ApiKey, Pimcore)>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secret {
    api_key: String,
}

impl PimcoreAccess {
    /// As the function's environment says.
    ///
    /// # Errors
    /// The variable that is missing.
    pub fn from_environment(secrets: Secrets) -> Result<Self, SettingError> {
        Ok(Self::new(required("PIMCORE_URL")?, required("PIMCORE_SECRET")?, secrets))
    }

    /// Pimcore at `url`, opened by the secret with this name or ARN.
    #[must_use]
    pub fn new(url: String, secret: String, secrets: Secrets) -> Self {
        Self { url, secret, languages: Languages::default(), secrets, client: Mutex::default() }
    }

    /// The same Pimcore, for a shop that shows these languages.
    #[must_use]
    pub fn showing(mut self, languages: Languages) -> Self {
        self.languages = languages;
        self
    }

    /// The client. The same one, with its connections and its category tree, as long as the key
    /// stays the same.
    ///
    /// # Errors
    /// Transient, when the secret cannot be had or the address cannot be used.
    pub async fn client(&self) -> Result<Pimcore, Failure> {
        let secret: Secret = self.secrets.get(&self.secret).await?;
        let key = ApiKey::new(secret.api_key);
        let mut kept = self.client.lock().await;
        if let Some((_, client)) = kept.as_ref().filter(|(known, _)| *known == key) {
            return Ok(client.clone());
        }
        let client = Pimcore::new(&self.url, &key)?.showing(self.languages.clone());
        *kept = Some((key, client.clone()));
        Ok(client)
    }

    /// Reads the secret again next time: Pimcore refused the key, which may have been changed.
    pub async fn forget(&self) {
        self.secrets.forget(&self.secret).await;
    }
}
