//! Which file says each field of a product that comes in parts.

use std::collections::BTreeMap;

use catalog::line::{Field, Said, speaker};
use catalog::{Identifier, PartName, Product, Variant, Version};
use ledger::DesiredDoc;
use ledger::core::lines::Kept;
use serde::Serialize;

/// A field and where it is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldOrigin {
    /// Such as `stock` or `price.EUR`.
    pub field: String,
    /// Of which variant, if of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// What it is.
    pub value: String,
    /// The part that says so.
    pub part: String,
    /// By what its line knows the product; nothing where a whole record says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When the file was written, in ms.
    pub at: Option<u64>,
    /// Object, record and place.
    pub provenance: String,
}

/// A line that a declared part has said of a product.
pub(super) type SaidLine = (PartName, Identifier, Kept);

/// Where each field is from that several parts may say. What is not listed is the leading part's.
pub(super) fn origins(product: &Product, parts: &[(PartName, DesiredDoc)], lines: &[SaidLine]) -> Vec<FieldOrigin> {
    let asked = Asked { product, parts: in_order(parts), lines };
    let mut found = Vec::new();
    for (language, text) in &product.name.0 {
        let says = |part: &Product| part.name.get(language).is_some();
        found.extend(asked.origin(Field::Name(language.clone()), None, text.clone(), &says));
    }
    for language in product.description.0.keys() {
        let says = |part: &Product| part.description.get(language).is_some();
        let text = product.description.get(language).unwrap_or_default();
        found.extend(asked.origin(Field::Description(language.clone()), None, text.to_owned(), &says));
    }
    if let Some(brand) = &product.brand {
        found.extend(asked.origin(Field::Brand, None, brand.clone(), &|part| part.brand.is_some()));
    }
    for variant in &product.variants {
        found.extend(asked.origin(Field::Stock, Some(variant), variant.stock.to_string(), &|_| true));
        for price in &variant.prices {
            let says = |part: &Product| part.variants.iter().any(|other| other.prices.contains(price));
            let value = price.amount.to_string();
            found.extend(asked.origin(Field::Price(price.currency.clone()), Some(variant), value, &says));
        }
        found.extend(asked.taken_away(variant));
    }
    found
}

/// Parts in the order in which they count.
fn in_order(parts: &[(PartName, DesiredDoc)]) -> Vec<&(PartName, DesiredDoc)> {
    let leading = catalog::parts::leading(parts.iter().map(|(name, doc)| (name, &doc.product)));
    let mut ordered: Vec<_> = parts.iter().enumerate().collect();
    ordered.sort_by_key(|(index, (name, _))| (Some(*index) != leading, name.clone()));
    ordered.into_iter().map(|(_, part)| part).collect()
}

struct Asked<'a> {
    product: &'a Product,
    parts: Vec<&'a (PartName, DesiredDoc)>,
    lines: &'a [SaidLine],
}

impl Asked<'_> {
    fn line(&self, field: &Field, variant: Option<&Variant>) -> Option<(FieldOrigin, &Said)> {
        let lines = self.lines.iter().map(|(part, about, kept)| (part, about, &kept.statement));
        let (part, about, spoken) = speaker(self.product, variant, field, lines)?;
        let origin = origin(field, variant, part, (&spoken.version, &spoken.from));
        Some((FieldOrigin { by: Some(about.to_string()), ..origin }, &spoken.said))
    }

    fn origin(
        &self,
        field: Field,
        variant: Option<&Variant>,
        value: String,
        says: &dyn Fn(&Product) -> bool,
    ) -> Option<FieldOrigin> {
        if let Some((line, _)) = self.line(&field, variant) {
            return Some(FieldOrigin { value, ..line });
        }
        // A price is the storefront's whose currency it is.
        let own = |name: &PartName| match &field {
            Field::Price(currency) => name.as_str().ends_with(&currency.to_ascii_lowercase()),
            _ => false,
        };
        let said: Vec<_> = self.parts.iter().filter(|(_, doc)| says(&doc.product)).collect();
        let (name, doc) = said.iter().find(|(name, _)| own(name)).or(said.first())?;
        Some(FieldOrigin { value, ..origin(&field, variant, name, (&doc.version, &doc.provenance)) })
    }

    /// Prices that a line says there are none of.
    fn taken_away(&self, variant: &Variant) -> Vec<FieldOrigin> {
        let spoken = self.lines.iter().flat_map(|(.., kept)| kept.statement.0.keys());
        let currencies: BTreeMap<&String, &Field> = spoken
            .filter_map(|field| match field {
                Field::Price(currency) => Some((currency, field)),
                _ => None,
            })
            .collect();
        let gone =
            currencies.into_iter().filter(|(currency, _)| !variant.prices.iter().any(|one| one.currency == **currency));
        let lines = gone.filter_map(|(_, field)| self.line(field, Some(variant)));
        lines
            .filter(|(_, said)| **said == Said::Empty)
            .map(|(line, _)| FieldOrigin { value: "none".to_owned(), ..line })
            .collect()
    }
}

