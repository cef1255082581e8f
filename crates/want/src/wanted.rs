//! What is wanted of a product: what its source says, under the shop's rules.
//!
//! In this order: categories by the table; then rule after rule, from top to bottom, each with all
//! its effects; then prices in whole coins; then what withholds and what holds, of all rules that
//! were for the product.

use catalog::{ContentHash, Product};
use rust_decimal::Decimal;

use crate::category::of_shop;
use crate::flaw::Place;
use crate::priced::Prices;
use crate::rates::Rates;
use crate::rules::{Elsewhere, Rule, Rules};
use crate::view::{Cost, View};
use crate::{codes, gate, guard};

/// What is known beside the product and the rules.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment<'a> {
    /// The time, in ms since 1970.
    pub now: i64,
    /// When (ms) the source said it.
    pub said_at: Option<i64>,
    /// What was wanted last: the prices that are kept, and what changes are measured against.
    pub last: Option<&'a Product>,
    /// What currencies are worth.
    pub rates: Option<&'a Rates>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The product as it is to be shown.
    pub product: Product,
    /// Why it is not to be published; empty if it is.
    pub withheld: Vec<Withheld>,
    /// Why what was wanted last stays until a person has looked; empty if it does not.
    pub held: Vec<Held>,
    /// What could not be done.
    pub remarks: Vec<Remark>,
    /// Which of the source's categories (their places in the list) no entry maps.
    pub unmapped: Vec<usize>,
}

/// Why a product is withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    pub rule: String,
    pub place: Place,
    pub reason: String,
}

/// Why a product waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub rule: String,
    pub place: Place,
    pub reason: String,
}

/// Something that could not be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    /// One of [`codes`].
    pub code: &'static str,
    pub message: String,
}

/// One step on a price's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub sku: String,
    pub currency: String,
    /// The rule, or what comes before and after all rules.
    pub rule: String,
    /// Where it stands; `None` for what is not written in a file.
    pub place: Option<Place>,
    pub what: String,
    /// The amount before; `None` at the beginning.
    pub before: Option<Decimal>,
    /// The amount after.
    pub after: Decimal,
}

impl Wanted {
    /// What is wanted as one short text. Without rules it is the product's content hash, so that
    /// nothing is written anew because there are none.
    #[must_use]
    pub fn digest(&self) -> ContentHash {
        let hash = ContentHash::of(&self.product);
        if self.withheld.is_empty() {
            return hash;
        }
        let mut digest = blake3::Hasher::new();
        digest.update(hash.as_str().as_bytes());
        for withheld in &self.withheld {
            digest.update(&[0]);
            digest.update(withheld.reason.as_bytes());
        }
        ContentHash::from_text(&digest.finalize().to_hex()[..32])
    }
}

/// What is wanted of a product. Pure: the same in gives the same out.
#[must_use]
pub fn want(said: &Product, rules: &Rules, moment: &Moment<'_>) -> Wanted {
    run(said, rules, moment, None)
}

/// The same, with how each price came to be.
#[must_use]
pub fn explain(said: &Product, rules: &Rules, moment: &Moment<'_>) -> (Wanted, Vec<Step>) {
    let mut steps = Vec::new();
    let wanted = run(said, rules, moment, Some(&mut steps));
    (wanted, steps)
}

