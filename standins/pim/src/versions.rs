//! Versions with what they hold: people's drafts and saves. What the pipeline saves leaves a number
//! only.
//!
//! Pimcore offers a person the newest version that is younger than the object or has a higher
//! count: a draft of anybody, or an autosave of their own. Every save raises the object's count to
//! the highest there is, so any save hides the drafts before it; the bundle of
//! `platforms/pimcore-bundle` makes a new draft of each.

use crate::app::App;
use crate::model::{Layer, languages};
use crate::store::{Object, Values};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The note of a draft that the bundle carried over.
pub const CARRIED: &str = "draft, carried over an import";

/// Something that a person saved.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number; 0 before it is held.
    pub id: i64,
    pub object: i64,
    /// The count that the object would have with it.
    pub count: i64,
    /// Unix seconds.
    pub date: i64,
    pub person: i64,
    /// Whether the editor saved it by itself.
    pub autosave: bool,
    /// What the versions tab says beside it.
    pub note: String,
    /// The object's values.
    pub values: Values,
    /// What was changed, for the page.
    pub changes: Map<String, Value>,
}

pub fn create_table(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS held (
           id INTEGER PRIMARY KEY AUTOINCREMENT, object INTEGER NOT NULL, count INTEGER NOT NULL, date INTEGER NOT NULL, person INTEGER NOT NULL,
           autosave INTEGER NOT NULL, note TEXT NOT NULL, data TEXT NOT NULL, changes TEXT NOT NULL);
         CREATE INDEX IF NOT EXISTS held_by_object ON held (object, count);",
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Version> {
    let json = |text: String| serde_json::from_str::<Map<String, Value>>(&text).unwrap_or_default();
    Ok(Version {
        id: row.get("id")?,
        object: row.get("object")?,
        count: row.get("count")?,
        date: row.get("date")?,
        person: row.get("person")?,
        autosave: row.get("autosave")?,
        note: row.get("note")?,
        values: json(row.get("data")?).into_iter().collect(),
        changes: json(row.get("changes")?),
    })
}

/// What there is of an object with a higher count, oldest first.
pub fn above(connection: &Connection, object: i64, count: i64) -> rusqlite::Result<Vec<Version>> {
    connection
        .prepare_cached("SELECT * FROM held WHERE object = ?1 AND count > ?2 ORDER BY count, id")?
        .query_map(params![object, count], read)?
        .collect()
}

/// A version by its number.
pub fn by_id(connection: &Connection, id: i64) -> rusqlite::Result<Option<Version>> {
    connection.prepare_cached("SELECT * FROM held WHERE id = ?1")?.query_row([id], read).optional()
}

/// What the editor offers to a person instead of the object; `None` for nobody in particular, who
/// sees drafts only.
pub fn offered(connection: &Connection, object: &Object, person: Option<i64>) -> rusqlite::Result<Option<Version>> {
    connection
        .prepare_cached(
            "SELECT * FROM held WHERE object = ?1 AND (date > ?2 OR count > ?3) AND (autosave = 0 OR person = ?4)
             ORDER BY count DESC, id DESC LIMIT 1",
        )?
        .query_row(params![object.id, object.modified, object.version_count, person], read)
        .optional()
}

/// The highest count of an object and its versions.
pub fn count(connection: &Connection, object: &Object) -> rusqlite::Result<i64> {
    let held: Option<i64> = connection
        .prepare_cached("SELECT max(count) FROM held WHERE object = ?1")?
        .query_row([object.id], |row| row.get(0))?;
    Ok(object.version_count.max(held.unwrap_or(0)))
}

/// Keeps a version. A person has one autosave of an object: it is written over.
pub fn hold(connection: &Connection, version: &Version) -> rusqlite::Result<i64> {
    let text = |members: Map<String, Value>| Value::Object(members).to_string();
    let id: Option<i64> = if version.autosave {
        connection
            .prepare_cached("SELECT id FROM held WHERE object = ?1 AND person = ?2 AND autosave = 1")?
            .query_row(params![version.object, version.person], |row| row.get(0))
            .optional()?
    } else {
        None
    };
    connection
        .prepare_cached(
            "REPLACE INTO held (id, object, count, date, person, autosave, note, data, changes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            id,
            version.object,
            version.count,
            version.date,
            version.person,
            version.autosave,
            version.note,
            text(version.values.clone().into_iter().collect()),
            text(version.changes.clone()),
        ])?;
    Ok(connection.last_insert_rowid())
}

