//! The validation rules whose messages clients get to see, with the texts of webonyx/graphql-php.
//!
//! What these rules do not cover is left to apollo-compiler, whose texts differ.

use crate::coerce;
use crate::graphql::Problem;
use crate::suggest::did_you_mean;
use apollo_compiler::ast::{
    Argument, Definition, Document, Field, FragmentDefinition, OperationDefinition, Selection, Type, Value,
    VariableDefinition,
};
use apollo_compiler::parser::{SourceMap, SourceSpan};
use apollo_compiler::schema::{ExtendedType, FieldDefinition, InputValueDefinition};
use apollo_compiler::{Name, Node, Schema};
use std::collections::{HashMap, HashSet};

/// Everything that is wrong with a document, in document order.
pub fn check(schema: &Schema, document: &Document) -> Vec<Problem> {
    let fragments = document
        .definitions
        .iter()
        .filter_map(|definition| match definition {
            Definition::FragmentDefinition(fragment) => Some((fragment.name.as_str(), fragment)),
            _ => None,
        })
        .collect();
    let mut rules = Rules { schema, sources: &document.sources, fragments, problems: Vec::new() };
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => rules.operation(operation),
            Definition::FragmentDefinition(fragment) if rules.known_type(&fragment.type_condition) => {
                rules.selections(&fragment.type_condition, &fragment.selection_set);
            }
            _ => {}
        }
    }
    rules.problems
}

struct Rules<'d> {
    schema: &'d Schema,
    sources: &'d SourceMap,
    fragments: HashMap<&'d str, &'d Node<FragmentDefinition>>,
    problems: Vec<Problem>,
}

/// A variable where it is used, and the type that is expected there.
type Usage<'d> = (&'d Name, Option<SourceSpan>, Option<&'d Type>);

impl<'d> Rules<'d> {
    fn report(&mut self, message: String, spans: &[Option<SourceSpan>]) {
        let at = spans.iter().flatten().filter_map(|span| span.line_column(self.sources)).collect();
        self.problems.push(Problem { message, at });
    }

    fn operation(&mut self, operation: &'d Node<OperationDefinition>) {
        for variable in &operation.variables {
            let name = variable.ty.inner_named_type();
            self.known_type(name);
            if let Some(default) = &variable.default_value {
                self.literal(&variable.ty, default);
            }
        }
        if let Some(root) = self.schema.root_operation(operation.operation_type) {
            self.selections(root, &operation.selection_set);
            self.variables(operation, root);
        }
    }

    fn known_type(&mut self, name: &Name) -> bool {
        let known = self.schema.types.contains_key(name);
        if !known {
            let names: Vec<&str> = self.schema.types.keys().map(Name::as_str).collect();
            self.report(format!("Unknown type \"{name}\".{}", did_you_mean(name, &names)), &[name.location()]);
        }
        known
    }

