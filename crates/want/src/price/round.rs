//! Figures that look like prices: 19.95, 240, 0.250.

use catalog::currency::minor_digits;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::exact::Exact;
use crate::file::{Direction, RoundBy, Rounding};

/// Decimals at which what a quotient leaves behind is cut off before a figure is chosen: 10 ÷ 3 × 3
/// is 10, not the one below it.
const NOISE: u32 = 8;

/// The figures that a price may have: `every` apart, with one of the endings; above zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    every: Decimal,
    /// At least one, from 0 to below `every`, ascending.
    endings: Vec<Decimal>,
    direction: Direction,
}

/// Why figures cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The distance is not above zero.
    #[error("`every` is above zero")]
    Every,
    /// An ending is not within the distance.
    #[error("the ending {0} is not from 0 to below {1}; `every` says how far two figures are apart")]
    Ending(Decimal, Decimal),
    /// The currency has no such coin.
    #[error("{0} has no coin for {1}; give it its own rounding under `currencies`")]
    Coin(String, Decimal),
}

impl Grid {
    /// What rounding means in a currency.
    ///
    /// # Errors
    /// When it makes no figures, or the currency cannot have them.
    pub fn of(by: &RoundBy, currency: &str) -> Result<Self, Unfit> {
        match by.currencies.get(currency) {
            Some(Rounding { ending, every, direction }) => Self::new(&ending.0, *every, *direction, currency),
            None => Self::new(&by.ending.0, by.every, by.direction, currency),
        }
    }

    fn new(endings: &[Exact], every: Option<Exact>, direction: Direction, currency: &str) -> Result<Self, Unfit> {
        let coin = Decimal::new(1, minor_digits(currency));
        let mut endings: Vec<Decimal> = endings.iter().map(|ending| ending.0.normalize()).collect();
        endings.sort_unstable();
        let highest = endings.last().copied().unwrap_or_default();
        let every = match every {
            Some(every) => every.0.normalize(),
            None if endings.is_empty() => coin,
            // 0.95 ends every unit, 9.95 every ten.
            None => std::iter::successors(Some(Decimal::ONE), |ten| ten.checked_mul(Decimal::TEN))
                .find(|ten| *ten > highest)
                .unwrap_or(Decimal::ONE),
        };
        if every <= Decimal::ZERO {
            return Err(Unfit::Every);
        }
        if endings.is_empty() {
            endings.push(Decimal::ZERO);
        }
        for ending in &endings {
            if *ending < Decimal::ZERO || *ending >= every {
                return Err(Unfit::Ending(*ending, every));
            }
        }
        for figure in endings.iter().chain([&every]) {
            if figure.scale() > coin.scale() {
                return Err(Unfit::Coin(currency.to_owned(), *figure));
            }
        }
        Ok(Self { every, endings, direction })
    }

    /// The figure for an amount. One that would be below `floor` becomes the next one that is not.
    ///
    /// `None` where the amount is beyond what can be kept.
    #[must_use]
    pub fn round(&self, amount: Decimal, floor: Option<Decimal>) -> Option<Decimal> {
        let amount = clean(amount);
        let (below, above) = self.around(amount)?;
        let chosen = match (self.direction, below) {
            (_, None) => above,
            (Direction::Up, Some(_)) => above,
            (Direction::Down, Some(below)) => below,
            (Direction::Nearest, Some(below)) if amount - below < above - amount => below,
            (Direction::Nearest, Some(_)) => above,
        };
        match floor.map(clean) {
            Some(floor) if chosen < floor => self.around(floor).map(|(_, above)| above),
            _ => Some(chosen),
        }
    }

    /// The highest figure that is not above, if there is one above zero, and the lowest that is not
    /// below.
    fn around(&self, amount: Decimal) -> Option<(Option<Decimal>, Decimal)> {
        let whole = (amount / self.every).floor().max(Decimal::ZERO);
        let (mut below, mut above) = (None, None);
        for step in [whole - Decimal::ONE, whole, whole + Decimal::ONE] {
            let base = step.checked_mul(self.every)?;
            for ending in &self.endings {
                let figure = base.checked_add(*ending)?;
                if figure <= Decimal::ZERO {
                    continue;
                }
                if figure <= amount {
                    below = below.max(Some(figure));
                }
                if figure >= amount && above.is_none_or(|known| figure < known) {
                    above = Some(figure);
                }
            }
        }
        above.map(|above| (below, above))
    }
}

