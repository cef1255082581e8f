//! Faults on request: what is to go wrong in the next GraphQL requests.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// What goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// HTTP 500 with an HTML page.
    ServerError,
    /// HTTP 502 with an HTML page: the process behind the web server is gone.
    BadGateway,
    /// HTTP 503 with an HTML page: maintenance.
    Unavailable,
    /// HTTP 429 with `Retry-After: 1`.
    TooManyRequests,
    /// No answer until the client gives up or `ms` have passed; then the connection ends.
    Hang,
    /// The answer is right and comes `ms` late.
    Slow,
    /// The request is executed; the answer breaks off in the middle.
    Truncated,
    /// One alias of a mutation dies with an internal error, and what follows it is rolled back
    /// unnoticed.
    AliasDies,
    /// One alias is refused with `message`, as if Pimcore had said so.
    AliasRefused,
}

/// Something that is to go wrong.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: Kind,
    #[serde(default = "once")]
    pub times: u32,
    /// How many requests (or aliases) pass before it begins.
    #[serde(default)]
    pub skip: u32,
    /// Milliseconds for `hang` and `slow`.
    #[serde(default = "a_second")]
    pub ms: u64,
    /// Execute the request first and lose only the answer.
    #[serde(default)]
    pub executed: bool,
    /// Only requests whose body (or aliases whose key or path) contains this.
    #[serde(default, rename = "match")]
    pub matching: Option<String>,
    /// What `alias-refused` says.
    #[serde(default)]
    pub message: Option<String>,
}

fn once() -> u32 {
    1
}

fn a_second() -> u64 {
    1_000
}

/// The faults that are waiting.
#[derive(Debug, Default)]
pub struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    pub fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    pub fn waiting(&self) -> Vec<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The fault that hits a request with that body.
    pub fn for_request(&self, body: &[u8]) -> Option<Fault> {
        self.take(false, |wanted| contains(body, wanted.as_bytes()))
    }

    /// The fault that hits an alias which addresses that key or path.
    pub fn for_alias(&self, target: &str) -> Option<Fault> {
        self.take(true, |wanted| target.contains(wanted))
    }

    fn take(&self, alias: bool, hits: impl Fn(&str) -> bool) -> Option<Fault> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting.iter().position(|fault| {
            matches!(fault.kind, Kind::AliasDies | Kind::AliasRefused) == alias
                && fault.matching.as_deref().is_none_or(&hits)
        })?;
        let fault = waiting.get_mut(at)?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.times = fault.times.saturating_sub(1);
        let hit = fault.clone();
        if hit.times == 0 {
            waiting.remove(at);
        }
        Some(hit)
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}
