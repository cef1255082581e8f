//! Runs feeds in pieces, and made-up records in the shape of the real ones.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "test support; each test binary uses a part")]

use feeds::{Broken, Checkpoint, Feed, Limits, Outcome, Progress, Rejection, adapter};
use serde_json::{Value, json};

/// Everything that comes out of a feed that is given in pieces of `piece` bytes.
pub fn run_with(source: &str, bytes: &[u8], piece: usize, limits: Limits) -> (Vec<Outcome>, Result<(), Broken>) {
    let mut feed = Feed::new(adapter::find(source).unwrap(), "feed", Checkpoint::default(), limits).unwrap();
    let mut out = Vec::new();
    for piece in bytes.chunks(piece) {
        feed.offer(piece);
        loop {
            match feed.step(&mut out) {
                Ok(Progress::More) => {}
                Ok(Progress::Hungry) => break,
                Err(broken) => return (out, Err(broken)),
            }
        }
    }
    let end = feed.finish(&mut out);
    (out, end)
}

pub fn run(source: &str, bytes: impl AsRef<[u8]>) -> (Vec<Outcome>, Result<(), Broken>) {
    run_with(source, bytes.as_ref(), 7, Limits::default())
}

/// A file of `../shared/data` beside the repository. On a machine without it the test says so; in
/// CI it must be there.
pub fn shared(name: &str) -> Option<Vec<u8>> {
    let places = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(3);
    let found = places.map(|folder| folder.join("shared/data").join(name)).find(|path| path.is_file());
    let bytes = found.map(|path| std::fs::read(path).unwrap());
    if bytes.is_none() {
        assert!(std::env::var_os("CI").is_none(), "shared/data/{name} must be there in CI");
        eprintln!("SKIPPED: shared/data/{name} is not there");
    }
    bytes
}

/// Ids of the products, and the rejections.
pub fn sorted(outcomes: Vec<Outcome>) -> (Vec<String>, Vec<Rejection>) {
    let (mut ids, mut rejections) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Outcome::Product(mapped) => ids.push(mapped.product.id),
            Outcome::Line(line) => unreachable!("a part: {line:?}"),
            Outcome::Rejected(rejection, _) => rejections.push(rejection),
        }
    }
    (ids, rejections)
}

/// A product in the canonical shape.
pub fn canonical(id: &str) -> Value {
    json!({
        "source": "canonical", "id": id, "name": {"en": "Shirt", "ar": "قميص"}, "images": ["https://example.com/a.jpg"],
        "variants": [{"sku": format!("{id}-1"), "title": "Default", "stock": 3,
            "prices": [{"currency": "SAR", "amount": "10.00"}]}],
    })
}

/// A product-detail document with two sizes, and a third size that has no SKU.
pub fn document(id: &str) -> Value {
    let sku = |code: &str, value: &str, size: &str| {
        json!({
            "sku_code": code, "stock": "7", "mall_stock": [{"stock": "7"}],
            "priceInfo": {
                "salePrice": {"amount": "23.80", "amountWithSymbol": "SR23.80", "usdAmount": "6.35", "usdAmountWithSymbol": "$6.35"},
                "retailPrice": {"amount": "28.00", "amountWithSymbol": "SR28.00", "usdAmount": "7.47"},
            },
            "sku_sale_attr": [{"attr_id": "87", "attr_name": "مقاس", "attr_name_en": "Size", "attr_value_id": value,
                "attr_value_name": size, "attr_value_name_en": size}],
        })
    };
    json!({"code": "0", "msg": "ok", "info": {
        "productInfo": {
            "goods_id": id, "goods_sn": "sz1", "goods_name": "فستان أحمر", "productRelationID": "spu1", "is_on_sale": "1",
            "goods_img": "//img.example.com/main.jpg", "cat_id": "30", "skuList": null,
            "cateInfos": {
                "30": {"category_name": "فساتين", "category_name_en": "Dresses", "parent_ids": ["10", "20"]},
                "10": {"category_name": "نساء", "category_name_en": "Women", "parent_ids": []},
                "20": {"category_name": "ملابس", "category_name_en": "Clothing", "parent_ids": ["10"]},
            },
            "currentSkcImgInfo": {"skcImages": ["//img.example.com/1.webp", "//img.example.com/2.webp", "//img.example.com/1.webp"], "skuImages": {}},
            "allColorDetailImages": {
                "999": [{"origin_image": "//img.example.com/other.webp"}],
                id: [{"origin_image": "//img.example.com/2.webp"}, {"origin_image": "http://img.example.com/3.webp"}],
            },
            "productDescriptionInfo": {"goods_desc": "", "productDetails": [
                {"attr_id": 160, "attr_name": "المواد", "attr_name_en": "Material", "attr_value": "قطن", "attr_value_en": "Cotton"},
                {"attr_id": 160, "attr_name": "المواد", "attr_name_en": "Material", "attr_value": "كتان", "attr_value_en": "Linen"},
                {"attr_id": 9, "attr_name": "نوع", "attr_name_en": "Type", "attr_value": "سهرة", "attr_value_en": "Evening"},
            ]},
        },
        "saleAttr": {
            "mainSaleAttribute": {"info": [
                {"goods_id": "999", "attr_id": "27", "attr_name": "لون", "attr_value": "أسود", "goods_url_name": "Black Dress"},
                {"goods_id": id, "attr_id": "27", "attr_name": "لون", "attr_value": "أحمر", "goods_url_name": "Red Dress"},
            ]},
            "multiLevelSaleAttribute": {
                "sku_list": [sku("I2", "754", "L"), sku("I1", "568", "S")],
                "skc_sale_attr": [{"attr_id": "87", "attr_value_list": [
                    {"attr_value_id": "568", "attr_value_name": "S"}, {"attr_value_id": "754", "attr_value_name": "L"},
                    {"attr_value_name": "0XL-3XL"},
                ]}],
            },
        },
        "brandDetailInfo": {"name": "ACME"},
    }})
}

/// A row of the dataset as a JSON object.
pub fn row(id: &str) -> Value {
    json!({
        "product_id": id, "product_name": "Vase", "description": "A vase", "initial_price": 12.5, "final_price": "10",
        "currency": "USD", "in_stock": true, "color": "Grey", "size": "one-size", "main_image": "https://img.example.com/1.png",
        "url": format!("https://us.shein.com/Vase-p-{id}.html"), "domain": "us.shein.com", "model_number": "sr1",
        "category_tree": [{"name": "Home", "url": "https://us.shein.com/Home-c-1.html"}, {"name": "Vases", "url": "https://us.shein.com/Vases-c-22.html"}],
        "image_urls": ["https://img.example.com/1.png", format!("https://us.shein.com/Vase-p-{id}.html"), "https://img.example.com/2.jpg?w=1"],
        "other_attributes": [{"name": "Color", "value": "Grey"}, {"name": "Material", "value": "Wood"}, {"name": "Material", "value": "Glass"}],
        "offers": null, "all_available_sizes": ["one-size"], "brand": "ACME", "root_category": "Home", "category": "Vases",
    })
}

/// The same row as CSV: header and record.
pub fn csv(rows: &[Value]) -> String {
    let columns: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    let cell = |value: &Value| {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    let mut lines = vec![columns.iter().map(|column| column.to_string()).collect::<Vec<_>>().join(",")];
    lines.extend(
        rows.iter().map(|row| columns.iter().map(|column| cell(&row[column.as_str()])).collect::<Vec<_>>().join(",")),
    );
    lines.join("\r\n") + "\r\n"
}
