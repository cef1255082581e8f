//! Recordings of a real Pimcore, and products to write.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::path::PathBuf;

use catalog::{ContentHash, Localized, Price, Product, ProductOption, Variant, Version};
use pimcore::Provenance;
use serde_json::Value;

/// The folder of recordings beside the repository; `None`, loudly, where there is none. In CI it
/// has to be there.
pub fn recordings() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contracts/pimcore");
    if root.is_dir() {
        return Some(root);
    }
    assert!(std::env::var_os("CI").is_none(), "recordings are missing: {}", root.display());
    eprintln!("SKIPPED: the recordings of Pimcore are not at {}", root.display());
    None
}

/// One recorded exchange.
pub struct Recording {
    pub name: String,
    pub query: String,
    pub variables: Value,
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

impl Recording {
    pub fn read(path: &std::path::Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        let response = json.get("response")?;
        let body = match &response["body"] {
            Value::String(page) => page.clone().into_bytes(),
            json => serde_json::to_vec(json).unwrap(),
        };
        Some(Self {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            query: json["request"]["body"]["query"].as_str().unwrap_or_default().to_owned(),
            variables: json["request"]["body"]["variables"].clone(),
            status: u16::try_from(response["status"].as_u64()?).unwrap(),
            retry_after: response["headers"]["Retry-After"].as_str().map(str::to_owned),
            body,
        })
    }

    pub fn named(folder: &str, name: &str) -> Option<Self> {
        Some(Self::read(&recordings()?.join(folder).join(format!("{name}.json"))).unwrap())
    }

    pub fn answer(&self) -> pimcore::answer::Answer<'_> {
        pimcore::answer::Answer { status: self.status, retry_after: self.retry_after.as_deref(), body: &self.body }
    }
}

pub fn category(id: &str, name: &str) -> catalog::Category {
    catalog::Category { id: id.into(), name: Localized::default().with("en", name) }
}

/// A product that uses every field.
pub fn product(id: &str) -> Product {
    let variant = |size: &str| Variant {
        sku: format!("{id}-{size}"),
        title: format!("Black / {size}"),
        options: vec!["Black".into(), size.into()],
        prices: vec![
            Price {
                currency: "SAR".into(),
                amount: "23.80".parse().unwrap(),
                list_amount: Some("28.00".parse().unwrap()),
            },
            Price { currency: "USD".into(), amount: "6.35".parse().unwrap(), list_amount: None },
        ],
        stock: 20,
        images: vec![format!("https://img.example/{id}-{size}.jpg")],
        facts: None,
    };
    Product {
        group: Some("g1".into()),
        sku: Some("sw1".into()),
        name: Localized::default().with("en", "Shirt").with("ar", "قميص"),
        description: Localized::default().with("en", "<p>A \"shirt\" <script>alert(1)</script></p>"),
        brand: Some("Acme".into()),
        categories: vec![catalog::CategoryPath(vec![category("women", "Women"), category("shirts", "Shirts")])],
        attributes: vec![catalog::Attribute {
            code: "material".into(),
            name: Localized::default().with("en", "Material").with("ar", "المادة"),
            values: vec![
                Localized::default().with("en", "Cotton").with("ar", "قطن"),
                Localized::default().with("en", "Wool"),
            ],
        }],
        options: vec![
            ProductOption { name: Localized::default().with("en", "Color") },
            ProductOption { name: Localized::default().with("en", "Size") },
        ],
        variants: vec![variant("S"), variant("M")],
        images: vec![format!("https://img.example/{id}.jpg")],
        url: Some("https://shop.example/p?x=1&y=2".into()),
        ..Product::bare("demo", id)
    }
}

pub fn provenance(product: &Product) -> Provenance {
    Provenance {
        hash: ContentHash::of(product),
        version: Version::new(1_763_856_000_000, "0055AED6DCD90281E5", 0),
        feed_run: "run-1".into(),
        imported_at: "2026-11-23T00:00:00Z".parse().unwrap(),
    }
}
