//! A feed on disk, read as normalize reads it: in pieces, in flat memory.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use feeds::adapter::{ADAPTERS, Adapter, find};
use feeds::decode::DecodeError;
use feeds::{Broken, Checkpoint, Feed, Limits, Outcome, Progress};
use sources::shipped;

use super::unreadable;
use crate::error::CliError;

/// Bytes read at once.
const PIECE: usize = 256 << 10;

/// A feed under way.
pub struct FeedFile {
    file: File,
    feed: Feed,
    name: String,
    ended: bool,
}

/// What became of some records.
pub struct Part {
    /// Products and rejections.
    pub outcomes: Vec<Outcome>,
    /// Where the feed breaks off, if it does here.
    pub broken: Option<Broken>,
}

impl FeedFile {
    /// Opens a feed of `source`, or of the one whose records it begins with.
    ///
    /// # Errors
    /// When it cannot be read, or its source cannot be told.
    pub fn open(path: &Path, source: Option<&str>) -> Result<Self, CliError> {
        let described = source.and_then(shipped::find);
        let feed = match described {
            Some(mapping) => {
                let name = path.display().to_string();
                sources::feed(None, Arc::clone(mapping), &name, Checkpoint::default(), Limits::default())
                    .map_err(|error| undecodable(path, &error))?
            }
            None => open(adapter(path, source)?, path)?,
        };
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        Ok(Self { file, feed, name: path.display().to_string(), ended: false })
    }

    /// What becomes of some more records; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn part(&mut self) -> Result<Option<Part>, CliError> {
        if self.ended {
            return Ok(None);
        }
        let (mut outcomes, mut piece) = (Vec::new(), vec![0; PIECE]);
        let length = self.file.read(&mut piece).map_err(|error| unreadable(Path::new(&self.name), &error))?;
        piece.truncate(length);
        let broken = if length == 0 {
            self.feed.finish(&mut outcomes).err()
        } else {
            step(&mut self.feed, piece, &mut outcomes)
        };
        self.ended = broken.is_some() || length == 0;
        Ok(Some(Part { outcomes, broken }))
    }
}

fn step(feed: &mut Feed, piece: Vec<u8>, out: &mut Vec<Outcome>) -> Option<Broken> {
    feed.offer(piece);
    loop {
        match feed.step(out) {
            Ok(Progress::More) => {}
            Ok(Progress::Hungry) => return None,
            Err(broken) => return Some(broken),
        }
    }
}

fn open(adapter: &'static dyn Adapter, path: &Path) -> Result<Feed, CliError> {
    let name = path.display().to_string();
    let feed = Feed::new(adapter, &name, Checkpoint::default(), Limits::default());
    feed.map(|feed| feed.knowing(shipped::layouts())).map_err(|error| undecodable(path, &error))
}

fn undecodable(path: &Path, error: &DecodeError) -> CliError {
    CliError::Refused { what: format!("{}: {error}", path.display()), advice: "try again".to_owned() }
}

/// The source that is named, or else the one whose records the file begins with.
fn adapter(path: &Path, source: Option<&str>) -> Result<&'static dyn Adapter, CliError> {
    let known = || {
        let built_in = ADAPTERS.iter().map(|adapter| adapter.source());
        built_in.chain(shipped::names()).collect::<Vec<_>>().join(", ")
    };
    if let Some(source) = source {
        return find(source).ok_or_else(|| CliError::NotFound {
            what: format!("there is no source {source}"),
            advice: format!("sources: {}", known()),
        });
    }
    let mut beginning = vec![0; PIECE];
    let mut file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut length = 0;
    while length < PIECE {
        match file.read(&mut beginning[length..]).map_err(|error| unreadable(path, &error))? {
            0 => break,
            read => length += read,
        }
    }
    beginning.truncate(length);
    for adapter in ADAPTERS.iter() {
        let (mut feed, mut out) = (open(*adapter, path)?, Vec::new());
        let _ = step(&mut feed, beginning.clone(), &mut out);
        if length < PIECE {
            let _ = feed.finish(&mut out);
        }
        if out.iter().any(|outcome| matches!(outcome, Outcome::Product(_))) {
            return Ok(*adapter);
        }
    }
    Err(CliError::Refused {
        what: format!("{}: nobody can tell which source it is of", path.display()),
        advice: format!("name it: --source, one of {}", known()),
    })
}
