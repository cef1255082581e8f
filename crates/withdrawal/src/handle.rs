//! The queue message around a comparison: what follows from its outcome.

use catalog::Failure;
use runtime::{Announcement, Bus, Clock, Metric};
use serde::Serialize;

use crate::manifest::Manifests;
use crate::run::{Outcome, Store, WithdrawRequest, Withdrawal};

/// Detail of the `FeedFailed` that a refused comparison announces.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Refusal<'a> {
    run_id: &'a str,
    bucket: &'a str,
    source: &'a str,
    reason: String,
}

impl<M: Manifests, S: Store, B: Bus, C: Clock> Withdrawal<'_, M, S, B, C> {
    /// Compares and withdraws; `send` puts a message on the queue that the request came from. Gives
    /// what becomes of the request's own message.
    pub async fn handle(
        &self,
        request: &WithdrawRequest,
        send: impl AsyncFnOnce(String) -> Result<(), Failure>,
    ) -> runtime::Outcome {
        let (source, run) = (&request.source, &request.run);
        let followed: Result<(), Failure> = match self.run(request).await {
            Ok(Outcome::Accepted(report)) => {
                tracing::info!(source, run, ?report, "full feed compared with the one before");
                Ok(())
            }
            Ok(Outcome::Overtaken(report)) => {
                tracing::info!(source, run, ?report, "full feed compared with a newer one that was accepted before it");
                Ok(())
            }
            Ok(Outcome::Ignored(reason)) => {
                tracing::info!(source, run, reason, "full feed not compared");
                Ok(())
            }
            Ok(Outcome::GoOn(rest)) => {
                tracing::info!(source, run, after = rest.after, "the comparison goes on");
                send(rest.message()).await
            }
            Ok(Outcome::Refused { missing, of }) => self.refuse(request, missing, of).await,
            Err(failure) => Err(failure),
        };
        followed.map_or_else(runtime::Outcome::Failed, |()| runtime::Outcome::Done)
    }

    async fn refuse(&self, request: &WithdrawRequest, missing: u64, of: u64) -> Result<(), Failure> {
        let reason = format!(
            "withdrawal_refused: {missing} of {of} products of the last full feed are missing, more than {} %; nothing was withdrawn. If that is \
             right, send this to the ingest queue: {}",
            self.max_percent,
            WithdrawRequest { force: true, after: None, ..request.clone() }.message()
        );
        tracing::error!(source = request.source, run = request.run, reason, "full feed refused");
        self.metrics.count(Metric::WithdrawalsRefused, 1);
        let detail = Refusal { run_id: &request.run, bucket: &request.bucket, source: &request.source, reason };
        self.bus.announce(&[Announcement::new("FeedFailed", &detail)]).await.into_iter().collect()
    }
}
