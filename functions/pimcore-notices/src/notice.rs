//! What the bundle says people did, as keys to look at.
//!
//! What is told is not believed: a notice only has pimcore-sync look at the product. So what is
//! missing here (drafts, categories, what the bundle left out as too many) is found as it is
//! without notices.

use catalog::ProductKey;
use runtime::{Act, Cause, Notice, ProductMessage};
use serde::Deserialize;
use serde_json::Value;

/// Notices of one request; the bundle sends no more (`Notices::MOST`).
pub const MOST: usize = 200;

const PRODUCT: &str = "CatalogProduct";
/// What takes a product away: who did it is passed on, for people to read.
const TAKES_AWAY: [&str; 2] = ["delete", "move"];
/// Characters that are kept of a person's name.
const NAME: usize = 100;
/// What the shop is not shown.
const DRAFTS: [&str; 2] = ["draft", "autosave"];

/// What was told, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Each once.
    pub products: Vec<Notice>,
    /// Who did what, for the log: product, act, the person's number in Pimcore.
    pub acts: Vec<(ProductKey, String, Option<i64>)>,
    /// Notices about something else, or not understood.
    pub others: usize,
}

#[derive(Deserialize)]
struct Body {
    message: String,
    notices: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    what: String,
    at: Option<i64>,
    class: String,
    external_id: String,
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    id: Option<i64>,
    name: Option<String>,
}

/// Reads a body. Of a notice that is not understood nothing is taken, and the others are.
///
/// # Errors
/// When it is no body of notices at all.
pub fn read(body: &[u8]) -> Result<Told, serde_json::Error> {
    let Body { message, notices } = serde_json::from_slice(body)?;
    let correlation_id = correlation_id(&message);
    let mut told = Told { others: notices.len().saturating_sub(MOST), ..Told::default() };
    for notice in notices.into_iter().take(MOST) {
        let Some((key, what, user, act)) = serde_json::from_value(notice).ok().and_then(product) else {
            told.others += 1;
            continue;
        };
        if let Some(known) = told.products.iter_mut().find(|product| product.message.key == key) {
            known.act = act.or(known.act.take());
        } else {
            let correlation_id = correlation_id.clone();
            let message = ProductMessage { key: key.clone(), correlation_id, cause: Cause::Noticed };
            told.products.push(Notice { message, act });
        }
        told.acts.push((key, what, user));
    }
    Ok(told)
}

/// A published product that has been a source's: what a person makes in Pimcore without an external
/// id is none of ours.
fn product(notice: Said) -> Option<(ProductKey, String, Option<i64>, Option<Act>)> {
    let of_products = notice.class == PRODUCT && !DRAFTS.contains(&notice.what.as_str());
    let key = of_products.then(|| notice.external_id.parse().ok()).flatten()?;
    let word: String = notice.what.chars().filter(char::is_ascii_lowercase).take(20).collect();
    let (user, name) = notice.user.map_or((None, None), |user| (user.id, user.name));
    let name = name.map(|name| name.chars().filter(|c| !c.is_control()).take(NAME).collect());
    let takes_away = TAKES_AWAY.contains(&word.as_str());
    let act = notice.at.filter(|_| takes_away).map(|at| Act { what: word.clone(), at, user, name });
    Some((key, word, user, act))
}

/// `notice-` and the message's id, as far as that is one.
fn correlation_id(message: &str) -> String {
    let id: String = message.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    format!("notice-{id}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What the bundle sends; `DecisionTest.php` holds it to that.
    const SENT: &str = include_str!("../../../platforms/pimcore-bundle/tests/notices.json");

    fn told(notices: &Value) -> Told {
        read(json!({"message": "m1", "notices": notices, "more": false}).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn what_the_bundle_sends_is_a_key_for_each_product() {
        let told = read(SENT.as_bytes()).unwrap();
        let keys: Vec<String> = told.products.iter().map(|product| product.message.key.to_string()).collect();
        assert_eq!(keys, ["demo:1", "demo:2"]);
        assert!(told.products.iter().all(|product| product.message.cause == Cause::Noticed));
        let who = Act { what: "delete".into(), at: 1_764_237_601, user: Some(4), name: Some("ann".into()) };
        assert_eq!([&told.products[0].act, &told.products[1].act], [&Some(who), &None]);
        assert_eq!(told.products[0].message.correlation_id, "notice-0123456789abcdef0123456789abcdef");
        let acts: Vec<(String, &str, Option<i64>)> =
            told.acts.iter().map(|(key, what, user)| (key.to_string(), what.as_str(), *user)).collect();
        assert_eq!(
            acts,
            [
                ("demo:1".into(), "save", Some(4)),
                ("demo:1".into(), "delete", Some(4)),
                ("demo:2".into(), "restore", Some(5))
            ]
        );
        assert_eq!(told.others, 3, "a draft, a category, and a person's own product");
    }

    #[test]
    fn what_is_not_understood_stops_nothing_else() {
        let told = told(&json!([
            7,
            {"what": "delete"},
            {"what": "delete", "class": "CatalogProduct", "externalId": ["demo:1"]},
            {"what": "delete", "class": "CatalogProduct", "externalId": "DEMO:1"},
            {"what": "explode\u{1b}[2J", "class": "CatalogProduct", "externalId": "demo:2", "user": {"id": "4"}},
            {"what": "explode\u{1b}[2J", "class": "CatalogProduct", "externalId": "demo:3"}
        ]));
        assert_eq!(told.products.iter().map(|product| product.message.key.to_string()).collect::<Vec<_>>(), ["demo:3"]);
        assert_eq!((told.acts[0].1.as_str(), told.others), ("explode", 5));
    }

    #[test]
    fn a_name_is_text_of_one_line_and_need_not_be_there() {
        let delete = |user: Value| json!({"what": "delete", "at": 7, "class": "CatalogProduct", "externalId": "demo:1", "user": user});
        let name = |user| told(&json!([delete(user)])).products[0].act.clone().unwrap().name;
        let long = json!({"id": 4, "name": format!("a\u{1b}[2J\n{}", "n".repeat(500))});
        let kept = name(long).unwrap();
        assert!(kept.starts_with("a[2Jn") && kept.len() == NAME, "{kept}");
        assert_eq!((name(json!({"id": 4})), name(Value::Null)), (None, None));
    }

    #[test]
    fn of_too_many_the_first_are_taken() {
        let many: Vec<Value> = (0..MOST + 5)
            .map(|n| json!({"what": "delete", "class": "CatalogProduct", "externalId": format!("demo:{n}")}))
            .collect();
        let told = told(&Value::Array(many));
        assert_eq!((told.products.len(), told.others), (MOST, 5));
    }

    #[test]
    fn what_is_no_body_of_notices_is_refused() {
        for body in ["", "null", "[]", "{\"message\":\"m\"}", "{\"message\":\"m\",\"notices\":[", "\u{0}"] {
            assert!(read(body.as_bytes()).is_err(), "{body:?}");
        }
    }
}
