//! Configuration: a file under `config/` changed.
//!
//! What came of it is in the ledger ([`ledger::core::config`]): in force, or refused with file, line and reason. The message only says which file to look at. Kinds:
//!
//! | files | kind | name | checked by |
//! |---|---|---|---|
//! | `config/sources/<name>.yaml`, and the tables (`.csv`) that it names beside it | `source` | the source's | [`sources::Mapping::read`] |
//! | `config/rules/*.yaml` and `config/rates.json`, together | `rules` | `shop` | [`want::Bundle::read`] |

pub mod rules;

use catalog::Failure;
use feeds::adapter::ADAPTERS;
use ledger::core::config::{Found, Head, MAX_TEXT_BYTES, Refused, says};
use ledger::{Ledger, LedgerError, Table};
use runtime::{Announcement, Bus, Clock, Outcome};
use serde::Serialize;
use sources::{Bundle, shipped};

use crate::codes;
use crate::names;
use crate::ports::{Current, Objects};

/// The kind of mappings.
pub const SOURCE: &str = "source";
/// Where files are that configure.
pub const CONFIG: &str = "config/";
/// Where mappings are.
pub const SOURCES: &str = "config/sources/";
/// Looks at a file that others look at, too, before the message is left for later.
const ROUNDS: usize = 8;
/// Problems that are told.
const TOLD: usize = 20;

/// A file that was written or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The bucket.
    pub bucket: String,
    /// The file's key.
    pub key: String,
}

/// Puts into force what can be.
#[derive(Debug)]
pub struct Configure<'a, T, O, B, C> {
    /// The ledger.
    pub store: &'a Ledger<T>,
    /// The feed bucket.
    pub objects: &'a O,
    /// The catalog bus.
    pub bus: &'a B,
    /// Tells the time.
    pub clock: &'a C,
}

/// Detail of `ConfigurationChanged` and `ConfigurationRefused`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    kind: &'a str,
    name: &'a str,
    /// What is in force now.
    in_force: Option<&'a str>,
    problems: &'a [String],
    at: i64,
}

