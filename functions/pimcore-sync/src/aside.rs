//! What people took off sale in the shop, in the PIM's remarks.
//!
//! The lines follow from the ledger's note whenever a product is written. medusa-push has a product
//! looked at when its note changes.

use ledger::Aside;
use pimcore::Head;

/// Begins every such line.
const BEGINS: &str = "Off sale in the shop: ";

/// The lines that a product's remarks are to have, one for each act.
#[must_use]
pub fn remarks(asides: &[Aside]) -> Vec<String> {
    let line = |aside: &Aside| {
        let seen = jiff::Timestamp::from_millisecond(aside.seen_at).unwrap_or_default();
        let (what, seen) = (aside.words(), seen.strftime("%Y-%m-%d"));
        format!("{BEGINS}{what}, seen {seen}. That stands until it is undone there, or released (`relay release`).")
    };
    asides.iter().map(line).collect()
}

/// Whether Pimcore's remarks have these lines, and no other such.
#[must_use]
pub fn are_told(head: &Head, lines: &[String]) -> bool {
    head.warnings
        .lines()
        .filter(|line| line.starts_with(BEGINS))
        .map(str::trim_end)
        .eq(lines.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use pimcore::ProductPath;

    use super::*;

    #[test]
    fn the_remarks_say_what_is_set_aside_and_nothing_that_has_ended() {
        let aside = |what: &str, sku: Option<&str>| Aside {
            what: what.into(),
            sku: sku.map(str::to_owned),
            id: None,
            seen_at: 1_700_000_000_000,
        };
        let lines = remarks(&[aside("draft", None), aside("variant", Some("S-1"))]);
        assert!(lines[0].starts_with("Off sale in the shop: somebody unpublished it in the shop, seen 2023-11-14. "));
        assert!(lines[1].contains("variant S-1"));
        let head = |warnings: String| Head {
            id: 1,
            path: ProductPath::of(&"demo:1".parse().unwrap()),
            modified: 1,
            published: true,
            withdrawn: false,
            keep_when_withdrawn: false,
            content_hash: None,
            warnings,
            apart: false,
        };
        let told = head(format!("a remark\r\n{}\r\n{}", lines[0], lines[1]));
        assert!(are_told(&told, &lines) && !are_told(&told, &lines[..1]) && !are_told(&told, &[]));
        assert!(are_told(&head("a remark".into()), &[]) && !are_told(&head(String::new()), &lines));
    }
}
