//! What every function reports about its work, in CloudWatch's embedded metric format: lines of
//! JSON on standard output, which CloudWatch Logs turns into metrics. No call, no permission, no
//! agent.
//!
//! A metric is a variant of [`Metric`], so that what is emitted, what alarms watch and what
//! docs/metrics.md lists cannot drift apart. A [`Metrics`] collects during one invocation, and
//! [`Metrics::emit`] writes at its end: one line for the totals, and one for each value of a
//! breakdown (CloudWatch keeps the dimensions of all metrics of a line in the same place).
//!
//! A metric is paid for by the hour in which it is reported. So a count of zero is not written: a
//! stack that has nothing to do reports the age of its backlog and little else, and alarms take
//! missing data for good. Every value of a dimension is a metric of its own. So a breakdown only
//! takes words (`[a-z0-9_]`, as codes and reasons are), and [`VALUES`] different ones in an
//! invocation; the rest counts as `other`.

mod registry;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use catalog::ProductKey;
use serde_json::{Map, Value, json};

use crate::batch::{Batch, Outcome};
pub use registry::{Definition, Metric, Scope, markdown};

/// Namespace of all metrics of the pipeline.
pub const NAMESPACE: &str = "catalog-relay";

/// Different values of one breakdown in one invocation.
const VALUES: usize = 20;
/// CloudWatch's limit of values of one metric in one line.
const SAMPLES: usize = 100;
const OTHER: &str = "other";

/// The metrics of one function; shared by all its invocations, one at a time. The default is
/// nobody's, for tests.
#[derive(Debug, Default)]
pub struct Metrics {
    environment: String,
    function: &'static str,
    values: Mutex<BTreeMap<Place, BTreeMap<Metric, Vec<f64>>>>,
}

/// The line that a value belongs to: which dimensions, with which values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    scope: Scope,
    /// The value of the scope's dimension, where it is not the function itself.
    of: Option<String>,
    by: Option<(&'static str, String)>,
}

impl Metrics {
    /// The metrics of `function` in the stack `environment`.
    #[must_use]
    pub fn new(environment: impl Into<String>, function: &'static str) -> Self {
        Self { environment: environment.into(), function, values: Mutex::default() }
    }

    /// Adds `n` to a total.
    pub fn count(&self, metric: Metric, n: u64) {
        self.add(metric, None, None, n);
    }

    /// Adds `n` to what a metric counts of one queue or target.
    pub fn count_of(&self, metric: Metric, of: &str, n: u64) {
        self.add(metric, Some(of), None, n);
    }

    /// Adds `n` to a total and to its part with this reason.
    pub fn count_by(&self, metric: Metric, by: &str, n: u64) {
        self.add(metric, None, None, n);
        self.add(metric, None, Some(by), n);
    }

    /// Adds one measured value, also zero; CloudWatch computes maximum and percentiles.
    pub fn sample(&self, metric: Metric, value: f64) {
        self.sample_of(metric, None, value);
    }

    fn sample_of(&self, metric: Metric, of: Option<&str>, value: f64) {
        let place = Place { scope: metric.definition().scope, of: of.map(word), by: None };
        self.values().entry(place).or_default().entry(metric).or_default().push(value);
    }

    /// Whether the breaker of a target (`pimcore`, `medusa`) is open.
    pub fn breaker_open(&self, target: &str, open: bool) {
        self.sample_of(Metric::BreakerOpen, Some(target), f64::from(u8::from(open)));
    }

    /// What became of a batch's messages, and why products failed.
    pub fn batch(&self, batch: &Batch, outcomes: &HashMap<ProductKey, Outcome>) {
        let (retried, dead) = batch.fallen(outcomes);
        self.count(Metric::Retries, retried);
        self.count(Metric::DeadLetters, dead);
        for outcome in outcomes.values() {
            if let Outcome::Failed(failure) = outcome {
                self.count_by(Metric::ProductsFailed, &failure.code, 1);
            }
        }
    }

    fn values(&self) -> MutexGuard<'_, BTreeMap<Place, BTreeMap<Metric, Vec<f64>>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of an invocation are far below 2⁵³")]
    fn add(&self, metric: Metric, of: Option<&str>, by: Option<&str>, n: u64) {
        if n == 0 {
            return;
        }
        let definition = metric.definition();
        let mut values = self.values();
        let by = match (by, definition.by) {
            (Some(value), Some(dimension)) => {
                let known = values.keys().filter(|place| place.by.as_ref().is_some_and(|by| by.0 == dimension));
                let known: Vec<&str> = known.filter_map(|place| place.by.as_ref().map(|by| by.1.as_str())).collect();
                let room = known.contains(&value) || known.len() < VALUES;
                Some((dimension, if room { word(value) } else { OTHER.to_owned() }))
            }
            // A breakdown that the metric does not have: its total is all there is.
            (Some(_), None) => return,
            (None, _) => None,
        };
        let place = Place { scope: definition.scope, of: of.map(word), by };
        let samples = values.entry(place).or_default().entry(metric).or_default();
        match samples.first_mut() {
            Some(sum) => *sum += n as f64,
            None => samples.push(n as f64),
        }
    }

