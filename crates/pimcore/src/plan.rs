//! What has to be done so that the category tree holds what a feed says: a pure comparison.
//!
//! **Who decides where a category belongs.** Products carry their category path, so two products can disagree. Within a batch
//! the newest document wins. Against Pimcore, a document wins only if it is not older than the category's last save there: a feed
//! can move a category once, and a replayed or delayed document cannot move it back and forth.
//!
//! Moves are checked here because Pimcore does not check them: a move below itself ends in HTTP 500, and one to a parent that
//! does not exist succeeds without doing anything.

use std::collections::{HashMap, HashSet};

use catalog::{Category, Failure, Version};

use crate::input::{CategoryInput, CategoryNames};
use crate::path::{CategoryPath, ObjectKey};
use crate::tree::{CategoryTree, TreeNode};

/// A document's statement about where categories belong.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The source, which category ids belong to.
    pub source: &'a str,
    /// The document's version.
    pub version: &'a Version,
    /// From the root.
    pub path: &'a catalog::CategoryPath,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Create a category. Its parent exists or is created by an earlier step.
    Create {
        /// External id.
        external_id: String,
        /// The parent's path; `None` at the root of the tree.
        parent: Option<CategoryPath>,
        /// Object id of the parent, where it exists already.
        parent_id: Option<u32>,
        /// Object key.
        key: ObjectKey,
        /// Fields.
        input: CategoryInput,
    },
    /// Put a category below another parent.
    Move {
        /// The category.
        id: u32,
        /// Where it is.
        from: CategoryPath,
        /// Object id of the new parent; `None` is the root of the tree.
        parent_id: Option<u32>,
        /// Where it has to be afterwards.
        to: CategoryPath,
    },
    /// Give a category the name that the source has now.
    Rename {
        /// The category.
        id: u32,
        /// Where it is.
        path: CategoryPath,
        /// Fields.
        input: CategoryInput,
    },
}

/// What has to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In order. Creates only, as long as something has to be created: a move may need a parent that does not exist yet.
    pub steps: Vec<Step>,
    /// Categories that cannot be had, by external id.
    pub refused: HashMap<String, Failure>,
}

/// A category's external id.
#[must_use]
pub fn external_id(source: &str, category_id: &str) -> String {
    format!("{source}:{category_id}")
}

/// Compares the tree with what the claims say.
#[must_use]
pub fn plan(tree: &CategoryTree, claims: &[Claim<'_>]) -> Plan {
    let mut ordered: Vec<&Claim<'_>> = claims.iter().collect();
    ordered.sort_by(|a, b| b.version.cmp(a.version));
    let mut plan = Plan::default();
    let mut decided: HashSet<String> = HashSet::new();
    let mut created: HashMap<String, CategoryPath> = HashMap::new();
    let mut changes: Vec<Step> = Vec::new();
    for claim in ordered {
        let mut above: Option<String> = None;
        for category in &claim.path.0 {
            let id = external_id(claim.source, &category.id);
            if decided.insert(id.clone()) {
                match tree.by_external_id(&id) {
                    Some(node) => changes.extend(adjust(tree, node, above.as_deref(), claim, category)),
                    None => create(tree, &mut plan, &mut created, &id, above.as_deref(), claim.source, category),
                }
            }
            if plan.refused.contains_key(&id) {
                break;
            }
            above = Some(id);
        }
    }
    if plan.steps.is_empty() {
        plan.steps = changes;
    }
    plan
}

fn create(
    tree: &CategoryTree,
    plan: &mut Plan,
    created: &mut HashMap<String, CategoryPath>,
    id: &str,
    above: Option<&str>,
    source: &str,
    category: &Category,
) {
    if let Some(other) = tree.alike(id) {
        plan.refused.insert(
            id.to_owned(),
            Failure::permanent(
                "pimcore_category_taken",
                format!(
                    "category {id}: Pimcore takes its external id for the same as that of {}, because only case or spaces differ: {:?}",
                    other.path,
                    other.external_id.as_deref().unwrap_or_default()
                ),
            ),
        );
        return;
    }
    let parent_node = above.and_then(|above| tree.by_external_id(above));
    let parent =
        above.and_then(|above| parent_node.map(|node| node.path.clone()).or_else(|| created.get(above).cloned()));
    let key = ObjectKey::of(source, &category.id);
    created.insert(id.to_owned(), CategoryPath::below(parent.as_ref(), &key));
    let input = CategoryInput {
        external_id: Some(id.to_owned()),
        name: Some(CategoryNames::of(&category.name)),
        slug: slug(category),
    };
    let parent_id = parent_node.map(|node| node.id);
    plan.steps.push(Step::Create { external_id: id.to_owned(), parent, parent_id, key, input });
}

/// What a document may change about a category that exists.
fn adjust(
    tree: &CategoryTree,
    node: &TreeNode,
    above: Option<&str>,
    claim: &Claim<'_>,
    category: &Category,
) -> Vec<Step> {
    let mut steps = Vec::new();
    if seconds(claim.version) < node.modified {
        return steps;
    }
    let renamed = category.name.0.iter().any(|(lang, text)| {
        crate::input::LANGUAGES.contains(&lang.as_str())
            && node.name.get(lang) != Some(text.as_str())
            && !text.is_empty()
    });
    if renamed {
        let input =
            CategoryInput { external_id: None, name: Some(CategoryNames::of(&category.name)), slug: slug(category) };
        steps.push(Step::Rename { id: node.id, path: node.path.clone(), input });
    }
    let parent = match above {
        None => None,
        // Not there yet: the next round knows its object id.
        Some(above) => match tree.by_external_id(above) {
            Some(parent) => Some(parent),
            None => return steps,
        },
    };
    let parent_id = parent.map(|parent| parent.id);
    if node.parent == parent_id {
        return steps;
    }
    if parent_id.is_some_and(|parent_id| tree.is_within(parent_id, node.id)) {
        tracing::warn!(
            category = node.external_id,
            parent = above,
            "a feed puts a category below itself; it stays where it is"
        );
        return steps;
    }
    let Some((_, key)) = node.path.as_str().rsplit_once('/') else { return steps };
    let to = format!("{}/{key}", parent.map_or(crate::path::CATEGORY_FOLDER, |parent| parent.path.as_str()));
    if let Some(to) = CategoryPath::parse(&to) {
        steps.push(Step::Move { id: node.id, from: node.path.clone(), parent_id, to });
    }
    steps
}

/// The object time in a version, in seconds as Pimcore counts.
fn seconds(version: &Version) -> i64 {
    version.as_str().get(..13).and_then(|ms| ms.parse::<i64>().ok()).map_or(0, |ms| ms / 1000)
}

/// A readable word for addresses, of the English name; none where that has no Latin letters.
fn slug(category: &Category) -> Option<String> {
    let name = category.name.base()?.to_lowercase();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-");
    (!slug.is_empty()).then(|| crate::limits::cut(&slug, crate::limits::LABEL))
}
