//! A document against the schema.

use crate::graphql::Problem;
use apollo_compiler::diagnostic::ToCliReport as _;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::parser::LineColumn;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use std::collections::HashMap;

/// Parses and validates a document.
pub fn document(schema: &Valid<Schema>, query: &str) -> Result<Valid<ExecutableDocument>, Vec<Problem>> {
    if query.trim().is_empty() {
        let at = Some(LineColumn { line: 1, column: 1 });
        return Err(vec![Problem { message: "Syntax Error: Unexpected <EOF>".to_owned(), at }]);
    }
    ExecutableDocument::parse_and_validate(schema, query, "request.graphql").map_err(|broken| {
        let document = &broken.partial;
        broken
            .errors
            .iter()
            .map(|diagnostic| Problem::at(diagnostic.error.to_string(), diagnostic.error.location(), document))
            .collect()
    })
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
