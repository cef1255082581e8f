use catalog::Localized;
use pimcore::{PimAttribute, PimImage, PimPrice, PimVariant};
use proptest::prelude::*;

use super::*;
use crate::map::tests::{in_category, product, references};

fn key(id: &str) -> ProductKey {
    ProductKey::new("demo", id).unwrap()
}

fn group() -> ProductKey {
    ProductKey::article("demo", "G").unwrap()
}

fn attribute(code: &str, name: &str, lang: &str, text: &str) -> PimAttribute {
    PimAttribute { code: code.into(), lang: lang.into(), name: name.into(), text: text.into() }
}

fn priced(sku: &str) -> PimPrice {
    PimPrice { sku: sku.into(), currency: "SAR".into(), amount: 20.into(), list_amount: None }
}

/// A dress of this colour in these sizes.
fn dress(id: &str, colour: &str, sizes: &[&str]) -> PimProduct {
    let variant = |(n, size): (usize, &&str)| PimVariant {
        sku: format!("{id}-{size}"),
        title: (*size).to_owned(),
        options: vec![("Size".into(), (*size).to_owned())],
        stock: 5,
        position: i32::try_from(n).unwrap(),
        facts: catalog::Facts::default(),
    };
    PimProduct {
        key: key(id),
        group: Some("G".into()),
        sku: Some(format!("art-{id}")),
        name: Localized::default().with("en", &format!("Maxi Dress, {colour}")).with("ar", "فستان"),
        attributes: vec![attribute("27", "Color", "en", colour), attribute("160", "Material", "en", "Cotton")],
        images: vec![PimImage { url: format!("https://i/{id}.jpg"), variant_sku: None, position: 0 }],
        variants: sizes.iter().enumerate().map(variant).collect(),
        prices: sizes.iter().map(|size| priced(&format!("{id}-{size}"))).collect(),
        ..product()
    }
}

fn three() -> Vec<PimProduct> {
    vec![dress("1", "Black", &["S", "M"]), dress("2", "Red", &["S", "M"]), dress("3", "White", &["M", "L"])]
}

fn composed(members: &[PimProduct]) -> Composed {
    let all: Vec<&PimProduct> = members.iter().collect();
    let ids = ["c3", "c4"].map(|id| (key(id), format!("pcat_{id}"))).into();
    compose(&group(), &all, &ids, &references())
}

fn shown(composed: &Composed) -> &Article {
    match &composed.presence {
        Presence::Offered(article) => article,
        Presence::Withheld => panic!("withheld: {:?}", composed.fates),
    }
}

fn choices(article: &Article) -> Vec<String> {
    article.variants.iter().map(|variant| variant.options.join("/")).collect()
}

#[test]
fn three_colours_are_one_product_with_the_colour_first() {
    let mut members = three();
    members[0].categories = vec![in_category(3, false)];
    members[2].categories = vec![in_category(4, false)];
    members[1].attributes[1].text = "Silk".into();
    let composed = composed(&members);
    let article = shown(&composed);
    assert_eq!(composed.fates, BTreeMap::new());
    assert_eq!((article.title.as_str(), article.translations["ar-SA"].title.as_str()), ("Maxi Dress", "فستان"));
    assert_eq!(article.options, ["Color", "Size"]);
    assert_eq!(choices(article), ["Black/S", "Black/M", "Red/S", "Red/M", "White/M", "White/L"]);
    assert_eq!(article.variants[2].title, "Red / S");
    assert_eq!(article.images, ["https://i/1.jpg", "https://i/2.jpg", "https://i/3.jpg"]);
    assert_eq!(article.variants[2].metadata["relay_images"], json!(["https://i/2.jpg"]));
    assert_eq!(article.categories, ["pcat_c3".to_owned(), "pcat_c4".to_owned()].into());
    assert_eq!(article.metadata[MEMBERS], json!(["demo:1", "demo:2", "demo:3"]));
    assert_eq!(article.metadata.get("relay_attributes"), None, "no attribute is the same of all");
    assert_eq!(article.variants[2].metadata["relay_attributes"][1]["text"], "Silk");
    assert!(article.check(&group()).is_ok());
}

#[test]
fn what_all_members_share_is_the_products() {
    let composed = composed(&three());
    let article = shown(&composed);
    assert_eq!(article.metadata["relay_attributes"].as_array().unwrap().len(), 1);
    assert_eq!(article.variants[0].metadata["relay_attributes"][0]["text"], "Black");
    assert_eq!(article.variants[0].metadata[MEMBER], "demo:1");
}

