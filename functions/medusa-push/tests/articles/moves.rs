//! A member takes its SKUs along, whatever holds up those beside whom it was shown.

use super::*;

/// As many sizes.
fn sizes(n: usize) -> &'static [&'static str] {
    let each = (0..n).map(|size| -> &'static str { format!("size{size}").leak() });
    each.collect::<Vec<_>>().leak()
}

/// How many SKUs can be bought at a place.
async fn buyable(real: &Real, place: &ProductKey) -> usize {
    let shown = real.shown(place).await;
    shown.map_or(0, |shown| shown.variants.values().filter(|own| own.stock > 0 && !own.prices.is_empty()).count())
}

fn unreadable(key: &ProductKey) -> Value {
    json!({"prices": [{"sku": format!("{}-S", key.id()), "currency": "SAR", "amount": "twenty"}]})
}

/// Who has no room in its article is shown by itself, and comes back when there is room.
#[tokio::test]
async fn a_member_goes_apart_and_comes_back_with_its_skus() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-apart").await;
    lab.keys.sort();
    let (article, keys, fifty) = (lab.place(0, "G"), lab.keys.clone(), sizes(50));
    lab.say([Some(("G", "Black", sizes(200), "20", false)), None, Some(("G", "White", fifty, "30", false))]).await;
    assert_eq!(failures(&lab.push(&[keys[0].clone(), keys[2].clone()]).await), Vec::<String>::new());
    assert_eq!(buyable(&real, &article).await, 250);
    // One comes that goes before the other.
    lab.say_of(1, Some(("G", "Red", fifty, "20", false))).await;
    for n in [1, 2] {
        assert_eq!(failures(&lab.push(&keys[n..=n]).await), Vec::<String>::new());
    }
    assert_eq!((buyable(&real, &article).await, buyable(&real, &keys[2]).await), (250, 50));
    // It goes, and there is room.
    lab.say_of(1, None).await;
    for n in [1, 2] {
        assert_eq!(failures(&lab.push(&keys[n..=n]).await), Vec::<String>::new());
    }
    assert_eq!((buyable(&real, &article).await, buyable(&real, &keys[2]).await), (250, 0));
}

#[tokio::test]
async fn a_member_leaves_an_article_of_which_another_member_cannot_be_read() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-leaves").await;
    let (article, keys) = (lab.place(0, "G"), lab.keys.clone());
    lab.say([Some(BLACK), Some(RED), None]).await;
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    lab.pim.edit(&path(&keys[0]), unreadable(&keys[0]));
    lab.say_of(1, Some(("", "Red", SM, "20", false))).await;
    assert_eq!(failures(&lab.push(&keys[1..2]).await), Vec::<String>::new());
    assert_eq!((buyable(&real, &article).await, buyable(&real, &keys[1]).await), (2, 2));
}

/// What an article has no room for beside what stays of it is sold where it was.
#[tokio::test]
async fn a_member_stays_by_itself_while_its_choice_is_one_that_cannot_be_read() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-beside").await;
    let (article, keys) = (lab.place(0, "G"), lab.keys.clone());
    lab.say([Some(RED), Some(("", "Red", SM, "20", false)), None]).await;
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    lab.pim.edit(&path(&keys[0]), unreadable(&keys[0]));
    lab.say_of(1, Some(("G", "Red", SM, "20", false))).await;
    for _ in 0..2 {
        let outcomes = lab.push(&keys[1..2]).await;
        let Outcome::Failed(failure) = &outcomes[&keys[1]] else { panic!("{outcomes:?}") };
        assert_eq!(failure.code, "pimcore_unreadable_field");
        assert_eq!((buyable(&real, &article).await, buyable(&real, &keys[1]).await), (2, 2));
    }
    // It can be read, and is another colour.
    lab.say_of(0, Some(BLACK)).await;
    assert_eq!(failures(&lab.push(&keys[1..2]).await), Vec::<String>::new());
    assert_eq!((buyable(&real, &article).await, buyable(&real, &keys[1]).await), (4, 0));
}
