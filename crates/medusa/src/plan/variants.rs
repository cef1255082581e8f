//! What one can buy.

use std::collections::{BTreeMap, BTreeSet};

use super::apart::apart;
use super::options::Axes;
use super::{Given, Note, Plan, Structure, codes, kept, metadata, stays, stock};
use crate::api::Amount;
use crate::api::model::{ItemWrite, Metadata, Price, PriceWrite, Product, Variant, VariantWrite, VariantsBatch};
use crate::articles::MEMBER;
use crate::columns::{self, Columns};
use crate::compare_at::PriceLists;
use crate::desired::{self, Article, amounts};
use crate::references::References;

/// Which variant that is there is which desired one.
#[derive(Debug, Default)]
pub(super) struct Match<'w, 't> {
    /// Same SKU, or a new SKU for the same choice.
    pub(super) kept: Vec<(&'w desired::Variant, &'t Variant)>,
    /// Desired, not there.
    pub(super) new: Vec<&'w desired::Variant>,
    /// There, not desired.
    pub(super) gone: Vec<&'t Variant>,
    /// There and not desired, and kept with nothing to sell: so many pieces are promised to open
    /// orders.
    pub(super) held: Vec<(&'t Variant, i64)>,
    /// There, of members that cannot be read just now: nothing is known of what they should be.
    pub(super) stays: Vec<&'t Variant>,
}

/// Matches by SKU first, because that is what carts and orders know; then by equal choice, which is
/// a SKU that was renamed, if it is not another member's and its pieces are not another's.
pub(super) fn matched<'w, 't>(article: &'w Article, there: &'t Product) -> Match<'w, 't> {
    let mut matched = Match { stays: stays::of(article, there), ..Match::default() };
    let is_free = |now: &&Variant| !matched.stays.iter().any(|stays| stays.id == now.id);
    let mut free: Vec<&Variant> = there.variants.iter().filter(is_free).collect();
    let mut unmatched = Vec::new();
    for wanted in &article.variants {
        match free.iter().position(|now| now.sku.as_deref() == Some(&wanted.sku)) {
            Some(n) => matched.kept.push((wanted, free.remove(n))),
            None => unmatched.push(wanted),
        }
    }
    for wanted in unmatched {
        let choice: BTreeSet<&str> = wanted.options.iter().map(String::as_str).collect();
        let same = |now: &&Variant| {
            can_become(wanted, now)
                && now.options.len() == wanted.options.len()
                && now.options.iter().map(|value| value.value.as_str()).collect::<BTreeSet<_>>() == choice
        };
        match free.iter().position(same) {
            Some(n) => matched.kept.push((wanted, free.remove(n))),
            None => matched.new.push(wanted),
        }
    }
    for now in free {
        match stock::reserved(now) {
            0 => matched.gone.push(now),
            pieces => matched.held.push((now, pieces)),
        }
    }
    matched
}

/// Whether a variant with the wanted choice may get the wanted SKU. In an article the choice may
/// have been another member's, with what orders hold of it; and an inventory item that goes by
/// another SKU by now is on another's shelf.
fn can_become(wanted: &desired::Variant, now: &Variant) -> bool {
    let member = |metadata: Option<&Metadata>| {
        metadata
            .and_then(|metadata| metadata.get(MEMBER)?.as_str())
            .filter(|member| !member.is_empty())
            .map(str::to_owned)
    };
    // What a person made in Medusa says no member.
    let theirs = member(now.metadata.as_ref()).is_some_and(|theirs| Some(theirs) != member(Some(&wanted.metadata)));
    let elsewhere = kept::has_lent_its_item(now) && !kept::has_item_of(now, &wanted.sku);
    !theirs && !elsewhere
}

pub(super) fn plan(
    article: &Article,
    there: &Product,
    references: &References,
    known: &Given<'_>,
    matched: &Match<'_, '_>,
    axes: &Axes<'_>,
    plan: &mut Plan,
) {
    let (make_way, waiting) = codes::make_way(matched, known.uncoded);
    let mut draft = Draft {
        article,
        references,
        known,
        matched,
        axes,
        uncoded: known.uncoded.iter().map(String::as_str).chain(waiting).collect(),
        taken: there.variants.iter().map(|variant| (axes.choices(variant), variant)).collect(),
        batch: VariantsBatch::default(),
        clear: BTreeSet::new(),
        early: Vec::new(),
        late: Vec::new(),
        codes: Vec::new(),
    };
    for (wanted, now) in &matched.kept {
        draft.keep(wanted, now, plan);
    }
    for wanted in &matched.new {
        draft.add(wanted, plan);
    }
    for (now, pieces) in &matched.held {
        draft.sell_out(now, *pieces, plan);
    }
    draft.clear_for_surplus();
    draft.delete_and_choose_again();
    draft.in_order(make_way, plan);
}

/// The calls on a product's variants while they are gathered.
struct Draft<'p> {
    article: &'p Article,
    references: &'p References,
    known: &'p Given<'p>,
    matched: &'p Match<'p, 'p>,
    axes: &'p Axes<'p>,
    /// SKUs of variants whose bar codes others have.
    uncoded: BTreeSet<&'p str>,
    /// Choices that are taken now, by whom.
    taken: BTreeMap<Vec<Option<&'p str>>, &'p Variant>,
    batch: VariantsBatch,
    /// Variants that lose their choice before the batch, because another gets it.
    clear: BTreeSet<String>,
    /// Variants that go before the batch.
    early: Vec<String>,
    /// What comes after the batch.
    late: Vec<Structure>,
    /// Changes of bar codes.
    codes: Vec<VariantWrite>,
}

