//! What a batch orders of the shop, and what became of each product: of those that are by
//! themselves, of articles, and of what is left behind when a product moves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use catalog::{ContentHash, Failure, Fate as RequestFate, ProductKey, Version};
use ledger::core::article::Shows;
use ledger::core::missing;
use ledger::{Applied, Aside, ProductState};
use medusa::{Change, Depth, Desired, Known, Presence, Pushed, References, own_sku};
use pimcore::PimProduct;

use crate::article::Fate;
use crate::grouped::{Brought, Grouped, NoRoom, Tasks};
use crate::pim_view::PimView;
use crate::push::{self, InShop, Placed};
use crate::{codes, map, standing};

const REMARKS: &str = "relay_remarks";

/// One product of the shop.
pub(crate) struct Order {
    pub(crate) desired: Desired,
    marker: String,
    pub(crate) depth: Depth,
    pub(crate) known: Known,
}

/// All that a batch orders.
pub(crate) struct Orders {
    pub(crate) all: Vec<Order>,
    /// What becomes of members, by article.
    fates: BTreeMap<ProductKey, BTreeMap<ProductKey, Fate>>,
    /// What articles show of whom.
    shows: BTreeMap<ProductKey, Shows>,
}

impl Orders {
    pub(crate) fn of(
        (tasks, grouped): (&Tasks<'_>, &Grouped),
        view: &PimView,
        categories: &HashMap<ProductKey, String>,
        references: &References,
        now: i64,
    ) -> Self {
        let products = &view.products;
        let mut orders = Self { all: Vec::new(), fates: BTreeMap::new(), shows: BTreeMap::new() };
        let mut articles = BTreeSet::new();
        for key in grouped.held.keys().filter(|article| grouped.at_work(article).any(|key| tasks.contains_key(key))) {
            articles.insert(key.clone());
        }
        for article in articles {
            let composed = grouped.compose(&article, products, categories, references);
            let shows =
                standing::shows(&composed, &grouped.readable(&article, products), (&view.tree, categories, references));
            orders.shows.extend(shows.map(|shows| (article.clone(), shows)));
            let (known, depth) = grouped.known(&article, tasks, now);
            let desired = Desired { key: article.clone(), presence: composed.presence };
            let marker = desired.marker(references);
            let differs = grouped.view(&article) != Some(marker.as_str());
            let known = Known { vanished: composed.vanished, differs, ..known };
            orders.all.push(Order { desired, marker, depth, known });
            orders.fates.insert(article, composed.fates);
        }
        for (key, (state, depth)) in tasks {
            let product = products.get(key);
            let as_ever = || map::desired(key, product, categories, references);
            let order = match (grouped.places.get(key), grouped.left.get(key)) {
                (None, _) => Some(alone(as_ever(), (state, *depth), product, references, now)),
                (Some(places), _) if places.contains(key) => {
                    let remark = orders.remark(places, key);
                    Some(moved(remarked(as_ever(), remark), *depth, None, references))
                }
                (Some(places), Some(left)) if left.contains(key) => {
                    let withheld = Desired { key: key.clone(), presence: Presence::Withheld };
                    Some(moved(withheld, *depth, places.first(), references))
                }
                _ => None,
            };
            orders.all.extend(order);
        }
        orders
    }

    fn remark(&self, places: &[ProductKey], key: &ProductKey) -> Option<&str> {
        let fate = places.iter().find_map(|place| self.fates.get(place)?.get(key))?;
        match fate {
            Fate::Apart(why) => Some(why),
            Fate::Waits(_) => None,
        }
    }

    /// Says what waits after all, by article and member.
    pub(crate) fn wait(&mut self, no_room: NoRoom) {
        for (article, members) in no_room {
            let fates = self.fates.entry(article).or_default();
            fates.extend(members.into_iter().map(|(member, why)| (member, Fate::Waits(why))));
        }
    }

    /// What became of each product, and of each article.
    pub(crate) fn placed(
        &self,
        mut pushed: BTreeMap<ProductKey, Result<Pushed, Failure>>,
        (tasks, grouped): (&Tasks<'_>, &Grouped),
        view: &PimView,
    ) -> Placed {
        let outcomes: BTreeMap<&ProductKey, (&Order, Result<Pushed, Failure>)> = self
            .all
            .iter()
            .filter_map(|order| Some((&order.desired.key, (order, pushed.remove(&order.desired.key)?))))
            .collect();
        let mut placed = Placed::default();
        for key in tasks.keys() {
            let places = grouped.places.get(key);
            let own = [key.clone()];
            let all =
                places.map_or(own.as_slice(), Vec::as_slice).iter().chain(grouped.left.get(key).into_iter().flatten());
            let result = self.result(key, all, &outcomes, tasks[key].0, view);
            let result = result.map(|held| InShop { places: places.cloned(), ..held });
            placed.results.insert(key.clone(), result);
        }
        for (article, (order, outcome)) in outcomes.iter().filter(|(key, _)| key.is_article()) {
            let brought = outcome.as_ref().map_err(Clone::clone).map(|pushed| {
                let asides = push::asides(article, &pushed.notes);
                let applied = Applied {
                    hash: ContentHash::from_text("-"),
                    version: Version::from_text("-"),
                    remote_id: pushed.product_id.clone(),
                    view: Some(order.marker.clone()),
                    seen: None,
                    at: 0,
                };
                let fate = |key: &ProductKey| {
                    let fate = self.fate((article, key), (pushed, &asides), view.products.get(key));
                    (key.clone(), fate)
                };
                let fates = grouped.held[*article].members.iter().map(|member| fate(&member.key)).collect();
                let shows = self.shows.get(*article).filter(|_| pushed.waits.is_empty()).cloned();
                Brought { applied, asides, shows, fates }
            });
            placed.articles.insert((*article).clone(), brought);
        }
        placed
    }

    /// What became of a product, of all places where it is or was shown; the first is where it
    /// belongs.
    fn result<'p>(
        &self,
        key: &ProductKey,
        places: impl Iterator<Item = &'p ProductKey>,
        outcomes: &BTreeMap<&ProductKey, (&Order, Result<Pushed, Failure>)>,
        state: &ProductState,
        view: &PimView,
    ) -> Result<InShop, Failure> {
        let product = view.products.get(key);
        let mut held: Option<InShop> = None;
        for place in places {
            let Some((order, outcome)) = outcomes.get(place) else { continue };
            let pushed = outcome.clone().map_err(|failure| about(key, place, failure))?;
            if let Some(Fate::Waits(failure)) = self.fates.get(place).and_then(|fates| fates.get(key)) {
                // The shop has answered.
                return Err(failure.clone().request(RequestFate::Answered));
            }
            if let Some(failure) = waiting(&pushed.waits, product) {
                return Err(about(key, place, failure));
            }
            let changed = !matches!(pushed.change, Change::Unchanged | Change::Absent);
            match &mut held {
                Some(held) if changed => held.change = Change::Updated,
                Some(_) => {}
                None => {
                    let asides = push::asides(place, &pushed.notes);
                    let aside = if place == key { asides } else { asides_of(asides, product) };
                    let seen = product.map_or_else(|| missing::SEEN.to_owned(), |product| product.digest(&view.tree));
                    let marker = order.marker.clone();
                    held = Some(InShop {
                        change: pushed.change,
                        aside,
                        again: pushed.again,
                        in_pim: product.is_some(),
                        applied: Applied { seen: Some(seen), ..push::applied(product, state, marker, pushed) },
                        places: None,
                    });
                }
            }
        }
        held.ok_or_else(|| Failure::transient(codes::NOT_CLAIMED, format!("{key}: nothing was ordered of the shop")))
    }

    /// What became of a member, in a word; `None` where it is shown as wanted.
    fn fate(
        &self,
        (article, key): (&ProductKey, &ProductKey),
        (pushed, asides): (&Pushed, &[Aside]),
        product: Option<&PimProduct>,
    ) -> Option<String> {
        let fate = self.fates.get(article).and_then(|fates| fates.get(key)).map(|fate| fate.word().to_owned());
        let fate = fate.or_else(|| waiting(&pushed.waits, product).map(|failure| failure.code));
        let own = asides_of(asides.to_vec(), product);
        let asides = own.iter().map(|aside| format!("{} {}", aside.what, aside.sku.as_deref().unwrap_or_default()));
        let words: Vec<String> = fate.into_iter().chain(asides).map(|word| word.trim().to_owned()).collect();
        (!words.is_empty()).then(|| words.join("\n"))
    }
}

/// What is set aside of an article that concerns one of its members.
fn asides_of(asides: Vec<Aside>, product: Option<&PimProduct>) -> Vec<Aside> {
    let own = |aside: Aside| {
        let Some(sku) = &aside.sku else { return Some(aside) };
        let said = own_said(product?, sku)?.to_owned();
        Some(Aside { sku: Some(said), ..aside })
    };
    asides.into_iter().filter_map(own).collect()
}

/// Why something of a member has to wait, by what waits of its article.
fn waiting(waits: &BTreeMap<String, Failure>, product: Option<&PimProduct>) -> Option<Failure> {
    let product = product?;
    let own = waits.iter().filter(|(sku, _)| own_said(product, sku).is_some()).map(|(_, failure)| failure.clone());
    own.reduce(|mut all, other| {
        all.message = format!("{}; {}", all.message, other.message);
        all
    })
}

/// A SKU of the shop as this product's variant has it in the PIM, if it is one of its own.
fn own_said<'s>(product: &PimProduct, sku: &'s str) -> Option<&'s str> {
    let said = own_sku::said(&product.key, sku);
    product.variants.iter().any(|variant| variant.sku == said).then_some(said)
}

