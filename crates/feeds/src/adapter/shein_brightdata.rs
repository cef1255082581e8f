//! Rows of Bright Data's SHEIN dataset, as CSV (with JSON inside cells) or as JSON.
//!
//! A row has one price and a list of sizes, so every size becomes a variant at that price. It says
//! whether there is stock, not how much: a variant in stock is offered with [`ASSUMED_STOCK`].

use std::borrow::Cow;

use catalog::{Attribute, Category, CategoryPath, Localized, PartName, Price, Product, ProductOption, Variant};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{
    Adapter, Columns, UNDETERMINED, add_image, all_of, https, language_by_script, language_of, made_sku, parse,
};
use crate::facts;
use crate::ids::{self, Ids};
use crate::lenient::{Digits, List, Nested, Plain, Text, filled, given, truth};
use crate::money::Shown;
use crate::split::Row;
use crate::{Defect, Reason, money, quality, text};

/// Pieces offered of a product of which the source only says that it is in stock: what that
/// guarantees.
pub const ASSUMED_STOCK: i32 = 1;

/// See the module's description.
#[derive(Debug, Clone, Copy)]
pub struct SheinBrightData;

/// The columns that are read.
const READ: &[&str] = &[
    "product_id",
    "product_name",
    "description",
    "initial_price",
    "final_price",
    "currency",
    "in_stock",
    "color",
    "size",
    "main_image",
    "url",
    "domain",
    "model_number",
    "root_category",
    "category",
    "category_url",
    "brand",
    "country_code",
    "error",
    "error_code",
    "category_tree",
    "image_urls",
    "other_attributes",
    "all_available_sizes",
];

const REQUIRED: &[&str] = &["product_id", "product_name", "final_price", "currency"];

impl Adapter for SheinBrightData {
    fn source(&self) -> &'static str {
        "shein-brightdata"
    }

    fn json(&self, record: &str) -> Result<Product, Defect> {
        parse::record::<Record<'_>>(record).and_then(|record| product(self.source(), &record))
    }

    fn csv(&self, columns: &Columns, row: &Row) -> Result<Product, Defect> {
        from_row(columns, row).and_then(|record| product(self.source(), &record))
    }

    fn required_columns(&self) -> &'static [&'static str] {
        REQUIRED
    }

    fn marks(&self) -> &'static [&'static str] {
        &["product_id", "product_name", "final_price", "initial_price", "error", "error_code"]
    }

    fn recognises(&self, keys: &[Cow<'_, str>]) -> bool {
        all_of(keys, &["product_id", "product_name", "final_price"])
    }

    fn id_pointer(&self) -> &'static str {
        "/product_id"
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

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an object")]
struct Record<'a> {
    #[serde(borrow)]
    product_id: Option<Digits<'a>>,
    #[serde(borrow)]
    product_name: Option<Text<'a>>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    #[serde(borrow)]
    initial_price: Option<Digits<'a>>,
    #[serde(borrow)]
    final_price: Option<Digits<'a>>,
    #[serde(borrow)]
    currency: Option<Text<'a>>,
    #[serde(borrow)]
    in_stock: Option<Text<'a>>,
    #[serde(borrow)]
    color: Option<Text<'a>>,
    #[serde(borrow)]
    size: Option<Text<'a>>,
    #[serde(borrow)]
    main_image: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
    #[serde(borrow)]
    domain: Option<Text<'a>>,
    #[serde(borrow)]
    model_number: Option<Text<'a>>,
    #[serde(borrow)]
    root_category: Option<Text<'a>>,
    #[serde(borrow)]
    category: Option<Text<'a>>,
    #[serde(borrow)]
    category_url: Option<Text<'a>>,
    #[serde(borrow)]
    brand: Option<Text<'a>>,
    #[serde(borrow)]
    country_code: Option<Text<'a>>,
    /// What the collector says in place of a product: a page that is gone, a blocked request.
    #[serde(borrow)]
    error: Option<Text<'a>>,
    #[serde(borrow)]
    error_code: Option<Text<'a>>,
    #[serde(default)]
    category_tree: Nested<List<Node>>,
    #[serde(default)]
    image_urls: Nested<List<Plain>>,
    #[serde(default)]
    other_attributes: Nested<List<Fact>>,
    #[serde(default)]
    all_available_sizes: Nested<List<Plain>>,
}

