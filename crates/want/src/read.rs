//! Reading a file: its words, with the place of what is wrong.

use serde::de::DeserializeOwned;

use crate::flaw::{Flaw, Place, suggestion};

/// Largest file, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// Reads a file's words.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Flaw> {
    let whole = Place { file: name.to_owned(), ..Place::default() };
    if text.len() > MAX_BYTES {
        return Err(Flaw::at(whole, format!("the file has {} bytes, more than {MAX_BYTES}", text.len())));
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let place = match error.location() {
            Some(location) => Place { line: location.line(), column: location.column(), ..whole },
            None => whole,
        };
        let said = error.without_snippet().to_string();
        let message = said.rsplit_once(" at line ").map_or(said.as_str(), |(message, _)| message);
        Flaw::at(place, message).help(suggestion(message)).within(text)
    })
}
