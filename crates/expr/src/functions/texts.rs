//! Functions of texts.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Match, Regex, RegexBuilder};
use rhai::{Dynamic, Engine, INT, ImmutableString};
use rust_decimal::Decimal;

use super::{Fallible, spend, too_large};
use crate::engine::TEXT_BYTES;

/// Bytes a compiled pattern may take.
const PATTERN_BYTES: usize = 256 << 10;
/// Bytes of what a pattern learns about texts as it searches them; more where the pattern needs it.
const LEARNT_BYTES: usize = 64 << 10;
/// A search may take the pattern's states times the text's length: steps for each 64 bytes of text,
/// by the bytes that a compiled pattern takes at most.
const WEIGHTS: [(usize, u64); 3] = [(16 << 10, 1), (64 << 10, 8), (PATTERN_BYTES, 64)];
/// Compiled patterns that are kept for each thread.
const PATTERNS: usize = 64;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("trim", |text: &str| plain(text, |text| text.trim().to_owned()))
        .register_fn("lower", |text: &str| plain(text, str::to_lowercase))
        .register_fn("upper", |text: &str| plain(text, str::to_uppercase))
        .register_fn("slug", |text: &str| plain(text, slug))
        .register_fn("len", |text: &str| -> Fallible<INT> {
            spend(text)?;
            Ok(INT::try_from(text.chars().count()).unwrap_or(INT::MAX))
        })
        .register_fn("left", |text: &str, count: INT| {
            let count = usize::try_from(count).unwrap_or(0);
            plain(text, |text| text.chars().take(count).collect())
        })
        .register_fn("contains", |text: &str, part: &str| asked(text, |text| text.contains(part)))
        .register_fn("starts_with", |text: &str, part: &str| asked(text, |text| text.starts_with(part)))
        .register_fn("ends_with", |text: &str, part: &str| asked(text, |text| text.ends_with(part)))
        .register_fn("without_start", |text: &str, part: &str| {
            plain(text, |text| text.strip_prefix(part).unwrap_or(text).to_owned())
        })
        .register_fn("without_end", |text: &str, part: &str| {
            plain(text, |text| text.strip_suffix(part).unwrap_or(text).to_owned())
        })
        .register_fn("replace", replace)
        .register_fn("split", split)
        .register_fn("matches", |text: &str, pattern: &str| -> Fallible<bool> {
            with(pattern, text, |regex| regex.is_match(text))
        })
        .register_fn("capture", |text: &str, pattern: &str| -> Fallible<Dynamic> {
            with(pattern, text, |regex| {
                captured(regex, text).map_or(Dynamic::UNIT, |found| ImmutableString::from(found.as_str()).into())
            })
        })
        .register_fn("replace_pattern", replace_pattern)
        .register_fn("text", |text: ImmutableString| text)
        .register_fn("text", |number: INT| number.to_string())
        .register_fn("text", |number: Decimal| number.to_string())
        .register_fn("text", |truth: bool| truth.to_string())
        .register_fn("text", |(): ()| {})
        .register_fn("is_blank", |text: &str| text.trim().is_empty())
        .register_fn("is_blank", |(): ()| true)
        .register_fn("is_blank", |_: bool| false)
        .register_fn("is_blank", |_: INT| false)
        .register_fn("is_blank", |_: Decimal| false);
    pass_nothing_on(engine);
}

/// What is not given stays so, rather than ending the expression.
fn pass_nothing_on(engine: &mut Engine) {
    for name in ["trim", "lower", "upper", "slug"] {
        engine.register_fn(name, |(): ()| {});
    }
    for name in ["contains", "starts_with", "ends_with", "matches"] {
        engine.register_fn(name, |(): (), _: &str| false);
    }
    for name in ["capture", "without_start", "without_end"] {
        engine.register_fn(name, |(): (), _: &str| {});
    }
    for name in ["replace", "replace_pattern"] {
        engine.register_fn(name, |(): (), _: &str, _: &str| {});
    }
    engine.register_fn("left", |(): (), _: INT| {});
    engine.register_fn("split", |(): (), _: &str| rhai::Array::new());
}

fn plain(text: &str, change: impl FnOnce(&str) -> String) -> Fallible<ImmutableString> {
    spend(text)?;
    bounded(change(text))
}

