//! A second address of the stand-in for Pimcore, where everything that passes is written down.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::{self, Next};
use serde_json::Value;

use crate::standin::StandIn;

/// A request on its way.
#[derive(Debug, Clone)]
pub struct Sent {
    pub headers: BTreeSet<String>,
    pub body: Value,
}

/// The address, and what has passed.
pub async fn record(pim: &StandIn) -> (String, Arc<Mutex<Vec<Sent>>>) {
    let sent: Arc<Mutex<Vec<Sent>>> = Arc::default();
    let notes = Arc::clone(&sent);
    let note = move |request: Request, next: Next| {
        let notes = Arc::clone(&notes);
        async move {
            let (parts, body) = request.into_parts();
            let bytes = to_bytes(body, usize::MAX).await.unwrap();
            let headers = parts.headers.keys().map(|name| name.as_str().to_owned()).collect();
            notes.lock().unwrap().push(Sent { headers, body: serde_json::from_slice(&bytes).unwrap() });
            next.run(Request::from_parts(parts, Body::from(bytes))).await
        }
    };
    let router = pim::http::router(Arc::clone(&pim.app)).layer(middleware::from_fn(note));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    (url, sent)
}
