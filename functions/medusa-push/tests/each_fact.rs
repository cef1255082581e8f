//! Each line of the list of facts (`docs/facts.md`) on its whole way: a source says it, the PIM has
//! it as a row, a real shop in its own columns or as metadata, and both are read back. The cases
//! are the table itself, so that there is no row without a test.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;
use crate::records;

use std::collections::{BTreeMap, BTreeSet};

use catalog::facts::{FACTS, FactInfo, Facts, Row};
use catalog::{Gtin, Product, ProductKey};
use common::support::Real;
use common::support::books::now_ms;
use common::{Function, in_pim, open, path};
use feeds::{Limits, Outcome};
use medusa::Depth;
use medusa::columns::{CODES, SHARED};
use medusa_push::trade;
use serde_json::{Value, json};
use testing::standin::{StandIn, later};

const FIELDS: &str = "id,external_id,metadata,weight,length,width,height,hs_code,mid_code,origin_country,material,*variants,\
                      *variants.inventory_items,*variants.inventory_items.inventory";

/// One row for one product.
struct Case {
    info: &'static FactInfo,
    key: ProductKey,
    said: Row,
    fact: Facts,
    /// Said of the second of two variants; else of the product, which has one.
    of_variant: bool,
}

impl Case {
    fn new(real: &Real, info: &'static FactInfo, of_variant: bool) -> Self {
        let key = ProductKey::new("canonical", real.new_key().id()).unwrap();
        let (name, lang, text) = info.example;
        // Bar codes are unique in a shop.
        let text = if info.code == "gtin" { unused(&key) } else { text.to_owned() };
        let said = Row { code: info.code.into(), name: name.into(), lang: lang.into(), text };
        let (fact, unread) = Facts::from_rows([&said]);
        assert_eq!(unread, [], "{}", info.code);
        Self { info, key, said, fact, of_variant }
    }

    fn record(&self) -> Value {
        let fact = serde_json::to_value(&self.fact).unwrap();
        let mut record = records::canonical(self.key.id());
        if self.of_variant {
            record["options"] = json!([{"name": {"en": "Size"}}]);
            record["variants"] = ["S", "M"]
                .map(|size| {
                    let mut variant = record["variants"][0].clone();
                    variant["sku"] = json!(format!("{}-{size}", self.key.id()));
                    variant["options"] = json!([size]);
                    variant
                })
                .into();
            record["variants"][1]["facts"] = fact;
        } else {
            record["facts"] = fact;
        }
        record
    }

    /// What the shop's columns are to hold, of those that there are on a product and an inventory
    /// item, or on a variant.
    fn holds(&self, among: &BTreeSet<&str>) -> BTreeMap<String, String> {
        let own = |text: &str| if text == self.info.example.2 { self.said.text.clone() } else { text.to_owned() };
        let holds = self.info.holds.iter().filter(|(name, _)| among.contains(name));
        holds.map(|(name, text)| ((*name).to_owned(), own(text))).collect()
    }

    fn shown(&self) -> Option<Facts> {
        self.info.shown.then(|| self.fact.clone())
    }
}

fn unused(key: &ProductKey) -> String {
    let digits = key.id().bytes().fold(11u64, |sum, byte| (sum * 31 + u64::from(byte)) % 10u64.pow(12));
    let digits = format!("{digits:012}");
    format!("{digits}{}", Gtin::check_digit(&digits))
}

fn read_from_the_source(cases: &[Case]) -> Vec<Product> {
    let feed = Value::from(cases.iter().map(Case::record).collect::<Vec<_>>()).to_string();
    let (out, end) = records::run_with("canonical", feed.as_bytes(), 1 << 16, Limits::default());
    end.unwrap();
    let product = |outcome| match outcome {
        Outcome::Product(mapped) => mapped.product,
        other => panic!("{other:?}"),
    };
    out.into_iter().map(product).collect()
}

/// The columns that are filled.
fn columns(row: &Value, among: &BTreeSet<&str>) -> BTreeMap<String, String> {
    let filled = among.iter().filter(|name| !row[**name].is_null());
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    filled.map(|name| ((*name).to_owned(), text(&row[*name]))).collect()
}

fn facts(row: &Value) -> Option<Facts> {
    row["metadata"].get(trade::FACTS).map(|facts| serde_json::from_value(facts.clone()).unwrap())
}

