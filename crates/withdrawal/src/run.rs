//! One comparison of a full feed with the one before it.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;

use catalog::{ContentHash, Failure, PartName, Product, ProductKey, Version};
use futures::stream::{self, StreamExt, TryStreamExt};
use ledger::core::brought::Brought;
use ledger::{DesiredDoc, DesiredOutcome, Ledger, LedgerError, SmallDocs, Table};
use runtime::{Announcement, Bus, Cause, Clock, Deadline, Metric, Metrics, ProductMessage};
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::manifest::{Index, Manifests, Part};
use crate::merge::{Ids, Missing};

/// Products read, written and announced together.
const WINDOW: usize = 100;
/// Ledger writes in flight at once.
const PARALLEL: usize = 16;

/// "Withdraw what this full feed lacks": a message of `normalize` to itself, as
/// `{"withdraw": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WithdrawRequest {
    pub bucket: String,
    pub source: String,
    /// The run that read the feed.
    pub run: String,
    /// Withdraw however many there are: an operator's decision.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// The guard has been passed, and ids up to this one are done: an earlier invocation ran out of
    /// time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl WithdrawRequest {
    /// Reads a queue message; `None` if it is another kind of message.
    #[must_use]
    pub fn parse(body: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Envelope {
            withdraw: WithdrawRequest,
        }
        serde_json::from_str::<Envelope>(body).ok().map(|envelope| envelope.withdraw)
    }

    #[must_use]
    pub fn message(&self) -> String {
        serde_json::json!({ "withdraw": self }).to_string()
    }
}

/// The full feed that the next one is compared with; the value of the watermark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The run that read it.
    pub run: String,
    pub version: String,
}

