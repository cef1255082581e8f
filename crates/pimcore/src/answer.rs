//! What an answer of Data Hub means: a pure function of status, headers and body.
//!
//! In this order: HTTP status, JSON, top-level errors without data (nothing was executed), alias
//! null, `success`. Behind it stand things seen on a real instance:
//! - Validation rejects the whole request, also the aliases that are right. The message names the
//!   variable, and so the alias, at fault.
//! - When an alias dies in the middle of saving ("Internal server error", alias null), its
//!   transaction stays open and *every later alias is rolled back although it reports success*.
//! - A failed alias carries an `output` of nulls, and errors about it that mean nothing.
//! - A duplicate is "Duplicate full path" or, in a race, "unique constraint violation".
//! - A listing whose filter failed has `edges: null`, which is not "no rows".
//! - Success with `output: null` is an object of another class, or one that this configuration may
//!   not read.

use std::time::Duration;

use catalog::{Failure, Fate};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{codes, said};

/// What Data Hub sent.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<&'a str>,
    pub body: &'a [u8],
}

/// An object as it was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub id: u32,
    pub fullpath: String,
    /// When it was saved, seconds since 1970.
    pub modified: i64,
    /// The date of the object that an update was decided upon; `None` if it was made.
    pub read: Option<i64>,
    /// Our bundle was there, which keeps drafts.
    pub keeps_drafts: bool,
}

/// How one alias of a mutation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AliasOutcome {
    Done(Saved),
    /// A create found the path or the external id taken: look it up and update.
    Exists(String),
    /// An update found nothing at the path: create it.
    Missing,
    /// A relation or the parent does not exist (any more): the category tree that it came from is
    /// stale.
    StaleTree(String),
    /// Another save came between the look and this write: look again. Only our bundle says so.
    Stale(String),
    /// Refused for good. Names the field where Pimcore does, but not yet the object: the caller
    /// knows it.
    Refused(Failure),
    /// May work later.
    Again(Failure),
    /// This alias died while saving, and took all later ones with it.
    Died,
    /// It was not executed, or rolled back, because of another alias of the same request.
    NotDone,
}

/// Why a whole request brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// Validation blames the variables of this alias; nothing was executed.
    Alias(usize, Failure),
    /// More than the web server takes; nothing was executed.
    TooLarge(Failure),
    /// Anything else. What it asked for may have been done all the same (an answer lost on its
    /// way).
    Failed(Failure),
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Alias(_, failure) | RequestError::TooLarge(failure) | RequestError::Failed(failure) => {
                failure
            }
        }
    }
}

