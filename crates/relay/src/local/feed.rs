//! A feed on disk, read as normalize reads it: in pieces, in flat memory.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use feeds::adapter::{ADAPTERS, Adapter, find};
use feeds::decode::DecodeError;
use feeds::{Broken, Checkpoint, Feed, Limits, Outcome, Progress};
use sources::{Mapping, shipped};

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
        let feed = match source.and_then(shipped::find) {
            Some(mapping) => described(mapping, path)?,
            None => adapter(path, source)?,
        };
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        Ok(Self { file, feed, name: path.display().to_string(), ended: false })
    }

    /// Opens a feed that this mapping reads.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn by(mapping: &Arc<Mapping>, path: &Path) -> Result<Self, CliError> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        Ok(Self { file, feed: described(mapping, path)?, name: path.display().to_string(), ended: false })
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

fn described(mapping: &Arc<Mapping>, path: &Path) -> Result<Feed, CliError> {
    let name = path.display().to_string();
    sources::feed(None, Arc::clone(mapping), &name, Checkpoint::default(), Limits::default())
        .map_err(|error| undecodable(path, &error))
}

/// A feed of the source that is named, or else of the one whose records the file begins with.
fn adapter(path: &Path, source: Option<&str>) -> Result<Feed, CliError> {
    let known = || {
        let built_in = ADAPTERS.iter().map(|adapter| adapter.source());
        built_in.chain(shipped::names()).collect::<Vec<_>>().join(", ")
    };
    if let Some(source) = source {
        let adapter = find(source).ok_or_else(|| CliError::NotFound {
            what: format!("there is no source {source}"),
            advice: format!("sources: {}", known()),
        })?;
        return open(adapter, path);
    }
    let beginning = beginning(path)?;
    for adapter in ADAPTERS.iter() {
        if gives_products(open(*adapter, path)?, &beginning) {
            return open(*adapter, path);
        }
    }
    let mut found = Vec::new();
    for mapping in shipped::ALL.iter() {
        if gives_products(described(mapping, path)?, &beginning) {
            found.push(mapping);
        }
    }
    match found[..] {
        [mapping] => described(mapping, path),
        [] => Err(CliError::Refused {
            what: format!("{}: nobody can tell which source it is of", path.display()),
            advice: format!("name it: --source, one of {}", known()),
        }),
        _ => {
            let names: Vec<&str> = found.iter().map(|mapping| mapping.source()).collect();
            Err(CliError::Refused {
                what: format!("{}: the mappings of several sources read it: {}", path.display(), names.join(", ")),
                advice: "name the one that is meant: --source".to_owned(),
            })
        }
    }
}

fn beginning(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut beginning = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(PIECE as u64).read_to_end(&mut beginning).map_err(|error| unreadable(path, &error))?;
    Ok(beginning)
}

/// Whether a file's beginning gives products, read so.
fn gives_products(mut feed: Feed, beginning: &[u8]) -> bool {
    let mut out = Vec::new();
    let broken = step(&mut feed, beginning.to_vec(), &mut out);
    if broken.is_none() && beginning.len() < PIECE {
        let _ = feed.finish(&mut out);
    }
    out.iter().any(|outcome| matches!(outcome, Outcome::Product(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../sources/tests/fixtures").join(name)
    }

    #[test]
    fn a_described_source_is_told_by_what_it_reads_and_what_several_read_has_to_be_named() {
        for file in ["plain.csv", "plain.xlsx", "shopify.csv", "google.xml", "shopify.json", "shein-brightdata.csv"] {
            let mut feed = FeedFile::open(&fixture(file), None).unwrap_or_else(|error| panic!("{file}: {error:?}"));
            let mut products = 0;
            while let Some(part) = feed.part().unwrap() {
                products += part.outcomes.iter().filter(|one| matches!(one, Outcome::Product(_))).count();
            }
            assert!(products > 0, "{file}");
        }
        let several = std::env::temp_dir().join(format!("relay-several-{}.csv", std::process::id()));
        std::fs::write(&several, "id,title,price,availability,link,variations,final_price,currency\n1,Cup,4.50,in stock,https://a.example/1,,4.50,EUR\n").unwrap();
        let said = FeedFile::open(&several, None).err();
        let named = FeedFile::open(&several, Some("plain-csv"));
        std::fs::remove_file(&several).unwrap();
        let Some(CliError::Refused { what, .. }) = said else { panic!("{said:?}") };
        assert!(what.contains("several sources read it") && what.contains("plain-csv"), "{what}");
        assert!(named.is_ok());
    }
}