#[test]
fn who_has_a_marketing_name_names_the_article_and_leads_its_images() {
    let mut members = three();
    members[1].marketing_name = Localized::default().with("en", "Summer dress in red");
    let composed = composed(&members);
    let article = shown(&composed);
    assert_eq!((article.title.as_str(), article.images[0].as_str()), ("Summer dress in red", "https://i/2.jpg"));
    assert_eq!(choices(article)[0], "Red/S");
    // Not on sale, it names nothing.
    members[1].published = false;
    assert_eq!(
        shown(&super::compose(&group(), &members.iter().collect::<Vec<_>>(), &HashMap::new(), &references())).title,
        "Maxi Dress"
    );
}

#[test]
fn a_member_of_its_own_keeps_what_it_has() {
    let one = composed(&three()[..1]);
    assert_eq!(
        (shown(&one).title.as_str(), shown(&one).options.as_slice()),
        ("Maxi Dress", ["Color".to_owned(), "Size".to_owned()].as_slice())
    );
    let mut plain = dress("1", "Black", &["S"]);
    plain.attributes.clear();
    let plain = composed(&[plain]);
    assert_eq!(
        (shown(&plain).title.as_str(), shown(&plain).options.as_slice()),
        ("Maxi Dress, Black", ["Size".to_owned()].as_slice())
    );
}

#[test]
fn a_member_whose_variants_have_colours_of_their_own_keeps_them_beside_one_with_an_attribute() {
    for option in ["Color", "Farbe"] {
        let mut members = three();
        let two = &mut members[1];
        two.attributes.clear();
        for (variant, colour) in two.variants.iter_mut().zip(["Red", "Dark red"]) {
            variant.options = vec![(option.into(), colour.into()), ("Size".into(), "S".into())];
        }
        let composed = composed(&members);
        let article = shown(&composed);
        assert_eq!(
            (&composed.fates, article.options.as_slice()),
            (&BTreeMap::new(), ["Color", "Size"].map(str::to_owned).as_slice())
        );
        assert_eq!(choices(article), ["Black/S", "Black/M", "Red/S", "Dark red/S", "White/M", "White/L"]);
    }
}

#[test]
fn without_an_attribute_the_titles_tell_the_colour_and_without_titles_the_article_number() {
    let mut members = three();
    members.iter_mut().for_each(|member| member.attributes.clear());
    let by_title = composed(&members);
    assert_eq!((shown(&by_title).title.as_str(), choices(shown(&by_title))[3].as_str()), ("Maxi Dress", "Red/M"));
    assert_eq!(shown(&by_title).options[0], "Color");
    for member in &mut members {
        member.name = Localized::default().with("en", "Dress");
    }
    assert_eq!(choices(shown(&composed(&members)))[3], "art-2/M");
    // Sizes that are products of their own need nothing more.
    let sizes = [("1", "S"), ("2", "M")].map(|(id, size)| {
        let mut one = dress(id, "Black", &[size]);
        one.attributes.clear();
        PimProduct { name: Localized::default().with("en", "Dress"), ..one }
    });
    assert_eq!(
        (shown(&composed(&sizes)).options.as_slice(), choices(shown(&composed(&sizes)))),
        (["Size".to_owned()].as_slice(), vec!["S".to_owned(), "M".to_owned()])
    );
}

/// As SHEIN has it: the colour in Arabic, and in the words of the English titles.
#[test]
fn a_colour_told_in_another_language_is_called_as_the_shops_titles_call_it() {
    let arabic = |titles: [&str; 3]| -> Vec<PimProduct> {
        let told = ["أسود", "أحمر", "أبيض"];
        let each = three().into_iter().zip(titles.into_iter().zip(told)).map(|(mut one, (title, colour))| {
            one.name = Localized::default().with("en", title).with("ar", &format!("فستان، {colour}"));
            one.attributes[0] = attribute("27", "لون", "ar", colour);
            one
        });
        each.collect()
    };
    let short = composed(&arabic(["Maxi Dress Black", "Maxi Dress Dark Red", "Maxi Dress White"]));
    assert_eq!((shown(&short).options[0].as_str(), choices(shown(&short))[2].as_str()), ("Color", "Dark Red/S"));
    assert_eq!(
        (shown(&short).title.as_str(), shown(&short).translations["ar-SA"].title.as_str()),
        ("Maxi Dress", "فستان")
    );
    for titles in [
        ["Maxi Dress Black", "Maxi Dress with a red belt", "Maxi Dress White"],
        ["Maxi Dress Black", "Maxi Dress Black", "Maxi Dress White"],
        ["Maxi Dress", "Maxi Dress", "Maxi Dress"],
    ] {
        let other = composed(&arabic(titles));
        assert_eq!((shown(&other).options[0].as_str(), choices(shown(&other))[2].as_str()), ("لون", "أحمر/S"));
        assert_eq!(shown(&other).title, titles[0]);
    }
}

