//! Faults of single records that other people's importers lose products by, or worse: each a kind,
//! with its right result.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use catalog::{Product, WarningCode};
use common::{canonical, csv, document, row, run, sorted};
use feeds::{Outcome, Reason, Rejection, adapter};
use proptest::prelude::*;
use serde_json::{Value, json};

fn map(source: &str, record: &Value) -> Result<Product, Box<Rejection>> {
    let (mut out, end) = run(source, record.to_string());
    end.unwrap();
    match out.remove(0) {
        Outcome::Product(mapped) => Ok(mapped.product),
        Outcome::Line(line) => unreachable!("a part: {line:?}"),
        Outcome::Rejected(rejection, _) => Err(Box::new(rejection)),
    }
}

fn with(mut record: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = record.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        parent => parent[key] = value,
    }
    record
}

fn remark(product: &Product, code: WarningCode) -> &str {
    product.warnings.iter().find(|warning| warning.code == code).map_or("", |warning| warning.message.as_str())
}

const SALE: &str = "/info/saleAttr/multiLevelSaleAttribute/sku_list/0/priceInfo/salePrice";

#[test]
fn a_price_is_rounded_once_to_its_currencys_own_digits_and_says_so() {
    for (amount, currency, paid) in [
        ("19.995", "USD", "20.00"),
        ("21.299999999999997", "USD", "21.30"),
        ("1299.5", "JPY", "1300"),
        ("1.0005", "KWD", "1.001"),
        ("0.005", "USD", "0.01"),
    ] {
        let price = json!([{"currency": currency, "amount": amount, "listAmount": "2000.0049"}]);
        let product = map("canonical", &with(canonical("1"), "/variants/0/prices", price)).unwrap();
        assert_eq!(product.variants[0].prices[0].amount.to_string(), paid);
        assert!(remark(&product, WarningCode::PriceRounded).contains(&format!("{currency} {amount}")), "{product:?}");
    }
    let product = map("canonical", &canonical("1")).unwrap();
    assert_eq!(remark(&product, WarningCode::PriceRounded), "", "nothing to round, nothing to say");
    // Rounded, the price before is no higher.
    let price = json!([{"currency": "USD", "amount": "10.00", "listAmount": "10.004"}]);
    let product = map("canonical", &with(canonical("1"), "/variants/0/prices", price)).unwrap();
    assert_eq!(product.variants[0].prices[0].list_amount, None);
}

#[test]
fn what_binary_floats_leave_is_no_reason_to_lose_a_product() {
    let product = map("shein-api", &with(document("1"), &format!("{SALE}/amount"), json!(23.800000000000004))).unwrap();
    assert_eq!(product.variants[1].prices[0].amount.to_string(), "23.80");
    let product = map("shein-brightdata", &with(row("1"), "/final_price", json!(21.299999999999997))).unwrap();
    assert_eq!(product.variants[0].prices[0].amount.to_string(), "21.30");
    let refused = map("shein-brightdata", &with(row("1"), "/final_price", json!("21.2934567"))).unwrap_err();
    assert_eq!(refused.reason, Reason::InvalidAmount);
}

#[test]
fn what_rounds_to_nothing_is_not_sold() {
    for (source, record) in [
        ("shein-brightdata", with(row("1"), "/final_price", json!("0.004"))),
        ("canonical", with(canonical("1"), "/variants/0/prices", json!([{"currency": "JPY", "amount": "0.49"}]))),
    ] {
        let refused = map(source, &record).unwrap_err();
        assert_eq!((refused.reason, refused.product_id.as_deref()), (Reason::RoundsToZero, Some("1")));
        assert_eq!(refused.path.as_deref(), Some("$.variants[0].prices"));
    }
    // In another currency there is a price.
    let product = map("shein-api", &with(document("1"), &format!("{SALE}/usdAmount"), json!("0.004"))).unwrap();
    let currencies: Vec<_> = product.variants[1].prices.iter().map(|price| price.currency.as_str()).collect();
    assert_eq!(currencies, ["SAR"]);
    assert!(remark(&product, WarningCode::PriceLeftOut).contains("USD 0.004"), "{:?}", product.warnings);
}

