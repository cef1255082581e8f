//! The objects in SQLite: one table for the tree, one per class for the values.
//!
//! Reads go through a small pool of connections and run in parallel; writes share one connection,
//! so they come one after another. The journal is a write-ahead log: what was committed survives
//! the end of the process.

use crate::model::{CATEGORIES, CATEGORY, Class, Field, Kind, PRODUCT, PRODUCTS};
use rusqlite::types::{ToSql, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use unicode_normalization::UnicodeNormalization as _;

/// The values of an object by column.
pub type Values = BTreeMap<String, Value>;

/// An element of the tree.
#[derive(Clone, Debug)]
pub struct Object {
    pub id: i64,
    /// The number of what it lies in.
    pub parent: i64,
    /// Its class; a folder has none.
    pub class: Option<&'static Class>,
    /// The last part of its path.
    pub key: String,
    /// The path of its parent with a slash at the end.
    pub path: String,
    pub published: bool,
    /// Unix seconds.
    pub created: i64,
    /// Unix seconds, set on every save.
    pub modified: i64,
    /// The number of the version that the last save wrote, if it wrote one.
    pub version: Option<i64>,
    /// How many versions it has had; every save raises it to the highest count among them.
    pub version_count: i64,
    /// Field values by column.
    pub values: Values,
}

impl Object {
    /// Its full path.
    pub fn fullpath(&self) -> String {
        format!("{}{}", self.path, self.key)
    }

    pub fn children_path(&self) -> String {
        if self.id == 1 { "/".to_owned() } else { format!("{}/", self.fullpath()) }
    }

    /// The value of a column; null when it is not set.
    pub fn value(&self, column: &str) -> &Value {
        self.values.get(column).unwrap_or(&Value::Null)
    }

    /// The numbers in a field that holds a list of categories.
    pub fn related(&self, column: &str) -> Vec<i64> {
        self.value(column).as_array().into_iter().flatten().filter_map(Value::as_i64).collect()
    }
}

/// The database: a connection that writes and some that read.
#[derive(Debug)]
pub struct Store {
    file: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

/// A folder that the configuration may read and write, as it was when the permissions were last
/// built.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The number of the folder.
    pub folder: i64,
    /// Its path at that time.
    pub path: &'static str,
}

impl Store {
    /// Opens the file, or makes it with the three folders of the catalog; the first of them gets
    /// the number `first_id`.
    pub fn open(file: &Path, first_id: i64, now: i64) -> rusqlite::Result<Self> {
        let mut writer = connect(file)?;
        let setup = writer.transaction()?;
        create_tables(&setup)?;
        if by_id(&setup, 1)?.is_none() {
            setup.execute(
                "INSERT INTO objects (id, parent, key, path, published, created, modified) VALUES (1, 0, '', '/', 1, ?1, ?1)",
                params![now],
            )?;
            set_next_id(&setup, first_id)?;
        }
        for path in ["/catalog", PRODUCTS, CATEGORIES] {
            add_folder(&setup, path, now)?;
        }
        setup.commit()?;
        Ok(Self { file: file.to_owned(), writer: Mutex::new(writer), readers: Mutex::new(Vec::new()) })
    }

    /// The connection that writes. Waits for whoever has it.
    pub fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in a transaction and keeps it if it says so; a panic rolls it back.
    pub fn transaction<T, E: From<rusqlite::Error>>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.writer();
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        let result = work(&transaction);
        if result.is_ok() {
            transaction.commit()?;
        } else {
            transaction.rollback()?;
        }
        result
    }

    /// Runs `work` on a connection that only reads.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.file)?,
        };
        let result = work(&connection);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.create_collation("general_ci", general_ci)?;
    Ok(connection)
}

/// Fills a new file with what a dump says: one of an earlier version, for tests of the next.
pub fn fill(database: &Path, dump: &str) -> rusqlite::Result<()> {
    let connection = Connection::open(database)?;
    connection.create_collation("general_ci", general_ci)?;
    connection.execute_batch(dump)
}

