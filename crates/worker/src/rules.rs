//! The shop's rules that are in force, and what they make of a document.
//!
//! They are looked up after the claims, once for each batch: whoever puts other rules into force finds the lease of a product that is brought by the old ones, or
//! what came of it (`ledger::core::walk`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use catalog::{Failure, Product, ProductKey};
use ledger::core::held::{Held, Past, Word};
use ledger::{DesiredDoc, Ledger, LedgerError, Table};
use pimcore::stamp;
use want::{Bundle, InForce, KIND, NAME, Wanted};

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
        let epoch = head.looks_back.unwrap_or(since);
        let Some(digest) = head.digest else { return Ok(Arc::new(InForce { since, ..InForce::default() })) };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, rules)) =
            known.filter(|(of, rules)| *of == digest && rules.since == since && rules.epoch == epoch)
        {
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
        let read = Arc::new(InForce { epoch, ..read });
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
    /// What waits for a person.
    pub held: Option<Held>,
    /// What is let through by rules that look back; `None` where that stays as it was.
    pub base: Option<Box<Product>>,
}

impl Wish {
    /// `None` where nothing rules.
    #[must_use]
    pub fn of(rules: &InForce, doc: &DesiredDoc, past: &Before, now: i64) -> Option<Self> {
        if rules.rules.is_empty() {
            return None;
        }
        let said_at = doc.version.object_time_ms().and_then(|at| i64::try_from(at).ok());
        let Before { past, feeds } = past;
        let last = past.base.as_ref().map(|base| &base.product);
        let mut wanted = rules.want(&doc.product, said_at, last, now);
        if rules.rules.guards_feeds() {
            let waits = past.held.as_ref().filter(|held| held.digest == wanted.decision());
            match (feeds.get(&doc.run).filter(|reasons| !reasons.is_empty()), waits) {
                (Some(reasons), _) => wanted.wait_with_feed(last, reasons),
                (None, Some(waits)) => wanted.wait_on(last, &waits.reasons),
                (None, None) => {}
            }
        }
        let (held, base) = hold(&mut wanted, doc, past, rules, now);
        let same = wanted.product == doc.product && wanted.withheld.is_empty() && held.is_none();
        let digest = (!same).then(|| {
            // What begins or ceases to wait is written, so that people read it among the remarks.
            let waits = held.as_ref().map(|held| wanted.digest_while(&held.digest, held.rejected));
            stamp::short(&waits.unwrap_or_else(|| wanted.digest()))
        });
        let withheld: Vec<String> =
            wanted.withheld.iter().map(|one| format!("{} (rule {:?}, {})", one.reason, one.rule, one.place)).collect();
        let told = withheld.iter().map(|why| format!("Not for the shop: {why}"));
        let waits = held.iter().map(|held| told_of(held, &doc.product));
        let remarks =
            told.chain(waits).chain(wanted.remarks.iter().map(|remark| format!("{}: {}", remark.code, remark.message)));
        Some(Self { remarks: remarks.collect(), withheld, product: wanted.product, digest, held, base })
    }
}

fn told_of(held: &Held, product: &Product) -> String {
    let why = held.reasons.join("; ");
    match held.rejected {
        true => format!("Rejected by a person: {why}"),
        false => format!("Waits for a person: {why} (`relay held approve {}:{}`)", product.source, product.id),
    }
}

/// What was before a product is brought.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// What was let through last, and what was held.
    pub past: Past,
    /// Why feeds wait as a whole, by run.
    pub feeds: Arc<HashMap<String, Vec<String>>>,
}

/// What was before these products are brought, as far as these rules look back.
///
/// # Errors
/// [`LedgerError::Store`]; a damaged one is an error of its own entry.
pub async fn before<T: Table>(
    ledger: &Ledger<T>,
    rules: &InForce,
    docs: &[(ProductKey, &str)],
) -> Result<HashMap<ProductKey, Result<Before, LedgerError>>, LedgerError> {
    if !rules.rules.looks_back() {
        return Ok(HashMap::new());
    }
    let keys: Vec<ProductKey> = docs.iter().map(|(key, _)| key.clone()).collect();
    let runs = docs.iter().filter(|_| rules.rules.guards_feeds()).map(|(_, run)| (*run).to_owned()).collect();
    let (mut pasts, feeds) = futures::future::try_join(ledger.pasts(&keys), ledger.judged(&runs)).await?;
    let feeds = Arc::new(feeds);
    let of = |key: ProductKey| {
        let past = pasts.remove(&key).transpose().map(Option::unwrap_or_default);
        let before = past.map(|past| Before { past: past.since(rules.epoch), feeds: Arc::clone(&feeds) });
        (key, before)
    };
    Ok(keys.into_iter().map(of).collect())
}

/// Leaves what is to be shown; what waits for a person, and what is let through.
fn hold(
    wanted: &mut Wanted,
    doc: &DesiredDoc,
    past: &Past,
    rules: &InForce,
    now: i64,
) -> (Option<Held>, Option<Box<Product>>) {
    // What its source does not sell any more is never held, and comes back against what was before.
    if !rules.rules.looks_back() || wanted.product.withdrawn {
        return (None, None);
    }
    let through = |wanted: &Wanted| (None, Some(Box::new(wanted.product.clone())));
    if wanted.held.is_empty() {
        return through(wanted);
    }
    let digest = wanted.decision();
    let word = past.word(&digest);
    if word == Some(Word::Approve) {
        return through(wanted);
    }
    let mut names: Vec<String> = wanted.held.iter().map(|held| held.rule.clone()).collect();
    names.dedup();
    let known = past.held.as_ref().filter(|held| held.digest == digest);
    let held = Held {
        rules: names,
        reasons: wanted.held.iter().map(|held| held.reason.clone()).collect(),
        run: known.map_or(&doc.run, |held| &held.run).clone(),
        at: known.map_or(now, |held| held.at),
        rejected: word == Some(Word::Reject),
        digest,
    };
    let Some(base) = &past.base else {
        wanted.withhold_new();
        return (Some(held), None);
    };
    // Who does not want a price wants to go on with everything else.
    wanted.product = wanted.meanwhile(&base.product, base.slim || held.rejected);
    (Some(held), None)
}
