//! The comparison: what the ledger says that Pimcore holds, against what Pimcore holds (D60).
//!
//! A delete leaves no trace in the change feed. So all products that the ledger knows to be in
//! Pimcore or in the shop are looked up there by object id; those that are gone are looked up once
//! more by their key, noted as deleted, and the shop is told to look. Nothing is created again: what
//! a person deleted stays away (D11); what was restored meanwhile is written again. Nothing that was
//! seen before decides: a product that was made and deleted between two comparisons is in the ledger
//! all the same ([`ledger::core::missing`]).
//!
//! The same walk reads products in full when categories were edited ([`crate::categories`]),
//! because a product does not count as saved then.
//!
//! A page of the ledger is the unit of progress, so a comparison that needs more time than an
//! invocation has goes on with the next one. Its memory is one page, whatever the number of
//! products.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{Failure, ProductKey};
use ledger::core::{ItemKey, gone, missing};
use ledger::{Ledger, LedgerError, ProductState, StatesPage, Table};
use pimcore::stamp::stamp;
use pimcore::{CategoryTree, Change, Cursor, PimProduct, Pimcore};
use runtime::{Announcement, Bus, Cause, Clock, Deadline, ProductMessage};
use serde::{Deserialize, Serialize};

use crate::changes::{self, Reaction, react};
use crate::codes;

/// Name of the watermark that says where a comparison under way is.
pub const PROGRESS: &str = "pimcore-comparison";
/// Not begun any more with less time than this left: a page of the ledger and its products.
const LAST_PAGE: Duration = Duration::from_secs(6);
/// Products looked at together.
const TOGETHER: usize = 100;
/// Products that bring an edited category to the shop. Two, should one of them be taken off sale in
/// the same moment.
const BRINGERS: u8 = 2;
/// Categories that are followed one by one; more are followed by comparing every product.
const MOST_CATEGORIES: usize = 500;
/// A comparison that nobody ordered waits for so many times as long as the one before it took: it
/// may take a tenth of Pimcore's time.
const PAUSE: i64 = 10;

/// What is to be compared, beside what is gone or overwritten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// Categories that look different: some products of each bring them to the shop.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub categories: BTreeSet<u32>,
    /// Products may be in other categories: each that shows something else than the shop was fed
    /// from is announced.
    #[serde(default)]
    pub products: bool,
    /// However many are gone: an operator's decision.
    #[serde(default)]
    pub accept: bool,
}

impl Want {
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.categories.extend(other.categories);
        self.products |= other.products || self.categories.len() > MOST_CATEGORIES;
        if self.products {
            self.categories.clear();
        }
        self.accept |= other.accept;
        self
    }

    fn is_light(&self) -> bool {
        self.categories.is_empty() && !self.products
    }
}

/// One walk over the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pass {
    pub(crate) want: Want,
    /// The ledger's item after which it goes on.
    after: Option<(String, String)>,
    /// When it began, in ms.
    began: i64,
    compared: u64,
    gone: u64,
    /// Products that were announced for a category.
    bringers: BTreeMap<u32, u8>,
}

impl Pass {
    /// One that begins now (ms).
    pub(crate) fn at(now: i64) -> Self {
        Self { began: now, ..Self::default() }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// Under way.
    pass: Option<Pass>,
    /// What has come up since it began.
    next: Option<Want>,
    /// When (ms) the next one may begin that nobody ordered.
    not_before: i64,
}

/// What a comparison came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ComparisonReport {
    pub compared: usize,
    pub gone: usize,
    /// Products whose source fields are written again.
    pub repaired: usize,
    /// Products that show something else since a category was edited.
    pub announced: usize,
    /// Whether it came to its end.
    pub complete: bool,
}

/// Everything that comparing takes.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a, T, B, C> {
    pub pimcore: &'a Pimcore,
    pub ledger: &'a Ledger<T>,
    pub bus: &'a B,
    pub clock: &'a C,
    /// When the invocation ends.
    pub deadline: Deadline,
    /// Above this share of missing products, in percent, Pimcore's listing is doubted, not the
    /// products.
    pub max_percent: u8,
}

