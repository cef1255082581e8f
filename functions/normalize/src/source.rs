//! Which source an object's key names.

use feeds::adapter::{self, ADAPTERS, Adapter};

/// The adapter that `incoming/<source>/…` names; otherwise the source, where there is one, and the reason.
pub(crate) fn adapter_for(key: &str) -> Result<&'static dyn Adapter, (Option<String>, String)> {
    let known = || ADAPTERS.iter().map(|adapter| adapter.source()).collect::<Vec<_>>().join(", ");
    let Some(rest) = key.strip_prefix("incoming/") else {
        let reason = "key_outside_incoming: feeds belong under incoming/<source>/".to_owned();
        return Err((None, reason));
    };
    let Some((source, name)) = rest.split_once('/').filter(|(source, _)| !source.is_empty()) else {
        let reason =
            format!("unknown_source: the key names none; feeds belong under incoming/<source>/, one of: {}", known());
        return Err((None, reason));
    };
    if name.is_empty() {
        return Err((
            Some(source.to_owned()),
            "empty_key: the key ends with the source; a feed has a name behind it".to_owned(),
        ));
    }
    adapter::find(source).ok_or_else(|| {
        let shown: String = source.chars().take(64).collect();
        (Some(shown.clone()), format!("unknown_source: {shown:?} is none of: {}", known()))
    })
}
