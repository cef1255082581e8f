//! The shop's rules: all files under `config/rules/`, and `config/rates.json`, are in force
//! together.

use catalog::Failure;
use ledger::core::config::MAX_TEXT_BYTES;
use want::Bundle;
pub use want::{KIND as RULES, NAME as SHOP};

use crate::ports::{Current, Objects};

/// Where rules are.
pub const FOLDER: &str = "config/rules/";
/// Where rates are.
pub const RATES: &str = "config/rates.json";

/// Whether a file is one of them.
pub fn is_one(key: &str) -> bool {
    key == RATES || is_rules(key)
}

fn is_rules(key: &str) -> bool {
    let file = key.strip_prefix(FOLDER).filter(|file| !file.contains('/'));
    file.is_some_and(|file| file.len() > 5 && (file.ends_with(".yaml") || file.ends_with(".yml")))
}

/// The files as they are now, or why they are too large.
///
/// # Errors
/// When the bucket does not answer.
pub async fn read<O: Objects>(objects: &O, bucket: &str) -> Result<Result<Bundle, String>, Failure> {
    let keys = objects.list(bucket, FOLDER).await?;
    let (mut bundle, mut left) = (Bundle::default(), MAX_TEXT_BYTES as u64);
    for key in keys.into_iter().filter(|key| is_rules(key)).chain([RATES.to_owned()]) {
        let text = match objects.current(bucket, &key, left).await? {
            // Removed since it was listed: its own message has it looked at again.
            Current::Missing => continue,
            Current::TooLarge { size } => {
                let why = format!("{key}: it has {size} bytes, and all files together may have {MAX_TEXT_BYTES}");
                return Ok(Err(why));
            }
            Current::Body(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        left = left.saturating_sub(text.len() as u64);
        if key == RATES {
            bundle.rates = Some((key, text));
        } else {
            bundle.rules.insert(key, text);
        }
    }
    Ok(Ok(bundle))
}

/// Why rules cannot be in force; empty where they can.
pub fn problems(bundle: &Bundle) -> Vec<String> {
    let flaws = bundle.read(0).err().unwrap_or_default();
    let mut problems: Vec<String> = flaws.iter().map(ToString::to_string).collect();
    let size = bundle.json().len();
    if problems.is_empty() && size > MAX_TEXT_BYTES {
        problems.push(format!("{FOLDER}: together they have {size} bytes, more than {MAX_TEXT_BYTES}"));
    }
    problems
}
