//! What a file of a product's part would make of it: put together as normalize puts it together, and nothing written.

use std::collections::BTreeMap;

use catalog::line::{Statement, overlaid};
use catalog::{Identifier, Line, PartName, Product, ProductKey, Version, assemble};
use ledger::core::lines::MAIN;
use ledger::{Ledger, LedgerError, Table};

/// What is brought of a product.
#[derive(Debug, Clone, Copy)]
pub enum Brought<'b> {
    /// A record of the leading file, or of a storefront.
    Record(&'b Product),
    /// Lines of a declared part.
    Lines(&'b PartName, &'b [Line]),
}

/// The product as it would be then. `None` where the ledger has none that the lines could be laid over.
///
/// # Errors
/// [`LedgerError::Store`].
pub async fn together<T: Table>(
    ledger: &Ledger<T>,
    key: &ProductKey,
    brought: Brought<'_>,
    now: i64,
) -> Result<Option<Product>, LedgerError> {
    let state = ledger.read_states(std::slice::from_ref(key)).await?.remove(key).unwrap_or_default();
    if state.parts.is_none() {
        return Ok(match brought {
            Brought::Record(product) => Some(product.clone()),
            Brought::Lines(..) => None,
        });
    }
    let said = ledger.read_parts(key).await?;
    let mut parts: BTreeMap<PartName, Product> =
        said.into_iter().filter_map(|(name, doc)| Some((name?, doc.product))).collect();
    if let Brought::Record(product) = brought {
        let main = || state.lines.as_ref().map(|_| PartName::from_text(MAIN));
        let Some(name) = feeds::adapter::part_of(product).or_else(main) else { return Ok(Some(product.clone())) };
        parts.insert(name, product.clone());
    }
    let Some(base) = assemble(parts.iter()) else { return Ok(None) };
    let Some(declared) = &state.lines else { return Ok(Some(base)) };
    let known = ledger.lines_of(&base, declared).await?;
    let mut said: BTreeMap<(PartName, Identifier), Statement> =
        known.into_iter().map(|(part, about, kept)| ((part, about), kept.statement)).collect();
    if let Brought::Lines(part, lines) = brought {
        let version = Version::new(u64::try_from(now).unwrap_or(0), "", 0);
        for line in lines {
            let statement = said.entry((part.clone(), line.about.clone())).or_default();
            *statement = statement.merged(line, &version);
        }
    }
    Ok(Some(overlaid(&base, said.iter().map(|((part, about), statement)| (part, about, statement)))))
}
