//! What is promised of prices, whatever the rules: exact, the same every time, and a higher cost
//! never gives a lower price.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use catalog::currency::minor_digits;
use catalog::{Price, Product};
use common::{price, shirt, variant};
use proptest::prelude::*;
use rust_decimal::Decimal;
use want::{Moment, Rules, want};

const CURRENCIES: [&str; 3] = ["SAR", "KWD", "JPY"];

/// A step as a file says it, without those that name a price.
fn step() -> impl Strategy<Value = String> {
    let money = (0u32..500).prop_map(|coins| format!("{{SAR: {0}.25, KWD: {0}.125, JPY: {0}}}", coins));
    let rounding = (1u32..40, prop::sample::select(vec!["nearest", "up", "down"]), any::<bool>()).prop_map(|(every, direction, ending)| {
        let ending = if ending { ", ending: [0.95]" } else { "" };
        format!(
            "{{round: {{every: {every}{ending}, direction: {direction}, currencies: {{JPY: {{every: {every}0, direction: {direction}}}}}}}}}"
        )
    });
    prop_oneof![
        (1u32..4_000).prop_map(|mille| format!("{{factor: {}}}", Decimal::new(mille.into(), 3))),
        (0u32..990).prop_map(|mille| format!("{{margin: {}%}}", Decimal::new(mille.into(), 1))),
        (0u32..2_000).prop_map(|mille| format!("{{markup: {}%}}", Decimal::new(mille.into(), 1))),
        (0u32..300).prop_map(|mille| format!("{{tax: {}%}}", Decimal::new(mille.into(), 1))),
        money.clone().prop_map(|money| format!("{{add: {money}}}")),
        (0u32..900, money.clone()).prop_map(|(mille, money)| format!(
            "{{at-least: {{margin: {}%, amount: {money}}}}}",
            Decimal::new(mille.into(), 1)
        )),
        money.prop_map(|money| format!("{{fixed: {money}}}")),
        (1u32..50, 1u32..50, 1u32..30, 1u32..30, 1u32..30).prop_map(|(end, more, a, b, c)| {
            let below = |end: u32| format!("{{SAR: {end}, KWD: {end}, JPY: {end}00}}");
            let (first, second) = (below(end), below(end + more));
            format!(
                "{{bands: [{{below: {first}, factor: 0.{a}}}, {{below: {second}, factor: {b}}}, {{margin: {c}%}}]}}"
            )
        }),
        rounding,
    ]
}

fn rules() -> impl Strategy<Value = (String, Rules)> {
    prop::collection::vec(prop::collection::vec(step(), 1..4), 1..4).prop_map(|rules| {
        let rule = |(n, steps): (usize, &Vec<String>)| format!("  - rule: r{n}\n    price: [{}]\n", steps.join(", "));
        let text = format!("rules:\n{}", rules.iter().enumerate().map(rule).collect::<String>());
        // A fixed price of nothing is refused when the file is read.
        let text = text.replace("fixed: {SAR: 0.25, KWD: 0.125, JPY: 0}", "fixed: {SAR: 0.25, KWD: 0.125, JPY: 1}");
        let rules = common::rules(&text);
        (text, rules)
    })
}

fn product(coins: i64) -> Product {
    let prices = CURRENCIES.iter().map(|currency| Price {
        currency: (*currency).into(),
        amount: Decimal::new(coins, minor_digits(currency)),
        list_amount: Some(Decimal::new(coins * 2, minor_digits(currency))),
    });
    Product { variants: vec![variant("S1", "M", prices.collect())], ..shirt() }
}