/// What is thrown away with an object.
pub fn forget(connection: &Connection, object: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM held WHERE object = ?1", [object]).map(drop)
}

/// Autosaves of a person, which a save of theirs supersedes.
pub fn forget_autosaves(connection: &Connection, object: i64, person: i64) -> rusqlite::Result<()> {
    connection
        .execute("DELETE FROM held WHERE object = ?1 AND person = ?2 AND autosave = 1", [object, person])
        .map(drop)
}

/// The date of a save: now; with the bundle later than the save before it.
pub fn stamp(app: &App, before: &Object) -> i64 {
    let now = (app.clock)();
    if app.settings.bundle { now.max(before.modified + 1) } else { now }
}

/// The columns of the object's class that people write.
fn people(object: &Object) -> Vec<String> {
    columns(object, Layer::Enrichment)
}

/// Takes the supplier's columns from `standing`: what a save that began with an old version must
/// not put back.
pub fn keep_suppliers(object: &mut Object, standing: &Object) {
    for column in columns(standing, Layer::Source) {
        match standing.values.get(&column) {
            Some(value) => drop(object.values.insert(column, value.clone())),
            None => drop(object.values.remove(&column)),
        }
    }
}

fn columns(object: &Object, layer: Layer) -> Vec<String> {
    let fields = object.class.map_or(&[][..], |class| class.fields).iter().filter(|field| field.layer == layer);
    fields.flat_map(|field| field.columns().into_iter().map(|(column, _)| column)).collect()
}

/// What the bundle does after a write of the pipeline: of the drafts that it hid (those above
/// `count`) the newest, and each person's autosave, are held anew with people's columns of their
/// own and everything else as written.
pub fn carry_over(connection: &Connection, count_before: i64, written: &Object) -> rusqlite::Result<()> {
    let mut saved = None;
    let mut autosaves = BTreeMap::new();
    for version in above(connection, written.id, count_before)? {
        if version.autosave {
            autosaves.insert(version.person, version);
        } else {
            saved = Some(version);
        }
    }
    let mut carried: Vec<Version> = saved.into_iter().chain(autosaves.into_values()).collect();
    carried.sort_by_key(|version| (version.count, version.id));
    for draft in carried {
        let mut values = written.values.clone();
        for column in people(written) {
            match draft.values.get(&column) {
                Some(value) => drop(values.insert(column, value.clone())),
                None => drop(values.remove(&column)),
            }
        }
        if values == written.values {
            continue;
        }
        let next = Version {
            count: count(connection, written)? + 1,
            date: written.modified + 1,
            note: CARRIED.to_owned(),
            values,
            ..draft.clone()
        };
        hold(connection, &next)?;
        if draft.note == CARRIED && !draft.autosave {
            connection.execute("DELETE FROM held WHERE id = ?1", [draft.id])?;
        }
    }
    Ok(())
}

/// A person's texts by language, as the editor sends and shows localized fields.
pub fn by_language(object: &Object) -> Map<String, Value> {
    let localized = object.class.map_or(&[][..], |class| class.fields).iter().filter(|field| field.localized);
    let names: Vec<&str> = localized.map(|field| field.name).collect();
    languages()
        .iter()
        .map(|language| {
            let texts = names
                .iter()
                .map(|name| ((*name).to_owned(), object.value(&crate::model::column(name, language)).clone()));
            ((*language).to_owned(), Value::Object(texts.collect()))
        })
        .collect()
}
