//! From records to products, source by source.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use catalog::{Product, WarningCode};
use common::{canonical, document, row, run};
use feeds::{Outcome, Reason, Rejection};
use serde_json::{Value, json};

fn map(source: &str, record: &Value) -> Result<Product, Box<Rejection>> {
    let (mut out, end) = run(source, record.to_string());
    end.unwrap();
    match out.pop().unwrap() {
        Outcome::Product(mapped) => Ok(mapped.product),
        Outcome::Line(line) => unreachable!("a part: {line:?}"),
        Outcome::Rejected(rejection, _) => Err(Box::new(rejection)),
    }
}

/// A record with one place changed; `None` takes it away.
fn with(mut record: Value, pointer: &str, value: Option<Value>) -> Value {
    match value {
        Some(value) => match record.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => {
                let (parent, key) = pointer.rsplit_once('/').unwrap();
                record.pointer_mut(parent).unwrap()[key] = value;
            }
        },
        None => {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            record.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
        }
    }
    record
}

const SKUS: &str = "/info/saleAttr/multiLevelSaleAttribute/sku_list";

#[test]
fn a_product_detail_document_becomes_this_product() {
    let product = map("shein-api", &document("42")).unwrap();
    insta::with_settings!({ omit_expression => true }, { insta::assert_json_snapshot!("shein_api", product) });
}

#[test]
fn a_dataset_row_becomes_this_product() {
    let product = map("shein-brightdata", &row("42")).unwrap();
    insta::with_settings!({ omit_expression => true }, { insta::assert_json_snapshot!("shein_brightdata", product) });
}

#[test]
fn a_document_that_cannot_be_sold_is_rejected_with_reason_path_and_id() {
    let sku = |field: &str| format!("{SKUS}/1/{field}");
    let at = |field: &str| format!("$.info.saleAttr.multiLevelSaleAttribute.sku_list[1]{field}");
    #[rustfmt::skip]
    let cases = [
        ("/code".to_owned(), Some(json!("1")), Reason::SourceError, Some("$.code".to_owned())),
        ("/code".into(), None, Reason::MissingField, Some("$.code".into())),
        ("/info".into(), Some(json!(null)), Reason::MissingField, Some("$.info".into())),
        ("/info/productInfo".into(), None, Reason::MissingField, Some("$.info.productInfo".into())),
        ("/info/productInfo/goods_id".into(), Some(json!(" ")), Reason::MissingField, Some("$.info.productInfo.goods_id".into())),
        ("/info/productInfo/goods_id".into(), Some(json!("x".repeat(200))), Reason::InvalidId, Some("$.id".into())),
        ("/info/productInfo/cateInfos".into(), Some(json!("30")), Reason::InvalidType, Some("$.info.productInfo.cateInfos".into())),
        (SKUS.into(), Some(json!([])), Reason::NoVariants, Some("$.info.saleAttr.multiLevelSaleAttribute.sku_list".into())),
        ("/info/saleAttr".into(), None, Reason::NoVariants, Some("$.info.saleAttr.multiLevelSaleAttribute.sku_list".into())),
        (sku("sku_code"), None, Reason::MissingField, Some(at(".sku_code"))),
        (sku("sku_code"), Some(json!("I2")), Reason::DuplicateSku, None),
        (sku("stock"), Some(json!("many")), Reason::InvalidStock, Some(at(".stock"))),
        (sku("stock"), None, Reason::MissingField, Some(at(".stock"))),
        (sku("priceInfo"), None, Reason::MissingPrice, Some(at(".priceInfo"))),
        (sku("priceInfo/salePrice"), Some(json!(null)), Reason::MissingPrice, Some(at(".priceInfo.salePrice"))),
        (sku("priceInfo/salePrice/amount"), Some(json!("")), Reason::MissingPrice, Some(at(".priceInfo.salePrice.amount"))),
        (sku("priceInfo/salePrice/amount"), Some(json!("-5.00")), Reason::NegativePrice, Some(at(".priceInfo.salePrice.amount"))),
        (sku("priceInfo/salePrice/amount"), Some(json!(0)), Reason::ZeroPrice, Some(at(".priceInfo.salePrice.amount"))),
        (sku("priceInfo/salePrice/amount"), Some(json!({"value": "1"})), Reason::InvalidType, Some(at(".priceInfo.salePrice.amount"))),
        (sku("priceInfo/salePrice/amountWithSymbol"), None, Reason::UnknownCurrency, Some(at(".priceInfo.salePrice.amountWithSymbol"))),
        (sku("priceInfo/salePrice/amountWithSymbol"), Some(json!("¥23.80")), Reason::UnknownCurrency, Some(at(".priceInfo.salePrice.amountWithSymbol"))),
        (sku("priceInfo/salePrice/usdAmount"), Some(json!("x")), Reason::InvalidAmount, Some(at(".priceInfo.salePrice.usdAmount"))),
        (sku("priceInfo/retailPrice/amount"), Some(json!("-1")), Reason::NegativePrice, Some(at(".priceInfo.retailPrice.amount"))),
        (sku("sku_sale_attr"), Some(json!([])), Reason::AmbiguousOptions, Some(at(".sku_sale_attr"))),
        (sku("sku_sale_attr/0/attr_value_name_en"), Some(json!("L")), Reason::AmbiguousOptions, None),
        ("/info/productInfo/goods_name".into(), Some(json!("ق".repeat(3_000))), Reason::TextTooLong, Some("$.name.ar".into())),
    ];
    for (pointer, value, reason, path) in cases {
        let shown = format!("{pointer} = {value:?}");
        let rejection = map("shein-api", &with(document("42"), &pointer, value)).expect_err(&shown);
        assert_eq!(rejection.reason, reason, "{shown}: {}", rejection.message);
        if let Some(path) = path {
            assert_eq!(rejection.path.as_deref(), Some(path.as_str()), "{shown}");
        }
        if pointer.starts_with("/info/saleAttr") || pointer.ends_with("cateInfos") {
            assert_eq!(rejection.product_id.as_deref(), Some("42"), "{shown}");
        }
    }
}

