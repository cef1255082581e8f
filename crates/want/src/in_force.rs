//! The files that are in force together: rules, and what currencies are worth.

use std::collections::BTreeMap;

use catalog::Product;
use serde::{Deserialize, Serialize};

use crate::flaw::{Flaw, Place};
use crate::{Moment, Rates, Rules, Wanted, want};

/// The kind of rules in the ledger's configuration, and their only name: they are one.
pub const KIND: &str = "rules";
pub const NAME: &str = "shop";

/// The texts of all files, as they are kept and compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Rules by file, in the order in which they count.
    pub rules: BTreeMap<String, String>,
    /// The rates file, with its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<(String, String)>,
}

/// Rules and rates, ready to be applied.
#[derive(Debug, Clone, Default)]
pub struct InForce {
    pub rules: Rules,
    pub rates: Option<Rates>,
    /// Since when (ms) they are in force.
    pub since: i64,
    /// Since when (ms) such rules look back at what was let through last.
    pub epoch: i64,
}

impl Bundle {
    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.rates.is_none()
    }

    /// The version: a digest of names and texts.
    #[must_use]
    pub fn digest(&self) -> String {
        blake3::hash(self.json().as_bytes()).to_hex()[..16].to_owned()
    }

    /// As it is kept.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("texts: {error}"))
    }

    /// What was kept.
    #[must_use]
    pub fn of_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn read(&self, since: i64) -> Result<InForce, Vec<Flaw>> {
        let all = self.rules.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let rates = self.rates.as_ref().map(|(name, text)| (name.as_str(), text.as_str()));
        let mut flaws: Vec<Flaw> = all.clone().chain(rates).filter_map(|(name, text)| undecoded(name, text)).collect();
        if !flaws.is_empty() {
            return Err(flaws);
        }
        let mut found = InForce { since, ..InForce::default() };
        match Rules::read(all) {
            Ok(rules) => found.rules = rules,
            Err(wrong) => flaws.extend(wrong),
        }
        match rates.map(|(name, text)| Rates::read(name, text)).transpose() {
            Ok(rates) => found.rates = rates,
            Err(wrong) => flaws.extend(wrong),
        }
        if flaws.is_empty() { Ok(found) } else { Err(flaws) }
    }
}

impl InForce {
    /// What is wanted of a product that its source said at `said_at` (ms).
    #[must_use]
    pub fn want(&self, said: &Product, said_at: Option<i64>, last: Option<&Product>, now: i64) -> Wanted {
        want(said, &self.rules, &Moment { now, said_at, last, rates: self.rates.as_ref() })
    }
}

/// The first character that could not be decoded: names of categories are shown to customers.
fn undecoded(file: &str, text: &str) -> Option<Flaw> {
    let (line, column) = text.lines().zip(1..).find_map(|(text, line)| {
        let at = text.chars().position(|c| c == char::REPLACEMENT_CHARACTER)?;
        Some((line, u64::try_from(at).unwrap_or(0) + 1))
    })?;
    let place = Place { file: file.to_owned(), line, column };
    Some(Flaw::at(place, "a character that is not UTF-8; save the file as UTF-8").within(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(rules: &str, rates: Option<&str>) -> Bundle {
        Bundle {
            rules: [("config/rules/a.yaml".to_owned(), rules.to_owned())].into(),
            rates: rates.map(|text| ("config/rates.json".to_owned(), text.to_owned())),
        }
    }

    #[test]
    fn files_are_in_force_together_or_not_at_all() {
        let sound = bundle("rules: [{rule: r, price: [{factor: 2}]}]", None);
        assert_eq!(sound.read(7).unwrap().since, 7);
        assert_eq!(Bundle::of_json(sound.json().as_bytes()), Some(sound.clone()));
        let wrong =
            bundle("rules: [{rule: r, pric: []}]", Some("{\"date\": \"soon\", \"base\": \"USD\", \"rates\": {}}"));
        let flaws: Vec<String> = wrong.read(7).unwrap_err().iter().map(ToString::to_string).collect();
        assert!(flaws[0].starts_with("config/rules/a.yaml:1:"), "{flaws:?}");
        assert!(flaws[1].starts_with("config/rates.json:1:10"), "{flaws:?}");
        assert_ne!(sound.digest(), wrong.digest());
    }

    #[test]
    fn lost_letters_are_named() {
        let lost = bundle("rules:\n  - rule: M\u{fffd}tze\n", None);
        assert!(lost.read(0).unwrap_err()[0].to_string().starts_with("config/rules/a.yaml:2:12: "));
    }
}
