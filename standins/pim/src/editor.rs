//! The requests that Pimcore's own editor sends, under `/admin/`: as much of them as people's work
//! beside the pipeline needs.
//!
//! There is no password: whoever gives a name is that person. Everything is as recorded of a real
//! instance (admin-ui-classic 1.6), so that a script made for the real one can be tried here.

use crate::app::App;
use crate::model::Kind;
use crate::person::{self, Target};
use crate::refusal::Refusal;
use crate::store::{self, Object};
use crate::versions::{self, Version};
use axum::Router;
use axum::extract::{Form, Json, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post, put};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;

type Fields = HashMap<String, String>;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/admin/login/csrf-token", get(|| async { Json(json!({ "csrfToken": "stand-in" })) }))
        .route("/admin/login/login", post(login))
        .route("/admin/object/get", get(open))
        .route("/admin/object/save", put(save))
        .route("/admin/object/update", put(change))
        .route("/admin/object/publish-version", post(publish_version))
        .route("/admin/object/add-folder", post(add_folder))
        .route("/admin/object/delete", delete(remove))
        .route("/admin/element/unlock-element", put(leave))
        .route("/admin/element/get-versions", get(list_versions))
        .route("/admin/element/get-subtype", get(subtype))
        .route("/admin/recyclebin/add", post(into_bin))
        .route("/admin/recyclebin/list", post(list_bin))
        .route("/admin/recyclebin/restore", post(restore))
}

/// The tables of what only people do.
pub fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS bin (
           id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, date INTEGER NOT NULL, object INTEGER NOT NULL, class TEXT NOT NULL,
           parent INTEGER NOT NULL, key TEXT NOT NULL, published INTEGER NOT NULL, created INTEGER NOT NULL, data TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS locks (object INTEGER PRIMARY KEY);
         CREATE TABLE IF NOT EXISTS opened (object INTEGER PRIMARY KEY, person INTEGER NOT NULL);",
    )
}

async fn login(Form(fields): Form<Fields>) -> Response {
    let name: String =
        fields.get("username").into_iter().flat_map(|name| name.chars()).filter(char::is_ascii_alphanumeric).collect();
    let cookie = format!("person={name}; Path=/; HttpOnly");
    (StatusCode::FOUND, [(header::SET_COOKIE, cookie), (header::LOCATION, "/admin/".to_owned())]).into_response()
}

/// The number of the person who sends a request; one name is always the same person.
fn person(headers: &HeaderMap) -> i64 {
    let cookies = headers.get(header::COOKIE).and_then(|cookies| cookies.to_str().ok()).unwrap_or_default();
    let name = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("person=")).unwrap_or_default();
    if name == "admin" {
        return person::SOMEBODY;
    }
    name.bytes().fold(7, |number, byte| (number * 31 + i64::from(byte)) % 1_000_000) + 10
}

fn number(fields: &Fields, name: &str) -> Result<i64, Refusal> {
    fields.get(name).and_then(|text| text.parse().ok()).ok_or(Refusal::NoTarget)
}

fn object(connection: &Connection, fields: &Fields) -> Result<Object, Refusal> {
    store::by_id(connection, number(fields, "id")?)?.ok_or(Refusal::Unknown("read"))
}

