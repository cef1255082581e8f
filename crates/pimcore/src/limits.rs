//! What Pimcore's fields hold, in characters; measured on Pimcore 11.4 with the catalog's classes
//! (exactly the limit is accepted, in any script; one more fails the whole mutation).
//!
//! Checked before anything is sent, so that one product that does not fit costs no request and no
//! other product.

use catalog::{Category, Failure, Product, Variant};

use crate::codes;
use crate::input::{LANGUAGES, MAX_OPTIONS};

/// External ids, article numbers, brand, attribute codes.
pub const NAME: usize = 190;
/// Addresses.
pub const URL: usize = 2048;
/// Product titles.
pub const TITLE: usize = 512;
/// Names inside collections, names and slugs of categories.
pub const LABEL: usize = 255;
/// Hashes, versions, run ids, amounts.
pub const SHORT: usize = 64;
/// Language tags.
pub const LANG: usize = 16;
/// Currency codes.
pub const CURRENCY: usize = 8;

/// The beginning of a text.
#[must_use]
pub fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

struct Check<'a> {
    product: &'a Product,
}

impl Check<'_> {
    fn fits(&self, field: &str, text: &str, limit: usize) -> Result<(), Failure> {
        // A character is a byte at least.
        if text.len() <= limit {
            return Ok(());
        }
        let chars = text.chars().count();
        if chars <= limit {
            return Ok(());
        }
        Err(self.refused(
            codes::FIELD_TOO_LONG,
            format!("{field} has {chars} characters, Pimcore keeps {limit}; it begins: {:?}", cut(text, 40)),
        ))
    }

    fn refused(&self, code: &str, message: String) -> Failure {
        Failure::permanent(code, format!("{}:{}: {message}", self.product.source, self.product.id))
    }

    fn category(&self, place: usize, category: &Category) -> Result<(), Failure> {
        let field = format!("categories[{place}]");
        if category.id.is_empty() || category.id.trim() != category.id || category.id.chars().any(char::is_control) {
            return Err(self.refused(
                codes::CATEGORY_ID,
                format!("{field}.id has to be printable, without spaces at its ends: {:?}", cut(&category.id, 40)),
            ));
        }
        self.fits(&format!("{field}.id with its source"), &format!("{}:{}", self.product.source, category.id), NAME)?;
        for (lang, text) in &category.name.0 {
            self.fits(&format!("{field}.name.{lang}"), text, LABEL)?;
        }
        Ok(())
    }

    fn category_path(&self, path: &[Category]) -> Result<(), Failure> {
        for (place, category) in path.iter().enumerate() {
            self.category(place, category)?;
            if path[..place].iter().any(|above| above.id == category.id) {
                let id = cut(&category.id, 40);
                let twice = format!("its category path names a category twice, so it is below itself: {id:?}");
                return Err(self.refused(codes::CATEGORY_CYCLE, twice));
            }
        }
        Ok(())
    }

    fn variant(&self, place: usize, variant: &Variant) -> Result<(), Failure> {
        let field = |name: &str| format!("variants[{place}].{name}");
        self.fits(&field("sku"), &variant.sku, NAME)?;
        self.fits(&field("title"), &variant.title, LABEL)?;
        for (axis, value) in variant.options.iter().enumerate() {
            self.fits(&field(&format!("options[{axis}]")), value, LABEL)?;
        }
        for url in &variant.images {
            self.fits(&field("images"), url, URL)?;
        }
        for price in &variant.prices {
            self.fits(&field("prices.currency"), &price.currency, CURRENCY)?;
        }
        Ok(())
    }
}

/// Checks every value that the mapping would send.
///
/// # Errors
/// The first value that does not fit, as a permanent failure that names product, field and limit.
pub fn check(product: &Product) -> Result<(), Failure> {
    let check = Check { product };
    check.fits("externalId", &format!("{}:{}", product.source, product.id), NAME)?;
    for (field, text, limit) in [
        ("sku", &product.sku, NAME),
        ("groupId", &product.group, NAME),
        ("brand", &product.brand, NAME),
        ("url", &product.url, URL),
    ] {
        check.fits(field, text.as_deref().unwrap_or(""), limit)?;
    }
    for lang in LANGUAGES {
        check.fits(&format!("name.{lang}"), product.name.get(lang).unwrap_or(""), TITLE)?;
    }
    for path in &product.categories {
        check.category_path(&path.0)?;
    }
    for (place, url) in product.images.iter().enumerate() {
        check.fits(&format!("images[{place}]"), url, URL)?;
    }
    for (place, attribute) in product.attributes.iter().enumerate() {
        check.fits(&format!("attributes[{place}].code"), &attribute.code, NAME)?;
        for text in attribute.name.0.values() {
            check.fits(&format!("attributes[{place}].name"), text, LABEL)?;
        }
        for lang in attribute.values.iter().flat_map(|value| value.0.keys()) {
            check.fits(&format!("attributes[{place}].lang"), lang, LANG)?;
        }
    }
    if product.options.len() > MAX_OPTIONS {
        return Err(check.refused(
            codes::TOO_MANY_OPTIONS,
            format!("options has {} entries, Pimcore keeps {MAX_OPTIONS}", product.options.len()),
        ));
    }
    for (place, option) in product.options.iter().enumerate() {
        check.fits(&format!("options[{place}].name"), option.name.base().unwrap_or(""), LABEL)?;
    }
    for (place, variant) in product.variants.iter().enumerate() {
        check.variant(place, variant)?;
    }
    Ok(())
}
