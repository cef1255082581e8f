//! What surrounds the work of every function, once: the time it has, and what it reports in the
//! end.

use std::future::Future;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limit::Limit;
use crate::metrics::Metrics;
use crate::time::{Clock as _, Deadline, SystemClock};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Lambda's id of it: the owner of the leases that it takes.
    pub id: String,
    /// When it ends.
    pub deadline: Deadline,
}

/// A function: its clients, and what it does with an event.
pub trait Function {
    type Event: DeserializeOwned;
    type Answer: Serialize;

    /// Does what an event asks for.
    fn handle(&self, event: Self::Event, invocation: Invocation) -> impl Future<Output = Result<Self::Answer, Error>>;

    fn metrics(&self) -> &Metrics;

    /// Adds to its metrics what is known only when the work is done.
    fn report(&self) {}
}

/// Serves a function's events until Lambda ends the environment. No call of a client made with
/// `limit` outlives its invocation; metrics are written at the end of each, also where it failed.
///
/// # Errors
/// What Lambda's own interface says.
pub async fn serve(function: impl Function, limit: Limit) -> Result<(), Error> {
    let (function, limit) = (&function, &limit);
    lambda_runtime::run(service_fn(move |event| invoke(function, limit, event))).await
}

async fn invoke<F: Function>(function: &F, limit: &Limit, event: LambdaEvent<F::Event>) -> Result<F::Answer, Error> {
    let deadline = Deadline::of(&event.context);
    limit.until(deadline);
    let invocation = Invocation { id: event.context.request_id, deadline };
    // What a function does is deep: on the heap, so that its layers are no part of Lambda's own.
    let answer = Box::pin(function.handle(event.payload, invocation)).await;
    function.report();
    function.metrics().emit(SystemClock.now_ms());
    answer
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use lambda_runtime::Context;

    use super::*;
    use crate::metrics::Metric;

    #[derive(Default)]
    struct Refusing {
        metrics: Metrics,
        reported: Cell<bool>,
    }

    impl Function for Refusing {
        type Event = String;
        type Answer = String;

        async fn handle(&self, event: String, invocation: Invocation) -> Result<String, Error> {
            assert!(!self.reported.get(), "reported before the work");
            self.metrics.count(Metric::Retries, 1);
            Err(format!("{event} of {} until {}", invocation.id, invocation.deadline.at_ms()).into())
        }

        fn metrics(&self) -> &Metrics {
            &self.metrics
        }

        fn report(&self) {
            self.reported.set(true);
        }
    }

    #[tokio::test]
    async fn an_invocation_that_fails_reports_too_and_limits_every_call() {
        let mut context = Context::default();
        context.request_id = "r1".into();
        context.deadline = 5_000;
        let (function, limit) = (Refusing::default(), Limit::default());
        let event = LambdaEvent::new("work".to_owned(), context);
        let error = invoke(&function, &limit, event).await.unwrap_err();
        assert_eq!(error.to_string(), "work of r1 until 5000");
        assert!(function.reported.get());
        assert!(function.metrics.take(0).is_empty(), "written already");
        assert_eq!(limit.left(1_000).as_millis(), 3_700);
    }
}