#[test]
fn a_colour_that_is_the_members_own_option_comes_first_and_is_not_doubled() {
    let members = ["1", "2"].map(|id| {
        let mut one = dress(id, "Black", &["S"]);
        let colour = if id == "1" { "Black" } else { "Red" };
        one.variants[0].options.push(("Colour".into(), colour.into()));
        one
    });
    let composed = composed(&members);
    assert_eq!(
        (shown(&composed).options.clone(), choices(shown(&composed))),
        (vec!["Colour".into(), "Size".into()], vec!["Black/S".into(), "Red/S".into()])
    );
}

#[test]
fn a_member_without_a_size_is_sold_beside_those_that_have_one() {
    let mut members = three();
    members[1].variants.truncate(1);
    members[1].variants[0].options.clear();
    let composed = composed(&members);
    assert_eq!(choices(shown(&composed))[2], "Red/Default");
    assert_eq!(shown(&composed).variants[2].title, "Red");
}

#[test]
fn the_same_choice_or_sku_twice_is_the_later_members_to_solve() {
    let mut members = three();
    members[2].attributes[0].text = "red".into();
    members[1].attributes[0].text = "red".into();
    let same = composed(&members);
    let Fate::Waits(failure) = &same.fates[&key("3")] else { panic!() };
    assert_eq!((failure.code.as_str(), same.fates.len()), (codes::SAME_OPTIONS, 1));
    for word in ["demo:3", "3-M", "2-M", "demo:2", "demo~article:G", "another colour"] {
        assert!(failure.message.contains(word), "{word}: {}", failure.message);
    }
    assert_eq!(choices(shown(&same)), ["Black/S", "Black/M", "red/S", "red/M", "red/L"], "its other size is sold");

    let mut members = three();
    members[1].variants[0].sku = "1-S".into();
    members[1].prices[0].sku = "1-S".into();
    let same = composed(&members);
    let Fate::Waits(failure) = &same.fates[&key("2")] else { panic!() };
    assert_eq!(failure.code, codes::BAD_SKU);
    assert!(failure.message.contains("1-S") && failure.message.contains("demo:1"), "{}", failure.message);
}

#[test]
fn a_member_that_cannot_be_sold_holds_up_nobody_else() {
    let mut members = three();
    members[0].prices.clear();
    let composed = composed(&members);
    let Fate::Waits(failure) = &composed.fates[&key("1")] else { panic!() };
    assert_eq!((failure.code.as_str(), shown(&composed).variants.len()), (codes::NO_PRICE, 4));
}

#[test]
fn a_variant_that_is_less_than_the_smallest_coin_holds_up_no_other() {
    let mut members = three();
    members[0].prices[0].amount = "0.004".parse().unwrap();
    let one = composed(&members);
    let Fate::Waits(failure) = &one.fates[&key("1")] else { panic!() };
    assert_eq!((failure.code.as_str(), one.fates.len()), (codes::PRICE_TOO_SMALL, 1));
    assert!(failure.message.contains("demo:1") && failure.message.contains("1-S"), "{}", failure.message);
    assert_eq!(choices(shown(&one)), ["Black/M", "Red/S", "Red/M", "White/M", "White/L"]);
    // In another currency it is sold.
    members[0].prices.push(PimPrice { currency: "USD".into(), ..priced("1-S") });
    let sold = composed(&members);
    assert_eq!((&sold.fates, shown(&sold).variants.len()), (&one.fates, 6));
    assert_eq!(shown(&sold).variants[0].prices.keys().collect::<Vec<_>>(), ["usd"]);
    // Nothing of it is left.
    members[0].prices.truncate(2);
    members[0].prices[1].amount = "0.001".parse().unwrap();
    let none = composed(&members);
    let Fate::Waits(failure) = &none.fates[&key("1")] else { panic!() };
    assert_eq!((failure.code.as_str(), shown(&none).variants.len()), (codes::PRICE_TOO_SMALL, 4));
}