    /// The lines for what was collected, which is forgotten. `now` in ms.
    pub fn take(&self, now: i64) -> Vec<Value> {
        let values = std::mem::take(&mut *self.values());
        let mut lines = Vec::new();
        for (place, metrics) in values {
            let most = metrics.values().map(Vec::len).max().unwrap_or(0);
            for part in 0..most.div_ceil(SAMPLES) {
                let some = metrics.iter().filter_map(|(metric, samples)| {
                    samples.chunks(SAMPLES).nth(part).map(|samples| (metric.definition(), samples))
                });
                lines.push(self.line(&place, some, now));
            }
        }
        lines
    }

    fn line<'a>(&self, place: &Place, metrics: impl Iterator<Item = (Definition, &'a [f64])>, now: i64) -> Value {
        let mut members = Map::new();
        members.insert("Environment".to_owned(), json!(self.environment));
        let scope = match place.scope {
            Scope::Stack => None,
            Scope::Function => Some(self.function.to_owned()),
            Scope::Queue | Scope::Target => Some(place.of.clone().unwrap_or_else(|| OTHER.to_owned())),
        };
        let scope = place.scope.dimension().zip(scope);
        for (dimension, value) in scope.into_iter().chain(place.by.clone()) {
            members.insert(dimension.to_owned(), json!(value));
        }
        let dimensions: Vec<String> = members.keys().cloned().collect();
        let mut definitions = Vec::new();
        for (definition, samples) in metrics {
            definitions.push(json!({"Name": definition.name, "Unit": definition.unit}));
            let value =
                if let [one] = samples { json!(number(*one)) } else { samples.iter().copied().map(number).collect() };
            members.insert(definition.name.to_owned(), value);
        }
        let directive = json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": definitions});
        members.insert("_aws".to_owned(), json!({"Timestamp": now, "CloudWatchMetrics": [directive]}));
        Value::Object(members)
    }

    /// Writes what was collected to standard output, and forgets it. `now` in ms.
    pub fn emit(&self, now: i64) {
        let text: String = self.take(now).iter().map(|line| format!("{line}\n")).collect();
        // A metric that cannot be written is not worth a failed invocation.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}

/// Whole numbers without a fraction.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "compared right after")]
    let whole = value as i64;
    #[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "exactly whole or not")]
    let is_whole = whole as f64 == value;
    if is_whole { json!(whole) } else { json!(value) }
}