#[test]
fn an_odd_image_costs_itself_only() {
    let long = format!("https://img.example.com/{}.jpg", "p".repeat(2_100));
    for (odd, right) in [
        ("https://img.example.com/new photo.jpg", Some("https://img.example.com/new%20photo.jpg")),
        ("img.example.com/a.jpg", Some("https://img.example.com/a.jpg")),
        ("ftp://img.example.com/y.jpg", None),
        ("/images/rel.jpg", None),
        (&long, None),
    ] {
        let images = json!(["https://img.example.com/good.jpg", odd]);
        let row = with(with(row("1"), "/image_urls", images.clone()), "/main_image", Value::Null);
        for (source, record) in [("shein-brightdata", row), ("canonical", with(canonical("1"), "/images", images))] {
            let product = map(source, &record).unwrap();
            let kept: Vec<&str> = product.images.iter().map(String::as_str).collect();
            let wanted: Vec<&str> = [Some("https://img.example.com/good.jpg"), right].into_iter().flatten().collect();
            assert_eq!(kept, wanted, "{source}: {odd}");
            assert_eq!(remark(&product, WarningCode::AddressLeftOut).is_empty(), right.is_some(), "{odd}");
        }
    }
    let product = map("canonical", &with(canonical("1"), "/images", json!(["ftp://x/y.jpg"]))).unwrap();
    assert!(!remark(&product, WarningCode::NoImage).is_empty(), "without any the product says so");
    let product = map("canonical", &with(canonical("1"), "/variants/0/images", json!(["ftp://x/y.jpg"]))).unwrap();
    assert!(product.variants[0].images.is_empty());
}

#[test]
fn empty_forms_say_nothing_wherever_they_stand() {
    let right = map("shein-api", &with(document("1"), "/info/brandDetailInfo", Value::Null)).unwrap();
    for empty in [json!([]), json!({}), json!(""), json!([{}]), json!({"name": []})] {
        let product = map("shein-api", &with(document("1"), "/info/brandDetailInfo", empty.clone())).unwrap();
        assert_eq!(product, right, "{empty}");
    }
    for (pointer, empty) in [
        ("/info/productInfo/productDescriptionInfo", json!([])),
        ("/info/productInfo/allColorDetailImages", json!([])),
        ("/info/productInfo/currentSkcImgInfo", json!([])),
        ("/info/saleAttr/multiLevelSaleAttribute/sku_list/0/priceInfo/retailPrice", json!([])),
        ("/info/saleAttr/mainSaleAttribute", json!([])),
        ("/info/productInfo/goods_sn", json!([])),
        ("/info/productInfo/is_on_sale", json!([])),
    ] {
        let product =
            map("shein-api", &with(document("1"), pointer, empty)).unwrap_or_else(|r| panic!("{pointer}: {r:?}"));
        let missing = map("shein-api", &with(document("1"), pointer, Value::Null)).unwrap();
        assert_eq!(product, missing, "{pointer}");
    }
    for pointer in ["/description", "/categories", "/attributes", "/options", "/images", "/brand", "/withdrawn", "/url"]
    {
        let right = map("canonical", &with(canonical("1"), pointer, Value::Null)).unwrap();
        for empty in [json!([]), json!({}), json!("")] {
            assert_eq!(map("canonical", &with(canonical("1"), pointer, empty)).unwrap(), right, "{pointer}");
        }
    }
}

#[test]
fn forms_whose_meaning_is_plain_are_as_good() {
    let right = map("shein-api", &document("1")).unwrap();
    let wrap = |pointer: &str| {
        let value = document("1").pointer(pointer).unwrap().clone();
        with(document("1"), pointer, json!([value]))
    };
    for pointer in [
        "/info",
        "/info/productInfo",
        "/info/productInfo/goods_id",
        "/info/productInfo/goods_name",
        SALE,
        "/info/brandDetailInfo",
        "/info/saleAttr",
    ] {
        assert_eq!(map("shein-api", &wrap(pointer)).unwrap(), right, "{pointer}");
    }
    for on_sale in [json!(1), json!(true), json!("true"), json!(["1"])] {
        assert_eq!(map("shein-api", &with(document("1"), "/info/productInfo/is_on_sale", on_sale)).unwrap(), right);
    }
    for stock in [json!(7), json!("7"), json!(7.0), json!("7.0"), json!(["7"])] {
        let pointer = "/info/saleAttr/multiLevelSaleAttribute/sku_list/0/stock";
        assert_eq!(map("shein-api", &with(document("1"), pointer, stock)).unwrap(), right);
    }
    let right = map("canonical", &canonical("1")).unwrap();
    let variant = canonical("1")["variants"][0].clone();
    for (pointer, value) in [
        ("/id", json!(1)),
        ("/variants", variant),
        ("/variants/0/stock", json!("3")),
        ("/variants/0/prices", json!({"currency": "SAR", "amount": 10.00})),
        ("/variants/0/prices/0/amount", json!(10)),
        ("/images", json!("https://example.com/a.jpg")),
        ("/withdrawn", json!("0")),
        ("/name", json!({"en": ["Shirt"], "ar": "قميص"})),
    ] {
        assert_eq!(
            map("canonical", &with(canonical("1"), pointer, value.clone())).unwrap(),
            right,
            "{pointer} = {value}"
        );
    }
}