/// How a comparison ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The feed is the baseline now.
    Accepted(WithdrawalReport),
    /// A newer feed is the baseline; what only this one has is withdrawn.
    Overtaken(WithdrawalReport),
    /// Nothing to compare, or not to be compared; the reason.
    Ignored(&'static str),
    Refused {
        /// Products that would have been withdrawn.
        missing: u64,
        /// Products of the baseline.
        of: u64,
    },
    /// Time has run out: send this request.
    GoOn(WithdrawRequest),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WithdrawalReport {
    /// Withdrawn now.
    pub withdrawn: u64,
    /// Withdrawn by an earlier attempt, and announced again.
    pub again: u64,
    /// Brought by a newer document, withdrawn before, or not known at all.
    pub left: u64,
}

/// The ledger, as far as it is needed.
pub trait Store {
    /// See [`Ledger::read_small_docs`].
    fn read_small_docs(&self, keys: &[ProductKey]) -> impl Future<Output = Result<SmallDocs, LedgerError>>;

    /// See [`Ledger::read_large_doc`].
    fn read_large_doc(&self, key: &ProductKey) -> impl Future<Output = Result<Option<DesiredDoc>, LedgerError>>;

    /// See [`Ledger::read_parts`].
    fn read_parts(
        &self,
        key: &ProductKey,
    ) -> impl Future<Output = Result<Vec<(Option<PartName>, DesiredDoc)>, LedgerError>>;

    /// See [`Ledger::part_of`].
    fn part_of(&self, product: &Product) -> Option<PartName>;

    /// See [`Ledger::put_desired`].
    fn put_desired(
        &self,
        key: &ProductKey,
        doc: &DesiredDoc,
        now: i64,
    ) -> impl Future<Output = Result<DesiredOutcome, LedgerError>>;

    /// See [`Ledger::brought`].
    fn brought(&self, source: &str, part: Option<&PartName>)
    -> impl Future<Output = Result<Vec<Brought>, LedgerError>>;

    /// See [`Ledger::note_brought`].
    fn note_brought(
        &self,
        key: &ProductKey,
        part: Option<&PartName>,
        version: &Version,
    ) -> impl Future<Output = Result<(), LedgerError>>;

    /// See [`Ledger::strike_off_brought`].
    fn strike_off_brought(&self, note: &Brought, now: i64) -> impl Future<Output = Result<(), LedgerError>>;

    /// See [`Ledger::watermark`].
    fn watermark(&self, name: &str) -> impl Future<Output = Result<Option<String>, LedgerError>>;

    /// See [`Ledger::move_watermark`].
    fn move_watermark(
        &self,
        name: &str,
        from: Option<&str>,
        to: &str,
    ) -> impl Future<Output = Result<bool, LedgerError>>;
}

impl<T: Table> Store for Ledger<T> {
    async fn read_small_docs(&self, keys: &[ProductKey]) -> Result<SmallDocs, LedgerError> {
        Self::read_small_docs(self, keys).await
    }

    async fn read_large_doc(&self, key: &ProductKey) -> Result<Option<DesiredDoc>, LedgerError> {
        Self::read_large_doc(self, key).await
    }

    async fn read_parts(&self, key: &ProductKey) -> Result<Vec<(Option<PartName>, DesiredDoc)>, LedgerError> {
        Self::read_parts(self, key).await
    }

    fn part_of(&self, product: &Product) -> Option<PartName> {
        Self::part_of(self, product)
    }

    async fn put_desired(&self, key: &ProductKey, doc: &DesiredDoc, now: i64) -> Result<DesiredOutcome, LedgerError> {
        Self::put_desired(self, key, doc, now).await
    }

    async fn brought(&self, source: &str, part: Option<&PartName>) -> Result<Vec<Brought>, LedgerError> {
        Self::brought(self, source, part).await
    }

    async fn note_brought(
        &self,
        key: &ProductKey,
        part: Option<&PartName>,
        version: &Version,
    ) -> Result<(), LedgerError> {
        Self::note_brought(self, key, part, version).await
    }

    async fn strike_off_brought(&self, note: &Brought, now: i64) -> Result<(), LedgerError> {
        Self::strike_off_brought(self, note, now).await
    }

    async fn watermark(&self, name: &str) -> Result<Option<String>, LedgerError> {
        Self::watermark(self, name).await
    }

    async fn move_watermark(&self, name: &str, from: Option<&str>, to: &str) -> Result<bool, LedgerError> {
        Self::move_watermark(self, name, from, to).await
    }
}

/// Name of a source's watermark, for the full feeds that speak for these parts.
#[must_use]
pub fn watermark(source: &str, parts: &BTreeSet<PartName>) -> String {
    let names: Vec<&str> = parts.iter().map(PartName::as_str).collect();
    let of_parts = if names.is_empty() { String::new() } else { format!("/{}", names.join("+")) };
    format!("full-feed-{source}{of_parts}")
}

/// What a comparison needs.
#[derive(Debug)]
pub struct Withdrawal<'a, M, S, B, C> {
    /// The feed bucket.
    pub manifests: &'a M,
    pub store: &'a S,
    pub bus: &'a B,
    pub clock: &'a C,
    /// When the invocation ends.
    pub deadline: Deadline,
    /// The largest part of the baseline that may be withdrawn at once, in percent.
    pub max_percent: u8,
    pub metrics: &'a Metrics,
}

/// What a feed is compared with.
#[derive(Debug)]
pub(crate) struct Before {
    /// The full feed before it.
    pub(crate) index: Index,
    /// What partial feeds brought besides, in order.
    pub(crate) brought: Vec<String>,
}

/// What is to be done with a product that the feed lacks.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Withdraw,
    AnnounceAgain,
    Leave,
}

/// Decides about a product that the feed of this version lacks.
fn step(doc: &DesiredDoc, version: &Version) -> Step {
    match (doc.product.withdrawn, doc.version.cmp(version)) {
        (_, std::cmp::Ordering::Greater) => Step::Leave,
        (true, std::cmp::Ordering::Equal) => Step::AnnounceAgain,
        (true, std::cmp::Ordering::Less) => Step::Leave,
        (false, _) => Step::Withdraw,
    }
}

