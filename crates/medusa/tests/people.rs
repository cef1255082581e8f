//! What a person takes off sale in the shop stands until a person ends it; what a person adds
//! stays.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

use crate::support;

use catalog::ProductKey;
use medusa::{Article, Aside, Change, Depth, Known, Note, Pushed};
use serde_json::{Value, json};
use support::{NobodyWants, Real, Shown, deadline, offered, shirt, withheld};

async fn push_knowing(real: &Real, key: &ProductKey, article: &Article, known: Known) -> Pushed {
    let desired = offered(key, article);
    let depth = if known.released { Depth::Full } else { Depth::Light };
    let orders = [(&desired, depth)];
    real.shop.push_known(&orders, &[known], &NobodyWants, deadline()).await.remove(0).unwrap()
}

async fn push(real: &Real, key: &ProductKey, article: &Article) -> Pushed {
    push_knowing(real, key, article, Known::default()).await
}

fn released(id: Option<&str>) -> Known {
    Known { id: id.map(str::to_owned), released: true, closely: true, ..Known::default() }
}

/// A second look finds the same and writes nothing, however closely it looks. That something is set
/// aside is known from the first.
async fn at_rest(real: &Real, key: &ProductKey, article: &Article, asides: &[Aside]) {
    let shop = real.another_shop();
    let desired = offered(key, article);
    for depth in [Depth::Light, Depth::Full] {
        let known = [Known { closely: !asides.is_empty(), ..Known::default() }];
        let orders = [(&desired, depth)];
        let again = shop.push_known(&orders, &known, &NobodyWants, deadline()).await.remove(0).unwrap();
        let notes: Vec<Note> = asides.iter().cloned().map(Note::SetAside).collect();
        assert_eq!((again.change, again.notes), (Change::Unchanged, notes), "{depth:?}");
        assert_eq!(shop.medusa.writes(), real.idle_writes(depth), "{depth:?}");
    }
}

#[tokio::test]
async fn a_product_that_a_person_took_off_sale_stays_so_and_is_kept_current_until_a_person_ends_it() {
    let Some(real) = Real::connect().await else { return };
    let channel = json!({"sales_channels": [{"id": real.shop.references.sales_channel_id}]});
    for (act, opposite, aside) in [
        (json!({"status": "draft"}), json!({"status": "published"}), Aside::Draft),
        (json!({"status": "rejected"}), json!({"status": "published"}), Aside::Draft),
        (json!({"sales_channels": []}), channel, Aside::Channel),
    ] {
        let key = real.new_key();
        let mut article = shirt(&key, &["S", "M"]);
        let id = push(&real, &key, &article).await.product_id.unwrap();
        let path = format!("/admin/products/{id}");
        real.admin_post(&path, &act).await;
        for (n, sizes) in [&["S", "M"] as &[&str], &["S", "M", "L"]].into_iter().enumerate() {
            article = shirt(&key, sizes);
            article.title = format!("Changed {n}");
            let pushed = push(&real, &key, &article).await;
            assert_eq!((pushed.change, pushed.notes), (Change::Updated, vec![Note::SetAside(aside.clone())]), "{act}");
            assert_eq!(real.shown(&key).await, None, "{act}");
            at_rest(&real, &key, &article, std::slice::from_ref(&aside)).await;
        }
        assert_eq!(real.admin_product(&key).await.unwrap()["title"], "Changed 1");

        // Ended by the opposite act.
        real.admin_post(&path, &opposite).await;
        assert_eq!(push(&real, &key, &article).await.notes, []);
        assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)), "{act}");

        // Ended by a release.
        real.admin_post(&path, &act).await;
        assert_eq!(push(&real, &key, &article).await.notes.len(), usize::from(aside == Aside::Draft), "a light look");
        assert_eq!(push_knowing(&real, &key, &article, released(Some(&id))).await.notes, []);
        assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)), "{act}");
        at_rest(&real, &key, &article, &[]).await;

        // What we withdraw comes back by itself.
        real.push(&withheld(&key)).await.unwrap();
        assert_eq!(real.shown(&key).await, None);
        assert_eq!(push(&real, &key, &article).await.notes, []);
        assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)), "{act}");

        // What a person took off sale before we withdrew it does not.
        real.admin_post(&path, &act).await;
        article.title = "Changed again".into();
        assert_eq!(push(&real, &key, &article).await.notes, [Note::SetAside(aside.clone())], "{act}");
        real.push(&withheld(&key)).await.unwrap();
        article.title = "Back".into();
        assert_eq!(push(&real, &key, &article).await.notes, [Note::SetAside(aside.clone())], "{act}");
        assert_eq!(real.shown(&key).await, None, "{act}");
        at_rest(&real, &key, &article, std::slice::from_ref(&aside)).await;
        real.admin_post(&path, &opposite).await;
        assert_eq!(push(&real, &key, &article).await.notes, [], "{act}");
        assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)), "{act}");
    }
}