#[test]
fn an_error_answer_is_told_whatever_else_it_holds() {
    for info in [json!(null), json!([]), json!("none"), json!({"productInfo": []})] {
        let rejection =
            map("shein-api", &json!({"code": 300_404, "msg": "goods off shelf", "info": info})).unwrap_err();
        assert_eq!(rejection.reason, Reason::SourceError);
        assert!(
            rejection.message.contains("300404") && rejection.message.contains("goods off shelf"),
            "{}",
            rejection.message
        );
    }
}

#[test]
fn the_same_thing_written_in_another_way_is_the_same_product() {
    let plain = map("shein-api", &document("42")).unwrap();
    let sku = format!("{SKUS}/0");
    for (pointer, value) in [
        ("/code".to_owned(), json!(0)),
        ("/info/productInfo/goods_id".into(), json!(42)),
        (format!("{sku}/stock"), json!(7)),
        (format!("{sku}/priceInfo/salePrice/amount"), json!("23.8")),
        (format!("{sku}/priceInfo/salePrice/usdAmount"), json!(6.35)),
        (format!("{sku}/priceInfo/salePrice/amountWithSymbol"), json!("23.80 ر.س")),
        (
            SKUS.to_owned(),
            json!({"0": document("42").pointer(&sku).unwrap(), "1": document("42").pointer(&format!("{SKUS}/1")).unwrap()}),
        ),
        (
            "/info/productInfo/currentSkcImgInfo/skcImages".into(),
            json!([null, "", "https://img.example.com/1.webp", "http://img.example.com/2.webp"]),
        ),
    ] {
        let shown = format!("{pointer} = {value}");
        assert_eq!(map("shein-api", &with(document("42"), &pointer, Some(value))), Ok(plain.clone()), "{shown}");
    }
}

#[test]
fn a_document_of_one_sku_without_a_choice_has_no_option() {
    let sku = with(document("1").pointer(&format!("{SKUS}/0")).unwrap().clone(), "/sku_sale_attr", Some(json!([])));
    let product = map("shein-api", &with(document("1"), SKUS, Some(json!([sku])))).unwrap();
    assert!(product.options.is_empty() && product.variants[0].options.is_empty());
    assert_eq!(product.variants[0].title, "Default");
}

#[test]
fn a_list_price_is_kept_only_where_it_is_higher() {
    let lower = with(
        document("1"),
        &format!("{SKUS}/0/priceInfo/retailPrice"),
        Some(json!({"amount": "20.00", "usdAmount": "0"})),
    );
    let product = map("shein-api", &lower).unwrap();
    let large = product.variants.iter().find(|variant| variant.sku == "I2").unwrap();
    assert!(large.prices.iter().all(|price| price.list_amount.is_none()));
}

#[test]
fn a_product_that_is_not_on_sale_is_withdrawn() {
    assert!(
        map("shein-api", &with(document("1"), "/info/productInfo/is_on_sale", Some(json!("0")))).unwrap().withdrawn
    );
}

#[test]
fn empty_php_maps_and_missing_extras_are_no_defect() {
    let mut record = document("1");
    for pointer in ["/info/productInfo/cateInfos", "/info/productInfo/allColorDetailImages"] {
        record = with(record, pointer, Some(json!([])));
    }
    record = with(record, "/info/brandDetailInfo", None);
    record = with(record, "/info/productInfo/currentSkcImgInfo", Some(json!(null)));
    let product = map("shein-api", &record).unwrap();
    assert_eq!((product.brand, product.categories.len()), (None, 0));
    assert_eq!(product.images, ["https://img.example.com/main.jpg"], "the thumbnail is better than nothing");
}

