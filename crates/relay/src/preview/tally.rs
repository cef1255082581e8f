//! Counts products one by one.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Product, ProductKey};
use feeds::{Broken, Rejection};
use want::{Drift, Moment, Rates, Rules, Wanted, want};

use super::changes::fields;
use super::report::{Group, PreviewReport};

/// Kinds that are told apart, at most; further ones are counted as one.
const KINDS: usize = 10_000;

/// What products are made of.
#[derive(Debug)]
pub struct Tally<'r> {
    /// The rules as they would be.
    pub rules: &'r Rules,
    /// The rules as they are.
    pub rules_before: &'r Rules,
    /// What currencies are worth.
    pub rates: Option<&'r Rates>,
    /// The time, in ms.
    pub now: i64,
    /// What was found so far.
    pub report: PreviewReport,
    drift: Drift,
    before: BTreeSet<String>,
    after: BTreeMap<String, u64>,
}

impl<'r> Tally<'r> {
    /// Nothing yet.
    #[must_use]
    pub fn new(rules: &'r Rules, rules_before: &'r Rules, rates: Option<&'r Rates>, now: i64) -> Self {
        let report = PreviewReport { rules: rules.version().to_owned(), ..PreviewReport::default() };
        Self {
            rules,
            rules_before,
            rates,
            now,
            report,
            drift: Drift::default(),
            before: BTreeSet::new(),
            after: BTreeMap::new(),
        }
    }

    /// Takes in a product: what its source says, and what it said before, each with when it said
    /// so.
    pub fn product(&mut self, key: &ProductKey, said: (&Product, i64), before: Option<(&Product, i64)>) {
        let moment = |at| Moment { now: self.now, said_at: Some(at), rates: self.rates, last: None };
        let old = before.map(|(product, at)| want(product, self.rules_before, &moment(at)));
        let last = old.as_ref().map(|old| &old.product);
        let new = want(said.0, self.rules, &Moment { last, ..moment(said.1) });
        let counts = &mut self.report.counts;
        counts.products += 1;
        counts.gated += u64::from(!new.withheld.is_empty());
        counts.held += u64::from(!new.held.is_empty());
        match &old {
            None if said.0.withdrawn => counts.unchanged += 1,
            None => counts.new += 1,
            Some(old) if new.product.withdrawn && !old.product.withdrawn => counts.withdrawn += 1,
            Some(old) if old.digest() == new.digest() => counts.unchanged += 1,
            Some(_) => counts.changed += 1,
        }
        if let Some(old) = &old {
            for name in fields(&old.product, &new.product) {
                *self.report.fields.entry(name).or_default() += 1;
            }
            self.report.prices.add(key, &old.product, &new.product);
            self.drift.add(&old.product, &new.product);
        }
        self.reasons(key, &new);
        for path in new.unmapped_of(said.0) {
            count(&mut self.report.unmapped, want::category::shown(path));
        }
        if let Some(old) = &old {
            let paths = old.product.categories.iter().map(want::category::shown);
            let room = KINDS.saturating_sub(self.before.len());
            self.before.extend(paths.take(room));
        }
        if !said.0.withdrawn {
            for path in &new.product.categories {
                count(&mut self.after, want::category::shown(path));
            }
        }
    }

    fn reasons(&mut self, key: &ProductKey, new: &Wanted) {
        for withheld in &new.withheld {
            group(&mut self.report.gated, &withheld.rule).add(|| format!("{key}: {}", withheld.reason));
        }
        for held in &new.held {
            group(&mut self.report.held, &held.rule).add(|| format!("{key}: {}", held.reason));
        }
        for remark in &new.remarks {
            group(&mut self.report.remarks, remark.code).add(|| format!("{key}: {}", remark.message));
        }
    }

    /// Takes in a record that is not taken.
    pub fn rejected(&mut self, rejection: &Rejection) {
        self.report.counts.rejected += 1;
        let Rejection { index, message, reason, .. } = rejection;
        group(&mut self.report.rejected, reason.as_str()).add(|| format!("record {index}: {message}"));
    }

    /// Takes in where a feed breaks off.
    pub fn broken(&mut self, broken: &Broken) {
        self.report.broken = Some(format!("at byte {}, record {}: {}", broken.offset, broken.index, broken.message));
    }

    #[must_use]
    pub fn report(mut self) -> PreviewReport {
        for held in self.drift.held(self.rules) {
            self.report.feed_held.push(held.reason);
        }
        let known = self.before;
        self.report.new_categories = self.after.into_iter().filter(|(path, _)| !known.contains(path)).collect();
        self.report
    }
}

fn count(all: &mut BTreeMap<String, u64>, name: String) {
    let name = if all.len() >= KINDS && !all.contains_key(&name) { "…".to_owned() } else { name };
    *all.entry(name).or_default() += 1;
}

fn group<'g>(all: &'g mut BTreeMap<String, Group>, name: &str) -> &'g mut Group {
    all.entry(name.to_owned()).or_default()
}
