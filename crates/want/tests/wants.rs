//! What rules make of a product.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use catalog::{ContentHash, Product};
use common::{name, path, price, prices, rules, shirt, variant};
use want::{Moment, Rates, Wanted, explain, want};

const DAY: i64 = 86_400_000;

fn wanted(text: &str) -> Wanted {
    want(&shirt(), &rules(text), &Moment::default())
}

fn categories(product: &Product) -> Vec<String> {
    product.categories.iter().map(want::category::shown).collect()
}

#[test]
fn without_rules_what_is_wanted_is_what_the_source_says() {
    let said = shirt();
    let wanted = want(&said, &want::Rules::default(), &Moment::default());
    assert_eq!(wanted.product, said);
    assert_eq!(wanted.digest(), ContentHash::of(&said));
    // And a rule for others changes nothing either, not even how an amount is written.
    let others = self::wanted("rules: [{rule: x, when: {source: other}, price: [{factor: 2}]}]");
    assert_eq!((others.product, others.remarks), (said, vec![]));
}

#[test]
fn rules_act_in_their_order_and_each_sees_what_those_before_made() {
    let text = "
rules:
  - rule: spelling
    values: {brand: {table: {acme wear: ACME}}}
  - rule: margin
    when: {brand: acme}
    price: [{factor: 1.5}, {round: {ending: [0.95]}}]
  - rule: source's brand
    when: {brand: ACME Wear}
    price: [{fixed: {SAR: 1}}]
  - rule: last
    stop: true
  - rule: never
    price: [{factor: 100}]
";
    let wanted = self::wanted(text);
    assert_eq!(prices(&wanted.product), ["S1 SAR 59.95/74.95", "S1 USD 14.95", "S2 SAR 59.95/74.95", "S2 USD 14.95"]);
}

#[test]
fn what_a_rule_is_for() {
    for (when, holds) in [
        ("{}", true),
        ("{source: [x, de*]}", true),
        ("{source: x}", false),
        ("{id: \"1\"}", true),
        ("{brand: Acme wear}", true),
        ("{brand: acme}", false),
        ("{name-has: [linen]}", true),
        ("{name-has: line}", false),
        ("{name-has: قميص}", true),
        ("{category: women apparel}", true),
        ("{category: Women Apparel > Women Shirts > *}", false),
        ("{category: \"#women shirts\"}", true),
        ("{shop-category: Women Apparel}", false),
        ("{attribute: {Material: li*}}", true),
        ("{attribute: {material: silk}}", false),
        ("{attribute: {colour: \"*\"}}", false),
        ("{stock: {from: 6, below: 7}}", true),
        ("{stock: {below: 6}}", false),
        ("{age: {from: 2 days, below: 4 days}}", true),
        ("{age: {from: 73h}}", false),
        ("{cost: {from: {SAR: 40}, below: {SAR: 41}}}", true),
        ("{cost: {from: {EUR: 1}}}", false),
        ("{any: [{source: x}, {brand: ACME*}]}", true),
        ("{none: [{source: x}, {brand: ACME*}]}", false),
        ("{expression: 'stock == 6 && images < 2'}", true),
        ("{expression: 'variants > 2'}", false),
        ("{expression: 'name.contains(\"linen\")'}", true),
        ("{expression: 'attributes.Material[0] == \"Linen\" && currency == \"USD\" && cost > 9.99'}", true),
        ("{expression: 'cost > 40'}", false),
        ("{source: demo, none: [{stock: {below: 6}}]}", true),
    ] {
        let rules = rules(&format!("rules: [{{rule: x, when: {when}, withhold: {{reason: yes}}}}]"));
        let moment = Moment { now: 13 * DAY, said_at: Some(10 * DAY), ..Moment::default() };
        let wanted = want(&shirt(), &rules, &moment);
        assert_eq!(!wanted.withheld.is_empty(), holds, "{when}");
    }
}

