//! A price on its way.

use catalog::currency::{minor_digits, rounded};
use rust_decimal::Decimal;

use super::round::Grid;
use crate::file::CompareAt;

/// One variant's price in one currency, between what the source asks and what the shop asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// ISO 4217.
    pub currency: String,
    /// What the source asks, in this currency.
    pub cost: Decimal,
    /// What the shop asks so far.
    pub amount: Decimal,
    /// What the amount is not to be below.
    pub floor: Option<Decimal>,
    /// The product of all taxes so far: what of the amount is earned is the amount divided by it.
    pub taxed: Decimal,
    /// What the source asked before the reduction.
    pub source_list: Option<Decimal>,
    /// The same on its way through the steps.
    pub list: Option<Decimal>,
    pub compare_at: CompareAt,
    /// The last rounding it went through.
    pub grid: Option<Grid>,
}

/// A price as it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InCoins {
    pub amount: Decimal,
    /// What it was before the reduction, if it is more.
    pub list: Option<Decimal>,
}

impl Figure {
    /// Of what the source asks.
    #[must_use]
    pub fn new(currency: &str, cost: Decimal, list: Option<Decimal>) -> Self {
        Self {
            currency: currency.to_owned(),
            cost,
            amount: cost,
            floor: None,
            taxed: Decimal::ONE,
            source_list: list,
            list,
            compare_at: CompareAt::default(),
            grid: None,
        }
    }

    /// The price in coins of its currency. `None` where it rounds to nothing, or beyond what can be
    /// kept.
    #[must_use]
    pub fn in_coins(&self) -> Option<InCoins> {
        let mut amount = rounded(self.amount, &self.currency);
        if self.floor.is_some_and(|floor| amount < floor) {
            // A coin more: what the floor has beyond whole coins does not get lost.
            amount += Decimal::new(1, minor_digits(&self.currency));
        }
        if amount <= Decimal::ZERO {
            return None;
        }
        let list = match self.compare_at {
            CompareAt::Reprice => self.list,
            CompareAt::Source => self.source_list,
            CompareAt::Drop => None,
            CompareAt::Over(share) => {
                let over = (Decimal::ONE + share.0).checked_mul(self.amount)?;
                self.grid.as_ref().map_or(Some(over), |grid| grid.round(over, None))
            }
        };
        let list = list.map(|list| rounded(list, &self.currency)).filter(|list| *list > amount);
        Some(InCoins { amount, list })
    }

    /// Whether less is earned than the source asks.
    #[must_use]
    pub fn below_cost(&self, amount: Decimal) -> bool {
        self.cost.checked_mul(self.taxed).is_none_or(|cost| amount < rounded(cost, &self.currency))
    }
}
