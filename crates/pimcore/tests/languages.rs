//! Languages beyond English and Arabic: read and written where Pimcore has them, remarked on where
//! it lacks them.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::time::{Duration, Instant};

use catalog::{Localized, Product};
use common::{product, provenance};
use pimcore::{ApiKey, FieldLanguages, Pimcore, ProductInput};
use serde_json::{Value, json};
use wiremock::matchers::body_string_contains;
use wiremock::{Mock, MockServer, ResponseTemplate};

fn later() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// A Pimcore with these languages beside English and Arabic, that has to be asked for them `asked`
/// times.
async fn pim(further: &[&str], asked: u64) -> (MockServer, Pimcore) {
    let server = MockServer::start().await;
    let fields: Vec<Value> = ["en", "ar"].iter().chain(further).map(|name| json!({"name": name})).collect();
    let answer = json!({"data": {"__type": {"inputFields": fields}}});
    let answer = ResponseTemplate::new(200).set_body_json(answer);
    Mock::given(body_string_contains("LocalizedString")).respond_with(answer).expect(asked).mount(&server).await;
    let empty = json!({"data": {"getCatalogProductListing": {"totalCount": 0, "edges": []}}});
    Mock::given(body_string_contains("ReadProducts"))
        .respond_with(ResponseTemplate::new(200).set_body_json(empty))
        .mount(&server)
        .await;
    let client = Pimcore::new(&server.uri(), &ApiKey::new("key-of-the-language-test")).unwrap();
    (server, client)
}

fn spoken() -> Product {
    let name =
        Localized::default().with("en", "Shirt").with("de", "Hemd").with("pt-BR", "Camisa").with("fr", "Chemise");
    Product { name, ..product("1") }
}

fn input(languages: &FieldLanguages) -> Value {
    let product = spoken();
    let input = ProductInput::new(&product, &provenance(&product), &[]).unwrap().in_languages(&product, languages);
    serde_json::to_value(input).unwrap()
}

#[tokio::test]
async fn texts_are_written_in_pimcores_languages_and_others_remarked_on() {
    let (_server, pimcore) = pim(&["de", "pt_BR"], 1).await;
    let pimcore = pimcore.showing("en,de,pt-BR,fr".parse().unwrap());
    for _ in 0..2 {
        let languages = pimcore.field_languages(later()).await.unwrap();
        assert_eq!((languages.there.join(" "), languages.lacking.join(" ")), ("en ar de pt-BR".into(), "fr".into()));
        let input = input(&languages);
        assert_eq!(
            input["name"],
            json!({"en": "Shirt", "ar": null, "de": "Hemd", "pt_BR": "Camisa"}),
            "and no language empties another"
        );
        assert!(input["warnings"].as_str().unwrap().ends_with(
            "Pimcore lacks the language fr: texts in it stay in the ledger until it is added (docs/pimcore.md)"
        ));
    }
}

#[tokio::test]
async fn a_shop_of_english_and_arabic_asks_nothing_and_writes_what_it_wrote() {
    let (_server, pimcore) = pim(&[], 0).await;
    let languages = pimcore.showing("ar,en".parse().unwrap()).field_languages(later()).await.unwrap();
    assert_eq!(languages, FieldLanguages::default());
    let product = spoken();
    let plain = ProductInput::new(&product, &provenance(&product), &[]).unwrap();
    assert_eq!(input(&languages), serde_json::to_value(plain).unwrap());
}

#[tokio::test]
async fn products_are_read_in_the_same_languages() {
    let (server, pimcore) = pim(&["de"], 1).await;
    let pimcore = pimcore.showing("de,en".parse().unwrap());
    pimcore.read_products(&["demo:1".parse().unwrap()], later()).await.unwrap();
    let sent = server.received_requests().await.unwrap();
    let query: Value = serde_json::from_slice(&sent.last().unwrap().body).unwrap();
    assert!(query["query"].as_str().unwrap().contains("marketingName_de: marketingName(language: \"de\")"));
}

/// Recorded on a real Pimcore: 54f of the general recordings.
#[tokio::test]
async fn a_pimcore_that_does_not_tell_its_languages_is_named_with_what_to_do() {
    let server = MockServer::start().await;
    let refused = json!({"errors": [{
        "message": "GraphQL introspection is not allowed, but the query contained __schema or __type", "locations": [{"line": 1, "column": 2}],
    }]});
    Mock::given(body_string_contains("LocalizedString"))
        .respond_with(ResponseTemplate::new(200).set_body_json(refused))
        .mount(&server)
        .await;
    let client = Pimcore::new(&server.uri(), &ApiKey::new("key-of-the-language-test")).unwrap();
    let failure = client.showing("en,de".parse().unwrap()).field_languages(later()).await.unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (catalog::ErrorKind::Transient, "pimcore_configuration"));
    assert!(failure.message.contains("allow_introspection"), "{}", failure.message);
}
