//! A GraphQL request from its body to its answer.
//!
//! The order is that of the recorded instance: JSON, syntax, validation against the schema,
//! variables, execution. What fails before execution is an answer with `errors` and without `data`,
//! and nothing has been written.

use crate::app::{App, Request};
use crate::coerce;
use crate::counters::Event;
use crate::read::Root;
use crate::validate;
use apollo_compiler::ExecutableDocument;
use apollo_compiler::parser::{LineColumn, SourceSpan};
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::{ExecutionResponse, GraphQLError};
use apollo_compiler::validation::Valid;
use serde_json::Value;

/// What is sent back.
#[derive(Debug)]
pub enum Answer {
    Json(Value),
    /// The process died: status 500.
    Broken,
}

/// Why a request is not executed.
#[derive(Debug)]
pub struct Problem {
    /// What the client reads.
    pub message: String,
    /// Where in the document, as far as it can be said.
    pub at: Vec<LineColumn>,
}

impl Problem {
    /// A problem at a place of the document.
    pub fn at(message: impl Into<String>, span: Option<SourceSpan>, document: &ExecutableDocument) -> Self {
        Self {
            message: message.into(),
            at: span.and_then(|span| span.line_column(&document.sources)).into_iter().collect(),
        }
    }
}

/// Executes the body of a request.
pub fn answer(app: &App, body: &[u8]) -> Answer {
    let request = Request::new(app);
    let answer = answer_to(&request, body);
    request.pay_rest();
    answer
}

fn answer_to(request: &Request<'_>, body: &[u8]) -> Answer {
    let app = request.app;
    let body = serde_json::from_slice::<Value>(body).unwrap_or(Value::Null);
    let variables = match body.get("variables") {
        None | Some(Value::Null) => Value::Object(serde_json::Map::new()),
        // PHP knows no difference between an empty list and an empty object.
        Some(Value::Array(items)) if items.is_empty() => Value::Object(serde_json::Map::new()),
        Some(variables @ Value::Object(_)) => variables.clone(),
        Some(_) => return Answer::Broken,
    };
    let said = body.pointer("/extensions/catalogRelay/read").and_then(Value::as_object).into_iter().flatten();
    *request.read_dates.borrow_mut() = said.filter_map(|(path, date)| Some((path.clone(), date.as_i64()?))).collect();
    let query = body.get("query").and_then(Value::as_str).unwrap_or_default();
    match prepare(app, query, &variables) {
        Ok((document, variables)) => execute(request, &document, &variables),
        Err(problems) => {
            app.counters.count(Event::Invalid);
            let errors: Vec<Value> = problems.into_iter().map(problem_json).collect();
            Answer::Json(serde_json::json!({ "errors": errors }))
        }
    }
}

fn problem_json(problem: Problem) -> Value {
    if problem.at.is_empty() {
        serde_json::json!({ "message": problem.message })
    } else {
        serde_json::json!({ "message": problem.message, "locations": problem.at })
    }
}

type Prepared = (Valid<ExecutableDocument>, Valid<apollo_compiler::response::JsonMap>);

fn prepare(app: &App, query: &str, variables: &Value) -> Result<Prepared, Vec<Problem>> {
    let document = validate::document(&app.schema, query)?;
    let operation = match document.operations.len() {
        0 => return Err(vec![Problem { message: "Must provide an operation.".to_owned(), at: Vec::new() }]),
        1 => document.operations.iter().next(),
        _ => None,
    };
    let Some(operation) = operation else {
        let message = "Must provide operation name if query contains multiple operations.".to_owned();
        return Err(vec![Problem { message, at: Vec::new() }]);
    };
    let variables = coerce::variables(&app.schema, &document, operation, variables)?;
    Ok((document, variables))
}

fn execute(
    request: &Request<'_>,
    document: &Valid<ExecutableDocument>,
    variables: &Valid<apollo_compiler::response::JsonMap>,
) -> Answer {
    let app = request.app;
    let mutation = document.operations.iter().any(|operation| operation.is_mutation());
    app.counters.count(if mutation { Event::Mutation } else { Event::Query });
    let root = Root { request, type_name: if mutation { "Mutations" } else { "Query" } };
    let response = Execution::new(&app.schema, document)
        .coerced_variable_values(variables)
        .enable_schema_introspection(true)
        .execute_sync(&root);
    if request.fatal.get() {
        return Answer::Broken;
    }
    match response {
        Ok(response) => {
            let mut json = response_json(document, response);
            if app.settings.bundle && mutation {
                // What our bundle adds to what the pipeline is answered.
                json["extensions"] = serde_json::json!({ "catalogRelay": { "keepsDrafts": true } });
            }
            Answer::Json(json)
        }
        Err(error) => {
            let error = error.to_graphql_error(&document.sources);
            Answer::Json(serde_json::json!({ "errors": [clean(error)] }))
        }
    }
}

/// Errors stand before the data, and say only what the resolver said.
fn response_json(document: &ExecutableDocument, response: ExecutionResponse) -> Value {
    let aliases = validate::alias_positions(document);
    let errors: Vec<GraphQLError> = response
        .errors
        .into_iter()
        .map(clean)
        .map(|mut error| {
            // Pimcore points at the alias, where the field begins.
            for location in &mut error.locations {
                if let Some(start) = aliases.get(&(location.line, location.column)) {
                    *location = *start;
                }
            }
            error
        })
        .collect();
    let data = serde_json::to_value(response.data).unwrap_or(Value::Null);
    if errors.is_empty() {
        serde_json::json!({ "data": data })
    } else {
        serde_json::json!({ "errors": errors, "data": data })
    }
}

fn clean(mut error: GraphQLError) -> GraphQLError {
    if let Some(message) = error.message.strip_prefix("resolver error: ") {
        error.message = message.to_owned();
    }
    error
}
