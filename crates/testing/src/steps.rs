//! Where a push spends its time: how long each request took, as the client says it in its log.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::prelude::*;

/// Requests and their milliseconds, in the order of their answers.
#[derive(Debug, Clone, Default)]
pub struct Steps(Arc<Mutex<Vec<(String, u64)>>>);

impl Steps {
    /// Listens from now on.
    pub fn listen() -> Self {
        let steps = Self::default();
        tracing_subscriber::registry().with(Ear(steps.clone())).init();
        steps
    }

    /// What was heard since the last call.
    pub fn take(&self) -> Vec<(String, u64)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct Ear(Steps);

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut request = Request::default();
        event.record(&mut request);
        if let (Some(call), Some(ms)) = (request.call, request.ms) {
            self.0.0.lock().unwrap().push((call, ms));
        }
    }
}

#[derive(Default)]
struct Request {
    call: Option<String>,
    ms: Option<u64>,
}

impl Visit for Request {
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "call" {
            self.call = Some(value.to_owned());
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        if field.name() == "ms" {
            self.ms = u64::try_from(value).ok();
        }
    }
}
