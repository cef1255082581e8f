//! The filter language of Data Hub listings, translated to SQL.
//!
//! A filter is JSON text. An object means that all its members hold, an array that all its items
//! hold; `$and` and `$or` nest. Inside `$or` even the members of one object are alternatives: that
//! is how Data Hub combines them, and a client that wants both has to say `$and`. What Data Hub
//! turns into broken SQL (an unknown column, `{}`, a list as a value, an operator that it does not
//! know) is [`Error::Sql`] here and ends as null rows in the answer.

use crate::model::{Class, Kind, column, languages};
use rusqlite::types::Value as Sql;
use serde_json::{Map, Value};

/// Why a filter gives no rows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("unable to decode filter")]
    Undecodable,
    /// The database would refuse the query.
    #[error("Internal server error")]
    Sql,
}

/// A condition and the values of its placeholders.
#[derive(Debug, Default, PartialEq)]
pub struct Condition {
    /// SQL over `objects o` and the class's table `v`.
    pub sql: String,
    /// What the question marks stand for.
    pub values: Vec<Sql>,
}

/// Translates the text of a filter. Localized fields are compared in `language`.
pub fn translate(class: &Class, text: &str, language: &str) -> Result<Condition, Error> {
    let filter: Value = serde_json::from_str(text).map_err(|_| Error::Undecodable)?;
    let mut values = Vec::new();
    let scope = Scope { class, language };
    let sql = match &filter {
        Value::Object(members) => scope.object(members, "AND", &mut values)?,
        Value::Array(items) => scope.list(items, "AND", &mut values)?,
        _ => return Err(Error::Undecodable),
    };
    Ok(Condition { sql, values })
}

/// The SQL of a column that listings can filter and sort by.
pub fn column_of(class: &Class, name: &str, language: &str) -> Result<String, Error> {
    Ok(match name {
        "id" | "key" | "path" | "published" => format!("o.{name}"),
        "parentId" => "o.parent".to_owned(),
        "creationDate" => "o.created".to_owned(),
        "modificationDate" => "o.modified".to_owned(),
        "versionCount" => "o.version_count".to_owned(),
        "fullpath" => "(o.path || o.key)".to_owned(),
        _ => {
            let field = class.field(name).filter(|field| !matches!(field.kind, Kind::Rows(_))).ok_or(Error::Sql)?;
            let language = languages().iter().copied().find(|known| *known == language).unwrap_or("en");
            if field.localized { format!("v.\"{}\"", column(name, language)) } else { format!("v.\"{name}\"") }
        }
    })
}

struct Scope<'a> {
    class: &'a Class,
    language: &'a str,
}

impl Scope<'_> {
    fn object(&self, members: &Map<String, Value>, joint: &str, values: &mut Vec<Sql>) -> Result<String, Error> {
        let parts = members
            .iter()
            .map(|(name, value)| match (name.as_str(), value) {
                ("$or", Value::Array(items)) => self.list(items, "OR", values),
                ("$and", Value::Array(items)) => self.list(items, "AND", values),
                ("$or", Value::Object(members)) => self.object(members, "OR", values),
                ("$and", Value::Object(members)) => self.object(members, "AND", values),
                (name, value) => self.field(name, value, values),
            })
            .collect::<Result<Vec<_>, _>>()?;
        join(&parts, joint)
    }

    fn list(&self, items: &[Value], joint: &str, values: &mut Vec<Sql>) -> Result<String, Error> {
        let parts = items
            .iter()
            .map(|item| match item {
                Value::Object(members) => self.object(members, joint, values),
                _ => Err(Error::Sql),
            })
            .collect::<Result<Vec<_>, _>>()?;
        join(&parts, joint)
    }

    fn field(&self, name: &str, value: &Value, values: &mut Vec<Sql>) -> Result<String, Error> {
        let column = column_of(self.class, name, self.language)?;
        let Value::Object(operators) = value else {
            return compare(&column, "=", value, values);
        };
        let parts = operators
            .iter()
            .map(|(operator, operand)| {
                let sign = match operator.as_str() {
                    "$gt" => ">",
                    "$gte" => ">=",
                    "$lt" => "<",
                    "$lte" => "<=",
                    "$like" => "LIKE",
                    "$notlike" => "NOT LIKE",
                    "$not" => "<>",
                    _ => return Err(Error::Sql),
                };
                compare(&column, sign, operand, values)
            })
            .collect::<Result<Vec<_>, _>>()?;
        join(&parts, "AND")
    }
}

fn join(parts: &[String], joint: &str) -> Result<String, Error> {
    match parts {
        [] => Err(Error::Sql),
        [one] => Ok(one.clone()),
        many => Ok(format!("({})", many.join(&format!(" {joint} ")))),
    }
}

fn compare(column: &str, sign: &str, operand: &Value, values: &mut Vec<Sql>) -> Result<String, Error> {
    let value = match operand {
        Value::Null if sign == "<>" => return Ok(format!("{column} IS NOT NULL")),
        Value::Null => return Ok(format!("{column} IS NULL")),
        Value::Bool(yes) => Sql::Integer(i64::from(*yes)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Sql::Integer(whole),
            None => Sql::Real(number.as_f64().ok_or(Error::Sql)?),
        },
        Value::String(text) => Sql::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => return Err(Error::Sql),
    };
    values.push(value);
    Ok(format!("{column} {sign} ?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PRODUCT;

    fn sql(text: &str) -> Result<String, Error> {
        translate(&PRODUCT, text, "en").map(|condition| condition.sql)
    }

    #[test]
    fn members_of_an_object_all_hold_at_the_top_and_are_alternatives_inside_or() {
        assert_eq!(sql(r#"{"sku":"a","brand":"b"}"#).unwrap(), r#"(v."sku" = ? AND v."brand" = ?)"#);
        assert_eq!(
            sql(r#"{"$or":[{"sku":"a","brand":"b"},{"id":1}]}"#).unwrap(),
            r#"((v."sku" = ? OR v."brand" = ?) OR o.id = ?)"#,
        );
    }

    #[test]
    fn the_keyset_of_the_change_feed_nests() {
        let text = r#"{"$or":[{"modificationDate":{"$gt":5}},{"$and":[{"modificationDate":5},{"id":{"$gt":7}}]}]}"#;
        assert_eq!(sql(text).unwrap(), "(o.modified > ? OR (o.modified = ? AND o.id > ?))");
    }

    #[test]
    fn null_is_a_test_for_absence() {
        assert_eq!(sql(r#"{"name":null}"#).unwrap(), r#"v."name_en" IS NULL"#);
        assert_eq!(sql(r#"{"sku":{"$not":null}}"#).unwrap(), r#"v."sku" IS NOT NULL"#);
    }

    #[test]
    fn what_the_database_would_refuse_is_told_apart_from_what_is_not_json() {
        for broken in [r#"{}"#, r#"{"nope":1}"#, r#"{"sku":["a"]}"#, r#"{"sku":{"$in":["a"]}}"#, r#"{"images":"x"}"#] {
            assert_eq!(sql(broken), Err(Error::Sql), "{broken}");
        }
        for broken in ["", "{nope", "7"] {
            assert_eq!(sql(broken), Err(Error::Undecodable), "{broken}");
        }
    }
}
