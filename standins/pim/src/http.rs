//! The HTTP side: who may ask, what breaks on purpose, and how errors look.

use crate::app::App;
use crate::counters::Event;
use crate::faults::{Fault, Kind};
use crate::graphql::{self, Answer};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use futures::StreamExt as _;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The name of the one configuration.
const CONFIGURATION: &str = "catalog";

/// As much as the recorded instance accepted.
const BODY_LIMIT: usize = 100 * 1024 * 1024;

/// Everything that the stand-in serves.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/pimcore-graphql-webservices/{configuration}", any(webservice))
        .merge(crate::control::routes())
        .merge(crate::editor::routes())
        .merge(crate::page::routes())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(app)
}

async fn webservice(
    State(app): State<Arc<App>>,
    Path(configuration): Path<String>,
    Query(parameters): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if configuration != CONFIGURATION {
        return problem(StatusCode::NOT_FOUND, &headers);
    }
    // A wrong `apikey` header wins over a right `X-API-Key`.
    let header = ["apikey", "x-api-key"].into_iter().find_map(|name| headers.get(name)?.to_str().ok());
    let key = header.or_else(|| parameters.get("apikey").map(String::as_str));
    if key != Some(app.settings.api_key.as_str()) {
        return problem(StatusCode::FORBIDDEN, &headers);
    }
    app.counters.count(Event::Request);
    let fault = app.faults.for_request(&body);
    if fault.is_some() {
        app.counters.count(Event::Fault);
    }
    match fault {
        Some(fault) if !runs_first(&fault) => broken(fault, None).await,
        fault => {
            let work = Arc::clone(&app);
            let answer = tokio::task::spawn_blocking(move || {
                let _in_progress = work.settings.latency.begin();
                graphql::answer(&work, &body)
            })
            .await;
            let response = match answer {
                Ok(Answer::Json(value)) => Ok(value.to_string()),
                Ok(Answer::Broken) => Err(problem(StatusCode::INTERNAL_SERVER_ERROR, &headers)),
                Err(error) => {
                    tracing::error!(%error, "stand-in: a request died");
                    Err(problem(StatusCode::INTERNAL_SERVER_ERROR, &headers))
                }
            };
            match (response, fault) {
                (Ok(text), None) => json(text),
                (Ok(text), Some(fault)) => broken(fault, Some(text)).await,
                (Err(response), _) => response,
            }
        }
    }
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache, private")], text).into_response()
}

fn runs_first(fault: &Fault) -> bool {
    fault.executed || matches!(fault.kind, Kind::Slow | Kind::Truncated)
}

/// The answer that a fault leaves; `answer` is what would have been sent.
async fn broken(fault: Fault, answer: Option<String>) -> Response {
    let pause = Duration::from_millis(fault.ms);
    match fault.kind {
        // A database that is down gives a page even to those who ask for JSON.
        Kind::ServerError => html(StatusCode::INTERNAL_SERVER_ERROR),
        Kind::BadGateway => html(StatusCode::BAD_GATEWAY),
        Kind::Unavailable => html(StatusCode::SERVICE_UNAVAILABLE),
        Kind::TooManyRequests => {
            let mut response = html(StatusCode::TOO_MANY_REQUESTS);
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
            response
        }
        Kind::Hang => {
            tokio::time::sleep(pause).await;
            cut_off(String::new())
        }
        Kind::Slow | Kind::AliasDies | Kind::AliasRefused => {
            tokio::time::sleep(pause).await;
            json(answer.unwrap_or_default())
        }
        Kind::Truncated => cut_off(answer.unwrap_or_default()),
    }
}

/// Half of an answer, then the connection ends.
fn cut_off(text: String) -> Response {
    let half: String = text.chars().take(text.chars().count() / 2).collect();
    let start = futures::stream::iter([Ok(Bytes::from(half))]);
    // What was written has to leave before the connection breaks.
    let end = futures::stream::once(async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    let body = Body::from_stream(start.chain(end));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// An error that the framework answers: a page, or JSON for those who ask for it.
fn problem(status: StatusCode, headers: &HeaderMap) -> Response {
    let wants_json = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"));
    if !wants_json {
        return html(status);
    }
    let body = serde_json::json!({
        "type": "https://tools.ietf.org/html/rfc2616#section-10",
        "title": "An error occurred",
        "status": status.as_u16(),
        "detail": status.canonical_reason(),
    });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn html(status: StatusCode) -> Response {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"UTF-8\"><title>{status}</title></head>\
         <body><h1>{status}</h1><p>This is the answer of a stand-in, not of Pimcore.</p></body></html>\n"
    );
    (status, [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], page).into_response()
}
