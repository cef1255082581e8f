//! The JSON interface for tests, under `/_standin/`: act as a person, inject faults, read the
//! counters.

use crate::app::App;
use crate::faults::Fault;
use crate::person::{self, Target};
use crate::refusal::Refusal;
use axum::Router;
use axum::extract::{Json, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/_standin/status", get(status))
        .route("/_standin/counters", get(counters).delete(reset_counters))
        .route("/_standin/saves", get(saves))
        .route("/_standin/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_standin/objects", get(read).post(edit).delete(delete))
}

async fn status(State(app): State<Arc<App>>) -> Response {
    Json(json!({
        "standIn": true,
        "of": "Pimcore 11.4 with Data Hub 1.8, configuration catalog",
        "withDelete": app.settings.with_delete,
        "counters": app.counters.now(),
        "faults": app.faults.waiting(),
    }))
    .into_response()
}

async fn counters(State(app): State<Arc<App>>) -> Response {
    Json(app.counters.now()).into_response()
}

async fn reset_counters(State(app): State<Arc<App>>) -> StatusCode {
    app.counters.reset();
    StatusCode::NO_CONTENT
}

async fn saves(State(app): State<Arc<App>>) -> Response {
    blocking(move || {
        let saves = app.store.read(crate::store::saves)?;
        Ok(saves.into_iter().map(|(path, count)| (path, Value::from(count))).collect::<Map<String, Value>>().into())
    })
    .await
}

async fn faults(State(app): State<Arc<App>>) -> Response {
    Json(app.faults.waiting()).into_response()
}

async fn add_fault(State(app): State<Arc<App>>, Json(fault): Json<Fault>) -> Response {
    tracing::info!(?fault, "stand-in: fault waiting");
    app.faults.add(fault);
    (StatusCode::CREATED, Json(app.faults.waiting())).into_response()
}

async fn clear_faults(State(app): State<Arc<App>>) -> StatusCode {
    app.faults.clear();
    StatusCode::NO_CONTENT
}

/// Names an element: one of both.
#[derive(Debug, Deserialize)]
struct Which {
    id: Option<i64>,
    path: Option<String>,
}

impl Which {
    fn target(self) -> Result<Target, Refusal> {
        match (self.id, self.path) {
            (Some(id), None) => Ok(Target::Id(id)),
            (None, Some(path)) => Ok(Target::Path(path)),
            (None, None) => Err(Refusal::NoTarget),
            (Some(_), Some(_)) => Err(Refusal::TwoTargets),
        }
    }
}

/// An edit by a person.
#[derive(Debug, Deserialize)]
struct Edit {
    id: Option<i64>,
    path: Option<String>,
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    draft: bool,
}

async fn read(State(app): State<Arc<App>>, Query(which): Query<Which>) -> Response {
    blocking(move || {
        let target = which.target()?;
        person::read(&app, &target)?.ok_or(Refusal::Unknown("read"))
    })
    .await
}

async fn edit(State(app): State<Arc<App>>, Json(edit): Json<Edit>) -> Response {
    blocking(move || {
        let target = Which { id: edit.id, path: edit.path }.target()?;
        person::edit(&app, &target, &edit.set, edit.draft)
    })
    .await
}

async fn delete(State(app): State<Arc<App>>, Query(which): Query<Which>) -> Response {
    blocking(move || {
        person::delete(&app, &which.target()?)?;
        Ok(json!("deleted"))
    })
    .await
}

/// Runs database work off the event loop and turns its result into an answer.
pub(crate) async fn blocking(work: impl FnOnce() -> Result<Value, Refusal> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Json(value).into_response(),
        Ok(Err(refusal)) => {
            let status = match refusal {
                Refusal::Unknown(_) => StatusCode::NOT_FOUND,
                Refusal::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            (status, Json(json!({ "error": refusal.to_string() }))).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": error.to_string() }))).into_response(),
    }
}
