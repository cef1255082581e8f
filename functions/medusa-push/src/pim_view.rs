//! What the PIM shows of the products of a batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{Failure, ProductKey};
use pimcore::{CategoryTree, PimProduct, Pimcore};

/// What the PIM showed.
#[derive(Default)]
pub(crate) struct PimView {
    pub(crate) products: BTreeMap<ProductKey, PimProduct>,
    pub(crate) tree: Arc<CategoryTree>,
}

impl PimView {
    /// Reads what the PIM shows of these. Those that cannot be read, with the reason.
    pub(crate) async fn read(
        &mut self,
        pimcore: &Pimcore,
        keys: impl Iterator<Item = &ProductKey>,
        ends: Instant,
    ) -> Result<BTreeMap<ProductKey, Failure>, Failure> {
        let keys: Vec<ProductKey> = keys.cloned().collect();
        let mut unreadable = BTreeMap::new();
        for (key, product) in pimcore.read_products(&keys, ends).await? {
            match product {
                Ok(product) => drop(self.products.insert(key, product)),
                Err(failure) => drop(unreadable.insert(key, failure)),
            }
        }
        if self.products.len() + unreadable.len() < keys.len() {
            // The shop takes what the PIM lacks off sale: only if its listings are not empty because
            // the folder cannot be seen.
            pimcore.health(ends).await?;
        }
        Ok(unreadable)
    }
}

/// The tree, of this age at most, and read again if a product is in a category that it does not
/// know.
pub(crate) async fn tree_for(
    pimcore: &Pimcore,
    products: &BTreeMap<ProductKey, PimProduct>,
    age: Duration,
    ends: Instant,
) -> Result<Arc<CategoryTree>, Failure> {
    let mut categories = products.values().flat_map(PimProduct::all_categories).map(|category| category.id).peekable();
    if categories.peek().is_none() {
        return Ok(Arc::default());
    }
    let tree = pimcore.category_tree(age, ends).await?;
    if categories.all(|id| tree.get(id).is_some()) {
        Ok(tree)
    } else {
        pimcore.category_tree(Duration::ZERO, ends).await
    }
}
