//! Functions of lists.

use rhai::{Array, Dynamic, Engine, FnPtr, INT, NativeCallContext};

use super::{Fallible, spend, too_large};
use crate::engine::TEXT_BYTES;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("len", |list: &mut Array| INT::try_from(list.len()).unwrap_or(INT::MAX))
        .register_fn("len", |(): ()| 0 as INT)
        .register_fn("first", |list: &mut Array| list.first().cloned().unwrap_or_default())
        .register_fn("last", |list: &mut Array| list.last().cloned().unwrap_or_default())
        .register_fn("first", |(): ()| {})
        .register_fn("last", |(): ()| {})
        .register_fn("is_blank", |list: &mut Array| list.is_empty())
        .register_fn("compact", |list: &mut Array| list.iter().filter(|one| !blank(one)).cloned().collect::<Array>())
        .register_fn("unique", unique)
        .register_fn("contains", |list: &mut Array, wanted: Dynamic| list.iter().any(|one| same(one, &wanted)))
        .register_fn("join", join)
        .register_fn("map", |context: NativeCallContext<'_>, list: &mut Array, of: FnPtr| -> Fallible<Array> {
            list.iter().map(|one| of.call_within_context(&context, (one.clone(),))).collect()
        })
        .register_fn("filter", |context: NativeCallContext<'_>, list: &mut Array, of: FnPtr| -> Fallible<Array> {
            let mut kept = Array::new();
            for one in list.iter() {
                if of.call_within_context::<bool>(&context, (one.clone(),))? {
                    kept.push(one.clone());
                }
            }
            Ok(kept)
        })
        .register_fn("any", |context: NativeCallContext<'_>, list: &mut Array, of: FnPtr| -> Fallible<bool> {
            for one in list.iter() {
                if of.call_within_context::<bool>(&context, (one.clone(),))? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .register_fn("all", |context: NativeCallContext<'_>, list: &mut Array, of: FnPtr| -> Fallible<bool> {
            for one in list.iter() {
                if !of.call_within_context::<bool>(&context, (one.clone(),))? {
                    return Ok(false);
                }
            }
            Ok(true)
        });
    for name in ["map", "filter"] {
        engine.register_fn(name, |(): (), _: FnPtr| Array::new());
    }
    engine.register_fn("any", |(): (), _: FnPtr| false);
    engine.register_fn("all", |(): (), _: FnPtr| true);
    engine.register_fn("join", |(): (), _: &str| {});
    for name in ["compact", "unique"] {
        engine.register_fn(name, |(): ()| Array::new());
    }
}

fn blank(value: &Dynamic) -> bool {
    value.is_unit() || value.as_immutable_string_ref().is_ok_and(|text| text.trim().is_empty())
}

fn shown(value: &Dynamic) -> Option<String> {
    let simple = value.is_string() || value.is_int() || value.is_decimal() || value.is_bool() || value.is_char();
    simple.then(|| value.to_string())
}

fn same(one: &Dynamic, other: &Dynamic) -> bool {
    match (shown(one), shown(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

fn unique(list: &mut Array) -> Array {
    let mut seen = std::collections::HashSet::new();
    list.iter().filter(|one| shown(one).is_none_or(|text| seen.insert(text))).cloned().collect()
}

fn join(list: &mut Array, separator: &str) -> Fallible<String> {
    let mut joined = String::new();
    for one in list.iter().filter(|one| !blank(one)) {
        let text = shown(one).ok_or("a list of texts is needed for \"join\"")?;
        spend(&text)?;
        if !joined.is_empty() {
            joined.push_str(separator);
        }
        joined.push_str(&text);
        if joined.len() > TEXT_BYTES {
            return Err(too_large("a text"));
        }
    }
    Ok(joined)
}
