//! The language inside, with everything switched off that could run for long, change a value in
//! place, or reach the world.

use std::sync::LazyLock;

use rhai::packages::{ArithmeticPackage, BasicFnPackage, BasicIteratorPackage, LogicPackage, Package};
use rhai::{Dynamic, Engine, OptimizationLevel};

use crate::{budget, functions};

/// Bytes of a text within an expression: more than the longest description.
pub(crate) const TEXT_BYTES: usize = 1 << 20;
/// Values in a list, those in it included.
pub(crate) const LIST: usize = 10_000;
/// Expressions within each other.
const DEPTH: usize = 48;

pub(crate) static ENGINE: LazyLock<Engine> = LazyLock::new(engine);

fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    functions::register(&mut engine);
    engine
        .set_optimization_level(OptimizationLevel::Simple)
        // The operators are ours: `7 / 2`, and a number that arrives as a text.
        .set_fast_operators(false)
        .set_allow_looping(false)
        .set_allow_loop_expressions(false)
        .set_strict_variables(true)
        .set_max_expr_depths(DEPTH, DEPTH)
        .set_max_call_levels(8)
        .set_max_variables(64)
        .set_max_strings_interned(0)
        .set_max_string_size(TEXT_BYTES)
        .set_max_array_size(LIST)
        .set_max_map_size(LIST)
        .on_progress(|_| (!budget::spend(1)).then(|| Dynamic::from(functions::OUT_OF_BUDGET)));
    for word in ["fn", "eval", "print", "debug", "this", "throw", "try", "export", "import", "global", "Fn", "curry"] {
        engine.disable_symbol(word);
    }
    engine
}

/// Whether the language takes a word for a name.
pub(crate) fn is_name(word: &str) -> bool {
    static WORDS: LazyLock<Engine> = LazyLock::new(Engine::new_raw);
    let number = word.trim_start_matches('_').starts_with(char::is_numeric);
    !number && WORDS.compile_expression(word).is_ok() && !matches!(word, "true" | "false")
}