/// A category in the path, from the root.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct Node {
    name: Option<Plain>,
    url: Option<Plain>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct Fact {
    name: Option<Plain>,
    value: Option<Plain>,
}

fn shown(text: &Option<Plain>) -> &str {
    text.as_ref().map(Plain::text).unwrap_or_default()
}

fn from_row<'r>(columns: &Columns, row: &'r Row) -> Result<Record<'r>, Defect> {
    row.expect_len(columns.len())?;
    columns.agree(row, READ)?;
    let cell = |name: &str| columns.cell(row, name).filter(|cell| *cell != "null");
    let text = |name: &str| cell(name).map(|cell| Text(Cow::Borrowed(cell)));
    let digits = |name: &str| cell(name).map(|cell| Digits(Cow::Borrowed(cell)));
    Ok(Record {
        product_id: digits("product_id"),
        product_name: text("product_name"),
        description: text("description"),
        initial_price: digits("initial_price"),
        final_price: digits("final_price"),
        currency: text("currency"),
        in_stock: text("in_stock"),
        color: text("color"),
        size: text("size"),
        main_image: text("main_image"),
        url: text("url"),
        domain: text("domain"),
        model_number: text("model_number"),
        root_category: text("root_category"),
        category: text("category"),
        category_url: text("category_url"),
        brand: text("brand"),
        country_code: text("country_code"),
        error: text("error"),
        error_code: text("error_code"),
        category_tree: nested(cell("category_tree"), "category_tree")?,
        image_urls: nested(cell("image_urls"), "image_urls")?,
        other_attributes: nested(cell("other_attributes"), "other_attributes")?,
        all_available_sizes: nested(cell("all_available_sizes"), "all_available_sizes")?,
    })
}

fn nested<T: serde::de::DeserializeOwned>(cell: Option<&str>, column: &str) -> Result<Nested<T>, Defect> {
    let cell = cell.unwrap_or_default();
    Nested::from_cell(cell).map_err(|error| {
        let reason = if error.is_data() { Reason::InvalidType } else { Reason::MalformedJson };
        let said = error.to_string();
        let said = said.rsplit_once(" at line ").map_or(&*said, |(said, _)| said);
        Defect::new(reason, format!("the cell holds no JSON of the expected form: {}", parse::in_words(said)))
            .path(at(column))
            .value(cell)
    })
}

/// The same path for a column and for a key.
fn at(field: &str) -> String {
    format!("$.{field}")
}

fn product(source: &str, record: &Record<'_>) -> Result<Product, Defect> {
    let required = |field: &'static str, text: &'_ Option<Text<'_>>| {
        filled(text)
            .map(str::to_owned)
            .ok_or_else(|| Defect::new(Reason::MissingField, format!("the row has no {field}")).path(at(field)))
    };
    if given(&record.product_id).is_none()
        && let Some(code) = filled(&record.error_code).or_else(|| filled(&record.error))
    {
        let said = filled(&record.error).unwrap_or("no message");
        let message = format!("the row holds no product but an error of its collection: {said}");
        return Err(Defect::new(Reason::SourceError, message).path(at("error")).value(code));
    }
    let id = given(&record.product_id)
        .ok_or_else(|| Defect::new(Reason::MissingField, "the row has no product_id").path(at("product_id")))?;
    let id = ids::meant(id, Ids::WholeNumbers).map_err(|defect| defect.path(at("product_id")))?;
    let title = required("product_name", &record.product_name)?;
    same_shop(record)?;

    let lang = language(record, &title);
    let text = |text: &str| Localized::default().with(lang, text);
    let images = images(record);
    let attributes = attributes(record, text);
    let stock = stock(record)?;
    let price = price(record)?;
    let (options, variants) = variants(id, sizes(record), &price, stock, lang);
    let made_skus = variants.iter().map(|variant| variant.sku.clone()).collect();
    let description = match filled(&record.description) {
        Some(description) => text(description),
        None => text(&as_text(&attributes, lang)),
    };
    let facts = facts::of_attributes(&attributes);
    quality::checked(Product {
        source: source.to_owned(),
        group: None,
        sku: filled(&record.model_number).map(str::to_owned),
        name: text(&title),
        description,
        brand: filled(&record.brand).map(str::to_owned),
        categories: categories(record, text),
        attributes,
        options,
        variants,
        images,
        url: filled(&record.url).map(|url| https(url).into_owned()),
        withdrawn: false,
        facts,
        warnings: Vec::new(),
        made_skus,
        stock_said: Default::default(),
        id: id.to_owned(),
    })
}

