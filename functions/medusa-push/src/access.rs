//! The two clients, made from their secrets once and again when a secret changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::Failure;
use medusa::{Categories, CompareAt, Credentials, Medusa, References, Shop};
use pimcore::{ApiKey, Pimcore};
use runtime::Secrets;
use serde::Deserialize;
use tokio::sync::Mutex;

/// How long what was found in the shop's configuration is believed. A channel that is deleted, or a currency that is added, is seen then.
const BELIEVED: Duration = Duration::from_secs(600);

/// Where Pimcore is and which secret opens it.
#[derive(Debug)]
pub struct PimcoreAccess {
    url: String,
    secret: String,
    secrets: Secrets,
    client: Mutex<Option<(ApiKey, Pimcore)>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PimcoreSecret {
    api_key: String,
}

impl PimcoreAccess {
    /// Pimcore at `url`, opened by the secret with this name or ARN.
    #[must_use]
    pub fn new(url: String, secret: String, secrets: Secrets) -> Self {
        Self { url, secret, secrets, client: Mutex::default() }
    }

    /// The client. The same one, with its connections and its category tree, as long as the key stays the same.
    ///
    /// # Errors
    /// Transient, when the secret cannot be had or the address cannot be used.
    pub async fn client(&self) -> Result<Pimcore, Failure> {
        let secret: PimcoreSecret = self.secrets.get(&self.secret).await?;
        let key = ApiKey::new(secret.api_key);
        let mut kept = self.client.lock().await;
        if let Some((_, client)) = kept.as_ref().filter(|(known, _)| *known == key) {
            return Ok(client.clone());
        }
        let client = Pimcore::new(&self.url, &key)?;
        *kept = Some((key, client.clone()));
        Ok(client)
    }

    /// Reads the secret again next time: it was refused, and may have been changed.
    pub async fn forget(&self) {
        self.secrets.forget(&self.secret).await;
    }
}

/// Where Medusa is, which secret opens it, and where products go in it.
pub struct MedusaAccess {
    url: String,
    secret: String,
    sales_channel_id: String,
    stock_location_id: String,
    compare_at: CompareAt,
    secrets: Secrets,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    credentials: Credentials,
    since: Instant,
    open: Arc<Open>,
}

/// A shop whose references have been checked.
pub struct Open {
    /// The shop.
    pub shop: Shop,
    /// Its categories, as far as they were needed.
    pub categories: Categories,
}

impl MedusaAccess {
    /// Medusa at `url`, opened by the secret with this name or ARN.
    #[must_use]
    pub fn new(
        url: String,
        secret: String,
        sales_channel_id: String,
        stock_location_id: String,
        compare_at: CompareAt,
        secrets: Secrets,
    ) -> Self {
        Self { url, secret, sales_channel_id, stock_location_id, compare_at, secrets, kept: Mutex::default() }
    }

    /// The shop. The same one, with its connections, log-in and categories, as long as the secret stays the same and for ten minutes.
    ///
    /// # Errors
    /// Transient, when the secret cannot be had, the shop cannot be reached, or channel or location are not right.
    pub async fn open(&self, deadline: Instant) -> Result<Arc<Open>, Failure> {
        let credentials: Credentials = self.secrets.get(&self.secret).await?;
        let mut kept = self.kept.lock().await;
        if let Some(kept) =
            kept.as_ref().filter(|kept| kept.credentials == credentials && kept.since.elapsed() < BELIEVED)
        {
            return Ok(Arc::clone(&kept.open));
        }
        let medusa = Medusa::new(&self.url, credentials.clone())
            .map_err(|error| Failure::transient("medusa_configuration", format!("MEDUSA_URL: {error}")))?;
        let mut references =
            References::check(&medusa, &self.sales_channel_id, &self.stock_location_id, None, deadline).await?;
        references.price_lists = self.compare_at.prepare(&medusa, &references.currencies, deadline).await?;
        let open = Arc::new(Open { shop: Shop { medusa, references }, categories: Categories::default() });
        *kept = Some(Kept { credentials, since: Instant::now(), open: Arc::clone(&open) });
        Ok(open)
    }

    /// Reads the secret and looks at the shop's configuration again next time.
    pub async fn forget(&self) {
        self.secrets.forget(&self.secret).await;
        *self.kept.lock().await = None;
    }
}
