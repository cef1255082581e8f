//! Functions of numbers, all of them exact.

use rhai::{Dynamic, Engine, INT};
use rust_decimal::{Decimal, RoundingStrategy};

use super::{Fallible, spend};
use crate::value::number_of;

/// Decimals that can be asked for.
const DECIMALS: INT = 12;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("number", |text: &str| parsed(text).map(number_of))
        .register_fn("number", |text: &str, mark: &str| marked(text, mark).map(number_of))
        .register_fn("number", |number: INT| number)
        .register_fn("number", |number: Decimal| number)
        .register_fn("number", |(): ()| {})
        .register_fn("number", |(): (), _: &str| {})
        .register_fn("abs", |number: INT| number.checked_abs().ok_or("the number is too large"))
        .register_fn("abs", |number: Decimal| number.abs());
    rounding(engine, "round", RoundingStrategy::MidpointAwayFromZero);
    rounding(engine, "round_up", RoundingStrategy::AwayFromZero);
    rounding(engine, "round_down", RoundingStrategy::ToZero);
    larger(engine, "max", |a, b| a >= b);
    larger(engine, "min", |a, b| a <= b);
}

fn rounding(engine: &mut Engine, name: &str, strategy: RoundingStrategy) {
    let round = move |number: Decimal, decimals: INT| rounded(number, decimals, strategy);
    engine
        .register_fn(name, round)
        .register_fn(name, move |number: Decimal| round(number, 0))
        .register_fn(name, |number: INT, _: INT| number)
        .register_fn(name, |number: INT| number)
        .register_fn(name, |(): (), _: INT| {})
        .register_fn(name, |(): ()| {})
        .register_fn(name, move |text: &str, decimals: INT| round(parsed(text)?, decimals))
        .register_fn(name, move |text: &str| round(parsed(text)?, 0));
}

pub(crate) fn rounded(number: Decimal, decimals: INT, strategy: RoundingStrategy) -> Fallible<Decimal> {
    match u32::try_from(decimals) {
        Ok(digits) if decimals <= DECIMALS => Ok(number.round_dp_with_strategy(digits, strategy)),
        _ => Err(format!("{decimals} is no number of decimals from 0 to {DECIMALS}").into()),
    }
}

fn larger(engine: &mut Engine, name: &str, first: fn(Decimal, Decimal) -> bool) {
    engine.register_fn(name, move |a: Dynamic, b: Dynamic| -> Fallible<Dynamic> {
        let (one, other) = (of(&a)?, of(&b)?);
        Ok(match (one, other) {
            (Some(one), Some(other)) => number_of(if first(one, other) { one } else { other }),
            (Some(one), None) | (None, Some(one)) => number_of(one),
            (None, None) => Dynamic::UNIT,
        })
    });
}

/// The number that a value is, `None` where it is not given.
pub(super) fn of(value: &Dynamic) -> Fallible<Option<Decimal>> {
    if value.is_unit() {
        return Ok(None);
    }
    if let Ok(number) = value.as_int() {
        return Ok(Some(number.into()));
    }
    if let Ok(number) = value.as_decimal() {
        return Ok(Some(number));
    }
    match value.as_immutable_string_ref() {
        Ok(text) => parsed(&text).map(Some),
        Err(_) => Err("a number is needed here".into()),
    }
}

/// A number as programs write it: digits, and a point before decimals.
pub(crate) fn parsed(text: &str) -> Fallible<Decimal> {
    spend(text)?;
    plain(text).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        format!("{shown:?} is no plain number; number(text, \",\") reads a decimal comma").into()
    })
}

/// The same, quietly.
pub(crate) fn plain(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let only = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if begins && only && digits.len() <= 60 { Decimal::from_str_exact(text).ok() } else { None }
}

/// A number with `mark` before its decimals, and anything else that separates thousands.
pub(crate) fn marked(text: &str, mark: &str) -> Fallible<Decimal> {
    spend(text)?;
    if !matches!(mark, "," | ".") {
        return Err(format!("{mark:?} is no mark before decimals; it is \",\" or \".\"").into());
    }
    let mut digits = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '0'..='9' | '-' | '+' => digits.push(c),
            c if mark.contains(c) => digits.push('.'),
            '.' | ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}' => {}
            _ => return parsed(text),
        }
    }
    parsed(&digits)
}
