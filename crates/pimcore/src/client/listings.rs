//! Data Hub's answers to the documents that only read, as they are on the wire.

use catalog::{ContentHash, Failure, ProductKey};
use serde::Deserialize;

use super::{Change, Cursor, Head};
use crate::external::ExternalId;
use crate::path::ProductPath;
use crate::product::{object_id, same_product};
use crate::{codes, said, tree};

#[derive(Deserialize)]
pub(super) struct Listing<N> {
    #[serde(rename = "getCatalogProductListing")]
    pub(super) page: Page<N>,
}

#[derive(Deserialize)]
pub(super) struct CategoryListing {
    #[serde(rename = "getCatalogCategoryListing")]
    pub(super) page: Page<tree::Node>,
}

#[derive(Deserialize)]
pub(super) struct Page<N> {
    pub(super) edges: Option<Vec<Edge<N>>>,
}

#[derive(Deserialize)]
pub(super) struct Edge<N> {
    pub(super) node: Option<N>,
}

impl<N> Page<N> {
    pub(super) fn into_nodes(self) -> Result<Vec<N>, Failure> {
        // Null is a failed filter or sort, never "no rows".
        let edges =
            self.edges.ok_or_else(|| said::transient(codes::QUERY_FAILED, "Pimcore gave no rows and no reason"))?;
        Ok(edges.into_iter().filter_map(|edge| edge.node).collect())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeadNode {
    pub(super) id: String,
    pub(super) fullpath: String,
    pub(super) external_id: Option<ExternalId>,
    pub(super) modification_date: Option<i64>,
    pub(super) published: Option<bool>,
    pub(super) withdrawn: Option<bool>,
    pub(super) keep_when_withdrawn: Option<bool>,
    pub(super) content_hash: Option<String>,
    pub(super) warnings: Option<String>,
}

impl HeadNode {
    pub(super) fn external_id(&self) -> Option<&str> {
        self.external_id.as_ref().map(|id| id.text.as_str())
    }

    pub(super) fn head(&self, key: &ProductKey) -> Result<Head, Failure> {
        same_product(key, &self.fullpath, self.external_id())?;
        let path = ProductPath::parse(&self.fullpath).ok_or_else(|| {
            said::permanent(
                codes::MISPLACED,
                format!("{key}: it was moved out of the product folder; move it back in Pimcore: {}", self.fullpath),
            )
        })?;
        Ok(Head {
            id: object_id(&self.id)?,
            path,
            modified: self.modification_date.unwrap_or(0),
            published: self.published.unwrap_or(false),
            withdrawn: self.withdrawn.unwrap_or(false),
            keep_when_withdrawn: self.keep_when_withdrawn.unwrap_or(false),
            content_hash: self.content_hash.clone().filter(|hash| !hash.is_empty()).map(ContentHash::from_text),
            warnings: self.warnings.clone().unwrap_or_default(),
            apart: self.external_id.as_ref().is_some_and(|id| id.apart),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeNode {
    pub(super) id: String,
    pub(super) external_id: Option<ExternalId>,
    pub(super) modification_date: Option<i64>,
    pub(super) published: Option<bool>,
    pub(super) content_hash: Option<String>,
}

impl ChangeNode {
    pub(super) fn into_change(self) -> Result<Change, Failure> {
        Ok(Change {
            cursor: Cursor { modified: self.modification_date.unwrap_or(0), id: object_id(&self.id)? },
            external_id: self.external_id.map(|id| id.text).filter(|id| !id.is_empty()),
            published: self.published.unwrap_or(false),
            content_hash: self.content_hash.filter(|hash| !hash.is_empty()).map(ContentHash::from_text),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HealthNode {
    pub(super) products: Option<FolderNode>,
    pub(super) categories: Option<FolderNode>,
    pub(super) product_count: Count,
    pub(super) category_count: Count,
}

#[derive(Deserialize)]
pub(super) struct FolderNode {
    pub(super) id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Count {
    pub(super) total_count: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct CensusNode {
    pub(super) folder: Option<FolderNode>,
    pub(super) before: Count,
    pub(super) all: Count,
    pub(super) newer: CountedPage,
    pub(super) saved: CountedPage,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CountedPage {
    pub(super) total_count: Option<u64>,
    #[serde(flatten)]
    pub(super) page: Page<IdNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IdNode {
    pub(super) id: String,
    pub(super) modification_date: Option<i64>,
}