/// Datasets of other shops have columns of the same names.
fn same_shop(record: &Record<'_>) -> Result<(), Defect> {
    let shein = |host: &str| host == "shein.com" || host.ends_with(".shein.com") || host.starts_with("shein.");
    let host = filled(&record.url).and_then(host);
    for (field, host) in [("url", host), ("domain", filled(&record.domain))] {
        if let Some(host) = host
            && !shein(&host.to_ascii_lowercase())
        {
            let message = format!("the row is of {host}, not of SHEIN");
            return Err(Defect::new(Reason::WrongSource, message).path(at(field)).value(host));
        }
    }
    Ok(())
}

fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("//")?.1;
    rest.split(['/', '?', '#', ':']).next().filter(|host| !host.is_empty())
}

/// The language of the storefront that the row is from.
fn language(record: &Record<'_>, title: &str) -> &'static str {
    let shop = filled(&record.domain).or_else(|| filled(&record.url).and_then(host)).unwrap_or_default();
    match shop.split('.').next().unwrap_or_default() {
        "fr" => "fr",
        "de" => "de",
        "at" => "de",
        "es" | "mx" | "co" | "cl" | "pe" | "ec" | "uy" | "py" | "cr" | "pa" | "do" | "gt" => "es",
        "it" => "it",
        "cz" => "cs",
        "dk" => "da",
        "fi" => "fi",
        "hu" => "hu",
        "no" => "nb",
        "ro" => "ro",
        "tr" => "tr",
        // Storefronts of several languages: Latin letters do not tell which.
        "eur" | "ch" | "be" => language_by_script(title).unwrap_or(UNDETERMINED),
        "pl" => "pl",
        "nl" => "nl",
        "pt" | "br" => "pt",
        "se" => "sv",
        "jp" => "ja",
        "kr" => "ko",
        "th" => "th",
        "tw" => "zh",
        _ => language_of(title),
    }
}

fn stock(record: &Record<'_>) -> Result<i32, Defect> {
    let said = filled(&record.in_stock).map(str::to_ascii_lowercase);
    match said.as_deref() {
        Some("in_stock" | "in stock" | "instock") => Ok(ASSUMED_STOCK),
        Some("out_of_stock" | "out of stock" | "outofstock") | None => Ok(0),
        Some(said) if let Some(in_stock) = truth(said) => Ok(if in_stock { ASSUMED_STOCK } else { 0 }),
        Some(other) => {
            let message = "in_stock is neither true nor false";
            Err(Defect::new(Reason::InvalidStock, message).path(at("in_stock")).value(other))
        }
    }
}

fn price(record: &Record<'_>) -> Result<Price, Defect> {
    let given = |digits| given(digits).map(str::to_owned);
    let initial = given(&record.initial_price);
    // A row without a reduction may have only the price before it.
    let (field, digits) = match given(&record.final_price) {
        Some(digits) => ("final_price", digits),
        None => match &initial {
            Some(digits) => ("initial_price", digits.clone()),
            None => return Err(Defect::new(Reason::MissingPrice, "the row has no price").path(at("final_price"))),
        },
    };
    let country = country(record);
    let currency = currency(record, &Shown::of(&digits), country)?;
    let amount = amount(&digits, currency, country).map_err(|defect| defect.path(at(field)))?;
    let list = match initial.map(|digits| self::amount(&digits, currency, country)).transpose() {
        Err(defect) if defect.reason == Reason::ZeroPrice => None,
        result => result.map_err(|defect| defect.path(at("initial_price")))?,
    };
    Ok(Price { currency: currency.to_owned(), amount, list_amount: list.filter(|list| *list > amount) })
}

/// The currency of the column, and where that is empty the one in the price itself.
fn currency(record: &Record<'_>, price: &Shown<'_>, country: Option<&str>) -> Result<&'static str, Defect> {
    let column = filled(&record.currency);
    let known = match column {
        Some(symbol) => money::currency_in(symbol, country),
        None => price.currency(country),
    };
    known.ok_or_else(|| {
        let symbol = column.or(Some(price.before)).filter(|symbol| !symbol.is_empty()).unwrap_or(price.behind);
        let message = match country {
            _ if symbol.is_empty() => "the price has no currency".to_owned(),
            Some(country) if money::is_ambiguous(symbol) => {
                format!("the symbol of the price stands for several currencies, none of them that of {country:?}")
            }
            None if money::is_ambiguous(symbol) => {
                "the symbol of the price stands for several currencies, and the row names no country".to_owned()
            }
            _ => "no currency is known for the price".to_owned(),
        };
        Defect::new(Reason::UnknownCurrency, message).path(at("currency")).value(symbol)
    })
}