#[test]
fn a_form_nobody_knows_is_never_read_as_its_harmless_value() {
    for (source, pointer, value, reason) in [
        ("shein-api", "/info/productInfo/is_on_sale", json!("off"), Reason::InvalidType),
        ("shein-api", "/info/productInfo/is_on_sale", json!(2), Reason::InvalidType),
        ("shein-api", "/info/brandDetailInfo", json!(["ACME"]), Reason::InvalidType),
        ("shein-api", "/info/brandDetailInfo", json!("ACME"), Reason::InvalidType),
        (
            "shein-api",
            "/info/productInfo/productDescriptionInfo/productDetails",
            json!({"total": 1, "rows": []}),
            Reason::InvalidType,
        ),
        ("shein-api", "/info/productInfo/cateInfos/30", json!(["نساء", "Women"]), Reason::InvalidType),
        (
            "shein-api",
            "/info/saleAttr/multiLevelSaleAttribute/sku_list/0/stock",
            json!({"pieces": 7}),
            Reason::InvalidType,
        ),
        ("shein-brightdata", "/all_available_sizes", json!([{"name": "S"}]), Reason::InvalidType),
        ("shein-brightdata", "/in_stock", json!("perhaps"), Reason::InvalidStock),
        ("shein-brightdata", "/other_attributes", json!([["Color", "Grey"]]), Reason::InvalidType),
        ("canonical", "/withdrawn", json!({"since": "today"}), Reason::InvalidType),
        ("canonical", "/variants/0/prices/0", json!(["SAR", "10.00"]), Reason::InvalidType),
    ] {
        let record = match source {
            "shein-api" => document("1"),
            "shein-brightdata" => row("1"),
            _ => canonical("1"),
        };
        let shown = format!("{source}{pointer} = {value}");
        let refused = map(source, &with(record, pointer, value)).expect_err(&shown);
        assert_eq!(refused.reason, reason, "{shown}: {}", refused.message);
    }
}

#[test]
fn sizes_never_make_two_equal_skus() {
    for sizes in [["-1.00", "1.00"], ["A B", "A-B"], ["5", "5%"], ["<5", ">5"]] {
        let product = map("shein-brightdata", &with(row("7"), "/all_available_sizes", json!(sizes))).unwrap();
        assert_eq!(product.variants.len(), 2);
        assert_ne!(product.variants[0].sku, product.variants[1].sku, "{sizes:?}");
    }
    // Written in two ways, or once with an entity, it is one size.
    for sizes in [["Größe 1", "Gro\u{308}ße 1"], ["5\"", "5&quot;"]] {
        let product = map("shein-brightdata", &with(row("7"), "/all_available_sizes", json!(sizes))).unwrap();
        assert_eq!(product.variants.len(), 1, "{sizes:?}");
    }
}

#[test]
fn entities_are_decoded_in_names_and_left_in_descriptions_and_addresses() {
    let mut record = row("7");
    record["product_name"] = json!("Drain for 2 &Amp; 3 in. pipe, 5&quot; &ndash; set");
    record["brand"] = json!("Dolce &amp; Co");
    record["description"] = json!("<p>Wool &amp; silk</p>");
    record["other_attributes"] = json!([{"name": "Size &amp; fit", "value": "&lt;5"}]);
    record["category_tree"] = json!([{"name": "Dresses &amp; Skirts", "url": "https://us.shein.com/x-c-1.html"}]);
    record["url"] = json!("https://us.shein.com/a-p-7.html?a=1&amp=2&lt;=3");
    let product = map("shein-brightdata", &record).unwrap();
    assert_eq!(product.name.get("en"), Some("Drain for 2 & 3 in. pipe, 5\" – set"));
    assert_eq!(product.brand.as_deref(), Some("Dolce & Co"));
    assert_eq!(product.description.get("en"), Some("<p>Wool &amp; silk</p>"));
    assert_eq!(product.attributes[0].name.get("en"), Some("Size & fit"));
    assert_eq!(product.attributes[0].values[0].get("en"), Some("<5"));
    assert_eq!(product.categories[0].0[0].name.get("en"), Some("Dresses & Skirts"));
    assert_eq!(product.url.as_deref(), Some("https://us.shein.com/a-p-7.html?a=1&amp=2&lt;=3"));
}

