//! What the function does when it is woken:
//!
//! | activation | does |
//! |---|---|
//! | a batch of the pimcore queue | makes Pimcore hold each product as the ledger has it ([`crate::sync`]), looks at those of which it said that a person did something to them ([`crate::noticed`]) |
//! | `{"action":"changes"}`, every minute | announces what people saved in Pimcore ([`changes`]), counts it now and then ([`crate::census`]), goes on with a comparison, and with walks after changed rules ([`crate::walk`]) and settings ([`crate::articles`]) |
//! | `{"action":"due"}`, every hour | announces the products that time alone changes in the shop ([`due`]) |
//! | `{"action":"reconcile"}`, an operator | begins a comparison of all of Pimcore with the ledger ([`crate::inventory`]) |

use std::collections::HashMap;

use catalog::{Failure, ProductKey};
use lambda_runtime::Error;
use ledger::breaker::seen_in_passing;
use ledger::{DynamoDb, Ledger, Owner, Stage};
use pimcore::Pimcore;
use runtime::batch::any_failed_with;
use runtime::{
    Announcer, Batch, Clock as _, Deadline, Function, Invocation, Metric, Metrics, Outcome, Queue, SystemClock,
};
use serde_json::{Value, json};
use tracing::Instrument as _;
use worker::access::pimcore::PimcoreAccess;
use worker::rules::Rules;
use worker::{Guard, Worker};

use crate::activation::Activation;
use crate::articles::ArticleWalk;
use crate::decide::PublishPolicy;
use crate::inventory::Comparison;
use crate::pace::Pace;
use crate::sync::SyncBatch;
use crate::walk::{Walk, WalkReport};
use crate::{changes, due};

/// The function with its clients.
pub struct PimcoreSync {
    pub access: PimcoreAccess,
    pub ledger: Ledger,
    pub bus: Announcer,
    /// The pimcore queue and its dead-letter queue.
    pub queue: Queue,
    /// What it remembers of the PIM's answers.
    pub guard: Guard,
    /// Who publishes new products.
    pub policy: PublishPolicy,
    /// The rules that it has read.
    pub rules: Rules,
    /// Whether offers reach the shop before the PIM.
    pub lane: bool,
    /// Largest share of all products, in percent, that a comparison believes to be gone.
    pub max_percent: u8,
    pub metrics: Metrics,
}

impl Function for PimcoreSync {
    type Event = Activation;
    type Answer = Value;