fn origin(field: &Field, variant: Option<&Variant>, part: &PartName, (version, from): (&Version, &str)) -> FieldOrigin {
    FieldOrigin {
        field: field.to_string(),
        sku: variant.map(|variant| variant.sku.clone()),
        value: String::new(),
        part: part.to_string(),
        by: None,
        at: version.object_time_ms(),
        provenance: from.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, IdKind, Line};
    use ledger::core::Item;
    use ledger::core::lines::{Origin, line_key, write_line};
    use serde_json::json;

    use super::*;

    fn part(name: &str, at: u64, product: serde_json::Value) -> (PartName, DesiredDoc) {
        let product: Product = serde_json::from_value(product).unwrap();
        let (hash, run) = (ContentHash::of(&product), String::new());
        let provenance = format!("s3://feeds/{name} record 1 at byte 9");
        (PartName::from_text(name), DesiredDoc { product, version: Version::new(at, "00", 0), hash, run, provenance })
    }

    fn product(language: &str, prices: serde_json::Value) -> serde_json::Value {
        json!({"source": "acme", "id": "1", "name": {language: "Kettle"}, "brand": "Hearth",
            "variants": [{"sku": "K", "title": "K", "prices": prices, "stock": 4}]})
    }

    #[test]
    fn each_field_names_the_file_that_says_it() {
        let eur = json!([{"currency": "EUR", "amount": "10"}, {"currency": "SAR", "amount": "44"}]);
        let sar = json!([{"currency": "SAR", "amount": "41"}]);
        let parts = [part("ar-sar", 3, product("ar", sar)), part("us-eur", 2, product("en", eur))];
        let about = Identifier::new(IdKind::Sku, "K").unwrap();
        let stock = PartName::from_text("stock");
        let says =
            [(Field::Stock, Said::Pieces(7)), (Field::Price("EUR".into()), Said::Empty), (Field::Brand, Said::Deleted)];
        let line = Line { about: about.clone(), says: says.into_iter().collect() };
        let origin = Origin { run: "r".into(), provenance: "s3://feeds/stock.csv record 2 at byte 30".into() };
        let says = catalog::line::Statement::default().merged(&line, &Version::new(9, "00", 0));
        let write = write_line(line_key("acme", &stock, &about), &Kept::default(), &says, &origin, None);
        let lines: Vec<SaidLine> = vec![(stock, about, Kept::of(&write.apply(&Item::new()).unwrap()))];
        let base = catalog::assemble(parts.iter().map(|(name, doc)| (name, &doc.product))).unwrap();
        let whole =
            catalog::line::overlaid(&base, lines.iter().map(|(part, about, kept)| (part, about, &kept.statement)));

        let told: Vec<String> = origins(&whole, &parts, &lines)
            .into_iter()
            .map(|one| format!("{} {} {} {:?} {}", one.field, one.value, one.part, one.at, one.provenance))
            .collect();
        assert_eq!(
            told,
            [
                "name.ar Kettle ar-sar Some(3) s3://feeds/ar-sar record 1 at byte 9",
                "name.en Kettle us-eur Some(2) s3://feeds/us-eur record 1 at byte 9",
                "brand Hearth us-eur Some(2) s3://feeds/us-eur record 1 at byte 9",
                "stock 7 stock Some(9) s3://feeds/stock.csv record 2 at byte 30",
                "price.SAR 41 ar-sar Some(3) s3://feeds/ar-sar record 1 at byte 9",
                "price.EUR none stock Some(9) s3://feeds/stock.csv record 2 at byte 30",
            ]
        );
    }
}
