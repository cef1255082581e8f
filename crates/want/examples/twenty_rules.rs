//! Reading a feed to canonical products and their hashes, without rules and with twenty, in one process, turn by turn:
//!
//! ```text
//! cargo run --profile light -p want --example twenty_rules -- <source> <feed file>
//! ```
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

use std::time::{Duration, Instant};

use catalog::{ContentHash, Product};
use feeds::{Checkpoint, Feed, Limits, Outcome, Progress, adapter};
use want::{Moment, Rules, want};

const ROUNDS: usize = 7;
/// Products of a round, at least.
const PRODUCTS: usize = 3_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [source, file] = args.as_slice() else {
        println!("usage: twenty_rules <source> <feed file>");
        return;
    };
    let body = std::fs::read(file).unwrap();
    let text = rules();
    let rules = Rules::read([("twenty.yaml", text.as_str())]).unwrap();
    assert_eq!(rules.len(), 20);
    let once = round(source, &body, 1, None).1;
    let times = PRODUCTS.div_ceil(once);
    let mut best = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (with, rules) in [None, Some(&rules)].into_iter().enumerate() {
            best[with] = best[with].min(round(source, &body, times, rules).0);
        }
    }
    let [without, with] = best.map(|best| (times * once) as f64 / best.as_secs_f64());
    println!("{source}: {without:.0} products a second without rules, {with:.0} with twenty: {:.2}", with / without);
}

fn round(source: &str, body: &[u8], times: usize, rules: Option<&Rules>) -> (Duration, usize) {
    let mut products = 0;
    let mut take = |outcomes: &mut Vec<Outcome>| {
        for outcome in outcomes.drain(..) {
            let Outcome::Product(mapped) = outcome else { continue };
            std::hint::black_box(hash(&mapped.product, rules));
            products += 1;
        }
    };
    let began = Instant::now();
    for _ in 0..times {
        let adapter = adapter::find(source).unwrap();
        let mut feed = Feed::new(adapter, "feed", Checkpoint::default(), Limits::default()).unwrap();
        let mut outcomes = Vec::new();
        feed.offer(body.to_vec());
        while feed.step(&mut outcomes).unwrap() == Progress::More {
            take(&mut outcomes);
        }
        while feed.conclude(&mut outcomes).unwrap() == Progress::More {
            take(&mut outcomes);
        }
        take(&mut outcomes);
    }
    (began.elapsed(), products)
}

/// What is done with a product: its hash, and what rules make of it, with the hash of that.
fn hash(product: &Product, rules: Option<&Rules>) -> (ContentHash, Option<ContentHash>) {
    let wanted =
        rules.map(|rules| want(product, rules, &Moment { now: 1, said_at: Some(0), ..Moment::default() }).digest());
    (ContentHash::of(product), wanted)
}

/// Conditions and effects of every kind; each product is concerned by many.
fn rules() -> String {
    let mut text = String::from(
        "categories:
  tree: [{name: Women, below: [{name: Dresses}]}, {name: Men}, {name: Other}]
  map:
    - {from: ['** > *Dresses', 'Women* > ** > *Dress*'], to: Women > Dresses}
    - {from: 'Women*', to: Women}
    - {from: 'Men*', to: Men}
  unmapped: {to: Other}
rules:
  - {rule: spelling, values: {options: {Size: {table: {EUR38: '38'}, patterns: [{match: 'EUR ?(\\d+)', to: $1}]}}}}
  - {rule: ours, price: [{markup: 30%}, {tax: 15%}, {at-least: {margin: 10%}}]}
  - {rule: gate, withhold: {no-image: true, below-cost: true, title-shorter-than: 5, words: [replica, fake]}}
  - {rule: said, when: {expression: 'stock < 3 && images == 0'}, withhold: {reason: 'nothing to show'}}
",
    );
    for n in 0..5 {
        text.push_str(&format!(
            "  - {{rule: brand {n}, when: {{brand: 'maker {n}*'}}, price: [{{factor: 1.0{n}}}]}}
  - {{rule: dear {n}, when: {{cost: {{from: {{USD: {n}0, SAR: {n}0}}}}}}, price: [{{add: {{USD: 0.1{n}}}}}]}}
  - {{rule: place {n}, when: {{shop-category: Women, name-has: [abaya {n}]}}, categories: {{add: [Other]}}}}
"
        ));
    }
    text.push_str("  - {rule: round, price: [{round: {ending: [0.95]}}]}\n");
    text
}
