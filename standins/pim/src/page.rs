//! The pages for people: find a product or a category, see both layers, edit the one that is
//! theirs.

use crate::app::App;
use crate::html::{self, Row};
use crate::model::{CATEGORY, Class, PRODUCT};
use crate::person::{self, Target};
use crate::refusal::Refusal;
use crate::text;
use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::get;
use rusqlite::params;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows on a page.
const ROWS: i64 = 50;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(products))
        .route("/categories", get(categories))
        .route("/objects/{id}", get(show).post(act))
}

#[derive(Debug, Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    q: String,
    page: Option<i64>,
}

async fn products(State(app): State<Arc<App>>, Query(wanted): Query<Wanted>) -> Response {
    listing(app, &PRODUCT, "Products", wanted).await
}

async fn categories(State(app): State<Arc<App>>, Query(wanted): Query<Wanted>) -> Response {
    listing(app, &CATEGORY, "Categories", wanted).await
}

async fn listing(app: Arc<App>, class: &'static Class, title: &'static str, wanted: Wanted) -> Response {
    let result = tokio::task::spawn_blocking(move || {
        let number = wanted.page.unwrap_or(1).max(1);
        let (rows, total) = app.store.read(|connection| find(connection, class, &wanted.q, number))?;
        let pages = (total + ROWS - 1) / ROWS;
        Ok::<_, rusqlite::Error>(html::listing(title, &rows, total, &wanted.q, number, pages))
    })
    .await;
    match result {
        Ok(Ok(page)) => Html(page).into_response(),
        Ok(Err(error)) => failure(&error.to_string()),
        Err(error) => failure(&error.to_string()),
    }
}

fn find(
    connection: &rusqlite::Connection,
    class: &Class,
    search: &str,
    number: i64,
) -> rusqlite::Result<(Vec<Row>, i64)> {
    let mut columns = vec!["o.key", "v.externalId", "v.name_en", "v.name_ar"];
    if class.field("sku").is_some() {
        columns.push("v.sku");
    }
    let matches = columns.iter().map(|column| format!("instr(lower({column}), lower(?1)) > 0")).collect::<Vec<_>>();
    let from = format!("FROM objects o JOIN {} v ON v.id = o.id WHERE ?1 = '' OR {}", class.name, matches.join(" OR "));
    let total = connection.query_row(&format!("SELECT count(*) {from}"), params![search], |row| row.get(0))?;
    let mut statement = connection.prepare(&format!(
        "SELECT o.id, o.path || o.key, v.name_en, v.name_ar, v.externalId, o.published, o.modified {from}
         ORDER BY o.path, o.key LIMIT ?2 OFFSET ?3"
    ))?;
    let offset = (number - 1).saturating_mul(ROWS);
    let rows = statement
        .query_map(params![search, ROWS, offset], |row| {
            let text = |at: usize| row.get::<_, Option<String>>(at).map(Option::unwrap_or_default);
            Ok(Row {
                id: row.get(0)?,
                path: text(1)?,
                names: [text(2)?, text(3)?],
                external_id: text(4)?,
                published: row.get(5)?,
                modified: text::show_datetime(row.get(6)?).unwrap_or_default(),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok((rows, total))
}

#[derive(Debug, Default, Deserialize)]
struct Said {
    said: Option<String>,
}

async fn show(State(app): State<Arc<App>>, Path(id): Path<i64>, Query(said): Query<Said>) -> Response {
    match tokio::task::spawn_blocking(move || person::read(&app, &Target::Id(id))).await {
        Ok(Ok(Some(view))) => Html(html::object(&view, said.said.as_deref())).into_response(),
        Ok(Ok(None)) => {
            (StatusCode::NOT_FOUND, Html(html::page("Not found", "<p>There is no such object.</p>"))).into_response()
        }
        Ok(Err(error)) => failure(&error.to_string()),
        Err(error) => failure(&error.to_string()),
    }
}

async fn act(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Form(fields): Form<BTreeMap<String, String>>,
) -> Response {
    if !same_origin(&headers) {
        let text = "<p>Only the forms of this page are accepted.</p>";
        return (StatusCode::FORBIDDEN, Html(html::page("Refused", text))).into_response();
    }
    let action = fields.get("action").cloned().unwrap_or_default();
    let target = Target::Id(id);
    let result = tokio::task::spawn_blocking(move || -> Result<&str, Refusal> {
        let mut set = Map::new();
        match action.as_str() {
            "delete" => {
                person::delete(&app, &target)?;
                return Ok("deleted");
            }
            "publish" | "unpublish" => {
                set.insert("published".to_owned(), Value::Bool(action == "publish"));
            }
            _ => set = form_fields(&fields),
        }
        person::edit(&app, &target, &set, false)?;
        Ok("saved")
    })
    .await;
    match result {
        Ok(Ok("deleted")) => Redirect::to("/").into_response(),
        Ok(Ok(_)) => Redirect::to(&format!("/objects/{id}?said=Saved.")).into_response(),
        Ok(Err(refusal)) => {
            let text = format!("<p class=\"no\" dir=\"auto\">{}</p>", ammonia::clean_text(&refusal.to_string()));
            (StatusCode::UNPROCESSABLE_ENTITY, Html(html::page("Not saved", &text))).into_response()
        }
        Err(error) => failure(&error.to_string()),
    }
}

/// Whether a form was sent from a page of ours: a browser says where a form comes from.
fn same_origin(headers: &HeaderMap) -> bool {
    let header = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    match (header(header::ORIGIN), header(header::HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        _ => true,
    }
}

/// The fields of a form as values: `name.en` is a language, an empty text is nothing.
fn form_fields(fields: &BTreeMap<String, String>) -> Map<String, Value> {
    let mut set = Map::new();
    for (name, text) in fields.iter().filter(|(name, _)| *name != "action") {
        let value = match (name.as_str(), text.as_str()) {
            ("extraCategories", text) => text.lines().map(str::trim).filter(|line| !line.is_empty()).collect(),
            ("keepWhenWithdrawn" | "hidden", "yes") => Value::Bool(true),
            ("keepWhenWithdrawn" | "hidden", "no") => Value::Bool(false),
            (_, "") => Value::Null,
            (_, text) => Value::from(text.replace("\r\n", "\n")),
        };
        match name.split_once('.') {
            Some((field, language)) => {
                let entry = set.entry(field.to_owned()).or_insert_with(|| json!({}));
                if let Some(languages) = entry.as_object_mut() {
                    languages.insert(language.to_owned(), value);
                }
            }
            None => {
                set.insert(name.clone(), value);
            }
        }
    }
    set
}

fn failure(message: &str) -> Response {
    tracing::error!(message, "stand-in: a page could not be made");
    (StatusCode::INTERNAL_SERVER_ERROR, Html(html::page("Error", "<p>The database failed; see the log.</p>")))
        .into_response()
}
