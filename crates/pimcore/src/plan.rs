//! What has to be done so that the category tree holds what a feed says: a pure comparison.
//!
//! **Who decides where a category belongs.** Products carry their category path, so two products
//! can disagree. Within a batch the newest document wins. Against Pimcore, a document wins only if
//! it is not older than the category's last save there: a feed can move a category once, and a
//! replayed or delayed document cannot move it back and forth.
//!
//! Moves are checked here because Pimcore does not check them: a move below itself ends in HTTP
//! 500, and one to a parent that does not exist succeeds without doing anything.

use std::collections::{HashMap, HashSet};

use catalog::{Category, Failure, Version};

use crate::external;
use crate::input::{CategoryInput, CategoryNames};
use crate::path::{CATEGORY_FOLDER, CategoryPath, ObjectKey};
use crate::tree::{CategoryTree, TreeNode};
use crate::{codes, said};

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
        external_id: String,
        /// The parent's path; `None` at the root of the tree.
        parent: Option<CategoryPath>,
        /// Object id of the parent, where it exists already.
        parent_id: Option<u32>,
        key: ObjectKey,
        input: CategoryInput,
    },
    /// Put a category below another parent, give it the name that the source has now, or both: in
    /// one request, because each save makes the category newer than the document.
    Update {
        id: u32,
        from: CategoryPath,
        /// The new parent, if it moves.
        parent: Option<NewParent>,
        /// Where it has to be afterwards.
        to: CategoryPath,
        /// Fields; empty if only the parent changes.
        input: CategoryInput,
    },
}

/// Where a category moves to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewParent {
    /// The root of the tree.
    Root,
    /// Another category, by object id.
    Category(u32),
}

/// What has to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In order. Creates only, as long as something has to be created: a move may need a parent
    /// that does not exist yet.
    pub steps: Vec<Step>,
    /// Categories that cannot be had, by external id.
    pub refused: HashMap<String, Failure>,
}

/// Whose a category is: the shop's own have ids that begin with it, and belong to no source.
fn owner<'a>(source: &'a str, category_id: &'a str) -> (&'a str, &'a str) {
    match category_id.split_once(':') {
        Some((SHOP, id)) => (SHOP, id),
        _ => (source, category_id),
    }
}

/// What stands for a source in the external ids of the shop's own categories.
pub const SHOP: &str = "shop";

#[must_use]
pub fn external_id(source: &str, category_id: &str) -> String {
    let (source, id) = owner(source, category_id);
    format!("{source}:{id}")
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
    let written = match tree.alike(id) {
        None => id.to_owned(),
        Some(other) => match external::apart(id) {
            Some(apart) => apart,
            None => {
                plan.refused.insert(id.to_owned(), too_long_to_be_kept_apart(id, other));
                return;
            }
        },
    };
    let parent_node = above.and_then(|above| tree.by_external_id(above));
    let parent =
        above.and_then(|above| parent_node.map(|node| node.path.clone()).or_else(|| created.get(above).cloned()));
    let (source, own) = owner(source, &category.id);
    let key = ObjectKey::of(source, own);
    created.insert(id.to_owned(), CategoryPath::below(parent.as_ref(), &key));
    let input = CategoryInput {
        external_id: Some(written),
        name: Some(CategoryNames::of_new(&category.name, &tree.languages)),
        slug: slug(category),
    };
    let parent_id = parent_node.map(|node| node.id);
    plan.steps.push(Step::Create { external_id: id.to_owned(), parent, parent_id, key, input });
}

fn too_long_to_be_kept_apart(id: &str, other: &TreeNode) -> Failure {
    said::permanent(
        codes::CATEGORY_TAKEN,
        format!(
            "category {id}: Pimcore takes its external id for the same as that of {}, because only case or spaces differ, and it is too long to be kept apart: {:?}",
            other.path,
            other.external_id.as_deref().unwrap_or_default()
        ),
    )
}

/// What a document may change about a category that exists.
fn adjust(
    tree: &CategoryTree,
    node: &TreeNode,
    above: Option<&str>,
    claim: &Claim<'_>,
    category: &Category,
) -> Option<Step> {
    if seconds(claim.version) < node.modified {
        return None;
    }
    let new_name = |(lang, text): (&String, &String)| {
        tree.languages.contains(lang) && !text.is_empty() && node.name.get(lang) != Some(text.as_str())
    };
    let renamed = category.name.0.iter().any(new_name);
    let parent = new_parent(tree, node, above);
    if !renamed && parent.is_none() {
        return None;
    }
    let folder = match parent {
        None => None,
        Some(NewParent::Root) => Some(CATEGORY_FOLDER),
        Some(NewParent::Category(id)) => Some(tree.get(id)?.path.as_str()),
    };
    let to = match folder {
        None => node.path.clone(),
        Some(folder) => CategoryPath::parse(&format!("{folder}/{}", node.path.key()))?,
    };
    let input = if renamed {
        let name = Some(CategoryNames::of(&category.name, &tree.languages));
        CategoryInput { external_id: None, name, slug: slug(category) }
    } else {
        CategoryInput { external_id: None, name: None, slug: None }
    };
    Some(Step::Update { id: node.id, from: node.path.clone(), parent, to, input })
}

