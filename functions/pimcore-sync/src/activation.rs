//! What an invocation can ask for.

use aws_lambda_events::event::sqs::SqsEvent;
use serde::Deserialize;
use serde_json::Value;

/// An event, understood.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
pub enum Activation {
    /// The queue: make Pimcore hold these products.
    Batch(SqsEvent),
    /// The schedule: follow what was saved in Pimcore since the last time.
    Changes,
    /// The hourly schedule: announce what time alone changes in the shop.
    Due,
    /// An operator: compare all of Pimcore with the ledger.
    Reconcile {
        /// However many products are gone.
        accept: bool,
    },
}

/// The event that names what it wants.
#[derive(Deserialize)]
struct Asked {
    action: Scheduled,
    #[serde(default)]
    accept: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scheduled {
    Changes,
    Due,
    Reconcile,
}

impl TryFrom<Value> for Activation {
    type Error = String;

    /// Decides by the field `action`, so that what is wrong with an event is told in its own terms.
    fn try_from(event: Value) -> Result<Self, String> {
        let read = if event.get("action").is_some() {
            serde_json::from_value(event).map(|Asked { action, accept }| match action {
                Scheduled::Changes => Self::Changes,
                Scheduled::Due => Self::Due,
                Scheduled::Reconcile => Self::Reconcile { accept },
            })
        } else {
            serde_json::from_value(event).map(Self::Batch)
        };
        read.map_err(|error| format!("{error}; give `action`, or a batch of SQS messages"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_action_decides_and_an_event_without_one_is_a_batch() {
        let read = |event| Activation::try_from(event);
        assert!(matches!(read(json!({"action": "changes"})), Ok(Activation::Changes)));
        assert!(matches!(read(json!({"action": "due"})), Ok(Activation::Due)));
        assert!(matches!(read(json!({"action": "reconcile"})), Ok(Activation::Reconcile { accept: false })));
        let accepted = read(json!({"action": "reconcile", "accept": true}));
        assert!(matches!(accepted, Ok(Activation::Reconcile { accept: true })));
        assert!(matches!(read(json!({"Records": []})), Ok(Activation::Batch(batch)) if batch.records.is_empty()));
    }

    #[test]
    fn what_is_wrong_with_an_event_is_told_in_its_own_terms() {
        let refused = |event| Activation::try_from(event).unwrap_err();
        let unknown = refused(json!({"action": "compare"}));
        assert!(unknown.contains("compare") && unknown.contains("reconcile"), "{unknown}");
        let wrong = refused(json!({"action": "reconcile", "accept": "yes"}));
        assert!(wrong.contains("yes") && wrong.contains("boolean"), "{wrong}");
        assert!(refused(json!({})).contains("Records"));
    }
}
