#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]
use model::pipeline::{Faults, Feed, Pipeline};
use stateright::{Checker, Model};
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let feeds = args[0].chars().map(|c| Feed { says: c.to_ascii_uppercase(), fast: c.is_lowercase() }).collect();
    let mut f = Faults::default();
    for kv in &args[2..] {
        let (k, v) = kv.split_once('=').unwrap();
        let v: u8 = v.parse().unwrap();
        match k {
            "crashes" => f.crashes = v,
            "timeouts" => f.timeouts = v,
            "stalls" => f.stalls = v,
            "duplicates" => f.duplicates = v,
            "losses" => f.losses = v,
            "refusals" => f.refusals = v,
            "redrives" => f.redrives = v,
            "edits" => f.edits = v,
            _ => panic!(),
        }
    }
    let model = Pipeline { feeds, workers: args[1].parse().unwrap(), faults: f, mutation: None };
    let model = Pipeline {
        mutation: std::env::var("RULE").ok().and_then(|r| {
            model::rules::of_products().into_iter().filter_map(|m| m.mutation).find(|m| m.without.contains(&r))
        }),
        ..model
    };
    let start = std::time::Instant::now();
    let c = model
        .checker()
        .threads(2)
        .timeout(std::time::Duration::from_secs(std::env::var("LIMIT").ok().and_then(|l| l.parse().ok()).unwrap_or(45)))
        .finish_when(stateright::HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    println!(
        "{} unique {} total depth {} in {:?}",
        c.unique_state_count(),
        c.state_count(),
        c.max_depth(),
        start.elapsed()
    );
    for (name, path) in c.discoveries() {
        if name.starts_with("the newest") {
            continue;
        }
        println!("== {name}");
        let v = path.into_vec();
        println!("{:?}", v.iter().filter_map(|(_, a)| *a).collect::<Vec<_>>());
        let s = &v.last().unwrap().0;
        println!(
            "    runs {:?}\n    doc {:?}\n    state {:?}\n    t {:?} q {:?} fl {:?}\n    w {:?}",
            s.runs.iter().map(|r| r.phase).collect::<Vec<_>>(),
            s.doc,
            s.state,
            s.targets,
            s.queues,
            s.flights,
            s.workers
        );
    }
}