    async fn handle(&self, event: Activation, invocation: Invocation) -> Result<Value, Error> {
        let deadline = invocation.deadline;
        match event {
            Activation::Batch(batch) => self.sync(&Batch::of(batch), invocation).await,
            Activation::Changes => self.unless_held(async |pimcore| self.follow(pimcore, deadline).await).await,
            Activation::Due => self.unless_held(async |_: &Pimcore| self.announce_due(deadline).await).await,
            Activation::Reconcile { accept } => {
                self.unless_held(async |pimcore| self.reconcile(pimcore, accept, deadline).await).await
            }
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn report(&self) {
        self.guard.report_opened(&self.metrics);
    }
}

impl PimcoreSync {
    async fn sync(&self, batch: &Batch, invocation: Invocation) -> Result<Value, Error> {
        let bus = self.bus.continuing(batch.traces());
        let worker = Worker {
            stage: Stage::Pimcore,
            ledger: &self.ledger,
            guard: &self.guard,
            bus: &bus,
            clock: &SystemClock,
            owner: Owner(invocation.id),
            deadline: invocation.deadline,
        };
        let (policy, rules, lane) = (self.policy, &self.rules, self.lane);
        let sync = SyncBatch { worker, policy, rules, lane, metrics: &self.metrics };
        let pimcore = self.access.client().await;
        let work = async {
            let mut outcomes = sync.run(&pimcore, &batch.asked()).await;
            for (key, outcome) in self.look_at_noticed(&pimcore, batch, invocation.deadline).await {
                // What else was asked of it and did not work comes first.
                if outcomes.get(&key).is_none_or(|synced| *synced == Outcome::Done) {
                    outcomes.insert(key, outcome);
                }
            }
            outcomes
        };
        let outcomes = Box::pin(work).instrument(batch.span()).await;
        self.metrics.batch(batch, &outcomes);
        if any_failed_with(&outcomes, &[pimcore::codes::FORBIDDEN]) {
            self.access.forget().await;
        }
        Ok(serde_json::to_value(self.queue.settle(batch, &outcomes).await)?)
    }

    /// Looks at products of which Pimcore said that a person did something to them.
    async fn look_at_noticed(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        batch: &Batch,
        deadline: Deadline,
    ) -> HashMap<ProductKey, Outcome> {
        let keys = batch.noticed();
        if keys.is_empty() {
            return HashMap::new();
        }
        let held = self.guard.why_held(&self.ledger, &self.bus, SystemClock.now_ms()).await;
        let looked = match (held, pimcore) {
            (Some(failure), _) => Err(failure),
            (None, Err(failure)) => Err(failure.clone()),
            (None, Ok(pimcore)) => Box::pin(self.comparison(pimcore, deadline).noticed(keys, batch.acts())).await,
        };
        match &looked {
            Ok(report) => {
                tracing::info!(?report, "looked at what people did");
                self.metrics.count(Metric::EditsFollowed, report.saved.changes as u64);
                self.metrics.count(Metric::ProductsRepaired, report.saved.repaired as u64);
            }
            Err(failure) => {
                let (seen, now) = (seen_in_passing(Stage::Pimcore, failure), SystemClock.now_ms());
                self.guard.learn_from_request(&self.ledger, &self.bus, Stage::Pimcore, &seen, now).await;
            }
        }
        let outcome = looked.map_or_else(Outcome::Failed, |_| Outcome::Done);
        keys.iter().map(|key| (key.clone(), outcome.clone())).collect()
    }

    /// Does something with Pimcore as a whole, unless its breaker is open: the next activation
    /// makes up for it.
    async fn unless_held(&self, act: impl AsyncFn(&Pimcore) -> Result<Value, Failure>) -> Result<Value, Error> {
        if let Some(failure) = self.guard.why_held(&self.ledger, &self.bus, SystemClock.now_ms()).await {
            tracing::info!(reason = failure.message, "Pimcore is left alone");
            return Ok(json!({"held": failure.message}));
        }
        let answer = match self.access.client().await {
            Ok(pimcore) => Box::pin(act(&pimcore)).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &answer {
            let seen = seen_in_passing(Stage::Pimcore, failure);
            self.guard.learn_from_request(&self.ledger, &self.bus, Stage::Pimcore, &seen, SystemClock.now_ms()).await;
        }
        Ok(answer?)
    }

    async fn follow(&self, pimcore: &Pimcore, deadline: Deadline) -> Result<Value, Failure> {
        let report = changes::follow(pimcore, &self.ledger, &self.bus, &SystemClock, deadline).await?;
        let comparison = self.comparison(pimcore, deadline);
        let census = comparison.census().await?;
        // A comparison that did not fit into one invocation, or that the census asks for.
        let counted = comparison.resume().await?;
        // Last, with the time that is left.
        let (walked, articles) = self.walk(deadline).await?;
        tracing::info!(?report, ?census, ?counted, ?walked, ?articles, "change feed followed");
        self.metrics.count(Metric::EditsFollowed, report.changes as u64);
        let repaired = report.repaired + counted.map_or(0, |counted| counted.repaired);
        self.metrics.count(Metric::ProductsRepaired, repaired as u64);
        Ok(json!({"changes": report, "census": census, "inventory": counted, "rules": walked, "articles": articles}))
    }

    /// Goes on with both walks: after the rules', and after the setting of articles. They take turns
    /// in being first, so that a long one does not keep the other from going on.
    async fn walk(&self, deadline: Deadline) -> Result<(WalkReport, WalkReport), Failure> {
        let (ledger, bus, clock, pace) = (&self.ledger, &self.bus, &SystemClock, Pace::default());
        let rules = Walk { ledger, rules: &self.rules, bus, clock, deadline, pace };
        let articles = ArticleWalk { ledger, bus, clock, deadline, pace };
        if (SystemClock.now_ms() / 60_000) % 2 == 0 {
            let rules = rules.go_on().await?;
            Ok((rules, articles.go_on().await?))
        } else {
            let articles = articles.go_on().await?;
            Ok((rules.go_on().await?, articles))
        }
    }

    async fn announce_due(&self, deadline: Deadline) -> Result<Value, Failure> {
        let report = due::announce(&self.ledger, &self.bus, &SystemClock, deadline).await?;
        tracing::info!(?report, "products whose time has come announced");
        Ok(json!({"due": report}))
    }

    async fn reconcile(&self, pimcore: &Pimcore, accept: bool, deadline: Deadline) -> Result<Value, Failure> {
        let counted = self.comparison(pimcore, deadline).start(accept).await?;
        tracing::info!(?counted, "Pimcore compared with the ledger");
        self.metrics.count(Metric::ProductsRepaired, counted.repaired as u64);
        Ok(json!({"inventory": counted}))
    }

    fn comparison<'a>(
        &'a self,
        pimcore: &'a Pimcore,
        deadline: Deadline,
    ) -> Comparison<'a, DynamoDb, Announcer, SystemClock> {
        Comparison {
            pimcore,
            ledger: &self.ledger,
            bus: &self.bus,
            clock: &SystemClock,
            deadline,
            max_percent: self.max_percent,
        }
    }
}