fn run(said: &Product, rules: &Rules, moment: &Moment<'_>, steps: Option<&mut Vec<Step>>) -> Wanted {
    let mut product = said.clone();
    let mut remarks = Vec::new();
    if rules.is_empty() {
        return Wanted { product, withheld: Vec::new(), held: Vec::new(), remarks, unmapped: Vec::new() };
    }
    let view = View::new(said, moment.said_at.map(|at| rules.age(moment.now, at)));
    let unmapped = map(&view, rules, &mut product, &mut remarks);
    let mut prices = Prices::new(said, rules, moment, steps, &mut remarks);
    let mut applied: Vec<&Rule> = Vec::new();
    for rule in &rules.rules {
        let by_price = rule.when.asks_for_cost();
        let holds = |cost: Option<Cost<'_>>| rule.when.holds(&view, &product, cost);
        if !(if by_price { prices.some(holds) } else { holds(None) }) {
            continue;
        }
        prices.apply(rule, |cost| !by_price || holds(Some(cost)), &mut remarks);
        applied.push(rule);
        spell(rule, &mut product, &mut remarks);
        place(rule, rules, &mut product);
        if rule.stop {
            break;
        }
    }
    let below_cost = prices.write_into(&mut product, &mut remarks);
    let mut withheld = Vec::new();
    if product.variants.is_empty() {
        // Nothing can be sold of it; what the source says is what people see.
        product.variants.clone_from(&said.variants);
        let reason = "no variant has a price in a currency that is sold".to_owned();
        withheld.push(Withheld { rule: "currencies".to_owned(), place: Place::default(), reason });
    }
    let mut held = Vec::new();
    for rule in applied {
        let at = |reason: String| (rule.name.clone(), rule.place.clone(), reason);
        if let Some(gate) = &rule.withhold {
            let reasons = gate::reasons(gate, &view, &product, below_cost.as_deref()).into_iter().map(at);
            withheld.extend(reasons.map(|(rule, place, reason)| Withheld { rule, place, reason }));
        }
        if let (Some(guard), Some(last)) = (&rule.hold, moment.last) {
            let reasons = guard::reasons(guard, last, &product).into_iter().map(at);
            held.extend(reasons.map(|(rule, place, reason)| Held { rule, place, reason }));
        }
    }
    remarks.append(&mut view.failed.take());
    remarks.sort_unstable();
    remarks.dedup();
    Wanted { product, withheld, held, remarks, unmapped }
}

/// Spells values as a rule says; those of an option stay where two variants would become one.
fn spell(rule: &Rule, product: &mut Product, remarks: &mut Vec<Remark>) {
    for option in rule.values.iter().flat_map(|values| values.spell(product)) {
        let message = format!(
            "{}: the values of {option:?} stay as they are: spelled alike, two variants would have the same",
            rule.name
        );
        remarks.push(Remark { code: codes::VALUES_COLLIDE, message });
    }
}

/// Puts the product where the table says.
fn map(view: &View<'_>, rules: &Rules, product: &mut Product, remarks: &mut Vec<Remark>) -> Vec<usize> {
    if rules.map.is_empty() && rules.unmapped.is_none() {
        return Vec::new();
    }
    let elsewhere = rules.unmapped.unwrap_or(Elsewhere::Keep);
    let (mut paths, mut unmapped) = (Vec::new(), Vec::new());
    for (at, levels) in view.categories().iter().enumerate() {
        match rules.map.look(&view.said.source, levels) {
            Some(target) => paths.extend(target.to.iter().map(|to| rules.tree.path(*to).clone())),
            None => {
                unmapped.push(at);
                let path = &view.said.categories[at];
                remarks.push(Remark { code: codes::CATEGORY_UNMAPPED, message: crate::category::shown(path) });
                match elsewhere {
                    Elsewhere::Keep => paths.push(path.clone()),
                    Elsewhere::Drop => {}
                    Elsewhere::To(to) => paths.push(rules.tree.path(to).clone()),
                }
            }
        }
    }
    if let (true, Elsewhere::To(to)) = (view.said.categories.is_empty(), elsewhere) {
        paths.push(rules.tree.path(to).clone());
    }
    product.categories = paths;
    distinct(product);
    unmapped
}

/// Puts the product where a rule says.
fn place(rule: &Rule, rules: &Rules, product: &mut Product) {
    if !rule.set.is_empty() {
        product.categories.clear();
    }
    if rule.set.is_empty() && rule.add.is_empty() {
        return;
    }
    product.categories.extend(rule.set.iter().chain(&rule.add).map(|at| rules.tree.path(*at).clone()));
    distinct(product);
}

fn distinct(product: &mut Product) {
    let mut seen = Vec::new();
    product.categories.retain(|path| {
        let id = path.0.last().map(|category| category.id.clone());
        let new = !seen.contains(&id);
        seen.push(id);
        new
    });
}

impl Wanted {
    /// Whether all its categories are the shop's.
    #[must_use]
    pub fn in_shop_tree(&self) -> bool {
        self.product.categories.iter().all(of_shop)
    }

    /// The paths of the source that are not mapped.
    pub fn unmapped_of<'s>(&self, said: &'s Product) -> impl Iterator<Item = &'s catalog::CategoryPath> {
        self.unmapped.iter().filter_map(|at| said.categories.get(*at)).collect::<Vec<_>>().into_iter()
    }
}
