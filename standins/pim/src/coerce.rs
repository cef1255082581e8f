//! The variables of a request against the types that its operation declares, with the texts of
//! webonyx/graphql-php.

use crate::graphql::Problem;
use crate::suggest;
use apollo_compiler::ast::Type;
use apollo_compiler::executable::Operation;
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Map, Value};

/// Checks all variables. Integers that were written as `5.0` become integers.
pub fn variables(
    schema: &Valid<Schema>,
    document: &ExecutableDocument,
    operation: &Operation,
    given: &Value,
) -> Result<Valid<JsonMap>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut coerced = Map::new();
    for definition in &operation.variables {
        let name = definition.name.as_str();
        let at = definition.location();
        let problem = |message: String| Problem::at(message, at, document);
        match given.get(name) {
            None | Some(Value::Null) if definition.default_value.is_some() && given.get(name).is_none() => {
                // The default is a literal of the document, which has been validated.
                if let Some(default) = &definition.default_value {
                    coerced.insert(name.to_owned(), literal(default));
                }
            }
            None if definition.ty.is_non_null() => problems.push(problem(format!(
                "Variable \"${name}\" of required type \"{}\" was not provided.",
                definition.ty
            ))),
            None => {}
            Some(Value::Null) if definition.ty.is_non_null() => problems.push(problem(format!(
                "Variable \"${name}\" of non-null type \"{}\" must not be null.",
                definition.ty
            ))),
            Some(value) => {
                let mut complaints = Vec::new();
                let result = coerce(schema, &definition.ty, value, name, &mut complaints);
                coerced.insert(name.to_owned(), result);
                problems.extend(complaints.into_iter().map(|complaint| {
                    let place =
                        if complaint.path == name { String::new() } else { format!(" at \"{}\"", complaint.path) };
                    problem(format!(
                        "Variable \"${name}\" got invalid value {}{place}; {}",
                        complaint.value, complaint.message
                    ))
                }));
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let map = serde_json::from_value(Value::Object(coerced)).unwrap_or_default();
    Ok(Valid::assume_valid(map))
}

struct Complaint {
    value: String,
    path: String,
    message: String,
}

fn coerce(schema: &Schema, ty: &Type, value: &Value, path: &str, complaints: &mut Vec<Complaint>) -> Value {
    let mut complain = |value: &Value, message: String| {
        complaints.push(Complaint { value: value.to_string(), path: path.to_owned(), message });
    };
    if value.is_null() {
        if ty.is_non_null() {
            complain(value, format!("Expected non-nullable type \"{ty}\" not to be null."));
        }
        return Value::Null;
    }
    if ty.is_list() {
        let Value::Array(items) = value else {
            return Value::Array(vec![coerce(schema, ty.item_type(), value, path, complaints)]);
        };
        let items = items.iter().enumerate();
        return items
            .map(|(at, item)| coerce(schema, ty.item_type(), item, &format!("{path}[{at}]"), complaints))
            .collect();
    }
    let name = ty.inner_named_type().as_str();
    if let Some(ExtendedType::InputObject(definition)) = schema.types.get(name) {
        let Value::Object(members) = value else {
            complain(value, format!("Expected type \"{name}\" to be an object."));
            return Value::Null;
        };
        for (member, _) in members {
            if !definition.fields.contains_key(member.as_str()) {
                let known: Vec<&str> = definition.fields.keys().map(|field| field.as_str()).collect();
                let hint = suggest::did_you_mean(member, &known);
                complain(value, format!("Field \"{member}\" is not defined by type \"{name}\".{hint}"));
            }
        }
        let mut result = Map::new();
        for (field, definition) in &definition.fields {
            match members.get(field.as_str()) {
                Some(value) => {
                    let path = format!("{path}.{field}");
                    result.insert(field.to_string(), coerce(schema, &definition.ty, value, &path, complaints));
                }
                None if definition.is_required() => complaints.push(Complaint {
                    value: value.to_string(),
                    path: path.to_owned(),
                    message: format!("Field \"{field}\" of required type \"{}\" was not provided.", definition.ty),
                }),
                None => {}
            }
        }
        return Value::Object(result);
    }
    match scalar(name, value) {
        Ok(value) => value,
        Err(message) => {
            complain(value, message);
            Value::Null
        }
    }
}

/// The value of a scalar from a variable.
fn scalar(name: &str, value: &Value) -> Result<Value, String> {
    match (name, value) {
        ("String", Value::String(_)) | ("Boolean", Value::Bool(_)) | ("ID", Value::String(_)) => Ok(value.clone()),
        ("ID", Value::Number(number)) if number.is_i64() => Ok(Value::from(number.to_string())),
        ("Int", Value::Number(number)) => integer(number.as_f64().unwrap_or(f64::NAN), &value.to_string()),
        ("String", _) => Err(format!("String cannot represent a non string value: {value}")),
        ("Boolean", _) => Err(format!("Boolean cannot represent a non boolean value: {value}")),
        ("ID", _) => Err(format!("ID cannot represent a non-string and non-integer value: {value}")),
        ("Int", _) => Err(format!("Int cannot represent non-integer value: {value}")),
        _ => Ok(value.clone()),
    }
}

/// A 32-bit integer from a number as it was written.
pub(crate) fn integer(number: f64, written: &str) -> Result<Value, String> {
    if number.fract() != 0.0 || !number.is_finite() {
        return Err(format!("Int cannot represent non-integer value: {written}"));
    }
    if number < f64::from(i32::MIN) || number > f64::from(i32::MAX) {
        return Err(format!("Int cannot represent non 32-bit signed integer value: {written}"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 32 bits, as just checked")]
    Ok(Value::from(number as i32))
}

fn literal(value: &apollo_compiler::ast::Value) -> Value {
    use apollo_compiler::ast::Value as Literal;
    match value {
        Literal::Null | Literal::Variable(_) => Value::Null,
        Literal::Enum(name) => Value::from(name.as_str()),
        Literal::String(text) => Value::from(text.as_str()),
        Literal::Float(number) => number.try_to_f64().map_or(Value::Null, Value::from),
        Literal::Int(number) => number.try_to_i32().map_or(Value::Null, Value::from),
        Literal::Boolean(yes) => Value::Bool(*yes),
        Literal::List(items) => items.iter().map(|item| literal(item)).collect(),
        Literal::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.to_string(), literal(value))).collect())
        }
    }
}
