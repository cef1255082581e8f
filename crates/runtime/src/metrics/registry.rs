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
    FeedsCompleted: "Count", Function, None, "normalize", "Feeds read to their end.";
    FeedsFailed: "Count", Function, None, "normalize", "Feeds that cannot be read, or broke off.";
    RecordsRead: "Count", Function, None, "normalize", "Records read.";
    RecordsChanged: "Count", Function, None, "normalize", "Records that said something new.";
    RecordsUnchanged: "Count", Function, None, "normalize", "Records that said what is known.";
    RecordsStale: "Count", Function, None, "normalize", "Records older than what is known, or repeated later.";
    RecordsRejected: "Count", Function, Some("Reason"), "normalize", "Records set aside.";
    RecordWarnings: "Count", Function, Some("Warning"), "normalize", "Remarks on changed records.";
    RejectedShare: "Percent", Function, None, "normalize", "Rejected records of a feed, at its end.";
    ProductsWithdrawn: "Count", Function, None, "normalize", "Products that a full feed lacks.";
    WithdrawalsRefused: "Count", Function, None, "normalize", "Full feeds that lack more than the guard allows.";
    ProductsCreated: "Count", Function, None, "pimcore-sync, medusa-push", "Products created in the target.";
    ProductsUpdated: "Count", Function, None, "pimcore-sync, medusa-push", "Products rewritten in the target.";
    ProductsUnchanged: "Count", Function, None, "pimcore-sync, medusa-push", "Products found as they should be.";
    ProductsFailed: "Count", Function, Some("Code"), "pimcore-sync, medusa-push", "Vain attempts on a product.";
    Retries: "Count", Function, None, "normalize, pimcore-sync, medusa-push", "Messages that come back later.";
    DeadLetters: "Count", Function, None, "normalize, pimcore-sync, medusa-push", "Messages sent to the dead-letter queue.";
    EndToEndLag: "Milliseconds", Function, None, "normalize, pimcore-sync, medusa-push", "From the feed's Last-Modified (whole seconds) to the ledger (a value a window of records), Pimcore, Medusa.";
    EditsFollowed: "Count", Function, None, "pimcore-sync", "Saves read from Pimcore's change feed.";
    ProductsRepaired: "Count", Function, None, "pimcore-sync", "Products that Pimcore held otherwise than written.";
    NoticesTaken: "Count", Function, None, "pimcore-notices", "Products that Pimcore's bundle said people did something to.";
    NoticesRefused: "Count", Function, Some("Reason"), "pimcore-notices", "Requests that were not the bundle's.";
    ChangesHeld: "Count", Function, None, "pimcore-sync", "Changes that rules hold until a person has looked.";
    BreakerOpen: "Count", Target, None, "pimcore-sync, medusa-push, dlq-redrive", "1 while the breaker is open, else 0.";
    DeadLettersDropped: "Count", Queue, None, "dlq-redrive", "Letters whose product arrived meanwhile.";
    DeadLettersRedriven: "Count", Queue, None, "dlq-redrive", "Letters sent back.";
    DeadLettersParked: "Count", Queue, None, "dlq-redrive", "Letters put aside for a person.";
    DeadLettersLeft: "Count", Queue, None, "dlq-redrive", "Letters left for later.";
    OverdueProducts: "Count", Stack, None, "dlq-redrive", "Products waiting longer than the sweep allows.";
    OverdueAnnounced: "Count", Stack, None, "dlq-redrive", "Products announced again by a sweep.";
    BacklogAge: "Seconds", Stack, None, "dlq-redrive", "How long the oldest product has waited.";
}

/// What docs/metrics.md begins with.
const PAGE: &str = "# Metrics

Namespace `catalog-relay`, in CloudWatch's embedded format, written to the log when an invocation ends. Dimensions: `Environment` (the stack's name), and
`Function` unless brackets name another or none. A name behind `+` breaks the total down, into 20 values an invocation, the rest as `other`. The unit is
Count unless brackets name one. Counts of zero are not written (D27).

Written by `RELAY_WRITE_DOCS=1 cargo test -p runtime --test registry`.
";

/// The page docs/metrics.md: a list for each group of functions that report the same.
#[must_use]
pub fn markdown() -> String {
    let mut page = PAGE.to_owned();
    let definitions: Vec<Definition> = Metric::ALL.iter().map(|metric| metric.definition()).collect();
    let mut groups: Vec<&str> = Vec::new();
    for one in &definitions {
        if !groups.contains(&one.from) {
            groups.push(one.from);
        }
    }
    for group in groups {
        let _ = write!(page, "\n## {group}\n\n");
        for one in definitions.iter().filter(|one| one.from == group) {
            let _ = writeln!(page, "- {}", line(one));
        }
    }
    page
}

/// A metric as the page says it, such as "`DeadLetters`: Letters sent back. (`Queue`)".
fn line(Definition { name, unit, scope, by, meaning, .. }: &Definition) -> String {
    let dimension = match (scope, by) {
        (Scope::Function, None) => None,
        (Scope::Function, Some(by)) => Some(format!("+`{by}`")),
        (scope, _) => Some(scope.dimension().map_or_else(|| "none".to_owned(), |one| format!("`{one}`"))),
    };
    let unit = (*unit != "Count").then(|| (*unit).to_owned());
    let brackets: Vec<String> = unit.into_iter().chain(dimension).collect();
    let brackets = if brackets.is_empty() { String::new() } else { format!(" ({})", brackets.join(", ")) };
    format!("`{name}`: {meaning}{brackets}")
}
