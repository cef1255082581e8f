//! Bar codes that somebody else has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use catalog::ProductKey;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::skus::Heir;
use super::{Offer, Shop};
use crate::api::model::{Metadata, Product, Variant, VariantsBatch};
use crate::api::{ApiError, split_alternatives};
use crate::aside::Made;
use crate::{own_sku, plan};

/// Each of the three columns is unique by itself, and people may have filled in one alone.
const COLUMNS: [&str; 3] = ["$or[0][barcode][]", "$or[1][ean][]", "$or[2][upc][]"];
const FIELDS: &str = "id,sku,barcode,ean,upc,metadata,product_id,product.external_id,product.status,product.metadata";

#[derive(Deserialize)]
struct Holders {
    variants: Vec<Holder>,
}

/// A variant that has a code.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Holder {
    id: String,
    sku: Option<String>,
    product_id: String,
    metadata: Option<Metadata>,
    product: Option<HolderProduct>,
    #[serde(flatten)]
    columns: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct HolderProduct {
    external_id: Option<String>,
    status: String,
    metadata: Option<Metadata>,
}

impl Holder {
    /// It is not for sale by our doing, or about to be, and lends its codes to who is; or the member
    /// that it is of moves, and its codes with it.
    fn lends(&self, coded: &[Coded<'_, '_>], to: &ProductKey) -> bool {
        let gone = Variant { metadata: self.metadata.clone(), ..Variant::default() };
        let withdrawn = self.product.as_ref().is_some_and(|product| {
            let ours = Made::of(product.metadata.as_ref()).is_some_and(|made| made.status != "published");
            ours && product.status != "published"
        });
        withdrawn
            || plan::is_gone(&gone)
            || self.member().as_ref() == Some(to)
            || coded.iter().any(|one| self.goes_with(one))
    }

    /// The product that it is of: its own, or a member.
    fn member(&self) -> Option<ProductKey> {
        let owner = self.product.as_ref()?.external_id.as_deref()?.parse().ok()?;
        Some(own_sku::owner_of(&owner, self.metadata.as_ref()))
    }

    /// The article of this batch that it belongs to has neither it nor its codes any more.
    fn goes_with(&self, (offer, there): &Coded<'_, '_>) -> bool {
        let has: Vec<&str> = plan::codes_standing(&self.columns).map(|(_, code)| code).collect();
        let wants = |variant: &crate::desired::Variant| {
            let mut codes = variant.columns.values().filter_map(Value::as_str);
            Some(&variant.sku) == self.sku.as_ref() || codes.any(|code| has.contains(&code))
        };
        there.is_some_and(|there| there.id == self.product_id) && !offer.article.variants.iter().any(wants)
    }
}

/// An offer, and its product as it is.
pub(super) type Coded<'c, 'a> = (&'c Offer<'a>, Option<&'c Product>);

/// The codes of an offer that are not where they should be, each with its variant's SKU.
fn missing<'c>((offer, there): &Coded<'c, '_>) -> Vec<(&'c str, String)> {
    let mut missing = Vec::new();
    for variant in &offer.article.variants {
        let row = there.and_then(|there| there.variants.iter().find(|row| row.sku.as_ref() == Some(&variant.sku)));
        for (column, code) in plan::codes_wanted(variant, row.and_then(|row| row.metadata.as_ref())) {
            let there = row.and_then(|row| row.columns.get(column));
            if let (Some(text), true) = (code.as_str(), there != Some(&code)) {
                missing.push((variant.sku.as_str(), text.to_owned()));
            }
        }
    }
    missing
}

/// The codes that are where they should be.
fn in_place(coded: &Coded<'_, '_>) -> BTreeSet<String> {
    let (offer, there) = coded;
    let missing: BTreeSet<&str> = missing(coded).into_iter().map(|(sku, _)| sku).collect();
    let rows = there.iter().flat_map(|there| &there.variants);
    let wanted = |sku: &str| offer.article.variants.iter().any(|variant| variant.sku == sku) && !missing.contains(sku);
    let right = rows.filter(|row| row.sku.as_deref().is_some_and(wanted));
    right.flat_map(|row| plan::codes_standing(&row.columns)).map(|(_, code)| code.to_owned()).collect()
}

/// By offer, the SKUs of variants whose code cannot be theirs: another product's variant has it and
/// does not lend it to them, or one before it in the batch gets it. What a product's own variants
/// have is the plan's to sort out.
fn not_free(coded: &[Coded<'_, '_>], held: &BTreeMap<String, Vec<Holder>>) -> BTreeMap<usize, BTreeSet<String>> {
    let mut claimed: BTreeSet<String> = coded.iter().flat_map(in_place).collect();
    let of = |one: &Coded<'_, '_>| {
        let own = one.1.map(|there| there.id.as_str());
        let mut mine: BTreeMap<String, &str> = BTreeMap::new();
        let taken = missing(one).into_iter().filter(|(sku, code)| {
            let others = held.get(code).into_iter().flatten().filter(|holder| Some(holder.product_id.as_str()) != own);
            // In several columns it is still one code of one variant.
            let first = mine.get(code).is_some_and(|owner| owner == sku) || claimed.insert(code.clone());
            let member = Heir::of(one.0).member(sku);
            let taken = !first || others.into_iter().any(|holder| !holder.lends(coded, &member));
            if !taken {
                mine.insert(code.clone(), sku);
            }
            taken
        });
        let taken: BTreeSet<String> = taken.map(|(sku, _)| sku.to_owned()).collect();
        (one.0.slot, taken)
    };
    coded.iter().map(of).collect()
}