/// Judges the answer to a mutation with `aliases` aliases `a0`, `a1`, ….
///
/// # Errors
/// When the request as a whole brought nothing.
pub fn mutation(answer: Answer<'_>, aliases: usize) -> Result<Vec<AliasOutcome>, RequestError> {
    let names: Vec<String> = (0..aliases).map(|n| format!("a{n}")).collect();
    let reply = reply(answer)?;
    let mut outcomes = Vec::with_capacity(aliases);
    let mut died = false;
    for name in &names {
        let outcome = if died { AliasOutcome::NotDone } else { reply.alias(name) };
        died |= outcome == AliasOutcome::Died;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Judges the answer to a mutation of one field without alias.
///
/// # Errors
/// When the request as a whole brought nothing.
pub fn single(answer: Answer<'_>, field: &str) -> Result<AliasOutcome, RequestError> {
    Ok(reply(answer)?.alias(field))
}

/// Judges the answer to a query and reads it.
///
/// # Errors
/// Transient, when anything in it failed: half an answer looks like a product that lost its prices.
pub fn query<T: DeserializeOwned>(answer: Answer<'_>) -> Result<T, Failure> {
    let reply = reply(answer).map_err(only_read)?;
    for error in &reply.errors {
        // A relation to something this configuration may not read is an error beside an otherwise
        // complete answer.
        let harmless = error.path.len() > 2 && !error.message.contains(INTERNAL);
        if !harmless {
            let failure = said::transient(
                codes::QUERY_FAILED,
                format!("Pimcore could not answer at {}: {}", error.path.join("."), error.message),
            );
            let broke = error.message.contains(INTERNAL);
            return Err(if broke { failure.choked(false) } else { failure });
        }
        tracing::warn!(path = error.path.join("."), error.message, "part of Pimcore's answer was left out");
    }
    serde_json::from_value(reply.data).map_err(|error| unexpected(&format!("the answer to a query: {error}")))
}

/// A query changes nothing, whatever became of it.
pub(crate) fn only_read(error: impl Into<Failure>) -> Failure {
    let failure = error.into();
    if failure.request == Fate::MayStillLand { failure.request(Fate::Unanswered) } else { failure }
}

/// How the bundle of `platforms/pimcore-bundle` begins a refusal of a write that was prepared from
/// an older state.
const CONFLICT: &str = "catalog conflict:";

/// Where our bundle says that it is there.
const KEEPS_DRAFTS: &str = "/extensions/catalogRelay/keepsDrafts";

const INTERNAL: &str = "Internal server error";

struct Reply {
    data: Value,
    keeps_drafts: bool,
    errors: Vec<GraphqlError>,
}

struct GraphqlError {
    message: String,
    path: Vec<String>,
}

fn reply(answer: Answer<'_>) -> Result<Reply, RequestError> {
    if answer.status != 200 {
        return Err(http_failure(answer));
    }
    // A truncated body, a proxy's page: the connection or the server had a bad moment.
    let body: Value = serde_json::from_slice(answer.body).map_err(|error| {
        RequestError::Failed(unexpected(&format!("not JSON ({error}), begins: {:?}", beginning(answer.body))))
    })?;
    let errors: Vec<GraphqlError> =
        body.get("errors").and_then(Value::as_array).into_iter().flatten().map(read_error).collect();
    let keeps_drafts = body.pointer(KEEPS_DRAFTS) == Some(&Value::Bool(true));
    match body.get("data") {
        Some(data @ Value::Object(_)) => Ok(Reply { data: data.clone(), keeps_drafts, errors }),
        _ => Err(not_executed(&errors)),
    }
}

fn read_error(error: &Value) -> GraphqlError {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    GraphqlError {
        message: error.get("message").map(text).unwrap_or_default(),
        path: error.get("path").and_then(Value::as_array).into_iter().flatten().map(text).collect(),
    }
}

/// Statuses other than 200. None of them says anything about the data, except that it was too much.
fn http_failure(answer: Answer<'_>) -> RequestError {
    let (code, advice) = match answer.status {
        401 | 403 => {
            (codes::FORBIDDEN, "it does not accept the API key; check the secret and the Data Hub configuration")
        }
        404 => (
            codes::NOT_FOUND,
            "it has no active Data Hub configuration at this address; check PIMCORE_URL and the configuration",
        ),
        413 => {
            return RequestError::TooLarge(said::permanent(
                codes::TOO_LARGE,
                "the web server in front of Pimcore takes no request of this size: HTTP 413",
            ));
        }
        429 => (codes::THROTTLED, "it asks to slow down"),
        300..=399 => (codes::REDIRECTED, "it redirects; PIMCORE_URL has to be the address it redirects to"),
        500..=599 => (codes::UNAVAILABLE, "it is unavailable"),
        _ => (codes::HTTP, "unexpected status"),
    };
    let message = format!("Pimcore answers HTTP {}: {advice}", answer.status);
    let retry_after = answer.retry_after.and_then(seconds);
    let failure = Failure::transient(code, message).retry_after(retry_after);
    RequestError::Failed(match answer.status {
        429 => failure.request(Fate::Unanswered),
        // Who says when to come back has not begun.
        500..=599 if retry_after.is_some() => failure.request(Fate::Unanswered),
        500 => failure.request(Fate::MayStillLand).choked(false),
        501..=599 => failure.request(Fate::MayStillLand),
        _ => failure.request(Fate::Answered),
    })
}

/// `Retry-After` in seconds; its other form, a date, is rare enough to fall back to our own
/// backoff.
fn seconds(header: &str) -> Option<Duration> {
    header.trim().parse().ok().map(Duration::from_secs)
}

/// Errors without data: GraphQL's validation. Nothing was executed.
fn not_executed(errors: &[GraphqlError]) -> RequestError {
    let Some(first) = errors.first() else {
        return RequestError::Failed(unexpected("neither data nor errors"));
    };
    if let Some(alias) = blamed_alias(&first.message) {
        // The value itself is left out: it is the whole product.
        let reason = first.message.rsplit("; ").next().unwrap_or_default();
        let place = first.message.split(" at \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("input");
        return RequestError::Alias(
            alias,
            said::permanent(codes::INVALID_VALUE, format!("Pimcore refuses {place}: {}", short(reason))),
        );
    }
    if first.message.contains(INTERNAL) {
        return RequestError::Failed(said::choked("Pimcore reports an internal error", false));
    }
    if let Some(failure) = database(&first.message) {
        return RequestError::Failed(failure);
    }
    if first.message.starts_with("Syntax Error: Unexpected <EOF>") {
        return RequestError::Failed(unexpected(
            "it read an empty request; a proxy changes what is sent, or it is larger than PHP's post_max_size",
        ));
    }
    RequestError::Failed(said::transient(
        codes::SCHEMA_MISMATCH,
        format!(
            "Pimcore does not know what was asked; install the catalog's classes and Data Hub configuration: {}",
            short(&first.message)
        ),
    ))
}

/// The alias whose variable a validation message is about: `Variable "$i3" got invalid value …`.
fn blamed_alias(message: &str) -> Option<usize> {
    let name = message.strip_prefix("Variable \"$")?.split('"').next()?;
    // A field that the input type lacks is missing in the class, for every product.
    if message.contains("is not defined by type") {
        return None;
    }
    name.strip_prefix(['i', 'p', 'b', 'k'])?.parse().ok()
}

impl Reply {
    fn alias(&self, name: &str) -> AliasOutcome {
        let answer = &self.data[name];
        if answer.is_null() {
            let at_alias = |error: &&GraphqlError| error.path.len() == 1 && error.path[0] == name;
            return match self.errors.iter().find(at_alias) {
                Some(error) if !error.message.contains(INTERNAL) => classify(&error.message),
                _ => AliasOutcome::Died,
            };
        }
        if answer["success"] != Value::Bool(true) {
            return classify(answer["message"].as_str().unwrap_or("no message"));
        }
        let output = &answer["output"];
        if output.is_null() {
            return AliasOutcome::Refused(said::permanent(
                codes::NOT_READABLE,
                "Pimcore reports success but does not show the object: there is one of another class at its path, or the Data Hub configuration may not read it",
            ));
        }
        let id = output["id"].as_str().and_then(|id| id.parse().ok());
        match (id, output["fullpath"].as_str()) {
            (Some(id), Some(fullpath)) => AliasOutcome::Done(Saved {
                id,
                fullpath: fullpath.to_owned(),
                modified: output["modificationDate"].as_i64().unwrap_or(0),
                read: None,
                keeps_drafts: self.keeps_drafts,
            }),
            _ => {
                AliasOutcome::Again(unexpected(&format!("success without id and path: {}", short(&answer.to_string()))))
            }
        }
    }
}

/// What a message of a failed save means.
fn classify(message: &str) -> AliasOutcome {
    let starts = |prefix: &str| message.starts_with(prefix);
    if message.contains(CONFLICT) {
        return AliasOutcome::Stale(message.to_owned());
    }
    if starts("Duplicate full path") || message == "unique constraint violation" {
        return AliasOutcome::Exists(message.to_owned());
    }
    if starts("unable to update object. Unknown id or fullpath") {
        return AliasOutcome::Missing;
    }
    if (starts("Element with id") && message.ends_with("not found")) || starts("unable to resolve parent") {
        return AliasOutcome::StaleTree(message.to_owned());
    }
    if starts("permission denied") || starts("not allowed to create object") {
        return AliasOutcome::Again(said::transient(
            codes::PERMISSION,
            format!(
                "the Data Hub configuration lacks a permission on the catalog's folders; rebuild its workspaces: {message}"
            ),
        ));
    }
    if let Some(failure) = database(message) {
        return AliasOutcome::Again(failure);
    }
    let code = match message {
        _ if message.contains("is longer than") => codes::FIELD_TOO_LONG,
        _ if message.contains("Empty mandatory field") => codes::FIELD_MISSING,
        _ if starts("Validation failed") => codes::INVALID_VALUE,
        _ => codes::REFUSED,
    };
    let field = refused_field(message).map_or_else(String::new, |field| format!("{field}: "));
    AliasOutcome::Refused(said::permanent(code, format!("Pimcore refuses {field}{}", short(message))))
}

/// What the database said, passed on by Pimcore.
fn database(message: &str) -> Option<Failure> {
    let words = ["SQLSTATE", "Deadlock", "Lock wait timeout"];
    words
        .iter()
        .any(|word| message.contains(word))
        .then(|| said::transient(codes::DATABASE, format!("Pimcore's database: {}", short(message))))
}

/// The field that a validation message names: `… field [ url ] … [ images-1 ]` → `images[1].url`.
fn refused_field(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("ield [ ")?;
    let (field, rest) = rest.split_once(" ]")?;
    let place = rest.split_once("[ ").and_then(|(_, place)| place.split_once(" ]")).map(|(place, _)| place);
    Some(match place.and_then(|place| place.rsplit_once('-')) {
        Some(("localizedfields", lang)) => format!("{field}.{lang}"),
        Some((collection, index)) => format!("{collection}[{index}].{field}"),
        None => field.to_owned(),
    })
}

fn unexpected(what: &str) -> Failure {
    Failure::transient(codes::UNEXPECTED_ANSWER, format!("Pimcore's answer cannot be used: {what}"))
        .request(Fate::Garbled)
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned()
}

fn short(text: &str) -> String {
    text.chars().take(300).collect()
}
