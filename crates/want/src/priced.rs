//! All prices of a product on their way through the rules.

use catalog::{Price, Product};
use rust_decimal::Decimal;

use crate::codes;
use crate::price::{Figure, apply, described};
use crate::rules::{Rule, Rules};
use crate::view::Cost;
use crate::wanted::{Moment, Remark, Step};

struct Entry {
    variant: usize,
    state: State,
}

enum State {
    /// The source's own, and no rule has touched it.
    Said(Price),
    /// Under way.
    Moving(Figure),
    /// What was wanted last: there is no rate to make a new one with.
    Kept(Price),
    /// None: there is nothing to keep.
    Lost,
}

pub(crate) struct Prices<'a> {
    said: &'a Product,
    entries: Vec<Entry>,
    steps: Option<&'a mut Vec<Step>>,
}

impl<'a> Prices<'a> {
    /// The prices in the currencies that are sold.
    pub(crate) fn new(
        said: &'a Product,
        rules: &Rules,
        moment: &Moment<'_>,
        steps: Option<&'a mut Vec<Step>>,
        remarks: &mut Vec<Remark>,
    ) -> Self {
        let mut prices = Self { said, entries: Vec::new(), steps };
        for (variant, of) in said.variants.iter().enumerate() {
            let Some(sold) = &rules.sold else {
                let said = of.prices.iter().map(|price| Entry { variant, state: State::Said(price.clone()) });
                prices.entries.extend(said);
                continue;
            };
            // Prices stand in the order of their currencies.
            let mut sold: Vec<&String> = sold.iter().collect();
            sold.sort_unstable();
            sold.dedup();
            for currency in sold {
                let state = match of.prices.iter().find(|price| price.currency == *currency) {
                    Some(price) => State::Said(price.clone()),
                    None => match prices.converted(variant, currency, rules, moment, remarks) {
                        Some(state) => state,
                        None => continue,
                    },
                };
                prices.entries.push(Entry { variant, state });
            }
        }
        for n in 0..prices.entries.len() {
            let Entry { variant, state: State::Said(price) } = &prices.entries[n] else { continue };
            let (variant, currency, amount) = (*variant, price.currency.clone(), price.amount);
            prices.note(variant, &currency, ("source", None), || "what the source asks".to_owned(), None, amount);
        }
        prices
    }

    /// A price made of another currency's. `None` where nothing is to be converted.
    fn converted(
        &mut self,
        variant: usize,
        currency: &str,
        rules: &Rules,
        moment: &Moment<'_>,
        remarks: &mut Vec<Remark>,
    ) -> Option<State> {
        let of = &self.said.variants[variant];
        let from = rules.from.iter().find_map(|from| of.prices.iter().find(|price| price.currency == *from))?;
        let too_old = |at: i64| rules.rates_not_older_than.is_some_and(|most| moment.now - at > most.0);
        let rate = moment.rates.filter(|rates| !too_old(rates.at));
        let convert = |amount: Decimal| rate.and_then(|rates| rates.convert(amount, &from.currency, currency));
        if let Some(amount) = convert(from.amount) {
            let what = || format!("converted from {} {}", from.amount, from.currency);
            self.note(variant, currency, ("currencies", None), what, None, amount);
            return Some(State::Moving(Figure::new(currency, amount, from.list_amount.and_then(convert))));
        }
        let code = if moment.rates.is_some() && rate.is_none() { codes::RATE_TOO_OLD } else { codes::RATE_MISSING };
        let last = moment.last.and_then(|last| last.variants.iter().find(|known| known.sku == of.sku));
        let kept = last.and_then(|last| last.prices.iter().find(|price| price.currency == currency));
        let outcome = if kept.is_some() { "keeps its last price" } else { "has no price" };
        let message = format!("{} → {currency}: a variant {outcome} in it", from.currency);
        remarks.push(Remark { code, message });
        Some(kept.map_or(State::Lost, |price| State::Kept(price.clone())))
    }

