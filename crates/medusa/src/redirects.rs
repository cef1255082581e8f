//! Where a shop's old addresses lead.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::address::redirects;
use crate::api::model::Product;
use crate::articles::MEMBERS;
use crate::aside::MOVED_TO;

/// An old address and where it leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Redirect {
    /// A handle that is nobody's any more.
    pub from: String,
    /// The handle of a product that is for sale.
    pub to: String,
    /// Which product.
    pub product: String,
}

/// The redirects of a shop, by old handle. What leads somewhere is the handle of no product that
/// customers find, and what it leads to is one that the storefront of `channel` shows: there are no
/// chains and no loops, and nobody is sent to a page that is not there. `products` are all of the
/// shop, drafts too.
///
/// The draft of a product that an article shows leads there with all its addresses, and that of an
/// article whose members are shown elsewhere to the first of those that it showed last. All other
/// drafts keep theirs.
#[must_use]
pub fn table(products: &[Product], channel: &str) -> Vec<Redirect> {
    let mut sorted: Vec<&Product> = products.iter().collect();
    // What is shown comes first: of two that had an address it is theirs.
    sorted.sort_by_key(|product| (!is_shown(product, channel), &product.id));
    let shown = Shown::of(sorted.iter().copied().filter(|product| is_shown(product, channel)));
    let heads: Vec<(&Product, &Product)> =
        sorted.into_iter().filter_map(|product| Some((product, shown.instead_of(product, channel)?))).collect();
    let moved: BTreeSet<&str> =
        heads.iter().filter(|(product, to)| product.id != to.id).map(|(product, _)| product.handle.as_str()).collect();
    let live: BTreeSet<&str> =
        products.iter().map(|product| product.handle.as_str()).filter(|handle| !moved.contains(handle)).collect();
    let mut told = BTreeSet::new();
    let mut table = Vec::new();
    for (product, to) in heads {
        let own = (product.id != to.id).then(|| product.handle.clone());
        for from in redirects(product.metadata.as_ref()).into_iter().chain(own) {
            if !live.contains(from.as_str()) && told.insert(from.clone()) {
                let product = to.external_id.clone().unwrap_or_default();
                table.push(Redirect { from, to: to.handle.clone(), product });
            }
        }
    }
    table.sort();
    table
}

/// What customers find, by external id, and the articles among it by member.
struct Shown<'p> {
    by_key: BTreeMap<&'p str, &'p Product>,
    by_member: BTreeMap<&'p str, &'p Product>,
}

impl<'p> Shown<'p> {
    fn of(products: impl Iterator<Item = &'p Product>) -> Self {
        let mut shown = Self { by_key: BTreeMap::new(), by_member: BTreeMap::new() };
        for product in products {
            if let Some(key) = product.external_id.as_deref() {
                shown.by_key.entry(key).or_insert(product);
            }
            for member in members(product) {
                shown.by_member.entry(member).or_insert(product);
            }
        }
        shown
    }

