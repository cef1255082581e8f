//! The category tree as Pimcore has it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use catalog::{Failure, Localized};
use serde::Deserialize;
use serde_json::Value;

use crate::external::ExternalId;
use crate::input::LANGUAGES;
use crate::path::{CATEGORY_FOLDER, CategoryPath};
use crate::product::{localized, object_id};

/// How old the tree may be from which the shop is fed. A category that has been there for longer is
/// in every tree of that age.
pub const FRESH: Duration = Duration::from_secs(60);

/// One category in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeNode {
    /// Pimcore's object id.
    pub id: u32,
    /// The parent category, or none at the root of the tree.
    pub parent: Option<u32>,
    pub path: CategoryPath,
    /// `source:category id`; one made by people may have none.
    pub external_id: Option<String>,
    pub published: bool,
    /// Name as the source has it.
    pub name: Localized,
    /// Slug as the source has it.
    pub slug: Option<String>,
    /// The handle that people want in the shop.
    pub shop_handle: Option<String>,
    /// People do not want it in the shop.
    pub hidden: bool,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// When it was last saved, seconds since 1970.
    pub modified: i64,
}

/// Every category of the catalog. Cheap to look up by id and by external id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryTree {
    nodes: HashMap<u32, TreeNode>,
    by_external_id: HashMap<String, u32>,
    /// The languages that names are read and written in.
    pub languages: Vec<String>,
}

impl Default for CategoryTree {
    fn default() -> Self {
        let languages = LANGUAGES.map(str::to_owned).into();
        Self { nodes: HashMap::new(), by_external_id: HashMap::new(), languages }
    }
}

impl CategoryTree {
    /// The tree of these nodes, in any order.
    #[must_use]
    pub fn new(nodes: impl IntoIterator<Item = TreeNode>) -> Self {
        let mut tree = Self::default();
        for node in nodes {
            tree.insert(node);
        }
        tree
    }

    /// Adds a category or replaces the one with the same id.
    pub fn insert(&mut self, node: TreeNode) {
        if let Some(external_id) = &node.external_id {
            self.by_external_id.insert(external_id.clone(), node.id);
        }
        self.nodes.insert(node.id, node);
    }

    /// Puts a category, with everything below it, somewhere else, as saved at `modified` (seconds
    /// since 1970).
    pub fn relocate(&mut self, id: u32, parent: Option<u32>, to: &CategoryPath, modified: i64) {
        let Some(from) = self.nodes.get(&id).map(|node| node.path.clone()) else { return };
        for node in self.nodes.values_mut() {
            let below =
                node.path.as_str().strip_prefix(from.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'));
            if let Some(path) = below.and_then(|rest| CategoryPath::parse(&format!("{to}{rest}"))) {
                node.path = path;
            }
        }
        if let Some(node) = self.nodes.get_mut(&id) {
            node.parent = parent;
            // Only the category itself counts as saved.
            node.modified = modified;
        }
    }

    /// Gives a category the names that were saved; those in other languages stay.
    pub fn rename(&mut self, id: u32, names: &Localized, slug: Option<&str>) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.name.0.extend(names.0.clone());
            node.slug = slug.map(str::to_owned).or(node.slug.take());
        }
    }

    /// The category with this object id.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&TreeNode> {
        self.nodes.get(&id)
    }

    /// The category with exactly this external id.
    #[must_use]
    pub fn by_external_id(&self, external_id: &str) -> Option<&TreeNode> {
        self.by_external_id.get(external_id).and_then(|id| self.nodes.get(id))
    }

    /// A category whose external id Pimcore takes for the same, because it differs only in case or
    /// trailing spaces.
    #[must_use]
    pub fn alike(&self, external_id: &str) -> Option<&TreeNode> {
        let folded = |text: &str| text.trim_end_matches(' ').to_lowercase();
        let wanted = folded(external_id);
        self.nodes.values().find(|node| node.external_id.as_deref().is_some_and(|own| folded(own) == wanted))
    }

    #[must_use]
    pub fn at(&self, path: &CategoryPath) -> Option<&TreeNode> {
        self.nodes.values().find(|node| node.path == *path)
    }

    /// The categories from the root to this one, this one last. Empty for an unknown id.
    #[must_use]
    pub fn path_of(&self, id: u32) -> Vec<&TreeNode> {
        let mut path = Vec::new();
        let mut next = self.nodes.get(&id);
        while let Some(node) = next {
            path.push(node);
            // A tree read over several pages while somebody moves categories could, in theory, hold
            // a ring.
            next = node.parent.and_then(|parent| self.nodes.get(&parent)).filter(|_| path.len() <= self.nodes.len());
        }
        path.reverse();
        path
    }

    /// Whether `id` lies below `ancestor`, or is it.
    #[must_use]
    pub fn is_within(&self, id: u32, ancestor: u32) -> bool {
        self.path_of(id).iter().any(|node| node.id == ancestor)
    }

    /// All categories, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &TreeNode> {
        self.nodes.values()
    }

    /// How many categories there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no category at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// A category as Data Hub writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Node {
    id: String,
    fullpath: String,
    published: Option<bool>,
    creation_date: Option<i64>,
    modification_date: Option<i64>,
    external_id: Option<ExternalId>,
    slug: Option<String>,
    shop_handle: Option<String>,
    hidden: Option<bool>,
    parent: Option<Parent>,
    /// Localized fields, one for each language: `name_en`.
    #[serde(flatten)]
    texts: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Parent {
    #[serde(rename = "__typename")]
    class: String,
    id: Option<String>,
}

impl Node {
    pub(crate) fn id(&self) -> Result<u32, Failure> {
        object_id(&self.id)
    }

    /// `None` for a category that does not lie in the tree (people can put one anywhere).
    pub(crate) fn into_node(self) -> Result<Option<TreeNode>, Failure> {
        let Some(path) = CategoryPath::parse(&self.fullpath) else {
            tracing::warn!(fullpath = self.fullpath, "a category outside {CATEGORY_FOLDER} is left alone");
            return Ok(None);
        };
        let parent = self.parent.filter(|parent| parent.class == "object_CatalogCategory").and_then(|parent| parent.id);
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let name = localized(&self.texts, "name");
        Ok(Some(TreeNode {
            id: object_id(&self.id)?,
            parent: parent.as_deref().map(object_id).transpose()?,
            path,
            external_id: said(self.external_id.map(|id| id.text)),
            published: self.published.unwrap_or(false),
            name,
            slug: said(self.slug),
            shop_handle: said(self.shop_handle),
            hidden: self.hidden.unwrap_or(false),
            created: self.creation_date.unwrap_or(0),
            modified: self.modification_date.unwrap_or(0),
        }))
    }
}
