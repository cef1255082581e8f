//! What a person took off sale in the shop is no difference.

use ledger::Aside;

use crate::facets::Row;

/// Says of the rows that differ because something is set aside that it is.
pub fn explain(rows: &mut [Row], asides: &[Aside]) {
    let whole = asides.iter().find(|aside| aside.sku.is_none());
    let variants: Vec<&str> = asides.iter().filter_map(|aside| aside.sku.as_deref()).collect();
    let deleted = asides.iter().any(|aside| aside.what == "deleted");
    let off_sale = rows.iter().any(|row| row.fact == "for sale" && row.medusa.as_deref() == Some("false"));
    for row in rows.iter_mut().filter(|row| row.medusa_differs) {
        if let Some(aside) = whole.filter(|_| row.fact == "for sale" && off_sale) {
            row.medusa = Some(format!("set aside by a person in the shop: {}", aside.words()));
            row.medusa_differs = false;
        } else if deleted && row.medusa.is_none() {
            row.medusa_differs = false;
        } else if let Some(sku) = row.fact.strip_prefix("variant ").filter(|_| row.medusa.is_none()) {
            if variants.iter().any(|gone| sku.strip_prefix(*gone).is_some_and(|rest| rest.starts_with(' '))) {
                row.medusa = Some("set aside by a person in the shop".to_owned());
                row.medusa_differs = false;
            }
        } else if row.fact == "variants" {
            let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<usize>().ok());
            let expected = number(&row.pimcore).map(|all| all.saturating_sub(variants.len()));
            row.medusa_differs = expected.is_none() || expected != number(&row.medusa);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fact: &str, pimcore: &str, medusa: Option<&str>) -> Row {
        Row {
            fact: fact.into(),
            desired: None,
            pimcore: Some(pimcore.into()),
            medusa: medusa.map(str::to_owned),
            pimcore_differs: false,
            medusa_differs: medusa != Some(pimcore),
        }
    }

    fn aside(what: &str, sku: Option<&str>) -> Aside {
        Aside { what: what.into(), sku: sku.map(str::to_owned), id: None, seen_at: 1 }
    }

    fn differ(mut rows: Vec<Row>, asides: &[Aside]) -> (Vec<String>, Vec<Row>) {
        explain(&mut rows, asides);
        (rows.iter().filter(|row| row.medusa_differs).map(|row| row.fact.clone()).collect(), rows)
    }

    #[test]
    fn what_is_set_aside_is_told_and_everything_else_still_differs() {
        let drafted = vec![row("for sale", "true", Some("false")), row("shop title", "A", Some("B"))];
        let (differing, rows) = differ(drafted.clone(), &[aside("draft", None)]);
        assert_eq!(differing, ["shop title"]);
        let told = rows[0].medusa.clone().unwrap();
        assert_eq!(told, "set aside by a person in the shop: somebody unpublished it in the shop");
        assert_eq!(differ(drafted, &[]).0, ["for sale", "shop title"], "nothing is set aside");

        let deleted = vec![row("for sale", "true", Some("false")), row("shop title", "A", None)];
        assert_eq!(differ(deleted, &[aside("deleted", None)]).0, [""; 0]);

        let rows = vec![
            row("variant S1 SAR", "5.00", None),
            row("variant S10 SAR", "5.00", None),
            row("variants", "3", Some("2")),
        ];
        assert_eq!(differ(rows.clone(), &[aside("variant", Some("S1"))]).0, ["variant S10 SAR"]);
        assert_eq!(differ(rows, &[aside("variant", Some("S1")), aside("variant", Some("S10"))]).0, ["variants"]);
    }
}
