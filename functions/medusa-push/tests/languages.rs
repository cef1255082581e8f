//! A language that the PIM has beside English and Arabic, from a document to a real shop: the
//! product, its category, and what stands in.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::sync::Arc;

use catalog::{Category, CategoryPath, ContentHash, Localized, Product, ProductKey, Version};
use common::support::Real;
use common::{Function, dress};
use medusa::{Categories, Shop};
use medusa_push::map;
use pimcore::{Claim, Pimcore, ProductInput, Provenance, WriteOutcome};
use serde_json::{Value, json};
use testing::standin::{StandIn, later};
use worker::access::medusa::OpenShop;

/// Brings a product and its category to the PIM as pimcore-sync does.
async fn bring(pimcore: &Pimcore, product: &Product, n: u64) {
    let version = Version::new(9_000_000_000_000 + n, "0", 0);
    let claims = [Claim { source: &product.source, version: &version, path: &product.categories[0] }];
    let placed = pimcore.place_categories(&claims, true, later()).await.unwrap();
    let category = placed.id_of(&product.source, &product.categories[0]).unwrap().unwrap();
    let provenance = Provenance {
        hash: ContentHash::of(product),
        version: version.clone(),
        feed_run: "run".into(),
        imported_at: jiff::Timestamp::UNIX_EPOCH,
    };
    let languages = pimcore.field_languages(later()).await.unwrap();
    let key = product.key().unwrap();
    let heads = pimcore.read_products(std::slice::from_ref(&key), later()).await.unwrap();
    let input = ProductInput::new(product, &provenance, &[]).unwrap().in_languages(product, &languages);
    let existing = heads.contains_key(&key).then(|| pimcore::ProductPath::of(&key));
    let write =
        pimcore::Write { key, existing, read: None, publish_new: true, input: input.in_categories(&[category]) };
    for (key, outcome) in pimcore.write(vec![write], later()).await {
        assert!(matches!(outcome, WriteOutcome::Saved(_)), "{key}: {outcome:?}");
    }
}

fn opened(real: &Real, languages: &str) -> Arc<OpenShop> {
    let mut references = real.shop.references.clone();
    references.languages = languages.parse().unwrap();
    let shop = Shop { medusa: common::support::medusa_client().unwrap(), references };
    Arc::new(OpenShop { shop, categories: Categories::default() })
}

async fn shown(real: &Real, key: &ProductKey) -> (String, Value, String) {
    let there = real.admin_product(key).await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&there["title"]), there["metadata"][map::LANGUAGE].clone(), text(&there["categories"][0]["name"]))
}

#[tokio::test]
async fn a_german_name_reaches_the_shop_as_a_german_one_and_stands_in_marked_until_its_own_comes() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::speaking("speaking", "de,pt_BR").await;
    let in_german = |product: &mut Product| {
        product.name = Localized::default().with("de", "Kleid");
        product.description = Localized::default().with("de", "<p>Lang</p>");
        let name = Localized::default().with("de", "Damen");
        product.categories = vec![CategoryPath(vec![Category { id: format!("{}-w", product.id), name }])];
    };
    for (tags, asked, expected) in [
        // The shop shows German, and Pimcore has it.
        ("en,de", "en,de", ("Kleid", json!("de"), "Damen")),
        ("de,en", "de,en", ("Kleid", Value::Null, "Damen")),
        // It is shown neither English nor Arabic: what there is stands in, and is not called
        // English.
        ("en,ar", "en,ar", ("Kleid", json!("de"), "Damen")),
        // Pimcore lacks French; German stands in.
        ("fr,de", "fr,de", ("Kleid", json!("de"), "Damen")),
    ] {
        let (key, function, open) = (real.new_key(), Function::default(), opened(&real, asked));
        let pimcore = pim.client().showing(tags.parse().unwrap());
        let mut product = dress(&key);
        in_german(&mut product);
        let push = async || {
            let outcomes = function.run(&pimcore, &open, std::slice::from_ref(&key)).await;
            assert!(outcomes.values().all(|outcome| *outcome == runtime::Outcome::Done), "{outcomes:?}");
        };
        bring(&pimcore, &product, 0).await;
        push().await;
        let (title, language, category) = shown(&real, &key).await;
        assert_eq!((title.as_str(), language, category.as_str()), expected, "{tags}");

        // Its own comes.
        product.name = product.name.with("en", "Dress").with("fr", "Robe");
        bring(&pimcore, &product, 1).await;
        push().await;
        let (title, language, _) = shown(&real, &key).await;
        let own = match tags {
            "de,en" => ("Kleid", Value::Null),
            // French stays in the ledger, with a remark; German goes before English.
            "fr,de" => ("Kleid", json!("de")),
            _ => ("Dress", Value::Null),
        };
        assert_eq!((title.as_str(), language), own, "{tags}");
        let fields = pim.view(&common::path(&key)).unwrap();
        assert_eq!(fields.to_string().contains("Pimcore lacks the language fr"), tags == "fr,de", "{fields}");
    }
}
