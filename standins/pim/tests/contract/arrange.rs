//! State that the recorded instance had and no recorded request made: very large requests were left
//! out of the recordings, and some objects were prepared through the class API.

use crate::world::World;
use pim::model::{CATEGORY, Class, Kind, PRODUCT, column, languages};
use pim::store::{self, Object, Values};
use pim::text;
use serde_json::{Value, json};

/// An object to put in place.
pub(crate) struct Given<'v> {
    pub(crate) id: i64,
    pub(crate) path: &'v str,
    pub(crate) published: bool,
    pub(crate) created: i64,
    pub(crate) modified: i64,
    /// Field values as a query with the usual aliases returns them.
    pub(crate) fields: Value,
}

/// Puts objects into the database without going through GraphQL; those that exist are left alone.
pub(crate) fn put(world: &World, class: &'static Class, given: &[Given<'_>]) {
    let connection = world.app.store.writer();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    for given in given {
        if store::by_path(&connection, given.path).unwrap().is_some() {
            continue;
        }
        let (folder, key) = given.path.rsplit_once('/').unwrap();
        let parent = store::by_path(&connection, folder).unwrap().unwrap();
        let mut values = Values::new();
        for field in class.fields {
            let value = &given.fields[field.name];
            match field.kind {
                _ if field.localized => {
                    for language in languages() {
                        let column = column(field.name, language);
                        values.insert(column.clone(), given.fields[column.as_str()].clone());
                    }
                }
                Kind::Datetime => {
                    let seconds = value.as_str().and_then(text::datetime);
                    values.insert(field.name.to_owned(), seconds.map_or(Value::Null, Value::from));
                }
                Kind::Categories => {
                    let ids = value.as_array().into_iter().flatten().filter_map(|category| {
                        let path = category["fullpath"].as_str()?;
                        Some(store::by_path(&connection, path).unwrap()?.id)
                    });
                    values.insert(field.name.to_owned(), ids.collect::<Vec<i64>>().into());
                }
                _ => {
                    values.insert(field.name.to_owned(), value.clone());
                }
            }
        }
        let mut object = Object {
            id: given.id,
            parent: parent.id,
            class: Some(class),
            key: key.to_owned(),
            path: parent.children_path(),
            published: given.published,
            created: given.created,
            modified: given.modified,
            version: None,
            version_count: 2,
            values,
        };
        store::insert(&connection, &mut object).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
}

/// The rows of a recorded listing as objects to put in place.
pub(crate) fn rows<'v>(answer: &'v Value, listing: &str) -> Vec<Given<'v>> {
    let edges = answer["data"][listing]["edges"].as_array().unwrap();
    edges.iter().map(|edge| from_node(&edge["node"])).collect()
}

fn from_node(node: &Value) -> Given<'_> {
    let modified = node["modificationDate"].as_i64().unwrap_or_default();
    Given {
        id: node["id"].as_str().unwrap().parse().unwrap(),
        path: node["fullpath"].as_str().unwrap(),
        published: node["published"].as_bool().unwrap(),
        created: node["creationDate"].as_i64().unwrap_or(modified),
        modified,
        fields: node.clone(),
    }
}

/// A product with little in it.
pub(crate) fn product(world: &World, id: i64, key: &str, modified: i64, fields: Value) {
    let path = format!("/catalog/products/{key}");
    put(world, &PRODUCT, &[Given { id, path: &path, published: true, created: modified, modified, fields }]);
}

/// A category with little in it.
pub(crate) fn category(world: &World, id: i64, path: &str, modified: i64, external: &str) {
    let fields = json!({ "externalId": external });
    put(world, &CATEGORY, &[Given { id, path, published: true, created: modified, modified, fields }]);
}

/// A folder outside the catalog, which the configuration must not touch.
pub(crate) fn folder(world: &World, id: i64, path: &str) {
    let connection = world.app.store.writer();
    let (parent, key) = path.rsplit_once('/').unwrap();
    let parent = store::by_path(&connection, if parent.is_empty() { "/" } else { parent }).unwrap().unwrap();
    let mut folder = Object { id, parent: parent.id, key: key.to_owned(), path: parent.children_path(), ..parent };
    store::insert(&connection, &mut folder).unwrap();
}

/// Removes what was cleaned up between two recordings.
pub(crate) fn remove(world: &World, path: &str) {
    let connection = world.app.store.writer();
    if let Some(object) = store::by_path(&connection, path).unwrap() {
        store::delete(&connection, &object).unwrap();
    }
}

/// Publishes or unpublishes what a person published or unpublished between two recordings.
pub(crate) fn publish(world: &World, path: &str, published: bool) {
    let connection = world.app.store.writer();
    connection.execute("UPDATE objects SET published = ?2 WHERE path || key = ?1", (path, published)).unwrap();
}

/// Sets a text that requests wrote which have no counterpart.
pub(crate) fn set(world: &World, path: &str, column: &str, text: &str) {
    let connection = world.app.store.writer();
    let sql = format!(
        "UPDATE CatalogProduct SET \"{column}\" = ?2 WHERE id = (SELECT id FROM objects WHERE path || key = ?1)"
    );
    connection.execute(&sql, (path, text)).unwrap();
}