/// The parent that a category has to move to, if it has to and can.
fn new_parent(tree: &CategoryTree, node: &TreeNode, above: Option<&str>) -> Option<NewParent> {
    let Some(above) = above else { return node.parent.map(|_| NewParent::Root) };
    // Not there yet: it is created first, and the next plan knows its object id.
    let parent = tree.by_external_id(above)?;
    if node.parent == Some(parent.id) {
        return None;
    }
    if tree.is_within(parent.id, node.id) {
        tracing::warn!(
            category = node.external_id,
            parent = above,
            "a feed puts a category below itself; it stays where it is"
        );
        return None;
    }
    Some(NewParent::Category(parent.id))
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

#[cfg(test)]
mod tests {
    use catalog::Localized;
    use proptest::prelude::*;

    use super::*;

    /// Does what a plan says, as Pimcore would: ids count up, a move takes everything below along.
    fn carry_out(tree: &CategoryTree, plan: &Plan, now: i64) -> CategoryTree {
        let mut nodes: Vec<TreeNode> = tree.iter().cloned().collect();
        let mut next_id = nodes.iter().map(|node| node.id).max().unwrap_or(0) + 1;
        for step in &plan.steps {
            match step {
                Step::Create { external_id, parent, key, .. } => {
                    let parent_id =
                        parent.as_ref().map(|path| nodes.iter().find(|node| node.path == *path).unwrap().id);
                    assert!(nodes.iter().all(|node| node.external_id.as_ref() != Some(external_id)), "created twice");
                    nodes.push(TreeNode {
                        id: next_id,
                        parent: parent_id,
                        path: CategoryPath::below(parent.as_ref(), key),
                        external_id: Some(external_id.clone()),
                        published: true,
                        name: Localized::default(),
                        slug: None,
                        shop_handle: None,
                        hidden: false,
                        created: 0,
                        modified: now,
                    });
                    next_id += 1;
                }
                Step::Update { id, parent, to, .. } => {
                    let mut current = CategoryTree::new(nodes);
                    let parent = match parent {
                        None => current.get(*id).unwrap().parent,
                        Some(NewParent::Root) => None,
                        Some(NewParent::Category(parent)) => {
                            assert!(!current.is_within(*parent, *id), "moved below itself");
                            Some(*parent)
                        }
                    };
                    current.relocate(*id, parent, to, now);
                    // One move at a time: the next plan sees the new paths.
                    return current;
                }
            }
        }
        CategoryTree::new(nodes)
    }

    fn path(ids: &[u8]) -> catalog::CategoryPath {
        catalog::CategoryPath(
            ids.iter().map(|id| Category { id: id.to_string(), name: Localized::default() }).collect(),
        )
    }

    proptest! {
        /// Whatever feeds say about few categories, contradictions and cycles between products
        /// included: the plans come to an end, the result is a tree, every category is there, and
        /// the newest document's path is what it says.
        #[test]
        fn plans_end_in_a_tree_that_holds_what_the_newest_document_says(
            feeds in prop::collection::vec(prop::collection::vec(prop::sample::subsequence(vec![0u8, 1, 2, 3, 4], 1..5).prop_shuffle(), 1..5), 1..4)
        ) {
            let mut tree = CategoryTree::default();
            for (n, feed) in feeds.iter().enumerate() {
                let paths: Vec<_> = feed.iter().map(|ids| path(ids)).collect();
                let versions: Vec<_> = (0..paths.len()).map(|p| Version::new(9_000_000_000_000 + n as u64, "0", p as u64)).collect();
                let claims: Vec<_> = paths.iter().zip(&versions).map(|(path, version)| Claim { source: "s", version, path }).collect();
                let mut rounds = 0;
                loop {
                    let plan = plan(&tree, &claims);
                    prop_assert!(plan.refused.is_empty());
                    if plan.steps.is_empty() {
                        break;
                    }
                    tree = carry_out(&tree, &plan, 0);
                    rounds += 1;
                    prop_assert!(rounds < 50, "the plans do not come to an end");
                }
                for node in tree.iter() {
                    prop_assert_eq!(tree.path_of(node.id).first().and_then(|root| root.parent), None);
                }
                for id in feed.iter().flatten() {
                    prop_assert!(tree.by_external_id(&external_id("s", &id.to_string())).is_some());
                }
                let newest = feed.last().unwrap();
                let leaf = tree.by_external_id(&format!("s:{}", newest.last().unwrap())).unwrap();
                let held: Vec<_> = tree.path_of(leaf.id).iter().map(|node| node.external_id.clone().unwrap()).collect();
                let said: Vec<_> = newest.iter().map(|id| format!("s:{id}")).collect();
                prop_assert_eq!(held, said);
            }
        }
    }
}