#[test]
fn what_has_no_room_is_shown_apart_with_a_remark() {
    let sizes: Vec<String> = (0..MOST_VARIANTS - 3).map(|n| n.to_string()).collect();
    let many: Vec<&str> = sizes.iter().map(String::as_str).collect();
    let composed =
        composed(&[dress("1", "Black", &many), dress("2", "Red", &["S", "M", "L", "XL"]), dress("3", "White", &["S"])]);
    let Fate::Apart(why) = &composed.fates[&key("2")] else { panic!() };
    assert!(why.contains("demo~article:G") && why.contains("250"), "{why}");
    assert_eq!((shown(&composed).variants.len(), composed.fates.len()), (MOST_VARIANTS - 2, 1));
}

#[test]
fn without_a_member_on_sale_the_article_is_withheld() {
    let each = |change: fn(&mut PimProduct)| {
        let mut members = three();
        members.iter_mut().for_each(change);
        let composed = composed(&members);
        (composed.presence == Presence::Withheld, composed.vanished)
    };
    assert_eq!(each(|member| member.withdrawn = true), (true, true));
    assert_eq!(each(|member| member.shop_visibility = ShopVisibility::Hide), (true, false));
    assert_eq!(each(|member| member.published = false), (true, false));
    assert_eq!((composed(&[]).presence, composed(&[]).vanished), (Presence::Withheld, true));
}

#[test]
fn one_colour_that_is_hidden_takes_its_variants_only() {
    let mut members = three();
    members[1].shop_visibility = ShopVisibility::Hide;
    let composed = composed(&members);
    assert_eq!(choices(shown(&composed)), ["Black/S", "Black/M", "White/M", "White/L"]);
    assert_eq!(composed.fates, BTreeMap::new());
}

prop_compose! {
    fn members()(
        colours in prop::collection::vec(0..4_usize, 1..6),
        sizes in prop::collection::vec(1..8_usize, 6),
        on_sale in prop::collection::vec(prop::bool::weighted(0.8), 6),
        told in any::<bool>(),
        named in prop::option::of(0..6_usize),
    ) -> Vec<PimProduct> {
        let names = ["Black", "Red", "White", "Dark blue"];
        let all = ["S", "M", "L"];
        colours.iter().enumerate().map(|(n, colour)| {
            let own: Vec<&str> = all.iter().enumerate().filter(|(bit, _)| sizes[n] & (1 << bit) > 0).map(|(_, size)| *size).collect();
            let mut one = dress(&n.to_string(), names[*colour], &own);
            one.published = on_sale[n];
            if !told { one.attributes.clear(); }
            if named == Some(n) { one.marketing_name = Localized::default().with("en", "Named"); }
            one
        }).collect()
    }
}

proptest! {
    #[test]
    fn the_order_of_members_does_not_matter(members in members(), turn in 0..6_usize) {
        let mut turned = members.clone();
        let places = turned.len();
        turned.rotate_left(turn % places);
        let mut back = turned.clone();
        back.reverse();
        prop_assert_eq!(composed(&members), composed(&turned));
        prop_assert_eq!(composed(&members), composed(&back));
    }

    #[test]
    fn what_is_shown_can_be_sold_and_nothing_is_lost_silently(members in members()) {
        let composed = composed(&members);
        let Presence::Offered(article) = &composed.presence else {
            prop_assert!(members.iter().all(|member| !member.offered()));
            return Ok(());
        };
        prop_assert!(article.check(&group()).is_ok(), "{:?}", article.check(&group()));
        for member in members.iter().filter(|member| member.offered() && !composed.fates.contains_key(&member.key)) {
            for variant in &member.variants {
                prop_assert!(article.variants.iter().any(|own| own.sku == variant.sku), "{} is not sold", variant.sku);
            }
        }
    }

    #[test]
    fn a_members_stock_and_price_are_its_variants_own(members in members(), which in 0..6_usize) {
        let before = composed(&members);
        let mut changed = members.clone();
        let which = which % changed.len();
        changed[which].variants.iter_mut().for_each(|variant| variant.stock = 77);
        changed[which].prices.iter_mut().for_each(|price| price.amount = 99.into());
        let after = composed(&changed);
        prop_assert_eq!(&before.fates, &after.fates);
        if let (Presence::Offered(before), Presence::Offered(after)) = (before.presence, after.presence) {
            let own = members[which].key.to_string();
            let others = |article: &Article| -> Vec<Variant> {
                article.variants.iter().filter(|variant| variant.metadata[MEMBER] != own.as_str()).cloned().collect()
            };
            prop_assert_eq!(others(&before), others(&after));
            let (mut before, mut after) = (*before, *after);
            before.variants.clear();
            after.variants.clear();
            prop_assert_eq!(before, after);
        }
    }
}