#[tokio::test]
async fn a_product_that_a_person_deleted_stays_away_until_it_is_released() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let mut article = shirt(&key, &["S"]);
    let id = push(&real, &key, &article).await.product_id.unwrap();
    let known = Known { id: Some(id.clone()), ..Known::default() };
    real.shop.medusa.delete(&format!("/admin/products/{id}"), deadline()).await.unwrap();
    for title in ["One", "Two"] {
        article.title = title.into();
        let pushed = push_knowing(&real, &key, &article, known.clone()).await;
        let notes = vec![Note::SetAside(Aside::Deleted { id: id.clone() })];
        assert_eq!((pushed.product_id, pushed.change, pushed.notes), (None, Change::Absent, notes));
        assert_eq!(real.admin_product(&key).await, None);
    }
    let back = push_knowing(&real, &key, &article, released(Some(&id))).await;
    assert_eq!((back.change, back.notes), (Change::Created, vec![]));
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)));

    // One that is there under another handle and external id is no deletion.
    let id = back.product_id.unwrap();
    let renamed = json!({"handle": format!("mine-{}", key.id()), "external_id": "mine"});
    real.admin_post(&format!("/admin/products/{id}"), &renamed).await;
    let found = push_knowing(&real, &key, &article, Known { id: Some(id.clone()), ..Known::default() }).await;
    assert_eq!((found.change, found.product_id, found.notes), (Change::Updated, Some(id), vec![]));

    // Nor is a shop that never had it: another one, or one from a backup.
    let key = real.new_key();
    let unknown = Known { id: Some("prod_01ARZ3NDEKTSV4RRFFQ69G5FAV".into()), ..Known::default() };
    assert_eq!(push_knowing(&real, &key, &shirt(&key, &["S"]), unknown).await.change, Change::Created);
}

#[tokio::test]
async fn a_variant_that_a_person_deleted_stays_away_and_the_others_go_on() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let mut article = shirt(&key, &["S", "M"]);
    let id = push(&real, &key, &article).await.product_id.unwrap();
    let deleted = article.variants[1].sku.clone();
    let delete = async || {
        let there = real.admin_product(&key).await.unwrap();
        let rows = there["variants"].as_array().unwrap().clone();
        let row = rows.iter().find(|row| row["sku"] == deleted.as_str()).unwrap()["id"].clone();
        let path = format!("/admin/products/{id}/variants/{}", row.as_str().unwrap());
        real.shop.medusa.delete(&path, deadline()).await.unwrap();
    };
    delete().await;
    let aside = [Aside::Variant { sku: deleted.clone() }];
    for price in [31, 32] {
        for variant in &mut article.variants {
            variant.prices.insert("sar".into(), price.into());
        }
        assert_eq!(push(&real, &key, &article).await.notes, [Note::SetAside(aside[0].clone())]);
        let mut rest = article.clone();
        rest.variants.pop();
        assert_eq!(real.shown(&key).await, Some(Shown::expected(&rest, &real)));
    }

    // Made again by hand: it is ours again.
    let options = real.admin_product(&key).await.unwrap()["options"].clone();
    let size = options.as_array().unwrap().iter().find(|option| option["title"] == "Size").unwrap()["id"].clone();
    let batch = json!({"update": [{"product_option_id": size, "add": [{"value": "M"}]}]});
    real.admin_post(&format!("/admin/products/{id}/options/batch"), &batch).await;
    let made = json!({"title": "By hand", "sku": deleted, "options": {"Color": "Red", "Size": "M"}, "prices": []});
    real.admin_post(&format!("/admin/products/{id}/variants"), &made).await;
    let full = real.push_as(&offered(&key, &article), Depth::Full).await.unwrap();
    assert_eq!((full.change, full.notes), (Change::Updated, vec![]));
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)));

    delete().await;
    assert_eq!(push_knowing(&real, &key, &article, released(Some(&id))).await.notes, []);
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)));
    at_rest(&real, &key, &article, &[]).await;
}