fn members(fields: &Fields, name: &str) -> Map<String, Value> {
    fields.get(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn success() -> Value {
    json!({ "success": true })
}

/// As Pimcore's pages for errors answer a program: the reason, and 422 for what does not pass a
/// check.
async fn answer(work: impl FnOnce() -> Result<Value, Refusal> + Send + 'static) -> Response {
    let (status, body) = match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => (StatusCode::OK, value),
        Ok(Err(refusal)) => {
            let status = match refusal {
                Refusal::Unknown(_) => StatusCode::NOT_FOUND,
                Refusal::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            (status, json!({ "success": false, "message": refusal.to_string() }))
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, json!({ "success": false, "message": error.to_string() })),
    };
    (status, Json(body)).into_response()
}

async fn open(State(app): State<Arc<App>>, Query(fields): Query<Fields>, headers: HeaderMap) -> Response {
    let person = person(&headers);
    answer(move || {
        app.store.transaction(|connection| {
            let row = object(connection, &fields)?;
            let holder = "SELECT person FROM opened WHERE object = ?1 AND person <> ?2";
            let other: Option<i64> = connection.query_row(holder, [row.id, person], |found| found.get(0)).optional()?;
            if let Some(other) = other {
                return Ok(json!({ "editlock": { "cid": row.id, "ctype": "object", "userId": other } }));
            }
            connection.execute("REPLACE INTO opened (object, person) VALUES (?1, ?2)", [row.id, person])?;
            let offered = versions::offered(connection, &row, Some(person))?;
            Ok(opened(&row, offered.as_ref()))
        })
    })
    .await
}

/// Whoever opens it next is not told that somebody has it open.
async fn leave(State(app): State<Arc<App>>, headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    let person = person(&headers);
    answer(move || {
        app.store.transaction(|connection| {
            let id = number(&fields, "id")?;
            connection.execute("DELETE FROM opened WHERE object = ?1 AND person = ?2", [id, person])?;
            Ok(success())
        })
    })
    .await
}

fn opened(row: &Object, offered: Option<&Version>) -> Value {
    let mut shown = row.clone();
    if let Some(version) = offered {
        shown.values = version.values.clone();
    }
    let mut data = Map::new();
    data.insert("localizedfields".to_owned(), json!({ "data": versions::by_language(&shown) }));
    for field in shown.class.map_or(&[][..], |class| class.fields).iter().filter(|field| !field.localized) {
        let value = match (field.kind, shown.value(field.name)) {
            (Kind::Rows(rows), Value::Array(items)) => {
                items.iter().map(|item| json!({ "data": item, "type": rows.name })).collect()
            }
            (_, value) => value.clone(),
        };
        data.insert(field.name.to_owned(), value);
    }
    let mut body = json!({
        "general": { "id": row.id, "key": row.key, "fullpath": row.fullpath(), "published": row.published, "parentId": row.parent,
                     "versionDate": row.modified, "versionCount": row.version_count },
        "data": data,
    });
    // The text of a draft is shown in any case; that it is one is said only if it is younger than
    // the object.
    if let (Some(version), Some(body)) = (offered.filter(|version| version.date > row.modified), body.as_object_mut()) {
        let said = json!({ "id": version.id, "modificationDate": version.date, "isAutoSave": version.autosave });
        body.insert("draft".to_owned(), said);
    }
    body
}

async fn save(
    State(app): State<Arc<App>>,
    Query(query): Query<Fields>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let person = person(&headers);
    answer(move || {
        let task = match query.get("task").map(String::as_str) {
            Some("publish") => person::Task::Publish,
            Some("unpublish") => person::Task::Unpublish,
            Some("autoSave") => person::Task::AutoSave,
            _ => person::Task::Version,
        };
        let id = number(&fields, "id")?;
        person::in_editor(&app, person, id, &from_editor(members(&fields, "data")), task)?;
        Ok(success())
    })
    .await
}

/// Changes as the editor sends them, in the shape of a person's edit: texts by field and language,
/// rows without their wrapping.
fn from_editor(data: Map<String, Value>) -> Map<String, Value> {
    let mut set = Map::new();
    for (name, value) in data {
        if name == "localizedfields" {
            for (language, texts) in value.as_object().into_iter().flatten() {
                for (field, text) in texts.as_object().into_iter().flatten() {
                    if let Some(texts) = set.entry(field.clone()).or_insert_with(|| json!({})).as_object_mut() {
                        texts.insert(language.clone(), text.clone());
                    }
                }
            }
        } else if let Value::Array(rows) = value {
            set.insert(name, rows.into_iter().map(|row| row.get("data").cloned().unwrap_or(row)).collect());
        } else {
            set.insert(name, value);
        }
    }
    set
}

async fn change(State(app): State<Arc<App>>, Form(fields): Form<Fields>) -> Response {
    answer(move || {
        app.store.transaction(|connection| {
            let before = object(connection, &fields)?;
            if versions::offered(connection, &before, None)?.is_some() {
                let message = "You can't rename or relocate if there's a newer not published version";
                return Ok(json!({ "success": false, "message": message }));
            }
            let values = members(&fields, "values");
            let mut object = before.clone();
            if let Some(key) = values.get("key").and_then(Value::as_str) {
                key.clone_into(&mut object.key);
            }
            if let Some(parent) = values.get("parentId").and_then(Value::as_i64).filter(|id| *id != before.parent) {
                if locked(connection, before.id)? {
                    let message = format!("prevented moving object, because it is locked: ID: {}", before.id);
                    return Ok(json!({ "success": false, "message": message }));
                }
                let parent = store::by_id(connection, parent)?.ok_or(Refusal::NoParent)?;
                object.parent = parent.id;
                object.path = parent.children_path();
            }
            match values.get("locked") {
                Some(Value::String(_)) => connection.execute("REPLACE INTO locks (object) VALUES (?1)", [before.id])?,
                Some(_) => connection.execute("DELETE FROM locks WHERE object = ?1", [before.id])?,
                None => 0,
            };
            person::keep(&app, connection, person::SOMEBODY, &before, object)?;
            Ok(success())
        })
    })
    .await
}

fn locked(connection: &Connection, id: i64) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) FROM locks WHERE object = ?1", [id], |row| row.get(0))
}