#[test]
fn one_text_has_one_form_and_nothing_that_misleads() {
    let variants = |one: &str, other: &str| {
        let variant = |sku: &str, value: &str| json!({"sku": sku, "title": value, "options": [value], "stock": 1, "prices": [{"currency": "SAR", "amount": "1.00"}]});
        let record = with(canonical("1"), "/options", json!([{"name": {"en": "Size"}}]));
        with(record, "/variants", json!([variant("a", one), variant("b", other)]))
    };
    let refused = map("canonical", &variants("Größe 1", "Gro\u{308}ße 1")).unwrap_err();
    assert_eq!(refused.reason, Reason::AmbiguousOptions);
    let refused = map("canonical", &variants("S", "S\u{200b}")).unwrap_err();
    assert_eq!(refused.reason, Reason::AmbiguousOptions);
    let composed = map("canonical", &with(canonical("1"), "/name/en", json!("Café"))).unwrap();
    let decomposed = map("canonical", &with(canonical("1"), "/name/en", json!("Cafe\u{301}"))).unwrap();
    assert_eq!(composed, decomposed, "a change of composition is no change");
    let product =
        map("canonical", &with(canonical("1"), "/name/en", json!("\u{202e}abc\u{202c} scarf\u{200b}"))).unwrap();
    assert_eq!(product.name.get("en"), Some("abc scarf"));
    let said = remark(&product, WarningCode::TextCleaned);
    assert!(said.contains("$.name.en") && said.contains("U+202E") && said.contains("U+200B"), "{said}");
    let product = map("canonical", &with(canonical("1"), "/id", json!("\u{feff}1"))).unwrap();
    assert_eq!(product.id, "1");
}

#[test]
fn no_field_lets_a_control_character_pass() {
    for (pointer, value) in [
        ("/id", "x\u{0}"),
        ("/variants/0/sku", "s\u{0}"),
        ("/variants/0/sku", "s\u{1b}[31m"),
        ("/variants/0/sku", "s\nt"),
    ] {
        let refused = map("canonical", &with(canonical("1"), pointer, json!(value))).unwrap_err();
        assert_eq!(refused.reason, Reason::ControlCharacter, "{pointer}");
        assert!(!refused.value.unwrap().contains(char::is_control), "shown so that one can see it");
    }
    let mut full = canonical("1");
    for (pointer, value) in [
        ("/group", json!("g\u{0}")),
        ("/sku", json!("s\u{0}")),
        ("/brand", json!("b\u{0}")),
        ("/name/en", json!("n\u{0}\u{1b}\n\u{85}\u{9b}m")),
        ("/description", json!({"en": "line\n\u{0}tab\t\u{7f}\u{90}"})),
        ("/attributes", json!([{"code": "m\u{0}", "name": {"en": "M\u{0}"}, "values": [{"en": "Linen\u{0}"}]}])),
        ("/options", json!([{"name": {"en": "Size\u{0}"}}])),
        ("/variants/0/options", json!(["S\u{0}"])),
        ("/variants/0/title", json!("S\u{0}")),
        ("/categories", json!([[{"id": "c1", "name": {"en": "C\u{0}"}}]])),
        ("/url", json!("https://example.com/\u{0}")),
        ("/images", json!(["https://example.com/\u{0}.jpg", "https://example.com/a.jpg"])),
        ("/variants/0/images", json!(["https://example.com/\u{7}.jpg"])),
    ] {
        full = with(full, pointer, value);
    }
    let product = map("canonical", &full).unwrap();
    assert_eq!(product.description.get("en"), Some("line\ntab\t"));
    let mut without_prose = product.clone();
    without_prose.description.0.clear();
    let controls = |value: &Product| serde_json::to_string(value).unwrap().matches("\\u00").count();
    let written = serde_json::to_string(&without_prose).unwrap();
    assert!(controls(&product) == 0 && !written.contains("\\n") && !written.contains('\u{85}'), "{written}");
    assert_eq!((product.group.as_deref(), product.images.len()), (Some("g"), 1));
    assert!(!remark(&product, WarningCode::TextCleaned).is_empty());
}

