#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]
use model::catalog_of_mutations::pipelines;
use stateright::{Checker, Model};
fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    for model in pipelines() {
        let rule = model.mutation.unwrap().without;
        if !rule.contains(&only) {
            continue;
        }
        let start = std::time::Instant::now();
        let c = model
            .checker()
            .threads(2)
            .timeout(std::time::Duration::from_secs(240))
            .finish_when(stateright::HasDiscoveries::AnyFailures)
            .spawn_bfs()
            .join();
        let found: Vec<_> = c
            .discoveries()
            .into_iter()
            .filter(|(n, _)| !n.starts_with("the newest"))
            .map(|(n, p)| (n, p.into_vec().len()))
            .collect();
        println!(
            "{} {:>9} states {:>7.1?}  {rule}  {found:?}",
            if found.is_empty() { "SURVIVES" } else { "caught  " },
            c.unique_state_count(),
            start.elapsed()
        );
    }
}