/// An amount, bare or with the currency's own symbol.
fn amount(text: &str, currency: &str, country: Option<&str>) -> Result<Decimal, Defect> {
    let shown = Shown::of(text);
    if !shown.is_bare() {
        if shown.number.is_empty() {
            return Err(Defect::new(Reason::InvalidAmount, "the amount is no decimal number").value(text));
        }
        if !shown.means(currency) {
            let message = format!("something other than {currency} stands beside the amount");
            return Err(Defect::new(Reason::InvalidAmount, message).value(text));
        }
        return money::shown_amount(shown.number, currency);
    }
    let thousands = || {
        text.split_once('.').is_some_and(|(whole, rest)| !whole.starts_with('0') && whole.len() <= 3 && rest.len() == 3)
    };
    let decimals = money::minor_digits(currency) == 2 && !money::whole_units(currency);
    if decimals && country.is_some_and(money::writes_decimal_comma) && thousands() {
        let message = "nobody can tell whether the point in the amount stands between thousands or before decimals";
        return Err(Defect::new(Reason::InvalidAmount, message).value(text));
    }
    money::amount(text, currency)
}

/// The country of the storefront that the row is from.
fn country<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    let two_letters = |text: &&str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let of_shop = || {
        let shop = filled(&record.domain).or_else(|| filled(&record.url).and_then(host))?;
        // `ar` is the Arabic shop, not Argentina.
        shop.split('.').next().filter(|label| *label != "ar")
    };
    filled(&record.country_code).filter(two_letters).or_else(|| of_shop().filter(two_letters))
}

/// The sizes one can choose from; none for a product of one size.
fn sizes(record: &Record<'_>) -> Vec<String> {
    let mut sizes: Vec<String> = Vec::new();
    let listed = record.all_available_sizes.0.iter().flat_map(|sizes| &sizes.0).map(Plain::text);
    for size in listed.filter(|size| !size.is_empty()) {
        // As customers will see it: written in two ways it is one.
        let shown = text::choice(size);
        if !sizes.iter().any(|known| text::choice(known).eq_ignore_ascii_case(&shown)) {
            sizes.push(size.to_owned());
        }
    }
    if sizes.is_empty() {
        sizes.extend(filled(&record.size).map(str::to_owned));
    }
    let only_one = |size: &str| {
        let plain: String = size.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        matches!(plain.as_str(), "onesize" | "均码")
    };
    if sizes.len() == 1 && only_one(&sizes[0]) { Vec::new() } else { sizes }
}

