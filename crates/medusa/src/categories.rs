//! The category tree in the shop.
//!
//! Categories are found by external id; their handle, which is unique, guards against two creators.
//!
//! Two moves damage Medusa's tree for good, and are not made: below itself (it accepts the ring)
//! and to the root (it empties the category's path, and everything in the shop counts as its
//! descendant from then on). Such a category stays where it is, and the log says so.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use catalog::{Failure, ProductKey};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::api::model::{Translation, TranslationCreate, TranslationUpdate, TranslationsBatch};
use crate::api::{ApiError, Medusa, Refusal, split_query};
use crate::handle::{handle, second_handle};
use crate::references::References;
use crate::{codes, said};

/// One category as the shop should have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// `source:id`.
    pub key: ProductKey,
    /// Base name.
    pub name: String,
    /// Names in other languages, by locale.
    pub translations: BTreeMap<String, String>,
    /// The handle that people chose, if any. A category of the shop that has it already takes this
    /// one's part, and stays as it is.
    pub handle: Option<String>,
    /// The parent's key, or none at the root.
    pub parent: Option<ProductKey>,
    /// Whether the shop shows it.
    pub shown: bool,
}

/// What has been ensured already, so that it costs nothing again while this process lives.
#[derive(Default)]
pub struct Categories {
    known: Mutex<HashMap<ProductKey, (Category, String)>>,
}

impl Categories {
    /// Makes sure that the shop has these categories as described, and gives Medusa's id of each.
    /// Parents must come before their children; a parent that is not in the list must have been
    /// ensured before.
    pub async fn ensure(
        &self,
        wanted: &[Category],
        medusa: &Medusa,
        references: &References,
        deadline: Instant,
    ) -> Result<HashMap<ProductKey, String>, Failure> {
        // Held throughout: two batches of one process do not create one category twice.
        let mut known = self.known.lock().await;
        let stale: Vec<&Category> = wanted
            .iter()
            .filter(|category| known.get(&category.key).is_none_or(|(seen, _)| seen != *category))
            .collect();
        if !stale.is_empty() {
            let ids: Vec<String> = stale.iter().map(|category| category.key.to_string()).collect();
            let found = read("external_id[]", &ids, medusa, references, deadline).await?;
            let mut there: HashMap<String, Row> = HashMap::new();
            for row in found {
                if let Some(id) = row.external_id.clone() {
                    there.entry(id).or_insert(row);
                }
            }
            let chosen: Vec<String> = stale.iter().filter_map(|category| category.handle.clone()).collect();
            let mut theirs: HashMap<String, Row> = read("handle[]", &chosen, medusa, references, deadline)
                .await?
                .into_iter()
                .map(|row| (row.handle.clone(), row))
                .collect();
            for category in stale {
                let parent = parent_id(category, &known)?;
                let own = category.key.to_string();
                let adopted =
                    category.handle.as_ref().and_then(|handle| theirs.get(handle)).and_then(|row| row.adopted(&own));
                let id = match adopted {
                    Some(id) => id,
                    None => {
                        let made = one(medusa, references, category, parent, there.remove(&own), deadline).await;
                        let row = made.map_err(|error| {
                            // A category that cannot be written holds up its products, whichever
                            // they are: they wait.
                            let mut failure = error.about(&format!("category {}", category.key));
                            failure.kind = catalog::ErrorKind::Transient;
                            failure
                        })?;
                        let id = row.id.clone();
                        if let Some(handle) = &category.handle {
                            theirs.insert(handle.clone(), row);
                        }
                        id
                    }
                };
                known.insert(category.key.clone(), (category.clone(), id));
            }
        }
        let ids = wanted.iter().filter_map(|c| Some((c.key.clone(), known.get(&c.key)?.1.clone())));
        Ok(ids.collect())
    }

    /// Forgets everything, so that the next batch looks at the shop again.
    pub async fn forget(&self) {
        self.known.lock().await.clear();
    }
}

/// Medusa's id of a category's parent.
fn parent_id(category: &Category, known: &HashMap<ProductKey, (Category, String)>) -> Result<Option<String>, Failure> {
    let Some(parent) = &category.parent else { return Ok(None) };
    let id = known.get(parent).map(|(_, id)| id.clone());
    let unknown = || format!("category {}: its parent is unknown: {parent}", category.key);
    id.map(Some).ok_or_else(|| said::transient(codes::NO_PARENT, unknown()))
}

