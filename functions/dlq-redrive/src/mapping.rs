//! The event source mappings of the two queues: paused, limited, or as deployed (D35).

use std::collections::BTreeMap;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::DisplayErrorContext;
use catalog::Failure;
use ledger::Stage;
use ledger::breaker::{Flow, Mapping};
use runtime::settings::{SettingError, required};

use crate::codes;

/// A mapping as the template has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    pub id: String,
    pub batch: i32,
}

/// What is to be changed about a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Update {
    enabled: bool,
    batch: Option<i32>,
}

/// What brings a mapping in `state` with batches of `batch` to `flow`; nothing if it is there. A
/// paused mapping keeps its batch size.
fn update(flow: Flow, state: &str, batch: Option<i32>, deployed: i32) -> Option<Update> {
    let paused = matches!(state, "Disabled" | "Disabling");
    let wanted = match flow {
        Flow::Paused => return (!paused).then_some(Update { enabled: false, batch: None }),
        Flow::Limited(limit) => limit.min(deployed),
        Flow::Full => deployed,
    };
    (paused || batch != Some(wanted)).then_some(Update { enabled: true, batch: Some(wanted) })
}

#[derive(Debug, Clone)]
pub struct Mappings {
    client: Client,
    deployed: BTreeMap<Stage, Deployed>,
}

impl Mappings {
    /// The mappings of each stage's queue.
    #[must_use]
    pub const fn new(client: Client, deployed: BTreeMap<Stage, Deployed>) -> Self {
        Self { client, deployed }
    }

    /// The mappings that the environment names.
    ///
    /// # Errors
    /// The variable that is missing or wrong.
    pub fn from_environment(client: Client) -> Result<Self, SettingError> {
        let deployed = |id, batch| {
            let value = required(batch)?;
            let expected = "a whole number above 0";
            let parsed = value.trim().parse().ok().filter(|size| *size > 0);
            let batch = parsed.ok_or(SettingError::Invalid { name: batch, expected, value })?;
            Ok(Deployed { id: required(id)?, batch })
        };
        let pimcore = deployed("PIMCORE_MAPPING_ID", "PIMCORE_BATCH_SIZE")?;
        let medusa = deployed("MEDUSA_MAPPING_ID", "MEDUSA_BATCH_SIZE")?;
        Ok(Self::new(client, BTreeMap::from([(Stage::Pimcore, pimcore), (Stage::Medusa, medusa)])))
    }
}

impl Mapping for Mappings {
    /// Looks first: an update of what is so already would interrupt the polling for nothing.
    async fn tell(&self, queue: Stage, flow: Flow) -> Result<(), Failure> {
        let Some(Deployed { id, batch }) = self.deployed.get(&queue) else { return Ok(()) };
        let failed = |call: &str, error: &dyn std::fmt::Display| {
            let message = format!("{call} of the {} queue's mapping {id}: {error}", queue.as_str());
            Failure::transient(codes::MAPPING_UNAVAILABLE, message)
        };
        let found = self.client.get_event_source_mapping().uuid(id).send().await;
        let found = found.map_err(|error| failed("GetEventSourceMapping", &DisplayErrorContext(&error)))?;
        let Some(update) = update(flow, found.state().unwrap_or_default(), found.batch_size(), *batch) else {
            return Ok(());
        };
        let request = self.client.update_event_source_mapping().uuid(id).enabled(update.enabled);
        let updated = request.set_batch_size(update.batch).send().await;
        updated.map_err(|error| failed("UpdateEventSourceMapping", &DisplayErrorContext(&error)))?;
        tracing::warn!(
            queue = queue.as_str(),
            enabled = update.enabled,
            batch = update.batch,
            "event source mapping changed"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_changed_only_where_it_differs() {
        let on = |batch| Some(Update { enabled: true, batch: Some(batch) });
        let off = Some(Update { enabled: false, batch: None });
        assert_eq!(update(Flow::Paused, "Enabled", Some(25), 25), off);
        assert_eq!(update(Flow::Paused, "Enabling", Some(1), 25), off);
        assert_eq!(update(Flow::Paused, "Disabled", Some(25), 25), None);
        assert_eq!(update(Flow::Limited(1), "Disabled", Some(25), 25), on(1));
        assert_eq!(update(Flow::Limited(1), "Enabled", Some(1), 25), None);
        assert_eq!(update(Flow::Limited(5), "Enabled", Some(1), 25), on(5));
        assert_eq!(update(Flow::Limited(5), "Enabled", Some(1), 3), on(3), "never more than deployed");
        assert_eq!(update(Flow::Full, "Disabling", Some(25), 25), on(25));
        assert_eq!(update(Flow::Full, "Enabled", Some(25), 25), None);
        assert_eq!(update(Flow::Full, "Updating", Some(5), 25), on(25));
    }
}
