//! Whether a product that a feed found unchanged is where it should be: "nothing was written" is no
//! good news while it is not.

use super::state::ProductState;
use crate::codes;

/// What stands for a code where no error is on record: it is under way, or nobody has come to it
/// yet.
pub const ON_THE_WAY: &str = "on_the_way";

/// Why and since when a product is not where it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting<'a> {
    /// Code of the error on record, or [`ON_THE_WAY`].
    pub code: &'a str,
    /// Since when, in ms.
    pub since: i64,
}

/// Whether what the ledger holds for a product was looked for in vain.
#[must_use]
pub fn lacks_content(state: &ProductState) -> bool {
    let lost = [codes::LEDGER_DOC_MISSING, codes::LEDGER_ITEM_DAMAGED, codes::PRODUCT_BODY_MISSING];
    state.pimcore.last_error.as_ref().is_some_and(|error| lost.contains(&error.code.as_str()))
}

/// Whether a SKU that is another product's keeps a variant from the shop. Where it is one of our
/// making, the shop can tell only once the `doc` says so: one that was written before there was
/// such a word is written again.
#[must_use]
pub fn lacks_sku(state: &ProductState) -> bool {
    state.medusa.last_error.as_ref().is_some_and(|error| error.code == "medusa_sku_taken")
}

/// What holds up a product: it is pending, or a target has refused something. The PIM comes first,
/// as the shop waits for it.
#[must_use]
pub fn of(state: &ProductState) -> Option<Waiting<'_>> {
    let error = [&state.pimcore, &state.medusa].into_iter().find_map(|stage| stage.last_error.as_ref());
    let since = state.pending_since.or_else(|| error.map(|error| error.at))?;
    Some(Waiting { code: error.map_or(ON_THE_WAY, |error| &error.code), since })
}

#[cfg(test)]
mod tests {
    use catalog::Failure;

    use super::*;
    use crate::core::state::RecordedError;

    #[test]
    fn a_product_waits_while_it_is_pending_or_refused() {
        let mut state = ProductState::default();
        assert_eq!(of(&state), None);
        state.pending_since = Some(7);
        assert_eq!(of(&state), Some(Waiting { code: ON_THE_WAY, since: 7 }));
        state.medusa.last_error = Some(RecordedError::new(&Failure::permanent("medusa_sku_taken", "taken"), 9));
        assert_eq!(of(&state), Some(Waiting { code: "medusa_sku_taken", since: 7 }));
        state.pending_since = None;
        assert_eq!(of(&state), Some(Waiting { code: "medusa_sku_taken", since: 9 }));
    }
}