    /// Where customers find what a product was; itself, where they find that.
    fn instead_of(&self, product: &'p Product, channel: &str) -> Option<&'p Product> {
        if is_shown(product, channel) {
            return Some(product);
        }
        let said = product.metadata.as_ref().and_then(|metadata| metadata.get(MOVED_TO)).and_then(Value::as_str);
        let key = product.external_id.as_deref()?;
        let article = said.and_then(|article| self.by_key.get(article)).or_else(|| self.by_member.get(key));
        let elsewhere = |member| self.by_key.get(member).or_else(|| self.by_member.get(member));
        article.or_else(|| members(product).find_map(elsewhere)).copied()
    }
}

/// The members that an article shows, or last showed.
pub fn members(product: &Product) -> impl Iterator<Item = &str> {
    let list = product.metadata.as_ref().and_then(|metadata| metadata.get(MEMBERS)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// Whether customers of this channel find a product.
fn is_shown(product: &Product, channel: &str) -> bool {
    product.status == "published" && product.sales_channels.iter().flatten().any(|own| own.id == channel)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::address::REDIRECTS;
    use crate::api::model::Ref;

    #[test]
    fn what_an_article_shows_leads_to_it_and_back_when_it_is_switched_off() {
        let product = |id: &str, handle: &str, shown: bool, metadata: Value| -> Product {
            serde_json::from_value(json!({"id": format!("prod_{handle}"), "handle": handle, "external_id": id,
                "status": if shown { "published" } else { "draft" }, "sales_channels": [{"id": "sc_1"}], "metadata": metadata}))
            .unwrap()
        };
        let led = |products: &[Product]| -> Vec<String> {
            table(products, "sc_1").iter().map(|row| format!("{} > {}", row.from, row.to)).collect()
        };
        let members = json!({MEMBERS: ["demo:1", "demo:2", "demo:3"]});
        let of = |shown: [bool; 3]| {
            let moved = json!({MOVED_TO: "demo~article:G", REDIRECTS: ["older"]});
            [
                product("demo~article:G", "dress", shown[0], members.clone()),
                product("demo:1", "dress-red", shown[1], moved),
                // Of a version before, which did not note where it moved to.
                product("demo:2", "dress-blue", shown[2], json!(null)),
                product("demo:9", "by-person", false, json!({REDIRECTS: ["gone"]})),
            ]
        };
        let on = ["dress-blue > dress", "dress-red > dress", "older > dress"];
        assert_eq!(led(&of([true, false, false])), on);
        assert_eq!(led(&of([true, true, false])), ["dress-blue > dress", "older > dress-red"], "half of it has moved");
        assert_eq!(led(&of([false, true, true])), ["dress > dress-red", "older > dress-red"], "switched off");
        assert_eq!(led(&of([false, false, true])), ["dress > dress-blue"], "its first member is not for sale");
        assert_eq!(led(&of([false, false, false])), Vec::<String>::new());
        // All have another group by now; none was ever by itself.
        let mut regrouped = of([false, false, false]);
        regrouped[1] = product("demo~article:H", "gown", true, json!({MEMBERS: ["demo:3"]}));
        assert_eq!(led(&regrouped), ["dress > gown"]);
    }

    type Row = (u8, u8, Vec<u8>, u8, Vec<u8>);

    /// A product of a shop whose people rename, and whose products come and go.
    fn shelf() -> impl Strategy<Value = Vec<Product>> {
        let one =
            (0..40u8, 0..6u8, proptest::collection::vec(0..6u8, 0..4), 0..4u8, proptest::collection::vec(0..8u8, 0..3));
        proptest::collection::vec(one, 0..8).prop_map(|rows| {
            let mut taken = BTreeSet::new();
            let rows = rows.into_iter().filter(|(_, handle, ..)| taken.insert(*handle));
            let product = |(n, (id, handle, old, place, members)): (usize, Row)| Product {
                id: format!("prod_{id}_{n}"),
                handle: handle.to_string(),
                external_id: Some(format!("demo:{n}")),
                status: if place == 0 { "draft" } else { "published" }.into(),
                sales_channels: if place == 1 { vec![] } else { vec![Some(Ref::to("sc_1"))] },
                metadata: Some(
                    [
                        (REDIRECTS.to_owned(), json!(old.iter().map(u8::to_string).collect::<Vec<_>>())),
                        (MEMBERS.to_owned(), json!(members.iter().map(|n| format!("demo:{n}")).collect::<Vec<_>>())),
                        (MOVED_TO.to_owned(), json!(format!("demo:{}", id % 8))),
                    ]
                    .into(),
                ),
                ..Product::default()
            };
            rows.enumerate().map(product).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn redirects_lead_to_what_is_for_sale_at_once(products in shelf()) {
            let table = table(&products, "sc_1");
            let shown = products.iter().filter(|product| is_shown(product, "sc_1"));
            let live: BTreeSet<&str> = shown.map(|product| product.handle.as_str()).collect();
            let mut seen = BTreeSet::new();
            for row in &table {
                prop_assert!(!live.contains(row.from.as_str()) && seen.insert(&row.from));
                prop_assert!(products.iter().any(|p| p.handle == row.to && is_shown(p, "sc_1")));
            }
            for product in products.iter().filter(|product| is_shown(product, "sc_1")) {
                for old in redirects(product.metadata.as_ref()) {
                    let others = products.iter().any(|product| product.handle == old);
                    prop_assert!(others || seen.contains(&old), "{old} leads nowhere");
                }
            }
        }
    }
}
