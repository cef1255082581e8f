//! What people did in the shop to a product, or to its article, before it came to another place.

use super::*;

async fn delete(real: &Real, place: &ProductKey) {
    let id = real.admin_product(place).await.unwrap()["id"].as_str().unwrap().to_owned();
    real.shop.medusa.delete(&format!("/admin/products/{id}"), testing::standin::later()).await.unwrap();
}

fn asides(lab: &Lab<'_>, n: usize) -> Vec<String> {
    lab.function.memory.state(&lab.keys[n]).aside.into_iter().map(|aside| aside.what).collect()
}

#[tokio::test]
async fn a_member_of_a_deleted_article_is_shown_by_the_article_that_it_joins() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-deleted").await;
    let (keys, article) = (lab.keys.clone(), lab.place(0, "G"));
    lab.say([Some(BLACK), Some(RED), None]).await;
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    delete(&real, &article).await;
    lab.say([Some(("G", "Black", SM, "22", false)), Some(("G", "Red", SM, "22", false)), None]).await;
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    assert_eq!([asides(&lab, 0), asides(&lab, 1)], [["deleted"], ["deleted"]]);
    lab.say_of(1, Some(("H", "Red", SM, "22", false))).await;
    assert_eq!(failures(&lab.push(&keys[1..2]).await), Vec::<String>::new());
    assert_eq!(real.shown(&lab.place(1, "H")).await.map(|shown| shown.variants.len()), Some(2));
    assert_eq!((asides(&lab, 1), real.shown(&article).await), (vec![], None), "the other stays deleted");
}

#[tokio::test]
async fn a_product_that_a_person_took_off_sale_stays_by_itself_until_it_is_released() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-off-sale").await;
    let (keys, article) = (lab.keys.clone(), lab.place(0, "G"));
    lab.open = grouped(&real, Kind::Separate);
    lab.say([Some(BLACK), Some(RED), Some(WHITE)]).await;
    assert_eq!(failures(&lab.push(&keys).await), Vec::<String>::new());
    let id = real.admin_product(&keys[0]).await.unwrap()["id"].as_str().unwrap().to_owned();
    real.admin_post(&format!("/admin/products/{id}"), &json!({"status": "draft"})).await;
    delete(&real, &keys[1]).await;
    let now = [Some(("G", "Black", SM, "22", false)), Some(("G", "Red", SM, "22", false)), Some(WHITE)];
    lab.say(now).await;
    assert_eq!(failures(&lab.push(&keys).await), Vec::<String>::new());
    let kept = [vec!["draft"], vec!["deleted"], vec![]];
    assert_eq!([0, 1, 2].map(|n| asides(&lab, n)), kept);
    lab.open = grouped(&real, Kind::Grouped);
    assert_eq!(failures(&lab.push(&keys).await), Vec::<String>::new());
    assert_eq!(real.shown(&article).await.map(|shown| shown.variants.len()), Some(2), "the third member's");
    assert_eq!([0, 1, 2].map(|n| asides(&lab, n)), kept);
    assert_eq!((real.shown(&keys[0]).await, real.shown(&keys[1]).await), (None, None));
    for (n, variants) in [(0, 4), (1, 6)] {
        assert!(lab.function.memory.release_aside(&keys[n], 7).await.unwrap());
        assert_eq!(failures(&lab.push(&keys[n..=n]).await), Vec::<String>::new());
        assert_eq!(real.shown(&article).await.map(|shown| shown.variants.len()), Some(variants));
        assert_eq!(asides(&lab, n), Vec::<String>::new());
    }
}
