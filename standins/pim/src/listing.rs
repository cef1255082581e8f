//! Listings: the objects of one class that a filter, numbers or paths select, in pages.

use crate::app::Request;
use crate::filter::{self, Condition};
use crate::latency::Cost;
use crate::model::Class;
use crate::read::{INTERNAL, Node, database, error};
use crate::store::{self, Object};
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use rusqlite::params_from_iter;
use rusqlite::types::Value as Sql;
use serde_json::{Map, Value};
use std::time::Instant;

/// A listing; nothing is read before its rows or their number are asked for.
pub struct Listing<'r, 'a> {
    request: &'r Request<'a>,
    class: &'static Class,
    /// Nothing if the database would refuse the filter.
    condition: Option<Condition>,
    /// Nothing if the database would refuse to sort like that.
    order: Option<String>,
    first: Option<i64>,
    after: Option<i64>,
}

impl<'r, 'a> Listing<'r, 'a> {
    /// Takes the arguments apart. Only a filter that is not JSON is refused at once.
    pub fn new(
        request: &'r Request<'a>,
        class: &'static Class,
        arguments: &Map<String, Value>,
    ) -> Result<Self, filter::Error> {
        let language = request.language.borrow();
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        let number = |name: &str| arguments.get(name).and_then(Value::as_i64);
        let condition = match text("filter").map(|filter| filter::translate(class, filter, &language)) {
            Some(Err(filter::Error::Undecodable)) => return Err(filter::Error::Undecodable),
            Some(Err(filter::Error::Sql)) => None,
            Some(Ok(condition)) => Some(condition),
            None => Some(Condition::default()),
        };
        let condition = condition.map(|mut condition| {
            let mut parts: Vec<String> = vec![std::mem::take(&mut condition.sql)];
            if let Some(ids) = text("ids") {
                let ids: Vec<_> = ids.split(',').filter_map(|id| id.trim().parse::<i64>().ok()).collect();
                parts.push(format!("o.id IN ({})", vec!["?"; ids.len()].join(",")));
                condition.values.extend(ids.into_iter().map(Sql::Integer));
            }
            if let Some(paths) = text("fullpaths") {
                let paths = split_paths(paths);
                let each: Vec<_> = paths.iter().map(|_| "(o.path = ? AND o.key = ?)".to_owned()).collect();
                parts.push(if each.is_empty() { "0".to_owned() } else { format!("({})", each.join(" OR ")) });
                for path in paths {
                    let slash = path.rfind('/').map_or(0, |at| at + 1);
                    let (folder, key) = path.split_at(slash);
                    condition.values.extend([Sql::Text(folder.to_owned()), Sql::Text(key.to_owned())]);
                }
            }
            if arguments.get("published").and_then(Value::as_bool) != Some(false) {
                parts.push("o.published = 1".to_owned());
            }
            parts.retain(|part| !part.is_empty());
            condition.sql = parts.iter().map(|part| format!(" AND {part}")).collect();
            condition
        });
        let strings = |name: &str| -> Vec<String> {
            let items = arguments.get(name).and_then(Value::as_array);
            items.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        let directions = strings("sortOrder");
        let order: Result<Vec<_>, _> = strings("sortBy")
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let down = directions.get(at).is_some_and(|direction| direction.eq_ignore_ascii_case("desc"));
                let column = filter::column_of(class, name, &language)?;
                Ok::<_, filter::Error>(format!("{column} {}", if down { "DESC" } else { "ASC" }))
            })
            .collect();
        let order = order.ok().map(|columns| columns.iter().map(|column| format!("{column}, ")).collect());
        Ok(Self { request, class, condition, order, first: number("first"), after: number("after") })
    }

    /// The tables and the conditions that every listing has: below a workspace as it was
    /// configured.
    fn source(&self, condition: &Condition) -> (String, Vec<Sql>) {
        let workspaces = self.request.app.workspaces();
        let below = vec!["substr(o.path, 1, length(?)) = ?"; workspaces.len()].join(" OR ");
        let mut values: Vec<Sql> = vec![Sql::Text(self.class.name.to_owned())];
        for workspace in workspaces {
            let path = Sql::Text(format!("{}/", workspace.path));
            values.extend([path.clone(), path]);
        }
        values.extend(condition.values.iter().cloned());
        let from = format!(
            "FROM objects o JOIN {} v ON v.id = o.id WHERE o.class = ? AND ({below}){}",
            self.class.name, condition.sql
        );
        (from, values)
    }

    fn count(&self) -> Result<i64, FieldError> {
        let condition = self.condition.as_ref().ok_or_else(|| error(INTERNAL))?;
        let (from, values) = self.source(condition);
        self.request
            .read(|connection| {
                connection
                    .prepare_cached(&format!("SELECT count(*) {from}"))?
                    .query_row(params_from_iter(values), |row| row.get(0))
            })
            .map_err(database)
    }

    fn rows(&self) -> Result<Vec<Object>, FieldError> {
        let began = Instant::now();
        let (Some(condition), Some(order)) = (&self.condition, &self.order) else { return Err(error(INTERNAL)) };
        let (from, mut values) = self.source(condition);
        values.extend([Sql::Integer(self.first.unwrap_or(-1)), Sql::Integer(self.after.unwrap_or(0).max(0))]);
        let sql = format!("SELECT o.id {from} ORDER BY {order} o.id LIMIT ? OFFSET ?");
        let rows = self
            .request
            .read(|connection| {
                let mut statement = connection.prepare_cached(&sql)?;
                let ids: Vec<i64> = statement
                    .query_map(params_from_iter(values), |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                ids.into_iter().filter_map(|id| store::by_id(connection, id).transpose()).collect()
            })
            .map_err(database);
        rows.inspect(|rows: &Vec<Object>| self.request.pay(Cost::Rows(rows.len()), began))
    }
}

/// Takes a comma-separated list apart; a path that holds a comma stands in single quotes.
fn split_paths(text: &str) -> Vec<String> {
    let mut paths = vec![String::new()];
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '\'' => quoted = !quoted,
            ',' if !quoted => paths.push(String::new()),
            other => paths.last_mut().into_iter().for_each(|path| path.push(other)),
        }
    }
    paths.into_iter().map(|path| path.trim().to_owned()).filter(|path| !path.is_empty()).collect()
}

impl ObjectValue for Listing<'_, '_> {
    fn type_name(&self) -> &str {
        if self.class.name == crate::model::CATEGORY.name {
            "CatalogCategoryConnection"
        } else {
            "CatalogProductConnection"
        }
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        match info.field_name() {
            "totalCount" => Ok(ResolvedValue::leaf(self.count()?)),
            "edges" => {
                let rows = self.rows()?;
                Ok(ResolvedValue::list(rows.into_iter().map(|object| {
                    ResolvedValue::object(Edge { class: self.class, node: object, request: self.request })
                })))
            }
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

/// A row of a listing.
struct Edge<'r, 'a> {
    class: &'static Class,
    node: Object,
    request: &'r Request<'a>,
}

impl ObjectValue for Edge<'_, '_> {
    fn type_name(&self) -> &str {
        if self.class.name == crate::model::CATEGORY.name { "CatalogCategoryEdge" } else { "CatalogProductEdge" }
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let object = &self.node;
        match info.field_name() {
            "cursor" => Ok(ResolvedValue::leaf(format!("object-{}", object.id))),
            "node" => Ok(ResolvedValue::object(Node::new(self.request, object.clone()))),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}
