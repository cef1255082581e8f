//! The shop's categories, from the PIM's tree.

use std::collections::BTreeSet;

use catalog::ProductKey;
use medusa::text::line;
use medusa::{Category, References};
use pimcore::{CategoryTree, PimProduct, TreeNode};

use super::cleaned;

/// A category's key in the shop. One that people made in the PIM has no external id of our form.
pub(super) fn category_key(external_id: Option<&str>, pimcore_id: u32) -> ProductKey {
    let own = external_id.and_then(|id| id.parse().ok());
    own.or_else(|| ProductKey::new("pimcore", pimcore_id.to_string()).ok())
        .unwrap_or_else(|| unreachable!("a number is an id"))
}

/// The shop's categories that these products are in, each with its way from the root, parents
/// first.
#[must_use]
pub fn categories<'a>(
    products: impl Iterator<Item = &'a PimProduct>,
    tree: &CategoryTree,
    references: &References,
) -> Vec<Category> {
    let mut seen = BTreeSet::new();
    let mut categories = Vec::new();
    for leaf in products.filter(|product| product.offered()).flat_map(PimProduct::all_categories) {
        let path = tree.path_of(leaf.id);
        let mut shown = true;
        for (depth, node) in path.iter().enumerate() {
            shown &= node.published && !node.hidden;
            if seen.insert(node.id) {
                categories.push(category(node, depth.checked_sub(1).map(|above| path[above]), shown, references));
            }
        }
    }
    categories
}

fn category(node: &TreeNode, parent: Option<&TreeNode>, shown: bool, references: &References) -> Category {
    let names = cleaned(&node.name, line);
    let last = node.path.as_str().rsplit('/').next().unwrap_or_default();
    let key_of = |node: &TreeNode| category_key(node.external_id.as_deref(), node.id);
    let base = references.languages.shown(&names).map_or(last, |(_, name)| name).to_owned();
    let translations = names.0.iter().filter(|(_, name)| **name != base);
    Category {
        key: key_of(node),
        translations: translations
            .filter_map(|(language, name)| Some((references.locale(language)?.to_owned(), name.clone())))
            .collect(),
        name: base,
        handle: node.shop_handle.clone(),
        parent: parent.map(key_of),
        shown,
    }
}

#[cfg(test)]
mod tests {
    use catalog::Localized;

    use super::super::tests::{in_category, product, references};
    use super::*;

    fn node(id: u32, parent: Option<u32>, path: &str) -> TreeNode {
        TreeNode {
            id,
            parent,
            path: pimcore::CategoryPath::parse(&format!("/catalog/categories/{path}")).unwrap(),
            external_id: Some(format!("demo:c{id}")),
            published: true,
            name: Localized::default().with("en", path).with("ar", "نساء"),
            slug: None,
            shop_handle: None,
            hidden: false,
            created: 0,
            modified: 0,
        }
    }

    #[test]
    fn a_category_comes_with_its_way_and_hides_what_is_below_a_hidden_one() {
        let hidden = TreeNode { hidden: true, ..node(2, Some(1), "women/secret") };
        let tree = CategoryTree::new([node(1, None, "women"), hidden, node(3, Some(2), "women/secret/shoes")]);
        let placed = PimProduct { categories: vec![in_category(3, false)], ..product() };
        let found = categories([&placed].into_iter(), &tree, &references());
        let facts: Vec<_> =
            found.iter().map(|c| (c.key.id(), c.parent.as_ref().map(ProductKey::id), c.shown)).collect();
        assert_eq!(facts, [("c1", None, true), ("c2", Some("c1"), false), ("c3", Some("c2"), false)]);
        assert_eq!(found[0].translations["ar-SA"], "نساء");
    }
}
