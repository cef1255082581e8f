//! What a function is told by its environment, and the AWS configuration.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use catalog::Languages;

/// An environment variable that the template should have set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Not there, or empty.
    #[error("the environment variable {0} is not set: the function's template has to set it")]
    Missing(&'static str),
    /// Of the wrong form.
    #[error("the environment variable {name} should be {expected}, got: {value:?}")]
    Invalid {
        name: &'static str,
        /// What it should look like.
        expected: &'static str,
        value: String,
    },
}

/// A variable that must be set.
///
/// # Errors
/// [`SettingError::Missing`].
pub fn required(name: &'static str) -> Result<String, SettingError> {
    optional(name).ok_or(SettingError::Missing(name))
}

/// A variable that may be set; empty counts as not set.
#[must_use]
pub fn optional(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The languages that the shop shows, in the order in which they stand in for each other; English
/// and Arabic where nothing is set.
///
/// # Errors
/// [`SettingError::Invalid`].
pub fn languages() -> Result<Languages, SettingError> {
    let Some(value) = optional(Languages::SETTING) else { return Ok(Languages::default()) };
    let expected = "BCP 47 tags with commas between them, each once, such as en,ar,pt-BR";
    value.parse().map_err(|_| SettingError::Invalid { name: Languages::SETTING, expected, value })
}

/// Whether something is switched on; off where nothing is set.
///
/// # Errors
/// [`SettingError::Invalid`].
pub fn switched(name: &'static str) -> Result<bool, SettingError> {
    match optional(name).as_deref() {
        Some("on") => Ok(true),
        None | Some("off") => Ok(false),
        Some(value) => Err(SettingError::Invalid { name, expected: "on or off", value: value.to_owned() }),
    }
}

/// A percentage that must be set.
///
/// # Errors
/// [`SettingError::Missing`], [`SettingError::Invalid`].
pub fn percent(name: &'static str) -> Result<u8, SettingError> {
    let value = required(name)?;
    match value.parse() {
        Ok(percent @ 0..=100) => Ok(percent),
        _ => Err(SettingError::Invalid { name, expected: "a whole number from 0 to 100", value }),
    }
}

/// Starts logging as Lambda's logging configuration says (level and JSON), and returns the AWS
/// configuration.
///
/// The SDK retries three times within 10 seconds; whatever fails longer is left to the message's
/// own backoff. `AWS_ENDPOINT_URL` points the function to a local AWS.
pub async fn start() -> SdkConfig {
    lambda_runtime::tracing::init_default_subscriber();
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(2))
                .operation_attempt_timeout(Duration::from_secs(5))
                .operation_timeout(Duration::from_secs(10))
                .build(),
        )
        .load()
        .await
}
