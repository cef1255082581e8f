//! Categories that were saved, made or deleted without any of their products.
//!
//! What each category was like when it was looked at last is kept as two short digests: of what the
//! shop shows of it (name, parent, hidden), and of what decides which products are in it
//! (published, shop handle). A category that looks different is brought to the shop by some
//! products of it ([`Want::categories`]): the shop's category is changed once, not once for each
//! product. Where products may have come or gone, which is so for a deleted category too, every
//! product is compared with what the shop was fed from ([`Want::products`]).
//!
//! And one that was never seen? If it is as it was made, whoever made it knew what it is like; if
//! it was saved since, it counts as edited.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use catalog::Failure;
use ledger::Table;
use pimcore::{CategoryTree, Census, Cursor, TreeNode};
use runtime::{Bus, Clock};
use serde::{Deserialize, Serialize};

use crate::changes::OVERLAP_S;
use crate::inventory::{Comparison, Want};

/// Name of the watermarks: one for each remainder of the object id, so that each is far from the
/// largest item that the ledger takes.
const WATERMARK: &str = "pimcore-categories";
/// Number of watermarks.
const PARTS: u32 = 4;
/// Pimcore saves a new object twice.
const MAKING_S: i64 = 2;

/// Of which save the categories were looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checked {
    count: u64,
    modified: i64,
    id: u32,
    /// No push can know anything older.
    settled: bool,
}

/// What is kept of a category: how it looks, and what decides about its products.
type Digests = (String, String);

/// What happened to categories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Edits {
    want: Want,
    categories: usize,
}

/// Compares. `before` is what was known of each, `now_ones` what each is like.
fn compare(before: &BTreeMap<u32, Digests>, now_ones: &BTreeMap<u32, Digests>, tree: &CategoryTree) -> Edits {
    let mut edited = BTreeSet::new();
    let mut products = before.keys().any(|id| !now_ones.contains_key(id));
    let deleted = before.keys().filter(|id| !now_ones.contains_key(id)).count();
    for (id, now_one) in now_ones {
        let saved_since = || tree.get(*id).is_some_and(|node| node.modified > node.created + MAKING_S);
        match before.get(id) {
            Some(before) => {
                products |= before.1 != now_one.1;
                if before != now_one {
                    edited.insert(*id);
                }
            }
            None if saved_since() => {
                let plain = tree.get(*id).is_some_and(|node| node.published && node.shop_handle.is_none());
                products |= !plain;
                edited.insert(*id);
            }
            None => {}
        }
    }
    let categories = edited.len() + deleted;
    Edits { want: Want { categories: edited, products, ..Want::default() }.and(Want::default()), categories }
}

fn digests(node: &TreeNode, tree: &CategoryTree) -> Digests {
    let short = |said: &serde_json::Value| {
        // FNV-1a: eight digits tell the states of one category apart.
        let hash = said
            .to_string()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
    };
    let shown = tree.path_of(node.id).iter().all(|node| node.published && !node.hidden);
    let last = node.path.as_str().rsplit('/').next().unwrap_or_default();
    let look = serde_json::json!([node.name.0, last, node.parent, shown]);
    let members = serde_json::json!([node.published, node.shop_handle, node.external_id]);
    (short(&look), short(&members))
}

impl<T: Table, B: Bus, C: Clock> Comparison<'_, T, B, C> {
    /// Asks for what edited categories call for. With how many there were.
    pub(crate) async fn follow_categories(&self, census: &Census, checked: &mut Checked) -> Result<usize, Failure> {
        let Cursor { modified, id } = census.saved;
        let same = (checked.count, checked.modified, checked.id) == (census.categories, modified, id);
        if same && checked.settled {
            return Ok(0);
        }
        let now_s = self.clock.now_ms() / 1000;
        let tree = self.pimcore.category_tree(Duration::ZERO, self.ends()).await?;
        // Until then a push may bring a tree to the shop that it read before the save: it is looked
        // at again.
        let fresh = i64::try_from(pimcore::FRESH.as_secs()).unwrap_or(i64::MAX) + OVERLAP_S;
        let (mut edits, mut parts) = (Edits::default(), Vec::new());
        for part in 0..PARTS {
            let name = format!("{WATERMARK}-{part}");
            let text = self.ledger.watermark(&name).await.map_err(|error| error.failure())?;
            let before: BTreeMap<u32, Digests> =
                text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            let here = tree.iter().filter(|node| node.id % PARTS == part);
            let now_ones: BTreeMap<u32, Digests> = here.map(|node| (node.id, digests(node, &tree))).collect();
            let found = compare(&before, &now_ones, &tree);
            edits.categories += found.categories;
            edits.want = edits.want.and(found.want);
            let kept = now_ones.into_iter().filter_map(|(id, digests)| {
                let young = tree.get(id).is_some_and(|node| node.modified + fresh > now_s);
                match before.get(&id) {
                    // What it was like before stays: its edit is found once more.
                    Some(known) if young => Some((id, known.clone())),
                    // An edit of one that was never seen is found once more, too.
                    None if young && tree.get(id).is_some_and(|node| node.modified > node.created + MAKING_S) => None,
                    _ => Some((id, digests)),
                }
            });
            let kept: BTreeMap<u32, Digests> = kept.collect();
            if kept != before {
                parts.push((name, text, kept));
            }
        }
        if edits.categories > 0 {
            tracing::info!(categories = edits.categories, want = ?edits.want, "categories were edited");
            self.ask(edits.want).await?;
        }
        for (name, text, kept) in parts {
            let written = serde_json::to_string(&kept)
                .map_err(|error| Failure::permanent(crate::codes::WATERMARK, error.to_string()))?;
            self.ledger.move_watermark(&name, text.as_deref(), &written).await.map_err(|error| error.failure())?;
        }
        let settled = modified + fresh <= now_s;
        *checked = Checked { count: census.categories, modified, id, settled };
        Ok(edits.categories)
    }
}
