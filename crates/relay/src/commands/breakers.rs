//! The circuit breakers: which target is left alone until it answers again, and why.

use catalog::Failure;
use futures::future::try_join_all;
use ledger::Stage;
use ledger::core::breaker::{Breaker, Mode};
use redrive::QueueName;
use serde::Serialize;

use super::status::Attention;
use crate::error::CliError;
use crate::remedy;
use crate::render::{short, span};
use crate::stack::Stack;

/// A target's breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerLine {
    /// `pimcore` or `medusa`.
    pub target: &'static str,
    /// `closed`, `open` or `returning`.
    pub mode: &'static str,
    /// Since when, in ms.
    pub since: i64,
    /// When (ms) it is asked next, while the breaker is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe_at: Option<i64>,
    /// How often it opened in a row.
    pub openings: i64,
    /// What it was opened for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The pipeline still tells the queues what to do, or may.
    pub in_charge: bool,
}

/// Both breakers, in the order of the pipeline.
///
/// # Errors
/// When the ledger does not answer.
pub async fn lines(stack: &Stack) -> Result<Vec<BreakerLine>, CliError> {
    let both = Stage::ALL.map(async |target| Ok(line(target, &ledger::breaker::look(&stack.ledger, target).await?)));
    try_join_all(both).await
}

#[must_use]
pub fn line(target: Stage, breaker: &Breaker) -> BreakerLine {
    let (mode, probe_at) = match breaker.mode {
        Mode::Closed => ("closed", None),
        Mode::Open { retry_at } => ("open", Some(retry_at)),
        Mode::Returning { .. } => ("returning", None),
    };
    BreakerLine {
        target: target.as_str(),
        mode,
        since: breaker.since,
        probe_at,
        openings: breaker.openings,
        reason: breaker.reason.clone(),
        in_charge: mode != "closed" || (breaker.openings > 0 && !breaker.is_over()),
    }
}

impl BreakerLine {
    /// The target's name.
    #[must_use]
    pub fn name(&self) -> &str {
        Stage::title_of(self.target)
    }

    /// Whether it holds back what waits for a stage. medusa-push reads from Pimcore, so that
    /// Pimcore's holds back both.
    #[must_use]
    pub fn holds_back(&self, stage: Stage) -> bool {
        self.mode == "open" && (self.target == stage.as_str() || self.target == Stage::Pimcore.as_str())
    }

    /// Whether the pipeline itself may have paused this queue.
    #[must_use]
    pub fn may_pause(&self, queue: QueueName) -> bool {
        let concerned =
            queue.stage().is_some_and(|stage| self.target == stage.as_str() || self.target == Stage::Pimcore.as_str());
        self.in_charge && concerned
    }

    /// An open breaker in a sentence, and what to do.
    #[must_use]
    pub fn told(&self, now: i64) -> Attention {
        let reason = self.reason.as_deref().unwrap_or("no reason on record");
        let next = match self.probe_at.map(|at| at - now) {
            Some(left) if left > 0 => format!("It is asked again in {}", span(left)),
            _ => "It is asked again within a minute".to_owned(),
        };
        let action = remedy::mentioned(reason).map_or("See its log.", |remedy| remedy.action);
        Attention {
            what: format!(
                "{} is left alone since {} (its breaker is open): {}",
                self.name(),
                span(now - self.since),
                short(reason, 300)
            ),
            advice: format!("{action} {next}; once it answers, what waits goes on by itself."),
        }
    }
}

/// What an open breaker looks like, for tests of what is said about it.
#[must_use]
pub fn open(target: Stage, failure: &Failure, since: i64) -> BreakerLine {
    BreakerLine {
        target: target.as_str(),
        mode: "open",
        since,
        probe_at: Some(since + 60_000),
        openings: 1,
        reason: Some(failure.to_string()),
        in_charge: true,
    }
}