impl<'p> Draft<'p> {
    /// Takes a choice from whoever has it.
    fn needs(&mut self, choice: &[String], by: Option<&str>) {
        let choice: Vec<Option<&str>> = choice.iter().map(|value| Some(value.as_str())).collect();
        if let Some(holder) = self.taken.get(&choice)
            && by != Some(holder.id.as_str())
        {
            if self.matched.gone.iter().any(|gone| gone.id == holder.id) {
                self.early.push(holder.id.clone());
            } else {
                self.clear.insert(holder.id.clone());
            }
        }
    }

    /// A variant that is there and stays.
    fn keep(&mut self, wanted: &'p desired::Variant, now: &'p Variant, plan: &mut Plan) {
        if now.prices.is_none() {
            // A crash left it without a price set, which no update can give it: away with it, and a
            // new one in the next round.
            self.early.push(now.id.clone());
            plan.look_again = true;
            return;
        }
        let uncoded = self.uncoded.contains(wanted.sku.as_str());
        let mut change = difference(self.article, wanted, now, &self.references.price_lists);
        change.allow_backorder = stock::backorder(self.known.terms, now);
        let columns = writable(wanted, uncoded);
        change.columns = columns::changes(&columns::SHARED, &columns, &now.columns, now.metadata.as_ref());
        // A code that somebody else has is neither written nor taken away.
        if !uncoded {
            self.codes.extend(codes::change(wanted, now));
        }
        self.late.extend(item_change(&columns, now));
        kept::give_back(now, &mut change);
        let choices = self.axes.choices(now);
        let as_wanted = wanted.options.iter().map(|value| Some(value.as_str())).eq(choices.iter().copied());
        if !as_wanted || !self.axes.surplus.is_empty() || !self.axes.add.add.is_empty() {
            self.needs(&wanted.options, Some(&now.id));
            change.options = Some(self.article.named_options(wanted));
        }
        self.update(change);
        stock::of(wanted.stock, &wanted.sku, now, self.references, self.known, plan, &mut self.late);
    }

    /// A variant that is not there.
    fn add(&mut self, wanted: &'p desired::Variant, plan: &mut Plan) {
        self.needs(&wanted.options, None);
        // Its own price is raised to the list price once its entry in the price list is there,
        // which needs its id.
        self.batch.create.push(VariantWrite {
            allow_backorder: self.known.terms.backorder,
            columns: writable(wanted, self.uncoded.contains(wanted.sku.as_str())),
            ..create(self.article, wanted, &PriceLists::default())
        });
        plan.look_again = true;
    }