async fn publish_version(State(app): State<Arc<App>>, headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    let person = person(&headers);
    answer(move || {
        app.store.transaction(|connection| {
            let version = versions::by_id(connection, number(&fields, "id")?)?.ok_or(Refusal::Unknown("read"))?;
            let before = store::by_id(connection, version.object)?.ok_or(Refusal::Unknown("read"))?;
            let mut object = before.clone();
            object.values = version.values;
            object.published = true;
            if app.settings.bundle {
                versions::keep_suppliers(&mut object, &before);
            }
            person::keep(&app, connection, person, &before, object)?;
            Ok(success())
        })
    })
    .await
}

async fn add_folder(State(app): State<Arc<App>>, Form(fields): Form<Fields>) -> Response {
    answer(move || {
        app.store.transaction(|connection| {
            let parent = store::by_id(connection, number(&fields, "parentId")?)?.ok_or(Refusal::NoParent)?;
            let key = fields.get("key").filter(|key| !key.is_empty()).ok_or(Refusal::NoKey)?;
            store::add_folder(connection, &format!("{}{key}", parent.children_path()), (app.clock)())?;
            Ok(success())
        })
    })
    .await
}

async fn remove(State(app): State<Arc<App>>, Query(fields): Query<Fields>) -> Response {
    answer(move || {
        let id = number(&fields, "id")?;
        if app.store.read(|connection| locked(connection, id))? {
            let message = format!("prevented deleting object, because it is locked: ID: {id}");
            return Ok(json!({ "success": false, "message": message }));
        }
        match person::delete(&app, &Target::Id(id)) {
            // What is not there any more is deleted.
            Ok(()) | Err(Refusal::Unknown(_)) => Ok(success()),
            Err(refusal) => Err(refusal),
        }
    })
    .await
}

async fn list_versions(State(app): State<Arc<App>>, Query(fields): Query<Fields>, headers: HeaderMap) -> Response {
    let person = person(&headers);
    answer(move || {
        app.store.transaction(|connection| {
            let id = object(connection, &fields)?.id;
            let seen = versions::above(connection, id, 0)?.into_iter().filter(|version| !version.autosave || version.person == person);
            let rows = seen.map(|version| {
                json!({ "id": version.id, "cid": id, "date": version.date, "versionCount": version.count, "autoSave": version.autosave,
                        "note": version.note, "user": { "id": version.person } })
            });
            Ok(json!({ "versions": rows.collect::<Vec<_>>() }))
        })
    })
    .await
}