#[test]
fn ids_that_went_through_a_table_of_numbers() {
    let ids = |id: Value| map("shein-brightdata", &with(row("1"), "/product_id", id)).map(|product| product.id);
    assert_eq!(ids(json!("901051.0")).unwrap(), "901051");
    assert_eq!(ids(json!(901051.0)).unwrap(), "901051");
    let quoted = with(row("1"), "/product_id", json!("4.00638E+12")).to_string();
    for record in [quoted.replace("\"4.00638E+12\"", "4.00638E+12"), quoted] {
        let (out, _) = run("shein-brightdata", record);
        let refused = sorted(out).1.remove(0);
        assert_eq!(refused.reason, Reason::InvalidId);
        assert!(refused.message.contains("opened in a spreadsheet"), "{}", refused.message);
    }
    let product = map("shein-api", &with(document("1"), "/info/productInfo/goods_id", json!("1.0"))).unwrap();
    assert_eq!(product.id, "1");
    assert_eq!(map("canonical", &with(canonical("1"), "/id", json!("1.0"))).unwrap().id, "1.0", "ids of any text");
    assert_eq!(
        map("canonical", &with(canonical("1"), "/variants/0/sku", json!("4.00638E+12"))).unwrap_err().reason,
        Reason::InvalidId
    );
    // The refused record is known by the same id.
    let refused =
        map("shein-brightdata", &with(with(row("1"), "/product_id", json!("901051.0")), "/final_price", json!("x")))
            .unwrap_err();
    assert_eq!(refused.product_id.as_deref(), Some("901051"));
}

#[test]
fn nothing_is_chosen_in_silence() {
    let twice = r#"{"source":"canonical","id":"s1","name":{"en":"Scarf","en":"Coat"},"variants":[]}"#;
    let (out, _) = run("canonical", twice);
    assert_eq!(sorted(out).1[0].reason, Reason::DuplicateKey);
    let axes = with(canonical("1"), "/options", json!([{"name": {"en": "Size"}}, {"name": {"en": "Size "}}, ]));
    let axes = with(axes, "/options/1/name/en", json!("Size"));
    let refused = map("canonical", &with(axes, "/variants/0/options", json!(["a", "b"]))).unwrap_err();
    assert_eq!(refused.reason, Reason::AmbiguousOptions);
    assert_eq!(
        map("canonical", &with(canonical("1"), "/variants/0/prices/0/amount", json!("1_000"))).unwrap_err().reason,
        Reason::InvalidAmount
    );
    assert_eq!(
        map("shein-brightdata", &with(row("1"), "/final_price", json!("1_000"))).unwrap_err().reason,
        Reason::InvalidAmount
    );

    let feed = csv(&[row("1")]);
    let doubled = |value: &str| {
        let mut lines = feed.lines();
        format!("{},in_stock\n{},{value}\n", lines.next().unwrap(), lines.next().unwrap())
    };
    let (out, end) = run("shein-brightdata", doubled("false"));
    end.unwrap();
    let (ids, refused) = sorted(out);
    assert_eq!(
        (ids.len(), refused[0].reason, refused[0].path.as_deref()),
        (0, Reason::DuplicateKey, Some("$.in_stock"))
    );
    assert_eq!(refused[0].product_id.as_deref(), Some("1"));
    let (out, _) = run("shein-brightdata", doubled("true"));
    assert_eq!(sorted(out).0, ["1"], "they agree");
    let unread = doubled("x").replacen(",in_stock\n", ",offers\n", 1);
    let (out, _) = run("shein-brightdata", unread);
    assert_eq!(sorted(out).0, ["1"], "what is not read may repeat");
}

