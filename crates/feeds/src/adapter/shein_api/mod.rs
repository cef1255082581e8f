//! SHEIN product-detail API documents: one document per colour of an article. Those seen are the
//! Saudi storefront's.
//!
//! Where things are, because the obvious places are the wrong ones:
//! - what one can buy: `info.saleAttr.multiLevelSaleAttribute.sku_list`. `skc_sale_attr` names
//!   sizes too, but also sizes that have no SKU ("0XL-3XL"); here it only gives the order of the
//!   sizes;
//! - the English title: `goods_url_name` of the entry of `info.saleAttr.mainSaleAttribute.info`
//!   with the document's own `goods_id` (the others are the other colours); the Arabic title:
//!   `info.productInfo.goods_name`;
//! - the category path: `info.productInfo.cateInfos`, a map by id in no order; `parent_ids` lead
//!   from the root;
//! - the currency: what is left of `amountWithSymbol` ("SR23.80") without the number.
//!
//! Other storefronts answer alike, in their language and currency: what stands in `goods_name` or
//! `attr_name` is in the language of the storefront, which the document does not name; `…_en` is
//! English everywhere.

mod document;
mod variants;

use std::borrow::Cow;
use std::collections::BTreeSet;

use catalog::{Attribute, Category, CategoryPath, Localized, PartName, Product};

use self::document::{Detail, Document, Head, ProductInfo};
use super::{Adapter, UNDETERMINED, add_image, all_of, language_by_script, parse};
use crate::facts;
use crate::ids::{self, Ids};
use crate::lenient::{Entries, filled, given, truth};
use crate::{Defect, Reason, quality};

/// See the module's description.
#[derive(Debug, Clone, Copy)]
pub struct SheinApi;

impl Adapter for SheinApi {
    fn source(&self) -> &'static str {
        "shein-api"
    }

    fn json(&self, record: &str) -> Result<Product, Defect> {
        let document =
            parse::sparse::<Document<'_>>(record).map_err(|defect| error_document(record).unwrap_or(defect))?;
        product(self.source(), &document).and_then(quality::checked)
    }

    fn marks(&self) -> &'static [&'static str] {
        &["code", "info", "msg", "productInfo", "saleAttr"]
    }

    fn recognises(&self, keys: &[Cow<'_, str>]) -> bool {
        all_of(keys, &["code", "info"])
    }

    fn id_pointer(&self) -> &'static str {
        "/info/productInfo/goods_id"
    }

    fn facts_follow(&self) -> bool {
        true
    }

    fn ids(&self) -> Ids {
        Ids::WholeNumbers
    }

    fn part(&self, product: &Product) -> Option<PartName> {
        PartName::of_storefront(product)
    }
}

/// A document that reports an error instead of a product may hold anything under `info`.
fn error_document(record: &str) -> Option<Defect> {
    let head: Head<'_> = serde_json::from_str(record).ok()?;
    source_error(filled(&head.code)?, filled(&head.msg))
}

fn source_error(code: &str, message: Option<&str>) -> Option<Defect> {
    if code == "0" {
        return None;
    }
    let message = format!("the source answered with code {code:?}: {}", message.unwrap_or("no message"));
    Some(Defect::new(Reason::SourceError, message).path("$.code").value(code))
}

/// Parses a whole JSON array into the same structs at once and counts the documents: the limit that
/// benchmarks compare with.
#[doc(hidden)]
pub fn plain_parse(feed: &[u8]) -> Result<usize, serde_json::Error> {
    serde_json::from_slice::<Vec<Document<'_>>>(feed).map(|documents| documents.len())
}

fn missing(path: &str, what: &str) -> Defect {
    Defect::new(Reason::MissingField, format!("the document has no {what}")).path(path)
}