async fn subtype(State(app): State<Arc<App>>, Query(fields): Query<Fields>) -> Response {
    answer(move || {
        let path = fields.get("id").map_or("", String::as_str);
        Ok(match app.store.read(|connection| store::by_path(connection, path))? {
            Some(object) => json!({ "id": object.id, "type": "object", "success": true }),
            None => json!({ "success": false }),
        })
    })
    .await
}

async fn into_bin(State(app): State<Arc<App>>, Form(fields): Form<Fields>) -> Response {
    answer(move || {
        put_into_bin(&app, &Target::Id(number(&fields, "id")?))?;
        Ok(success())
    })
    .await
}

/// Keeps an object in the bin as it is; deleting it is another request.
pub fn put_into_bin(app: &App, target: &Target) -> Result<(), Refusal> {
    app.store.transaction(|connection| {
        let object = target.find(connection)?.ok_or(Refusal::Unknown("read"))?;
        let data = Value::Object(object.values.clone().into_iter().collect()).to_string();
        connection.execute(
            "INSERT INTO bin (path, date, object, class, parent, key, published, created, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                object.fullpath(),
                (app.clock)(),
                object.id,
                object.class.map_or("", |class| class.name),
                object.parent,
                object.key,
                object.published,
                object.created,
                data
            ],
        )?;
        Ok(())
    })
}

/// The newest item of the bin that was at a path.
pub fn newest_in_bin(app: &App, path: &str) -> Result<Option<i64>, Refusal> {
    let newest = "SELECT id FROM bin WHERE path = ?1 ORDER BY date DESC, id DESC";
    Ok(app.store.read(|connection| connection.query_row(newest, [path], |row| row.get(0)).optional())?)
}

async fn list_bin(State(app): State<Arc<App>>, Form(fields): Form<Fields>) -> Response {
    answer(move || {
        let wanted = fields.get("filterFullText").cloned().unwrap_or_default();
        let items = app.store.read(|connection| {
            let mut statement = connection.prepare("SELECT id, path, date FROM bin WHERE instr(path, ?1) > 0 ORDER BY date DESC, id DESC")?;
            let read = |row: &rusqlite::Row<'_>| {
                Ok(json!({ "id": row.get::<_, i64>(0)?, "path": row.get::<_, String>(1)?, "date": row.get::<_, i64>(2)? }))
            };
            statement.query_map([wanted], read)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(json!({ "data": items, "success": true, "total": items.len() }))
    })
    .await
}

async fn restore(State(app): State<Arc<App>>, Form(fields): Form<Fields>) -> Response {
    answer(move || {
        restore_item(&app, number(&fields, "id")?)?;
        Ok(success())
    })
    .await
}

/// Brings back an object with its number. Where its path is taken it gets another key, and fails
/// all the same if the product was made anew: the external id is there already. Then the item stays
/// in the bin.
pub fn restore_item(app: &App, item: i64) -> Result<(), Refusal> {
    app.store.transaction(|connection| {
        let lying = connection
            .query_row("SELECT * FROM bin WHERE id = ?1", [item], |row| {
                let data: String = row.get("data")?;
                Ok(Object {
                    id: row.get("object")?,
                    parent: row.get("parent")?,
                    class: crate::model::Class::named(&row.get::<_, String>("class")?),
                    key: row.get("key")?,
                    path: String::new(),
                    published: row.get("published")?,
                    created: row.get("created")?,
                    modified: (app.clock)(),
                    version: None,
                    version_count: 1,
                    values: serde_json::from_str::<Map<String, Value>>(&data).unwrap_or_default().into_iter().collect(),
                })
            })
            .optional()?;
        let mut object = lying.ok_or(Refusal::Unknown("read"))?;
        object.path = store::by_id(connection, object.parent)?.ok_or(Refusal::NoParent)?.children_path();
        if store::id_at(connection, &object.path, &object.key)?.is_some() {
            object.key.push_str("_restore");
        }
        store::insert(connection, &mut object)?;
        connection.execute("DELETE FROM bin WHERE id = ?1", [item])?;
        Ok(())
    })
}
