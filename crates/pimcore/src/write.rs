//! Writing products: batches, and what each answer leads to.
//!
//! A write says what the caller believes (the product exists at a path, or does not exist) and what
//! to write. Where Pimcore disagrees the write is turned around: a create that finds it exists
//! becomes an update, an update that finds nothing looks where the product is now, and a create whose
//! external id Pimcore takes for another's is sent with one that keeps it apart. An update makes
//! nothing: whether a person deleted the product is decided anew. Aliases that an ill-fated neighbour
//! took with it are sent again without it. Everything is safe to repeat, because writing the same
//! document twice leaves the same product.

use std::collections::BTreeMap;
use std::time::Instant;

use catalog::{Failure, ProductKey};
use futures::StreamExt;
use serde_json::{Map, Value};

use crate::answer::{self, AliasOutcome, RequestError, Saved};
use crate::client::{Head, Pimcore};
use crate::external;
use crate::input::ProductInput;
use crate::operations::{self, Upsert};
use crate::path::ProductPath;
use crate::{codes, said};

/// How often one write is sent before its failure is left to the message's own retries.
const ROUNDS: usize = 4;

#[derive(Debug, Clone)]
pub struct Write {
    pub key: ProductKey,
    /// Where it is, if it exists.
    pub existing: Option<ProductPath>,
    /// The modification date of the object that the write was decided upon, if it exists.
    pub read: Option<i64>,
    /// Whether to publish it if it has to be created.
    pub publish_new: bool,
    /// Whether an object of the date `read` has these texts: then they are not sent. With any other
    /// they are.
    pub texts_stand: bool,
    pub input: ProductInput,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteOutcome {
    /// Pimcore holds the product as it was to be written.
    Saved(Saved),
    /// A category that it was to be in does not exist any more.
    StaleTree(Failure),
    /// It did not work.
    Failed(Failure),
}

/// A write on its way.
#[derive(Debug, Clone)]
struct Job {
    write: Write,
    input: Value,
    bytes: usize,
    /// Not together with others: it may harm them.
    alone: bool,
    last: Option<Failure>,
}

impl Job {
    /// Leaves out the texts if the object has them, and puts them back if it is another one by now.
    fn place_texts(&mut self) {
        let there = self.write.texts_stand && self.write.existing.is_some();
        let Some(input) = self.input.as_object_mut() else { return };
        for (name, text) in self.write.input.texts() {
            if there {
                input.remove(name);
            } else {
                input.insert(name.to_owned(), text);
            }
        }
    }

    /// Decided upon another state of the object than before.
    fn upon(&mut self, head: Head) {
        self.call(head.apart);
        self.write.texts_stand &= self.write.read == Some(head.modified);
        self.write.existing = Some(head.path);
        self.write.read = Some(head.modified);
        self.place_texts();
    }

    /// Gives the product the form of its external id that it has in Pimcore.
    fn call(&mut self, apart: bool) {
        let plain = self.write.key.to_string();
        let id = if apart { external::apart(&plain) } else { Some(plain) };
        if let Some(id) = id {
            self.input["externalId"] = id.into();
        }
    }

    /// Whether it can be sent with the other form of its external id than it was.
    fn keep_apart(&mut self) -> bool {
        let was = self.input["externalId"].clone();
        self.call(true);
        was != self.input["externalId"]
    }
}

/// What happens to a job after an answer.
enum Next {
    Finished(ProductKey, WriteOutcome),
    Again(Job),
    LookUp(Job, String),
}

impl Pimcore {
    /// Writes products, each once, in as few requests as the batching allows. Gives an outcome for
    /// each.
    pub async fn write(&self, writes: Vec<Write>, deadline: Instant) -> BTreeMap<ProductKey, WriteOutcome> {
        let mut finished = BTreeMap::new();
        let mut jobs: Vec<Job> = Vec::with_capacity(writes.len());
        for write in writes {
            match serde_json::to_value(&write.input) {
                Ok(input) => {
                    let mut job = Job { write, input, bytes: 0, alone: false, last: None };
                    job.place_texts();
                    job.bytes = job.input.to_string().len();
                    jobs.push(job);
                }
                Err(error) => {
                    let failure = Failure::permanent(
                        codes::INVALID_VALUE,
                        format!("{}: cannot be written as JSON: {error}", write.key),
                    );
                    finished.insert(write.key, WriteOutcome::Failed(failure));
                }
            }
        }
        for _ in 0..ROUNDS {
            if jobs.is_empty() {
                break;
            }
            let batches = split(std::mem::take(&mut jobs), self.batching.products, self.batching.bytes);
            let mut answers = futures::stream::iter(batches.into_iter().map(|batch| self.send_batch(batch, deadline)))
                .buffer_unordered(self.batching.connections.max(1));
            let mut look_up = Vec::new();
            while let Some(next) = answers.next().await {
                for next in next {
                    match next {
                        Next::Finished(key, outcome) => drop(finished.insert(key, outcome)),
                        Next::Again(job) => jobs.push(job),
                        Next::LookUp(job, message) => look_up.push((job, message)),
                    }
                }
            }
            drop(answers);
            for next in self.look_up(look_up, deadline).await {
                match next {
                    Next::Finished(key, outcome) => drop(finished.insert(key, outcome)),
                    Next::Again(job) | Next::LookUp(job, _) => jobs.push(job),
                }
            }
        }
        for job in jobs {
            let failure = job.last.unwrap_or_else(|| {
                said::transient(
                    codes::CONTENDED,
                    format!("{}: appears and disappears in Pimcore while it is written", job.write.key),
                )
            });
            finished.insert(job.write.key, WriteOutcome::Failed(failure));
        }
        finished
    }

