//! What one step does with a price.

use rust_decimal::Decimal;

use super::figure::Figure;
use super::round::Grid;
use crate::exact::{Exact, Money, Percent};
use crate::file::{AtLeast, Band, PriceStep};

/// Does one step. `Ok(false)` where the step has nothing to say in this currency.
///
/// # Errors
/// When the result is beyond what can be kept; the figure is as it was.
pub fn apply(step: &PriceStep, figure: &mut Figure) -> Result<bool, Overflow> {
    let mut after = figure.clone();
    let said = act(step, &mut after).ok_or(Overflow)?;
    if said {
        // A floor is a floor, whatever came later.
        after.amount = after.amount.max(after.floor.unwrap_or(after.amount));
        *figure = after;
    }
    Ok(said)
}

/// A result that cannot be kept exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

fn act(step: &PriceStep, figure: &mut Figure) -> Option<bool> {
    match step {
        PriceStep::Factor(Exact(factor)) => both(figure, |amount| amount.checked_mul(*factor))?,
        PriceStep::Margin(share) => both(figure, |amount| with_margin(amount, *share))?,
        PriceStep::Markup(share) => both(figure, |amount| amount.checked_mul(Decimal::ONE + share.0))?,
        PriceStep::Add(money) => {
            let Some(more) = money.get(&figure.currency) else { return Some(false) };
            both(figure, |amount| amount.checked_add(more))?;
        }
        PriceStep::Tax(share) => {
            let times = Decimal::ONE + share.0;
            both(figure, |amount| amount.checked_mul(times))?;
            figure.taxed = figure.taxed.checked_mul(times)?;
            figure.floor = match figure.floor {
                Some(floor) => Some(floor.checked_mul(times)?),
                None => None,
            };
        }
        PriceStep::Fixed(money) => {
            let Some(amount) = money.get(&figure.currency) else { return Some(false) };
            // A price that somebody names is meant as it is.
            (figure.amount, figure.floor, figure.list) = (amount, None, None);
        }
        PriceStep::AtLeast(least) => {
            let floor = floor(least, figure)?;
            figure.floor = figure.floor.max(floor);
        }
        PriceStep::Bands(bands) => {
            let Some(amount) = banded(bands, figure.amount, &figure.currency)? else { return Some(false) };
            figure.amount = amount;
            figure.list = match figure.list {
                Some(list) => banded(bands, list, &figure.currency)?,
                None => None,
            };
        }
        PriceStep::Round(by) => {
            // `Rules` refuses what a sold currency cannot have; any other currency keeps its
            // amount.
            let Ok(grid) = Grid::of(by, &figure.currency) else { return Some(false) };
            figure.amount = grid.round(figure.amount, figure.floor)?;
            figure.list = match figure.list {
                Some(list) => Some(grid.round(list, None)?),
                None => None,
            };
            figure.grid = Some(grid);
        }
    }
    Some(true)
}

/// The same with the price before the reduction.
fn both(figure: &mut Figure, f: impl Fn(Decimal) -> Option<Decimal>) -> Option<()> {
    figure.amount = f(figure.amount)?;
    figure.list = match figure.list {
        Some(list) => Some(f(list)?),
        None => None,
    };
    Some(())
}

fn with_margin(amount: Decimal, share: Percent) -> Option<Decimal> {
    amount.checked_div(Decimal::ONE - share.0)
}

fn floor(least: &AtLeast, figure: &Figure) -> Option<Option<Decimal>> {
    let AtLeast { margin, markup, amount } = least;
    let mut floor = amount.get(&figure.currency);
    if let Some(share) = margin {
        floor = floor.max(Some(with_margin(figure.cost, *share)?.checked_mul(figure.taxed)?));
    }
    if let Some(share) = markup {
        let earned = figure.cost.checked_mul(Decimal::ONE + share.0)?;
        floor = floor.max(Some(earned.checked_mul(figure.taxed)?));
    }
    Some(floor)
}

/// `Some(None)` where no band is for the currency.
fn banded(bands: &[Band], amount: Decimal, currency: &str) -> Option<Option<Decimal>> {
    let mut least: Option<Decimal> = None;
    for band in bands {
        let end = match &band.below {
            Some(below) => match below.get(currency) {
                Some(end) => Some(end),
                None => continue,
            },
            None => None,
        };
        match end {
            Some(end) if amount >= end => least = least.max(Some(in_band(band, end, currency)?)),
            _ => return Some(Some(in_band(band, amount, currency)?.max(least.unwrap_or(Decimal::MIN)))),
        }
    }
    // Above the last band it is as it was, but not below what that band gives.
    Some(least.map(|least| least.max(amount)))
}

fn in_band(band: &Band, amount: Decimal, currency: &str) -> Option<Decimal> {
    let mut amount = amount;
    if let Some(Exact(factor)) = band.factor {
        amount = amount.checked_mul(factor)?;
    }
    if let Some(share) = band.margin {
        amount = with_margin(amount, share)?;
    }
    amount.checked_add(band.add.get(currency).unwrap_or_default())
}