impl<T: Table, B: Bus, C: Clock> Comparison<'_, T, B, C> {
    /// Starts a comparison at once, or goes on with the one under way. `accept`: however many
    /// products are gone.
    ///
    /// # Errors
    /// Transient; what was compared until then counts. `pimcore_lacks_too_many`.
    pub async fn start(&self, accept: bool) -> Result<ComparisonReport, Failure> {
        let (text, mut progress) = self.progress().await?;
        let ordered = Want { accept, ..Want::default() };
        let pass = progress.pass.take().unwrap_or_else(|| self.begin(progress.next.take().unwrap_or_default()));
        let pass = Pass { want: pass.want.clone().and(ordered), ..pass };
        self.go_on(text, progress, pass).await
    }

    /// Goes on with a comparison under way, or begins one that was asked for.
    ///
    /// # Errors
    /// Transient; what was compared until then counts. `pimcore_lacks_too_many`.
    pub async fn resume(&self) -> Result<Option<ComparisonReport>, Failure> {
        let (text, mut progress) = self.progress().await?;
        let due = progress.not_before <= self.clock.now_ms();
        let begun = progress.pass.take();
        let Some(pass) = begun.or_else(|| progress.next.take_if(|_| due).map(|want| self.begin(want))) else {
            return Ok(None);
        };
        self.go_on(text, progress, pass).await.map(Some)
    }

    /// Asks for a comparison. One that is under way may have passed what this is about, so another
    /// one follows it.
    pub(crate) async fn ask(&self, want: Want) -> Result<(), Failure> {
        for _ in 0..8 {
            let (text, mut progress) = self.progress().await?;
            progress.next = Some(progress.next.take().unwrap_or_default().and(want.clone()));
            if self.save(text.as_deref(), &progress).await?.is_some() {
                return Ok(());
            }
        }
        Err(Failure::transient(codes::WATERMARK, "somebody else moves the comparison's watermark all the time"))
    }

    fn begin(&self, want: Want) -> Pass {
        Pass { want, ..Pass::at(self.clock.now_ms()) }
    }

    async fn progress(&self) -> Result<(Option<String>, Progress), Failure> {
        let text = self.ledger.watermark(PROGRESS).await.map_err(failure)?;
        let progress = text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Ok((text, progress))
    }

    /// Writes the progress; `None` when somebody else has moved it.
    async fn save(&self, from: Option<&str>, progress: &Progress) -> Result<Option<String>, Failure> {
        let text =
            serde_json::to_string(progress).map_err(|error| Failure::permanent(codes::WATERMARK, error.to_string()))?;
        let moved =
            from == Some(text.as_str()) || self.ledger.move_watermark(PROGRESS, from, &text).await.map_err(failure)?;
        Ok(moved.then_some(text))
    }

    async fn go_on(
        &self,
        mut text: Option<String>,
        mut progress: Progress,
        mut pass: Pass,
    ) -> Result<ComparisonReport, Failure> {
        let (mut report, mut tree) = (ComparisonReport::default(), None);
        loop {
            if self.deadline.remaining(self.clock.now_ms()) < LAST_PAGE {
                // Begun is begun: the next invocation goes on.
                progress.pass = Some(pass);
                self.save(text.as_deref(), &progress).await?;
                return Ok(report);
            }
            let after = pass.after.clone().map(|(pk, sk)| ItemKey { pk, sk });
            let StatesPage { products, next } = self.ledger.some_states(after.as_ref()).await.map_err(failure)?;
            let compared = if pass.want.is_light() {
                self.lightly(&products, &mut pass, &mut report).await
            } else {
                self.fully(&products, &mut tree, &mut pass, &mut report).await
            };
            if let Err(failure) = &compared
                && failure.code == TOO_MANY
            {
                // Not again every minute: with the next one that is ordered.
                self.save(text.as_deref(), &Progress { pass: None, next: None, ..progress }).await?;
            }
            compared?;
            let ended = next.is_none();
            if ended {
                let now = self.clock.now_ms();
                progress.not_before = now + PAUSE * (now - pass.began).max(0);
                progress.pass = None;
            } else {
                pass.after = next.map(|key| (key.pk, key.sk));
                progress.pass = Some(pass.clone());
            }
            match self.save(text.as_deref(), &progress).await? {
                Some(saved) => text = Some(saved),
                None => {
                    // Somebody else compares, or has asked for another one: the next invocation
                    // goes on from what they wrote.
                    tracing::info!("the comparison's watermark was moved");
                    return Ok(report);
                }
            }
            if ended {
                report.complete = true;
                return Ok(report);
            }
        }
    }

    /// When the next request has to be done.
    pub(crate) fn ends(&self) -> Instant {
        Instant::now() + self.deadline.remaining(self.clock.now_ms())
    }

    /// Looks products up by object id: those that are gone, and those whose source fields were
    /// overwritten.
    pub(crate) async fn lightly(
        &self,
        page: &[(ProductKey, ProductState)],
        pass: &mut Pass,
        report: &mut ComparisonReport,
    ) -> Result<(), Failure> {
        let expected: Vec<&(ProductKey, ProductState)> =
            page.iter().filter(|(_, state)| missing::is_expected(state)).collect();
        for some in expected.chunks(TOGETHER) {
            let id_of = |state: &ProductState| state.pimcore.applied.as_ref()?.remote_id.as_ref()?.parse::<u32>().ok();
            let ids: Vec<u32> = some.iter().filter_map(|(_, state)| id_of(state)).collect();
            let rows = self.pimcore.inventory(&ids, self.ends()).await?;
            let rows: HashMap<u32, &Change> = rows.iter().map(|row| (row.cursor.id, row)).collect();
            let odd = some.iter().filter(|(key, state)| {
                let row = id_of(state).and_then(|id| rows.get(&id));
                row.is_none_or(|row| {
                    row.external_id.as_deref() != Some(key.to_string().as_str())
                        || react(row, state, None) == Reaction::Repair
                })
            });
            let odd: Vec<ProductKey> = odd.map(|(key, _)| key.clone()).collect();
            count(pass, report, some.iter().map(|(_, state)| state));
            self.look_closely(&odd, pass, report).await?;
        }
        Ok(())
    }

    /// Reads products in full: those that are gone, those whose source fields were overwritten, and
    /// what the edited categories call for.
    async fn fully(
        &self,
        page: &[(ProductKey, ProductState)],
        tree: &mut Option<Arc<CategoryTree>>,
        pass: &mut Pass,
        report: &mut ComparisonReport,
    ) -> Result<(), Failure> {
        let expected: Vec<ProductKey> =
            page.iter().filter(|(_, state)| missing::is_expected(state)).map(|(key, _)| key.clone()).collect();
        for keys in expected.chunks(TOGETHER) {
            // In this order: whoever claims the shop's stage after its state was read reads the PIM
            // after this.
            let products = self.pimcore.read_products(keys, self.ends()).await?;
            let tree = match tree {
                Some(tree) => Arc::clone(tree),
                None => Arc::clone(tree.insert(self.pimcore.category_tree(Duration::ZERO, self.ends()).await?)),
            };
            let states = self.ledger.read_states(keys).await.map_err(failure)?;
            count(pass, report, keys.iter().filter_map(|key| states.get(key)));
            let mut odd = Vec::new();
            let mut shown = Vec::new();
            for key in keys {
                let Some(state) = states.get(key) else { continue };
                match products.get(key) {
                    None => odd.push(key.clone()),
                    // What cannot be read of it is told where it is pushed.
                    Some(Err(_)) => {}
                    Some(Ok(product)) => match self.reaction(product, state, &tree) {
                        Reaction::Repair => odd.push(key.clone()),
                        Reaction::Nothing => bring(product, &tree, pass, false),
                        Reaction::Show if pass.want.products => shown.push(key.clone()),
                        Reaction::Show => {
                            if brings(product, &tree, pass) {
                                bring(product, &tree, pass, true);
                                shown.push(key.clone());
                            }
                        }
                    },
                }
            }
            report.announced += shown.len();
            self.announce("categories", &shown, pass).await?;
            self.look_closely(&odd, pass, report).await?;
        }
        Ok(())
    }

    fn reaction(&self, product: &PimProduct, state: &ProductState, tree: &CategoryTree) -> Reaction {
        let look = changes::look(product, tree, self.clock.now_ms() / 1000);
        if state.pimcore.applied.is_none() {
            // A person made it: what the shop was fed from is all that is known.
            let seen = state.medusa.applied.as_ref().and_then(|applied| applied.seen.as_ref());
            let same = seen == Some(&look.shown.digest) && state.medusa.owner.is_none();
            return if same { Reaction::Nothing } else { Reaction::Show };
        }
        react(&change_of(product), state, Some(&look))
    }

    /// Looks again, by key: first the state, then the product, so that none that is being made or
    /// written is taken for gone or wrong.
    pub(crate) async fn look_closely(
        &self,
        keys: &[ProductKey],
        pass: &mut Pass,
        report: &mut ComparisonReport,
    ) -> Result<(), Failure> {
        if keys.is_empty() {
            return Ok(());
        }
        let states = self.ledger.read_states(keys).await.map_err(failure)?;
        let products = self.pimcore.read_products(keys, self.ends()).await?;
        let (mut gone, mut unnoted) = (Vec::new(), Vec::new());
        let mut wrong: Vec<(Change, ProductKey)> = Vec::new();
        for key in keys {
            let Some(state) = states.get(key) else { continue };
            match products.get(key) {
                None => {
                    let id = gone::known_id(state).filter(|_| state.gone.is_none());
                    unnoted.extend(id.map(|id| (key.clone(), id.to_owned())));
                    gone.extend(missing::is_to_be_told(state).then(|| key.clone()));
                }
                Some(Ok(product)) if react(&change_of(product), state, None) == Reaction::Repair => {
                    wrong.push((change_of(product), key.clone()));
                }
                Some(_) => {}
            }
        }
        pass.gone += gone.len() as u64;
        if !pass.want.accept && missing::too_many(pass.gone, pass.compared, self.max_percent.into()) {
            return Err(Failure::permanent(
                TOO_MANY,
                format!(
                    "{} of {} products that the ledger knows are not in Pimcore's listing: the shop keeps those that are left; \
                     if they were deleted on purpose, invoke pimcore-sync with {{\"action\":\"reconcile\",\"accept\":true}}",
                    pass.gone, pass.compared
                ),
            ));
        }
        for restored in self.note_gone(unnoted).await? {
            gone.retain(|key| *key != restored.key);
            wrong.push((change_of(&restored), restored.key));
        }
        for key in &gone {
            tracing::info!(product = %key, "deleted in Pimcore");
        }
        report.gone += gone.len();
        self.announce("deleted", &gone, pass).await?;
        let wrong = wrong.iter().map(|(change, key)| (change, key.clone(), Reaction::Repair)).collect();
        let mut counted = changes::FollowReport::default();
        changes::announce(self.ledger, self.bus, self.clock, wrong, &mut counted).await?;
        report.repaired += counted.repaired;
        Ok(())
    }

    /// Notes products as deleted by people, then looks once more ([`ledger::core::gone`]): those that
    /// somebody restored.
    async fn note_gone(&self, unnoted: Vec<(ProductKey, String)>) -> Result<Vec<PimProduct>, Failure> {
        if unnoted.is_empty() {
            return Ok(Vec::new());
        }
        // A listing may be empty because the folder cannot be seen.
        self.pimcore.health(self.ends()).await?;
        self.ledger.note_gone(&unnoted, self.clock.now_ms()).await.map_err(failure)?;
        let keys: Vec<ProductKey> = unnoted.into_iter().map(|(key, _)| key).collect();
        Ok(self.pimcore.read_products(&keys, self.ends()).await?.into_values().filter_map(Result::ok).collect())
    }

    /// Notes, then announces: a lost announcement leaves the product pending.
    async fn announce(&self, why: &str, keys: &[ProductKey], pass: &Pass) -> Result<(), Failure> {
        self.ledger.edited(keys, self.clock.now_ms()).await.map_err(failure)?;
        let look = |key: &ProductKey| {
            let correlation_id = format!("{why}-{}", pass.began);
            Announcement::product_synced(&ProductMessage { key: key.clone(), correlation_id, cause: Cause::Edited })
        };
        let announcements: Vec<Announcement> = keys.iter().map(look).collect();
        self.bus.announce(&announcements).await.into_iter().collect()
    }
}

