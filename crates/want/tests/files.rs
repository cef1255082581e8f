//! What is wrong with a rules file is named with its place, and with what was probably meant.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use want::Rules;

fn flaws(text: &str) -> Vec<String> {
    Rules::read([("r.yaml", text)]).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn every_flaw_has_its_place_and_its_words() {
    #[rustfmt::skip]
    let flawed = [
        ("rulez: []", "1:1", "did you mean `rules`"),
        ("rules:\n  - rule: x\n    whne: {}\n", "3:5", "did you mean `when`"),
        ("rules:\n  - rule: x\n    price:\n      - facter: 2\n", "4:9", "did you mean `factor`"),
        ("rules:\n  - rule: x\n    price:\n      - factor: 1,5\n", "4:17", "no number"),
        ("rules:\n  - rule: x\n    price:\n      - factor: 1e5\n", "4:17", "no number"),
        ("rules:\n  - rule: x\n    price:\n      - factor: -1\n", "4:9", "above zero"),
        ("rules:\n  - rule: x\n    price:\n      - margin: 0.3\n", "4:17", "no percentage such as 15%"),
        ("rules:\n  - rule: x\n    price:\n      - margin: 100%\n", "4:9", "below 100%"),
        ("rules:\n  - rule: x\n    price:\n      - add: {sar: 5}\n", "4:", "no currency code"),
        ("rules:\n  - rule: x\n    price:\n      - round: {ending: [5], every: 5}\n", "4:9", "from 0 to below 5"),
        ("rules:\n  - rule: x\n    price:\n      - bands: []\n", "4:9", "empty"),
        ("rules:\n  - rule: x\n    price:\n      - bands: [{factor: 2}, {factor: 1}]\n", "4:9", "no `below`"),
        ("rules:\n  - rule: x\n    price:\n      - bands: [{below: {SAR: 9}, factor: 2}, {below: {SAR: 5}, factor: 1}]\n", "4:9", "not above"),
        ("currencies: {sold: [JPY]}\nrules:\n  - rule: x\n    price:\n      - round: {ending: [0.95]}\n", "5:9", "JPY has no coin for 0.95"),
        ("currencies: {sold: [riyal]}", "1:13", "no currency code"),
        ("currencies: {sold: []}", "1:13", "nothing would be sold"),
        ("currencies: {from: [SAR]}", "1:13", "missing"),
        ("currencies: {sold: [SAR], rates-not-older-than: soon}", "1:49", "no length of time"),
        ("currencies: {sold: [SAR], rates-not-older-than: 1 month}", "1:49", "months"),
        ("rules:\n  - rule: x\n", "2:5", "does nothing"),
        ("rules:\n  - rule: x\n    withhold: {}\n", "3:15", "neither"),
        ("rules:\n  - rule: x\n    hold: {}\n", "3:11", "does not say"),
        ("rules:\n  - rule: x\n    when: {category: \"A > \"}\n    stop: true\n", "3:22", "level without a name"),
        ("rules:\n  - rule: x\n    when: {source: []}\n    stop: true\n", "3:20", "no product"),
        ("rules:\n  - rule: x\n    when: {brand: 5}\n    stop: true\n", "3:", "in quotes"),
        ("rules:\n  - rule: x\n    compare-at: dorp\n", "3:17", "did you mean `drop`"),
        ("rules:\n  - rule: x\n    values: {brand: {use: sizs}}\ntables: {sizes: {}}\n", "3:21", "did you mean `sizes`"),
        ("rules:\n  - rule: x\n    values: {brand: {patterns: [{match: \"(\", to: x}]}}\n", "3:33", "no regular expression"),
        ("categories: {tree: [{name: Women}, {name: women}]}", "1:36", "taken"),
        ("categories: {tree: [{name: \"!\"}]}", "1:21", "letter"),
        ("categories: {tree: [{name: Women}], map: [{from: A, to: Wommen}]}", "1:57", "did you mean `Women`"),
        ("categories: {tree: [{name: Women}], unmapped: {to: Misc}}", "1:", "no category \"Misc\""),
        ("rules:\n  - rule: x\n    when: {expression: stok > 1}\n    stop: true\n", "3:24", "did you mean `stock`"),
        ("rules:\n  - rule: x\n    when: {expression: 'stock >'}\n    stop: true\n", "3:24", "not finished"),
        ("feeds: {}", "1:8", "does not say"),
        ("feeds: {average-price: 5%}", "1:", "did you mean `average-price-over`"),
        ("rules: 5", "1:8", "sequence"),
        ("rules: [", "1:", ""),
        ("rules:\n  - rule: x\n    rule: y\n", "3:5", "duplicate"),
    ];
    for (text, place, words) in flawed {
        let flaws = flaws(text);
        assert!(
            flaws[0].starts_with(&format!("r.yaml:{place}")) && flaws[0].contains(words),
            "{text}\n→ {flaws:?}, expected at {place}: {words}"
        );
    }
}

#[test]
fn all_flaws_of_all_files_are_told_and_what_may_stand_once_does() {
    let one = "currencies: {sold: [SAR]}\ncategories: {tree: [{name: A}], unmapped: drop}\ntables: {t: {}}\nfeeds: {recategorised-over: 5%}\n";
    let flaws =
        Rules::read([("a.yaml", one), ("b.yaml", one), ("c.yaml", "rules: [{rule: x}, {rule: y}]")]).unwrap_err();
    let told: Vec<String> = flaws.iter().map(ToString::to_string).collect();
    for words in [
        "b.yaml: the table \"t\" stands in two files",
        "b.yaml:1:13: `currencies` may stand once; it stands at a.yaml:1:13",
        "the tree may stand once",
        "`unmapped` may stand once",
        "`feeds` may stand once",
        "c.yaml:1:9: the rule \"x\" does nothing",
        "c.yaml:1:20",
    ] {
        assert!(told.iter().any(|flaw| flaw.contains(words)), "{words}: {told:#?}");
    }
    assert!(flaws.iter().find(|flaw| flaw.place.line > 0).unwrap().shown().contains('^'));
}

#[test]
fn hostile_files_end_with_an_error() {
    let bomb = format!(
        "a: &a [x,x,x,x,x,x,x,x,x]\n{}",
        (0..30).map(|n| format!("b{n}: &b{n} [*a,*a,*a,*a,*a,*a,*a,*a]\n")).collect::<String>()
    );
    let deep = format!("rules: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let none = format!("rules: [{{rule: x, stop: true, when: {}{}}}]", "{none: [".repeat(5_000), "]}".repeat(5_000));
    let regex =
        "rules: [{rule: x, values: {brand: {patterns: [{match: \"(((a{1,1000}){1,1000}){1,1000})\", to: x}]}}}]";
    let large = " ".repeat((1 << 20) + 1);
    for text in [bomb.as_str(), &deep, &none, regex, &large, "\0", "rules: !!binary x"] {
        assert!(Rules::read([("r.yaml", text)]).is_err(), "{}", &text[..text.len().min(60)]);
    }
}

#[test]
fn hints_say_what_was_probably_not_meant() {
    let rules = common::rules(
        "currencies: {sold: [SAR, USD]}\nrules:\n  - rule: dear\n    when: {cost: {from: {SAR: 100}}}\n    price: [{factor: 0.5}, {add: {SAR: 1}}]\n",
    );
    let hints: Vec<String> = rules.hints().iter().map(ToString::to_string).collect();
    assert!(hints.iter().any(|hint| hint.contains("may become cheaper")), "{hints:?}");
    assert!(hints.iter().any(|hint| hint.contains("says nothing about USD")), "{hints:?}");
}

#[test]
fn the_version_is_what_the_files_say() {
    let version = |files: &[(&str, &str)]| Rules::read(files.iter().copied()).unwrap().version().to_owned();
    let one = [("a", "rules: []"), ("b", "tables: {}")];
    assert_eq!(version(&one), version(&one));
    assert_ne!(version(&one), version(&[("a", "rules: []"), ("b", "tables: {} ")]));
    assert_ne!(version(&one), version(&[one[1], one[0]]));
    assert!(Rules::default().version().is_empty() && Rules::default().is_empty());
}

/// The file that newcomers begin with.
#[test]
fn the_sample_is_read_without_a_flaw_and_without_a_hint() {
    let text = include_str!("../../../localstack/rules/sample.yaml");
    let rules = common::rules(text);
    assert_eq!(rules.hints(), []);
    let wanted = want::want(&common::shirt(), &rules, &want::Moment::default());
    assert_eq!(common::prices(&wanted.product)[0], "S1 SAR 49.95/62.95");
    assert!(wanted.in_shop_tree() && wanted.unmapped.is_empty(), "{wanted:?}");
}

/// What docs/rules.md shows can be used as it is.
#[test]
fn the_example_in_the_documentation_is_read_without_a_flaw() {
    let page = include_str!("../../../docs/rules.md");
    let text = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let rules = common::rules(text);
    assert!(rules.hints().is_empty(), "{:?}", rules.hints());
}
