//! Products into Pimcore: their categories first.

use std::collections::HashMap;

use catalog::{CategoryPath, Failure, ProductKey, Version};
use ledger::core::ours::Ours;
use ledger::{Applied, Table};
use pimcore::{Pimcore, Saved, Write, WriteOutcome};
use runtime::{Bus, Clock};

use super::prepare::applied;
use super::{Basis, Change, Claimed, Results, SyncBatch, Synced, ToSave};

impl<T: Table, B: Bus, C: Clock> SyncBatch<'_, T, B, C> {
    /// Places the categories, then writes. Gives back what has to be tried again with a fresh
    /// category tree.
    pub(super) async fn save(
        &self,
        pimcore: &Pimcore,
        work: Vec<ToSave>,
        fresh: bool,
        basis: &Basis,
        results: &mut Results,
    ) -> Vec<ToSave> {
        // The shop's own tree is as the rules say, and as new as they are.
        let ruled = Version::new(u64::try_from(basis.rules.since).unwrap_or(0), "0", 0);
        let placed = match pimcore.place_categories(&claims_of(&work, &ruled), fresh, basis.deadline).await {
            Ok(placed) => placed,
            Err(failure) => {
                results.extend(work.into_iter().map(|(item, _)| (item.key, Err(failure.clone()))));
                return Vec::new();
            }
        };
        let id_of = |source: &str, path: &CategoryPath| placed.id_of(source, path);
        let (items, failed) = in_categories(work, id_of);
        results.extend(failed.into_iter().map(|(key, failure)| (key, Err(failure))));
        let writes: Vec<Write> = items.iter().map(|(_, write)| write.clone()).collect();
        let mut items: HashMap<ProductKey, ToSave> =
            items.into_iter().map(|(item, write)| (item.key.clone(), (item, write))).collect();
        let made = writes.iter().filter(|write| write.existing.is_none());
        let made: Vec<ProductKey> = made.map(|write| write.key.clone()).collect();
        if let Err(error) = self.note_made(&made).await {
            results.extend(items.into_keys().map(|key| (key, Err(error.failure()))));
            return Vec::new();
        }
        let mut stale = Vec::new();
        for (key, outcome) in pimcore.write(writes, basis.deadline).await {
            let Some((item, write)) = items.remove(&key) else { continue };
            match outcome {
                WriteOutcome::Saved(saved) => drop(results.insert(key, Ok(written(&item, &write, &saved)))),
                WriteOutcome::StaleTree(_) if !fresh => stale.push((item, write)),
                WriteOutcome::StaleTree(failure) | WriteOutcome::Failed(failure) => {
                    drop(results.insert(key, Err(failure)))
                }
            }
        }
        stale
    }

    /// Before they are made: the census looks them up even if a person deletes them before it
    /// counts them.
    async fn note_made(&self, keys: &[ProductKey]) -> Result<(), ledger::LedgerError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.worker.ledger.note_made(keys, &self.worker.owner, self.worker.clock.now_ms()).await
    }
}

/// The categories that products name. `ruled`: the version of those that are the shop's own.
fn claims_of<'w>(work: &'w [ToSave], ruled: &'w Version) -> Vec<pimcore::Claim<'w>> {
    let of = |(item, _): &'w ToSave| {
        let (product, said) = (item.product(), &item.doc.version);
        let version = move |path| if want::of_shop(path) { ruled } else { said };
        let claim = move |path| pimcore::Claim { source: &product.source, version: version(path), path };
        product.categories.iter().map(claim)
    };
    work.iter().flat_map(of).collect()
}

/// Puts products into their categories; those of which one could not be had fail.
fn in_categories(
    work: Vec<ToSave>,
    id_of: impl Fn(&str, &CategoryPath) -> Result<Option<u32>, Failure>,
) -> (Vec<ToSave>, Vec<(ProductKey, Failure)>) {
    let (mut items, mut failed) = (Vec::new(), Vec::new());
    for (item, mut write) in work {
        let product = item.product();
        let ids: Result<Vec<Option<u32>>, Failure> =
            product.categories.iter().map(|path| id_of(&product.source, path)).collect();
        match ids {
            Ok(ids) => {
                write.input = write.input.in_categories(&ids.into_iter().flatten().collect::<Vec<u32>>());
                items.push((item, write));
            }
            Err(failure) => {
                let failure = Failure { message: format!("{}: {}", item.key, failure.message), ..failure };
                failed.push((item.key, failure));
            }
        }
    }
    (items, failed)
}

fn written(item: &Claimed, write: &Write, saved: &Saved) -> Synced {
    let change = if write.existing.is_none() { Change::Created } else { Change::Updated };
    let texts = write.input.texts_digest();
    let left = Ours::next(item.ours.as_ref(), saved.read, saved.modified, texts, saved.keeps_drafts);
    let applied = Applied { seen: Some(left.to_string()), ..applied(item, Some(saved.id)) };
    let told = item.told && change == Change::Updated;
    Synced { applied, change, ruled: item.ruled, content: item.content.clone(), told }
}

#[cfg(test)]
mod tests {
    use catalog::{Category, ContentHash, Localized, Product};
    use ledger::DesiredDoc;
    use ledger::core::held::Past;
    use pimcore::{ProductInput, Provenance};

    use super::*;

    fn category(id: &str) -> CategoryPath {
        CategoryPath(vec![Category { id: id.into(), name: Localized::default().with("en", id) }])
    }

    fn to_save(id: &str, categories: Vec<CategoryPath>) -> ToSave {
        let key = ProductKey::new("acme", id).unwrap();
        let product = Product { categories, ..Product::bare("acme", id) };
        let (hash, version) = (ContentHash::of(&product), Version::new(1, "0", 0));
        let provenance = Provenance {
            hash: hash.clone(),
            version: version.clone(),
            feed_run: "r".into(),
            imported_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let input = ProductInput::new(&product, &provenance, &[]).unwrap();
        let write =
            Write { key: key.clone(), existing: None, read: None, publish_new: false, texts_stand: false, input };
        let doc = DesiredDoc { product, version, hash, run: "r".into(), provenance: "p".into() };
        let item = Claimed {
            key,
            doc,
            head: None,
            had: None,
            ours: None,
            untouched: false,
            wish: None,
            ruled: false,
            past: Past::default(),
            content: None,
            told: false,
        };
        (item, write)
    }

    #[test]
    fn a_product_whose_category_cannot_be_had_fails_by_itself() {
        let work = vec![to_save("1", vec![category("a")]), to_save("2", vec![category("a"), category("gone")])];
        let id_of = |_: &str, path: &CategoryPath| match path.0[0].id.as_str() {
            "gone" => Err(Failure::permanent("category_refused", "no")),
            _ => Ok(Some(7)),
        };
        let (items, failed) = in_categories(work, id_of);
        assert_eq!(items.iter().map(|(item, _)| item.key.id()).collect::<Vec<_>>(), ["1"]);
        let failed: Vec<_> = failed.iter().map(|(key, failure)| (key.id(), failure.message.as_str())).collect();
        assert_eq!(failed, [("2", "acme:2: no")]);
    }

    #[test]
    fn the_shops_categories_are_as_new_as_the_rules_and_others_as_their_document() {
        let work = [to_save("1", vec![category("a"), category("shop:b")])];
        let ruled = Version::new(9, "0", 0);
        let claims = claims_of(&work, &ruled);
        let told: Vec<_> = claims.iter().map(|claim| (claim.path.0[0].id.as_str(), claim.version)).collect();
        assert_eq!(told, [("a", &Version::new(1, "0", 0)), ("shop:b", &ruled)]);
    }
}