/// More products are gone than is believed.
pub const TOO_MANY: &str = codes::LACKS_TOO_MANY;

fn count<'s>(pass: &mut Pass, report: &mut ComparisonReport, looked_at: impl Iterator<Item = &'s ProductState>) {
    let looked_at = looked_at.filter(|state| missing::is_counted(state)).count();
    pass.compared += looked_at as u64;
    report.compared += looked_at;
}

pub(crate) fn change_of(product: &PimProduct) -> Change {
    Change {
        cursor: Cursor { modified: product.modified, id: product.id },
        external_id: Some(product.key.to_string()),
        published: product.published,
        content_hash: product.content_hash.as_ref().map(|said| stamp(said, product.wanted.as_deref())),
    }
}

/// The edited categories that a product is in, or below.
fn edited_of<'a>(product: &PimProduct, tree: &CategoryTree, pass: &'a Pass) -> BTreeSet<&'a u32> {
    let ways = product.all_categories().flat_map(|category| tree.path_of(category.id)).map(|node| node.id);
    ways.filter_map(|id| pass.want.categories.get(&id)).collect()
}

/// Whether a product brings an edited category to the shop that has no bringer yet.
fn brings(product: &PimProduct, tree: &CategoryTree, pass: &Pass) -> bool {
    let few = |id: &&u32| pass.bringers.get(id).is_none_or(|count| *count < BRINGERS);
    product.offered() && edited_of(product, tree, pass).iter().any(few)
}

/// Notes that a product brings its categories to the shop, or (`!announced`) that the shop was fed
/// from it as it is.
fn bring(product: &PimProduct, tree: &CategoryTree, pass: &mut Pass, announced: bool) {
    if !product.offered() {
        return;
    }
    let by = if announced { 1 } else { BRINGERS };
    let edited: Vec<u32> = edited_of(product, tree, pass).into_iter().copied().collect();
    for id in edited {
        let count = pass.bringers.entry(id).or_default();
        *count = count.saturating_add(by).min(BRINGERS);
    }
}

fn failure(error: LedgerError) -> Failure {
    error.failure()
}