#[test]
fn a_refused_record_is_known_by_its_id_as_soon_as_that_was_read() {
    let malformed = canonical("m1").to_string().replace(r#""10.00""#, "NaN");
    // Keys are sorted in this fixture: the id stands before the variants.
    let (out, _) = run("canonical", format!("[{malformed},{}]", canonical("m2")));
    let (ids, refused) = sorted(out);
    assert_eq!(ids, ["m2"]);
    assert_eq!((refused[0].reason, refused[0].product_id.as_deref()), (Reason::MalformedJson, Some("m1")));

    let mut damaged = canonical("m3").to_string().into_bytes();
    let at = damaged.windows(7).position(|w| w == b"Default").unwrap();
    damaged[at] = 0xff;
    let (out, _) = run("canonical", damaged);
    let refused = sorted(out).1;
    assert_eq!((refused[0].reason, refused[0].product_id.as_deref()), (Reason::InvalidUtf8, Some("m3")));

    let rows = csv(&[row("901")]).into_bytes();
    let at = rows.windows(6).position(|w| w == b"A vase").unwrap();
    let mut rows = rows;
    rows[at] = 0xff;
    let (out, _) = run("shein-brightdata", rows);
    let refused = sorted(out).1;
    assert_eq!((refused[0].reason, refused[0].product_id.as_deref()), (Reason::InvalidUtf8, Some("901")));
}

#[test]
fn a_product_of_another_storefront_has_a_name_in_the_shop() {
    for (host, name, lang) in [
        ("de.shein.com", "Leichter Schal", "de"),
        ("fr.shein.com", "Écharpe légère", "fr"),
        ("eur.shein.com", "Scarf", "und"),
    ] {
        let mut record = row("7");
        record["product_name"] = json!(name);
        record["domain"] = json!(host);
        let product = map("shein-brightdata", &record).unwrap();
        // What is known to be German is not called English; of what nobody can tell it may be true.
        let english = |text| (lang == "und").then_some(text);
        assert_eq!((product.name.get("en"), product.name.get(lang)), (english(name), Some(name)), "{host}");
        assert_eq!(product.description.get("en"), english("A vase"));
        assert_eq!(product.categories[0].0[1].name.get("en"), english("Vases"));
        let said = remark(&product, WarningCode::NameFromOtherLanguage);
        assert!(said.contains(&format!("{lang:?}")), "{said}");
        assert!(product.warnings.iter().any(|warning| warning.code == WarningCode::MissingLanguage));
    }
    for names in [json!({"ar": "قميص", "de": "Hemd"}), json!({"en-GB": "Shirt", "de": "Hemd"})] {
        let product = map("canonical", &with(canonical("1"), "/name", names)).unwrap();
        assert_eq!(product.name.get("en"), None, "the shop knows one of these languages");
        assert_eq!(remark(&product, WarningCode::NameFromOtherLanguage), "");
    }
}

/// Words of our types and of the parser.
const OURS: [&str; 14] = [
    "struct",
    "sequence",
    "invalid type",
    "visitor",
    "tuple",
    "newtype",
    "enum",
    "i32",
    "i64",
    "u64",
    "f64",
    "unit",
    "element",
    "`",
];

/// Every place of a record.
fn places(value: &Value, pointer: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| places(value, &format!("{pointer}/{key}"), all)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| places(value, &format!("{pointer}/{at}"), all))
        }
        _ => {}
    }
    if !pointer.is_empty() {
        all.push(pointer.to_owned());
    }
}

#[test]
fn messages_speak_of_the_document_whatever_stands_wherever() {
    let forms = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(3e40),
        json!("x"),
        json!([]),
        json!({}),
        json!([1, 2]),
        json!([[1]]),
        json!({"a": 1}),
        json!([{"a": 1}]),
        json!({"0": 1}),
    ];
    for (source, record) in
        [("shein-api", document("7")), ("shein-brightdata", row("7")), ("canonical", canonical("7"))]
    {
        let mut pointers = Vec::new();
        places(&record, "", &mut pointers);
        for pointer in pointers {
            for form in &forms {
                if let Err(defect) =
                    adapter::find(source).unwrap().json(&with(record.clone(), &pointer, form.clone()).to_string())
                {
                    let ours: Vec<_> = OURS.iter().filter(|word| defect.message.contains(**word)).collect();
                    assert!(ours.is_empty(), "{source}{pointer} = {form}: {}", defect.message);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn an_amount_that_is_paid_has_its_currencys_digits_and_is_above_zero(
        whole in 0u32..100_000, decimals in "[0-9]{0,9}", currency in prop::sample::select(vec!["USD", "JPY", "KWD", "HUF"]),
    ) {
        let amount = if decimals.is_empty() { whole.to_string() } else { format!("{whole}.{decimals}") };
        let prices = json!([{"currency": currency, "amount": amount}]);
        if let Ok(product) = map("canonical", &with(canonical("1"), "/variants/0/prices", prices)) {
            let paid = product.variants[0].prices[0].amount;
            prop_assert!(paid.scale() == feeds::money::minor_digits(currency) && !paid.is_zero(), "{} {}: {}", amount, currency, paid);
        }
    }
}
