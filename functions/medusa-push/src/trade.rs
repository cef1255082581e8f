//! What trade needs to know, as the shop has it: Medusa's own columns where there are, and all of
//! it as metadata for the storefront.

use catalog::Languages;
use catalog::facts::Facts;
use medusa::columns::Columns;
use serde_json::{Value, json};

/// The metadata key with everything that customers may know, in the canonical form.
pub const FACTS: &str = "relay_facts";

#[must_use]
pub fn of_product(facts: &Facts, languages: &Languages) -> Columns {
    let material = languages.shown(&facts.material).map(|(_, text)| text);
    let whole = |column, amount: Option<u64>| amount.map(|amount| (column, json!(amount)));
    let text = |column, text: Option<&str>| text.map(|text| (column, json!(text)));
    [
        whole("weight", facts.weight.map(|weight| weight.whole())),
        whole("length", facts.length.map(|length| length.whole())),
        whole("width", facts.width.map(|length| length.whole())),
        whole("height", facts.height.map(|length| length.whole())),
        text("hs_code", facts.hs_code.as_deref()),
        text("mid_code", facts.mid_code.as_deref()),
        // As Medusa writes countries everywhere else.
        text("origin_country", facts.origin_country.map(|country| country.alpha2().to_lowercase()).as_deref()),
        text("material", material),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The columns of a variant: its own facts, else those of its product, because a fulfilment reads
/// the variant. Bar codes are its own only, or its product's where it is the only variant.
#[must_use]
pub fn of_variant(facts: &Facts, product: &Facts, only: bool, languages: &Languages) -> Columns {
    let mut columns = of_product(product, languages);
    columns.extend(of_product(facts, languages));
    if let Some(gtin) = facts.gtin.as_ref().or(product.gtin.as_ref().filter(|_| only)) {
        columns.insert("barcode", json!(gtin.as_str()));
        columns.extend(gtin.ean().map(|ean| ("ean", json!(ean))));
        columns.extend(gtin.upc().map(|upc| ("upc", json!(upc))));
    }
    columns
}

/// The facts for the storefront. What a source says besides may be its own business, so `extra`
/// stays in the PIM.
#[must_use]
pub fn shown(facts: &Facts) -> Value {
    let mut shown = facts.clone();
    shown.extra.clear();
    if shown.is_empty() { Value::Null } else { serde_json::to_value(shown).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use catalog::facts::{FACTS, Row};

    use super::*;

    fn all() -> Facts {
        let example = FACTS.iter().map(|info| {
            let (name, lang, text) = info.example;
            Row { code: info.code.into(), name: name.into(), lang: lang.into(), text: text.into() }
        });
        Facts::from_rows(&example.collect::<Vec<_>>()).0
    }

    #[test]
    fn every_fact_reaches_the_shop_but_those_that_are_not_for_customers() {
        let shown = shown(&all());
        for info in FACTS {
            // The field has its plural where there are several.
            let field =
                [info.code.to_owned(), format!("{}s", info.code)].into_iter().find(|name| !shown[name].is_null());
            assert_eq!(field.is_some(), info.shown, "{}", info.code);
        }
        assert_eq!(super::shown(&Facts::default()), Value::Null);
    }

    #[test]
    fn columns_are_whole_grams_and_millimetres_and_the_variants_own_facts_count_first() {
        let languages = Languages::default();
        let columns = of_product(&all(), &languages);
        let right: Columns = [
            ("weight", json!(2500)),
            ("length", json!(300)),
            ("width", json!(305)),
            ("height", json!(8)),
            ("hs_code", json!("610910")),
            ("mid_code", json!("CNACME123SHE")),
            ("origin_country", json!("cn")),
            ("material", json!("Cotton")),
        ]
        .into();
        assert_eq!(columns, right);
        let own = Facts { weight: "3 lb".parse().ok(), gtin: "036000291452".parse().ok(), ..Facts::default() };
        let variant = of_variant(&own, &all(), false, &languages);
        assert_eq!(
            (&variant["weight"], &variant["upc"], &variant["hs_code"]),
            (&json!(1361), &json!("036000291452"), &json!("610910"))
        );
        assert_eq!((variant.get("ean"), &variant["barcode"]), (None, &json!("036000291452")));
        assert!(!of_variant(&Facts::default(), &all(), false, &languages).contains_key("barcode"), "whose is it?");
        assert_eq!(of_variant(&Facts::default(), &all(), true, &languages)["ean"], "4006381333931");
    }

    #[test]
    fn facts_and_columns_of_one_fact_are_told_of_in_the_table() {
        let columns: Vec<&str> = FACTS.iter().filter_map(|info| info.column).collect();
        for column in medusa::columns::SHARED.iter().chain(&medusa::columns::CODES) {
            assert!(columns.iter().any(|told| told.contains(&format!("`{column}`"))), "{column}");
        }
    }
}
