//! Why a mutation is refused. The text of each is what Pimcore answers in `message`.

use std::fmt;

/// A refusal: `success: false` with this message.
#[derive(Debug)]
pub enum Refusal {
    /// The folder or object to create in is not there.
    NoParent,
    /// The configuration may not create there.
    MayNotCreate(&'static str),
    /// The configuration may not write there.
    Denied,
    /// The object to write is not there; with the verb.
    Unknown(&'static str),
    /// Neither a number nor a path was given.
    NoTarget,
    /// Both a number and a path were given.
    TwoTargets,
    /// There is an element with that path.
    DuplicatePath(String),
    /// Another object has that external id.
    Unique,
    /// The key is empty, or nothing of it is left.
    NoKey,
    /// The new parent is the object itself.
    OwnParent,
    /// A related element is not there.
    NoElement(Option<i64>, Option<String>),
    /// A tag is not there; the stand-in has none.
    NoTag,
    /// The values are not valid; all complaints.
    Invalid(Vec<String>),
    /// A workspace folder was renamed or removed: the permissions cannot follow.
    Configuration,
    /// The bundle: the write was prepared from an older state. Path, and the dates of what stands
    /// and of what was read.
    Conflict(String, i64, i64),
    Injected(String),
    Database(rusqlite::Error),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoParent => formatter.write_str("unable to resolve parent"),
            Self::MayNotCreate(class) => write!(formatter, "not allowed to create object {class}"),
            Self::Denied => formatter.write_str("permission denied."),
            Self::Unknown(verb) => write!(formatter, "unable to {verb} object. Unknown id or fullpath"),
            Self::NoTarget => formatter.write_str("either id or fullpath expected"),
            Self::TwoTargets => formatter.write_str("either id or fullpath expected but not both"),
            Self::DuplicatePath(path) => write!(formatter, "Duplicate full path [ {path} ] - cannot save object"),
            Self::Unique => formatter.write_str("unique constraint violation"),
            Self::NoKey => formatter.write_str("DataObject requires key"),
            Self::OwnParent => formatter
                .write_str("ParentID and ID are identical, an element can't be the parent of itself in the tree."),
            Self::NoElement(id, path) => {
                let id = id.map(|id| id.to_string()).unwrap_or_default();
                write!(formatter, "Element with id {id} or fullpath {} not found", path.as_deref().unwrap_or_default())
            }
            Self::NoTag => formatter.write_str("no \"id\" nor \"path\" tag data defined for tag, or tag not found"),
            Self::Invalid(complaints) => write!(formatter, "Validation failed: {}", complaints.join(" / ")),
            Self::Configuration => {
                formatter.write_str("Could not save configuration: Permissions missing to save the configuration")
            }
            Self::Conflict(path, stands, read) => {
                write!(formatter, "catalog conflict: {path} was saved at {stands}; this write was prepared from {read}")
            }
            Self::Injected(message) => formatter.write_str(message),
            Self::Database(error) => write!(formatter, "{error}"),
        }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        let unique = matches!(
            &error,
            rusqlite::Error::SqliteFailure(code, Some(text))
                if code.code == rusqlite::ErrorCode::ConstraintViolation && text.contains("externalId")
        );
        if unique { Self::Unique } else { Self::Database(error) }
    }
}