async fn read(
    filter: &str,
    values: &[String],
    medusa: &Medusa,
    references: &References,
    deadline: Instant,
) -> Result<Vec<Row>, ApiError> {
    let texts: Vec<&str> = values.iter().map(String::as_str).collect();
    let mut fields = FIELDS.to_owned();
    if references.translations {
        fields.push_str(",translations.id,translations.locale_code,translations.translations");
    }
    let mut rows = Vec::new();
    for chunk in split_query(filter, &texts) {
        let limit = (2 * chunk.len()).to_string();
        let mut query: Vec<(&str, &str)> = chunk.into_iter().map(|value| (filter, value)).collect();
        query.extend([("fields", fields.as_str()), ("limit", limit.as_str()), ("order", "id")]);
        let page: Rows = medusa.get("/admin/product-categories", &query, deadline).await?;
        rows.extend(page.product_categories);
    }
    Ok(rows)
}

const FIELDS: &str = "id,name,handle,is_active,external_id,parent_category_id";

async fn one(
    medusa: &Medusa,
    references: &References,
    wanted: &Category,
    parent: Option<String>,
    there: Option<Row>,
    deadline: Instant,
) -> Result<Row, ApiError> {
    let row = match there {
        Some(row) => {
            let parent = allowed_parent(medusa, wanted, parent, &row, deadline).await?;
            if let Some(change) = difference(wanted, parent, &row) {
                let path = format!("/admin/product-categories/{}", row.id);
                let _: IgnoredAny = medusa.post(&path, &[("fields", "id")], &change, deadline).await?;
            }
            row
        }
        None => create(medusa, wanted, parent, deadline).await?,
    };
    if references.translations {
        let batch = translations(wanted, &row, references);
        if batch != TranslationsBatch::default() {
            let written: Result<IgnoredAny, _> = medusa.post("/admin/translations/batch", &[], &batch, deadline).await;
            match written {
                // Another process has just made the same category.
                Err(error) if error.refusal() == Some(&Refusal::TranslationExists) => {}
                other => drop(other?),
            }
        }
    }
    Ok(row)
}

/// The wanted parent, or the present one where the move would damage the tree.
async fn allowed_parent(
    medusa: &Medusa,
    wanted: &Category,
    parent: Option<String>,
    row: &Row,
    deadline: Instant,
) -> Result<Option<String>, ApiError> {
    if row.parent_category_id == parent {
        return Ok(parent);
    }
    let mut above = parent.clone();
    let refuse = |why: &str| {
        tracing::warn!(category = %wanted.key, id = row.id, "{why}; it stays where it is in the shop");
        Ok(row.parent_category_id.clone())
    };
    if above.is_none() {
        return refuse("Medusa cannot move a category to the root without damaging its tree");
    }
    while let Some(id) = above {
        if id == row.id {
            return refuse("the category would become its own ancestor");
        }
        let path = format!("/admin/product-categories/{id}");
        let next: OneRow = medusa.get(&path, &[("fields", "id,parent_category_id")], deadline).await?;
        above = next.product_category.parent_category_id;
    }
    Ok(parent)
}

/// Tries the handle that people chose, then ours, then ours with a suffix; a taken handle can also
/// mean that another writer was faster with this very category.
async fn create(
    medusa: &Medusa,
    wanted: &Category,
    parent: Option<String>,
    deadline: Instant,
) -> Result<Row, ApiError> {
    let mut last = None;
    for handle in candidates(wanted) {
        let body = Write {
            name: Some(&wanted.name),
            handle: Some(&handle),
            external_id: Some(wanted.key.to_string()),
            is_active: Some(wanted.shown),
            parent_category_id: parent.clone(),
        };
        let answer: Result<OneRow, ApiError> =
            medusa.post("/admin/product-categories", &[("fields", FIELDS)], &body, deadline).await;
        match answer {
            Ok(reply) => return Ok(reply.product_category),
            Err(error) if matches!(error.refusal(), Some(Refusal::CategoryHandleTaken(_))) => {
                let query = [("handle[]", handle.as_str()), ("fields", FIELDS)];
                let holder: Rows = medusa.get("/admin/product-categories", &query, deadline).await?;
                let own = wanted.key.to_string();
                if let Some(row) =
                    holder.product_categories.into_iter().find(|row| row.external_id.as_deref() == Some(own.as_str()))
                {
                    return Ok(row);
                }
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| ApiError::Unexpected {
        call: "POST /admin/product-categories".to_owned(),
        reason: "no handle to try".to_owned(),
    }))
}

fn candidates(wanted: &Category) -> impl Iterator<Item = String> {
    let chosen = wanted.handle.iter().cloned();
    chosen.chain([handle(&wanted.key), second_handle(&wanted.key)])
}

fn difference<'a>(wanted: &'a Category, parent: Option<String>, row: &Row) -> Option<Write<'a>> {
    let mut change = Write::default();
    if row.name != wanted.name {
        change.name = Some(&wanted.name);
    }
    if row.is_active != wanted.shown {
        change.is_active = Some(wanted.shown);
    }
    if row.parent_category_id != parent {
        change.parent_category_id = parent;
    }
    // Only a handle that people chose is enforced; whatever else it has grown into is fine.
    if let Some(chosen) = &wanted.handle
        && row.handle != *chosen
    {
        change.handle = Some(chosen);
    }
    (change != Write::default()).then_some(change)
}