#[tokio::test]
async fn an_image_that_a_person_added_stays_in_its_place_and_ours_come_and_go_around_it() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let mut article = shirt(&key, &["S"]);
    let id = push(&real, &key, &article).await.product_id.unwrap();
    let there = real.admin_product(&key).await.unwrap();
    let row = |n: usize| {
        let rows = there["images"].as_array().unwrap();
        let row = rows.iter().find(|row| row["rank"] == n).unwrap();
        json!({"id": row["id"], "url": row["url"]})
    };
    let theirs = format!("https://img.example/{}/theirs.jpg", key.id());
    let images = json!({"images": [row(0), {"url": theirs}, row(1), row(2)]});
    real.admin_post(&format!("/admin/products/{id}"), &images).await;
    let id_of = |product: &Value| {
        let rows = product["images"].as_array().unwrap();
        rows.iter().find(|row| row["url"] == theirs.as_str()).map(|row| row["id"].clone())
    };
    let own = id_of(&real.admin_product(&key).await.unwrap());
    assert!(own.is_some());
    at_rest(&real, &key, &article, &[]).await;

    let [a, c] = [0, 2].map(|n| article.images[n].clone());
    let new = format!("https://img.example/{}/d.jpg", key.id());
    article.images = vec![a.clone(), c.clone(), new.clone()];
    push(&real, &key, &article).await;
    assert_eq!(real.shown(&key).await.unwrap().images, [a, theirs.clone(), c, new]);
    article.images.clear();
    push(&real, &key, &article).await;
    let shown = real.shown(&key).await.unwrap();
    assert_eq!((shown.images, shown.thumbnail), (vec![theirs.clone()], None));
    assert_eq!(id_of(&real.admin_product(&key).await.unwrap()), own, "the same row");
    at_rest(&real, &key, &article, &[]).await;
}

#[tokio::test]
async fn a_row_in_a_persons_price_list_outlives_a_feed_without_its_variant() {
    let Some(mut real) = Real::connect().await else { return };
    real.shop.references.retention = medusa::plan::RETENTION;
    let key = real.new_key();
    let whole = shirt(&key, &["S", "M"]);
    push(&real, &key, &whole).await;
    let there = real.admin_product(&key).await.unwrap();
    let row = there["variants"].as_array().unwrap().iter().find(|row| row["sku"] == whole.variants[1].sku.as_str());
    let variant = row.unwrap()["id"].clone();
    let list = json!({"title": "For regulars", "description": "-", "type": "sale", "status": "active",
        "prices": [{"variant_id": variant, "currency_code": "sar", "amount": 3}]});
    let list = real.admin_post("/admin/price-lists", &list).await["price_list"]["id"].as_str().unwrap().to_owned();
    let rows = async || {
        let query = [("fields", "id,amount,currency_code,price_set.variant.id"), ("limit", "100")];
        real.admin_get(&format!("/admin/price-lists/{list}/prices"), &query).await["prices"].clone()
    };
    let before = rows().await;
    assert_eq!((before.as_array().unwrap().len(), &before[0]["price_set"]["variant"]["id"]), (1, &variant));
    push(&real, &key, &shirt(&key, &["S"])).await;
    assert_eq!(rows().await, before, "sold out, and kept");
    push(&real, &key, &whole).await;
    assert_eq!(rows().await, before);
    real.shop.medusa.delete(&format!("/admin/price-lists/{list}"), deadline()).await.unwrap();
}
