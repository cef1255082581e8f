//! Every metric there is.

use std::fmt::Write as _;

/// What a metric is about: its dimensions beside `Environment` (the stack's name).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Stack,
    /// The function that reports it.
    Function,
    /// A queue: `ingest`, `pimcore`, `medusa`.
    Queue,
    /// A target: `pimcore`, `medusa`.
    Target,
}

impl Scope {
    /// The dimension's name.
    #[must_use]
    pub const fn dimension(self) -> Option<&'static str> {
        match self {
            Self::Stack => None,
            Self::Function => Some("Function"),
            Self::Queue => Some("Queue"),
            Self::Target => Some("Target"),
        }
    }
}

/// A metric, described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Its name in CloudWatch.
    pub name: &'static str,
    /// Its unit in CloudWatch.
    pub unit: &'static str,
    pub scope: Scope,
    /// The dimension by which it is broken down too, beside the total.
    pub by: Option<&'static str>,
    pub from: &'static str,
    pub meaning: &'static str,
}

macro_rules! registry {
    ($($metric:ident: $unit:literal, $scope:ident, $by:expr, $from:literal, $meaning:literal;)*) => {
        /// What is measured. The variant's name is the metric's.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric {
            $(#[doc = $meaning] $metric,)*
        }

        impl Metric {
            /// All of them, in the order in which they are explained.
            pub const ALL: &[Self] = &[$(Self::$metric),*];

            /// Its description.
            #[must_use]
            pub const fn definition(self) -> Definition {
                match self {
                    $(Self::$metric => Definition {
                        name: stringify!($metric),
                        unit: $unit,
                        scope: Scope::$scope,
                        by: $by,
                        from: $from,
                        meaning: $meaning,
                    },)*
                }
            }
        }
    };
}

registry! {
    FeedsCompleted: "Count", Function, None, "normalize", "Feeds that were read to their end.";
    FeedsFailed: "Count", Function, None, "normalize", "Feeds that cannot be read, or not any further.";
    RecordsRead: "Count", Function, None, "normalize", "Records read.";
    RecordsChanged: "Count", Function, None, "normalize", "Records that said something new; their products were written and announced.";
    RecordsUnchanged: "Count", Function, None, "normalize", "Records that said what is known.";
    RecordsStale: "Count", Function, None, "normalize", "Records older than what is known, or repeated later in the same feed.";
    RecordsRejected: "Count", Function, Some("Reason"), "normalize", "Records set aside, in all and by reason code.";
    RecordWarnings: "Count", Function, Some("Warning"), "normalize", "Remarks on records that said something new, in all and by code.";
    RejectedShare: "Percent", Function, None, "normalize", "Once for each feed, at its end: rejected records as a share of all its records.";
    ProductsWithdrawn: "Count", Function, None, "normalize", "Products withdrawn because a full feed lacks them.";
    WithdrawalsRefused: "Count", Function, None, "normalize", "Full feeds that lacked more products than the guard allows.";
    ProductsCreated: "Count", Function, None, "pimcore-sync, medusa-push", "Products created in the target.";
    ProductsUpdated: "Count", Function, None, "pimcore-sync, medusa-push", "Products written in the target that it had already.";
    ProductsUnchanged: "Count", Function, None, "pimcore-sync, medusa-push", "Products that the target was found to hold as they should be.";
    ProductsFailed: "Count", Function, Some("Code"), "pimcore-sync, medusa-push", "Attempts on a product that did not succeed, in all and by error code.";
    Retries: "Count", Function, None, "normalize, pimcore-sync, medusa-push", "Messages that come back after their backoff.";
    DeadLetters: "Count", Function, None, "normalize, pimcore-sync, medusa-push", "Messages that the function sent to its dead-letter queue.";
    EndToEndLag: "Milliseconds", Function, None, "medusa-push", "From the feed object's Last-Modified (whole seconds) to the product's arrival in Medusa.";
    EditsFollowed: "Count", Function, None, "pimcore-sync", "Saves read from Pimcore's change feed.";
    ProductsRepaired: "Count", Function, None, "pimcore-sync", "Products announced again because Pimcore did not hold what was written.";
    BreakerOpen: "Count", Target, None, "pimcore-sync, medusa-push, dlq-redrive", "1 if the target's breaker is open, 0 if it is closed.";
    DeadLettersDropped: "Count", Queue, None, "dlq-redrive", "Dead letters whose product had arrived meanwhile.";
    DeadLettersRedriven: "Count", Queue, None, "dlq-redrive", "Dead letters sent back to their queue.";
    DeadLettersParked: "Count", Queue, None, "dlq-redrive", "Dead letters put aside for a person.";
    DeadLettersLeft: "Count", Queue, None, "dlq-redrive", "Dead letters left for a later run.";
    OverdueProducts: "Count", Stack, None, "dlq-redrive", "Products that have been waiting longer than the sweep allows.";
    OverdueAnnounced: "Count", Stack, None, "dlq-redrive", "Products that a sweep announced again.";
    BacklogAge: "Seconds", Stack, None, "dlq-redrive", "How long the oldest product has been waiting for its targets.";
}

/// What docs/metrics.md begins with.
const PAGE: &str = "# Metrics

Written by `RELAY_WRITE_DOCS=1 cargo test -p runtime --test registry` from `crates/runtime/src/metrics/registry.rs`.

Namespace `catalog-relay`, each with the dimension `Environment` (the stack's name). A function writes them to its log when an invocation ends, in
CloudWatch's embedded metric format. Counts of zero are not written: a metric costs money in each hour in which it is reported. A breakdown has 20
different values in an invocation at most, the rest counts as `other`.

| metric | unit | dimensions beside `Environment` | from | meaning |
|---|---|---|---|---|
";

/// The page docs/metrics.md.
#[must_use]
pub fn markdown() -> String {
    let mut table = PAGE.to_owned();
    for metric in Metric::ALL {
        let Definition { name, unit, scope, by, from, meaning } = metric.definition();
        let dimensions = match (scope.dimension(), by) {
            (None, _) => "none".to_owned(),
            (Some(one), None) => format!("`{one}`"),
            (Some(one), Some(by)) => format!("`{one}`; `{one}`, `{by}`"),
        };
        let _ = writeln!(table, "| `{name}` | {unit} | {dimensions} | {from} | {meaning} |");
    }
    table
}
