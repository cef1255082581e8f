//! What every product must satisfy, whatever its source, and remarks on what it lacks.

use std::collections::HashSet;

use catalog::{Localized, Product, ProductKey, Variant, Warning, WarningCode};
use rust_decimal::Decimal;

use crate::ids::{self, Ids};
use crate::remarks::Remarks;
use crate::{Defect, Reason, address, money, text};

/// Characters of a title that is taken for one. The longest seen has 529.
pub const NAME_CHARS: usize = 2_000;
/// Characters that are kept of a title: what Pimcore holds. A longer one is shortened rather than
/// its product lost.
pub const NAME_KEPT: usize = 512;
/// Characters of a description in one language.
pub const DESCRIPTION_CHARS: usize = 200_000;
/// Variants of one product.
pub const VARIANTS: usize = 1_000;
/// Option axes of one product; five were seen to reach a shop. Three have columns in Pimcore,
/// further ones are rows.
pub const OPTIONS: usize = 10;
/// Characters of any other text: names of categories, attributes and their values, SKUs, addresses.
pub const TEXT_CHARS: usize = 2_000;

/// The languages the shops sell in; the first is the one that stands in.
const LANGUAGES: [&str; 2] = ["en", "ar"];
/// BCP 47 for a language that nobody can tell.
pub(crate) const UNDETERMINED: &str = "und";

/// What ids of the shop's own categories begin with (`want::SHOP`); a source's id must not be taken
/// for one (D77).
const OF_THE_SHOP: &str = "shop:";

/// Checks a product, sets right what can be set right, and attaches the remarks on its quality.
pub fn checked(product: Product) -> Result<Product, Defect> {
    check(product, true)
}

/// The same of a product whose prices another file brings.
pub fn checked_but_for_prices(product: Product) -> Result<Product, Defect> {
    check(product, false)
}

fn check(mut product: Product, priced: bool) -> Result<Product, Defect> {
    let mut said = Remarks::default();
    let read = std::mem::take(&mut product.warnings);
    text::clean(&mut product, &mut said)?;
    ids::meant(&product.id, Ids::Texts).map_err(|defect| defect.path("$.id"))?;
    if let Err(error) = ProductKey::new(&product.source, &product.id) {
        return Err(Defect::new(Reason::InvalidId, error.to_string()).path("$.id").value(&product.id));
    }
    if product.name.0.values().all(|name| name.trim().is_empty()) {
        return Err(Defect::new(Reason::MissingField, "the product has no title in any language").path("$.name"));
    }
    texts(&product)?;
    let shortened = shorten_titles(&mut product);
    options(&product)?;
    if !product.withdrawn || !product.variants.is_empty() {
        variants(&product, priced)?;
    }
    money::round(&mut product, &mut said)?;
    address::mend(&mut product, &mut said);
    product.warnings = remarks(&product);
    name_every_shop_knows(&mut product, &mut said);
    leave_the_shop_its_categories(&mut product);
    product.warnings.extend(shortened);
    product.warnings.extend(read);
    product.warnings.extend(said.warnings());
    Ok(product)
}

fn leave_the_shop_its_categories(product: &mut Product) {
    for category in product.categories.iter_mut().flat_map(|path| &mut path.0) {
        if let Some(own) = category.id.strip_prefix(OF_THE_SHOP) {
            category.id = format!("shop-{own}");
        }
    }
}

