//! The commands that need no stack, on files on disk.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use relay::answer::Answer;
use relay::cli::{Configured, Preview};
use relay::commands::{explain_price, preview, rules};
use serde_json::{Value, json};

/// A folder of its own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("relay-local-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn product(id: &str, amount: &str, stock: i32, category: &str) -> Value {
    json!({
        "source": "canonical", "id": id, "name": {"en": format!("Shirt {id}")}, "images": ["https://example.com/a.jpg"],
        "categories": [[{"id": category, "name": {"en": category}}]],
        "variants": [{"sku": format!("{id}-1"), "title": "Default", "stock": stock, "prices": [{"currency": "SAR", "amount": amount}]}],
    })
}

fn feed(products: &[Value]) -> String {
    Value::from(products.to_vec()).to_string()
}

const RULES: &str = "
categories: {tree: [{name: Tops}, {name: Rest}], map: [{from: Shirts, to: Tops}], unmapped: {to: Rest}}
rules:
  - rule: Our price
    price: [{markup: 50%}, {round: {ending: [0.95]}}]
  - rule: Calm
    hold: {price-rise-over: 60%}
  - rule: Sold out
    withhold: {no-stock: true}
";

async fn previewed(asked: Preview) -> Answer {
    preview::run(None, &asked, 0).await.unwrap()
}

#[tokio::test]
async fn a_preview_counts_what_a_feed_would_do() {
    let folder = Folder::new("preview");
    let before = folder.file(
        "before.json",
        &feed(&[
            product("1", "10.00", 3, "Shirts"),
            product("2", "10.00", 3, "Shirts"),
            product("3", "10.00", 3, "Shirts"),
            product("4", "10.00", 3, "Shirts"),
            product("5", "10.00", 3, "Shirts"),
        ]),
    );
    let mut gone = product("4", "10.00", 3, "Shirts");
    gone["withdrawn"] = true.into();
    let mut broken = product("7", "10.00", 3, "Shirts");
    broken["variants"] = json!([]);
    let after = folder.file(
        "after.json",
        &feed(&[
            product("1", "10.00", 3, "Shirts"),
            product("2", "20.00", 3, "Shirts"),
            product("3", "9.00", 0, "Shirts"),
            gone,
            product("6", "10.00", 3, "Lamps"),
            product("6", "10.00", 3, "Lamps"),
            broken,
        ]),
    );
    let rules = folder.file("rules.yaml", RULES);
    let html = folder.0.join("report.html");
    let asked = Preview {
        feed: Some(after),
        against: Some(before),
        configured: Configured { rules: vec![rules.clone()], rates: None },
        rules_before: vec![rules],
        full: true,
        html: Some(html.clone()),
        ..Preview::default()
    };
    let answer = previewed(asked).await;
    let report = &answer.json;
    // 5 is not named any more.
    let counts = json!({"products": 6, "new": 1, "changed": 2, "unchanged": 1, "withdrawn": 2, "rejected": 1, "gated": 1, "held": 1, "repeated": 1});
    assert_eq!(report["counts"], counts, "{}", answer.text);
    assert_eq!(report["fields"], json!({"prices": 2, "stock": 1, "withdrawn": 1}));
    assert_eq!(report["prices"]["bands"], json!({"+50% and more": 1, "-10% to -5%": 1}));
    let largest = &report["prices"]["largest"][0];
    assert_eq!(
        (&largest["product"], &largest["from"], &largest["to"]),
        (&json!("canonical:2"), &json!("14.95"), &json!("29.95"))
    );
    assert_eq!(report["newCategories"], json!({"Rest": 1}));
    assert_eq!(report["unmapped"], json!({"Lamps": 1}));
    assert_eq!(report["held"]["Calm"]["examples"][0], "canonical:2: 2-1: 14.95 → 29.95 SAR");
    assert_eq!(report["gated"]["Sold out"]["count"], 1);
    assert_eq!(report["rejected"].as_object().unwrap().len(), 1);
    assert!(answer.attention && answer.text.contains("canonical:2"), "{}", answer.text);
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.contains("canonical:2") && page.contains("+50% and more"), "{page}");
}

#[tokio::test]
async fn the_same_feed_and_rules_change_nothing_and_others_what_differs() {
    let folder = Folder::new("same");
    let file =
        folder.file("feed.json", &feed(&[product("1", "10.00", 3, "Shirts"), product("2", "0.63", 3, "Shirts")]));
    let rules = folder.file("rules.yaml", RULES);
    let asked = |before: Vec<PathBuf>| Preview {
        feed: Some(file.clone()),
        against: Some(file.clone()),
        configured: Configured { rules: vec![rules.clone()], rates: None },
        rules_before: before,
        ..Preview::default()
    };
    let same = previewed(asked(vec![rules.clone()])).await;
    assert_eq!((&same.json["counts"]["unchanged"], same.attention), (&json!(2), false), "{}", same.text);
    let first = previewed(asked(vec![])).await;
    assert_eq!(first.json["counts"]["changed"], 2);
    assert_eq!(first.json["newCategories"], json!({"Tops": 2}));
}

#[tokio::test]
async fn a_feed_whose_prices_jump_on_average_would_wait_as_a_whole() {
    let folder = Folder::new("drift");
    let all = |amount: &str| feed(&(0..20).map(|n| product(&n.to_string(), amount, 3, "Shirts")).collect::<Vec<_>>());
    let (before, after) = (folder.file("before.json", &all("10.00")), folder.file("after.json", &all("12.50")));
    let rules = folder.file("rules.yaml", "feeds: {average-price-over: 20%}");
    let configured = Configured { rules: vec![rules], rates: None };
    let asked = Preview { feed: Some(after), against: Some(before), configured, ..Preview::default() };
    let answer = previewed(asked).await;
    assert_eq!(answer.json["feedHeld"], json!(["prices change by 25.0% on average"]));
    assert!(answer.attention && answer.text.contains("wait for a person"), "{}", answer.text);
}

