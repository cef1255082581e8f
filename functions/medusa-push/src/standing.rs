//! Members whose article is known to show them as they are: they cost what an unchanged product
//! costs, and need nobody who is at work on the article ([`ledger::core::article::standing`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use catalog::{Failure, ProductKey};
use ledger::core::article::{self, Shows, Standing};
use ledger::{Applied, ProductState, Table};
use medusa::{Again, Change, Depth, Look, Presence, Pushed, References};
use pimcore::{CategoryTree, PimProduct};
use runtime::{Bus, Clock};
use worker::Worker;
use worker::access::medusa::OpenShop;

use crate::article::Composed;
use crate::grouped::{Tasks, home};
use crate::map;
use crate::push::{self, InShop, known};

/// Counted up when members are put together in another way, so that every article is looked at
/// again.
const COMPOSED: &str = "1";

/// What follows from a member for its article, as a digest: what it is in the PIM, and what the shop
/// would show of it by itself.
pub(crate) fn mark(
    product: &PimProduct,
    tree: &CategoryTree,
    categories: &HashMap<ProductKey, String>,
    references: &References,
) -> String {
    let alone = map::desired(&product.key, Some(product), categories, references);
    let said = format!("{COMPOSED}\n{}\n{}", product.digest(tree), alone.marker(references));
    blake3::hash(said.as_bytes()).to_hex()[..16].to_owned()
}

/// What is to be noted of an article that shows all that can be read of it.
pub(crate) fn shows(
    composed: &Composed,
    members: &[&PimProduct],
    (tree, categories, references): (&CategoryTree, &HashMap<ProductKey, String>, &References),
) -> Option<Shows> {
    let Presence::Offered(article) = &composed.presence else { return None };
    if !article.stays.is_empty() {
        return None;
    }
    let as_wanted = members.iter().filter(|product| !composed.fates.contains_key(&product.key));
    let mark = |product: &&PimProduct| (product.key.id().to_owned(), mark(product, tree, categories, references));
    Some(Shows { face: article.face(), marks: as_wanted.map(mark).collect() })
}

/// Members of which nothing but the PIM's and the article's content decides, by article: in one
/// only, in no doubt, and so is everybody at work who has to do with that article.
fn candidates<'p>(
    tasks: &Tasks<'_>,
    products: &'p BTreeMap<ProductKey, PimProduct>,
    references: &References,
    now: i64,
) -> BTreeMap<ProductKey, Vec<&'p PimProduct>> {
    let mut candidates: BTreeMap<ProductKey, Vec<&PimProduct>> = BTreeMap::new();
    let mut touched: BTreeSet<ProductKey> = BTreeSet::new();
    for (key, (state, depth)) in tasks {
        let product = products.get(key);
        let home = home(key, product, state, references);
        match product {
            Some(product) if home.is_article() && is_plain(state, *depth, &home, now) => {
                candidates.entry(home).or_default().push(product);
            }
            _ => touched.extend(state.homes.iter().cloned().chain([home])),
        }
    }
    candidates.retain(|article, _| !touched.contains(article));
    candidates
}

fn is_plain(state: &ProductState, depth: Depth, home: &ProductKey, now: i64) -> bool {
    let known = known(state, now);
    let closely = depth == Depth::Full || known.closely || known.released || known.moves;
    !closely && article::is_settled(state, std::slice::from_ref(home))
}

/// Whether an article shows all of these as they are.
fn shows_all(
    standing: &Standing,
    members: &[&PimProduct],
    of: (&CategoryTree, &HashMap<ProductKey, String>, &References),
) -> bool {
    let (tree, categories, references) = of;
    members.iter().all(|product| {
        let noted = standing.shows.marks.get(product.key.id());
        noted.is_some_and(|noted| *noted == mark(product, tree, categories, references))
    })
}

/// Members that need nothing, by what the ledger and one light read of the shop tell. All others
/// take the ordinary way.
pub(crate) async fn find<T: Table, B: Bus, C: Clock + Sync>(
    worker: &Worker<'_, T, B, C>,
    open: &OpenShop,
    tasks: &Tasks<'_>,
    products: &BTreeMap<ProductKey, PimProduct>,
    read_tree: impl AsyncFn(&BTreeMap<ProductKey, PimProduct>) -> Result<Arc<CategoryTree>, Failure>,
) -> Result<BTreeMap<ProductKey, InShop>, Failure> {
    let references = &open.shop.references;
    let mut candidates = candidates(tasks, products, references, worker.clock.now_ms());
    if candidates.is_empty() {
        return Ok(BTreeMap::new());
    }
    let articles: Vec<ProductKey> = candidates.keys().cloned().collect();
    let standing = worker.ledger.standing(&articles).await.map_err(|error| error.failure())?;
    candidates.retain(|article, _| standing.contains_key(article));
    if candidates.is_empty() {
        return Ok(BTreeMap::new());
    }
    let tree = read_tree(products).await?;
    let ends = worker.ends();
    let wanted = map::categories(candidates.values().flatten().copied(), &tree, references);
    let categories = open.categories.ensure(&wanted, &open.shop.medusa, references, ends).await?;
    candidates.retain(|article, members| shows_all(&standing[article], members, (&tree, &categories, references)));
    let there = open.shop.as_pushed(&looks(candidates.keys(), &standing), ends).await?;
    let mut stand = BTreeMap::new();
    for (article, members) in candidates.into_iter().filter(|(article, _)| there.contains(article)) {
        let held = |product: &&PimProduct| {
            (product.key.clone(), unchanged(product, tasks[&product.key].0, &article, &standing[&article], &tree))
        };
        stand.extend(members.iter().map(held));
    }
    Ok(stand)
}

fn looks<'s>(
    articles: impl Iterator<Item = &'s ProductKey>,
    standing: &'s HashMap<ProductKey, Standing>,
) -> Vec<Look<'s>> {
    let look = |key: &'s ProductKey| {
        let Standing { id, marker, shows } = &standing[key];
        Look { key, id, marker, face: &shows.face }
    };
    articles.map(look).collect()
}

fn unchanged(
    product: &PimProduct,
    state: &ProductState,
    article: &ProductKey,
    standing: &Standing,
    tree: &CategoryTree,
) -> InShop {
    let pushed = Pushed {
        product_id: Some(standing.id.clone()),
        change: Change::Unchanged,
        again: Again::AsKnown,
        notes: Vec::new(),
        waits: BTreeMap::new(),
    };
    let applied = push::applied(Some(product), state, standing.marker.clone(), pushed);
    InShop {
        applied: Applied { seen: Some(product.digest(tree)), ..applied },
        change: Change::Unchanged,
        aside: Vec::new(),
        again: Again::AsKnown,
        in_pim: true,
        places: Some(vec![article.clone()]),
    }
}
