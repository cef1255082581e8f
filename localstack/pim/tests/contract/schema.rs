//! A schema reduced to what a client can see, for comparison.

use apollo_compiler::Schema;
use apollo_compiler::schema::ExtendedType;
use std::collections::BTreeMap;

/// The members of every type by type: fields with their arguments and types, members of unions. The one type whose name
/// is another in every answer loses the changing part.
pub(crate) fn outline(sdl: &str) -> BTreeMap<String, Vec<String>> {
    let schema = Schema::parse_and_validate(sdl, "schema.graphql").unwrap();
    let stable = |text: String| match text.find("element_metadata_item_") {
        Some(at) => {
            let end = at + "element_metadata_item".len();
            let rest = text[end + 1..].trim_start_matches(|c: char| c.is_ascii_hexdigit());
            format!("{}{rest}", &text[..end])
        }
        None => text,
    };
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

fn field_outline(field: &apollo_compiler::schema::FieldDefinition) -> String {
    let mut arguments: Vec<_> =
        field.arguments.iter().map(|argument| format!("{}: {}", argument.name, argument.ty)).collect();
    arguments.sort();
    format!("{}({}): {}", field.name, arguments.join(", "), field.ty)
}
