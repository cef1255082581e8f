//! What trade needs to know: read from every form whose meaning is plain, left out with a remark
//! where it cannot be right, and counted in the real files.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use catalog::facts::{FACTS, Facts, Row};
use catalog::{ContentHash, Product, WarningCode};
use common::{canonical, run, run_with, shared};
use feeds::{Limits, Outcome};
use serde_json::{Value, json};

fn products(source: &str, bytes: &[u8]) -> Vec<Product> {
    let (out, end) = run_with(source, bytes, 1 << 16, Limits::default());
    end.unwrap();
    let product = |outcome| match outcome {
        Outcome::Product(mapped) => mapped.product,
        Outcome::Line(line) => unreachable!("a part: {line:?}"),
        Outcome::Rejected(rejection, _) => {
            panic!("{}: {} at {:?}", rejection.reason, rejection.message, rejection.path)
        }
    };
    out.into_iter().map(product).collect()
}

fn with_facts(facts: Value) -> Product {
    let mut record = canonical("1");
    record["facts"] = facts;
    products("canonical", record.to_string().as_bytes()).remove(0)
}

fn all() -> Facts {
    let rows: Vec<Row> = FACTS
        .iter()
        .map(|info| {
            let (name, lang, text) = info.example;
            Row { code: info.code.into(), name: name.into(), lang: lang.into(), text: text.into() }
        })
        .collect();
    Facts::from_rows(&rows).0
}

#[test]
fn a_canonical_product_brings_every_fact_for_itself_and_its_variants() {
    let mut record = canonical("1");
    record["facts"] = serde_json::to_value(all()).unwrap();
    record["variants"][0]["facts"] = json!({"gtin": "96385074", "weight": {"value": "@", "unit": "KG"}});
    let record = record.to_string().replace("\"@\"", "2.50");
    let product = products("canonical", record.as_bytes()).remove(0);
    assert_eq!(product.facts.as_deref(), Some(&all()));
    let own = product.variants[0].facts.as_deref().unwrap();
    assert_eq!(own.gtin.as_ref().unwrap().as_str(), "96385074");
    assert_eq!(own.weight.unwrap().to_string(), "2.50 kg", "as it was written");
    assert!(product.warnings.is_empty(), "{:?}", product.warnings);
    // What normalize keeps is read back as it was.
    let kept = serde_json::to_string(&product).unwrap();
    assert_eq!(serde_json::from_str::<Product>(&kept).unwrap(), product);
}

#[test]
fn facts_are_read_in_any_plain_form() {
    let product = with_facts(json!({
        "gtin": 4_006_381_333_931_u64, "weight": "2,5 kg", "length": {"value": "12", "unit": "inch"}, "hsCode": "6109.10.00",
        "originCountry": "china", "minQuantity": "6.0", "leadTime": {"from": 2, "to": 5}, "condition": "https://schema.org/NewCondition",
        "keywords": {"en": "summer"}, "material": {"en": " Cotton\u{0} ", "de": null}, "extra": {"row": 17.5, "empty": ""}, "mpn": null,
        "documents": {"kind": "Safety data sheet", "language": "de", "url": "//docs.example/a.pdf"},
    }));
    let facts = serde_json::to_value(&product.facts).unwrap();
    assert_eq!(
        facts,
        json!({
            "gtin": "4006381333931", "weight": {"value": "2.5", "unit": "kg"}, "length": {"value": "12", "unit": "in"}, "hsCode": "61091000",
            "originCountry": "CN", "minQuantity": 6, "leadTime": {"from": 2, "to": 5}, "condition": "new", "keywords": {"en": ["summer"]},
            "material": {"en": "Cotton"}, "extra": {"row": "17.5"},
            "documents": [{"kind": "safetySheet", "language": "de", "url": "https://docs.example/a.pdf"}],
        })
    );
    assert_eq!(product.warnings.iter().map(|w| w.code).collect::<Vec<_>>(), [WarningCode::TextCleaned]);
}

#[test]
fn what_cannot_be_right_is_left_out_with_a_remark_and_nothing_else_is_lost() {
    let product = with_facts(json!({"gtin": "4006381333932", "originCountry": "Atlantis", "mpn": "A-1"}));
    let facts = product.facts.as_deref().unwrap();
    assert_eq!((facts.gtin.as_ref(), facts.mpn.as_deref()), (None, Some("A-1")));
    let said: Vec<_> = product.warnings.iter().filter(|warning| warning.code == WarningCode::FactLeftOut).collect();
    assert_eq!(said.len(), 1, "one remark for each kind");
    let right = "$.facts.gtin was left out: gtin: the check digit would have to be 1: \"4006381333932\"; and 1 more";
    assert_eq!(said[0].message, right);
}

#[test]
fn a_field_of_a_wrong_form_is_refused_not_lost() {
    for wrong in [
        json!({"gtin": {"a": 1}}),
        json!({"colour": "red"}),
        json!({"extra": {"a": {"b": 1}}}),
        json!("red"),
        json!({"weight": {"value": 1}}),
    ] {
        let mut record = canonical("1");
        record["facts"] = wrong.clone();
        let (out, end) = run("canonical", record.to_string());
        end.unwrap();
        assert!(matches!(&out[..], [Outcome::Rejected(..)]), "{wrong}: {out:?}");
    }
}

#[test]
fn a_product_without_facts_says_what_it_said() {
    let plain = ContentHash::of(&products("canonical", canonical("1").to_string().as_bytes())[0]);
    for nothing in
        [json!(null), json!({}), json!([]), json!({"gtin": "", "weight": null, "material": {}, "documents": []})]
    {
        let product = with_facts(nothing.clone());
        assert_eq!((&product.facts, ContentHash::of(&product)), (&None, plain.clone()), "{nothing}");
    }
    let told = with_facts(json!({"mpn": "1"}));
    assert_ne!(ContentHash::of(&told), plain);
    assert_eq!(ContentHash::before_facts(&told), Some(plain));
}

