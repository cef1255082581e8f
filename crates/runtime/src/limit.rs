//! No AWS call outlives the invocation.
//!
//! The SDK's own limits ([`settings::start`](crate::settings::start)) fit a call into ten seconds,
//! tries and waits included. At the end of an invocation there may be less: then a call gets what
//! is left, so that the function answers which messages have to come back, instead of being killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_sqs::config::{ConfigBag, Intercept};
use aws_sdk_sqs::error::BoxError;

use crate::time::{Clock, Deadline, SystemClock};

/// Kept back for the answer itself.
const ANSWER: Duration = Duration::from_millis(300);
/// Limits of a call that has all the time it wants: of each try, and of all of them.
const TRY: Duration = Duration::from_secs(5);
const CALL: Duration = Duration::from_secs(10);

/// Cuts the calls of AWS clients to what is left of the current invocation. Clones are the same.
#[derive(Debug, Clone)]
pub struct Limit(Arc<AtomicI64>);

impl Default for Limit {
    /// No invocation yet, so no limit.
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }
}

impl Limit {
    /// From now on calls end before this deadline.
    pub fn until(&self, deadline: Deadline) {
        self.0.store(deadline.at_ms(), Ordering::Relaxed);
    }

    pub(crate) fn left(&self, now: i64) -> Duration {
        let left = self.0.load(Ordering::Relaxed).saturating_sub(now);
        Duration::from_millis(u64::try_from(left).unwrap_or(0)).saturating_sub(ANSWER)
    }
}

impl Intercept for Limit {
    fn name(&self) -> &'static str {
        "limit"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let left = self.left(SystemClock.now_ms());
        if left < CALL {
            let cut = TimeoutConfig::builder().operation_timeout(left).operation_attempt_timeout(left.min(TRY)).build();
            cfg.interceptor_state().store_put(cut);
        }
        Ok(())
    }
}

/// A client of an AWS service whose calls are cut by a [`Limit`]:
/// `client!(aws_sdk_sqs::Client, &aws, &limit)`.
#[macro_export]
macro_rules! client {
    ($sdk:ident::Client, $aws:expr, $limit:expr) => {
        $sdk::Client::from_conf(
            $sdk::config::Builder::from($aws).interceptor(::std::clone::Clone::clone($limit)).build(),
        )
    };
}
