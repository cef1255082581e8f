//! Each part of a product beside what counts: where a file says something else than the product comes to.

use catalog::line::{Statement, overlaid};
use catalog::{Identifier, PartName, Product};
use ledger::DesiredDoc;
use ledger::core::lines::Kept;
use serde::Serialize;

use crate::facets::{Facts, of_ledger};
use crate::render::{count, short, table};

/// Something that a part says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartRow {
    pub part: String,
    pub fact: String,
    /// What the part says.
    pub says: String,
    /// What counts; nothing where the product has none of it.
    pub counts: Option<String>,
}

/// The parts of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parts {
    /// Storefronts and files of whole records.
    pub parts: Vec<String>,
    /// Lines of declared parts.
    pub lines: usize,
    pub rows: Vec<PartRow>,
}

/// What parts and lines say, against what they came to.
pub(super) fn compared(
    doc: &DesiredDoc,
    parts: &[(PartName, DesiredDoc)],
    lines: &[(PartName, Identifier, Kept)],
) -> Parts {
    let whole = of_ledger(&doc.product, &doc.hash);
    let mut rows: Vec<PartRow> =
        parts.iter().flat_map(|(name, part)| rows(name, &of_ledger(&part.product, &part.hash), &whole)).collect();
    for (name, about, kept) in lines {
        // A line that is laid over the product changes nothing if it is laid over it again.
        let laid = with_line(&doc.product, name, about, &kept.statement);
        rows.extend(self::rows(name, &of_ledger(&laid, &doc.hash), &whole));
    }
    Parts { parts: parts.iter().map(|(name, _)| name.to_string()).collect(), lines: lines.len(), rows }
}

fn with_line(product: &Product, part: &PartName, about: &Identifier, statement: &Statement) -> Product {
    overlaid(product, [(part, about, statement)])
}

fn rows(part: &PartName, says: &Facts, whole: &Facts) -> Vec<PartRow> {
    let differs = |(fact, value): &(&String, &String)| *fact != "content hash" && whole.get(*fact) != Some(*value);
    let row = |(fact, says): (&String, &String)| PartRow {
        part: part.to_string(),
        fact: fact.clone(),
        says: says.clone(),
        counts: whole.get(fact).cloned(),
    };
    says.iter().filter(differs).map(row).collect()
}

pub(super) fn text(parts: &Parts) -> Option<String> {
    if parts.parts.is_empty() {
        return None;
    }
    let mut text = format!("It comes in parts: {}", parts.parts.join(", "));
    if parts.lines > 0 {
        text.push_str(&format!(", and {} of other files", count(parts.lines, "line")));
    }
    if parts.rows.is_empty() {
        text.push_str(". All that they say counts.");
        return Some(text);
    }
    let cell = |value: &str| short(value, 40);
    let rows = parts.rows.iter().map(|row| {
        [cell(&row.part), cell(&row.fact), cell(&row.says), row.counts.as_deref().map_or_else(|| "-".to_owned(), cell)]
    });
    text.push_str(".\n\n");
    text.push_str(&table(["part", "fact", "it says", "what counts"], rows));
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use catalog::line::{Field, Said};
    use catalog::{ContentHash, IdKind, Line, Version};
    use ledger::core::Item;
    use ledger::core::lines::{Origin, line_key, write_line};
    use serde_json::json;

    use super::*;

    fn doc(product: Product) -> DesiredDoc {
        let hash = ContentHash::of(&product);
        DesiredDoc { hash, product, version: Version::new(1, "00", 0), run: String::new(), provenance: String::new() }
    }

    fn product(stock: i32, amount: &str) -> Product {
        serde_json::from_value(json!({"source": "acme", "id": "1", "name": {"en": "Kettle"},
            "variants": [{"sku": "K", "title": "K", "prices": [{"currency": "EUR", "amount": amount}], "stock": stock}]}))
        .unwrap()
    }

    #[test]
    fn what_a_part_says_in_vain_is_told_beside_what_counts() {
        let (main, stock) = (PartName::from_text("main"), PartName::from_text("stock"));
        let about = Identifier::new(IdKind::Sku, "K").unwrap();
        let kept = |pieces| {
            let line = Line { about: about.clone(), says: BTreeMap::from([(Field::Stock, Said::Pieces(pieces))]) };
            let statement = Statement::default().merged(&line, &Version::new(2, "00", 0));
            let origin = Origin { run: "r".into(), provenance: "p".into() };
            let write = write_line(line_key("acme", &stock, &about), &Kept::default(), &statement, &origin, None);
            (stock.clone(), about.clone(), Kept::of(&write.apply(&Item::new()).unwrap()))
        };
        let parts = [(main, doc(product(4, "10")))];
        // The catalogue's own figure gives way to the stock list's, and that counts.
        let told = compared(&doc(product(7, "10")), &parts, &[kept(7)]);
        let row = |part: &str, says: &str, counts: &str| PartRow {
            part: part.into(),
            fact: "variant K stock".into(),
            says: says.into(),
            counts: Some(counts.into()),
        };
        assert_eq!((told.lines, told.rows.clone()), (1, vec![row("main", "4", "7")]));
        assert!(text(&told).unwrap().starts_with("It comes in parts: main, and 1 line of other files."));
        // A line that is not laid over it yet.
        let late = compared(&doc(product(7, "10")), &parts, &[kept(2)]);
        assert_eq!(late.rows, [row("main", "4", "7"), row("stock", "2", "7")]);
        let same = compared(&doc(product(4, "10")), &parts, &[]);
        assert!(text(&same).unwrap().ends_with("All that they say counts."));
        assert_eq!(text(&compared(&doc(product(4, "10")), &[], &[])), None);
    }
}