/// Says of a product, or a category of it, that has no name in a language of the shops which one
/// stands in there: the first by its tag, and last the one of a language that nobody could tell.
/// Only that becomes the English one, with its description: it may be, and nothing says what else
/// it is (D52).
fn name_every_shop_knows(product: &mut Product, said: &mut Remarks) {
    if let Some(lang) = stand_in(&mut product.name) {
        said.add(WarningCode::NameFromOtherLanguage, || {
            format!("the product has no title in {}; the one in {lang:?} stands in", LANGUAGES.join(" or "))
        });
        if knows_no_language(&product.description)
            && lang == UNDETERMINED
            && let Some(text) = product.description.0.get(&lang).cloned()
        {
            product.description.0.insert(LANGUAGES[0].to_owned(), text);
        }
    }
    for category in product.categories.iter_mut().flat_map(|path| &mut path.0) {
        if let Some(lang) = stand_in(&mut category.name) {
            said.add(WarningCode::NameFromOtherLanguage, || {
                format!(
                    "category {:?} has no name in {}; the one in {lang:?} stands in",
                    category.id,
                    LANGUAGES.join(" or ")
                )
            });
        }
    }
}

/// The language of a text that stands in for the languages of the shops, where none of them has
/// one.
fn stand_in(texts: &mut Localized) -> Option<String> {
    if !knows_no_language(texts) {
        return None;
    }
    let filled = |(lang, text): (&String, &String)| (!text.trim().is_empty()).then(|| lang.clone());
    let lang = texts.0.iter().filter_map(filled).min_by_key(|lang| lang == UNDETERMINED)?;
    if lang == UNDETERMINED {
        let text = texts.0.get(&lang)?.clone();
        texts.0.insert(LANGUAGES[0].to_owned(), text);
    }
    Some(lang)
}

/// Whether there is no text in a language of the shops, nor in a regional form of one (`en-GB`).
fn knows_no_language(texts: &Localized) -> bool {
    let of_shop = |tag: &str| LANGUAGES.contains(&tag.split('-').next().unwrap_or(tag));
    !texts.0.iter().any(|(lang, text)| of_shop(lang) && !text.trim().is_empty())
}

/// Cuts titles to [`NAME_KEPT`] characters, at the end of a word where there is one near, and
/// remarks on each.
fn shorten_titles(product: &mut Product) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (lang, title) in &mut product.name.0 {
        let chars = title.chars().count();
        if chars <= NAME_KEPT {
            continue;
        }
        let kept: String = title.chars().take(NAME_KEPT - 1).collect();
        // Half a word says less than none, unless it is most of the title.
        let words =
            kept.rfind(char::is_whitespace).filter(|end| *end > kept.len() / 2).map_or(&*kept, |end| &kept[..end]);
        *title = format!("{}…", words.trim_end());
        let message = format!("the title in {lang:?} has {chars} characters and was shortened to {NAME_KEPT}");
        warnings.push(Warning { code: WarningCode::TitleShortened, message });
    }
    warnings
}

fn texts(product: &Product) -> Result<(), Defect> {
    let all = |texts: &catalog::Localized, limit: usize, path: &str| {
        texts.0.iter().try_for_each(|(lang, text)| short(text, limit, || format!("{path}.{lang}")))
    };
    all(&product.name, NAME_CHARS, "$.name")?;
    all(&product.description, DESCRIPTION_CHARS, "$.description")?;
    for (number, attribute) in product.attributes.iter().enumerate() {
        all(&attribute.name, TEXT_CHARS, &format!("$.attributes[{number}].name"))?;
        for value in &attribute.values {
            all(value, TEXT_CHARS, &format!("$.attributes[{number}].values"))?;
        }
    }
    for (number, category) in product.categories.iter().flat_map(|path| &path.0).enumerate() {
        all(&category.name, TEXT_CHARS, &format!("$.categories[{number}].name"))?;
        if category.id.is_empty() || category.name.is_empty() {
            let message = "a category has no id or no name";
            return Err(Defect::new(Reason::MissingField, message).path(format!("$.categories[{number}]")));
        }
        short(&category.id, ProductKey::MAX_ID_CHARS, || format!("$.categories[{number}].id"))?;
    }
    let single = [("$.brand", &product.brand), ("$.sku", &product.sku), ("$.group", &product.group)];
    for (path, text) in single {
        if let Some(text) = text {
            short(text, TEXT_CHARS, || path.to_owned())?;
        }
    }
    Ok(())
}