fn clean(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(NOISE, RoundingStrategy::MidpointAwayFromZero)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exact::number;
    use crate::file::Endings;

    fn exact(text: &str) -> Exact {
        Exact(number(text).unwrap())
    }

    fn by(endings: &[&str], every: Option<&str>, direction: Direction) -> RoundBy {
        let ending = Endings(endings.iter().map(|ending| exact(ending)).collect());
        RoundBy { ending, every: every.map(exact), direction, ..RoundBy::default() }
    }

    fn rounded(by: &RoundBy, currency: &str, amount: &str) -> String {
        let amount = number(amount).unwrap();
        Grid::of(by, currency).unwrap().round(amount, None).unwrap().normalize().to_string()
    }

    #[test]
    fn tables_by_currency() {
        use Direction::{Down, Nearest, Up};
        type Rows = &'static [(&'static str, &'static str)];
        type Table = (&'static [&'static str], Option<&'static str>, Direction, &'static str, Rows);
        let tables: &[Table] = &[
            (
                &["0.95"],
                None,
                Nearest,
                "SAR",
                &[("10", "9.95"), ("10.45", "10.95"), ("10.44", "9.95"), ("0.01", "0.95"), ("10.95", "10.95")],
            ),
            (&["0.95"], None, Up, "SAR", &[("10.95", "10.95"), ("10.96", "11.95"), ("0.96", "1.95")]),
            (&["0.95"], None, Down, "SAR", &[("10.94", "9.95"), ("0.5", "0.95")]),
            (
                &["0.49", "0.99"],
                None,
                Nearest,
                "USD",
                &[("7.2", "6.99"), ("7.24", "7.49"), ("7.75", "7.99"), ("7.73", "7.49")],
            ),
            (&["9.99"], None, Nearest, "EUR", &[("23", "19.99"), ("26", "29.99"), ("3", "9.99")]),
            (&[], Some("5"), Nearest, "SAR", &[("12.5", "15"), ("12.49", "10"), ("1", "5"), ("2.4", "5")]),
            (&[], Some("0.05"), Nearest, "CHF", &[("12.52", "12.5"), ("12.525", "12.55")]),
            // Three decimals, and none.
            (&["0.950"], None, Nearest, "KWD", &[("3.2", "2.95"), ("3.45", "3.95")]),
            (&[], Some("0.250"), Up, "KWD", &[("3.001", "3.25"), ("3.250", "3.25")]),
            (&["80"], Some("100"), Nearest, "JPY", &[("1234", "1280"), ("1229", "1180"), ("20", "80")]),
            (&[], None, Nearest, "JPY", &[("1234.5", "1235"), ("0.2", "1")]),
            (&[], None, Nearest, "KWD", &[("1.2345", "1.235")]),
            (&[], None, Nearest, "USD", &[("1.2345", "1.23"), ("1.235", "1.24")]),
        ];
        for (endings, every, direction, currency, rows) in tables {
            for (amount, expected) in *rows {
                let by = by(endings, *every, *direction);
                assert_eq!(
                    rounded(&by, currency, amount),
                    *expected,
                    "{amount} {currency} {endings:?} {every:?} {direction:?}"
                );
            }
        }
    }

    #[test]
    fn a_currency_has_its_own_table_and_no_coins_it_has_not() {
        let mut by = by(&["0.95"], None, Direction::Nearest);
        assert!(matches!(Grid::of(&by, "JPY"), Err(Unfit::Coin(..))));
        by.currencies.insert("JPY".into(), Rounding { every: Some(exact("10")), ..Rounding::default() });
        assert_eq!(rounded(&by, "JPY", "1234"), "1230");
        assert_eq!(rounded(&by, "USD", "1234"), "1233.95");
        let of = |endings: &[&str], every| Grid::of(&self::by(endings, every, Direction::Up), "USD").unwrap_err();
        assert!(matches!(of(&[], Some("0")), Unfit::Every));
        assert!(matches!(of(&["5"], Some("5")), Unfit::Ending(..)));
        assert!(matches!(of(&["-1"], None), Unfit::Ending(..)));
        assert!(matches!(of(&[], Some("0.001")), Unfit::Coin(..)));
    }

    #[test]
    fn what_a_quotient_leaves_does_not_take_a_price_to_the_figure_below() {
        // As a quotient is kept: to 28 digits.
        let two = number("2").unwrap() / number("3").unwrap() * number("3").unwrap();
        assert!(two > number("2").unwrap(), "{two}");
        let up = Grid::of(&by(&[], Some("2"), Direction::Up), "SAR").unwrap();
        assert_eq!(up.round(two, None), number("2").ok());
        let amount = number("9.999999999999999999999999999").unwrap();
        let grid = Grid::of(&by(&[], Some("5"), Direction::Down), "SAR").unwrap();
        assert_eq!(grid.round(amount, None), number("10").ok());
    }

    fn grids() -> impl Strategy<Value = (Grid, &'static str)> {
        let currency = prop::sample::select(vec!["SAR", "KWD", "JPY"]);
        let direction = prop::sample::select(vec![Direction::Nearest, Direction::Up, Direction::Down]);
        (currency, direction, prop::collection::vec(0u32..2_000, 0..4), 1u32..2_000).prop_map(
            |(currency, direction, endings, every)| {
                let scale = minor_digits(currency);
                let amount = |coins: u32| Exact(Decimal::new(i64::from(coins), scale));
                let endings: Vec<Exact> = endings.iter().map(|ending| amount(ending % every)).collect();
                (Grid::new(&endings, Some(amount(every)), direction, currency).unwrap(), currency)
            },
        )
    }

    proptest! {
        #[test]
        fn the_figure_is_the_one_that_trying_all_of_them_finds((grid, currency) in grids(), amount in 0i64..20_000_000) {
            let amount = Decimal::new(amount, 4);
            let found = grid.round(amount, None).unwrap();
            // All figures that come into question.
            let turns = (amount / grid.every).floor() + Decimal::TWO;
            let (mut all, mut base) = (Vec::new(), Decimal::ZERO.max((turns - Decimal::from(6)) * grid.every));
            while base <= turns * grid.every {
                all.extend(grid.endings.iter().map(|ending| base + ending).filter(|figure| *figure > Decimal::ZERO));
                base += grid.every;
            }
            all.sort_unstable();
            let below = all.iter().rev().find(|figure| **figure <= amount).copied();
            let above = all.iter().find(|figure| **figure >= amount).copied().unwrap();
            let expected = match (grid.direction, below) {
                (Direction::Up, _) | (_, None) => above,
                (Direction::Down, Some(below)) => below,
                (Direction::Nearest, Some(below)) => if amount - below < above - amount { below } else { above },
            };
            prop_assert_eq!(found, expected);
            prop_assert!(found.normalize().scale() <= minor_digits(currency));
            prop_assert_eq!(grid.round(found, None), Some(found), "rounded once is rounded");
        }

        #[test]
        fn a_higher_amount_or_floor_never_gives_a_lower_figure(
            (grid, _) in grids(), a in 1i64..20_000_000, b in 0i64..1_000_000, floor in prop::option::of(1i64..20_000_000), more in 0i64..1_000_000,
        ) {
            let (low, high) = (Decimal::new(a, 4), Decimal::new(a + b, 4));
            let (lower, higher) = (floor.map(|floor| Decimal::new(floor, 4)), floor.map(|floor| Decimal::new(floor + more, 4)));
            let (first, second) = (grid.round(low, lower).unwrap(), grid.round(high, higher).unwrap());
            prop_assert!(first <= second, "{low} → {first}, {high} → {second}");
            prop_assert!(lower.is_none_or(|lower| first >= lower));
        }
    }
}
