//! Members that leave and come back, and what others make of their place meanwhile.

use catalog::{Facts, Gtin};

use super::*;

impl Lab<'_> {
    /// A member in the PIM, with what `change` makes of it.
    async fn say_as(&mut self, n: usize, said: Said, change: impl FnOnce(&mut Product)) {
        self.say_of(n, Some(said)).await;
        self.pim.delete(&path(&self.keys[n]));
        let mut product = self.member(n, said);
        change(&mut product);
        self.writes += 1;
        let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap();
        in_pim_as(&self.pimcore, &[product], &Version::new(now - 1_000 + self.writes, "0", 0)).await;
    }

    /// Brings one member, and sees that all is sold as it is said, and nothing is set aside.
    async fn brings(&self, n: usize, choices: &[&str]) {
        let key = &self.keys[n];
        assert_eq!(failures(&self.push(std::slice::from_ref(key)).await), Vec::<String>::new());
        let mark = format!("{}-", key.id());
        let sold = self.sold().await.into_values().flatten();
        let own = sold.filter(|(sku, _)| sku.starts_with(&mark)).map(|(_, (choice, _))| choice);
        let own: BTreeSet<String> = own.collect();
        assert_eq!(own, choices.iter().map(|choice| (*choice).to_owned()).collect());
        assert!(self.function.memory.state(key).aside.is_empty());
    }
}

#[tokio::test]
async fn who_joins_in_the_colour_of_one_that_left_has_pieces_of_its_own() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-same-colour").await;
    // What is hidden is kept.
    let mut open = Arc::into_inner(grouped(&real, Kind::Grouped)).unwrap();
    open.shop.references.retention = medusa::plan::RETENTION;
    lab.open = Arc::new(open);
    let keys = lab.keys.clone();
    lab.say([Some(BLACK), Some(RED), None]).await;
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    lab.say_of(1, Some(("H", "Red", SM, "20", false))).await;
    lab.brings(1, &["Red/M", "Red/S"]).await;
    let (left, joined) = (format!("{}-S", keys[1].id()), format!("{}-S", keys[2].id()));
    let before = shelf(&real, &left).await;
    lab.say_of(2, Some(("G", "Red", SM, "20", false))).await;
    lab.brings(2, &["Red/M", "Red/S"]).await;
    assert_eq!(shelf(&real, &left).await, before);
    assert_ne!(shelf(&real, &joined).await.0, before.0);
    // It is hidden, and the other is back in its place: row, item and reservations stay its own.
    lab.say_of(2, Some(("G", "Red", SM, "20", true))).await;
    lab.brings(2, &[]).await;
    lab.say_of(1, Some(RED)).await;
    lab.brings(1, &["Red/M", "Red/S"]).await;
    assert_eq!(shelf(&real, &left).await, before);
    assert_ne!(shelf(&real, &joined).await.0, before.0);
}

#[tokio::test]
async fn who_comes_back_with_other_values_is_sold_whole() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-back").await;
    let renamed = |product: &mut Product| {
        for (variant, size) in product.variants.iter_mut().zip(["Small", "Medium"]) {
            variant.options = vec![size.to_owned()];
        }
    };
    lab.say_of(0, Some(("", "Black", SM, "20", false))).await;
    lab.brings(0, &["/M", "/S"]).await;
    lab.say_of(0, Some(BLACK)).await;
    lab.brings(0, &["Black/M", "Black/S"]).await;
    lab.say_as(0, ("", "Black", SM, "20", false), renamed).await;
    lab.brings(0, &["/Medium", "/Small"]).await;
    // The article has nobody by now; of it nobody deleted anything, either.
    lab.say_as(0, ("G", "Coal", SM, "20", false), renamed).await;
    lab.brings(0, &["Coal/Medium", "Coal/Small"]).await;
}

#[tokio::test]
async fn bar_codes_go_with_a_member() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-codes").await;
    let codes: Vec<Gtin> = (0..2)
        .map(|n| {
            let seed = lab.name.bytes().fold(11 + n, |sum: u64, byte| (sum * 31 + u64::from(byte)) % 10u64.pow(12));
            let digits = format!("{seed:012}");
            format!("{digits}{}", Gtin::check_digit(&digits)).parse().unwrap()
        })
        .collect();
    let coded = |product: &mut Product| {
        for (variant, code) in product.variants.iter_mut().zip(&codes) {
            variant.facts = Facts { gtin: Some(code.clone()), ..Facts::default() }.boxed();
        }
    };
    let standing: BTreeSet<String> = codes.iter().map(|code| code.as_str().to_owned()).collect();
    lab.say_as(0, BLACK, coded).await;
    for kind in [Kind::Separate, Kind::Grouped, Kind::Separate, Kind::Grouped] {
        lab.open = grouped(&real, kind);
        assert_eq!(failures(&lab.push(&lab.keys[..1]).await), Vec::<String>::new(), "{kind:?}");
        let place = if kind == Kind::Grouped { lab.place(0, "G") } else { lab.keys[0].clone() };
        let product = real.admin_product(&place).await.unwrap();
        let rows = product["variants"].as_array().unwrap();
        let has = rows.iter().filter_map(|row| row["barcode"].as_str()).map(str::to_owned);
        assert_eq!(has.collect::<BTreeSet<_>>(), standing, "{kind:?}");
    }
}
