//! What a price step may say.

use rust_decimal::Decimal;

use crate::exact::{Money, Percent};
use crate::file::{AtLeast, Band, PriceStep, RoundBy};
use crate::flaw::{Flaw, Place};
use crate::price::{Grid, Unfit};

/// A currency with the smallest coins there are: what it cannot have no other can.
const FINEST: &str = "KWD";

/// Notes what is wrong with a step (`flaws`), and what it may lack (`hints`). `sold` are the
/// currencies it will meet, if that is known.
pub(super) fn step(
    step: &PriceStep,
    place: &Place,
    sold: Option<&[String]>,
    flaws: &mut Vec<Flaw>,
    hints: &mut Vec<Flaw>,
) {
    let mut flaw = |message: String| flaws.push(Flaw::at(place.clone(), message));
    let margin = |share: Percent| {
        (share.0 < Decimal::ZERO || share.0 >= Decimal::ONE)
            .then(|| format!("a margin is from 0% to below 100%, not {}", share.shown()))
    };
    let positive =
        |what: &str, number: Decimal| (number <= Decimal::ZERO).then(|| format!("{what} is above zero, not {number}"));
    match step {
        PriceStep::Factor(factor) => positive("a factor", factor.0).into_iter().for_each(flaw),
        PriceStep::Margin(share) => margin(*share).into_iter().for_each(flaw),
        PriceStep::Markup(share) | PriceStep::Tax(share) => {
            if share.0 < Decimal::ZERO {
                flaw(format!("a markup or tax is not below zero: {}; a reduction is a `factor`", share.shown()));
            }
        }
        PriceStep::Add(money) => lacking("add", money, sold, place, hints),
        PriceStep::Fixed(money) => {
            for amount in money.0.values() {
                positive("a price", amount.0).into_iter().for_each(&mut flaw);
            }
            lacking("fixed", money, sold, place, hints);
        }
        PriceStep::AtLeast(AtLeast { margin: share, markup, amount }) => {
            if share.is_none() && markup.is_none() && amount.0.is_empty() {
                flaw("`at-least` says nothing".to_owned());
            }
            share.and_then(margin).into_iter().for_each(&mut flaw);
        }
        PriceStep::Bands(bands) => self::bands(bands, sold, place, flaws, hints),
        PriceStep::Round(by) => round(by, sold, place, flaws),
    }
}

fn lacking(what: &str, money: &Money, sold: Option<&[String]>, place: &Place, hints: &mut Vec<Flaw>) {
    let missing: Vec<&str> =
        sold.unwrap_or_default().iter().filter(|code| money.get(code).is_none()).map(String::as_str).collect();
    if !missing.is_empty() {
        hints.push(Flaw::at(
            place.clone(),
            format!("`{what}` says nothing about {}, which is sold", missing.join(", ")),
        ));
    }
}

fn bands(bands: &[Band], sold: Option<&[String]>, place: &Place, flaws: &mut Vec<Flaw>, hints: &mut Vec<Flaw>) {
    let mut flaw = |message: String| flaws.push(Flaw::at(place.clone(), message));
    if bands.is_empty() {
        flaw("`bands` is empty".to_owned());
    }
    let mut ends: std::collections::BTreeMap<&String, Decimal> = std::collections::BTreeMap::new();
    for (n, band) in bands.iter().enumerate() {
        if let Some(factor) = band.factor.filter(|factor| factor.0 <= Decimal::ZERO) {
            flaw(format!("the factor of band {} is above zero, not {}", n + 1, factor.0));
        }
        if let Some(share) = band.margin.filter(|share| share.0 < Decimal::ZERO || share.0 >= Decimal::ONE) {
            flaw(format!("the margin of band {} is from 0% to below 100%, not {}", n + 1, share.shown()));
        }
        match &band.below {
            Some(below) => {
                for (code, end) in &below.0 {
                    let before = ends.insert(code, end.0);
                    if before.is_some_and(|before| before >= end.0) {
                        flaw(format!("band {} ends at {} {code}, not above the band before", n + 1, end.0));
                    }
                }
                lacking("below", below, sold, place, hints);
            }
            None if n + 1 < bands.len() => {
                flaw(format!("band {} has no `below`: none of those after it would count", n + 1))
            }
            None => {}
        }
    }
}

fn round(by: &RoundBy, sold: Option<&[String]>, place: &Place, flaws: &mut Vec<Flaw>) {
    let own = by.currencies.keys().map(String::as_str);
    let mut codes: Vec<&str> = match sold {
        Some(sold) => sold.iter().map(String::as_str).collect(),
        None => vec![FINEST],
    };
    codes.extend(own);
    codes.dedup();
    for code in codes {
        match Grid::of(by, code) {
            Ok(_) => {}
            // Nobody has said that anything is sold in it.
            Err(Unfit::Coin(..)) if sold.is_none() && !by.currencies.contains_key(code) && code != FINEST => {}
            Err(unfit) => {
                let flaw = Flaw::at(place.clone(), unfit.to_string());
                if !flaws.contains(&flaw) {
                    flaws.push(flaw);
                }
            }
        }
    }
}