/// A value of a dimension: no sentence, no id.
fn word(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if (1..=40).contains(&text.len()) && text.bytes().all(plain) { text } else { OTHER }.to_owned()
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
    use catalog::Failure;

    use super::*;

    fn metrics() -> Metrics {
        Metrics::new("prod", "normalize")
    }

    /// The value of a metric, where the dimensions are exactly these.
    fn value_of<'a>(lines: &'a [Value], metric: &str, dimensions: &[(&str, &str)]) -> Option<&'a Value> {
        let fits = |line: &&Value| {
            let names = line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].as_array().unwrap();
            names.len() == dimensions.len()
                && dimensions.iter().all(|(name, value)| names.contains(&json!(name)) && line[*name] == json!(value))
        };
        lines.iter().filter(fits).find_map(|line| line.get(metric))
    }

    #[test]
    fn totals_are_one_line_and_each_reason_has_one_beside_it() {
        let metrics = metrics();
        metrics.count(Metric::RecordsRead, 10);
        metrics.count(Metric::RecordsRead, 5);
        metrics.count_by(Metric::RecordsRejected, "zero_price", 2);
        metrics.count_by(Metric::RecordsRejected, "duplicate_sku", 1);
        let lines = metrics.take(1_000);
        let of = [("Environment", "prod"), ("Function", "normalize")];
        assert_eq!(value_of(&lines, "RecordsRead", &of), Some(&json!(15)));
        assert_eq!(value_of(&lines, "RecordsRejected", &of), Some(&json!(3)));
        let with = |reason| [of[0], of[1], ("Reason", reason)];
        assert_eq!(value_of(&lines, "RecordsRejected", &with("zero_price")), Some(&json!(2)));
        assert_eq!(value_of(&lines, "RecordsRejected", &with("duplicate_sku")), Some(&json!(1)));
        assert_eq!(lines.len(), 3);
        metrics.count(Metric::RecordsStale, 0);
        assert!(metrics.take(2_000).is_empty(), "the next invocation begins at zero, which is not reported");
    }

    #[test]
    fn every_line_declares_exactly_what_it_holds() {
        let metrics = metrics();
        metrics.count(Metric::RecordsRead, 1);
        metrics.count_by(Metric::ProductsFailed, "medusa_timeout", 1);
        metrics.count_of(Metric::DeadLettersParked, "medusa", 3);
        metrics.count(Metric::OverdueProducts, 4);
        metrics.breaker_open("pimcore", true);
        metrics.sample(Metric::RejectedShare, 12.5);
        for line in metrics.take(1_234) {
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(directive["Namespace"], NAMESPACE);
            assert_eq!(line["_aws"]["Timestamp"], 1_234);
            let dimensions = directive["Dimensions"][0].as_array().unwrap();
            let declared = directive["Metrics"].as_array().unwrap();
            assert!(dimensions.iter().all(|name| line[name.as_str().unwrap()].is_string()), "{line}");
            assert!(declared.iter().all(|metric| line[metric["Name"].as_str().unwrap()].is_number()), "{line}");
            assert_eq!(line.as_object().unwrap().len(), 1 + dimensions.len() + declared.len(), "{line}");
        }
    }

    #[test]
    fn a_breakdown_stays_small_and_loses_nothing() {
        let metrics = metrics();
        for n in 0..50 {
            metrics.count_by(Metric::ProductsFailed, &format!("code_{n}"), 1);
        }
        metrics.count_by(Metric::ProductsFailed, "No code, but a sentence about product 7", 1);
        metrics.count_by(Metric::ProductsFailed, "code_3", 1);
        let lines = metrics.take(0);
        assert_eq!(lines.len(), 1 + VALUES + 1);
        let parts: Vec<i64> =
            lines.iter().filter(|l| l["Code"].is_string()).map(|l| l["ProductsFailed"].as_i64().unwrap()).collect();
        assert_eq!(parts.iter().sum::<i64>(), 52);
        let (_, other) = lines
            .iter()
            .map(|l| (l["Code"].as_str(), l["ProductsFailed"].as_i64()))
            .find(|(code, _)| *code == Some("other"))
            .unwrap();
        assert_eq!(other, Some(31));
    }

    #[test]
    fn many_samples_take_several_lines() {
        let metrics = metrics();
        (0..250).for_each(|n| metrics.sample(Metric::EndToEndLag, f64::from(n)));
        let lines = metrics.take(0);
        assert_eq!(
            lines.iter().map(|line| line["EndToEndLag"].as_array().unwrap().len()).collect::<Vec<_>>(),
            [100, 100, 50]
        );
    }

    #[test]
    fn a_batch_tells_what_came_back_what_died_and_why() {
        let message = |id: &str, body: &str| {
            let mut message = SqsMessage::default();
            message.message_id = Some(id.into());
            message.body = Some(body.into());
            message
        };
        let mut event = SqsEvent::default();
        let product = |id| format!(r#"{{"source":"demo","productId":"{id}"}}"#);
        event.records = vec![
            message("a", &product("1")),
            message("b", &product("1")),
            message("c", &product("2")),
            message("d", &product("3")),
            message("e", "poison"),
        ];
        let batch = Batch::of(event);
        let key = |id: &str| format!("demo:{id}").parse::<ProductKey>().unwrap();
        let outcomes = HashMap::from([
            (key("1"), Outcome::Failed(Failure::transient("medusa_timeout", "slow"))),
            (key("2"), Outcome::Failed(Failure::permanent("medusa_sku_taken", "taken"))),
            (key("3"), Outcome::Done),
        ]);
        let metrics = metrics();
        metrics.batch(&batch, &outcomes);
        let lines = metrics.take(0);
        let of = [("Environment", "prod"), ("Function", "normalize")];
        assert_eq!(value_of(&lines, "Retries", &of), Some(&json!(2)), "messages");
        assert_eq!(value_of(&lines, "DeadLetters", &of), Some(&json!(2)), "refused, and not understood");
        assert_eq!(value_of(&lines, "ProductsFailed", &of), Some(&json!(2)));
        assert_eq!(value_of(&lines, "ProductsFailed", &[of[0], of[1], ("Code", "medusa_timeout")]), Some(&json!(1)));
    }
}
