//! What an invocation can ask for.

use aws_lambda_events::event::sqs::SqsEvent;
use serde::Deserialize;
use serde_json::Value;

/// An event, understood.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
pub enum Activation {
    /// The queue: make the shop show these products.
    Batch(SqsEvent),
    /// The schedule: note by which setting this function works.
    Settings,
}

impl TryFrom<Value> for Activation {
    type Error = String;

    /// Decides by the field `action`, so that what is wrong with an event is told in its own terms.
    fn try_from(event: Value) -> Result<Self, String> {
        match event.get("action") {
            Some(action) if action == "settings" => Ok(Self::Settings),
            Some(action) => Err(format!("there is no action {action}; give \"settings\", or a batch of SQS messages")),
            None => serde_json::from_value(event).map(Self::Batch).map_err(|error| error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_action_decides_and_an_event_without_one_is_a_batch() {
        assert!(matches!(Activation::try_from(json!({"action": "settings"})), Ok(Activation::Settings)));
        let batch = Activation::try_from(json!({"Records": []}));
        assert!(matches!(batch, Ok(Activation::Batch(batch)) if batch.records.is_empty()));
        let unknown = Activation::try_from(json!({"action": "walk"})).unwrap_err();
        assert!(unknown.contains("walk") && unknown.contains("settings"), "{unknown}");
        assert!(Activation::try_from(json!({})).unwrap_err().contains("Records"));
    }
}