    async fn send_batch(&self, batch: Vec<Job>, deadline: Instant) -> Vec<Next> {
        let action = |job: &Job| if job.write.existing.is_some() { Upsert::Update } else { Upsert::Create };
        let actions: Vec<Upsert> = batch.iter().map(action).collect();
        let (mut variables, mut read) = (Map::new(), Map::new());
        for (n, job) in batch.iter().enumerate() {
            let place = match &job.write.existing {
                Some(path) => {
                    if let Some(date) = job.write.read {
                        read.insert(path.as_str().to_owned(), date.into());
                    }
                    path.as_str().to_owned()
                }
                None => {
                    variables.insert(format!("b{n}"), job.write.publish_new.into());
                    ProductPath::key_of(&job.write.key).as_str().to_owned()
                }
            };
            variables.insert(format!("p{n}"), place.into());
            variables.insert(format!("i{n}"), job.input.clone());
        }
        let document = operations::product_batch(&actions);
        let sent = self.post_after_reading(&document, &Value::Object(variables), &read, deadline).await;
        let outcomes = match sent {
            Ok(sent) => answer::mutation(sent.view(), batch.len()),
            Err(failure) => Err(RequestError::Failed(failure)),
        };
        match outcomes {
            Ok(outcomes) => batch.into_iter().zip(outcomes).map(|(job, outcome)| next(job, outcome)).collect(),
            Err(error) => after_request_error(batch, &error),
        }
    }

    /// What stands in the way of creates: the product itself, which somebody else created
    /// meanwhile, or another one. And where updates stand that came after another save.
    async fn look_up(&self, jobs: Vec<(Job, String)>, deadline: Instant) -> Vec<Next> {
        if jobs.is_empty() {
            return Vec::new();
        }
        let keys: Vec<ProductKey> = jobs.iter().map(|(job, _)| job.write.key.clone()).collect();
        let mut heads = match self.read_heads(&keys, deadline).await {
            Ok(heads) => heads,
            Err(failure) => return jobs.into_iter().map(|(job, _)| failed(job, failure.clone())).collect(),
        };
        let (mut found, mut hidden) = (Vec::with_capacity(jobs.len()), Vec::new());
        for (mut job, message) in jobs {
            let next = match heads.remove(&job.write.key) {
                Some(Ok(head)) => {
                    job.upon(head);
                    Next::Again(job)
                }
                Some(Err(failure)) => failed(job, failure),
                None if job.write.existing.is_some() => {
                    let failure = contended(&job.write.key, &message);
                    failed(job, failure)
                }
                None => {
                    hidden.push((job, message));
                    continue;
                }
            };
            found.push(next);
        }
        for (mut job, message) in hidden {
            let failure = match self.rival(&job.write.key, deadline).await {
                Ok(Some(_)) if job.keep_apart() => {
                    found.push(Next::Again(job));
                    continue;
                }
                Ok(Some(failure)) | Err(failure) => failure,
                Ok(None) => said::permanent(
                    codes::PATH_TAKEN,
                    format!(
                        "{}: {} or its external id is taken by an object that is not to be seen as this product: one of another class, one without \
                         external id, or the product itself outside of /catalog; move, rename or delete it in Pimcore: {message}",
                        job.write.key,
                        ProductPath::of(&job.write.key)
                    ),
                ),
            };
            found.push(failed(job, failure));
        }
        found
    }
}

/// Requests of at most so many products and bytes.
fn split(jobs: Vec<Job>, products: usize, bytes: usize) -> Vec<Vec<Job>> {
    let (alone, together): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.alone);
    let mut batches: Vec<Vec<Job>> = Vec::new();
    let mut size = 0;
    for job in together {
        match batches.last_mut() {
            Some(batch) if batch.len() < products && size + job.bytes <= bytes => {
                size += job.bytes;
                batch.push(job);
            }
            _ => {
                size = job.bytes;
                batches.push(vec![job]);
            }
        }
    }
    batches.extend(alone.into_iter().map(|job| vec![job]));
    batches
}

