//! How often the stand-in was asked for what; tests and benchmarks read it.

use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start or the last reset.
#[derive(Debug, Default)]
pub struct Counters {
    requests: AtomicU64,
    queries: AtomicU64,
    mutations: AtomicU64,
    invalid: AtomicU64,
    created: AtomicU64,
    updated: AtomicU64,
    deleted: AtomicU64,
    refused: AtomicU64,
    faults: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A GraphQL request with the right key.
    Request,
    /// A request that reads.
    Query,
    /// A request that writes.
    Mutation,
    /// A request that did not pass validation.
    Invalid,
    /// An alias created an object.
    Created,
    /// An alias updated an object.
    Updated,
    /// An alias deleted an object.
    Deleted,
    /// An alias answered `success: false`.
    Refused,
    /// An injected fault was used up.
    Fault,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Serialize, PartialEq, Eq)]
pub struct Counts {
    /// GraphQL requests with the right key.
    pub requests: u64,
    pub queries: u64,
    pub mutations: u64,
    /// Requests that did not pass validation.
    pub invalid: u64,
    pub created: u64,
    pub updated: u64,
    pub deleted: u64,
    /// Mutations that were refused.
    pub refused: u64,
    /// Created, updated or deleted: aliases that wrote.
    #[serde(rename = "aliasesWritten")]
    pub aliases_written: u64,
    /// Injected faults that were used up.
    pub faults: u64,
}

impl Counters {
    pub fn count(&self, event: Event) {
        self.counter(event).fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn now(&self) -> Counts {
        let read = |event| self.counter(event).load(Ordering::Relaxed);
        let (created, updated, deleted) = (read(Event::Created), read(Event::Updated), read(Event::Deleted));
        Counts {
            requests: read(Event::Request),
            queries: read(Event::Query),
            mutations: read(Event::Mutation),
            invalid: read(Event::Invalid),
            created,
            updated,
            deleted,
            refused: read(Event::Refused),
            aliases_written: created + updated + deleted,
            faults: read(Event::Fault),
        }
    }

    /// Starts again from zero.
    pub fn reset(&self) {
        use Event::{Created, Deleted, Fault, Invalid, Mutation, Query, Refused, Request, Updated};
        for event in [Request, Query, Mutation, Invalid, Created, Updated, Deleted, Refused, Fault] {
            self.counter(event).store(0, Ordering::Relaxed);
        }
    }

    fn counter(&self, event: Event) -> &AtomicU64 {
        match event {
            Event::Request => &self.requests,
            Event::Query => &self.queries,
            Event::Mutation => &self.mutations,
            Event::Invalid => &self.invalid,
            Event::Created => &self.created,
            Event::Updated => &self.updated,
            Event::Deleted => &self.deleted,
            Event::Refused => &self.refused,
            Event::Fault => &self.faults,
        }
    }
}