impl<M: Manifests, S: Store, B: Bus, C: Clock> Withdrawal<'_, M, S, B, C> {
    /// Compares, and withdraws.
    ///
    /// # Errors
    /// Transient; everything may be repeated.
    pub async fn run(&self, request: &WithdrawRequest) -> Result<Outcome, Failure> {
        let Some(index) = self.index(request, &request.run).await? else {
            return Ok(Outcome::Ignored("the feed left no manifest"));
        };
        if !index.complete {
            return Ok(Outcome::Ignored("the feed's manifest has gaps"));
        }
        let name = watermark(&request.source, &index.speaks_for);
        let text = self.store.watermark(&name).await.map_err(|error| error.failure())?;
        // The first feed of these parts is compared with what was compared before there were parts.
        // What is not of them stays all the same.
        let compared = match &text {
            None if !index.speaks_for.is_empty() => {
                let before = watermark(&request.source, &BTreeSet::new());
                self.store.watermark(&before).await.map_err(|error| error.failure())?
            }
            text => text.clone(),
        };
        let baseline: Option<Baseline> = compared.as_deref().and_then(|text| serde_json::from_str(text).ok());
        // One that is newer, and of other parts, overtakes nothing.
        let baseline = baseline.filter(|baseline| text.is_some() || baseline.version <= index.version);
        let accepted = Baseline { run: request.run.clone(), version: index.version.clone() };
        let mut report = WithdrawalReport::default();
        if let Some(baseline) = &baseline {
            if baseline.run == request.run || baseline.version == index.version {
                return Ok(Outcome::Ignored("this full feed has been compared already"));
            }
            if baseline.version > index.version {
                return self.overtaken(request, &index, baseline).await;
            }
            // Without its manifest (expired) there is nothing to compare with: the feed becomes the
            // baseline.
            if let Some(before) = self.index(request, &baseline.run).await? {
                let known = Version::from_text(baseline.version.as_str());
                let before = Before { brought: self.brought(request, (&before, &known), &index).await?, index: before };
                if request.after.is_none() && !request.force {
                    let (missing, of) = self.count(request, &before, &index).await?;
                    if missing * 100 > of * u64::from(self.max_percent) {
                        return Ok(Outcome::Refused { missing, of });
                    }
                }
                if let Some(rest) = self.withdraw(request, &before, &index, true, &mut report).await? {
                    return Ok(Outcome::GoOn(rest));
                }
            }
        }
        let moved = serde_json::to_string(&accepted)
            .map_err(|error| Failure::permanent(codes::WATERMARK, error.to_string()))?;
        if !self.store.move_watermark(&name, text.as_deref(), &moved).await.map_err(|error| error.failure())? {
            return Err(Failure::transient(
                codes::BASELINE_MOVED,
                format!("{}: another full feed was compared meanwhile", request.source),
            ));
        }
        Ok(Outcome::Accepted(report))
    }

    /// A newer full feed was accepted first (both were read at the same time, or this one came
    /// late): what only the older one has is not offered any more, although no comparison would
    /// ever notice, because it was in neither of the two baselines.
    ///
    /// There is no guard: the newer feed has passed it, and the rest of the older one's products
    /// are in it.
    async fn overtaken(
        &self,
        request: &WithdrawRequest,
        older: &Index,
        baseline: &Baseline,
    ) -> Result<Outcome, Failure> {
        let Some(newer) = self.index(request, &baseline.run).await? else {
            return Ok(Outcome::Ignored("a newer full feed was accepted, whose manifest is gone"));
        };
        // As the newer feed would have done it. A rest of another comparison says nothing about
        // this one.
        let request = WithdrawRequest { run: baseline.run.clone(), after: None, ..request.clone() };
        let mut report = WithdrawalReport::default();
        let older = Before { index: older.clone(), brought: Vec::new() };
        match self.withdraw(&request, &older, &newer, false, &mut report).await? {
            None => Ok(Outcome::Overtaken(report)),
            // What is done is passed over by the next attempt.
            Some(_) => Err(Failure::transient(codes::DEADLINE, "no time is left to compare an overtaken full feed")),
        }
    }

    async fn index(&self, request: &WithdrawRequest, run: &str) -> Result<Option<Index>, Failure> {
        let key = format!("manifests/{}/{run}.json", request.source);
        let Some(bytes) = self.manifests.get(&request.bucket, &key).await? else { return Ok(None) };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Failure::permanent(codes::MANIFEST_UNREADABLE, format!("{key} is no manifest: {error}")))
    }

    /// The ids of a feed.
    pub(crate) async fn parts(&self, request: &WithdrawRequest, index: &Index) -> Result<Vec<Part>, Failure> {
        let parts = self.manifests.list(&request.bucket, &index.parts).await?;
        Ok(parts.into_iter().map(|(key, size)| Part::new(&request.bucket, key, size)).collect())
    }

    async fn missing(
        &self,
        request: &WithdrawRequest,
        before: &Before,
        now: &Index,
    ) -> Result<Missing<'_, M>, Failure> {
        let open = async |parts| Ids::open(self.manifests, parts, request.after.as_deref()).await;
        let mut known = self.parts(request, &before.index).await?;
        known.push(Part::of_ids(&before.brought));
        Missing::new(open(known).await?, open(self.parts(request, now).await?).await?).await
    }

    /// How many of how many are gone.
    async fn count(&self, request: &WithdrawRequest, before: &Before, now: &Index) -> Result<(u64, u64), Failure> {
        let mut missing = self.missing(request, before, now).await?;
        let mut gone = 0;
        while missing.next().await?.is_some() {
            gone += 1;
        }
        Ok((gone, missing.compared))
    }

    /// Gives the request for the rest if time runs out. `again` also announces what an earlier
    /// attempt withdrew.
    async fn withdraw(
        &self,
        request: &WithdrawRequest,
        before: &Before,
        now: &Index,
        again: bool,
        report: &mut WithdrawalReport,
    ) -> Result<Option<WithdrawRequest>, Failure> {
        let version = Version::from_text(now.version.as_str());
        let mut missing = self.missing(request, before, now).await?;
        let mut done = request.after.clone();
        loop {
            let mut ids: Vec<String> = Vec::with_capacity(WINDOW);
            while ids.len() < WINDOW {
                match missing.next().await? {
                    Some(id) => ids.push(id),
                    None => break,
                }
            }
            let Some(last) = ids.last().cloned() else { return Ok(None) };
            if self.deadline.remaining(self.clock.now_ms()).is_zero() {
                // Even the empty id says that the guard has been passed.
                return Ok(Some(WithdrawRequest { after: Some(done.unwrap_or_default()), ..request.clone() }));
            }
            self.withdraw_window(request, &ids, &version, (now, again), report).await?;
            done = Some(last);
        }
    }

    async fn withdraw_window(
        &self,
        request: &WithdrawRequest,
        ids: &[String],
        version: &Version,
        how: (&Index, bool),
        report: &mut WithdrawalReport,
    ) -> Result<(), Failure> {
        // An id that is no key was rejected when it came, so there is nothing to withdraw.
        let mut keys: Vec<ProductKey> = ids.iter().filter_map(|id| ProductKey::new(&request.source, id).ok()).collect();
        report.left += (ids.len() - keys.len()) as u64;
        let failure = |error: LedgerError| error.failure();
        let SmallDocs { docs, large, parted } = self.store.read_small_docs(&keys).await.map_err(failure)?;
        keys.retain(|key| !large.contains(key) && !parted.contains(key));
        let (index, _) = how;
        let docs = docs.into_iter().filter(|(_, doc)| doc.as_ref().map_or(true, |doc| self.speaks_of(index, doc)));
        self.withdraw_some(request, (keys, docs.collect()), version, how, report).await?;
        // One at a time: each takes megabytes.
        for key in large.into_iter().filter(|key| !parted.contains(key)) {
            let doc = self.store.read_large_doc(&key).await.transpose();
            let doc = doc.filter(|doc| doc.as_ref().map_or(true, |doc| self.speaks_of(index, doc)));
            let docs = doc.map(|doc| (key.clone(), doc)).into_iter().collect();
            self.withdraw_some(request, (vec![key], docs), version, how, report).await?;
        }
        for key in parted {
            self.withdraw_parts(request, &key, version, how, report).await?;
        }
        Ok(())
    }

    /// Notes a product that the next comparison is to know of, although this feed lacks it.
    async fn note(&self, index: &Index, key: &ProductKey, doc: &DesiredDoc) -> Result<(), Failure> {
        let part = self.store.part_of(&doc.product).filter(|_| !index.speaks_for.is_empty());
        self.store.note_brought(key, part.as_ref(), &doc.version).await.map_err(|error| error.failure())
    }

    /// Whether a feed speaks of what a product of one part is.
    pub(crate) fn speaks_of(&self, index: &Index, doc: &DesiredDoc) -> bool {
        let part = self.store.part_of(&doc.product).filter(|_| !index.speaks_for.is_empty());
        part.is_none_or(|part| index.speaks_for.contains(&part))
    }

    /// Withdraws the parts of a product that the feed speaks for; the others stay, and decide with
    /// them what becomes of it.
    async fn withdraw_parts(
        &self,
        request: &WithdrawRequest,
        key: &ProductKey,
        version: &Version,
        how: (&Index, bool),
        report: &mut WithdrawalReport,
    ) -> Result<(), Failure> {
        let all = self.store.read_parts(key).await.map_err(|error| error.failure())?;
        let before = report.withdrawn + report.again;
        let left = report.left;
        for (name, doc) in all {
            let speaks_for = &how.0.speaks_for;
            // A source whose parts are no longer declared speaks for the one that led.
            let led = |name: &PartName| speaks_for.is_empty() && name.as_str() == ledger::core::lines::MAIN;
            if name.is_some_and(|name| speaks_for.contains(&name) || led(&name)) {
                let docs = HashMap::from([(key.clone(), Ok(doc))]);
                self.withdraw_some(request, (vec![key.clone()], docs), version, how, report).await?;
            }
        }
        // A product counts once, whatever became of how many of its parts.
        report.left = left + u64::from(report.withdrawn + report.again == before);
        Ok(())
    }

    async fn withdraw_some(
        &self,
        request: &WithdrawRequest,
        (keys, mut docs): (Vec<ProductKey>, HashMap<ProductKey, Result<DesiredDoc, LedgerError>>),
        version: &Version,
        (index, again): (&Index, bool),
        report: &mut WithdrawalReport,
    ) -> Result<(), Failure> {
        let mut announce: Vec<ProductKey> = Vec::new();
        let mut write: Vec<(ProductKey, DesiredDoc)> = Vec::new();
        for key in keys {
            let Some(doc) = docs.remove(&key) else {
                report.left += 1;
                continue;
            };
            let doc = doc.map_err(|error| error.failure())?;
            match step(&doc, version) {
                Step::AnnounceAgain if !again => report.left += 1,
                Step::Leave => {
                    report.left += 1;
                    // For sale by a newer feed.
                    if !doc.product.withdrawn {
                        self.note(index, &key, &doc).await?;
                    }
                }
                Step::AnnounceAgain => {
                    report.again += 1;
                    announce.push(key);
                }
                Step::Withdraw => write.push((key, withdrawn(doc, version, request, index))),
            }
        }
        announce.extend(self.write_withdrawn(write, index, report).await?);
        self.announce(&announce, request).await
    }

    /// Writes withdrawn products; which of them are.
    async fn write_withdrawn(
        &self,
        write: Vec<(ProductKey, DesiredDoc)>,
        index: &Index,
        report: &mut WithdrawalReport,
    ) -> Result<Vec<ProductKey>, Failure> {
        let now = self.clock.now_ms();
        let written: Vec<(ProductKey, DesiredOutcome)> = stream::iter(write)
            .map(|(key, doc)| async move {
                // Whatever brings it back meanwhile: the next comparison looks whether it is still
                // withdrawn.
                self.note(index, &key, &doc).await?;
                let outcome = self.store.put_desired(&key, &doc, now).await.map_err(|error| error.failure())?;
                Ok::<_, Failure>((key, outcome))
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        let mut done = Vec::with_capacity(written.len());
        for (key, outcome) in written {
            match outcome {
                DesiredOutcome::Written | DesiredOutcome::Offers | DesiredOutcome::Same => {
                    report.withdrawn += 1;
                    self.metrics.count(Metric::ProductsWithdrawn, 1);
                    done.push(key);
                }
                DesiredOutcome::Stale => report.left += 1,
            }
        }
        Ok(done)
    }

    async fn announce(&self, keys: &[ProductKey], request: &WithdrawRequest) -> Result<(), Failure> {
        let message = |key: &ProductKey| ProductMessage {
            key: key.clone(),
            correlation_id: request.run.clone(),
            cause: Cause::Feed,
        };
        let announcements: Vec<Announcement> =
            keys.iter().map(|key| Announcement::product_changed(&message(key))).collect();
        self.bus.announce(&announcements).await.into_iter().collect()
    }
}

/// The document of a product that a full feed lacks.
fn withdrawn(mut doc: DesiredDoc, version: &Version, request: &WithdrawRequest, index: &Index) -> DesiredDoc {
    doc.product.withdrawn = true;
    doc.hash = ContentHash::of(&doc.product);
    doc.version = version.clone();
    doc.run.clone_from(&request.run);
    doc.provenance = format!("not in the full feed {}", index.object);
    doc
}
