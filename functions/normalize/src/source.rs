//! Which source an object's key names.

use crate::codes;
use feeds::adapter::{self, ADAPTERS, Adapter};

/// The adapter that `incoming/<source>/…` names; otherwise the source, where there is one, and the reason.
pub(crate) fn adapter_for(key: &str) -> Result<&'static dyn Adapter, (Option<String>, String)> {
    let known = || ADAPTERS.iter().map(|adapter| adapter.source()).collect::<Vec<_>>().join(", ");
    let Some(rest) = key.strip_prefix("incoming/") else {
        let reason = format!("{}: feeds belong under incoming/<source>/", codes::KEY_OUTSIDE_INCOMING);
        return Err((None, reason));
    };
    let Some((source, name)) = rest.split_once('/').filter(|(source, _)| !source.is_empty()) else {
        let reason = format!(
            "{}: the key names none; feeds belong under incoming/<source>/, one of: {}",
            codes::UNKNOWN_SOURCE,
            known()
        );
        return Err((None, reason));
    };
    if name.is_empty() {
        let why = "the key ends with the source; a feed has a name behind it";
        return Err((Some(source.to_owned()), format!("{}: {why}", codes::EMPTY_KEY)));
    }
    adapter::find(source).ok_or_else(|| {
        let shown: String = source.chars().take(64).collect();
        (Some(shown.clone()), format!("{}: {shown:?} is none of: {}", codes::UNKNOWN_SOURCE, known()))
    })
}