fn asked(text: &str, question: impl FnOnce(&str) -> bool) -> Fallible<bool> {
    spend(text)?;
    Ok(question(text))
}

fn bounded(text: String) -> Fallible<ImmutableString> {
    if text.len() > TEXT_BYTES { Err(too_large("a text")) } else { Ok(text.into()) }
}

/// What a pattern's first group found, or all of it where it has none.
pub(crate) fn captured<'t>(regex: &Regex, text: &'t str) -> Option<Match<'t>> {
    regex.captures(text).and_then(|groups| groups.get(1).or_else(|| groups.get(0)))
}

pub(crate) fn replace_pattern(text: &str, pattern: &str, by: &str) -> Fallible<ImmutableString> {
    if text.len().saturating_mul(by.len() + 1) > TEXT_BYTES << 3 {
        return Err(too_large("a text"));
    }
    with(pattern, text, |regex| regex.replace_all(text, by).into_owned()).and_then(bounded)
}

pub(crate) fn replace(text: &str, from: &str, by: &str) -> Fallible<ImmutableString> {
    spend(text)?;
    if from.is_empty() {
        return Ok(text.into());
    }
    let grown = text.len() / from.len() * by.len();
    if grown > TEXT_BYTES {
        return Err(too_large("a text"));
    }
    bounded(text.replace(from, by))
}

/// A text's parts, trimmed, without blanks.
pub(crate) fn parts<'t>(text: &'t str, separator: &str) -> impl Iterator<Item = &'t str> {
    text.split(separator).map(str::trim).filter(|part| !part.is_empty())
}

fn split(text: &str, separator: &str) -> Fallible<rhai::Array> {
    spend(text)?;
    if separator.is_empty() {
        return Ok(vec![ImmutableString::from(text.trim()).into()]);
    }
    let parts = parts(text, separator).take(crate::engine::LIST + 1);
    let parts: rhai::Array = parts.map(|part| ImmutableString::from(part).into()).collect();
    if parts.len() > crate::engine::LIST { Err(too_large("a list")) } else { Ok(parts) }
}

/// Lower case, with single hyphens for everything that is neither letter nor digit.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

thread_local! {
    static COMPILED: RefCell<HashMap<String, (Regex, u64)>> = RefCell::new(HashMap::new());
}

/// Searches a text with a compiled pattern. Compiling is paid once for each thread; searching by
/// the pattern's weight and the text's length.
pub(crate) fn with<T>(pattern: &str, text: &str, search: impl FnOnce(&Regex) -> T) -> Fallible<T> {
    COMPILED.with_borrow_mut(|compiled| {
        if !compiled.contains_key(pattern) {
            // Patterns may be made of data: compiling costs far more than searching.
            spend(pattern)?;
            pay(1_000)?;
            let built = build(pattern)?;
            if compiled.len() >= PATTERNS {
                compiled.clear();
            }
            compiled.insert(pattern.to_owned(), built);
        }
        let Some((regex, weight)) = compiled.get(pattern) else { return Err(too_large("a pattern")) };
        pay(1 + (text.len() as u64).saturating_mul(*weight) / 64)?;
        Ok(search(regex))
    })
}

fn pay(steps: u64) -> Fallible<()> {
    if crate::budget::spend(steps) {
        Ok(())
    } else {
        Err(rhai::EvalAltResult::ErrorTerminated(super::OUT_OF_BUDGET.into(), rhai::Position::NONE).into())
    }
}

/// A compiled pattern, and how much a search with it costs.
fn build(pattern: &str) -> Fallible<(Regex, u64)> {
    let mut refused = None;
    for (bytes, weight) in WEIGHTS {
        match RegexBuilder::new(pattern).size_limit(bytes).dfa_size_limit(LEARNT_BYTES).nest_limit(32).build() {
            Ok(regex) => return Ok((regex, weight)),
            Err(error) => refused = Some(error),
        }
    }
    let said = refused.map(|error| error.to_string()).unwrap_or_default();
    let said = said.lines().last().unwrap_or_default().trim_start_matches("error: ");
    Err(format!("the pattern {pattern:?} cannot be used: {said}").into())
}