fn check(case: &Case, there: &Value) {
    let (shared, of_variants) = (BTreeSet::from(SHARED), SHARED.into_iter().chain(CODES).collect::<BTreeSet<&str>>());
    let nothing = BTreeMap::new();
    let code = case.info.code;
    let of_product = if case.of_variant { nothing.clone() } else { case.holds(&shared) };
    assert_eq!(columns(there, &shared), of_product, "{code}: the product");
    assert_eq!(facts(there), case.shown().filter(|_| !case.of_variant), "{code}: the product's metadata");
    for variant in there["variants"].as_array().unwrap() {
        let said = !case.of_variant || variant["sku"].as_str().unwrap().ends_with("-M");
        let right = |among| if said { case.holds(among) } else { nothing.clone() };
        let item = &variant["inventory_items"][0]["inventory"];
        assert_eq!(columns(variant, &of_variants), right(&of_variants), "{code}: {}", variant["sku"]);
        assert_eq!(columns(item, &shared), right(&shared), "{code}: what is shipped of {}", variant["sku"]);
        assert_eq!(facts(variant), case.shown().filter(|_| case.of_variant && said), "{code}: {}", variant["sku"]);
    }
    if !case.info.shown {
        assert!(!there.to_string().contains(&format!("\"{}\"", case.said.text)), "{code}: nothing for customers");
    }
}

#[tokio::test]
async fn each_fact_goes_from_a_source_through_the_pim_to_the_shop_and_is_read_back() {
    let Some(real) = Real::connect().await else { return };
    let (pim, function, open) = (StandIn::start("each-fact").await, Function::default(), open(&real));
    let both = FACTS.iter().flat_map(|info| [(info, false), (info, true)]);
    let cases: Vec<Case> = both.map(|(info, of_variant)| Case::new(&real, info, of_variant)).collect();
    let products = read_from_the_source(&cases);
    for (case, product) in cases.iter().zip(&products) {
        let facts = if case.of_variant { &product.variants[1].facts } else { &product.facts };
        assert_eq!(facts.as_deref(), Some(&case.fact), "{}: the source", case.info.code);
        assert!(product.warnings.is_empty(), "{}: {:?}", case.info.code, product.warnings);
    }

    in_pim(&pim.client(), &products, 0).await;
    let keys: Vec<ProductKey> = cases.iter().map(|case| case.key.clone()).collect();
    let mut read = pim.client().read_products(&keys, later()).await.unwrap();
    for case in &cases {
        let fields = pim.view(&path(&case.key)).unwrap();
        let [row] = fields["source"]["facts"].as_array().unwrap().as_slice() else {
            panic!("{}: {fields:#}", case.info.code)
        };
        let filled = |name: &str| row[name].as_str().unwrap_or_default();
        assert_eq!(
            [filled("code"), filled("name"), filled("lang"), filled("text")],
            [&case.said.code, &case.said.name, &case.said.lang, &case.said.text].map(String::as_str),
        );
        let back = read.remove(&case.key).unwrap().unwrap();
        let back = if case.of_variant { &back.variants[1].facts } else { &back.facts };
        assert_eq!(back, &case.fact, "{}: read back from the PIM", case.info.code);
    }

    let outcomes = function.run(&pim.client(), &open, &keys).await;
    assert!(outcomes.values().all(|outcome| *outcome == runtime::Outcome::Done), "{outcomes:?}");
    let ids: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let mut query: Vec<(&str, &str)> = ids.iter().map(|id| ("external_id[]", id.as_str())).collect();
    query.extend([("fields", FIELDS), ("limit", "1000")]);
    let found = real.admin_get("/admin/products", &query).await;
    let found = found["products"].as_array().unwrap();
    assert_eq!(found.len(), cases.len());
    for (case, id) in cases.iter().zip(&ids) {
        check(case, found.iter().find(|product| product["external_id"] == id.as_str()).unwrap());
    }

    // Everything that was written is read back: a full comparison finds no difference.
    let stamps = async || {
        let mut query: Vec<(&str, &str)> = ids.iter().map(|id| ("external_id[]", id.as_str())).collect();
        query.extend([("fields", "id,updated_at,variants.updated_at"), ("order", "id"), ("limit", "1000")]);
        let products = real.admin_get("/admin/products", &query).await["products"].as_array().unwrap().clone();
        let variants = products.iter().flat_map(|product| product["variants"].as_array().unwrap());
        let stamp = |row: &Value| (row["id"].to_string(), row["updated_at"].to_string());
        products.iter().chain(variants).map(stamp).collect::<BTreeMap<_, _>>()
    };
    let (before, writes) = (stamps().await, open.shop.medusa.writes());
    for key in &keys {
        function.memory.wish_to_move(key, now_ms()).await.unwrap();
    }
    function.run(&pim.client(), &open, &keys).await;
    assert_eq!(stamps().await, before);
    // Price lists that other tests left are asked to give up the products.
    if real.idle_writes(Depth::Full) == 0 {
        assert_eq!(open.shop.medusa.writes(), writes);
    }
}