#[test]
fn what_a_product_lacks_is_remarked_not_fatal() {
    let mut record = document("1");
    for pointer in
        ["/info/productInfo/allColorDetailImages", "/info/productInfo/currentSkcImgInfo", "/info/productInfo/goods_img"]
    {
        record = with(record, pointer, Some(json!(null)));
    }
    for sku in 0..2 {
        record = with(record, &format!("{SKUS}/{sku}/stock"), Some(json!("-1")));
    }
    record = with(record, "/info/saleAttr/mainSaleAttribute", Some(json!(null)));
    let codes: Vec<_> = map("shein-api", &record).unwrap().warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, [WarningCode::NoImage, WarningCode::ZeroStock, WarningCode::MissingLanguage]);
}

#[test]
fn a_row_that_cannot_be_sold_is_rejected_with_reason_and_path() {
    for (pointer, value, reason) in [
        ("/product_id", json!(null), Reason::MissingField),
        ("/product_name", json!(""), Reason::MissingField),
        ("/currency", json!(null), Reason::UnknownCurrency),
        ("/currency", json!("dollars"), Reason::UnknownCurrency),
        ("/final_price", json!("about 10"), Reason::InvalidAmount),
        ("/final_price", json!(-1), Reason::NegativePrice),
        ("/in_stock", json!("maybe"), Reason::InvalidStock),
        ("/domain", json!("www.amazon.com"), Reason::WrongSource),
        ("/url", json!("https://www.walmart.com/ip/1"), Reason::WrongSource),
        ("/category_tree", json!("[{"), Reason::InvalidType),
    ] {
        let shown = format!("{pointer} = {value}");
        let rejection = map("shein-brightdata", &with(row("1"), pointer, Some(value))).expect_err(&shown);
        assert_eq!(rejection.reason, reason, "{shown}: {}", rejection.message);
        assert_eq!(rejection.path, Some(format!("$.{}", &pointer[1..])), "{shown}");
    }
}

#[test]
fn other_storefronts_and_other_sizes() {
    let mut french = row("1");
    french["domain"] = json!("fr.shein.com");
    french["currency"] = json!("EUR");
    french["all_available_sizes"] = json!("[\"S\",\"M\",\"s\",38]");
    french["in_stock"] = json!("false");
    let product = map("shein-brightdata", &french).unwrap();
    assert_eq!(product.name.get("fr"), Some("Vase"));
    let skus: Vec<_> = product.variants.iter().map(|variant| (variant.sku.as_str(), variant.stock)).collect();
    assert_eq!(skus, [("1-s", 0), ("1-m", 0), ("1-38", 0)]);
    assert_eq!(product.variants[0].prices[0].currency, "EUR");
}

#[test]
fn a_canonical_feed_must_follow_the_schema_and_speak_for_itself() {
    for (pointer, value, reason) in [
        ("/source", json!("shein-api"), Reason::WrongSource),
        ("/source", json!("Bad Name"), Reason::WrongSource),
        ("/name", json!({}), Reason::MissingField),
        ("/variants", json!([]), Reason::NoVariants),
        ("/variants/0/prices", json!([]), Reason::MissingPrice),
        ("/variants/0/prices/0/currency", json!("riyal"), Reason::UnknownCurrency),
        ("/variants/0/prices/0/amount", json!("-1"), Reason::NegativePrice),
        ("/variants/0/options", json!(["S"]), Reason::AmbiguousOptions),
        ("/variants/0/stock", json!(-1), Reason::InvalidStock),
        ("/variants/0/stock", json!("three"), Reason::InvalidStock),
        ("/variants/0/stock", json!(3.5), Reason::InvalidStock),
        ("/variants/0/stock", json!(null), Reason::MissingField),
        ("/withdrawn", json!("perhaps"), Reason::InvalidType),
        ("/name", json!("Shirt"), Reason::InvalidType),
        ("/name", json!({"en": " "}), Reason::MissingField),
        ("/name", json!({"en": "Shirt", "EN": "Coat"}), Reason::DuplicateKey),
        ("/name", json!({"en\u{0}": "Shirt"}), Reason::InvalidType),
        ("/categories", json!([{"id": "1", "name": {"en": "Shirts"}}]), Reason::InvalidType),
        ("/variants/0/prices/0/amount", json!("1_000"), Reason::InvalidAmount),
        ("/variants/0/prices/0/amount", json!("1,000"), Reason::InvalidAmount),
        ("/variants/0/prices/0/listAmount", json!("-1"), Reason::NegativePrice),
    ] {
        let shown = format!("{pointer} = {value}");
        let rejection = map("canonical", &with(canonical("1"), pointer, Some(value))).expect_err(&shown);
        assert_eq!(rejection.reason, reason, "{shown}: {}", rejection.message);
    }
    for other in ["acme", "shein", "shein-api", "Canonical", ""] {
        let rejection = map("canonical", &with(canonical("1"), "/source", Some(json!(other)))).expect_err(other);
        let told = (rejection.reason, rejection.path.as_deref(), rejection.value.as_deref());
        assert_eq!(
            told,
            (Reason::WrongSource, Some("$.source"), Some(other)),
            "a folder's right is that of one source"
        );
    }
}