/// A step in words, as it concerns a currency.
#[must_use]
pub fn described(step: &PriceStep, currency: &str) -> String {
    let money = |money: &Money| money.get(currency).map_or_else(String::new, |amount| amount.to_string());
    match step {
        PriceStep::Factor(Exact(factor)) => format!("× {factor}"),
        PriceStep::Add(more) => format!("+ {}", money(more)),
        PriceStep::Margin(share) => format!("margin {}: ÷ (1 − {})", share.shown(), share.0.normalize()),
        PriceStep::Markup(share) => format!("+ {}", share.shown()),
        PriceStep::Tax(share) => format!("+ {} tax", share.shown()),
        PriceStep::Fixed(_) => "fixed".to_owned(),
        PriceStep::AtLeast(AtLeast { margin, markup, amount }) => {
            let margin = margin.map(|share| format!("{} margin", share.shown()));
            let markup = markup.map(|share| format!("cost + {}", share.shown()));
            let amount = amount.get(currency).map(|amount| amount.to_string());
            format!("at least {}", [margin, markup, amount].into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        PriceStep::Bands(_) => "by price band".to_owned(),
        PriceStep::Round(_) => "rounded".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::number;

    fn exact(text: &str) -> Decimal {
        number(text).unwrap()
    }

    fn sar(text: &str) -> Money {
        Money([("SAR".to_owned(), Exact(exact(text)))].into())
    }

    fn share(text: &str) -> Percent {
        Percent(exact(text) / Decimal::ONE_HUNDRED)
    }

    fn run(steps: &[PriceStep], cost: &str) -> (Decimal, Figure) {
        let mut figure = Figure::new("SAR", exact(cost), None);
        for step in steps {
            apply(step, &mut figure).unwrap();
        }
        (figure.in_coins().unwrap().amount, figure)
    }

    #[test]
    fn steps_are_done_in_their_order() {
        let (factor, add) = (PriceStep::Factor(Exact(exact("1.5"))), PriceStep::Add(sar("2")));
        assert_eq!(run(&[factor.clone(), add.clone()], "10").0, exact("17"));
        assert_eq!(run(&[add, factor], "10").0, exact("18"));
        assert_eq!(run(&[PriceStep::Margin(share("30"))], "7").0, exact("10"));
        assert_eq!(run(&[PriceStep::Markup(share("30"))], "7").0, exact("9.10"));
        let usd = Money([("USD".to_owned(), Exact(exact("1")))].into());
        assert_eq!(run(&[PriceStep::Add(usd)], "10").0, exact("10"), "nothing is said about riyals");
    }

    #[test]
    fn a_floor_holds_against_rounding_and_reductions_and_grows_with_the_tax() {
        let least = PriceStep::AtLeast(AtLeast { markup: Some(share("10")), ..AtLeast::default() });
        let round = PriceStep::Round(crate::file::RoundBy { every: Some(Exact(exact("5"))), ..Default::default() });
        assert_eq!(run(&[least.clone(), round.clone()], "10.5").0, exact("15"), "11.55 is not rounded to 10");
        assert_eq!(run(&[least.clone(), PriceStep::Factor(Exact(exact("0.5")))], "10").0, exact("11"));
        let (amount, figure) = run(&[least.clone(), PriceStep::Tax(share("15"))], "10");
        assert_eq!(amount, exact("12.65"));
        assert!(!figure.below_cost(amount) && figure.below_cost(exact("11.49")) && !figure.below_cost(exact("11.50")));
        assert_eq!(run(&[PriceStep::Tax(share("15")), least.clone()], "10").0, exact("12.65"));
        assert_eq!(run(&[least, PriceStep::Fixed(sar("3"))], "10").0, exact("3"), "a price that is named is meant");
        // 10.001 is not to be sold for 10.00.
        let least = PriceStep::AtLeast(AtLeast { amount: sar("10.001"), ..AtLeast::default() });
        assert_eq!(run(&[least], "1").0, exact("10.01"));
    }

    #[test]
    fn a_dearer_product_does_not_become_cheaper_by_getting_into_the_next_band() {
        let band = |below: Option<&str>, factor: &str| Band {
            below: below.map(sar),
            factor: Some(Exact(exact(factor))),
            ..Band::default()
        };
        let bands = PriceStep::Bands(vec![band(Some("20"), "2"), band(Some("100"), "1.5"), band(None, "1.3")]);
        for (cost, price) in [
            ("19.99", "39.98"),
            ("20", "40"),
            ("26", "40"),
            ("30", "45"),
            ("99", "148.50"),
            ("101", "150"),
            ("200", "260"),
        ] {
            assert_eq!(run(std::slice::from_ref(&bands), cost).0, exact(price), "{cost}");
        }
        let open = PriceStep::Bands(vec![band(Some("20"), "2")]);
        assert_eq!(run(std::slice::from_ref(&open), "25").0, exact("40"));
        assert_eq!(run(&[open], "50").0, exact("50"));
    }

    #[test]
    fn what_cannot_be_kept_changes_nothing() {
        let mut figure = Figure::new("SAR", exact("79228162514264337593543950335"), None);
        let before = figure.clone();
        assert_eq!(apply(&PriceStep::Factor(Exact(exact("2"))), &mut figure), Err(Overflow));
        assert_eq!(figure, before);
        assert_eq!(apply(&PriceStep::Margin(share("100")), &mut figure), Err(Overflow), "nothing is divided by zero");
    }
}
