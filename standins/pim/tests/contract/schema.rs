//! A schema reduced to what a client can see, for comparison.

use apollo_compiler::Schema;
use apollo_compiler::schema::ExtendedType;
use serde_json::Value;
use std::collections::BTreeMap;

/// The members of every type by type: fields with their arguments and types, members of unions. The
/// one type whose name is another in every answer loses the changing part.
pub(crate) fn outline(sdl: &str) -> BTreeMap<String, Vec<String>> {
    let schema = Schema::parse_and_validate(sdl, "schema.graphql").unwrap();
    let types = schema.types.iter().filter(|(_, kind)| !kind.is_built_in());
    types
        .map(|(name, kind)| {
            let mut members: Vec<String> = match kind {
                ExtendedType::Object(object) => object.fields.values().map(|field| field_outline(field)).collect(),
                ExtendedType::Interface(one) => one.fields.values().map(|field| field_outline(field)).collect(),
                ExtendedType::InputObject(input) => {
                    input.fields.values().map(|field| format!("{}: {}", field.name, field.ty)).collect()
                }
                ExtendedType::Union(union) => union.members.iter().map(|member| member.name.to_string()).collect(),
                _ => Vec::new(),
            };
            members = members.into_iter().map(stable).collect();
            members.sort();
            (stable(name.to_string()), members)
        })
        .collect()
}

/// A text without the part of that one name that changes.
fn stable(text: String) -> String {
    match text.find("element_metadata_item_") {
        Some(at) => {
            let end = at + "element_metadata_item".len();
            let rest = text[end + 1..].trim_start_matches(|c: char| c.is_ascii_hexdigit());
            format!("{}{rest}", &text[..end])
        }
        None => text,
    }
}

/// The same from the answer to an introspection query: the names of members and arguments by type.
pub(crate) fn introspected(answer: &Value) -> BTreeMap<String, Vec<String>> {
    let schema = &answer["data"]["__schema"];
    let names = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    let types = schema["types"].as_array().unwrap().iter().filter(|kind| {
        // Of the built-in scalars, a server lists those that it likes.
        kind["kind"] != "SCALAR" && !kind["name"].as_str().unwrap().starts_with("__")
    });
    types
        .map(|kind| {
            let mut members = [names(&kind["inputFields"]), names(&kind["possibleTypes"])].concat();
            for field in kind["fields"].as_array().into_iter().flatten() {
                let mut arguments = names(&field["args"]);
                arguments.sort();
                members.push(format!("{}({})", field["name"].as_str().unwrap(), arguments.join(",")));
            }
            members.sort();
            (stable(kind["name"].as_str().unwrap().to_owned()), members)
        })
        .collect()
}

fn field_outline(field: &apollo_compiler::schema::FieldDefinition) -> String {
    let mut arguments: Vec<_> =
        field.arguments.iter().map(|argument| format!("{}: {}", argument.name, argument.ty)).collect();
    arguments.sort();
    format!("{}({}): {}", field.name, arguments.join(", "), field.ty)
}