impl Shop {
    /// By offer, the SKUs of those variants whose bar code another product's variant has. One that
    /// is not for sale lends it. Costs nothing where every code is where it should be.
    pub(super) async fn codes_of_others(
        &self,
        coded: &[Coded<'_, '_>],
        deadline: Instant,
    ) -> Result<BTreeMap<usize, BTreeSet<String>>, ApiError> {
        let wanted: BTreeSet<String> = coded.iter().flat_map(missing).map(|(_, code)| code).collect();
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let mut holders: BTreeMap<String, Holder> = BTreeMap::new();
        for chunk in split_alternatives(&COLUMNS, &wanted) {
            let limit = (COLUMNS.len() * chunk.len()).to_string();
            let mut query: Vec<(&str, &str)> =
                COLUMNS.iter().flat_map(|column| chunk.iter().map(|code| (*column, *code))).collect();
            query.extend([("fields", FIELDS), ("limit", limit.as_str())]);
            let Holders { variants } = self.medusa.get("/admin/product-variants", &query, deadline).await?;
            holders.extend(variants.into_iter().map(|holder| (holder.id.clone(), holder)));
        }
        let mut held: BTreeMap<String, Vec<Holder>> = BTreeMap::new();
        for holder in holders.values() {
            let codes: BTreeSet<&str> = plan::codes_standing(&holder.columns).map(|(_, code)| code).collect();
            for code in codes {
                held.entry(code.to_owned()).or_default().push(holder.clone());
            }
        }
        let mut taken = not_free(coded, &held);
        for one @ (offer, there) in coded {
            let taken = taken.entry(offer.slot).or_default();
            let needs: Vec<(&str, String)> =
                missing(one).into_iter().filter(|(sku, _)| !taken.contains(*sku)).collect();
            for holder in holders.values().filter(|holder| there.is_none_or(|there| there.id != holder.product_id)) {
                let needed: BTreeSet<&str> = needs.iter().map(|(_, code)| code.as_str()).collect();
                match self.lend(holder, &needed, deadline).await {
                    Ok(()) => {}
                    Err(error) if error.refusal().is_some() => {
                        let has: BTreeSet<&str> = plan::codes_standing(&holder.columns).map(|(_, code)| code).collect();
                        tracing::info!(product = %offer.key, %error, "a bar code was not lent");
                        let without = needs.iter().filter(|(_, code)| has.contains(code.as_str()));
                        taken.extend(without.map(|(sku, _)| (*sku).to_owned()));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(taken)
    }

    /// Takes codes from who lends them to all that need them.
    async fn lend(&self, holder: &Holder, needed: &BTreeSet<&str>, deadline: Instant) -> Result<(), ApiError> {
        let write = plan::lend_codes(&holder.id, &holder.columns, holder.metadata.as_ref(), needed);
        let Some(write) = write else { return Ok(()) };
        let batch = VariantsBatch { update: vec![write], ..VariantsBatch::default() };
        let path = format!("/admin/products/{}/variants/batch", holder.product_id);
        let _: IgnoredAny = self.medusa.post(&path, &[("fields", "id")], &batch, deadline).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::articles::MEMBER;
    use crate::desired::Article;
    use crate::push::Depth;
    use crate::stock::Recall;
    use crate::testing::{article, held, key};

    fn coded(codes: &[&str]) -> Article {
        let mut article = article(codes.len());
        for (variant, code) in article.variants.iter_mut().zip(codes) {
            variant.columns.insert("barcode", json!(code));
        }
        article
    }

    fn taken(articles: &[(&Article, Option<&Product>)], held: &BTreeMap<String, Vec<Holder>>) -> Vec<Vec<String>> {
        taken_of(&key("demo:1"), articles, held)
    }

    fn taken_of(
        key: &ProductKey,
        articles: &[(&Article, Option<&Product>)],
        held: &BTreeMap<String, Vec<Holder>>,
    ) -> Vec<Vec<String>> {
        let recall = Recall::default();
        let offers: Vec<Offer<'_>> = articles
            .iter()
            .enumerate()
            .map(|(slot, (article, _))| Offer {
                slot,
                key,
                article,
                marker: "",
                depth: Depth::Light,
                recall: &recall,
                handle: None,
                moves: false,
                waits: None,
                released: false,
                left: None,
            })
            .collect();
        let all: Vec<Coded<'_, '_>> = offers.iter().zip(articles).map(|(offer, (_, there))| (offer, *there)).collect();
        not_free(&all, held).into_values().map(|skus| skus.into_iter().collect()).collect()
    }

    #[test]
    fn of_one_code_only_one_variant_is_the_holder() {
        let article = coded(&["111", "222", "222"]);
        let other = Holder { product_id: "prod_9".into(), ..Holder::default() };
        let elsewhere = [("111".to_owned(), vec![other])].into();
        let all = taken(&[(&article, None), (&article, None)], &elsewhere);
        assert_eq!(all[0], ["demo-1-0", "demo-1-2"]);
        assert_eq!(all[1].len(), 3, "in the same batch");
        // Who has it and is to have it keeps it, whatever comes before in the batch.
        let there = crate::api::model::Product { id: "prod_2".into(), ..held(&key("demo:1"), &coded(&["222"])) };
        let all = taken(&[(&article, None), (&coded(&["222"]), Some(&there))], &BTreeMap::new());
        assert_eq!((all[0].as_slice(), all[1].len()), (["demo-1-1", "demo-1-2"].map(str::to_owned).as_slice(), 0));
    }

    #[test]
    fn who_leaves_its_product_in_the_same_batch_lends_its_code() {
        let there = crate::api::model::Product { id: "prod_2".into(), ..held(&key("demo:1"), &article(1)) };
        let columns = [("barcode".to_owned(), json!("222"))].into();
        let leaving = Holder { sku: Some("old".into()), product_id: "prod_2".into(), columns, ..Holder::default() };
        let holder = |sku: &str| -> BTreeMap<String, Vec<Holder>> {
            [("222".to_owned(), vec![Holder { sku: Some(sku.into()), ..leaving.clone() }])].into()
        };
        let (heir, rest) = (coded(&["222"]), article(1));
        assert_eq!(taken(&[(&heir, None), (&rest, Some(&there))], &holder("old"))[0].len(), 0);
        assert_eq!(taken(&[(&heir, None), (&rest, Some(&there))], &holder("demo-1-0"))[0].len(), 1, "it stays");
        assert_eq!(taken(&[(&heir, None)], &holder("old"))[0].len(), 1, "nobody says that it goes");
    }

    #[test]
    fn what_is_not_for_sale_by_our_doing_lends_its_codes() {
        let metadata = |key: &str, value: Value| Some([(key.to_owned(), value)].into());
        let product = |made: &str, status: &str| {
            let metadata = metadata(crate::aside::MADE, json!({"status": made}));
            Some(HolderProduct { status: status.into(), metadata, external_id: None })
        };
        let gone = metadata(plan::GONE, json!({"since": "2026-01-01T00:00:00Z"}));
        let cases = [
            (Holder { metadata: gone, product: product("published", "published"), ..Holder::default() }, true),
            (Holder { product: product("draft", "draft"), ..Holder::default() }, true),
            (Holder { product: product("published", "draft"), ..Holder::default() }, false),
            (Holder { product: product("published", "published"), ..Holder::default() }, false),
            (Holder::default(), false),
        ];
        for (holder, lends) in cases {
            assert_eq!(holder.lends(&[], &key("demo:1")), lends, "{holder:?}");
        }
    }

    /// Its product is still for sale, and is withdrawn once the article shows the member.
    #[test]
    fn codes_go_with_a_member_into_its_article_out_of_it_and_to_nobody_else() {
        let member = |member: &str| -> Metadata { [(MEMBER.to_owned(), member.into())].into() };
        let held_by = |external_id: &str, metadata: Option<Metadata>| -> BTreeMap<String, Vec<Holder>> {
            let product = HolderProduct {
                external_id: Some(external_id.into()),
                status: "published".into(),
                ..HolderProduct::default()
            };
            let holder = Holder { product_id: "prod_9".into(), product: Some(product), metadata, ..Holder::default() };
            [("111".to_owned(), vec![holder])].into()
        };
        let mut in_article = coded(&["111"]);
        in_article.variants[0].metadata = member("demo:2");
        let (one, other) = ("demo~article:G", "demo~article:H");
        let by_itself = coded(&["111"]);
        for (heir, article, holder, of, taken) in [
            (one, &in_article, "demo:2", None, 0),
            (one, &in_article, other, Some(member("demo:2")), 0),
            ("demo:2", &by_itself, one, Some(member("demo:2")), 0),
            (one, &in_article, "demo:3", None, 1),
            (one, &in_article, other, Some(member("demo:3")), 1),
            ("demo:2", &by_itself, one, Some(member("demo:3")), 1),
            ("demo:2", &by_itself, "made by a person", None, 1),
        ] {
            let all = taken_of(&key(heir), &[(article, None)], &held_by(holder, of));
            assert_eq!(all[0].len(), taken, "{heir} of {holder}");
        }
    }
}