impl<T: Table, O: Objects, B: Bus, C: Clock> Configure<'_, T, O, B, C> {
    /// Looks at a file that changed.
    pub async fn handle(&self, changed: &Changed) -> Outcome {
        match self.look_at(changed).await {
            Ok(()) => Outcome::Done,
            Err(failure) => Outcome::Failed(failure),
        }
    }

    async fn look_at(&self, changed: &Changed) -> Result<(), Failure> {
        let file = changed.key.strip_prefix(SOURCES).filter(|file| !file.is_empty() && !file.contains('/'));
        if let Some(name) = file.and_then(|file| file.strip_suffix(".yaml")) {
            return self.read_anew(&changed.bucket, SOURCE, name).await;
        }
        if rules::is_one(&changed.key) {
            return self.read_anew(&changed.bucket, rules::RULES, rules::SHOP).await;
        }
        if let Some(table) = file.filter(|file| file.ends_with(".csv")) {
            let heads = self.store.config_heads(SOURCE).await.map_err(|error| error.failure())?;
            // One that was refused may have lacked it.
            let concerned =
                |head: &Head| head.refused.is_some() || head.files.iter().any(|file| file.as_str() == table);
            for (name, _) in heads.iter().filter(|(_, head)| concerned(head)) {
                self.read_anew(&changed.bucket, SOURCE, name).await?;
            }
            return Ok(());
        }
        if changed.key.ends_with('/') {
            return Ok(());
        }
        let why = format!(
            "{}: {}: nothing reads it; mappings are {SOURCES}<name>.yaml, rules {}<name>.yaml, rates {}",
            codes::CONFIG_UNKNOWN,
            changed.key,
            rules::FOLDER,
            rules::RATES
        );
        tracing::warn!(file = changed.key, "{why}");
        self.tell("ConfigurationRefused", "", &changed.key, None, &[why]).await
    }

    /// Looks at the files of a name until nobody looked at another state of it meanwhile.
    async fn read_anew(&self, bucket: &str, kind: &'static str, name: &str) -> Result<(), Failure> {
        let store = |error: LedgerError| error.failure();
        for _ in 0..ROUNDS {
            let now = self.clock.now_ms();
            let seen = self.store.config_head(kind, name).await.map_err(store)?;
            let found = match kind {
                rules::RULES => self.found_rules(bucket, now).await?,
                _ => self.found(bucket, name, now).await?,
            };
            // Told before it is written: a crash in between tells it twice.
            match &found {
                _ if says(&seen, &found) => {}
                Found::Refused(refused) => {
                    tracing::error!(kind, name, problems = ?refused.problems, "a configuration was refused");
                    let in_force = seen.digest.as_deref();
                    self.tell("ConfigurationRefused", kind, name, in_force, &refused.problems).await?;
                }
                Found::Sound { digest, .. } => {
                    self.tell("ConfigurationChanged", kind, name, Some(digest), &[]).await?;
                }
                Found::Removed => self.tell("ConfigurationChanged", kind, name, None, &[]).await?,
            }
            if self.store.config_record(kind, name, &seen, &found, now).await.map_err(store)?.is_ok() {
                tracing::info!(kind, name, found = ?found, "a configuration was looked at");
                let in_force = match &found {
                    Found::Sound { .. } => true,
                    Found::Refused(_) => seen.digest.is_some(),
                    Found::Removed => false,
                };
                // Only sources claim their names.
                let gone = kind == SOURCE && !in_force;
                return if gone { names::release(self.store, name, now).await } else { Ok(()) };
            }
        }
        let why = format!("the files of {kind} {name} change faster than they can be looked at");
        Err(Failure::transient(codes::CONFIG_CHANGING, why))
    }

    /// What a mapping's file is now. A sound text is kept.
    async fn found(&self, bucket: &str, name: &str, at: i64) -> Result<Found, Failure> {
        let file = format!("{SOURCES}{name}.yaml");
        let refused = |digest: String, problems: Vec<String>| Found::Refused(Refused { digest, at, problems });
        let text = match self.objects.current(bucket, &file, MAX_TEXT_BYTES as u64).await? {
            Current::Missing => return Ok(Found::Removed),
            Current::TooLarge { size } => {
                let why = format!("{file}: it has {size} bytes, more than {MAX_TEXT_BYTES}");
                return Ok(refused(format!("size-{size}"), vec![why]));
            }
            Current::Body(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        let mut bundle = Bundle::new(&file, &text);
        for table in bundle.wanted() {
            if let Current::Body(bytes) =
                self.objects.current(bucket, &format!("{SOURCES}{table}"), MAX_TEXT_BYTES as u64).await?
            {
                bundle.beside.insert(table, String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        let digest = bundle.digest();
        let mut problems: Vec<String> = match bundle.mapping() {
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
            Ok(mapping) if mapping.source() != name => {
                let source = mapping.source();
                vec![format!("{file}:1:1: it says source: {source}, so it has to be called {SOURCES}{source}.yaml")]
            }
            Ok(mapping) => {
                let collision = self.collision(name, mapping.leads(), at).await?;
                collision.into_iter().map(|why| format!("{file}:1:1: {why}")).collect()
            }
        };
        let json = bundle.json();
        if problems.is_empty() && json.len() > MAX_TEXT_BYTES {
            problems.push(format!("{file}: with its tables it has {} bytes, more than {MAX_TEXT_BYTES}", json.len()));
        }
        if !problems.is_empty() {
            problems.truncate(TOLD);
            return Ok(refused(digest, problems));
        }
        let kept = self.store.config_keep(SOURCE, name, &digest, json.as_bytes()).await;
        kept.map_err(|error| error.failure())?;
        let files = std::iter::once(format!("{name}.yaml")).chain(bundle.beside.into_keys()).collect();
        Ok(Found::Sound { digest, files, looks_back: false })
    }

    /// What the files of the rules are now, all together. A sound text is kept.
    async fn found_rules(&self, bucket: &str, at: i64) -> Result<Found, Failure> {
        let bundle = match rules::read(self.objects, bucket).await? {
            Ok(bundle) => bundle,
            Err(why) => {
                return Ok(Found::Refused(Refused { digest: why.clone(), at, problems: vec![why] }));
            }
        };
        if bundle.is_empty() {
            return Ok(Found::Removed);
        }
        let (digest, mut problems) = (bundle.digest(), rules::problems(&bundle));
        if !problems.is_empty() {
            problems.truncate(TOLD);
            return Ok(Found::Refused(Refused { digest, at, problems }));
        }
        let kept = self.store.config_keep(rules::RULES, rules::SHOP, &digest, bundle.json().as_bytes()).await;
        kept.map_err(|error| error.failure())?;
        let looks_back = bundle.read(at).is_ok_and(|read| read.rules.looks_back());
        let files = bundle.rules.into_keys().chain(bundle.rates.map(|(name, _)| name));
        Ok(Found::Sound { digest, files: files.collect(), looks_back })
    }

    /// Why a source cannot be called so; otherwise the name is claimed.
    async fn collision(&self, name: &str, leads: bool, at: i64) -> Result<Option<String>, Failure> {
        if feeds::adapter::find(name).is_some() {
            if !leads {
                return Ok(None);
            }
            return Ok(Some(format!(
                "the source {name} is built in, and a mapping of it can only declare parts; call yours otherwise"
            )));
        }
        if want::SHOP.strip_suffix(':') == Some(name) {
            return Ok(Some(format!(
                "categories of the shop's own tree begin with {}; call the source otherwise",
                want::SHOP
            )));
        }
        let heads = self.store.config_heads(SOURCE).await.map_err(|error| error.failure())?;
        let deployed = ADAPTERS.iter().map(|adapter| adapter.source()).chain(shipped::names()).map(str::to_owned);
        let configured = heads.into_iter().filter(|(_, head)| head.digest.is_some()).map(|(name, _)| name);
        let other = match deployed.chain(configured).find(|other| names::collide(name, other)) {
            Some(other) => Some(other),
            None => names::claim(self.store, name, at).await?,
        };
        Ok(other.map(|other| {
            format!("the source {name} cannot be told from {other}: one name is the beginning of the other; call it otherwise")
        }))
    }

    async fn tell(
        &self,
        event: &'static str,
        kind: &str,
        name: &str,
        in_force: Option<&str>,
        problems: &[String],
    ) -> Result<(), Failure> {
        let told = Told { kind, name, in_force, problems, at: self.clock.now_ms() };
        self.bus.announce(&[Announcement::new(event, &told)]).await.into_iter().collect()
    }
}