fn about(key: &ProductKey, place: &ProductKey, mut failure: Failure) -> Failure {
    if key != place {
        failure.message = format!("{key}: {}", failure.message);
    }
    failure
}

/// A product that is by itself, as ever.
fn alone(
    desired: Desired,
    (state, depth): (&ProductState, Depth),
    product: Option<&PimProduct>,
    references: &References,
    now: i64,
) -> Order {
    let shows = state.medusa.applied.as_ref().and_then(|applied| applied.view.as_deref());
    // What people unpublished or hid in the PIM is there all the same.
    let vanished = product.is_none_or(|product| product.withdrawn && !product.offered());
    let marker = desired.marker(references);
    let differs = shows != Some(marker.as_str());
    let known = Known { vanished, differs, ..push::known(state, now) };
    Order { desired, marker, depth, known }
}

/// A product that is, or was, a member: what the ledger knows of it in the shop is the article's.
/// So it is looked up by its external id.
fn moved(desired: Desired, depth: Depth, to: Option<&ProductKey>, references: &References) -> Order {
    let known = Known { moved_to: to.map(ToString::to_string), ..Known::default() };
    let marker = desired.marker(references);
    Order { desired, marker, depth, known }
}

fn remarked(mut desired: Desired, remark: Option<&str>) -> Desired {
    if let (Presence::Offered(article), Some(remark)) = (&mut desired.presence, remark) {
        let remarks = article.metadata.entry(REMARKS.to_owned()).or_insert_with(|| serde_json::json!([]));
        if let Some(remarks) = remarks.as_array_mut() {
            remarks.push(remark.into());
        }
    }
    desired
}
