//! A document against the schema.

use crate::graphql::Problem;
use crate::rules;
use apollo_compiler::ast::Document;
use apollo_compiler::diagnostic::ToCliReport;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::parser::LineColumn;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use std::collections::HashMap;

/// Parses and validates a document.
pub fn document(schema: &Valid<Schema>, query: &str) -> Result<Valid<ExecutableDocument>, Vec<Problem>> {
    if query.trim().is_empty() {
        return Err(vec![Problem { message: "Syntax Error: Unexpected <EOF>".to_owned(), at: vec![START] }]);
    }
    let document = match Document::parse(query, "request.graphql") {
        Ok(document) => document,
        Err(broken) => {
            let first = broken.errors.iter().next();
            let at = first.and_then(|diagnostic| diagnostic.error.location());
            let offset = at.map_or(0, |at| at.offset());
            let place = at.and_then(|at| at.line_column(&broken.partial.sources));
            return Err(vec![syntax_problem(query, offset, place)]);
        }
    };
    let problems = rules::check(schema, &document);
    if !problems.is_empty() {
        return Err(problems);
    }
    document.to_executable_validate(schema).map_err(|broken| {
        let places = |diagnostic: &dyn ToCliReport| {
            diagnostic.location().and_then(|at| at.line_column(&document.sources)).into_iter().collect()
        };
        broken
            .errors
            .iter()
            .map(|diagnostic| Problem { message: diagnostic.error.to_string(), at: places(diagnostic.error) })
            .collect()
    })
}

const START: LineColumn = LineColumn { line: 1, column: 1 };

/// The first syntax error, with the token that was found.
fn syntax_problem(query: &str, offset: usize, place: Option<LineColumn>) -> Problem {
    let rest = query.get(offset..).unwrap_or_default();
    let found = rest.trim_start();
    let mut at = place.unwrap_or(START);
    let message = if found.is_empty() {
        // The end is where the last token ends.
        let text = query.trim_end();
        let line = text.rsplit('\n').next().unwrap_or_default();
        at = LineColumn { line: text.matches('\n').count() + 1, column: line.chars().count() + 1 };
        let wants_name = text.ends_with(|last: char| last.is_alphanumeric() || matches!(last, '_' | ')' | '{' | '}'));
        format!("Syntax Error: {} <EOF>", if wants_name { "Expected Name, found" } else { "Unexpected" })
    } else {
        let word = found.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(found.len());
        match found.get(..word) {
            Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => {
                format!("Syntax Error: Unexpected Int \"{number}\"")
            }
            Some(name) if !name.is_empty() => format!("Syntax Error: Unexpected Name \"{name}\""),
            _ => format!("Syntax Error: Unexpected {}", found.chars().take(1).collect::<String>()),
        }
    };
    Problem { message, at: vec![at] }
}

/// Where the fields with an alias begin, by the place of their names.
pub fn alias_positions(document: &ExecutableDocument) -> HashMap<(usize, usize), LineColumn> {
    let mut found = HashMap::new();
    let roots = document.operations.iter().map(|operation| &operation.selection_set);
    for set in roots.chain(document.fragments.values().map(|fragment| &fragment.selection_set)) {
        collect(document, set, &mut found);
    }
    found
}

fn collect(document: &ExecutableDocument, set: &SelectionSet, found: &mut HashMap<(usize, usize), LineColumn>) {
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => {
                if let Some(alias) = &field.alias {
                    let place = |span: Option<apollo_compiler::parser::SourceSpan>| {
                        span.and_then(|span| span.line_column(&document.sources))
                    };
                    if let (Some(start), Some(name)) = (place(alias.location()), place(field.name.location())) {
                        found.insert((name.line, name.column), start);
                    }
                }
                collect(document, &field.selection_set, found);
            }
            Selection::InlineFragment(fragment) => collect(document, &fragment.selection_set, found),
            Selection::FragmentSpread(_) => {}
        }
    }
}
