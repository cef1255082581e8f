//! Another setting `Articles` is in force: every product that it shows elsewhere is announced to the
//! shop, in the background ([`crate::way`]).
//!
//! | the setting | asks for a push of |
//! |---|---|
//! | `separate` | each product that is shown by an article |
//! | `grouped` | each product in the shop, by itself, whose document has a group; and one whose document cannot be read |
//!
//! It begins when nobody is left who brings products by the setting of before: whoever claims one
//! from now on reads this setting, and what was claimed before has come to its end, so that a
//! product's state tells where it is shown ([`ledger::core::article::asks`]).

use std::collections::HashSet;

use catalog::{Failure, ProductKey};
use ledger::core::article::{self, Asked, asks};
use ledger::core::walk;
use ledger::{Ledger, LedgerError, Stage, Table};
use medusa::Articles;
use runtime::{Announcement, Bus, Cause, Clock, Deadline, ProductMessage};

use crate::codes;
use crate::pace::Pace;
use crate::way::{Errand, WalkReport, Way, failed};

/// A walk in one invocation.
#[derive(Debug)]
pub struct ArticleWalk<'a, T, B, C> {
    pub ledger: &'a Ledger<T>,
    pub bus: &'a B,
    pub clock: &'a C,
    pub deadline: Deadline,
    /// At the beginning.
    pub pace: Pace,
}

impl<T: Table, B: Bus, C: Clock> ArticleWalk<'_, T, B, C> {
    /// Goes on with the walk that the noted setting asks for, as long as there is time.
    ///
    /// # Errors
    /// Transient; what was announced until then counts.
    pub async fn go_on(&self) -> Result<WalkReport, Failure> {
        // None: medusa-push has not been deployed yet.
        let Some(goal) = self.ledger.watermark(article::SETTING).await.map_err(failed)? else {
            return Ok(WalkReport::DONE);
        };
        let unreadable = || format!("the noted setting of articles cannot be read: {goal:?}");
        let read = walk::setting_of(&goal).and_then(|(text, since)| Some((text.parse::<Articles>().ok()?, since)));
        // A newer medusa-push may know more words.
        let Some((articles, since)) = read else {
            return Err(Failure::transient(codes::ARTICLES_UNREADABLE, unreadable()));
        };
        if self.clock.now_ms() < since + Stage::Medusa.leases().lease_ms {
            return Ok(WalkReport::default());
        }
        let Self { ledger, bus, clock, deadline, pace } = *self;
        let look = Look { ledger, articles };
        Way { ledger, bus, clock, deadline, pace }.go_on(&look, &goal, None).await
    }
}

struct Look<'a, T> {
    ledger: &'a Ledger<T>,
    articles: Articles,
}

impl<T: Table> Errand for Look<'_, T> {
    const NAME: &'static str = article::SETTING;

    async fn concerned(&self, keys: &[ProductKey]) -> Result<Vec<ProductKey>, Failure> {
        let states = self.ledger.read_states(keys).await.map_err(failed)?;
        let asked = |key: &ProductKey| states.get(key).map(|state| asks(state, self.articles.groups(key.source())));
        let join: Vec<ProductKey> =
            keys.iter().filter(|key| asked(key) == Some(Asked::JoinsItsGroup)).cloned().collect();
        let alone = self.without_group(&join).await?;
        let concerned = |key: &&ProductKey| match asked(key) {
            Some(Asked::Leaves) => true,
            Some(Asked::JoinsItsGroup) => !alone.contains(*key),
            Some(Asked::Nothing) | None => false,
        };
        Ok(keys.iter().filter(concerned).cloned().collect())
    }

    async fn mark(&self, keys: &[ProductKey], now: i64) -> Result<(), LedgerError> {
        self.ledger.edited(keys, now).await
    }

    fn announcement(&self, key: &ProductKey, goal: &str) -> Announcement {
        let correlation_id = format!("articles-{goal}");
        Announcement::product_synced(&ProductMessage { key: key.clone(), correlation_id, cause: Cause::Articles })
    }
}

impl<T: Table> Look<'_, T> {
    /// Those of these products whose documents say that no article is theirs.
    async fn without_group(&self, keys: &[ProductKey]) -> Result<HashSet<ProductKey>, Failure> {
        if keys.is_empty() {
            return Ok(HashSet::new());
        }
        let docs = self.ledger.read_small_docs(keys).await.map_err(failed)?.docs;
        let alone = docs.into_iter().filter(|(key, doc)| {
            doc.as_ref().is_ok_and(|doc| self.articles.of(key, doc.product.group.as_deref()).is_none())
        });
        Ok(alone.map(|(key, _)| key).collect())
    }
}
