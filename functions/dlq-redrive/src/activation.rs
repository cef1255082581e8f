//! What an invocation can ask for.

use redrive::RedriveRequest;
use serde_json::Value;

/// An event, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activation {
    /// Look after the breakers.
    Tend,
    /// Look after dead letters and what is overdue.
    Redrive(RedriveRequest),
}

impl TryFrom<Value> for Activation {
    type Error = String;

    fn try_from(event: Value) -> Result<Self, String> {
        if event.get("action").and_then(Value::as_str) == Some("tend") {
            return Ok(Self::Tend);
        }
        RedriveRequest::parse(&event).map(Self::Redrive)
    }
}

#[cfg(test)]
mod tests {
    use redrive::RedriveAction;
    use serde_json::json;

    use super::*;

    #[test]
    fn breakers_are_one_thing_and_dead_letters_the_other() {
        assert_eq!(Activation::try_from(json!({"action": "tend"})), Ok(Activation::Tend));
        let maintain = Activation::try_from(json!({"action": "maintain"}));
        assert!(matches!(maintain, Ok(Activation::Redrive(request)) if request.action == RedriveAction::Maintain));
        assert!(Activation::try_from(json!({"action": "mend"})).unwrap_err().contains("mend"));
    }
}
