//! Pieces where the supplier's figures know none of our orders: what was sold stays sold, wherever
//! the shop shows them.

use super::*;

fn knows_no_order(real: &Real, kind: Kind) -> Arc<OpenShop> {
    let mut open = Arc::into_inner(grouped(real, kind)).unwrap();
    open.shop.references.stock = r#"{"test": {"figure": "before-orders"}}"#.parse().unwrap();
    // As a shop is set up: what is gone stays sold out, with its item.
    open.shop.references.retention = medusa::plan::RETENTION;
    Arc::new(open)
}

#[tokio::test]
async fn a_member_that_was_hidden_comes_back_by_itself_with_what_was_sold() {
    let Some(real) = Real::connect().await else { return };
    let orders = Orders::open(&real).await;
    let mut lab = Lab::new(&real, "articles-hidden").await;
    let keys = lab.keys.clone();
    lab.open = knows_no_order(&real, Kind::Grouped);
    lab.say([Some(BLACK), Some(RED), None]).await;
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    let sku = format!("{}-S", keys[1].id());
    let order = orders.place(&sku, "sar", 4).await.unwrap();
    orders.fulfil(&order, 4).await;
    let (item, stocked, reserved) = shelf(&real, &sku).await;
    assert_eq!((stocked, reserved), (3, 0));
    // It is hidden, loses its group, and is shown again.
    for (group, hidden, left) in [("G", true, 0), ("", true, 0), ("", false, 3)] {
        lab.say_of(1, Some((group, "Red", SM, "20", hidden))).await;
        assert_eq!(failures(&lab.push(&keys[1..2]).await), Vec::<String>::new(), "{group:?} {hidden}");
        assert_eq!(shelf(&real, &sku).await, (item.clone(), left, 0), "{group:?} {hidden}");
    }
    assert_eq!(real.shown(&keys[1]).await.unwrap().variants[&sku].stock, 3);
}

#[tokio::test]
async fn who_brings_an_article_takes_over_what_was_sold_of_a_member_that_is_not_at_work() {
    let Some(real) = Real::connect().await else { return };
    let orders = Orders::open(&real).await;
    let mut lab = Lab::new(&real, "articles-raced").await;
    let (keys, article) = (lab.keys.clone(), lab.place(0, "G"));
    lab.open = knows_no_order(&real, Kind::Separate);
    lab.say([Some(BLACK), Some(RED), None]).await;
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    let sku = format!("{}-S", keys[1].id());
    let order = orders.place(&sku, "sar", 4).await.unwrap();
    orders.fulfil(&order, 4).await;
    let before = shelf(&real, &sku).await;
    assert_eq!((before.1, before.2), (3, 0));
    // It joins, and somebody else is at work on the article.
    lab.open = knows_no_order(&real, Kind::Grouped);
    let (memory, another) = (&lab.function.memory, ledger::Owner("another".into()));
    memory.claim_article(&article, &another, Clock::now_ms(&lab.function.clock)).await.unwrap();
    assert_eq!(failures(&lab.push(&keys[1..2]).await).len(), 1);
    memory.give_back(&article, &another).await.unwrap();
    for n in [0, 1] {
        assert_eq!(failures(&lab.push(&keys[n..=n]).await), Vec::<String>::new());
        assert_eq!(shelf(&real, &sku).await, before, "{n}");
    }
    assert_eq!(real.shown(&article).await.unwrap().variants[&sku].stock, 3);
}
