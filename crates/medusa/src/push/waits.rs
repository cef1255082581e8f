//! What of a product has to wait although the rest is done.

use std::collections::BTreeMap;

use catalog::{Failure, ProductKey};

use super::{Outcome, Pushed};

/// Why something waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Waits {
    /// What is no single variant's.
    whole: Option<Failure>,
    /// Of variants that are left out, by SKU.
    each: BTreeMap<String, Failure>,
}

impl Waits {
    pub(super) fn of(whole: Failure) -> Self {
        Self { whole: Some(whole), ..Self::default() }
    }

    /// What waited before, and what does besides; `None` if that is nothing.
    pub(super) fn and(before: Option<&Self>, besides: BTreeMap<String, Failure>) -> Option<Self> {
        let mut all = before.cloned().unwrap_or_default();
        all.each.extend(besides);
        (all != Self::default()).then_some(all)
    }

    /// All of it as one: the first failure, with what the others say.
    pub(super) fn why(self) -> Option<Failure> {
        self.whole.into_iter().chain(self.each.into_values()).reduce(|mut all, other| {
            all.message = format!("{}; {}", all.message, other.message);
            all
        })
    }

    /// What became of a product that is done but for this. Of an article it is some members' alone.
    pub(super) fn outcome(waits: Option<Self>, key: &ProductKey, done: Pushed) -> Outcome {
        match waits {
            Some(Self { whole: None, each }) if key.is_article() => Ok(Pushed { waits: each, ..done }),
            waits => waits.and_then(Self::why).map_or(Ok(done), Err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::{Again, Change};

    fn failure(what: &str) -> Failure {
        Failure::permanent(what, format!("{what}!"))
    }

    fn each<const N: usize>(skus: [&str; N]) -> BTreeMap<String, Failure> {
        skus.map(|sku| (sku.to_owned(), failure(sku))).into()
    }

    #[test]
    fn what_waits_of_a_product_is_its_failure_and_of_an_article_its_members() {
        let done = Pushed {
            product_id: None,
            change: Change::Updated,
            again: Again::Never,
            notes: vec![],
            waits: BTreeMap::new(),
        };
        let both = Waits::and(Waits::and(None, each(["S"])).as_ref(), each(["M"]));
        let outcome =
            |waits: &Option<Waits>, key: &str| Waits::outcome(waits.clone(), &key.parse().unwrap(), done.clone());
        let failed = outcome(&both, "demo:1").unwrap_err();
        assert_eq!((failed.code.as_str(), failed.message.as_str()), ("M", "M!; S!"));
        assert_eq!(outcome(&both, "demo~article:G"), Ok(Pushed { waits: each(["M", "S"]), ..done.clone() }));
        // What is nobody's stays the article's own.
        let whole = Waits::and(Some(&Waits::of(failure("all"))), each(["S"]));
        assert_eq!(outcome(&whole, "demo~article:G").unwrap_err().message, "all!; S!");
        assert_eq!((outcome(&None, "demo:1"), Waits::and(None, each([]))), (Ok(done), None));
    }
}
