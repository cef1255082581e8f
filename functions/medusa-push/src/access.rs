//! The shop, opened with its secret once and again when that changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::Failure;
use medusa::{Categories, CompareAt, Credentials, Medusa, References, Shop, StockSettings};
use runtime::Secrets;
use tokio::sync::Mutex;

use crate::codes;

/// How long what was found in the shop's configuration is believed. A channel that is deleted, or a currency that is added, is seen then.
const BELIEVED: Duration = Duration::from_secs(600);

/// Where Medusa is, which secret opens it, and where products go in it.
pub struct MedusaAccess {
    url: String,
    secret: String,
    sales_channel_id: String,
    stock_location_id: String,
    compare_at: CompareAt,
    stock: StockSettings,
    retention: Duration,
    secrets: Secrets,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    credentials: Credentials,
    since: Instant,
    open: Arc<Open>,
}

/// Whether what is known of the shop's configuration will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// As long as it is not too old.
    Known,
    /// Something was refused because of it.
    LookAgain,
}

/// A shop whose references have been checked.
pub struct Open {
    /// The shop.
    pub shop: Shop,
    /// Its categories, as far as they were needed.
    pub categories: Categories,
}

impl MedusaAccess {
    /// Medusa at `url`, opened by the secret with this name or ARN. `settings`: what figures mean, and how long a variant is kept that the PIM no
    /// longer has.
    #[must_use]
    pub fn new(
        url: String,
        secret: String,
        sales_channel_id: String,
        stock_location_id: String,
        compare_at: CompareAt,
        settings: (StockSettings, Duration),
        secrets: Secrets,
    ) -> Self {
        let (stock, retention) = settings;
        Self {
            url,
            secret,
            sales_channel_id,
            stock_location_id,
            compare_at,
            stock,
            retention,
            secrets,
            kept: Mutex::default(),
        }
    }

    /// The shop. The same one, with its connections, log-in and categories, as long as the secret stays the same and for ten minutes.
    ///
    /// # Errors
    /// Transient, when the secret cannot be had, the shop cannot be reached, or channel or location are not right.
    pub async fn open(&self, trust: Trust, deadline: Instant) -> Result<Arc<Open>, Failure> {
        let credentials: Credentials = self.secrets.get(&self.secret).await?;
        let mut kept = self.kept.lock().await;
        let known = kept.as_ref().filter(|_| trust == Trust::Known);
        if let Some(kept) = known.filter(|kept| kept.credentials == credentials && kept.since.elapsed() < BELIEVED) {
            return Ok(Arc::clone(&kept.open));
        }
        let medusa = Medusa::new(&self.url, credentials.clone())
            .map_err(|error| Failure::transient(codes::MEDUSA_CONFIGURATION, format!("MEDUSA_URL: {error}")))?;
        let mut references =
            References::check(&medusa, &self.sales_channel_id, &self.stock_location_id, None, deadline).await?;
        references.price_lists = self.compare_at.prepare(&medusa, &references.currencies, deadline).await?;
        references.stock_as(&self.stock, &medusa, deadline).await?;
        references.retention = i64::try_from(self.retention.as_millis()).unwrap_or(i64::MAX);
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