    /// Whether something holds of one of the prices.
    pub(crate) fn some(&self, holds: impl Fn(Option<Cost<'_>>) -> bool) -> bool {
        self.entries.iter().filter_map(Entry::cost).any(|cost| holds(Some(cost)))
    }

    /// Does a rule's steps with the prices it is for.
    pub(crate) fn apply(&mut self, rule: &Rule, holds: impl Fn(Cost<'_>) -> bool, remarks: &mut Vec<Remark>) {
        if rule.price.is_empty() && rule.compare_at.is_none() {
            return;
        }
        for n in 0..self.entries.len() {
            if !self.entries[n].cost().is_some_and(&holds) {
                continue;
            }
            let variant = self.entries[n].variant;
            let mut figure = match &self.entries[n].state {
                State::Said(price) => Figure::new(&price.currency, price.amount, price.list_amount),
                State::Moving(figure) => figure.clone(),
                State::Kept(_) | State::Lost => continue,
            };
            if let Some(compare_at) = rule.compare_at {
                figure.compare_at = compare_at;
            }
            let mut lost = false;
            for (step, place) in &rule.price {
                let before = figure.amount;
                match apply(step, &mut figure) {
                    Ok(true) => {
                        let (currency, after) = (figure.currency.clone(), figure.amount);
                        let what = || described(step, &currency);
                        self.note(variant, &currency, (&rule.name, Some(place)), what, Some(before), after);
                    }
                    Ok(false) => {}
                    Err(_) => lost = true,
                }
            }
            if lost {
                remarks.push(beyond(&self.said.variants[variant].sku, &figure.currency));
            }
            self.entries[n].state = if lost { State::Lost } else { State::Moving(figure) };
        }
    }

    /// Writes the prices into the product, in whole coins. A price that is lower than what the
    /// source asks, if there is one.
    pub(crate) fn write_into(mut self, product: &mut Product, remarks: &mut Vec<Remark>) -> Option<String> {
        let mut below = None;
        for variant in &mut product.variants {
            variant.prices.clear();
        }
        for entry in std::mem::take(&mut self.entries) {
            let sku = &self.said.variants[entry.variant].sku;
            let price = match entry.state {
                State::Said(price) | State::Kept(price) => Some(price),
                State::Lost => None,
                State::Moving(figure) => {
                    let in_coins = figure.in_coins();
                    if let Some(in_coins) = in_coins {
                        if in_coins.amount != figure.amount {
                            let what = || "in whole coins".to_owned();
                            let before = Some(figure.amount);
                            self.note(entry.variant, &figure.currency, ("coins", None), what, before, in_coins.amount);
                        }
                        if figure.below_cost(in_coins.amount) {
                            let (amount, cost) = (in_coins.amount, figure.cost.normalize());
                            below.get_or_insert_with(|| format!("{sku}: {amount} {}, cost {cost}", figure.currency));
                        }
                    } else {
                        remarks.push(beyond(sku, &figure.currency));
                    }
                    let of = |in_coins: crate::price::InCoins| Price {
                        currency: figure.currency.clone(),
                        amount: in_coins.amount,
                        list_amount: in_coins.list,
                    };
                    in_coins.map(of)
                }
            };
            product.variants[entry.variant].prices.extend(price);
        }
        let before = product.variants.len();
        product.variants.retain(|variant| !variant.prices.is_empty());
        let without = before - product.variants.len();
        if without > 0 {
            let message = format!("{without} of {before} variants have no price in a currency that is sold");
            remarks.push(Remark { code: codes::VARIANT_WITHOUT_PRICE, message });
        }
        below
    }

    fn note(
        &mut self,
        variant: usize,
        currency: &str,
        (rule, place): (&str, Option<&crate::Place>),
        what: impl FnOnce() -> String,
        before: Option<Decimal>,
        after: Decimal,
    ) {
        if let Some(steps) = &mut self.steps {
            steps.push(Step {
                sku: self.said.variants[variant].sku.clone(),
                currency: currency.to_owned(),
                rule: rule.to_owned(),
                place: place.cloned(),
                what: what(),
                before,
                after,
            });
        }
    }
}

impl Entry {
    fn cost(&self) -> Option<Cost<'_>> {
        match &self.state {
            State::Said(price) => Some(Cost { currency: &price.currency, amount: price.amount }),
            State::Moving(figure) => Some(Cost { currency: &figure.currency, amount: figure.cost }),
            State::Kept(_) | State::Lost => None,
        }
    }
}

fn beyond(sku: &str, currency: &str) -> Remark {
    Remark {
        code: codes::PRICE_BEYOND_REACH,
        message: format!("{sku}: the price in {currency} cannot be kept, or is nothing"),
    }
}
