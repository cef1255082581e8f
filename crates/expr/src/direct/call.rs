//! Functions and operators. Each does what the function of the same name in [`crate::functions`]
//! does, and what the engine's own operators do; for other kinds of values, and where something
//! fails, it gives `None`.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::rc::Rc;

use rust_decimal::{Decimal, RoundingStrategy};

use super::value::Val;
use crate::budget;
use crate::engine::{LIST, TEXT_BYTES};
use crate::functions::{numbers, texts};

/// Values that a function is given at most.
pub(super) const ARGUMENTS: usize = 3;

macro_rules! functions {
    ($($function:ident $name:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function {
            $($function),*
        }

        impl Function {
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$function),)*
                    _ => None,
                }
            }
        }
    };
}

functions! {
    Equal "==", Unequal "!=", Less "<", LessOrEqual "<=", Greater ">", GreaterOrEqual ">=",
    Plus "+", Minus "-", Times "*", Over "/", Not "!",
    All "all", Any "any", Filter "filter", Map "map",
    Capture "capture", Compact "compact", Contains "contains", EndsWith "ends_with", First "first", IsBlank "is_blank", Join "join", Last "last", Left "left",
    Len "len", Lower "lower", Matches "matches", Number "number", Replace "replace", ReplacePattern "replace_pattern", Round "round", RoundDown "round_down",
    RoundUp "round_up", Slug "slug", Split "split", StartsWith "starts_with", Text "text", Trim "trim", Unique "unique", Upper "upper", WithoutEnd "without_end",
    WithoutStart "without_start",
}

pub(super) fn called<'a>(function: Function, args: &[Val<'a>]) -> Option<Val<'a>> {
    match args {
        [on] => of_one(function, on),
        [on, with] => of_two(function, on, with),
        [on, first, second] => {
            let (first, second) = (first.text()?, second.text()?);
            match (function, on) {
                (Function::Replace | Function::ReplacePattern, Val::None) => Some(Val::None),
                (Function::Replace, on) => texts::replace(on.text()?, first, second).ok().map(Val::Made),
                (Function::ReplacePattern, on) => texts::replace_pattern(on.text()?, first, second).ok().map(Val::Made),
                _ => None,
            }
        }
        _ => None,
    }
}

fn spend(text: &str) -> Option<()> {
    budget::spend_bytes(text.len()).then_some(())
}

/// A part of a text.
fn part<'a>(text: &Val<'a>, of: impl FnOnce(&str) -> &str) -> Option<Val<'a>> {
    match text {
        Val::Text(text) => Some(Val::Text(of(text))),
        Val::Made(text) => Some(Val::Made(of(text).into())),
        _ => None,
    }
}

fn made<'a>(text: String) -> Option<Val<'a>> {
    (text.len() <= TEXT_BYTES).then(|| Val::Made(text.into()))
}

fn whole<'a>(count: usize) -> Val<'a> {
    Val::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A simple value as a text.
fn shown(value: &Val<'_>) -> Option<String> {
    match value {
        Val::Bool(truth) => Some(truth.to_string()),
        Val::Int(number) => Some(number.to_string()),
        Val::Number(number) => Some(number.to_string()),
        other => other.text().map(str::to_owned),
    }
}

fn of_one<'a>(function: Function, on: &Val<'a>) -> Option<Val<'a>> {
    if let Some(text) = on.text() {
        if matches!(function, Function::Text) {
            return Some(on.clone());
        }
        if matches!(function, Function::IsBlank) {
            return Some(Val::Bool(text.trim().is_empty()));
        }
        if matches!(function, Function::Number) {
            return numbers::parsed(text).ok().map(Val::number);
        }
        if let Some(strategy) = rounding(function) {
            return Some(Val::Number(numbers::parsed(text).ok()?.round_dp_with_strategy(0, strategy)));
        }
        spend(text)?;
        return match function {
            Function::Trim => part(on, str::trim),
            Function::Lower => made(text.to_lowercase()),
            Function::Upper => made(text.to_uppercase()),
            Function::Slug => made(texts::slug(text)),
            Function::Len => Some(whole(text.chars().count())),
            _ => None,
        };
    }
    Some(match (function, on) {
        (Function::Not, Val::Bool(truth)) => Val::Bool(!truth),
        (Function::IsBlank, Val::None) => Val::Bool(true),
        (Function::IsBlank, Val::Bool(_) | Val::Int(_) | Val::Number(_)) => Val::Bool(false),
        (
            Function::Trim | Function::Lower | Function::Upper | Function::Slug | Function::Text | Function::Number,
            Val::None,
        )
        | (Function::First | Function::Last, Val::None) => Val::None,
        (Function::Round | Function::RoundDown | Function::RoundUp, Val::None) => Val::None,
        (Function::Len, Val::None) => Val::Int(0),
        (Function::Compact | Function::Unique, Val::None) => Val::List(Rc::default()),
        (Function::Text, simple @ (Val::Bool(_) | Val::Int(_) | Val::Number(_))) => made(shown(simple)?)?,
        (Function::Number, Val::Int(_) | Val::Number(_)) => on.clone(),
        (Function::Round | Function::RoundDown | Function::RoundUp, Val::Int(_)) => on.clone(),
        (function, Val::Number(number)) => Val::Number(number.round_dp_with_strategy(0, rounding(function)?)),
        (function, list) => {
            let mut values = list.values()?;
            match function {
                Function::IsBlank => Val::Bool(values.len() == 0),
                Function::Len => whole(values.len()),
                Function::First => values.next().unwrap_or(Val::None),
                Function::Last => values.last().unwrap_or(Val::None),
                Function::Compact => Val::List(Rc::new(values.filter(|one| !one.is_blank_text()).collect())),
                Function::Unique => {
                    let mut seen = HashSet::new();
                    let new = |one: &Val<'_>| shown(one).is_none_or(|text| seen.insert(text));
                    Val::List(Rc::new(values.filter(new).collect()))
                }
                _ => return None,
            }
        }
    })
}