/// The tables of a file, column by column.
pub fn shape(database: &Path) -> rusqlite::Result<Vec<String>> {
    let connection = Connection::open(database)?;
    let sql = "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c ORDER BY 1";
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// How MariaDB's `utf8mb4_general_ci` compares: neither case, trailing blanks nor accents matter.
fn general_ci(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_end_matches(' '), right.trim_end_matches(' '));
    if left.is_ascii() && right.is_ascii() {
        return left
            .bytes()
            .map(|byte| byte.to_ascii_lowercase())
            .cmp(right.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    let letter = |c: char| std::iter::once(c).nfd().next().filter(char::is_ascii).unwrap_or(c);
    let fold = |text: &str| text.chars().map(letter).flat_map(char::to_lowercase).collect::<String>();
    fold(left).cmp(&fold(right))
}

fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS objects (
           id INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER NOT NULL, class TEXT, key TEXT NOT NULL, path TEXT NOT NULL,
           published INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL, version INTEGER,
           UNIQUE (path, key));
         CREATE INDEX IF NOT EXISTS by_parent ON objects (parent);
         CREATE INDEX IF NOT EXISTS by_change ON objects (class, modified, id);
         CREATE TABLE IF NOT EXISTS versions (id INTEGER PRIMARY KEY AUTOINCREMENT);
         CREATE TABLE IF NOT EXISTS saves (object INTEGER PRIMARY KEY, count INTEGER NOT NULL);",
    )?;
    // An earlier stand-in compared otherwise.
    connection.execute_batch("REINDEX general_ci")?;
    // A file of an earlier stand-in has no such column.
    if connection.prepare("SELECT version_count FROM objects").is_err() {
        connection.execute("ALTER TABLE objects ADD COLUMN version_count INTEGER NOT NULL DEFAULT 0", [])?;
    }
    crate::versions::create_table(connection)?;
    crate::editor::create_tables(connection)?;
    for class in [&PRODUCT, &CATEGORY] {
        let mut columns = vec!["id INTEGER PRIMARY KEY".to_owned()];
        for field in class.fields {
            for (column, _) in field.columns() {
                let kind = match field.kind {
                    Kind::Checkbox | Kind::Datetime | Kind::Integer => "INTEGER",
                    _ => "TEXT COLLATE general_ci",
                };
                columns.push(format!("\"{column}\" {kind}"));
            }
        }
        connection.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {name} ({columns});
             CREATE UNIQUE INDEX IF NOT EXISTS {name}_external ON {name} (externalId);",
            name = class.name,
            columns = columns.join(", ")
        ))?;
        // A file that an earlier version made lacks what the model has gained since.
        let there: Vec<String> = connection
            .prepare(&format!("SELECT name FROM pragma_table_info('{}')", class.name))?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for column in &columns[1..] {
            if !there.iter().any(|name| column.starts_with(&format!("\"{name}\" "))) {
                connection.execute_batch(&format!("ALTER TABLE {} ADD COLUMN {column}", class.name))?;
            }
        }
    }
    Ok(())
}

/// The folder with that path, made if it is not there; its parent must be.
pub fn add_folder(connection: &Connection, fullpath: &str, now: i64) -> rusqlite::Result<i64> {
    if let Some(folder) = by_path(connection, fullpath)? {
        return Ok(folder.id);
    }
    let (parent, key) = fullpath.rsplit_once('/').unwrap_or(("", fullpath));
    let parent = by_path(connection, if parent.is_empty() { "/" } else { parent })?
        .ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let mut folder = Object {
        id: 0,
        parent: parent.id,
        class: None,
        key: key.to_owned(),
        path: parent.children_path(),
        published: true,
        created: now,
        modified: now,
        version: None,
        version_count: 0,
        values: Values::new(),
    };
    insert(connection, &mut folder)?;
    Ok(folder.id)
}

/// The number that the next new object gets.
pub fn set_next_id(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    let changed = connection.execute("UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'objects'", params![id - 1])?;
    if changed == 0 {
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('objects', ?1)", params![id - 1])?;
    }
    Ok(())
}

/// The element with that number.
pub fn by_id(connection: &Connection, id: i64) -> rusqlite::Result<Option<Object>> {
    one(connection, "SELECT * FROM objects WHERE id = ?1", params![id])
}