    fn selections(&mut self, parent: &Name, selections: &'d [Selection]) {
        for selection in selections {
            match selection {
                Selection::Field(field) => self.field(parent, field),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref().unwrap_or(parent);
                    if fragment.type_condition.is_none() || self.known_type(condition) {
                        if !self.overlap(parent, condition) {
                            let message = format!(
                                "Fragment cannot be spread here as objects of type \"{parent}\" can never be of type \
                                 \"{condition}\"."
                            );
                            self.report(message, &[fragment.location()]);
                        }
                        self.selections(condition, &fragment.selection_set);
                    }
                }
                Selection::FragmentSpread(spread) => match self.fragments.get(spread.fragment_name.as_str()) {
                    None => {
                        let message = format!("Unknown fragment \"{}\".", spread.fragment_name);
                        self.report(message, &[spread.fragment_name.location()]);
                    }
                    Some(fragment) if !self.overlap(parent, &fragment.type_condition) => {
                        let message = format!(
                            "Fragment \"{}\" cannot be spread here as objects of type \"{parent}\" can never be of type \
                             \"{}\".",
                            spread.fragment_name, fragment.type_condition
                        );
                        self.report(message, &[spread.location()]);
                    }
                    Some(_) => {}
                },
            }
        }
    }

    /// Whether an object can be of both types.
    fn overlap(&self, left: &Name, right: &Name) -> bool {
        let objects = |name: &Name| -> HashSet<&str> {
            match self.schema.types.get(name) {
                Some(ExtendedType::Object(object)) => HashSet::from([object.name.as_str()]),
                Some(ExtendedType::Union(union)) => union.members.iter().map(|member| member.name.as_str()).collect(),
                Some(ExtendedType::Interface(interface)) => {
                    let types = self.schema.types.iter();
                    types
                        .filter(|(_, kind)| {
                            kind.as_object()
                                .is_some_and(|object| object.implements_interfaces.contains(interface.name.as_str()))
                        })
                        .map(|(name, _)| name.as_str())
                        .collect()
                }
                _ => HashSet::new(),
            }
        };
        left == right || !objects(left).is_disjoint(&objects(right))
    }

    fn definition(&self, parent: &Name, field: &str) -> Option<&'d Node<FieldDefinition>> {
        self.schema.type_field(parent, field).ok().map(|component| &component.node)
    }

    fn field(&mut self, parent: &Name, field: &'d Node<Field>) {
        let Some(definition) = self.definition(parent, &field.name) else {
            let names: Vec<&str> = match self.schema.types.get(parent) {
                Some(ExtendedType::Object(object)) => object.fields.keys().map(Name::as_str).collect(),
                Some(ExtendedType::Interface(interface)) => interface.fields.keys().map(Name::as_str).collect(),
                _ => Vec::new(),
            };
            let hint = did_you_mean(&field.name, &names);
            let message = format!("Cannot query field \"{}\" on type \"{parent}\".{hint}", field.name);
            return self.report(message, &[field.location()]);
        };
        for argument in &field.arguments {
            match definition.argument_by_name(&argument.name) {
                Some(expected) => self.literal(&expected.ty, &argument.value),
                None => {
                    let names: Vec<&str> = definition.arguments.iter().map(|known| known.name.as_str()).collect();
                    let message = format!(
                        "Unknown argument \"{}\" on field \"{}\" of type \"{parent}\".{}",
                        argument.name,
                        field.name,
                        did_you_mean(&argument.name, &names)
                    );
                    self.report(message, &[argument.location()]);
                }
            }
        }
        for expected in definition.arguments.iter().filter(|expected| expected.is_required()) {
            if !field.arguments.iter().any(|argument| argument.name == expected.name) {
                let message = format!(
                    "Field \"{}\" argument \"{}\" of type \"{}\" is required but not provided.",
                    field.name, expected.name, expected.ty
                );
                self.report(message, &[field.location()]);
            }
        }
        let inner = definition.ty.inner_named_type();
        let leaf = self.schema.types.get(inner).is_none_or(|kind| kind.is_scalar() || kind.is_enum());
        if leaf && !field.selection_set.is_empty() {
            let message = format!(
                "Field \"{}\" must not have a selection since type \"{}\" has no subfields.",
                field.name, definition.ty
            );
            self.report(message, &[field.location()]);
        } else if !leaf && field.selection_set.is_empty() {
            let message = format!(
                "Field \"{0}\" of type \"{1}\" must have a selection of subfields. Did you mean \"{0} {{ ... }}\"?",
                field.name, definition.ty
            );
            self.report(message, &[field.location()]);
        } else if !leaf {
            self.selections(inner, &field.selection_set);
        }
    }

    /// A literal against the type that is expected in its place.
    fn literal(&mut self, ty: &Type, value: &Node<Value>) {
        let at = [value.location()];
        match value.as_ref() {
            Value::Variable(_) => {}
            Value::Null => {
                if ty.is_non_null() {
                    self.report(format!("Expected value of type \"{ty}\", found null."), &at);
                }
            }
            Value::List(items) if ty.is_list() => {
                for item in items {
                    self.literal(ty.item_type(), item);
                }
            }
            _ if ty.is_list() => self.literal(ty.item_type(), value),
            literal => match (self.schema.types.get(ty.inner_named_type()), literal) {
                (Some(ExtendedType::InputObject(expected)), Value::Object(members)) => {
                    for (name, member) in members {
                        match expected.fields.get(name) {
                            Some(field) => self.literal(&field.ty, member),
                            None => {
                                let names: Vec<&str> = expected.fields.keys().map(Name::as_str).collect();
                                let message = format!(
                                    "Field \"{name}\" is not defined by type \"{}\".{}",
                                    expected.name,
                                    did_you_mean(name, &names)
                                );
                                self.report(message, &[name.location()]);
                            }
                        }
                    }
                }
                (Some(ExtendedType::InputObject(expected)), _) => {
                    let message = format!("Expected value of type \"{}\", found {}.", expected.name, printed(literal));
                    self.report(message, &at);
                }
                _ => {
                    if let Some(message) = scalar(ty.inner_named_type(), literal) {
                        self.report(message, &at);
                    }
                }
            },
        }
    }

    fn variables(&mut self, operation: &'d Node<OperationDefinition>, root: &Name) {
        let mut usages = Vec::new();
        self.usages(root, &operation.selection_set, &mut HashSet::new(), &mut usages);
        let suffix = |verb: &str| match &operation.name {
            Some(name) => format!(" {verb} operation \"{name}\"."),
            None => ".".to_owned(),
        };
        let defined: HashMap<&str, &Node<VariableDefinition>> =
            operation.variables.iter().map(|variable| (variable.name.as_str(), variable)).collect();
        for (name, at, expected) in &usages {
            match (defined.get(name.as_str()), expected) {
                (None, _) => {
                    let message = format!("Variable \"${name}\" is not defined{}", suffix("by"));
                    self.report(message, &[*at, operation.location()]);
                }
                (Some(variable), Some(expected)) if !fits(variable, expected) => {
                    let message = format!(
                        "Variable \"${name}\" of type \"{}\" used in position expecting type \"{expected}\".",
                        variable.ty
                    );
                    self.report(message, &[variable.location(), *at]);
                }
                _ => {}
            }
        }
        for variable in &operation.variables {
            if !usages.iter().any(|(name, ..)| **name == variable.name) {
                let message = format!("Variable \"${}\" is never used{}", variable.name, suffix("in"));
                self.report(message, &[variable.location()]);
            }
        }
    }

    fn usages(
        &self,
        parent: &Name,
        selections: &'d [Selection],
        seen: &mut HashSet<&'d str>,
        found: &mut Vec<Usage<'d>>,
    ) {
        for selection in selections {
            let directives = match selection {
                Selection::Field(field) => &field.directives,
                Selection::InlineFragment(fragment) => &fragment.directives,
                Selection::FragmentSpread(spread) => &spread.directives,
            };
            for directive in directives.iter() {
                arguments(&directive.arguments, |_| None, self.schema, found);
            }
            match selection {
                Selection::Field(field) => {
                    let Some(definition) = self.definition(parent, &field.name) else {
                        arguments(&field.arguments, |_| None, self.schema, found);
                        continue;
                    };
                    let known = &definition.arguments;
                    arguments(
                        &field.arguments,
                        |name| known.iter().find(|known| known.name == name),
                        self.schema,
                        found,
                    );
                    self.usages(definition.ty.inner_named_type(), &field.selection_set, seen, found);
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref().unwrap_or(parent);
                    self.usages(condition, &fragment.selection_set, seen, found);
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.fragments.get(spread.fragment_name.as_str()) else { continue };
                    if seen.insert(fragment.name.as_str()) {
                        self.usages(&fragment.type_condition, &fragment.selection_set, seen, found);
                    }
                }
            }
        }
    }
}