fn of_two<'a>(function: Function, on: &Val<'a>, with: &Val<'a>) -> Option<Val<'a>> {
    use Function::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Minus, Over, Plus, Times, Unequal};
    match function {
        Equal => equal(on, with).map(Val::Bool),
        Unequal => equal(on, with).map(|same| Val::Bool(!same)),
        Less | LessOrEqual | Greater | GreaterOrEqual => compared(function, on, with).map(Val::Bool),
        Plus => added(on, with),
        Minus | Times | Over => counted(function, on, with),
        _ => match (on, with) {
            (on, with) if on.values().is_some() => of_list(function, on, with),
            (on, Val::Int(number)) => with_number(function, on, *number),
            (on, with) => with_text(function, on, with.text()?),
        },
    }
}

fn of_list<'a>(function: Function, on: &Val<'a>, with: &Val<'a>) -> Option<Val<'a>> {
    let mut values = on.values()?;
    match function {
        Function::Contains => {
            let wanted = shown(with);
            Some(Val::Bool(values.any(|one| match (shown(&one), &wanted) {
                (Some(one), Some(wanted)) => one == *wanted,
                _ => false,
            })))
        }
        Function::Join => {
            let separator = with.text()?;
            let mut joined = String::new();
            for one in values.filter(|one| !one.is_blank_text()) {
                let text = shown(&one)?;
                spend(&text)?;
                if !joined.is_empty() {
                    joined.push_str(separator);
                }
                joined.push_str(&text);
                if joined.len() > TEXT_BYTES {
                    return None;
                }
            }
            made(joined)
        }
        _ => None,
    }
}

fn with_number<'a>(function: Function, on: &Val<'a>, number: i64) -> Option<Val<'a>> {
    if let Some(strategy) = rounding(function) {
        return match on {
            Val::None => Some(Val::None),
            Val::Int(_) => Some(on.clone()),
            other => {
                let round = |of: Decimal| numbers::rounded(of, number, strategy).ok().map(Val::Number);
                match other {
                    Val::Number(of) => round(*of),
                    text => round(numbers::parsed(text.text()?).ok()?),
                }
            }
        };
    }
    match (function, on) {
        (Function::Left, Val::None) => Some(Val::None),
        (Function::Left, on) => {
            let count = usize::try_from(number).unwrap_or(0);
            spend(on.text()?)?;
            part(on, |text| text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end]))
        }
        _ => None,
    }
}

fn with_text<'a>(function: Function, on: &Val<'a>, with: &str) -> Option<Val<'a>> {
    use Function::{Capture, Contains, EndsWith, Join, Matches, Number, Split, StartsWith, WithoutEnd, WithoutStart};
    let Some(text) = on.text() else {
        return match (function, on) {
            (Contains | StartsWith | EndsWith | Matches, Val::None) => Some(Val::Bool(false)),
            (Capture | WithoutStart | WithoutEnd | Join | Number, Val::None) => Some(Val::None),
            (Split, Val::None) => Some(Val::List(Rc::default())),
            _ => None,
        };
    };
    match function {
        Matches => return texts::with(with, text, |regex| regex.is_match(text)).ok().map(Val::Bool),
        Capture => {
            let found =
                texts::with(with, text, |regex| texts::captured(regex, text).map(|found| found.range())).ok()?;
            return match found {
                None => Some(Val::None),
                Some(range) => part(on, |text| &text[range]),
            };
        }
        Number => return numbers::marked(text, with).ok().map(Val::number),
        _ => {}
    }
    spend(text)?;
    match function {
        Contains => Some(Val::Bool(text.contains(with))),
        StartsWith => Some(Val::Bool(text.starts_with(with))),
        EndsWith => Some(Val::Bool(text.ends_with(with))),
        WithoutStart => part(on, |text| text.strip_prefix(with).unwrap_or(text)),
        WithoutEnd => part(on, |text| text.strip_suffix(with).unwrap_or(text)),
        Split => {
            let mut parts = Vec::new();
            match on {
                _ if with.is_empty() => parts.push(part(on, str::trim)?),
                Val::Text(text) => parts.extend(texts::parts(text, with).take(LIST + 1).map(Val::Text)),
                _ => parts.extend(texts::parts(text, with).take(LIST + 1).map(|part| Val::Made(part.into()))),
            }
            (parts.len() <= LIST).then(|| Val::List(Rc::new(parts)))
        }
        _ => None,
    }
}

