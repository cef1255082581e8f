//! The shop, opened with its secret once and again when that changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{Failure, Languages};
use medusa::plan::RETENTION;
use medusa::{Articles, Categories, CompareAt, Credentials, HandleTemplate, Medusa, References, Shop, StockSettings};
use runtime::{Secrets, settings};
use tokio::sync::Mutex;

use crate::codes;

/// How long what was found in the shop's configuration is believed. A channel that is deleted, or a
/// currency that is added, is seen then.
const BELIEVED: Duration = Duration::from_secs(600);

const RETENTION_DAYS: &str = "VARIANT_RETENTION_DAYS";
const PRODUCT_RETENTION_DAYS: &str = "PRODUCT_RETENTION_DAYS";
const DAY: i64 = 86_400_000;

/// Refusals after which what was believed about the shop may be out of date: a secret, a channel, a
/// category that somebody deleted.
pub const DOUBTED: [&str; 3] = [medusa::codes::LOGIN_REFUSED, medusa::codes::UNAUTHORIZED, medusa::codes::NOT_FOUND];

/// Where Medusa is, which secret opens it, and where products go in it.
pub struct MedusaAccess {
    url: String,
    secret: String,
    sales_channel_id: String,
    stock_location_id: String,
    compare_at: CompareAt,
    stock: StockSettings,
    languages: Languages,
    /// How long (ms) a variant is kept that the PIM no longer has.
    retention: i64,
    product_retention: i64,
    /// What the handle of a new product is made of.
    handles: HandleTemplate,
    /// Which groups are one product.
    articles: Articles,
    secrets: Secrets,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    credentials: Credentials,
    since: Instant,
    open: Arc<OpenShop>,
}

/// Which look at the shop's configuration will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The one that was kept, as long as it is not too old.
    Kept,
    /// A new one: something was refused because of what was kept.
    Fresh,
}

/// A shop whose references have been checked.
pub struct OpenShop {
    pub shop: Shop,
    /// Its categories, as far as they were needed.
    pub categories: Categories,
}

