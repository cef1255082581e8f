//! What stands on this machine's disk: rules, rates, feeds. Nothing here needs a stack.

pub mod feed;
pub mod index;
pub mod rules;

use std::path::Path;

use crate::error::CliError;

/// A file that cannot be read.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::NotFound {
        what: format!("{}: {error}", path.display()),
        advice: "name a file that can be read".to_owned(),
    }
}
