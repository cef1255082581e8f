//! What stands between the client and Pimcore: proxies, limits, redirects.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::time::{Duration, Instant};

use catalog::{ErrorKind, Product, ProductKey};
use common::{product, provenance};
use pimcore::{ApiKey, Pimcore, ProductInput, Write, WriteOutcome};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const KEY: &str = "key-of-the-transport-test";
const ENDPOINT: &str = "/pimcore-graphql-webservices/catalog";

fn later() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn client(server: &MockServer) -> Pimcore {
    Pimcore::new(&format!("{}/", server.uri()), &ApiKey::new(KEY)).unwrap()
}

fn create(product: &Product) -> Write {
    Write {
        key: product.key().unwrap(),
        existing: None,
        read: None,
        publish_new: true,
        input: ProductInput::new(product, &provenance(product), &[]).unwrap(),
    }
}

/// Answers like Pimcore that saved everything, if the body is not too large.
fn saves_up_to(bytes: usize) -> impl Fn(&Request) -> ResponseTemplate {
    move |request| {
        if request.body.len() > bytes {
            return ResponseTemplate::new(413).set_body_string("<html>413 Request Entity Too Large</html>");
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let variables = body["variables"].as_object().unwrap();
        let aliases = variables.keys().filter(|name| name.starts_with('i')).count();
        let saved = |n: usize| {
            let key = variables[&format!("p{n}")].as_str().unwrap();
            let output = json!({"id": "1", "fullpath": format!("/catalog/products/{key}"), "modificationDate": 1});
            (format!("a{n}"), json!({"success": true, "message": "object created: 1", "output": output}))
        };
        let data: serde_json::Map<String, Value> = (0..aliases).map(saved).collect();
        ResponseTemplate::new(200).set_body_json(json!({"data": data}))
    }
}

#[tokio::test]
async fn a_request_that_is_too_large_is_divided_and_only_what_is_too_large_alone_fails() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path(ENDPOINT)).respond_with(saves_up_to(20_000)).mount(&server).await;
    let mut products: Vec<Product> = (0..10).map(|n| product(&format!("p{n}"))).collect();
    products[4].description = catalog::Localized::default().with("en", &"x".repeat(30_000));
    let outcomes = client(&server).write(products.iter().map(create).collect(), later()).await;
    for product in &products {
        let key: ProductKey = product.key().unwrap();
        match &outcomes[&key] {
            WriteOutcome::Saved(_) => assert_ne!(product.id, "p4"),
            WriteOutcome::Failed(failure) => {
                assert_eq!((product.id.as_str(), failure.code.as_str()), ("p4", "pimcore_too_large"));
                assert_eq!(failure.kind, ErrorKind::Permanent);
                assert!(failure.message.starts_with("demo:p4: "), "{failure}");
            }
            other @ WriteOutcome::StaleTree(_) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_key_travels_in_its_header_only_and_follows_no_redirect() {
    let elsewhere = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&elsewhere).await;
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(ENDPOINT))
        .and(header("X-API-Key", KEY))
        .respond_with(ResponseTemplate::new(301).insert_header("Location", elsewhere.uri()))
        .expect(1)
        .mount(&server)
        .await;
    let failure = client(&server).health(later()).await.unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, "pimcore_redirected"));
    let asked = server.received_requests().await.unwrap();
    assert!(!asked[0].url.as_str().contains(KEY) && !String::from_utf8_lossy(&asked[0].body).contains(KEY));
}

#[tokio::test]
async fn a_pimcore_that_shows_what_it_was_sent_does_not_get_the_key_into_an_error() {
    let server = MockServer::start().await;
    let said = format!("Unknown argument; request was X-API-Key: {KEY}");
    let answer = ResponseTemplate::new(200).set_body_json(json!({"errors": [{"message": said}]}));
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let failure = client(&server).health(later()).await.unwrap_err();
    assert!(failure.message.contains("X-API-Key: ***"), "{failure}");
    assert!(!failure.message.contains(KEY), "{failure}");
}

#[tokio::test]
async fn a_proxy_that_asks_to_wait_is_heard() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(503).insert_header("Retry-After", "42").set_body_string("<html>busy</html>");
    Mock::given(method("POST")).respond_with(busy).mount(&server).await;
    let failure = client(&server).health(later()).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retry_after), ("pimcore_unavailable", Some(Duration::from_secs(42))));
}

#[tokio::test]
async fn nobody_listening_is_named_with_the_host() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let failure = Pimcore::new(&uri, &ApiKey::new(KEY)).unwrap().health(later()).await.unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, "pimcore_unreachable"));
    assert!(failure.message.contains("127.0.0.1") && failure.message.contains("refused"), "{failure}");
}

#[tokio::test]
async fn a_login_page_instead_of_an_answer_waits_for_a_person() {
    let login = "<html><form action=\"/admin/login\"></form></html>";
    for (answer, code) in [
        (ResponseTemplate::new(302).insert_header("Location", "/admin/login"), "pimcore_redirected"),
        (ResponseTemplate::new(200).set_body_string(login), "pimcore_unexpected_answer"),
        (ResponseTemplate::new(401).set_body_string(login), "pimcore_forbidden"),
        (ResponseTemplate::new(204), "pimcore_http"),
        (ResponseTemplate::new(200), "pimcore_unexpected_answer"),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        let failure = client(&server).health(later()).await.unwrap_err();
        assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, code), "{failure}");
    }
}

#[tokio::test]
async fn pimcore_may_be_served_below_a_path() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/pim{ENDPOINT}")))
        .and(header("Content-Type", "application/json"))
        .respond_with(ResponseTemplate::new(429))
        .expect(2)
        .mount(&server)
        .await;
    for base in [format!("{}/pim", server.uri()), format!("{}/pim/", server.uri())] {
        let pimcore = Pimcore::new(&base, &ApiKey::new(KEY)).unwrap();
        assert_eq!(pimcore.health(later()).await.unwrap_err().code, "pimcore_throttled");
    }
    for bad in
        ["pim.example.com", "ftp://pim.example.com", "https://pim.example.com?x=1", "https://pim.example.com/#a", ""]
    {
        let failure = Pimcore::new(bad, &ApiKey::new(KEY)).unwrap_err();
        assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, "pimcore_configuration"), "{bad}");
    }
}

/// Answers like Pimcore whose database takes letters with and without accents for the same.
fn accents_do_not_count(request: &Request) -> ResponseTemplate {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let data = if body["query"].as_str().unwrap().starts_with("mutation") {
        let output = json!({"id": null, "fullpath": null, "modificationDate": null});
        json!({"a0": {"success": false, "message": "unique constraint violation", "output": output}})
    } else {
        let node =
            json!({"id": "7", "fullpath": "/catalog/products/demo-cafe", "externalId": "demo:cafe", "published": true});
        json!({"getCatalogProductListing": {"edges": [{"node": node}]}})
    };
    ResponseTemplate::new(200).set_body_json(json!({"data": data}))
}

#[tokio::test]
async fn whatever_pimcore_takes_for_the_same_external_id_is_named() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(accents_do_not_count).mount(&server).await;
    let product = product("café");
    let outcomes = client(&server).write(vec![create(&product)], later()).await;
    let WriteOutcome::Failed(failure) = &outcomes[&product.key().unwrap()] else { panic!("{outcomes:?}") };
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Permanent, "pimcore_other_product"));
    assert!(failure.message.contains("demo:café") && failure.message.contains("demo:cafe"), "{failure}");
}
