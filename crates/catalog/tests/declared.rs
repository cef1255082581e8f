//! Whatever files a product comes in, and in whatever order: it ends as the product that one file with everything says.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use catalog::line::{Field, Said, Statement, overlaid};
use catalog::{IdKind, Identifier, Line, PartName, Price, Product, Version, assemble};
use proptest::prelude::*;
use serde_json::json;

const EANS: [&str; 3] = ["4006381333931", "4006381333948", "4006381333955"];
const VARIANTS: usize = EANS.len();

/// All that is said of a product: by variant pieces and prices; texts.
#[derive(Debug, Clone)]
struct Whole {
    stock: [i32; VARIANTS],
    usd: [u32; VARIANTS],
    sar: [u32; VARIANTS],
    german: String,
}

fn whole() -> impl Strategy<Value = Whole> {
    let pieces = prop::array::uniform3(0..9i32);
    let prices = || prop::array::uniform3(1..99u32);
    (pieces, prices(), prices(), "[A-Z][a-z]{1,5}").prop_map(|(stock, usd, sar, german)| Whole {
        stock,
        usd,
        sar,
        german,
    })
}

/// What a storefront says. The Arabic one has riyals of its own.
fn storefront(whole: &Whole, arabic: bool) -> (PartName, Product) {
    let (name, language, text) = if arabic { ("ar-sar", "ar", "غلاية") } else { ("us-usd", "en", "Kettle") };
    let price = |currency: &str, amount: u32| json!({"currency": currency, "amount": amount.to_string()});
    let variants: Vec<_> = (0..VARIANTS)
        .map(|n| {
            let prices = if arabic {
                vec![price("SAR", whole.sar[n])]
            } else {
                vec![price("EUR", 5), price("USD", whole.usd[n])]
            };
            json!({"sku": format!("K-{n}"), "title": n.to_string(), "options": [n.to_string()], "prices": prices,
                "stock": whole.stock[n], "facts": {"gtin": EANS[n]}})
        })
        .collect();
    let names = if arabic { json!({language: text}) } else { json!({language: text, "de": whole.german}) };
    let product = json!({"source": "acme", "id": "7", "name": names, "options": [{"name": {language: "Size"}}], "variants": variants});
    (PartName::from_text(name), serde_json::from_value(product).unwrap())
}

/// What each declared part says of it: pieces by SKU, dollars by GTIN, riyals by SKU, the German name by id.
fn lines(whole: &Whole) -> Vec<(&'static str, Line)> {
    let line = |kind, value: &str, field, said| Line {
        about: Identifier::new(kind, value).unwrap(),
        says: BTreeMap::from([(field, said)]),
    };
    let amount = |amount: u32| Said::Amount(amount.into(), None);
    let mut all = vec![("texts", line(IdKind::Id, "7", Field::Name("de".into()), Said::Text(whole.german.clone())))];
    for (n, ean) in EANS.iter().enumerate() {
        let sku = format!("K-{n}");
        all.push(("stock", line(IdKind::Sku, &sku, Field::Stock, Said::Pieces(whole.stock[n]))));
        all.push(("dollars", line(IdKind::Gtin, ean, Field::Price("USD".into()), amount(whole.usd[n]))));
        all.push(("riyals", line(IdKind::Sku, &sku, Field::Price("SAR".into()), amount(whole.sar[n]))));
    }
    all
}

/// Everything that is brought, in the order of its versions: older lines and storefronts first, then what counts.
#[derive(Debug, Clone)]
enum Brought {
    Storefront(bool, Whole),
    Line(&'static str, Line),
}

proptest! {
    #[test]
    fn any_interleaving_of_any_parts_ends_as_one_file_with_everything(
        newest in whole(),
        older in prop::collection::vec(whole(), 0..3),
        seed in any::<u64>(),
    ) {
        // What storefronts say of what declared parts own does not count, so theirs are older figures.
        let said_by_storefronts = older.last().unwrap_or(&newest);
        let mut all: Vec<Brought> = Vec::new();
        for whole in &older {
            all.extend([Brought::Storefront(false, whole.clone()), Brought::Storefront(true, whole.clone())]);
            all.extend(lines(whole).into_iter().map(|(part, line)| Brought::Line(part, line)));
        }
        all.extend([Brought::Storefront(false, said_by_storefronts.clone()), Brought::Storefront(true, said_by_storefronts.clone())]);
        all.extend(lines(&newest).into_iter().map(|(part, line)| Brought::Line(part, line)));
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|at| blake3::hash(format!("{seed} {at}").as_bytes()).as_bytes().to_owned());

        let mut storefronts: BTreeMap<bool, usize> = BTreeMap::new();
        let mut said: BTreeMap<(PartName, Identifier), Statement> = BTreeMap::new();
        for at in order {
            match &all[at] {
                Brought::Storefront(arabic, _) => {
                    let known = storefronts.entry(*arabic).or_insert(at);
                    *known = (*known).max(at);
                }
                Brought::Line(part, line) => {
                    let entry = said.entry((PartName::from_text(*part), line.about.clone())).or_default();
                    *entry = entry.merged(line, &Version::new(at as u64, "00", 0));
                }
            }
        }
        let parts: Vec<(PartName, Product)> = storefronts
            .values()
            .map(|at| match &all[*at] {
                Brought::Storefront(arabic, whole) => storefront(whole, *arabic),
                Brought::Line(..) => unreachable!("a storefront"),
            })
            .collect();
        let base = assemble(parts.iter().map(|(name, product)| (name, product))).unwrap();
        let mut made = overlaid(&base, said.iter().map(|((part, about), statement)| (part, about, statement)));

        // Each figure is as old as the newest line about its own variant.
        let dated = std::mem::take(&mut made.stock_said);
        let stock = PartName::from_text("stock");
        let lines = said.iter().filter(|((part, _), _)| *part == stock);
        let said_last = lines.filter_map(|((_, about), statement)| Some((about.value.clone(), statement.newest()?.clone())));
        prop_assert_eq!(dated, said_last.collect::<BTreeMap<String, Version>>());

        let everything = [storefront(&newest, false), storefront(&newest, true)];
        let expected = assemble(everything.iter().map(|(name, product)| (name, product))).unwrap();
        prop_assert_eq!(&made, &overlaid(&expected, []));
        let prices: Vec<Vec<Price>> = made.variants.iter().map(|variant| variant.prices.clone()).collect();
        prop_assert!(prices.iter().all(|prices| prices.len() == 3), "{:?}", prices);
    }
}