/// The element with that full path, compared byte by byte; `/` is the root.
pub fn by_path(connection: &Connection, fullpath: &str) -> rusqlite::Result<Option<Object>> {
    let trimmed = if fullpath.len() > 1 { fullpath.trim_end_matches('/') } else { fullpath };
    let Some(slash) = trimmed.rfind('/') else { return Ok(None) };
    let (path, key) = trimmed.split_at(slash + 1);
    one(connection, "SELECT * FROM objects WHERE path = ?1 AND key = ?2", params![path, key])
}

/// The number of the element with that path and key.
pub fn id_at(connection: &Connection, path: &str, key: &str) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM objects WHERE path = ?1 AND key = ?2")?;
    statement.query_row(params![path, key], |row| row.get(0)).optional()
}

/// The numbers of what lies directly below an element.
pub fn children(connection: &Connection, id: i64) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM objects WHERE parent = ?1 ORDER BY key")?;
    statement.query_map(params![id], |row| row.get(0))?.collect()
}

fn one(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> rusqlite::Result<Option<Object>> {
    let base = connection
        .prepare_cached(sql)?
        .query_row(values, |row| {
            let class: Option<String> = row.get("class")?;
            Ok(Object {
                id: row.get("id")?,
                parent: row.get("parent")?,
                class: class.and_then(|name| Class::named(&name)),
                key: row.get("key")?,
                path: row.get("path")?,
                published: row.get("published")?,
                created: row.get("created")?,
                modified: row.get("modified")?,
                version: row.get("version")?,
                version_count: row.get("version_count")?,
                values: Values::new(),
            })
        })
        .optional()?;
    let Some(mut object) = base else { return Ok(None) };
    if let Some(class) = object.class {
        object.values = connection
            .prepare_cached(&format!("SELECT * FROM {} WHERE id = ?1", class.name))?
            .query_row(params![object.id], |row| values_of(class, row))?;
    }
    Ok(Some(object))
}

fn values_of(class: &Class, row: &Row<'_>) -> rusqlite::Result<Values> {
    let mut values = Values::new();
    for field in class.fields {
        for (column, _) in field.columns() {
            let raw = row.get_ref(column.as_str())?;
            let value = match (raw, field.kind) {
                (ValueRef::Null, _) => continue,
                (ValueRef::Integer(number), Kind::Checkbox) => Value::Bool(number != 0),
                (ValueRef::Integer(number), _) => Value::from(number),
                (raw, Kind::Rows(_)) => serde_json::from_str(raw.as_str()?).unwrap_or(Value::Null),
                (raw, Kind::Categories) => {
                    raw.as_str()?.split(',').filter_map(|id| id.parse::<i64>().ok()).map(Value::from).collect()
                }
                (raw, _) => Value::from(raw.as_str()?),
            };
            values.insert(column, value);
        }
    }
    Ok(values)
}

/// How a value is kept in its column; empty lists are not kept.
fn stored(field: &Field, value: &Value) -> rusqlite::types::Value {
    use rusqlite::types::Value as Sql;
    match (field.kind, value) {
        (_, Value::Null) => Sql::Null,
        (Kind::Rows(_) | Kind::Categories, Value::Array(items)) if items.is_empty() => Sql::Null,
        (Kind::Categories, Value::Array(items)) => {
            Sql::Text(items.iter().fold(",".to_owned(), |list, id| format!("{list}{id},")))
        }
        (_, Value::Bool(yes)) => Sql::Integer(i64::from(*yes)),
        (_, Value::Number(number)) => number.as_i64().map_or(Sql::Null, Sql::Integer),
        (_, Value::String(text)) => Sql::Text(text.clone()),
        (_, other) => Sql::Text(other.to_string()),
    }
}

/// Adds an element, with its number if it has one already, else with the next.
pub fn insert(connection: &Connection, object: &mut Object) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO objects (parent, class, key, path, published, created, modified, version, id, version_count)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, nullif(?9, 0), ?10)",
        )?
        .execute(params![
            object.parent,
            object.class.map(|class| class.name),
            object.key,
            object.path,
            object.published,
            object.created,
            object.modified,
            object.version,
            object.id,
            object.version_count
        ])?;
    object.id = connection.last_insert_rowid();
    if let Some(class) = object.class {
        write_values(connection, "INSERT", class, object)?;
    }
    Ok(())
}

