//! Which source an object's key names, and by what it is read: an adapter in Rust, a mapping under `config/sources/` of the bucket, or one that is deployed with
//! the stack; in this order.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use catalog::{Failure, PartName};
use feeds::adapter::{self, ADAPTERS, Adapter};
use feeds::decode::DecodeError;
use feeds::integrity::Checksum;
use feeds::{Checkpoint, Feed, Limits};
use ledger::core::lines;
use ledger::{Declared, Ledger, Table};
use sources::{Bundle, Mapping, shipped};

use crate::codes;
use crate::config::SOURCE;

/// Compiled mappings that an environment keeps.
const COMPILED: usize = 64;

/// Who knows a source, and which part of it an object is.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    reads: Reads,
    /// The source's declared parts.
    pub(crate) declared: Option<Declared>,
    /// The declared part whose lines the object has.
    pub(crate) part: Option<PartName>,
}

/// By what an object is read.
#[derive(Debug, Clone)]
enum Reads {
    /// An adapter in Rust.
    BuiltIn(&'static dyn Adapter),
    /// A mapping.
    Mapped(Arc<Mapping>),
}

impl Known {
    /// The source's name.
    pub(crate) fn source(&self) -> &str {
        match &self.reads {
            Reads::BuiltIn(adapter) => adapter.source(),
            Reads::Mapped(mapping) => mapping.source(),
        }
    }

    /// Whether its records say prices.
    pub(crate) fn says_prices(&self) -> bool {
        match &self.reads {
            Reads::BuiltIn(_) => true,
            Reads::Mapped(mapping) => mapping.says_prices(),
        }
    }

    /// The name under which its runs are registered.
    pub(crate) fn register(&self) -> String {
        lines::register(self.source(), self.part.as_ref())
    }

    /// An object of a source whose mapping this is, where it has one.
    fn of(key: &str, adapter: Option<&'static dyn Adapter>, mapping: Option<Arc<Mapping>>) -> Option<Self> {
        let declared = mapping.as_deref().and_then(declared);
        let part = mapping.as_ref().zip(folder(key)).and_then(|(mapping, name)| Some((mapping.part(name)?, name)));
        if let Some((mapping, name)) = part {
            let part = Some(PartName::from_text(name));
            return Some(Self { reads: Reads::Mapped(Arc::clone(mapping)), declared, part });
        }
        let reads = match (adapter, mapping) {
            (Some(adapter), _) => Reads::BuiltIn(adapter),
            (None, mapping) => Reads::Mapped(mapping?),
        };
        Some(Self { reads, declared, part: None })
    }

    /// A feed of it, from its beginning or from a checkpoint.
    pub(crate) fn feed(
        &self,
        expected: Option<Checksum>,
        name: &str,
        checkpoint: Checkpoint,
        limits: Limits,
    ) -> Result<Feed, DecodeError> {
        match &self.reads {
            Reads::BuiltIn(adapter) => Feed::expecting(expected, *adapter, name, checkpoint, limits)
                .map(|feed| feed.knowing(shipped::layouts())),
            Reads::Mapped(mapping) => sources::feed(expected, Arc::clone(mapping), name, checkpoint, limits),
        }
    }
}

/// The folder below the source's in which an object lies.
fn folder(key: &str) -> Option<&str> {
    key.split('/').nth(2).filter(|_| key.split('/').count() > 3)
}

/// The declared parts of a mapping.
fn declared(mapping: &Mapping) -> Option<Declared> {
    let mut declared = Declared::default();
    for (name, kind, owns) in mapping.parts() {
        let name = PartName::from_text(name);
        if owns.contains("stock") {
            declared.stock = Some(name.clone());
        }
        declared.parts.insert(name, kind);
    }
    (!declared.parts.is_empty()).then_some(declared)
}

/// Why nobody knows an object's source.
#[derive(Debug)]
pub(crate) struct Unknown {
    /// The source that the key names, if it names one.
    pub(crate) source: Option<String>,
    /// For the run.
    pub(crate) reason: String,
}

/// The mappings that this environment has compiled. Which one is in force is asked for each run; a compiled one never changes.
#[derive(Debug, Default)]
pub struct Sources {
    compiled: Mutex<HashMap<(String, String), Arc<Mapping>>>,
    /// Versions of deployed mappings whose texts are kept in the ledger.
    kept: Mutex<HashSet<String>>,
    /// Whether a folder was a part's by an earlier mapping: source, folder, the mapping's version now.
    gone: Mutex<HashMap<(String, String, String), bool>>,
}

/// The source that `incoming/<source>/…` names.
fn named(key: &str) -> Result<&str, Unknown> {
    let Some(rest) = key.strip_prefix("incoming/") else {
        let reason = format!("{}: feeds belong under incoming/<source>/", codes::KEY_OUTSIDE_INCOMING);
        return Err(Unknown { source: None, reason });
    };
    let Some((source, name)) = rest.split_once('/').filter(|(source, _)| !source.is_empty()) else {
        let reason = format!(
            "{}: the key names none; feeds belong under incoming/<source>/, one of: {}",
            codes::UNKNOWN_SOURCE,
            known().join(", ")
        );
        return Err(Unknown { source: None, reason });
    };
    if name.is_empty() {
        let why = "the key ends with the source; a feed has a name behind it";
        return Err(Unknown { source: Some(source.to_owned()), reason: format!("{}: {why}", codes::EMPTY_KEY) });
    }
    Ok(source)
}

fn known() -> Vec<&'static str> {
    ADAPTERS.iter().map(|adapter| adapter.source()).chain(shipped::names()).collect()
}

