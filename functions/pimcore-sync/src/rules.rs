//! The shop's rules that are in force, and what they make of a document.
//!
//! They are looked up after the claims, once for each batch: whoever puts other rules into force finds the lease of a product that is brought by the old ones, or
//! what came of it (`ledger::core::walk`).

use std::sync::{Arc, Mutex, PoisonError};

use catalog::{Failure, Product};
use ledger::{DesiredDoc, Ledger, Table};
use pimcore::stamp;
use want::{Bundle, InForce, KIND, NAME};

use crate::codes;

/// Rules as they were read last: a version is read once.
#[derive(Debug, Default)]
pub struct Rules {
    known: Mutex<Option<(String, Arc<InForce>)>>,
}

impl Rules {
    /// The rules that are in force now; none where there are none.
    ///
    /// # Errors
    /// Transient: products wait rather than being shown by other rules.
    pub async fn in_force<T: Table>(&self, ledger: &Ledger<T>) -> Result<Arc<InForce>, Failure> {
        let head = ledger.config_head(KIND, NAME).await.map_err(|error| error.failure())?;
        let since = head.since.unwrap_or(0);
        let Some(digest) = head.digest else { return Ok(Arc::new(InForce { since, ..InForce::default() })) };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, rules)) = known.filter(|(of, rules)| *of == digest && rules.since == since) {
            return Ok(rules);
        }
        let text = ledger.config_text(KIND, NAME, &digest).await.map_err(|error| error.failure())?;
        let unreadable = |why: String| Failure::transient(codes::RULES_UNREADABLE, format!("rules {digest}: {why}"));
        let bundle = text.as_deref().and_then(Bundle::of_json);
        let bundle = bundle.ok_or_else(|| unreadable("the ledger does not have their text".to_owned()))?;
        let read = bundle.read(since).map_err(|flaws| {
            // A version of this function before the one that checked them.
            unreadable(flaws.first().map(ToString::to_string).unwrap_or_default())
        })?;
        let read = Arc::new(read);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((digest, Arc::clone(&read)));
        Ok(read)
    }
}

/// What rules make of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// As it is to be shown.
    pub product: Product,
    /// Why the shop is not to have it.
    pub withheld: Vec<String>,
    /// What people in the PIM are told.
    pub remarks: Vec<String>,
    /// The digest that is noted beside the hash; `None` where the product is what the source said.
    pub digest: Option<String>,
}

impl Wish {
    /// `None` where nothing rules.
    #[must_use]
    pub fn of(rules: &InForce, doc: &DesiredDoc, now: i64) -> Option<Self> {
        if rules.rules.is_empty() {
            return None;
        }
        let said_at = doc.version.object_time_ms().and_then(|at| i64::try_from(at).ok());
        let wanted = rules.want(&doc.product, said_at, None, now);
        let same = wanted.product == doc.product && wanted.withheld.is_empty();
        let digest = (!same).then(|| stamp::short(&wanted.digest()));
        let withheld: Vec<String> =
            wanted.withheld.iter().map(|one| format!("{} (rule {:?}, {})", one.reason, one.rule, one.place)).collect();
        let told = withheld.iter().map(|why| format!("Not for the shop: {why}"));
        let remarks = told.chain(wanted.remarks.iter().map(|remark| format!("{}: {}", remark.code, remark.message)));
        Some(Self { remarks: remarks.collect(), withheld, product: wanted.product, digest })
    }
}
