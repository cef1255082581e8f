//! What is configured wrongly is named, because Medusa accepts wrong ids without a word.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::support;

use catalog::ErrorKind;
use medusa::{PriceLists, References};
use serde_json::json;
use support::{Real, deadline};

#[tokio::test]
async fn every_wrong_reference_is_named_and_leaves_the_messages_waiting() {
    let Some(real) = Real::connect().await else { return };
    let here = &real.shop.references;
    let (channel, location) = (here.sales_channel_id.as_str(), here.stock_location_id.as_str());
    let body = json!({"name": "Unlinked", "address": {"address_1": "-", "city": "-", "country_code": "sa"}});
    let unlinked = real.admin_post("/admin/stock-locations", &body).await;
    let unlinked = unlinked["stock_location"]["id"].as_str().unwrap();
    for (channel, location, profile, named) in [
        ("sc_nowhere", location, None, "there is no sales channel: sc_nowhere"),
        (channel, "sloc_nowhere", None, "there is no stock location: sloc_nowhere"),
        (channel, unlinked, None, "is not linked to sales channel"),
        (channel, location, Some("sp_nowhere"), "there is no shipping profile: sp_nowhere"),
    ] {
        let failure = References::check(&real.shop.medusa, channel, location, profile, deadline()).await.unwrap_err();
        assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, "medusa_wrong_reference"));
        assert!(failure.message.contains(named), "{}", failure.message);
    }
    let found = References::check(&real.shop.medusa, channel, location, None, deadline()).await.unwrap();
    // The check makes and looks for no price lists.
    let (retention, handles) = (medusa::plan::RETENTION, medusa::HandleTemplate::default());
    assert_eq!(found, References { price_lists: PriceLists::default(), retention, handles, ..here.clone() });
    assert!(found.translations && found.currencies.contains("sar") && found.locales.contains("ar-SA"), "{found:?}");
}
