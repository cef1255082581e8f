//! Verifies, reads, sends keys to the queue of pimcore-sync.

use lambda_runtime::Error;
use runtime::{Clock as _, Function, Invocation, Metric, Metrics, Secrets, Sender, SystemClock};
use serde::Deserialize;

use crate::notice::Told;
use crate::request::{Refused, Request, Response};

/// The function with its clients.
pub struct PimcoreNotices {
    pub secrets: Secrets,
    /// Name of the secret.
    pub secret: String,
    /// The pimcore queue.
    pub queue: Sender,
    pub metrics: Metrics,
}

/// `next` is taken too, while the bundle's secret is changed.
#[derive(Deserialize)]
struct Secret {
    secret: String,
    #[serde(default)]
    next: String,
}

impl Function for PimcoreNotices {
    type Event = Request;
    type Answer = Response;

    async fn handle(&self, request: Request, _: Invocation) -> Result<Response, Error> {
        let claimed = match request.claimed() {
            Ok(claimed) => claimed,
            Err(refused) => return Ok(self.refuse(&refused)),
        };
        let Secret { secret, next } = self.secrets.get(&self.secret).await?;
        match claimed.told(&[&secret, &next], SystemClock.now_ms() / 1000) {
            Ok(told) => self.pass_on(told).await,
            Err(refused) => Ok(self.refuse(&refused)),
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl PimcoreNotices {
    async fn pass_on(&self, told: Told) -> Result<Response, Error> {
        self.queue.send(&told.products).await?;
        for (product, what, user) in &told.acts {
            tracing::info!(%product, what, user, "a person acted in Pimcore");
        }
        tracing::info!(products = told.products.len(), others = told.others, "notices taken");
        self.metrics.count(Metric::NoticesTaken, told.products.len() as u64);
        Ok(Response { status_code: 204 })
    }

    fn refuse(&self, refused: &Refused) -> Response {
        tracing::warn!(reason = %refused, "notices refused");
        self.metrics.count_by(Metric::NoticesRefused, refused.word(), 1);
        Response { status_code: refused.status() }
    }
}
