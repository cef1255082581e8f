//! What built-in sources do with their values, for those that are described in a mapping.

use std::borrow::Cow;

/// One SKU for each choice of a product, no two alike.
#[must_use]
pub fn made_skus(id: &str, choices: &[String]) -> Vec<String> {
    crate::adapter::made_sku::of_sizes(id, choices)
}

/// An option's value as customers will see it: two that are one are written alike.
#[must_use]
pub fn choice(text: &str) -> Cow<'_, str> {
    crate::text::choice(text)
}

/// Adds an image unless it is blank or there already.
pub fn add_image(images: &mut Vec<String>, address: &str) {
    crate::adapter::add_image(images, address);
}

/// An address as `https://…`: one without a scheme or with `http` is completed.
#[must_use]
pub fn https(address: &str) -> Cow<'_, str> {
    crate::adapter::https(address)
}

/// The language that a script gives away; `None` for Latin letters, which stand for too many.
#[must_use]
pub fn language_by_script(text: &str) -> Option<&'static str> {
    crate::adapter::language_by_script(text)
}

/// A text with its entities decoded, once.
#[must_use]
pub fn without_entities(text: &str) -> Cow<'_, str> {
    crate::text::decoded(text)
}

/// A product's id as it is known, for a record that is refused.
#[must_use]
pub fn known_id(id: &str) -> Option<String> {
    let id = crate::text::key(id.trim());
    (!id.is_empty()).then(|| crate::reason::shorten(&id, catalog::ProductKey::MAX_ID_CHARS))
}

/// An id of a source whose ids are whole numbers.
///
/// # Errors
/// `invalid_id` for one that a spreadsheet has rounded.
pub fn whole_number(id: &str) -> Result<&str, crate::Defect> {
    crate::ids::meant(id, crate::Ids::WholeNumbers)
}

pub use crate::facts::{Reader as FactsReader, of_attributes as facts_of_attributes};
pub use crate::split::wrapped::at_path;