fn of<'p>(product: &'p Product, currency: &str) -> Option<&'p Price> {
    product.variants.first()?.prices.iter().find(|price| price.currency == currency)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_higher_cost_never_gives_a_lower_price((text, rules) in rules(), coins in 1i64..100_000, more in 0i64..5_000) {
        let wanted = |coins| want(&product(coins), &rules, &Moment::default());
        let (low, high) = (wanted(coins), wanted(coins + more));
        // Of one whose prices all round to nothing the source's stand there; it is not sold.
        prop_assume!(low.withheld.is_empty() && high.withheld.is_empty());
        let (low, high) = (low.product, high.product);
        for currency in CURRENCIES {
            // A price that rounds to nothing is none.
            let (Some(low), Some(high)) = (of(&low, currency), of(&high, currency)) else { continue };
            prop_assert!(low.amount <= high.amount, "{currency}: {} → {}, {} → {}\n{text}", coins, low.amount, coins + more, high.amount);
        }
    }

    #[test]
    fn prices_are_whole_coins_above_zero_below_what_they_are_reduced_from((_, rules) in rules(), coins in 1i64..100_000) {
        for price in want(&product(coins), &rules, &Moment::default()).product.variants.iter().flat_map(|variant| &variant.prices) {
            prop_assert_eq!(price.amount.scale(), minor_digits(&price.currency));
            prop_assert!(price.amount > Decimal::ZERO && price.list_amount.is_none_or(|list| list > price.amount));
        }
    }

    #[test]
    fn the_same_in_gives_the_same_out_and_what_was_wanted_last_is_no_change((text, rules) in rules(), coins in 1i64..100_000) {
        let said = product(coins);
        let first = want(&said, &rules, &Moment::default());
        prop_assert_eq!(&want(&said, &rules, &Moment::default()), &first);
        let guarded = common::rules(&format!("{text}  - rule: guard\n    hold: {{price-rise-over: 0%, price-fall-over: 0%, category-change: true}}\n"));
        let again = want(&said, &guarded, &Moment { last: Some(&first.product), ..Moment::default() });
        prop_assert_eq!((again.held, again.product), (vec![], first.product));
    }

    /// Against whole numbers of thousandths: no float, and nothing is rounded before the end.
    #[test]
    fn factors_markups_and_amounts_are_exact(coins in 1i64..1_000_000_000, factors in prop::collection::vec(1i64..3_000, 1..4), cents in 0i64..10_000) {
        let steps: Vec<String> = factors.iter().map(|factor| format!("{{factor: {}}}", Decimal::new(*factor, 3))).collect();
        let text = format!("rules: [{{rule: x, price: [{}, {{add: {{SAR: {}}}}}]}}]", steps.join(", "), Decimal::new(cents, 2));
        let said = Product { variants: vec![variant("S1", "M", vec![price("SAR", &Decimal::new(coins, 2).to_string(), None)])], ..shirt() };
        let wanted = want(&said, &common::rules(&text), &Moment::default()).product;
        let scale = 10i128.pow(3 * factors.len() as u32);
        let product = factors.iter().fold(i128::from(coins), |product, factor| product * i128::from(*factor)) + i128::from(cents) * scale;
        // Half up.
        let expected = (2 * product + scale) / (2 * scale);
        prop_assert_eq!(of(&wanted, "SAR").map(|price| price.amount), (expected > 0).then(|| Decimal::from_i128_with_scale(expected, 2)));
    }

    #[test]
    fn a_margin_is_the_exact_quotient_rounded_once(coins in 1i64..1_000_000_000, mille in 0i64..1_000) {
        let text = format!("rules: [{{rule: x, price: [{{margin: {}%}}]}}]", Decimal::new(mille, 1));
        let said = Product { variants: vec![variant("S1", "M", vec![price("SAR", &Decimal::new(coins, 2).to_string(), None)])], ..shirt() };
        let wanted = want(&said, &common::rules(&text), &Moment::default()).product;
        let (over, under) = (i128::from(coins) * 1_000, i128::from(1_000 - mille));
        let expected = (2 * over + under) / (2 * under);
        prop_assert_eq!(of(&wanted, "SAR").unwrap().amount, Decimal::from_i128_with_scale(expected, 2));
    }
}

#[test]
fn the_order_of_rules_is_the_order_in_which_they_stand() {
    let of = |first: &str, second: &str| {
        let text = format!("rules: [{{rule: a, price: [{first}]}}, {{rule: b, price: [{second}]}}]");
        common::prices(&want(&shirt(), &common::rules(&text), &Moment::default()).product)[0].clone()
    };
    let (factor, add) = ("{factor: 2}", "{add: {SAR: 5}}");
    assert_eq!(of(factor, add), "S1 SAR 85.00/105.00");
    assert_eq!(of(add, factor), "S1 SAR 90.00/110.00");
    // Over several files: file after file.
    let files = |one: &'static str, two: &'static str| {
        let rules = Rules::read([("a", one), ("b", two)]).unwrap();
        common::prices(&want(&shirt(), &rules, &Moment::default()).product)[0].clone()
    };
    let (factor, add) = ("rules: [{rule: a, price: [{factor: 2}]}]", "rules: [{rule: b, price: [{add: {SAR: 5}}]}]");
    assert_eq!(files(factor, add), "S1 SAR 85.00/105.00");
    assert_eq!(files(add, factor), "S1 SAR 90.00/110.00");
}