fn variants(id: &str, sizes: Vec<String>, price: &Price, stock: i32, lang: &str) -> (Vec<ProductOption>, Vec<Variant>) {
    let variant = |sku: String, title: &str, options| Variant {
        sku,
        title: title.to_owned(),
        options,
        prices: vec![price.clone()],
        stock,
        images: Vec::new(),
        facts: None,
    };
    if sizes.is_empty() {
        return (Vec::new(), vec![variant(id.to_owned(), "Default", Vec::new())]);
    }
    let mut names = Localized::default().with("en", "Size");
    if lang == "ar" {
        names = names.with("ar", "مقاس");
    }
    let skus = made_sku::of_sizes(id, &sizes);
    let variants = skus.into_iter().zip(&sizes).map(|(sku, size)| variant(sku, size, vec![size.clone()])).collect();
    (vec![ProductOption { name: names }], variants)
}

/// Absolute https addresses of images; an entry can be the address of the product's page.
fn images(record: &Record<'_>) -> Vec<String> {
    const EXTENSIONS: [&str; 7] = ["jpg", "jpeg", "png", "webp", "gif", "avif", "bmp"];
    let is_image = |address: &str| {
        let path = address.split(['?', '#']).next().unwrap_or_default();
        path.rsplit_once('.')
            .is_some_and(|(_, extension)| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
    };
    let mut images = Vec::new();
    let all = record.image_urls.0.iter().flat_map(|images| &images.0).map(Plain::text);
    for image in filled(&record.main_image).into_iter().chain(all) {
        if is_image(image) {
            add_image(&mut images, image);
        }
    }
    images
}

fn attributes(record: &Record<'_>, text: impl Fn(&str) -> Localized) -> Vec<Attribute> {
    let facts = record.other_attributes.0.iter().flat_map(|facts| &facts.0);
    let facts = facts.map(|fact| (shown(&fact.name), shown(&fact.value)));
    let colour = filled(&record.color).map(|colour| ("Color", colour));
    let mut attributes: Vec<Attribute> = Vec::new();
    for (name, value) in facts.chain(colour) {
        let code = slug(name);
        if code.is_empty() || value.is_empty() {
            continue;
        }
        let value = text(value);
        match attributes.iter_mut().find(|attribute| attribute.code == code) {
            Some(known) if known.values.contains(&value) => {}
            Some(known) => known.values.push(value),
            None => attributes.push(Attribute { code, name: text(name), values: vec![value] }),
        }
    }
    attributes
}

fn as_text(attributes: &[Attribute], lang: &str) -> String {
    let line = |attribute: &Attribute| {
        let values: Vec<&str> = attribute.values.iter().filter_map(|value| value.get(lang)).collect();
        format!("{}: {}", attribute.name.get(lang).unwrap_or(&attribute.code), values.join(", "))
    };
    attributes.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The path in `category_tree`; where there is none, `root_category` and `category`.
fn categories(record: &Record<'_>, text: impl Fn(&str) -> Localized) -> Vec<CategoryPath> {
    let tree = record.category_tree.0.iter().flat_map(|nodes| &nodes.0);
    let mut nodes: Vec<(&str, &str)> = tree.map(|node| (shown(&node.name), shown(&node.url))).collect();
    if nodes.is_empty() {
        nodes.extend(filled(&record.root_category).map(|name| (name, "")));
        let url = filled(&record.category_url).unwrap_or_default();
        nodes.extend(filled(&record.category).map(|name| (name, url)));
        nodes.dedup_by(|b, a| a.0 == b.0);
    }
    let mut path: Vec<Category> = Vec::new();
    for (name, url) in nodes {
        let id = category_id(url).unwrap_or_else(|| {
            // The name alone is not unique: "Accessories" stands below many.
            path.iter()
                .map(|category| category.name.base().unwrap_or_default())
                .chain([name])
                .map(slug)
                .collect::<Vec<_>>()
                .join("/")
        });
        if !name.is_empty() && !id.is_empty() && !path.iter().any(|category| category.id == id) {
            path.push(Category { id, name: text(name) });
        }
    }
    if path.is_empty() { Vec::new() } else { vec![CategoryPath(path)] }
}

/// The number in `…-c-4929.html`.
fn category_id(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (_, end) = path.strip_suffix(".html")?.rsplit_once("-c-")?;
    (!end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit())).then(|| end.to_owned())
}

/// Lower case, with single hyphens for everything that is neither letter nor digit.
fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}
