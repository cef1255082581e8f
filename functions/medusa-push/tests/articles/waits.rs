//! What of an article has to wait is its member's.

use super::*;

/// A person makes a product in Medusa, of this SKU; its id.
async fn made_by_hand(real: &Real, sku: &str) -> String {
    let variant = json!({"title": "One", "sku": sku, "options": {"Size": "One"}, "manage_inventory": false,
        "prices": [{"currency_code": "sar", "amount": 9}]});
    let body = json!({"title": format!("By hand {sku}"), "status": "draft", "options": [{"title": "Size", "values": ["One"]}],
        "variants": [variant]});
    real.admin_post("/admin/products", &body).await["product"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_sku_that_a_person_uses_in_medusa_is_a_failure_of_its_member_alone() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-waits").await;
    let (article, keys) = (lab.place(0, "G"), lab.keys.clone());
    lab.say([Some(BLACK), Some(("G", "Red", ML, "20", false)), Some(WHITE)]).await;
    assert_eq!(failures(&lab.push(&keys).await), Vec::<String>::new());
    let sku = format!("{}-S", keys[1].id());
    let by_hand = made_by_hand(&real, &sku).await;
    // Another member's push finds it, and brings its own; whose it is is told.
    lab.say([Some(("G", "Black", SM, "22", false)), Some(RED), Some(WHITE)]).await;
    lab.function.heard.take();
    assert_eq!(failures(&lab.push(&keys[..1]).await), Vec::<String>::new());
    assert_eq!(lab.function.heard.take().len(), 1);
    for round in 0..2 {
        let outcomes = lab.push(&keys).await;
        let Outcome::Failed(failure) = &outcomes[&keys[1]] else { panic!("{round}: {outcomes:?}") };
        assert_eq!((failure.kind, failure.code.as_str()), (catalog::ErrorKind::Permanent, "medusa_sku_taken"));
        assert!(failure.message.contains(&sku), "{}", failure.message);
        assert_eq!((&outcomes[&keys[0]], &outcomes[&keys[2]]), (&Outcome::Done, &Outcome::Done), "{round}");
        assert_eq!(lab.function.memory.state(&keys[1]).medusa.last_error.unwrap().code, "medusa_sku_taken");
        assert_eq!(lab.function.memory.state(&keys[0]).medusa.last_error, None);
        let sold = lab.sold().await;
        assert_eq!((sold[&article].len(), sold[&article].contains_key(&sku)), (5, false), "{round}: {sold:?}");
        assert_eq!(sold[&article][&format!("{}-S", keys[0].id())].1, "22");
    }
    // That person gives it up.
    real.shop.medusa.delete(&format!("/admin/products/{by_hand}"), testing::standin::later()).await.unwrap();
    assert_eq!(failures(&lab.push(&keys[1..2]).await), Vec::<String>::new());
    assert_eq!(lab.sold().await[&article].len(), 6);
    let fates: Vec<_> = lab.function.memory.members(&article).await.unwrap().into_iter().map(|one| one.fate).collect();
    assert_eq!(fates, vec![None; 3]);
}
