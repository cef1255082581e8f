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
