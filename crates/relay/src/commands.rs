//! One module for each command: it asks, a pure function puts the answer into words.

use catalog::ProductKey;

use crate::error::CliError;

pub mod articles;
pub mod breakers;
pub mod diff;
pub mod dlq;
pub mod explain;
pub mod explain_price;
pub mod handles;
pub mod held;
pub mod preview;
pub mod rejected;
pub mod release;
pub mod replay;
pub mod rules;
pub mod rules_in_force;
pub mod runs;
pub mod source;
pub mod sources;
pub mod status;
pub mod trace;
pub mod withdraw;

/// A product as a person writes it.
fn product_key(text: &str) -> Result<ProductKey, CliError> {
    text.parse().map_err(|error: catalog::KeyError| CliError::NotFound {
        what: error.to_string(),
        advice: "a product is written source:id, such as shein-api:90854097".to_owned(),
    })
}