    /// A variant that is there, is not desired, and is kept: so many pieces are promised to open
    /// orders.
    fn sell_out(&mut self, now: &'p Variant, pieces: i64, plan: &mut Plan) {
        let sku = now.sku.as_deref().unwrap_or_default();
        if pieces > 0 {
            plan.notes.push(Note::KeptForOrders { sku: sku.to_owned(), reserved: pieces });
        }
        let lent = kept::has_lent_its_item(now);
        let mut over = kept::sold_out(now, self.known.now);
        // Its stock is another's, so it is not for sale at any price.
        over.prices = now.prices.as_ref().filter(|prices| lent && !prices.is_empty()).map(|_| Vec::new());
        // Its level is seen once it counts.
        plan.look_again |= over.manage_inventory.is_some();
        self.update(over);
        let looked_at = kept::look_at(now, self.references.retention, self.known.now);
        plan.again = plan.again.into_iter().chain(looked_at).min();
        if lent {
            return;
        }
        stock::of(0, sku, now, self.references, self.known, plan, &mut self.late);
    }

    /// A change, unless it changes nothing.
    fn update(&mut self, change: VariantWrite) {
        if change != (VariantWrite { id: change.id.clone(), ..VariantWrite::default() }) {
            self.batch.update.push(change);
        }
    }

    /// An option that is to go is in no choice any more.
    fn clear_for_surplus(&mut self) {
        if !self.axes.surplus.is_empty() {
            let kept = self.matched.kept.iter().map(|(_, now)| now.id.clone());
            self.clear.extend(kept.filter(|id| !self.early.contains(id)));
            self.clear.extend(self.matched.held.iter().map(|(now, _)| now.id.clone()));
            self.early.extend(self.matched.gone.iter().map(|gone| gone.id.clone()));
        }
        self.early.sort();
        self.early.dedup();
    }

    /// What goes with the batch; and cleared variants get their choice back in the same batch that
    /// changes the others.
    fn delete_and_choose_again(&mut self) {
        let gone = self.matched.gone.iter().map(|gone| gone.id.clone());
        self.batch.delete = gone.filter(|id| !self.early.contains(id)).collect();
        let cleared = |now: &Variant| self.clear.contains(&now.id) && !self.early.contains(&now.id);
        for (wanted, now) in self.matched.kept.iter().filter(|(_, now)| cleared(now)) {
            let options = Some(self.article.named_options(wanted));
            match self.batch.update.iter_mut().find(|change| change.id.as_ref() == Some(&now.id)) {
                Some(change) => change.options = options,
                None => {
                    let id = Some(now.id.clone());
                    self.batch.update.push(VariantWrite { id, options, ..VariantWrite::default() });
                }
            }
        }
    }

    /// All calls, in an order in which none is refused.
    fn in_order(self, make_way: Vec<VariantWrite>, plan: &mut Plan) {
        let Self { article, axes, matched, batch, clear, early, late, codes, .. } = self;
        if !make_way.is_empty() {
            plan.structure.push(Structure::Variants(VariantsBatch { update: make_way, ..VariantsBatch::default() }));
        }
        plan.structure.extend(axes.renames.iter().cloned());
        if !axes.add.is_empty() {
            plan.structure.push(Structure::Options(axes.add.clone()));
        }
        // A variant that lost its choice needs its values no longer.
        let held = matched.held.iter().map(|(now, _)| *now).filter(|now| !clear.contains(&now.id));
        let held: Vec<&Variant> = held.chain(matched.stays.iter().copied()).collect();
        let update = clear.into_iter().map(without_choice).collect();
        let first = VariantsBatch { update, delete: early, create: vec![] };
        if !first.is_empty() {
            plan.structure.push(Structure::Variants(first));
        }
        if !axes.surplus.is_empty() {
            let remove = axes.surplus.clone();
            plan.structure.push(Structure::Options(crate::api::model::OptionsBatch { remove, ..Default::default() }));
        }
        plan.structure.extend(apart(batch));
        // Another variant may have the code by now, and what shares a refused call with prices
        // loses them.
        if !codes.is_empty() {
            plan.structure.push(Structure::Variants(VariantsBatch { update: codes, ..VariantsBatch::default() }));
        }
        let leftovers = axes.leftovers(article, &held);
        if !leftovers.is_empty() {
            plan.structure.push(Structure::Options(leftovers));
        }
        plan.structure.extend(late);
    }
}

/// The columns that a variant is to have: those that the PIM says, without a code that somebody
/// else has.
fn writable(wanted: &desired::Variant, uncoded: bool) -> Columns {
    if uncoded { columns::without_codes(&wanted.columns) } else { wanted.columns.clone() }
}