fn short(text: &str, limit: usize, path: impl FnOnce() -> String) -> Result<(), Defect> {
    // A text has at most as many characters as bytes.
    if text.len() <= limit {
        return Ok(());
    }
    let chars = text.chars().count();
    if chars <= limit {
        return Ok(());
    }
    let message = format!("the text has {chars} characters, more than the limit of {limit}");
    Err(Defect::new(Reason::TextTooLong, message).path(path()).value(text))
}

fn options(product: &Product) -> Result<(), Defect> {
    if product.options.len() > OPTIONS {
        let message = format!("the product has {} option axes, more than {OPTIONS}", product.options.len());
        return Err(Defect::new(Reason::TooManyOptions, message).path("$.options"));
    }
    for (number, option) in product.options.iter().enumerate() {
        if option.name.is_empty() {
            let message = "an option has no name";
            return Err(Defect::new(Reason::MissingField, message).path(format!("$.options[{number}].name")));
        }
        // The shop knows an axis by its name: of two of one name it would keep one.
        if product.options[..number].iter().any(|other| other.name.base() == option.name.base()) {
            let message = "two option axes have one name, so nobody could choose between them";
            return Err(Defect::new(Reason::AmbiguousOptions, message)
                .path(format!("$.options[{number}].name"))
                .value(option.name.base().unwrap_or_default()));
        }
    }
    Ok(())
}

fn variants(product: &Product, priced: bool) -> Result<(), Defect> {
    if product.variants.is_empty() {
        return Err(Defect::new(Reason::NoVariants, "the product has no variant, so there is nothing to sell")
            .path("$.variants"));
    }
    if product.variants.len() > VARIANTS {
        let message = format!("the product has {} variants, more than {VARIANTS}", product.variants.len());
        return Err(Defect::new(Reason::TooManyVariants, message).path("$.variants"));
    }
    let mut skus = HashSet::new();
    let mut choices = HashSet::new();
    for (number, variant) in product.variants.iter().enumerate() {
        let at = |field: &str| format!("$.variants[{number}].{field}");
        if variant.sku.trim().is_empty() {
            return Err(Defect::new(Reason::MissingField, "a variant has no SKU").path(at("sku")));
        }
        short(&variant.sku, 255, || at("sku"))?;
        ids::meant(&variant.sku, Ids::Texts).map_err(|defect| defect.path(at("sku")))?;
        if !skus.insert(variant.sku.as_str()) {
            return Err(Defect::new(Reason::DuplicateSku, "two variants share a SKU")
                .path(at("sku"))
                .value(&variant.sku));
        }
        if variant.options.len() != product.options.len() || variant.options.iter().any(|value| value.trim().is_empty())
        {
            let message = format!(
                "variant {:?} has {} option values for {} option axes",
                variant.sku,
                variant.options.iter().filter(|value| !value.trim().is_empty()).count(),
                product.options.len()
            );
            return Err(Defect::new(Reason::AmbiguousOptions, message).path(at("options")));
        }
        if !choices.insert(&variant.options) {
            let message = "two variants have the same option values, so nobody could choose between them";
            return Err(Defect::new(Reason::AmbiguousOptions, message)
                .path(at("options"))
                .value(&variant.options.join(" / ")));
        }
        for value in &variant.options {
            short(value, TEXT_CHARS, || at("options"))?;
        }
        if variant.stock < 0 {
            let message = "the stock level is below zero";
            return Err(Defect::new(Reason::InvalidStock, message).path(at("stock")).value(&variant.stock.to_string()));
        }
        prices(variant, priced).map_err(|(price, defect)| defect.path(at(&format!("prices{price}"))))?;
    }
    Ok(())
}

