//! Rules that change reach what they concern, whoever races, dies or loses messages; and every rule of it is needed.

use model::check;
use model::wanted::{RULES, Ruled};

fn worlds() -> Vec<(&'static str, Ruled)> {
    let world = |says, rules, crashes, losses| Ruled { says, rules, crashes, losses, without: None };
    vec![
        ("a feed races rules", world("ab", "BA", 0, 0)),
        ("a feed races rules, a function dies", world("ab", "A", 1, 0)),
        ("rules change, a function dies", world("a", "A-", 1, 0)),
        ("rules come, go and come back, a message is lost", world("a", "A-A", 0, 1)),
        ("rules change, a function dies, a message is lost", world("a", "A-", 1, 1)),
        ("content comes back under other rules, a message is lost", world("aba", "A", 0, 1)),
    ]
}

#[test]
fn changed_rules_reach_what_they_concern() {
    for (name, model) in worlds() {
        let verdict = check(model, None);
        assert!(verdict.exhaustive && verdict.violated.is_empty(), "{name}: {:#?}", verdict.violated);
        assert!(verdict.unreachable.is_empty(), "{name}: never happens: {:?}", verdict.unreachable);
        println!("{} states: {name}", verdict.states);
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    for rule in RULES {
        let violation = worlds().into_iter().find_map(|(name, world)| {
            let verdict = check(Ruled { without: Some(rule), ..world }, None);
            verdict.violated.into_iter().next().map(|violation| (name, violation.steps))
        });
        println!("without {rule:?}: {violation:?}");
        assert!(violation.is_some(), "nothing breaks without {rule:?}");
    }
}
