//! What the shop is fed from, as one short text: two readings with the same digest lead to the same
//! product in the shop.

use catalog::facts::Row;
use serde::Serialize;

use crate::product::{PimAttribute, PimCategory, PimImage, PimPrice, PimProduct, PimVariant, ShopVisibility};
use crate::tree::{CategoryTree, TreeNode};

/// To be raised when the shop is to be shown something else for the same reading: then no digest is
/// what it was.
const REVISION: u32 = 1;
/// Hexadecimal digits: 12 bytes tell the readings of one product apart.
const DIGITS: usize = 24;

impl PimProduct {
    /// The digest of this product and the categories that it is in, as `tree` has them.
    ///
    /// Not part of it are remarks for people and where a document came from: they say nothing to a
    /// customer.
    #[must_use]
    pub fn digest(&self, tree: &CategoryTree) -> String {
        // Without `..`, so that who adds a field decides about it.
        let Self {
            key,
            id,
            fullpath: _,
            published,
            modified: _,
            sku,
            group,
            brand,
            url,
            name,
            description,
            categories,
            images,
            attributes,
            variants,
            prices,
            facts,
            // Comes with the name, in one document.
            lent: _,
            content_hash,
            // All that rules made of it is in the fields.
            wanted: _,
            withheld,
            source_version: _,
            feed_run: _,
            warnings: _,
            withdrawn,
            marketing_name,
            marketing_description,
            extra_categories,
            shop_visibility,
            keep_when_withdrawn,
        } = self;
        let visibility = letter_of(*shop_visibility);
        let said = (
            (REVISION, key.to_string(), id, published, withdrawn, visibility, keep_when_withdrawn, content_hash),
            (sku, group, brand, url, name, description, marketing_name, marketing_description),
            (images.iter().map(image).collect::<Vec<_>>(), attributes.iter().map(attribute).collect::<Vec<_>>()),
            (variants.iter().map(variant).collect::<Vec<_>>(), prices.iter().map(price).collect::<Vec<_>>()),
            [categories, extra_categories].map(|rows| rows.iter().map(|row| category(row, tree)).collect::<Vec<_>>()),
        );
        let mut hasher = blake3::Hasher::new();
        say(&mut hasher, &said);
        // A reading without facts has the digest that it had before there were any.
        let told = std::iter::once(("", facts))
            .chain(variants.iter().map(|variant| (variant.sku.as_str(), &variant.facts)))
            .flat_map(|(sku, facts)| facts.rows().into_iter().map(move |row| (sku, row)));
        for (sku, Row { code, name, lang, text }) in told {
            say(&mut hasher, &(sku, code, name, lang, text));
        }
        if !withheld.is_empty() {
            say(&mut hasher, withheld);
        }
        hasher.finalize().to_hex()[..DIGITS].to_owned()
    }
}

fn letter_of(visibility: ShopVisibility) -> char {
    match visibility {
        ShopVisibility::Inherit => 'i',
        ShopVisibility::Show => 's',
        ShopVisibility::Hide => 'h',
    }
}

/// Writing to a hasher cannot fail, and every map has text keys.
fn say(hasher: &mut blake3::Hasher, what: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(hasher, what).unwrap_or_else(|error| unreachable!("always JSON: {error}"));
}

fn image(row: &PimImage) -> impl Serialize {
    let PimImage { url, variant_sku, position } = row;
    (url, variant_sku, position)
}

fn attribute(row: &PimAttribute) -> impl Serialize {
    let PimAttribute { code, lang, name, text } = row;
    (code, lang, name, text)
}

fn variant(row: &PimVariant) -> impl Serialize {
    let PimVariant { sku, title, options, stock, position, facts: _ } = row;
    (sku, title, options, stock, position)
}

fn price(row: &PimPrice) -> impl Serialize {
    let PimPrice { sku, currency, amount, list_amount } = row;
    (sku, currency, amount, list_amount)
}

/// As the product refers to it, and its way from the root.
fn category<'a>(row: &'a PimCategory, tree: &'a CategoryTree) -> impl Serialize + use<'a> {
    let PimCategory { id, fullpath: _, external_id, published, shop_handle, hidden } = row;
    let way: Vec<_> = tree.path_of(*id).into_iter().map(node).collect();
    ((id, external_id, published, shop_handle, hidden), way)
}

