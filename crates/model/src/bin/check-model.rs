//! Checks the protocol in all worlds and shows that every rule of it is needed. Writes
//! `target/reports/model.json`.
//!
//! With words, only the worlds are checked whose name has them: `check-model rules change`.

#![allow(clippy::print_stdout)]

use std::process::ExitCode;
use std::time::Duration;

use model::{Verdict, articles, check, configurations, held, lane, rules, wanted};
use serde::Serialize;

/// A world must be larger than this for the report to count.
const STATES: usize = 1_000_000;
/// A missing rule shows within this time, or counts as not caught.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModelReport {
    largest_states: usize,
    total_states: usize,
    seconds: f64,
    worlds: Vec<World>,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct World {
    name: &'static str,
    #[serde(flatten)]
    verdict: Verdict,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    without: &'static str,
    caught_by: Vec<&'static str>,
    states: usize,
    steps: usize,
}

fn main() -> ExitCode {
    let only = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    let worlds = worlds(&only);
    let hold = |world: &World| {
        let Verdict { violated, unreachable, exhaustive, .. } = &world.verdict;
        violated.is_empty() && unreachable.is_empty() && *exhaustive
    };
    let mut ok = worlds.iter().all(hold);
    if !only.is_empty() {
        return if ok && !worlds.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let rules = rules_taken_out();
    ok &= rules.iter().all(|rule| !rule.caught_by.is_empty());
    let largest_states = worlds.iter().map(|world| world.verdict.states).max().unwrap_or(0);
    let report = ModelReport {
        largest_states,
        total_states: worlds.iter().map(|world| world.verdict.states).sum(),
        seconds: worlds.iter().map(|world| world.verdict.seconds).sum(),
        worlds,
        rules,
    };
    ok &= largest_states >= STATES;
    println!(
        "\n{} states in {:.0} s, the largest world has {largest_states}; {} rules taken out, {} caught",
        report.total_states,
        report.seconds,
        report.rules.len(),
        report.rules.iter().filter(|rule| !rule.caught_by.is_empty()).count(),
    );
    if let Err(error) = write(&report) {
        println!("the report cannot be written: {error}");
        ok = false;
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Visits all worlds whose name contains `only`.
fn worlds(only: &str) -> Vec<World> {
    println!("{:>10}  {:>6}  {:>7}  world", "states", "depth", "seconds");
    let mut worlds = Vec::new();
    let mut visit = |name: &'static str, check: &dyn Fn() -> Verdict| {
        if !name.contains(only) {
            return;
        }
        let verdict = check();
        println!("{:>10}  {:>6}  {:>7.1}  {name}", verdict.states, verdict.depth, verdict.seconds);
        for violation in &verdict.violated {
            println!("    VIOLATED: {}\n    {}", violation.property, violation.steps.join(" → "));
        }
        worlds.push(World { name, verdict });
    };
    for (name, model) in configurations::small().into_iter().chain(configurations::large()) {
        visit(name, &|| check(model.clone(), None));
    }
    let (name, run) = configurations::run();
    visit(name, &|| check(run.clone(), None));
    for (name, model) in held::small().into_iter().chain(held::large()) {
        visit(name, &|| check(model.clone(), None));
    }
    for (name, model) in articles::small().into_iter().chain(articles::large()) {
        visit(name, &|| check(model.clone(), None));
    }
    for (name, model) in wanted::small().into_iter().chain(wanted::large()) {
        visit(name, &|| check(model.clone(), None));
    }
    for (name, model) in lane::small() {
        visit(name, &|| check(model.clone(), None));
    }
    worlds
}

/// Takes each rule out in turn: what that breaks.
fn rules_taken_out() -> Vec<Rule> {
    println!("\n{:>10}  {:>6}  without", "states", "steps");
    let products = rules::of_products().into_iter().map(|model| (model.mutation, check(model, Some(PATIENCE))));
    let runs = rules::of_runs().into_iter().map(|model| (model.mutation, check(model, Some(PATIENCE))));
    let mut taken_out = Vec::new();
    for (mutation, verdict) in products.chain(runs) {
        let without = mutation.map_or("nothing", |mutation| mutation.without);
        let caught_by: Vec<&str> = verdict.violated.iter().map(|violation| violation.property).collect();
        let steps = verdict.violated.iter().map(|violation| violation.steps.len()).min().unwrap_or(0);
        let shown = caught_by.first().map_or("NOT CAUGHT", |property| property);
        println!("{:>10}  {steps:>6}  {without}\n{:>20}breaks: {shown}", verdict.states, "");
        taken_out.push(Rule { without, caught_by, states: verdict.states, steps });
    }
    taken_out
}

fn write(report: &ModelReport) -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reports");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("model.json"), serde_json::to_vec_pretty(report)?)
}