impl Sources {
    /// The version of the mapping that is in force for an object's source, with its text kept for whoever goes on with the run; nothing where no mapping
    /// reads it.
    pub(crate) async fn version<T: Table>(&self, key: &str, store: &Ledger<T>) -> Result<Option<String>, Failure> {
        let Ok(source) = named(key) else { return Ok(None) };
        let head = store.config_head(SOURCE, source).await.map_err(|error| error.failure())?;
        if head.digest.is_some() {
            return Ok(head.digest);
        }
        let Some(bundle) = shipped::bundle(source) else { return Ok(None) };
        let digest = bundle.digest();
        if self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(digest.clone()) {
            let kept = store.config_keep(SOURCE, source, &digest, bundle.json().as_bytes()).await;
            kept.map_err(|error| {
                self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest);
                error.failure()
            })?;
        }
        Ok(Some(digest))
    }

    /// Who knows an object's source, by the version of the mapping that its run began with.
    pub(crate) async fn known<T: Table>(
        &self,
        key: &str,
        version: Option<&str>,
        store: &Ledger<T>,
    ) -> Result<Result<Known, Unknown>, Failure> {
        let source = match named(key) {
            Ok(source) => source,
            Err(unknown) => return Ok(Err(unknown)),
        };
        let adapter = adapter::find(source);
        let mapping = match version {
            Some(version) => match self.mapping(source, version, store).await? {
                Ok(mapping) => Some(mapping),
                Err(unknown) => return Ok(Err(unknown)),
            },
            None => None,
        };
        if let Some(folder) = folder(key).filter(|name| mapping.as_ref().is_none_or(|one| one.part(name).is_none()))
            && self.was_part(source, folder, version.unwrap_or_default(), store).await?
        {
            let reason = format!(
                "{}: {folder:?} was a part of {source}, and its mapping declares it no more; nothing of the file was taken",
                codes::PART_REMOVED
            );
            return Ok(Err(Unknown { source: Some(source.to_owned()), reason }));
        }
        match Known::of(key, adapter, mapping) {
            Some(known) => Ok(Ok(known)),
            None => self.missing(source, store).await.map(Err),
        }
    }

    /// Whether an earlier mapping of the source declared a part of this name: its lines are no products.
    async fn was_part<T: Table>(
        &self,
        source: &str,
        folder: &str,
        version: &str,
        store: &Ledger<T>,
    ) -> Result<bool, Failure> {
        let key = (source.to_owned(), folder.to_owned(), version.to_owned());
        if let Some(known) = self.gone.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(*known);
        }
        let texts = store.config_texts(SOURCE, source).await.map_err(|error| error.failure())?;
        let mappings = texts.iter().filter_map(|text| Bundle::of_json(text)?.mapping().ok());
        let was = mappings.into_iter().any(|mapping| mapping.part(folder).is_some());
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        if gone.len() >= COMPILED {
            gone.clear();
        }
        gone.insert(key, was);
        Ok(was)
    }

    /// Why there is no mapping.
    async fn missing<T: Table>(&self, source: &str, store: &Ledger<T>) -> Result<Unknown, Failure> {
        let head = store.config_head(SOURCE, source).await.map_err(|error| error.failure())?;
        let shown: String = source.chars().take(64).collect();
        let reason = match head.refused {
            Some(refused) => {
                let more = refused.problems.len().saturating_sub(1);
                let more =
                    if more > 0 { format!(" (and {more} more: relay source show {shown})") } else { String::new() };
                let first = refused.problems.first().cloned().unwrap_or_default();
                format!("{}: {first}{more}", codes::MAPPING_INVALID)
            }
            None => format!("{}: {shown:?} is none of: {}", codes::UNKNOWN_SOURCE, known().join(", ")),
        };
        Ok(Unknown { source: Some(shown), reason })
    }

    async fn mapping<T: Table>(
        &self,
        source: &str,
        version: &str,
        store: &Ledger<T>,
    ) -> Result<Result<Arc<Mapping>, Unknown>, Failure> {
        let key = (source.to_owned(), version.to_owned());
        if let Some(mapping) = self.compiled.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Ok(Arc::clone(mapping)));
        }
        let deployed = shipped::bundle(source).filter(|bundle| bundle.digest() == version);
        let bundle = match deployed {
            Some(bundle) => Some(bundle),
            None => {
                let text = store.config_text(SOURCE, source, version).await.map_err(|error| error.failure())?;
                text.as_deref().and_then(Bundle::of_json)
            }
        };
        let unknown = |why: String| {
            let reason = format!(
                "{}: the run began with version {version} of the source's mapping, {why}; replay the feed",
                codes::MAPPING_CHANGED
            );
            Unknown { source: Some(source.to_owned()), reason }
        };
        let mapping = match bundle.map(|bundle| bundle.mapping()) {
            None => return Ok(Err(unknown("which is not kept any more".to_owned()))),
            // The language changed with a deployment.
            Some(Err(problems)) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                return Ok(Err(unknown(format!("which this release does not read any more ({first})"))));
            }
            Some(Ok(mapping)) => Arc::new(mapping),
        };
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if compiled.len() >= COMPILED {
            compiled.clear();
        }
        compiled.insert(key, Arc::clone(&mapping));
        Ok(Ok(mapping))
    }
}