/// How many products of a file carry each fact.
type Held = BTreeMap<&'static str, usize>;

fn held(products: &[Product]) -> Held {
    let mut held = Held::new();
    for product in products {
        let variants = product.variants.iter().filter_map(|variant| variant.facts.as_deref());
        let rows = product.facts.as_deref().into_iter().chain(variants).flat_map(Facts::rows);
        let codes: BTreeSet<String> = rows.map(|row| row.code).collect();
        for info in FACTS.iter().filter(|info| codes.contains(info.code)) {
            *held.entry(info.code).or_default() += 1;
        }
    }
    held
}

/// Records of a CSV file by column; quotes may hold commas and line breaks.
fn table(bytes: &[u8]) -> Vec<BTreeMap<String, String>> {
    let text = String::from_utf8_lossy(bytes);
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell).trim_end_matches('\r').to_owned());
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    let mut rows = rows.into_iter();
    let names = rows.next().unwrap();
    rows.map(|row| names.iter().cloned().zip(row).collect()).collect()
}

/// A Shopify export, whose rows with one handle are one product. No adapter reads it yet: counted
/// is what its columns hold.
fn of_shopify(bytes: &[u8]) -> (usize, Held) {
    let columns = [
        ("Variant Barcode", "gtin"),
        ("Google Shopping / MPN", "mpn"),
        ("Google Shopping / Condition", "condition"),
        ("Variant Tax Code", "taxClass"),
        ("Google Shopping / Age Group", "ageGroup"),
        ("Google Shopping / Gender", "gender"),
        ("SEO Title", "seoTitle"),
        ("SEO Description", "seoDescription"),
        ("Tags", "keyword"),
    ];
    let (mut products, mut having) = (BTreeSet::new(), BTreeMap::<&str, BTreeSet<String>>::new());
    for row in table(bytes) {
        let cell = |name: &str| row.get(name).map(|cell| cell.trim()).unwrap_or_default();
        let handle = cell("Handle").to_owned();
        let weight = Row::plain("weight", format!("{} g", cell("Variant Grams")));
        if Facts::default().say(&weight).is_ok() {
            having.entry("weight").or_default().insert(handle.clone());
        }
        for (column, fact) in columns {
            if !cell(column).is_empty() {
                having.entry(fact).or_default().insert(handle.clone());
            }
        }
        products.insert(handle);
    }
    (products.len(), having.into_iter().map(|(fact, products)| (fact, products.len())).collect())
}

/// Rows of Shopee, whose specifications are named in the language of each storefront. No adapter
/// reads it yet.
fn of_shopee(bytes: &[u8]) -> (usize, Held) {
    let names: [(&str, &[&str]); 5] = [
        ("material", &["Material", "Bahan", "วัสดุ", "Chất liệu"]),
        (
            "originCountry",
            &["Country of Origin", "País de Origen", "País de Origem", "Negara Asal", "ประเทศต้นกำเนิดสินค้า", "Xuất xứ"],
        ),
        ("gender", &["Gender", "Género", "Gênero"]),
        ("weight", &["Weight", "Peso", "Berat"]),
        ("content", &["Volume", "Volumen"]),
    ];
    let rows = table(bytes);
    let mut held = Held::new();
    for row in &rows {
        let specifications: Vec<Value> =
            row.get("Product Specifications").and_then(|cell| serde_json::from_str(cell).ok()).unwrap_or_default();
        for (fact, known) in names {
            let named = |one: &Value| one["name"].as_str().is_some_and(|name| known.contains(&name.trim()));
            if specifications.iter().any(named) {
                *held.entry(fact).or_default() += 1;
            }
        }
    }
    (rows.len(), held)
}

/// Their report: `UPDATE_DOCS=1 cargo test -p feeds --test facts` writes it anew.
#[test]
fn the_report_says_which_facts_the_real_files_hold() {
    let files = [
        "shein_products.json",
        "shein_brightdata_300.csv",
        "shopify_apparel.csv",
        "shopify_home-and-garden.csv",
        "shopee_200.csv",
    ];
    let read: Option<Vec<Vec<u8>>> = files.into_iter().map(shared).collect();
    let Some([documents, rows, apparel, home, shopee]) = read.and_then(|read| <[Vec<u8>; 5]>::try_from(read).ok())
    else {
        return;
    };
    let counted = |products: Vec<Product>| (products.len(), held(&products));
    let columns = [
        ("SHEIN documents", counted(products("shein-api", &documents))),
        ("Bright Data rows", counted(products("shein-brightdata", &rows))),
        ("Shopify apparel*", of_shopify(&apparel)),
        ("Shopify home and garden*", of_shopify(&home)),
        ("Shopee rows*", of_shopee(&shopee)),
    ];
    let mut report = String::new();
    for info in FACTS {
        let having = |(name, (_, held)): &(&str, (usize, Held))| {
            held.get(info.code).filter(|count| **count > 0).map(|count| format!("{name} {count}"))
        };
        let counts: Vec<String> = columns.iter().filter_map(having).collect();
        if !counts.is_empty() {
            writeln!(report, "- `{}`: {}", info.code, counts.join(", ")).unwrap();
        }
    }
    let read: Vec<String> = columns.iter().map(|(name, (count, _))| format!("{name} {count}")).collect();
    writeln!(report, "\nOf {}. The other facts are in none.", read.join(", ")).unwrap();

    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/facts/real_files.txt");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &report).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap();
    assert!(report == known, "tests/facts/real_files.txt is not what the files hold:\n{report}");
}