/// The change of its inventory item's columns.
fn item_change(wanted: &Columns, now: &Variant) -> Option<Structure> {
    let (link, item) = now.inventory_items.iter().find_map(|link| Some((link, link.inventory.as_ref()?)))?;
    let columns = columns::changes(&columns::SHARED, wanted, &item.columns, now.metadata.as_ref());
    (!columns.is_empty()).then(|| Structure::Item { item_id: link.inventory_item_id.clone(), columns })
}

fn without_choice(id: String) -> VariantWrite {
    VariantWrite { id: Some(id), options: Some(BTreeMap::new()), ..VariantWrite::default() }
}

/// A variant as it is created, with all its own prices.
pub(crate) fn create(article: &Article, wanted: &desired::Variant, lists: &PriceLists) -> VariantWrite {
    VariantWrite {
        id: None,
        sku: Some(Some(wanted.sku.clone())),
        title: Some(wanted.title.clone()),
        variant_rank: Some(rank(article, wanted)),
        manage_inventory: Some(true),
        allow_backorder: None,
        options: Some(article.named_options(wanted)),
        prices: Some(
            amounts(wanted, lists).into_iter().map(|(currency, amount)| price(None, currency, amount)).collect(),
        ),
        metadata: wanted.facts(),
        inventory_items: wanted
            .item
            .iter()
            .map(|item| ItemWrite { inventory_item_id: item.clone(), required_quantity: 1 })
            .collect(),
        columns: wanted.columns.clone(),
    }
}

fn rank(article: &Article, wanted: &desired::Variant) -> i64 {
    article
        .variants
        .iter()
        .position(|variant| variant.sku == wanted.sku)
        .and_then(|n| i64::try_from(n).ok())
        .unwrap_or(0)
}

/// Changes of a variant apart from its choice and stock.
fn difference(article: &Article, wanted: &desired::Variant, now: &Variant, lists: &PriceLists) -> VariantWrite {
    let mut change = VariantWrite { id: Some(now.id.clone()), ..VariantWrite::default() };
    if now.sku.as_deref() != Some(&wanted.sku) {
        change.sku = Some(Some(wanted.sku.clone()));
    }
    if now.title != wanted.title {
        change.title = Some(wanted.title.clone());
    }
    let rank = rank(article, wanted);
    if now.variant_rank != Some(rank) {
        change.variant_rank = Some(rank);
    }
    change.prices = prices(&amounts(wanted, lists), now.prices.as_deref().unwrap_or_default());
    change.metadata = metadata(&wanted.facts(), now.metadata.as_ref());
    change
}

/// The whole price set, if the prices that everybody pays are not exactly the wanted ones. What
/// people added beside them (tiers, a region's price) is sent along with its id, because Medusa
/// replaces the set.
fn prices(target: &BTreeMap<&str, Amount>, now: &[Price]) -> Option<Vec<PriceWrite>> {
    let plain: Vec<&Price> = now.iter().filter(|price| price.is_plain()).collect();
    let equal = plain.len() == target.len()
        && plain.iter().all(|price| target.get(price.currency_code.as_str()) == Some(&price.amount));
    if equal {
        return None;
    }
    let kept_row = |currency: &str| plain.iter().find(|price| price.currency_code == currency).map(|p| p.id.clone());
    let ours = target.iter().map(|(currency, amount)| price(kept_row(currency), currency, *amount));
    let theirs = now.iter().filter(|price| !price.is_plain()).map(|theirs| PriceWrite {
        id: Some(theirs.id.clone()),
        currency_code: theirs.currency_code.clone(),
        amount: theirs.amount,
        min_quantity: theirs.min_quantity.clone().filter(|value| !value.is_null()),
        max_quantity: theirs.max_quantity.clone().filter(|value| !value.is_null()),
        rules: theirs.rules.clone().filter(|rules| !rules.is_empty()),
    });
    Some(ours.chain(theirs).collect())
}

fn price(id: Option<String>, currency: &str, amount: Amount) -> PriceWrite {
    PriceWrite { id, currency_code: currency.to_owned(), amount, min_quantity: None, max_quantity: None, rules: None }
}
