//! A stand-in in this process, with a clock and object numbers that the test sets.

use pim::app::{App, Settings};
use pim::http;
use pim::latency::Latency;
use pim::store;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The key that the recorded requests send.
pub(crate) const KEY: &str = "catalog-api-key-0123456789abcdef";

#[derive(Default)]
struct Dial {
    now: i64,
    next: VecDeque<i64>,
}

/// The running stand-in.
pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) base: String,
    dial: Arc<Mutex<Dial>>,
    client: reqwest::Client,
    server: tokio::task::JoinHandle<()>,
    file: PathBuf,
}

impl World {
    /// A stand-in on that database file.
    pub(crate) async fn open(file: &Path, first_id: i64, with_delete: bool) -> Self {
        Self::start(file, first_id, with_delete, false).await
    }

    /// A stand-in that behaves as with the bundle.
    pub(crate) async fn with_bundle(file: &Path) -> Self {
        Self::start(file, 1000, false, true).await
    }

    async fn start(file: &Path, first_id: i64, with_delete: bool, bundle: bool) -> Self {
        let dial: Arc<Mutex<Dial>> = Arc::default();
        let clock = Arc::clone(&dial);
        let settings = Settings {
            database: file.to_owned(),
            api_key: KEY.to_owned(),
            with_delete,
            bundle,
            latency: Latency::default(),
            first_id,
        };
        let clock = Box::new(move || {
            let mut dial = clock.lock().unwrap();
            if let Some(next) = dial.next.pop_front() {
                dial.now = next;
            }
            dial.now
        });
        let app = Arc::new(App::open(settings, clock).unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = http::router(Arc::clone(&app));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { app, base, dial, client: reqwest::Client::new(), server, file: file.to_owned() }
    }

    /// The same data with another configuration.
    pub(crate) async fn reopen(self, with_delete: bool) -> Self {
        let file = self.file.clone();
        self.server.abort();
        Self::open(&file, 1, with_delete).await
    }

    /// Sets the clock, then the moments that the next readings give.
    pub(crate) fn set_clock(&self, now: i64, next: Vec<i64>) {
        *self.dial.lock().unwrap() = Dial { now, next: next.into() };
    }

    /// The number that the next new object gets.
    pub(crate) fn set_next_id(&self, id: i64) {
        store::set_next_id(&self.app.store.writer(), id).unwrap();
    }

    /// Sends a recorded request.
    pub(crate) async fn send(&self, request: &Value) -> (u64, Value) {
        let url = request["url"].as_str().unwrap();
        let path = url.splitn(4, '/').nth(3).unwrap();
        let method = request["method"].as_str().unwrap().parse().unwrap();
        let mut builder = self.client.request(method, format!("{}/{path}", self.base));
        for (name, value) in request["headers"].as_object().unwrap() {
            builder = builder.header(name, value.as_str().unwrap());
        }
        builder = match &request["body"] {
            // The recordings, being text, hold a replacement character where a byte was not UTF-8.
            Value::String(text) => builder.body(
                text.replace('\u{fffd}', "\u{1}")
                    .into_bytes()
                    .into_iter()
                    .map(|byte| if byte == 1 { 0xFF } else { byte })
                    .collect::<Vec<_>>(),
            ),
            Value::Null => builder,
            body => builder.body(body.to_string()),
        };
        let response = builder.send().await.unwrap();
        let status = u64::from(response.status().as_u16());
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Makes the next request, or an alias of it, fail.
    pub(crate) fn break_next(&self, fault: Value) {
        self.app.faults.add(serde_json::from_value(fault).unwrap());
    }

    /// A query of the test's own.
    pub(crate) async fn query(&self, query: &str, variables: Value) -> Value {
        let url = format!("{}/pimcore-graphql-webservices/catalog", self.base);
        let body = json!({ "query": query, "variables": variables }).to_string();
        let request = self.client.post(url).header("X-API-Key", KEY).body(body);
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    }

    /// The client, for requests that are not GraphQL.
    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }
}