fn arguments<'d>(
    arguments: &'d [Node<Argument>],
    definition: impl Fn(&str) -> Option<&'d Node<InputValueDefinition>>,
    schema: &'d Schema,
    found: &mut Vec<Usage<'d>>,
) {
    for argument in arguments {
        let expected = definition(&argument.name).map(|definition| definition.ty.as_ref());
        inside(&argument.value, expected, schema, found);
    }
}

/// The variables inside a literal.
fn inside<'d>(value: &'d Node<Value>, expected: Option<&'d Type>, schema: &'d Schema, found: &mut Vec<Usage<'d>>) {
    match value.as_ref() {
        Value::Variable(name) => found.push((name, value.location(), expected)),
        Value::List(items) => {
            for item in items {
                inside(item, expected.map(|ty| ty.item_type()), schema, found);
            }
        }
        Value::Object(members) => {
            let kind = expected.and_then(|ty| schema.types.get(ty.inner_named_type()));
            let fields = kind.and_then(|kind| kind.as_input_object()).map(|object| &object.fields);
            for (name, member) in members {
                let expected = fields.and_then(|fields| fields.get(name)).map(|field| field.ty.as_ref());
                inside(member, expected, schema, found);
            }
        }
        _ => {}
    }
}

/// Whether a variable may stand where that type is expected; a default makes up for being nullable.
fn fits(variable: &VariableDefinition, expected: &Type) -> bool {
    let default = variable.default_value.as_ref().is_some_and(|value| !value.is_null());
    if default && expected.is_non_null() {
        return variable.ty.is_assignable_to(&expected.clone().nullable()) || variable.ty.is_assignable_to(expected);
    }
    variable.ty.is_assignable_to(expected)
}

/// What is wrong with a literal of a scalar type.
fn scalar(name: &str, value: &Value) -> Option<String> {
    match (name, value) {
        ("Int", Value::Int(number)) => {
            coerce::integer(number.as_str().parse().unwrap_or(f64::NAN), number.as_str()).err()
        }
        ("String", Value::String(_)) | ("Boolean", Value::Boolean(_)) | ("ID", Value::String(_) | Value::Int(_)) => {
            None
        }
        ("Float", Value::Float(_) | Value::Int(_)) => None,
        ("Int", other) => Some(format!("Int cannot represent non-integer value: {}", printed(other))),
        ("String", other) => Some(format!("String cannot represent a non string value: {}", printed(other))),
        ("Boolean", other) => Some(format!("Boolean cannot represent a non boolean value: {}", printed(other))),
        ("ID", other) => Some(format!("ID cannot represent a non-string and non-integer value: {}", printed(other))),
        _ => None,
    }
}

fn printed(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Enum(name) => name.to_string(),
        Value::Variable(name) => format!("${name}"),
        Value::String(text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Float(number) => number.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Boolean(yes) => yes.to_string(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| printed(item)).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}: {}", printed(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}
