//! Facts and languages in mappings.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use common::{map, mapping, read};
use sources::Bundle;

const FACTS: &str = r#"source: facts
form: csv
language: fr
product:
  id: id
  name: { fr: nom, de: name, pt-BR: nome }
  facts:
    gtin: ean
    mpn: mpn
    weight: { from: poids, unit: g }
    length: { from: longueur, unit: cm }
    origin_country: pays
    hs_code: douane
    material: matiere
    condition: { is: new }
    content: contenu
    min_quantity: min
    lead_time: delai
    documents: [{ kind: manual, language: fr, url: notice }]
    seo_title: { fr: nom, de: name }
    keywords: { from: mots, split: ";" }
    relations: [{ kind: accessory, product: { from: accessoires, split: " " } }]
    extra: { garantie: garantie, Entrepôt: { from: depot, table: { L: Lyon } } }
  variants:
    price: { from: prix, currency: EUR }
"#;

const ROW: &str = "id,nom,name,nome,ean,mpn,poids,longueur,pays,douane,matiere,contenu,min,delai,notice,mots,accessoires,garantie,depot,prix\n\
    1,Tasse,Becher,Caneca,4006381333931,ST-88,250,12.5,FR,691200,Émail,300 ml,2,2-5,https://ex.com/n.pdf,tasse;café,2 other:3,2 ans,L,9.90\n\
    2,Bol,,,4006381333932,,0,,,,,,,,,,,,,3.00\n";

#[test]
fn every_fact_can_be_said_and_what_cannot_be_right_is_left_out_with_a_remark() {
    let (products, refused) = map(&read("facts.yaml", FACTS), ROW.as_bytes());
    assert!(refused.is_empty(), "{refused:?}");
    let rows: Vec<(String, String, String, String)> = products[0]
        .facts
        .as_ref()
        .unwrap()
        .rows()
        .into_iter()
        .map(|row| (row.code, row.name, row.lang, row.text))
        .collect();
    let said = |code: &str| -> Vec<(&str, &str, &str)> {
        let of = rows.iter().filter(|row| row.0 == code);
        of.map(|(_, name, lang, text)| (name.as_str(), lang.as_str(), text.as_str())).collect()
    };
    for (code, right) in [
        ("gtin", vec![("", "", "4006381333931")]),
        ("mpn", vec![("", "", "ST-88")]),
        ("weight", vec![("", "", "250 g")]),
        ("length", vec![("", "", "12.5 cm")]),
        ("originCountry", vec![("", "", "FR")]),
        ("hsCode", vec![("", "", "691200")]),
        ("material", vec![("", "fr", "Émail")]),
        ("condition", vec![("", "", "new")]),
        ("content", vec![("", "", "300 ml")]),
        ("minQuantity", vec![("", "", "2")]),
        ("leadTime", vec![("", "", "2-5")]),
        ("document", vec![("manual", "fr", "https://ex.com/n.pdf")]),
        ("seoTitle", vec![("", "de", "Becher"), ("", "fr", "Tasse")]),
        ("keyword", vec![("", "fr", "tasse"), ("", "fr", "café")]),
        ("relation", vec![("accessory", "", "facts:2"), ("accessory", "", "other:3")]),
        ("extra", vec![("Entrepôt", "", "Lyon"), ("garantie", "", "2 ans")]),
    ] {
        assert_eq!(said(code), right, "{code}");
    }
    let name = &products[0].name;
    assert_eq!((name.get("fr"), name.get("de"), name.get("pt-BR")), (Some("Tasse"), Some("Becher"), Some("Caneca")));
    // A wrong check digit is left out and told; no weight is no remark.
    let bowl = &products[1];
    let facts = bowl.facts.as_ref().unwrap();
    assert!(facts.gtin.is_none() && facts.weight.is_none());
    let told: Vec<&str> = bowl.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert!(told.iter().any(|told| told.contains("4006381333932")), "{told:?}");
    assert!(!told.iter().any(|told| told.contains("weight")), "{told:?}");
}

#[test]
fn what_is_wrong_with_facts_is_said_with_its_place() {
    for (from, to, said) in [
        ("    mpn: mpn", "    mpm: mpn", "did you mean \"mpn\"?"),
        ("kind: manual", "kind: poem", "\"poem\" is no kind"),
        ("    extra: {", "    extra: [a] #", "extra is an object"),
    ] {
        let problems = sources::Mapping::read("facts.yaml", &FACTS.replace(from, to)).unwrap_err();
        assert!(problems.iter().any(|one| one.to_string().contains(said) && one.at.line > 6), "{to}: {problems:?}");
    }
}

#[test]
fn variants_have_facts_of_their_own() {
    let rows = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Grams,Variant Barcode,Tags,SEO Title\n\
        tee,Tee,Size,S,T-S,10.00,180,4006381333931,\"cotton, summer\",A tee\ntee,,,M,T-M,10.00,0,none,,\n";
    let (products, refused) = map(&mapping("shopify-csv"), rows.as_bytes());
    assert!(refused.is_empty(), "{refused:?}");
    let [small, medium] = &products[0].variants[..] else { panic!("{products:?}") };
    let facts = small.facts.as_ref().unwrap();
    assert_eq!(facts.weight.unwrap().to_string(), "180 g");
    assert_eq!(facts.gtin.as_ref().unwrap().to_string(), "4006381333931");
    assert!(medium.facts.is_none());
    let own = products[0].facts.as_ref().unwrap();
    assert_eq!((own.keywords["en"].len(), own.seo_title.get("en")), (2, Some("A tee")));
}

#[test]
fn a_table_in_a_file_beside_the_mapping_is_a_part_of_its_version() {
    let text = FACTS.replace("fr: nom, de: name, pt-BR: nome", "fr: { from: nom, table_file: noms.csv }");
    let mut bundle = Bundle::new("facts.yaml", &text);
    assert_eq!(bundle.wanted(), ["noms.csv"]);
    assert!(bundle.mapping().unwrap_err()[0].message.contains("no file noms.csv"));
    let before = bundle.digest();
    bundle.beside.insert("noms.csv".to_owned(), "eux,nous\nTASSE,Gobelet\n".to_owned());
    assert_ne!(bundle.digest(), before);
    let mapping = bundle.mapping().unwrap();
    assert_eq!(mapping.digest(), bundle.digest());
    let (products, _) = map(&std::sync::Arc::new(mapping), ROW.as_bytes());
    assert_eq!((products[0].name.get("fr"), products[1].name.get("fr")), (Some("Gobelet"), Some("Bol")));
    assert_eq!(Bundle::of_json(bundle.json().as_bytes()), Some(bundle));
    for name in ["../secret.csv", "a/b.csv", "noms.txt", ".csv"] {
        assert!(Bundle::new("f", &text.replace("noms.csv", name)).mapping().is_err(), "{name}");
    }
}