fn translations(wanted: &Category, row: &Row, references: &References) -> TranslationsBatch {
    let mut batch = TranslationsBatch::default();
    for locale in &references.locales {
        let name = wanted.translations.get(locale).cloned().unwrap_or_default();
        let there = row.translations.iter().find(|translation| translation.locale_code == *locale);
        let now = there.and_then(|row| row.translations.get("name")).and_then(Option::as_deref).unwrap_or_default();
        if now == name {
            continue;
        }
        let translations = BTreeMap::from([("name", name)]);
        match there {
            Some(row) => batch.update.push(TranslationUpdate { id: row.id.clone(), translations }),
            None => batch.create.push(TranslationCreate {
                reference: "product_category",
                reference_id: row.id.clone(),
                locale_code: locale.clone(),
                translations,
            }),
        }
    }
    batch
}

/// A category to create, or what changes on one.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Write<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    /// Medusa's own default is false: a category that nobody sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_category_id: Option<String>,
}

#[derive(Deserialize)]
struct Rows {
    product_categories: Vec<Row>,
}

#[derive(Deserialize)]
struct OneRow {
    product_category: Row,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    id: String,
    name: String,
    handle: String,
    is_active: bool,
    external_id: Option<String>,
    parent_category_id: Option<String>,
    translations: Vec<Translation>,
}

impl Row {
    /// Its id, if it is not `own` but somebody else's category.
    fn adopted(&self, own: &str) -> Option<String> {
        (self.external_id.as_deref() != Some(own)).then(|| self.id.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{key, references};

    fn category() -> Category {
        Category {
            key: key("demo:shoes"),
            name: "Shoes".into(),
            translations: [("ar-SA".to_owned(), "أحذية".to_owned())].into(),
            handle: None,
            parent: None,
            shown: true,
        }
    }

    fn row() -> Row {
        Row { id: "pcat_1".into(), name: "Shoes".into(), handle: "whatever".into(), is_active: true, ..Row::default() }
    }

    #[test]
    fn an_equal_category_needs_no_call_and_each_difference_exactly_its_field() {
        let plain = category();
        assert!(difference(&plain, None, &row()).is_none());
        let moved = difference(&plain, Some("pcat_2".into()), &row()).unwrap();
        assert_eq!(serde_json::to_string(&moved).unwrap(), r#"{"parent_category_id":"pcat_2"}"#);
        let renamed = Category { handle: Some("fine-shoes".into()), shown: false, ..category() };
        let change = difference(&renamed, None, &row()).unwrap();
        assert_eq!(serde_json::to_string(&change).unwrap(), r#"{"handle":"fine-shoes","is_active":false}"#);
    }

    #[test]
    fn a_translation_is_added_changed_and_emptied() {
        let here = references();
        assert_eq!(translations(&category(), &row(), &here).create.len(), 1);
        let mut there = row();
        there.translations = vec![Translation {
            id: "trans_1".into(),
            locale_code: "ar-SA".into(),
            translations: [("name".to_owned(), Some("أحذية".to_owned()))].into(),
        }];
        assert_eq!(translations(&category(), &there, &here), TranslationsBatch::default());
        let without = Category { translations: BTreeMap::new(), ..category() };
        assert_eq!(translations(&without, &there, &here).update[0].translations["name"], "");
    }
}