fn product(source: &str, document: &Document<'_>) -> Result<Product, Defect> {
    let code = filled(&document.code).ok_or_else(|| missing("$.code", "code"))?;
    if let Some(defect) = source_error(code, filled(&document.msg)) {
        return Err(defect);
    }
    let info = document.info.as_ref().ok_or_else(|| missing("$.info", "info"))?;
    let about = info.product.as_ref().ok_or_else(|| missing("$.info.productInfo", "productInfo"))?;
    let at_id = "$.info.productInfo.goods_id";
    let written = given(&about.goods_id).ok_or_else(|| missing(at_id, "goods_id"))?;
    let id = ids::meant(written, Ids::WholeNumbers).map_err(|defect| defect.path(at_id))?;
    let sale = info.sale.as_ref();
    let colours = sale.and_then(|sale| sale.main.as_ref()).map(|main| main.info.0.as_slice()).unwrap_or_default();
    let colour = colours.iter().find(|colour| filled(&colour.goods_id).is_some_and(|own| own == id || own == written));

    let lang = latin_language(about);
    let title = filled(&about.goods_name).unwrap_or_default();
    // The entry of the own colour comes last: its English title goes before one that stands where
    // the storefront's should.
    let name = Localized::default()
        .with(in_language(title, lang), title)
        .with("en", colour.and_then(|colour| filled(&colour.goods_url_name)).unwrap_or_default());

    let details = about.description.as_ref().map(|description| description.details.0.as_slice()).unwrap_or_default();
    let mut attributes = attributes(details, lang);
    if let Some(colour) = colour
        && let (Some(code), Some(label)) = (filled(&colour.attr_id), filled(&colour.attr_name))
        && let Some(value) = filled(&colour.attr_value)
        && !attributes.iter().any(|attribute| attribute.code == code)
    {
        let text = |text: &str| Localized::default().with(in_language(text, lang), text);
        attributes.push(Attribute { code: code.to_owned(), name: text(label), values: vec![text(value)] });
    }

    let levels = sale.and_then(|sale| sale.levels.as_ref());
    let (options, variants) = variants::read(levels, lang)?;
    let facts = facts::of_attributes(&attributes);
    Ok(Product {
        source: source.to_owned(),
        id: id.to_owned(),
        group: filled(&about.relation).map(str::to_owned),
        sku: filled(&about.goods_sn).map(str::to_owned),
        name,
        description: description(about, &attributes, lang),
        brand: info.brand.as_ref().and_then(|brand| filled(&brand.name)).map(str::to_owned),
        categories: categories(&about.categories, filled(&about.cat_id), lang),
        attributes,
        options,
        variants,
        images: images(about, written),
        url: None,
        withdrawn: !on_sale(about)?,
        facts,
        warnings: Vec::new(),
        made_skus: Default::default(),
        stock_said: Default::default(),
    })
}

/// Whether the product is on sale; one that does not say so is.
fn on_sale(about: &ProductInfo<'_>) -> Result<bool, Defect> {
    let Some(said) = filled(&about.is_on_sale) else { return Ok(true) };
    truth(said).ok_or_else(|| {
        let message = "is_on_sale is neither 1 nor 0";
        Defect::new(Reason::InvalidType, message).path("$.info.productInfo.is_on_sale").value(said)
    })
}

/// The language of a text of a document whose Latin letters mean `latin`.
fn in_language<'l>(text: &str, latin: &'l str) -> &'l str {
    language_by_script(text).unwrap_or(latin)
}