/// Writes an element that exists. What lies below it follows when its path changed.
pub fn update(connection: &Connection, before: &Object, object: &Object) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE objects SET parent = ?2, key = ?3, path = ?4, published = ?5, modified = ?6, version = ?7, version_count = ?8
             WHERE id = ?1",
        )?
        .execute(params![
            object.id,
            object.parent,
            object.key,
            object.path,
            object.published,
            object.modified,
            object.version,
            object.version_count
        ])?;
    let (old, new) = (before.children_path(), object.children_path());
    if old != new {
        connection.execute(
            "UPDATE objects SET path = ?2 || substr(path, length(?1) + 1) WHERE substr(path, 1, length(?1)) = ?1",
            params![old, new],
        )?;
    }
    match object.class {
        Some(class) => write_values(connection, "REPLACE", class, object),
        None => Ok(()),
    }
}

fn write_values(connection: &Connection, verb: &str, class: &Class, object: &Object) -> rusqlite::Result<()> {
    let mut names = vec!["id".to_owned()];
    let mut values = vec![rusqlite::types::Value::Integer(object.id)];
    for field in class.fields {
        for (column, _) in field.columns() {
            values.push(stored(field, object.value(&column)));
            names.push(format!("\"{column}\""));
        }
    }
    let marks = vec!["?"; names.len()].join(",");
    // REPLACE would silently remove another object with the same external id: an update must fail
    // instead.
    let sql = if verb == "INSERT" {
        format!("INSERT INTO {} ({}) VALUES ({marks})", class.name, names.join(","))
    } else {
        format!("UPDATE {} SET ({}) = ({marks}) WHERE id = ?1", class.name, names.join(","))
    };
    connection.prepare_cached(&sql)?.execute(rusqlite::params_from_iter(values))?;
    Ok(())
}

/// Counts a save through GraphQL, in the transaction of the save: a count that outlives the
/// process.
pub fn count_save(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    let count = "INSERT INTO saves (object, count) VALUES (?1, 1) ON CONFLICT (object) DO UPDATE SET count = count + 1";
    connection.prepare_cached(count)?.execute([id]).map(drop)
}

/// How often each object was saved through GraphQL, by full path.
pub fn saves(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    let counted = "SELECT path || key, count FROM saves JOIN objects ON id = object ORDER BY id";
    connection.prepare(counted)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

pub fn new_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.execute("INSERT INTO versions DEFAULT VALUES", [])?;
    Ok(connection.last_insert_rowid())
}

/// Removes an element with everything below it, and the removed categories from all products, whose
/// own modification date stays.
pub fn delete(connection: &Connection, object: &Object) -> rusqlite::Result<()> {
    let below = object.children_path();
    let mut statement =
        connection.prepare("SELECT id, class FROM objects WHERE id = ?1 OR substr(path, 1, length(?2)) = ?2")?;
    let doomed: Vec<(i64, Option<String>)> = statement
        .query_map(params![object.id, below], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (id, class) in doomed {
        connection.execute("DELETE FROM objects WHERE id = ?1", params![id])?;
        crate::versions::forget(connection, id)?;
        let Some(class) = class.as_deref().and_then(Class::named) else { continue };
        connection.execute(&format!("DELETE FROM {} WHERE id = ?1", class.name), params![id])?;
        if class.name == CATEGORY.name {
            for field in PRODUCT.fields.iter().filter(|field| matches!(field.kind, Kind::Categories)) {
                connection.execute(
                    &format!(
                        "UPDATE CatalogProduct SET \"{name}\" = nullif(replace(\"{name}\", ?1, ','), ',')
                         WHERE instr(\"{name}\", ?1)",
                        name = field.name
                    ),
                    params![format!(",{id},")],
                )?;
            }
        }
    }
    Ok(())
}