#[test]
fn an_expression_without_an_answer_is_remarked_and_does_not_hold() {
    let wanted = self::wanted("rules: [{rule: x, when: {expression: name * 2}, withhold: {reason: yes}}]");
    assert_eq!((wanted.withheld.len(), wanted.remarks.len(), wanted.remarks[0].code), (0, 1, "expression_failed"));
    assert!(wanted.remarks[0].message.starts_with("rules.yaml:1:"), "{:?}", wanted.remarks);
}

#[test]
fn a_condition_on_the_cost_tells_prices_apart() {
    let mut said = shirt();
    said.variants[1].prices = vec![price("SAR", "80.00", None), price("USD", "20.00", None)];
    let rules = rules("rules: [{rule: x, when: {cost: {from: {SAR: 50}}}, price: [{factor: 2}]}]");
    let wanted = want(&said, &rules, &Moment::default());
    assert_eq!(prices(&wanted.product), ["S1 SAR 40.00/50.00", "S1 USD 10.00", "S2 SAR 160.00", "S2 USD 20.00"]);
}

#[test]
fn only_what_is_sold_is_shown_and_what_is_lacking_is_converted() {
    let rates =
        Rates::read("rates", r#"{"date": "1970-01-11", "base": "USD", "rates": {"KWD": 0.3061, "JPY": 150}}"#).unwrap();
    let rules = rules(
        "
currencies: {sold: [KWD, SAR, JPY], from: [EUR, USD], rates-not-older-than: 3 days}
rules: [{rule: x, price: [{round: {every: 0.5, currencies: {JPY: {every: 100}, KWD: {every: 0.250}}}}]}]",
    );
    let moment = Moment { now: 12 * DAY, rates: Some(&rates), ..Moment::default() };
    let fresh = want(&shirt(), &rules, &moment);
    assert_eq!(prices(&fresh.product)[..3], ["S1 JPY 1500", "S1 KWD 3.000", "S1 SAR 40.00/50.00"]);
    assert_eq!(fresh.remarks, []);
    // Too old: what was wanted last stays, whatever the rules say now.
    let last = Product { variants: vec![variant("S1", "EUR38", vec![price("JPY", "1234", None)])], ..shirt() };
    let old = want(&shirt(), &rules, &Moment { now: 14 * DAY, last: Some(&last), ..moment });
    assert_eq!(prices(&old.product), ["S1 JPY 1234", "S1 SAR 40.00/50.00", "S2 SAR 40.00/50.00"]);
    let codes: Vec<&str> = old.remarks.iter().map(|remark| remark.code).collect();
    assert!(codes.iter().all(|code| *code == "rate_too_old") && codes.len() == 3, "{codes:?}");
    let none = want(&shirt(), &rules, &Moment { rates: None, ..moment });
    assert!(none.remarks.iter().all(|remark| remark.code == "rate_missing"));
}

#[test]
fn what_has_no_price_is_not_sold() {
    let wanted = self::wanted("currencies: {sold: [EUR]}");
    assert_eq!(wanted.withheld.len(), 1, "{wanted:?}");
    assert_eq!(wanted.product.variants.len(), 2, "people see what the source says");
    let mut said = shirt();
    said.variants[1].prices.remove(0);
    let wanted = want(&said, &rules("currencies: {sold: [SAR]}"), &Moment::default());
    assert_eq!((prices(&wanted.product), wanted.withheld), (vec!["S1 SAR 40.00/50.00".to_owned()], vec![]));
    assert_eq!(wanted.remarks[0].code, "variant_without_price");
}

#[test]
fn the_price_before_the_reduction_follows_its_policy() {
    let of = |policy: &str| {
        let text = format!(
            "rules: [{{rule: x, compare-at: {policy}, price: [{{factor: 1.2}}, {{round: {{ending: [0.99]}}}}]}}]"
        );
        prices(&self::wanted(&text).product)[..2].to_vec()
    };
    assert_eq!(of("reprice"), ["S1 SAR 47.99/59.99", "S1 USD 11.99"]);
    assert_eq!(of("source"), ["S1 SAR 47.99/50.00", "S1 USD 11.99"]);
    assert_eq!(of("drop"), ["S1 SAR 47.99", "S1 USD 11.99"]);
    assert_eq!(of("{over: 25%}"), ["S1 SAR 47.99/59.99", "S1 USD 11.99/14.99"]);
}

#[test]
fn categories_are_the_shops_and_what_is_not_mapped_is_told() {
    let text = |unmapped: &str| {
        format!(
            "
categories:
  tree:
    - name: {{en: Women, ar: نساء}}
      below: [{{name: Tops}}]
    - {{name: Unsorted, id: rest}}
  map:
    - {{from: Women Apparel > Women Shirts, to: Women > Tops}}
    - {{from: \"** > Gifts\", to: []}}
  unmapped: {unmapped}
"
        )
    };
    let said = Product {
        categories: vec![path(&["Women Apparel", "Women Shirts"]), path(&["Home", "Lamps"]), path(&["Gifts"])],
        ..shirt()
    };
    for (unmapped, expected) in [
        ("keep", vec!["Women > Tops", "Home > Lamps"]),
        ("drop", vec!["Women > Tops"]),
        ("{to: Unsorted}", vec!["Women > Tops", "Unsorted"]),
    ] {
        let wanted = want(&said, &rules(&text(unmapped)), &Moment::default());
        assert_eq!(categories(&wanted.product), expected);
        assert_eq!((wanted.unmapped, wanted.remarks[0].message.as_str()), (vec![1], "Home > Lamps"));
    }
    let bare = Product { categories: vec![], ..shirt() };
    assert_eq!(categories(&want(&bare, &rules(&text("{to: Unsorted}")), &Moment::default()).product), ["Unsorted"]);
    let wanted = want(&said, &rules(&text("drop")), &Moment::default());
    let ids: Vec<&str> = wanted.product.categories[0].0.iter().map(|category| category.id.as_str()).collect();
    assert_eq!(ids, ["shop:women", "shop:women/tops"]);
    assert_eq!(wanted.product.categories[0].0[0].name.get("ar"), Some("نساء"));
    assert!(wanted.in_shop_tree());
}

#[test]
fn a_rule_puts_products_into_categories() {
    let text = "
rules:
  - {rule: a, when: {category: Women Apparel}, categories: {set: Women > Tops}}
  - {rule: b, when: {shop-category: Women}, categories: {add: [Sale, Women > Tops]}}
";
    assert_eq!(categories(&wanted(text).product), ["Women > Tops", "Sale"]);
}

#[test]
fn values_that_mean_the_same_are_spelled_alike() {
    let text = "
tables: {materials: {linnen: Linen}}
rules:
  - rule: spelling
    values:
      options: {size: {table: {eur38: \"38\"}, patterns: [{match: \"[A-Z]+\\\\((\\\\d+)\\\\)\", to: \"$1\"}]}}
      attributes: {Material: {use: materials}}
";
    let product = wanted(text).product;
    let sizes: Vec<(&str, &str)> =
        product.variants.iter().map(|variant| (variant.options[0].as_str(), variant.title.as_str())).collect();
    assert_eq!(sizes, [("38", "38"), ("40", "40")]);
    assert_eq!(product.attributes[0].values, [name("Linen")], "said once");
    // Two variants would be one.
    let wanted = self::wanted("rules: [{rule: x, values: {options: {Size: {table: {eur38: M, m(40): m}}}}}]");
    assert_eq!(wanted.product, shirt());
    assert_eq!(wanted.remarks[0].code, "values_collide");
}

#[test]
fn gates_withhold_with_their_reason() {
    let reasons = |gate: &str, said: &Product| {
        let rules = rules(&format!("rules: [{{rule: g, price: [{{factor: 0.9}}], withhold: {gate}}}]"));
        want(said, &rules, &Moment::default()).withheld.into_iter().map(|withheld| withheld.reason).collect::<Vec<_>>()
    };
    let bare = Product { images: vec![], ..shirt() };
    assert_eq!(
        reasons("{no-image: true, reason: ask the photographer}", &bare),
        ["it has no image (ask the photographer)"]
    );
    assert_eq!(reasons("{no-image: true}", &shirt()), [""; 0]);
    assert_eq!(
        reasons("{below-cost: true}", &shirt()),
        ["a price is below what the source asks: S1: 36.00 SAR, cost 40"]
    );
    assert_eq!(
        reasons("{title-shorter-than: 50}", &shirt()),
        ["its name has fewer than 50 characters: \"A fine linen shirt\""]
    );
    assert_eq!(reasons("{words: [Linen, cotton]}", &shirt()), ["the word \"Linen\" stands in its name or description"]);
    assert_eq!(reasons("{unmapped: true}", &shirt()), ["it is in no category of the shop"]);
    assert_eq!(reasons("{reason: not ours to sell}", &shirt()), ["not ours to sell"]);
    let mut sold_out = shirt();
    sold_out.variants.iter_mut().for_each(|variant| variant.stock = 0);
    assert_eq!(reasons("{no-stock: true}", &sold_out), ["no piece is in stock"]);
    let withheld = want(&bare, &rules("rules: [{rule: g, withhold: {no-image: true}}]"), &Moment::default());
    assert_ne!(
        withheld.digest(),
        ContentHash::of(&withheld.product),
        "that it is withheld is a part of what is wanted"
    );
}

#[test]
fn guards_hold_what_changes_too_much() {
    let rules = rules(
        "rules: [{rule: g, price: [{factor: 1.5}], hold: {price-rise-over: 50%, price-fall-over: 20%, category-change: true}}]",
    );
    let held = |last: Option<&Product>| {
        let moment = Moment { last, ..Moment::default() };
        want(&shirt(), &rules, &moment).held.into_iter().map(|held| held.reason).collect::<Vec<_>>()
    };
    assert_eq!(held(None), [""; 0], "nothing was wanted before");
    assert_eq!(held(Some(&shirt())), [""; 0], "exactly half as much again");
    let last =
        |amount: &str| Product { variants: vec![variant("S1", "x", vec![price("SAR", amount, None)])], ..shirt() };
    assert_eq!(held(Some(&last("39.99"))), ["S1: 39.99 → 60.00 SAR"]);
    assert_eq!(held(Some(&last("75.00"))), [""; 0]);
    assert_eq!(held(Some(&last("75.01"))), ["S1: 75.01 → 60.00 SAR"]);
    let moved = Product { categories: vec![path(&["Men"])], ..shirt() };
    assert_eq!(held(Some(&moved)), ["categories: Men → Women Apparel > Women Shirts"]);
}

#[test]
fn every_price_is_explained_step_by_step() {
    let rules = rules(
        "
rules:
  - rule: margin
    price:
      - markup: 25%
      - tax: 15%
      - round: {ending: [0.95], direction: up}
",
    );
    let (wanted, steps) = explain(&shirt(), &rules, &Moment::default());
    assert_eq!(wanted, want(&shirt(), &rules, &Moment::default()), "explained or not, it is the same");
    let of_one: Vec<String> = steps
        .iter()
        .filter(|step| step.sku == "S1" && step.currency == "SAR")
        .map(|step| {
            let place = step.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
            format!("{}: {} → {}{place}", step.rule, step.what, step.after.normalize())
        })
        .collect();
    assert_eq!(
        of_one,
        [
            "source: what the source asks → 40",
            "margin: + 25% → 50 (rules.yaml:5:9)",
            "margin: + 15% tax → 57.5 (rules.yaml:6:9)",
            "margin: rounded → 57.95 (rules.yaml:7:9)",
        ]
    );
    // Nothing happens between two steps, and the last one is the price.
    for (sku, currency) in [("S1", "SAR"), ("S1", "USD"), ("S2", "SAR"), ("S2", "USD")] {
        let own: Vec<_> = steps.iter().filter(|step| step.sku == sku && step.currency == currency).collect();
        assert!(own.windows(2).all(|two| two[1].before == Some(two[0].after)));
        let variant = wanted.product.variants.iter().find(|variant| variant.sku == sku).unwrap();
        let price = variant.prices.iter().find(|price| price.currency == currency).unwrap();
        assert_eq!(own.last().unwrap().after, price.amount);
    }
}