fn prices(variant: &Variant, priced: bool) -> Result<(), (String, Defect)> {
    if priced && variant.prices.is_empty() {
        let message = format!("variant {:?} has no price", variant.sku);
        return Err((String::new(), Defect::new(Reason::MissingPrice, message)));
    }
    for (number, price) in variant.prices.iter().enumerate() {
        let at = |defect: Defect| (format!("[{number}]"), defect);
        if money::currency(&price.currency) != Some(price.currency.as_str()) {
            let message = "the currency is no known ISO 4217 code";
            return Err(at(Defect::new(Reason::UnknownCurrency, message).value(&price.currency)));
        }
        if variant.prices[..number].iter().any(|other| other.currency == price.currency) {
            let message = "two prices in one currency";
            return Err(at(Defect::new(Reason::InvalidAmount, message).value(&price.currency)));
        }
        if price.amount <= Decimal::ZERO {
            let reason = if price.amount.is_zero() { Reason::ZeroPrice } else { Reason::NegativePrice };
            return Err(at(Defect::new(reason, "the amount is not above zero").value(&price.amount.to_string())));
        }
    }
    Ok(())
}

fn remarks(product: &Product) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code, message: String| warnings.push(Warning { code, message });
    if product.images.is_empty() {
        warn(WarningCode::NoImage, "the product has no image".to_owned());
    }
    if product.variants.iter().all(|variant| variant.stock == 0) {
        warn(WarningCode::ZeroStock, "no variant is in stock".to_owned());
    }
    for lang in LANGUAGES {
        if product.name.get(lang).is_none() {
            warn(WarningCode::MissingLanguage, format!("the product has no title in {lang:?}"));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_that_is_too_long_is_cut_at_a_word_and_the_product_says_so() {
        let json = r#"{"source":"canonical","id":"1","name":{"en":"","ar":""},"variants":[
            {"sku":"s","title":"t","prices":[{"currency":"SAR","amount":"1.00"}],"stock":1}]}"#;
        let mut product: Product = serde_json::from_str(json).unwrap();
        product.name.0.insert("en".into(), "word ".repeat(103).trim_end().to_owned());
        product.name.0.insert("ar".into(), "ش".repeat(512));
        let product = checked(product).unwrap();
        let title = product.name.get("en").unwrap();
        assert!(title.chars().count() <= NAME_KEPT && title.ends_with("word…"), "{title}");
        assert_eq!(product.name.get("ar").unwrap().chars().count(), 512, "512 characters are not too many");
        let said: Vec<_> = product.warnings.iter().filter(|w| w.code == WarningCode::TitleShortened).collect();
        assert_eq!(said.len(), 1);
        assert!(said[0].message.contains("\"en\" has 514 characters"), "{}", said[0].message);
    }

    #[test]
    fn a_title_without_spaces_keeps_as_much_as_fits() {
        let mut product: Product = serde_json::from_str(
            r#"{"source":"canonical","id":"1","name":{},"variants":[
            {"sku":"s","title":"t","prices":[{"currency":"SAR","amount":"1.00"}],"stock":1}]}"#,
        )
        .unwrap();
        product.name.0.insert("ar".into(), "ش".repeat(600));
        let product = checked(product).unwrap();
        assert_eq!(product.name.get("ar").unwrap().chars().count(), NAME_KEPT);
    }

    #[test]
    fn no_source_s_category_is_taken_for_one_of_the_shop_s() {
        let json = r#"{"source":"canonical","id":"1","name":{"en":"x"},"variants":[
            {"sku":"s","title":"t","prices":[{"currency":"SAR","amount":"1.00"}],"stock":1}],
            "categories":[[{"id":"shop:women","name":{"en":"Women"}},{"id":"a:b","name":{"en":"B"}}]]}"#;
        let product = checked(serde_json::from_str(json).unwrap()).unwrap();
        let ids: Vec<&str> = product.categories[0].0.iter().map(|category| category.id.as_str()).collect();
        assert_eq!(ids, ["shop-women", "a:b"]);
    }
}