#[tokio::test]
async fn a_feed_that_breaks_off_takes_nothing_away() {
    let folder = Folder::new("broken");
    let whole = feed(&[product("1", "10.00", 3, "Shirts"), product("2", "10.00", 3, "Shirts")]);
    let against = folder.file("whole.json", &whole);
    let cut = folder.file("cut.json", &whole[..whole.len() - 40]);
    let asked = Preview { feed: Some(cut), against: Some(against), full: true, ..Preview::default() };
    let answer = previewed(asked).await;
    assert_eq!(answer.json["counts"]["withdrawn"], 0);
    assert!(answer.attention && answer.text.contains("breaks off"), "{}", answer.text);
}

#[tokio::test]
async fn what_a_feed_holds_does_nothing_to_the_page() {
    let folder = Folder::new("page");
    let mut wild = product("1", "10.00", 3, "<script>alert(1)</script>");
    let against = folder.file("before.json", &feed(&[wild.clone()]));
    wild["name"] = json!({"en": "<img src=x onerror=alert(1)>"});
    wild["variants"][0]["prices"][0]["amount"] = "20.00".into();
    let file = folder.file("after.json", &feed(&[wild]));
    let rules = folder.file("rules.yaml", "categories: {unmapped: keep}");
    let html = folder.0.join("report.html");
    let configured = Configured { rules: vec![rules], rates: None };
    let asked = Preview {
        feed: Some(file),
        against: Some(against),
        configured,
        html: Some(html.clone()),
        ..Preview::default()
    };
    previewed(asked).await;
    let page = std::fs::read_to_string(html).unwrap();
    assert!(
        page.contains("&lt;img")
            && page.contains("&lt;script&gt;")
            && !page.contains("<img")
            && !page.contains("<script"),
        "{page}"
    );
}

#[test]
fn rules_are_checked_with_lines_and_carets() {
    let folder = Folder::new("check");
    let good = folder.file("a.yaml", RULES);
    let bad = folder.file("b.yaml", "rules:\n  - rule: x\n    price:\n      - facter: 2\n");
    let rates = folder.file("rates.json", "{\"date\": \"today\", \"base\": \"USD\", \"rates\": {}}");
    let answer = rules::check(std::slice::from_ref(&good), None).unwrap();
    assert!(!answer.attention && answer.text.contains("3 rules in 1 file, 2 categories"), "{}", answer.text);
    let answer = rules::check(std::slice::from_ref(&folder.0), Some(&rates)).unwrap();
    assert!(answer.attention && answer.text.contains("      - facter: 2\n    |         ^"), "{}", answer.text);
    assert_eq!(answer.json["flaws"].as_array().unwrap().len(), 2, "{}", answer.text);
    assert_eq!(
        (&answer.json["flaws"][0]["line"], &answer.json["flaws"][0]["help"]),
        (&json!(4), &json!("did you mean `factor`?"))
    );
    assert!(rules::check(&[folder.0.join("none.yaml")], None).unwrap_err().exit_code() == 2);
    assert!(rules::check(&[bad], None).unwrap().attention);
}

#[test]
fn what_is_not_mapped_is_listed_with_drafts_that_are_rules() {
    let folder = Folder::new("unmapped");
    let file = folder.file(
        "feed.json",
        &feed(&[
            product("1", "1", 1, "Tops: \"new\""),
            product("2", "1", 1, "Top"),
            product("3", "1", 1, "Top"),
            product("4", "1", 1, "Shirts"),
        ]),
    );
    let path = folder.file("rules.yaml", RULES);
    let configured = Configured { rules: vec![path], rates: None };
    let answer = rules::unmapped_in_feed(&file, None, &configured, 0).unwrap();
    assert_eq!(
        answer.json["unmapped"][0],
        json!({"path": "Top", "products": 2, "source": "canonical", "draft": "Tops"})
    );
    // What is drafted can be put into the file as it is.
    let drafts: Vec<&str> =
        answer.text.lines().filter(|line| line.starts_with("    - {from:") && !line.contains("TODO")).collect();
    let file = format!("categories:\n  tree: [{{name: Tops}}]\n  map:\n{}\n", drafts.join("\n"));
    assert!(want::Rules::read([("r", file.as_str())]).is_ok() && !drafts.is_empty(), "{file}");
}

#[test]
fn a_price_is_explained_from_a_feed_on_disk() {
    let folder = Folder::new("explain");
    let file = folder.file("feed.json", &feed(&[product("1", "10.00", 3, "Shirts")]));
    let path = folder.file("rules.yaml", RULES);
    let configured = Configured { rules: vec![path], rates: None };
    let explain =
        |product: &str, configured: &Configured| explain_price::in_feed(product, Path::new(&file), None, configured, 0);
    let answer = explain("canonical:1", &configured).unwrap();
    for words in ["what the source asks", "+ 50%", "Our price", "rules.yaml:5:13", "= 14.95 SAR"] {
        assert!(answer.text.contains(words), "{words}: {}", answer.text);
    }
    assert_eq!(answer.json["prices"][0]["prices"][0]["amount"], "14.95");
    assert_eq!(explain("canonical:9", &configured).unwrap_err().exit_code(), 2);
    assert!(explain("canonical:1", &Configured::default()).unwrap_err().advice().contains("--rules"));
}