/// Somebody else was quicker.
fn contended(key: &ProductKey, message: &str) -> Failure {
    said::transient(codes::CONTENDED, format!("{key}: {message}"))
}

fn next(mut job: Job, outcome: AliasOutcome) -> Next {
    match outcome {
        AliasOutcome::Done(saved) => {
            let expected = job.write.existing.clone().unwrap_or_else(|| ProductPath::of(&job.write.key));
            if saved.fullpath != expected.as_str() {
                let message =
                    format!("{}: Pimcore saved it at another path than {expected}: {}", job.write.key, saved.fullpath);
                return failed(job, said::permanent(codes::PATH_REWRITTEN, message));
            }
            let read = job.write.read.filter(|_| job.write.existing.is_some());
            let saved = Saved { read, ..saved };
            Next::Finished(job.write.key, WriteOutcome::Saved(saved))
        }
        AliasOutcome::Exists(message) => {
            if job.write.existing.is_some() {
                // An update changes neither path nor external id, so this is a race that the next
                // attempt decides.
                job.last = Some(contended(&job.write.key, &message));
                return Next::Again(job);
            }
            Next::LookUp(job, message)
        }
        AliasOutcome::Stale(_) | AliasOutcome::Missing => {
            let message = match outcome {
                AliasOutcome::Stale(message) => message,
                _ => "it was there a moment ago; a person may have deleted it".to_owned(),
            };
            let failure = contended(&job.write.key, &message);
            // Whether to publish was decided upon what a person may just have changed: the whole
            // decision is made anew.
            if job.input.get("published").is_some() {
                return failed(job, failure);
            }
            job.last = Some(failure);
            Next::LookUp(job, message)
        }
        AliasOutcome::StaleTree(message) => {
            let failure = said::transient(codes::STALE_CATEGORIES, format!("{}: {message}", job.write.key));
            Next::Finished(job.write.key, WriteOutcome::StaleTree(failure))
        }
        AliasOutcome::Refused(failure) | AliasOutcome::Again(failure) => {
            let failure = named(&job.write.key, &failure);
            failed(job, failure)
        }
        AliasOutcome::Died if job.alone => {
            let message = format!("{}: Pimcore reports an internal error while saving it", job.write.key);
            failed(job, said::choked(message, true))
        }
        AliasOutcome::Died => {
            job.alone = true;
            Next::Again(job)
        }
        AliasOutcome::NotDone => {
            let message = format!("{}: Pimcore reports an internal error while saving others with it", job.write.key);
            job.last = Some(said::choked(message, false));
            Next::Again(job)
        }
    }
}

fn after_request_error(batch: Vec<Job>, error: &RequestError) -> Vec<Next> {
    match error {
        RequestError::Alias(culprit, failure) => batch
            .into_iter()
            .enumerate()
            .map(|(n, job)| {
                if n == *culprit {
                    let failure = named(&job.write.key, failure);
                    failed(job, failure)
                } else {
                    Next::Again(job)
                }
            })
            .collect(),
        RequestError::TooLarge(failure) => {
            let single = batch.len() == 1;
            let each = |mut job: Job| {
                if single {
                    let failure = named(&job.write.key, failure);
                    return failed(job, failure);
                }
                job.alone = true;
                Next::Again(job)
            };
            batch.into_iter().map(each).collect()
        }
        RequestError::Failed(failure) => batch.into_iter().map(|job| failed(job, failure.clone())).collect(),
    }
}

fn failed(job: Job, failure: Failure) -> Next {
    Next::Finished(job.write.key, WriteOutcome::Failed(failure))
}

/// The same failure, naming the product.
fn named(key: &ProductKey, failure: &Failure) -> Failure {
    Failure { message: format!("{key}: {}", failure.message), ..failure.clone() }
}
