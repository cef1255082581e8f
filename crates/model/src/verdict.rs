//! Checking one world.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use serde::Serialize;
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// What checking one world came to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    pub states: usize,
    /// States generated, repetitions included.
    pub generated: usize,
    /// Steps of the longest shortest way to a state.
    pub depth: usize,
    /// Wall time.
    pub seconds: f64,
    /// Whether every state was visited.
    pub exhaustive: bool,
    /// Properties that do not hold, each with the steps that lead there.
    pub violated: Vec<Violation>,
    /// What should be possible and is not.
    pub unreachable: Vec<&'static str>,
}

/// A property that does not hold.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    pub property: &'static str,
    /// A way to a state in which it does not hold.
    pub steps: Vec<String>,
}

/// Visits every state of a world, or stops at the first violation, or after `limit`.
pub fn check<M>(model: M, limit: Option<Duration>) -> Verdict
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync + 'static,
{
    let properties = model.properties();
    let begun = Instant::now();
    let mut builder = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures);
    if let Some(limit) = limit {
        builder = builder.timeout(limit);
    }
    let checker = builder.spawn_bfs().join();
    let elapsed = begun.elapsed();
    let mut found = checker.discoveries();
    let mut violated = Vec::new();
    let mut unreachable = Vec::new();
    for property in properties {
        let path = found.remove(property.name);
        match (property.expectation, path) {
            (Expectation::Sometimes, None) => unreachable.push(property.name),
            (Expectation::Sometimes, Some(_)) | (_, None) => {}
            (_, Some(path)) => {
                let steps = path.into_actions().iter().map(|action| format!("{action:?}")).collect();
                violated.push(Violation { property: property.name, steps });
            }
        }
    }
    Verdict {
        states: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        seconds: elapsed.as_secs_f64(),
        exhaustive: violated.is_empty() && limit.is_none_or(|limit| elapsed < limit),
        violated,
        unreachable,
    }
}