fn rounding(function: Function) -> Option<RoundingStrategy> {
    match function {
        Function::Round => Some(RoundingStrategy::MidpointAwayFromZero),
        Function::RoundUp => Some(RoundingStrategy::AwayFromZero),
        Function::RoundDown => Some(RoundingStrategy::ToZero),
        _ => None,
    }
}

/// A number that is one already.
fn number(value: &Val<'_>) -> Option<Decimal> {
    match value {
        Val::Int(number) => Some((*number).into()),
        Val::Number(number) => Some(*number),
        _ => None,
    }
}

fn equal(a: &Val<'_>, b: &Val<'_>) -> Option<bool> {
    match (a, b) {
        (Val::None, Val::None) => return Some(true),
        (Val::Bool(a), Val::Bool(b)) => return Some(a == b),
        (Val::None, _) | (_, Val::None) => return Some(false),
        _ => {}
    }
    match (a.text(), b.text(), number(a), number(b)) {
        (Some(a), Some(b), ..) => {
            spend(a)?;
            Some(a == b)
        }
        (Some(text), _, _, Some(number)) | (_, Some(text), Some(number), _) => {
            Some(numbers::plain(text) == Some(number))
        }
        (_, _, Some(a), Some(b)) => Some(a == b),
        _ => None,
    }
}

fn compared(function: Function, a: &Val<'_>, b: &Val<'_>) -> Option<bool> {
    let is = |order: Ordering| match function {
        Function::Less => order.is_lt(),
        Function::LessOrEqual => order.is_le(),
        Function::Greater => order.is_gt(),
        _ => order.is_ge(),
    };
    match (a, b) {
        (Val::None, Val::None) => return None,
        // The engine compares nothing with anything.
        (Val::None, _) | (_, Val::None) => return Some(false),
        _ => {}
    }
    let order = match (a.text(), b.text()) {
        (Some(a), Some(b)) => {
            spend(a)?;
            spend(b)?;
            match (numbers::plain(a), numbers::plain(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => a.cmp(b),
            }
        }
        (Some(a), None) => {
            let b = number(b)?;
            numbers::parsed(a).ok()?.cmp(&b)
        }
        (None, Some(b)) => {
            let a = number(a)?;
            a.cmp(&numbers::parsed(b).ok()?)
        }
        (None, None) => number(a)?.cmp(&number(b)?),
    };
    Some(is(order))
}

fn added<'a>(a: &Val<'a>, b: &Val<'a>) -> Option<Val<'a>> {
    if let (Some(one), Some(other)) = (number(a), number(b)) {
        return match (a, b) {
            (Val::Int(a), Val::Int(b)) => a.checked_add(*b).map(Val::Int),
            _ => one.checked_add(other).map(Val::Number),
        };
    }
    if a.text().is_none() && b.text().is_none() {
        return None;
    }
    let side = |value: &Val<'_>| match value {
        Val::None => Some(String::new()),
        Val::Bool(_) if a.text().is_none() => None,
        other => shown(other),
    };
    let (one, other) = (side(a)?, side(b)?);
    spend(&one)?;
    spend(&other)?;
    if one.len() + other.len() > TEXT_BYTES {
        return None;
    }
    Some(Val::Made([one, other].concat().into()))
}

fn counted<'a>(function: Function, a: &Val<'a>, b: &Val<'a>) -> Option<Val<'a>> {
    let texts = a.text().is_some() || b.text().is_some();
    if let (Val::Int(a), Val::Int(b)) = (a, b) {
        match function {
            Function::Minus => return a.checked_sub(*b).map(Val::Int),
            Function::Times => return a.checked_mul(*b).map(Val::Int),
            _ => {}
        }
    }
    let of = |value: &Val<'_>| match value.text() {
        Some(text) => numbers::parsed(text).ok(),
        None => number(value),
    };
    let (one, other) = (of(a)?, of(b)?);
    match function {
        Function::Minus if texts => one.checked_sub(other).map(Val::number),
        Function::Times if texts => one.checked_mul(other).map(Val::number),
        Function::Minus => one.checked_sub(other).map(Val::Number),
        Function::Times => one.checked_mul(other).map(Val::Number),
        Function::Over if texts => one.checked_div(other).map(Val::number),
        Function::Over => one.checked_div(other).map(|quotient| Val::number(quotient.normalize())),
        _ => None,
    }
}
