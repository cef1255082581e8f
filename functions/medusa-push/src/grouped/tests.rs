use super::*;

fn key(id: &str) -> ProductKey {
    id.parse().unwrap()
}

fn held(state: ProductState) -> Held {
    Held { state, members: Vec::new(), unreadable: BTreeMap::new() }
}

fn aside(what: &str, id: Option<&str>) -> ledger::Aside {
    ledger::Aside { what: what.into(), sku: None, id: id.map(str::to_owned), seen_at: 1 }
}

#[test]
fn of_what_people_deleted_only_the_article_itself_counts_as_deleted() {
    let (member, article, former) = (key("demo:1"), key("demo~article:g"), key("demo~article:f"));
    for (homes, expected, what) in [
        (vec![], None, "the member was by itself"),
        (vec![member.clone(), article.clone()], None, "it has just left that"),
        (vec![former, article.clone()], None, "another article was deleted"),
        (vec![article.clone()], Some("prod_9".to_owned()), "this one was"),
    ] {
        let state = ProductState { aside: vec![aside("deleted", Some("prod_9"))], homes, ..ProductState::default() };
        let grouped = Grouped {
            places: [(member.clone(), vec![article.clone()])].into(),
            held: [(article.clone(), held(ProductState::default()))].into(),
            ..Grouped::default()
        };
        let tasks: Tasks<'_> = [(member.clone(), (&state, Depth::Light))].into();
        assert_eq!(grouped.known(&article, &tasks, 10).0.id, expected, "{what}");
    }
}

#[test]
fn what_a_person_took_off_sale_by_itself_stays_there_until_it_is_released() {
    let (member, article) = (key("demo:1"), key("demo~article:g"));
    let references = References { articles: medusa::Articles::default(), ..crate::map::tests::references() };
    let product = PimProduct { group: Some("g".into()), ..crate::map::tests::product() };
    let state = |what: &str| ProductState { aside: vec![aside(what, None)], ..ProductState::default() };
    let home = |state: &ProductState| home(&member, Some(&product), state, &references);
    for what in ["draft", "channel", "deleted"] {
        assert_eq!(home(&state(what)), member, "{what}");
        assert_eq!(home(&ProductState { release: Some(1), ..state(what) }), article, "{what}: released");
        assert_eq!(
            home(&ProductState { homes: vec![article.clone()], ..state(what) }),
            article,
            "{what}: the article's"
        );
    }
    assert_eq!((home(&state("variant")), home(&ProductState::default())), (article.clone(), article.clone()));
}
