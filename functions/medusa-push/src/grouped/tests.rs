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