/// What Latin letters mean in a document: English, unless most of its categories and attributes are
/// called something else in English. Which other language it is then, nobody can tell.
fn latin_language(about: &ProductInfo<'_>) -> &'static str {
    let categories = about.categories.0.iter().map(|(_, one)| (&one.category_name, &one.category_name_en));
    let details = about.description.iter().flat_map(|description| &description.details.0);
    let pairs = categories.chain(details.map(|one| (&one.attr_name, &one.attr_name_en)));
    let latin = pairs
        .filter_map(|(own, english)| Some((filled(own)?, filled(english)?)))
        .filter(|(own, _)| language_by_script(own).is_none());
    let (same, other): (Vec<_>, Vec<_>) = latin.partition(|(own, english)| own.eq_ignore_ascii_case(english));
    if other.len() > same.len() { UNDETERMINED } else { "en" }
}

/// One attribute for each `attr_id`, with all its values, in the order of the document.
fn attributes(details: &[Detail<'_>], lang: &str) -> Vec<Attribute> {
    let mut attributes: Vec<Attribute> = Vec::new();
    for detail in details {
        let text = |own, english| {
            let own = filled(own).unwrap_or_default();
            Localized::default().with(in_language(own, lang), own).with("en", filled(english).unwrap_or_default())
        };
        let name = text(&detail.attr_name, &detail.attr_name_en);
        let value = text(&detail.attr_value, &detail.attr_value_en);
        let Some(code) = filled(&detail.attr_id) else { continue };
        if name.is_empty() || value.is_empty() {
            continue;
        }
        match attributes.iter_mut().find(|attribute| attribute.code == code) {
            Some(known) if known.values.contains(&value) => {}
            Some(known) => known.values.push(value),
            None => attributes.push(Attribute { code: code.to_owned(), name, values: vec![value] }),
        }
    }
    attributes
}

/// The description, or where there is none the attributes as text, a line each.
fn description(about: &ProductInfo<'_>, attributes: &[Attribute], lang: &str) -> Localized {
    let text = about.description.as_ref().and_then(|description| filled(&description.goods_desc));
    if let Some(text) = text {
        return Localized::default().with(in_language(text, lang), text);
    }
    let mut description = Localized::default();
    let languages: BTreeSet<&str> =
        attributes.iter().flat_map(|attribute| attribute.name.0.keys()).map(String::as_str).collect();
    for lang in languages {
        let separator = if lang == "ar" { "، " } else { ", " };
        let lines: Vec<String> = attributes
            .iter()
            .filter_map(|attribute| {
                let name = attribute.name.get(lang)?;
                let values: Vec<&str> = attribute.values.iter().filter_map(|value| value.get(lang)).collect();
                (!values.is_empty()).then(|| format!("{name}: {}", values.join(separator)))
            })
            .collect();
        description = description.with(lang, &lines.join("\n"));
    }
    description
}

/// The path to the document's own category; if it is not in the map, to the deepest there is.
fn categories(all: &Entries<'_, document::Category<'_>>, own: Option<&str>, lang: &str) -> Vec<CategoryPath> {
    let named = |id: &str| {
        let category = all.get(id)?;
        let own = filled(&category.category_name).unwrap_or_default();
        let name = Localized::default()
            .with(in_language(own, lang), own)
            .with("en", filled(&category.category_name_en).unwrap_or_default());
        (!name.is_empty()).then(|| Category { id: id.to_owned(), name })
    };
    let leaf = own.filter(|id| all.get(id).is_some()).or_else(|| {
        // Of several equally deep ones the first in the document, so that the same document gives
        // the same product.
        let deepest = all.0.iter().map(|(_, category)| category.parent_ids.0.len()).max()?;
        all.0.iter().find(|(_, category)| category.parent_ids.0.len() == deepest).map(|(id, _)| &*id.0)
    });
    let Some(leaf) = leaf else { return Vec::new() };
    let parents = all.get(leaf).map(|category| category.parent_ids.0.as_slice()).unwrap_or_default();
    let path: Vec<Category> = parents.iter().map(|id| &*id.0).chain([leaf]).filter_map(named).collect();
    if path.is_empty() { Vec::new() } else { vec![CategoryPath(path)] }
}

fn images(about: &ProductInfo<'_>, id: &str) -> Vec<String> {
    let mut images = Vec::new();
    for image in about.images.iter().flat_map(|images| &images.skc.0) {
        add_image(&mut images, filled(image).unwrap_or_default());
    }
    for image in about.colour_images.get(id).iter().flat_map(|images| &images.0) {
        add_image(&mut images, filled(&image.origin_image).unwrap_or_default());
    }
    if images.is_empty() {
        add_image(&mut images, filled(&about.goods_img).unwrap_or_default());
    }
    images
}
