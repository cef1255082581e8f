//! The GraphQL documents, one operation each: Data Hub ignores `operationName`.
//!
//! Fixed operations are the files under `operations/`; a batch is written here, because its aliases
//! depend on what is in it. All of them are checked against the recorded schema by the tests, and
//! what the client really sends against the requests that a real Pimcore was seen to answer: the
//! types of variables, too, are those of the recordings, not the strictest ones that the schema
//! allows.

use std::fmt::Write;

use crate::path::PRODUCT_FOLDER;

/// Whole products by external id.
pub const READ_PRODUCTS: &str = include_str!("../operations/read_products.graphql");
/// What decides whether a product has to be written.
pub const READ_HEADS: &str = include_str!("../operations/read_heads.graphql");
/// The change feed.
pub const CHANGES: &str = include_str!("../operations/changes.graphql");
/// All products by object id.
pub const INVENTORY: &str = include_str!("../operations/inventory.graphql");
/// Objects with more versions.
pub const VERSIONS: &str = include_str!("../operations/versions.graphql");
/// Counts.
pub const CENSUS: &str = include_str!("../operations/census.graphql");
/// The category tree.
pub const READ_CATEGORIES: &str = include_str!("../operations/read_categories.graphql");
/// Moves or renames a category.
pub const UPDATE_CATEGORY: &str = include_str!("../operations/update_category.graphql");
/// Health check.
pub const HEALTH: &str = include_str!("../operations/health.graphql");

/// What one alias of a product batch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upsert {
    /// `createCatalogProduct`
    Create,
    /// `updateCatalogProduct`
    Update,
}

/// Whether an operation changes anything.
pub(crate) fn writes(document: &str) -> bool {
    document.lines().any(|line| line.starts_with("mutation"))
}

/// A mutation with aliases `a0`, `a1`, …; alias N takes its input from `$iN`, its key or path from
/// `$pN` and, to create, whether to publish from `$bN`.
///
/// `omitVersionCreate`: Pimcore keeps versions for people to go back to; one for each feed would
/// bury theirs, and costs a file.
#[must_use]
pub fn product_batch(upserts: &[Upsert]) -> String {
    let mut arguments = String::new();
    let mut aliases = String::new();
    for (n, upsert) in upserts.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = match upsert {
            Upsert::Create => write!(
                arguments,
                "$p{n}:String!,$b{n}:Boolean,$i{n}:UpdateCatalogProductInput,"
            )
            .and_then(|()| {
                write!(
                    aliases,
                    " a{n}:createCatalogProduct(key:$p{n},path:\"{PRODUCT_FOLDER}\",published:$b{n},input:$i{n}){{success message output{{id fullpath modificationDate}}}}"
                )
            }),
            Upsert::Update => write!(arguments, "$p{n}:String,$i{n}:UpdateCatalogProductInput,").and_then(|()| {
                write!(
                    aliases,
                    " a{n}:updateCatalogProduct(fullpath:$p{n},omitVersionCreate:true,input:$i{n}){{success message output{{id fullpath modificationDate}}}}"
                )
            }),
        };
    }
    format!("mutation WriteProducts({}){{{aliases}}}", arguments.trim_end_matches(','))
}

/// A mutation that creates `count` categories in order: alias `aN` takes `$kN` (key), `$pN`
/// (parent's path) and `$iN`. A parent may be created by an earlier alias.
#[must_use]
pub fn category_batch(count: usize) -> String {
    let arguments: Vec<String> =
        (0..count).map(|n| format!("$k{n}:String!,$p{n}:String!,$i{n}:UpdateCatalogCategoryInput")).collect();
    let aliases: Vec<String> = (0..count)
        .map(|n| {
            format!(
                "a{n}:createCatalogCategory(key:$k{n},path:$p{n},published:true,input:$i{n}){{success message output{{id fullpath modificationDate}}}}"
            )
        })
        .collect();
    format!("mutation CreateCategories({}){{{}}}", arguments.join(","), aliases.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_writes_is_known_by_its_document() {
        let mutations = [product_batch(&[Upsert::Create]), category_batch(2), UPDATE_CATEGORY.to_owned()];
        assert!(mutations.iter().all(|document| writes(document)));
        for query in [READ_PRODUCTS, READ_HEADS, CHANGES, INVENTORY, VERSIONS, READ_CATEGORIES, HEALTH] {
            assert!(!writes(query), "{query}");
        }
    }
}
