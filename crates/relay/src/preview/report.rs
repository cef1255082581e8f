//! What a preview found.

use std::collections::BTreeMap;

use serde::Serialize;

use super::prices::Prices;

/// The report: what people read, and what CI decides by.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewReport {
    pub what: String,
    /// What it was compared with.
    pub against: String,
    /// Version of the rules; empty without rules.
    pub rules: String,
    /// Products: each is one of new, changed, unchanged, withdrawn.
    pub counts: Counts,
    /// How many products differ in which fact.
    pub fields: BTreeMap<&'static str, u64>,
    /// Prices of products that were there before.
    pub prices: Prices,
    /// Why products are not published, by rule.
    pub gated: BTreeMap<String, Group>,
    /// Why products wait for a person, by rule.
    pub held: BTreeMap<String, Group>,
    /// Why the whole of it waits for a person.
    pub feed_held: Vec<String>,
    /// Why records are not taken, by reason.
    pub rejected: BTreeMap<String, Group>,
    /// What rules could not do, by code.
    pub remarks: BTreeMap<String, Group>,
    /// Categories that no product of those looked at was in before, with how many will be.
    pub new_categories: BTreeMap<String, u64>,
    /// The source's categories that no entry maps, with how many products are in each.
    pub unmapped: BTreeMap<String, u64>,
    /// Where the feed breaks off, if it does.
    pub broken: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub products: u64,
    /// Not there before.
    pub new: u64,
    /// Otherwise than before.
    pub changed: u64,
    /// As before: no write.
    pub unchanged: u64,
    /// No longer offered.
    pub withdrawn: u64,
    /// Records that are not taken.
    pub rejected: u64,
    /// Products that would not be published.
    pub gated: u64,
    /// Products that would wait for a person.
    pub held: u64,
    /// Records that repeat a product of the same feed.
    pub repeated: u64,
    /// Lines of a part whose product has not come.
    #[serde(skip_serializing_if = "is_zero")]
    pub awaited: u64,
}

/// How many of one kind, with some of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    pub count: u64,
    pub examples: Vec<String>,
}

impl Group {
    /// Examples that are kept.
    const EXAMPLES: usize = 5;

    pub fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < Self::EXAMPLES {
            self.examples.push(example());
        }
    }
}

impl PreviewReport {
    /// Whether a person should look at it.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        let Counts { rejected, gated, held, .. } = self.counts;
        rejected + gated + held > 0 || self.broken.is_some() || !self.feed_held.is_empty()
    }
}
