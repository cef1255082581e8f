//! Members whose article shows them already, and members that wait for others.

use super::*;

use ledger::Call;

/// What was asked of the ledger since the last look: writes of products and articles, and whether
/// anybody asked who the members are.
fn asked(lab: &Lab<'_>) -> (usize, bool) {
    let calls = lab.function.memory.table().take_calls();
    let of_them = |call: &&Call| matches!(call, Call::Write(key, _) if !key.pk.starts_with("T#"));
    let writes = calls.iter().filter(of_them).count();
    (writes, calls.iter().any(|call| matches!(call, Call::Query(_))))
}

#[tokio::test]
async fn a_member_that_its_article_shows_costs_what_an_unchanged_product_costs() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-stand").await;
    let (article, keys) = (lab.place(0, "G"), lab.keys.clone());
    let state = [Some(BLACK), Some(RED), Some(WHITE)];
    lab.say(state).await;
    assert_eq!(failures(&lab.push(&keys).await), Vec::<String>::new());
    asked(&lab);
    assert_eq!(failures(&lab.push(&keys[..1]).await), Vec::<String>::new());
    assert_eq!(asked(&lab), (2, false), "a claim and a completion");

    // What its siblings are to become is their own affair.
    let dearer = Some(("G", "Red", SM, "25", false));
    lab.say_of(1, dearer).await;
    assert_eq!(failures(&lab.push(&keys[..1]).await), Vec::<String>::new());
    assert_eq!(asked(&lab), (2, false));
    assert_eq!(lab.sold().await, lab.wanted(&state));

    // A push of another shows it, and then it is changed back: what it was last made to show itself
    // is not what the shop shows.
    let all = [Some(("G", "Black", SM, "21", false)), dearer, Some(WHITE)];
    lab.say_of(0, all[0]).await;
    assert_eq!(failures(&lab.push(&keys[..1]).await), Vec::<String>::new());
    assert_eq!(lab.sold().await, lab.wanted(&all));
    lab.say_of(1, Some(RED)).await;
    assert_eq!(failures(&lab.push(&keys[1..2]).await), Vec::<String>::new());
    assert_eq!(lab.sold().await, lab.wanted(&[all[0], Some(RED), Some(WHITE)]));

    // What people changed in the shop is put right, as with any product.
    let id = real.admin_product(&article).await.unwrap()["id"].as_str().unwrap().to_owned();
    real.admin_post(&format!("/admin/products/{id}"), &json!({"title": "Sale!"})).await;
    assert_eq!(failures(&lab.push(&keys[2..]).await), Vec::<String>::new());
    assert_eq!(real.admin_product(&article).await.unwrap()["title"], "Maxi dress");
}

#[tokio::test]
async fn what_is_noted_of_an_article_that_somebody_holds_is_not_relied_on() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-stand-leased").await;
    let (article, keys) = (lab.place(0, "G"), lab.keys.clone());
    lab.say([Some(BLACK), Some(RED), None]).await;
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    let now = runtime::Clock::now_ms(&lab.function.clock);
    lab.function.memory.claim_article(&article, &ledger::Owner("another".into()), now).await.unwrap();
    let outcomes = lab.push(&keys[..1]).await;
    let Outcome::Failed(failure) = &outcomes[&keys[0]] else { panic!("{outcomes:?}") };
    assert_eq!(failure.code, worker::codes::LEASED);
}

#[tokio::test]
async fn in_a_full_batch_scattered_colours_wait_once_and_whoever_comes_first_brings_them_all() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-gather").await;
    let (article, keys) = (lab.place(0, "G"), lab.keys.clone());
    let state = [Some(BLACK), Some(RED), Some(WHITE)];
    lab.say(state).await;
    // The PIM lacks the others, which makes the batch no shorter.
    let others: Vec<ProductKey> = (0..48).map(|_| real.new_key()).collect();
    for key in &keys {
        let batch: Vec<ProductKey> = others.iter().cloned().chain([key.clone()]).collect();
        let outcomes = lab.push(&batch).await;
        assert!(matches!(outcomes[key], Outcome::Again(_)), "{:?}", outcomes[key]);
        let state = lab.function.memory.state(key);
        assert_eq!((state.homes, state.medusa.owner, state.medusa.attempts), (vec![article.clone()], None, 0));
    }
    assert_eq!(real.admin_product(&article).await, None);
    let batch: Vec<ProductKey> = others.iter().cloned().chain([keys[0].clone()]).collect();
    assert_eq!(lab.push(&batch).await[&keys[0]], Outcome::Done);
    assert_eq!(lab.sold().await, lab.wanted(&state));
    asked(&lab);
    assert_eq!(failures(&lab.push(&keys[1..]).await), Vec::<String>::new());
    assert_eq!(asked(&lab), (4, false), "they are shown already");
    assert!(keys.iter().all(|key| lab.function.memory.state(key).pending_since.is_none()));
}
