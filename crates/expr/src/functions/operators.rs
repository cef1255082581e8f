//! Operators that differ from the language's own: whole numbers divide exactly, texts of digits
//! count as numbers, and what is not given adds nothing to a text.

use std::cmp::Ordering;

use rhai::{Dynamic, Engine, EvalAltResult, INT, ImmutableString, Position};
use rust_decimal::Decimal;

use super::{Fallible, numbers, spend, too_large};
use crate::engine::TEXT_BYTES;
use crate::value::number_of;

pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("/", |a: INT, b: INT| divided(a.into(), b.into()));
    engine.register_fn("/", |a: Decimal, b: Decimal| divided(a, b));
    engine.register_fn("/", |a: INT, b: Decimal| divided(a.into(), b));
    engine.register_fn("/", |a: Decimal, b: INT| divided(a, b.into()));
    adding(engine);
    counting(engine, "-", Decimal::checked_sub);
    counting(engine, "*", Decimal::checked_mul);
    counting(engine, "%", Decimal::checked_rem);
    counting(engine, "/", Decimal::checked_div);
    comparing(engine, "<", Ordering::is_lt);
    comparing(engine, "<=", Ordering::is_le);
    comparing(engine, ">", Ordering::is_gt);
    comparing(engine, ">=", Ordering::is_ge);
    equality(engine, "==", |same| same);
    equality(engine, "!=", |same| !same);
}

fn divided(a: Decimal, b: Decimal) -> Fallible<Dynamic> {
    let quotient = a.checked_div(b).ok_or_else(|| arithmetic("a division by zero, or a number too large"))?;
    Ok(number_of(quotient.normalize()))
}

fn arithmetic(message: &str) -> Box<EvalAltResult> {
    EvalAltResult::ErrorArithmetic(message.to_owned(), Position::NONE).into()
}

/// Texts joined.
fn adding(engine: &mut Engine) {
    fn joined(a: &str, b: &str) -> Fallible<ImmutableString> {
        spend(a)?;
        spend(b)?;
        if a.len() + b.len() > TEXT_BYTES {
            return Err(too_large("a text"));
        }
        Ok([a, b].concat().into())
    }
    engine
        .register_fn("+", joined)
        .register_fn("+", |a: &str, b: INT| joined(a, &b.to_string()))
        .register_fn("+", |a: &str, b: Decimal| joined(a, &b.to_string()))
        .register_fn("+", |a: &str, b: bool| joined(a, &b.to_string()))
        .register_fn("+", |a: &str, (): ()| joined(a, ""))
        .register_fn("+", |a: INT, b: &str| joined(&a.to_string(), b))
        .register_fn("+", |a: Decimal, b: &str| joined(&a.to_string(), b))
        .register_fn("+", |(): (), b: &str| joined("", b));
    // What `${…}` in a text is made with.
    engine
        .register_fn("+=", |a: &mut ImmutableString, b: &str| joined(a, b).map(|text| *a = text))
        .register_fn("+=", |a: &mut ImmutableString, b: INT| joined(a, &b.to_string()).map(|text| *a = text))
        .register_fn("+=", |a: &mut ImmutableString, b: Decimal| joined(a, &b.to_string()).map(|text| *a = text))
        .register_fn("+=", |a: &mut ImmutableString, b: bool| joined(a, &b.to_string()).map(|text| *a = text))
        .register_fn("+=", |_: &mut ImmutableString, (): ()| {});
}

/// Arithmetic with a text of digits on one side, or on both.
fn counting(engine: &mut Engine, operator: &'static str, of: fn(Decimal, Decimal) -> Option<Decimal>) {
    let of = move |a: Decimal, b: Decimal| -> Fallible<Dynamic> {
        let result = of(a, b).ok_or_else(|| arithmetic(&format!("{a} {operator} {b} gives no number")))?;
        Ok(number_of(result))
    };
    engine
        .register_fn(operator, move |a: &str, b: &str| of(numbers::parsed(a)?, numbers::parsed(b)?))
        .register_fn(operator, move |a: &str, b: INT| of(numbers::parsed(a)?, b.into()))
        .register_fn(operator, move |a: &str, b: Decimal| of(numbers::parsed(a)?, b))
        .register_fn(operator, move |a: INT, b: &str| of(a.into(), numbers::parsed(b)?))
        .register_fn(operator, move |a: Decimal, b: &str| of(a, numbers::parsed(b)?));
}

/// Two texts of digits are compared as numbers, two others as texts; a text beside a number must be
/// one.
fn comparing(engine: &mut Engine, operator: &str, is: fn(Ordering) -> bool) {
    engine
        .register_fn(operator, move |a: &str, b: &str| -> Fallible<bool> {
            spend(a)?;
            spend(b)?;
            Ok(is(match (numbers::plain(a), numbers::plain(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => a.cmp(b),
            }))
        })
        .register_fn(operator, move |a: &str, b: INT| numbers::parsed(a).map(|a| is(a.cmp(&b.into()))))
        .register_fn(operator, move |a: &str, b: Decimal| numbers::parsed(a).map(|a| is(a.cmp(&b))))
        .register_fn(operator, move |a: INT, b: &str| numbers::parsed(b).map(|b| is(Decimal::from(a).cmp(&b))))
        .register_fn(operator, move |a: Decimal, b: &str| numbers::parsed(b).map(|b| is(a.cmp(&b))));
}

/// Texts are equal as texts; a text and a number if the text is that number.
fn equality(engine: &mut Engine, operator: &str, is: fn(bool) -> bool) {
    let number = move |text: &str, number: Decimal| is(numbers::plain(text) == Some(number));
    engine
        .register_fn(operator, move |a: &str, b: &str| -> Fallible<bool> {
            spend(a)?;
            Ok(is(a == b))
        })
        .register_fn(operator, move |a: &str, b: INT| number(a, b.into()))
        .register_fn(operator, number)
        .register_fn(operator, move |a: INT, b: &str| number(b, a.into()))
        .register_fn(operator, move |a: Decimal, b: &str| number(b, a));
}
