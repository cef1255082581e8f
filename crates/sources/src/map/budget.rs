//! How much work the mapping of one record may be, and what of it need not be done twice. A field's
//! expression has a budget of its own; a mapping may have thousands of fields, and a record long
//! lists.

use std::cell::{Cell, RefCell};

use expr::{EvalError, Expression, Value};

/// Steps for one product: steps of expressions, values that are looked at, and 64 bytes of text
/// that are copied.
const STEPS: u64 = 5_000_000;
/// Values of a list.
pub(crate) const LIST: usize = 10_000;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(STEPS) };
    /// What expressions gave that are the same for all variants of the product, by where they stand
    /// in memory.
    static ONCE: RefCell<Vec<(usize, Value)>> = const { RefCell::new(Vec::new()) };
}

/// A product begins.
pub(crate) fn begin() {
    LEFT.set(STEPS);
    ONCE.with_borrow_mut(Vec::clear);
}

/// Evaluates an expression once for a product.
pub(super) fn once(
    expression: &Expression,
    evaluate: impl FnOnce() -> Result<Value, EvalError>,
) -> Result<Value, EvalError> {
    let key = std::ptr::from_ref(expression) as usize;
    let known = ONCE.with_borrow(|known| known.iter().find(|(at, _)| *at == key).map(|(_, value)| value.clone()));
    if let Some(value) = known {
        return Ok(value);
    }
    let value = evaluate()?;
    ONCE.with_borrow_mut(|known| known.push((key, value.clone())));
    Ok(value)
}

/// Something that is the same for all variants of a product: it is worked out for the first two,
/// and then taken over with the steps that it took for the second.
#[derive(Debug)]
pub(super) struct Repeated<T>(Seen<T>);

#[derive(Debug)]
enum Seen<T> {
    Never,
    Once,
    Known(T, u64),
}

impl<T: Clone> Repeated<T> {
    pub(super) const fn new() -> Self {
        Self(Seen::Never)
    }

    pub(super) fn of<E>(&mut self, fresh: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let before = LEFT.get();
        if let Seen::Known(value, steps) = &self.0
            && before > *steps
        {
            LEFT.set(before - steps);
            return Ok(value.clone());
        }
        let value = fresh()?;
        self.0 = match &self.0 {
            Seen::Never => Seen::Once,
            Seen::Once | Seen::Known(..) => Seen::Known(value.clone(), before - LEFT.get()),
        };
        Ok(value)
    }
}

/// Takes steps; `false` when none are left.
pub(crate) fn spend(steps: u64) -> bool {
    let left = LEFT.get().saturating_sub(steps);
    LEFT.set(left);
    left > 0
}

/// Takes the steps for copying a value.
pub(crate) fn copy(value: &Value) -> bool {
    spend(size(value))
}

fn size(value: &Value) -> u64 {
    match value {
        Value::Text(text) => 1 + text.len() as u64 / 64,
        Value::List(values) => 1 + values.iter().map(size).sum::<u64>(),
        Value::Object(entries) => 1 + entries.values().map(size).sum::<u64>(),
        _ => 1,
    }
}