fn node(node: &TreeNode) -> impl Serialize + use<'_> {
    let TreeNode {
        id,
        parent: _,
        path,
        external_id,
        published,
        name,
        slug: _,
        shop_handle,
        hidden,
        created: _,
        modified: _,
    } = node;
    (id, path.as_str(), external_id, published, name, shop_handle, hidden)
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Localized, Version};

    use super::*;
    use crate::path::CategoryPath;

    fn category(id: u32) -> PimCategory {
        PimCategory {
            id,
            fullpath: format!("/catalog/categories/c{id}"),
            external_id: Some(format!("demo:c{id}")),
            published: true,
            shop_handle: None,
            hidden: false,
        }
    }

    fn product() -> PimProduct {
        PimProduct {
            key: "demo:1".parse().unwrap(),
            id: 7,
            fullpath: "/catalog/products/demo-1".into(),
            published: true,
            modified: 1,
            sku: Some("s".into()),
            group: None,
            brand: Some("Acme".into()),
            url: None,
            name: Localized::default().with("en", "Shoe"),
            description: Localized::default(),
            categories: vec![category(2)],
            images: vec![PimImage { url: "https://img.example/1".into(), variant_sku: None, position: 0 }],
            attributes: vec![PimAttribute {
                code: "c".into(),
                lang: "en".into(),
                name: "Colour".into(),
                text: "Red".into(),
            }],
            variants: vec![PimVariant {
                sku: "a".into(),
                title: "Red".into(),
                options: vec![("Colour".into(), "Red".into())],
                stock: 3,
                position: 0,
                facts: catalog::Facts::default(),
            }],
            prices: vec![PimPrice {
                sku: "a".into(),
                currency: "SAR".into(),
                amount: "23.80".parse().unwrap(),
                list_amount: None,
            }],
            facts: catalog::Facts::default(),
            lent: None,
            content_hash: Some(ContentHash::from_text("h")),
            wanted: None,
            withheld: Vec::new(),
            source_version: Some(Version::from_text("v")),
            feed_run: Some("run".into()),
            warnings: None,
            withdrawn: false,
            marketing_name: Localized::default(),
            marketing_description: Localized::default(),
            extra_categories: vec![],
            shop_visibility: ShopVisibility::Inherit,
            keep_when_withdrawn: false,
        }
    }

    fn nodes() -> [TreeNode; 2] {
        [(1, None, "c1"), (2, Some(1), "c1/c2")].map(|(id, parent, path)| TreeNode {
            id,
            parent,
            path: CategoryPath::parse(&format!("/catalog/categories/{path}")).unwrap(),
            external_id: Some(format!("demo:c{id}")),
            published: true,
            name: Localized::default().with("en", "Women"),
            slug: None,
            shop_handle: None,
            hidden: false,
            created: 0,
            modified: 1,
        })
    }

    #[test]
    fn everything_that_the_shop_is_fed_from_counts() {
        let (tree, before) = (CategoryTree::new(nodes()), product());
        let changes: [fn(&mut PimProduct); 30] = [
            |p| p.facts.mpn = Some("1".into()),
            |p| p.variants[0].facts.mpn = Some("1".into()),
            |p| p.key = "demo:2".parse().unwrap(),
            |p| p.id = 8,
            |p| p.published = false,
            |p| p.sku = None,
            |p| p.group = Some("Acme".into()),
            |p| p.brand = None,
            |p| p.url = Some("https://shop.example".into()),
            |p| p.name = p.name.clone().with("ar", "حذاء"),
            |p| p.description = p.description.clone().with("en", "Shoe"),
            |p| p.categories.clear(),
            |p| p.categories[0].hidden = true,
            |p| p.categories[0].shop_handle = Some("sale".into()),
            |p| p.images[0].url.push('0'),
            |p| p.images[0].variant_sku = Some("a".into()),
            |p| p.attributes[0].text.push('!'),
            |p| p.variants[0].stock = 0,
            |p| p.variants[0].options[0].1 = "Blue".into(),
            |p| p.prices[0].amount = "23.8".parse().unwrap(),
            |p| p.prices[0].list_amount = Some("30".parse().unwrap()),
            |p| p.prices.clear(),
            |p| p.content_hash = None,
            |p| p.withheld.push("no image".into()),
            |p| p.withdrawn = true,
            |p| p.marketing_name = p.marketing_name.clone().with("en", "Shoe"),
            |p| p.marketing_description = p.marketing_description.clone().with("en", "Shoe"),
            |p| p.extra_categories = std::mem::take(&mut p.categories),
            |p| p.shop_visibility = ShopVisibility::Hide,
            |p| p.keep_when_withdrawn = true,
        ];
        let mut seen = std::collections::BTreeSet::from([before.digest(&tree)]);
        for (n, change) in changes.iter().enumerate() {
            let mut after = before.clone();
            change(&mut after);
            assert!(seen.insert(after.digest(&tree)), "change {n} looks like another one, or like none");
        }
    }

    #[test]
    fn a_reading_without_facts_has_the_digest_that_it_had_before_there_were_any() {
        assert_eq!(product().digest(&CategoryTree::new(nodes())), "25eb8a3c9d9812a0181a6a52");
    }

    #[test]
    fn when_and_by_whom_it_was_saved_does_not() {
        let (tree, before) = (CategoryTree::new(nodes()), product());
        let changes: [fn(&mut PimProduct); 5] = [
            |p| p.modified = 2,
            |p| p.warnings = Some("a remark".into()),
            |p| p.feed_run = None,
            |p| p.source_version = None,
            |p| p.fullpath = "/catalog/products/moved/demo-1".into(),
        ];
        for change in changes {
            let mut after = before.clone();
            change(&mut after);
            assert_eq!(before.digest(&tree), after.digest(&tree));
        }
        let later = CategoryTree::new(nodes().map(|node| TreeNode { modified: 2, slug: Some("s".into()), ..node }));
        assert_eq!(before.digest(&tree), before.digest(&later));
    }

    #[test]
    fn its_categories_count_up_to_the_root() {
        let before = product().digest(&CategoryTree::new(nodes()));
        let changes: [fn(&mut TreeNode); 6] = [
            |node| node.name = Localized::default().with("en", "Ladies"),
            |node| node.hidden = true,
            |node| node.published = false,
            |node| node.shop_handle = Some("sale".into()),
            |node| node.external_id = None,
            |node| node.path = CategoryPath::parse("/catalog/categories/elsewhere").unwrap(),
        ];
        for at in [0, 1] {
            for (n, change) in changes.iter().enumerate() {
                let mut nodes = nodes();
                change(&mut nodes[at]);
                assert_ne!(before, product().digest(&CategoryTree::new(nodes)), "change {n} of category {at}");
            }
        }
        let [_, leaf] = nodes();
        let at_the_root = CategoryTree::new([TreeNode { parent: None, ..leaf }]);
        assert_ne!(before, product().digest(&at_the_root), "moved");
        assert_ne!(before, product().digest(&CategoryTree::default()), "unknown");
    }
}