impl MedusaAccess {
    /// As the function's environment says.
    ///
    /// # Errors
    /// The variable that is missing or wrong.
    pub fn from_environment(secrets: Secrets) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let access = Self::new(
            settings::required("MEDUSA_URL")?,
            settings::required("MEDUSA_SECRET")?,
            settings::required("SALES_CHANNEL_ID")?,
            settings::required("STOCK_LOCATION_ID")?,
            match settings::optional("COMPARE_AT") {
                Some(text) => text.parse().map_err(|error| format!("COMPARE_AT {error}"))?,
                None => CompareAt::default(),
            },
            match settings::optional("STOCK") {
                Some(text) => text.parse().map_err(|error| format!("STOCK {error}"))?,
                None => StockSettings::default(),
            },
            secrets,
        );
        let handles = match settings::optional("HANDLE_TEMPLATE") {
            Some(text) => text.parse().map_err(|error| format!("HANDLE_TEMPLATE {error}"))?,
            None => HandleTemplate::default(),
        };
        let retention = settings::optional(RETENTION_DAYS).map_or(Ok(RETENTION), |text| days(RETENTION_DAYS, &text))?;
        let retiring = settings::optional(PRODUCT_RETENTION_DAYS);
        let retiring = retiring.map_or(Ok(0), |text| days(PRODUCT_RETENTION_DAYS, &text))?;
        let articles = match settings::optional("ARTICLES") {
            Some(text) => text.parse().map_err(|error| format!("ARTICLES {error}"))?,
            None => Articles::default(),
        };
        let access = access.showing(settings::languages()?).keeping(retention).retiring(retiring);
        Ok(access.addressed(handles).grouping(articles))
    }

    /// Medusa at `url`, opened by the secret with this name or ARN.
    #[must_use]
    pub fn new(
        url: String,
        secret: String,
        sales_channel_id: String,
        stock_location_id: String,
        compare_at: CompareAt,
        stock: StockSettings,
        secrets: Secrets,
    ) -> Self {
        let (languages, retention, kept) = (Languages::default(), RETENTION, Mutex::default());
        let handles = HandleTemplate::default();
        Self {
            url,
            secret,
            sales_channel_id,
            stock_location_id,
            compare_at,
            stock,
            languages,
            retention,
            product_retention: 0,
            handles,
            articles: Articles::default(),
            secrets,
            kept,
        }
    }

    /// The same shop, which shows these languages.
    #[must_use]
    pub fn showing(mut self, languages: Languages) -> Self {
        self.languages = languages;
        self
    }

    /// The same shop, whose new products get handles made of this.
    #[must_use]
    pub fn addressed(mut self, handles: HandleTemplate) -> Self {
        self.handles = handles;
        self
    }

    /// The same shop, in which these groups are one product.
    #[must_use]
    pub fn grouping(mut self, articles: Articles) -> Self {
        self.articles = articles;
        self
    }

    /// Which groups are one product in it.
    #[must_use]
    pub const fn articles(&self) -> &Articles {
        &self.articles
    }

    /// The same shop, which keeps variants so long (ms) that the PIM no longer has.
    #[must_use]
    pub const fn keeping(mut self, retention: i64) -> Self {
        self.retention = retention;
        self
    }

    /// The same shop, which deletes products so long (ms) after they vanished; 0: never.
    #[must_use]
    pub const fn retiring(mut self, after: i64) -> Self {
        self.product_retention = after;
        self
    }

    /// The shop. The same one, with its connections, log-in and categories, as long as the secret
    /// stays the same and for ten minutes.
    ///
    /// # Errors
    /// Transient, when the secret cannot be had, the shop cannot be reached, or channel or location
    /// are not right.
    pub async fn open(&self, lookup: Lookup, deadline: Instant) -> Result<Arc<OpenShop>, Failure> {
        let credentials: Credentials = self.secrets.get(&self.secret).await?;
        let mut kept = self.kept.lock().await;
        let known = kept.as_ref().filter(|_| lookup == Lookup::Kept);
        if let Some(kept) = known.filter(|kept| kept.credentials == credentials && kept.since.elapsed() < BELIEVED) {
            return Ok(Arc::clone(&kept.open));
        }
        let medusa = Medusa::new(&self.url, credentials.clone())
            .map_err(|error| Failure::transient(codes::MEDUSA_CONFIGURATION, format!("MEDUSA_URL: {error}")))?;
        let mut references =
            References::check(&medusa, &self.sales_channel_id, &self.stock_location_id, None, deadline).await?;
        references.price_lists = self.compare_at.prepare(&medusa, &references.currencies, deadline).await?;
        references.languages = self.languages.clone();
        references.stock_as(&self.stock, &medusa, deadline).await?;
        references.retention = self.retention;
        references.product_retention = self.product_retention;
        references.handles = self.handles.clone();
        references.articles = self.articles.clone();
        let open = Arc::new(OpenShop { shop: Shop { medusa, references }, categories: Categories::default() });
        *kept = Some(Kept { credentials, since: Instant::now(), open: Arc::clone(&open) });
        Ok(open)
    }

    /// Reads the secret and looks at the shop's configuration again next time.
    pub async fn forget(&self) {
        self.secrets.forget(&self.secret).await;
        *self.kept.lock().await = None;
    }
}

/// A number of days, in milliseconds.
fn days(setting: &str, text: &str) -> Result<i64, String> {
    let days = text.trim().parse::<u16>().ok().filter(|days| *days <= 3650);
    let wrong = || format!("{setting} should be a number of days from 0 to 3650, got: {text:?}");
    Ok(DAY * i64::from(days.ok_or_else(wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_from_none_to_ten_years() {
        for (text, said) in [("0", Some(0)), (" 30 ", Some(RETENTION)), ("3650", Some(3650 * DAY))] {
            assert_eq!(days("DAYS", text).ok(), said, "{text}");
        }
        for wrong in ["3651", "-1", "1.5", "", "thirty", "99999999999"] {
            assert!(days("DAYS", wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
