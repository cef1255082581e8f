//! A first mapping for a feed that nobody has described: columns recognised by their names, amounts
//! and repetitions by what stands in them. What is a guess says so.

mod look;

use std::fmt::Write as _;

use self::look::{Sample, Shape};

/// What a column may be called, by field: the first that is there counts.
const CALLED: &[(&str, &[&str])] = &[
    ("group", &["handle", "item_group_id", "parent_sku", "parent_id", "group_id", "style"]),
    (
        "id",
        &[
            "id",
            "product_id",
            "sku",
            "item_id",
            "article_number",
            "article",
            "artikelnummer",
            "artikel",
            "code",
            "handle",
            "ref",
            "reference",
        ],
    ),
    ("sku", &["sku", "variant_sku", "id", "article_number", "article", "code", "ean", "gtin"]),
    (
        "name",
        &["title", "name", "product_name", "product_title", "product", "bezeichnung", "article_name", "nom", "nombre"],
    ),
    (
        "description",
        &["description", "body_html", "body", "long_description", "product_description", "details", "beschreibung"],
    ),
    ("brand", &["brand", "vendor", "manufacturer", "marke", "hersteller", "marca"]),
    ("sale", &["sale_price", "final_price", "special_price", "offer_price", "price_sale"]),
    (
        "price",
        &["price", "variant_price", "regular_price", "unit_price", "retail_price", "preis", "prix", "precio", "amount"],
    ),
    (
        "list",
        &[
            "list_price",
            "variant_compare_at_price",
            "compare_at_price",
            "initial_price",
            "rrp",
            "msrp",
            "uvp",
            "old_price",
        ],
    ),
    ("currency", &["currency", "currency_code", "waehrung"]),
    (
        "stock",
        &[
            "stock",
            "quantity",
            "qty",
            "inventory",
            "variant_inventory_qty",
            "stock_quantity",
            "availability",
            "in_stock",
            "bestand",
        ],
    ),
    (
        "images",
        &[
            "images",
            "image_urls",
            "image_url",
            "image_src",
            "image_link",
            "image",
            "main_image",
            "photo",
            "picture",
            "bild",
        ],
    ),
    ("category", &["category_path", "categories", "product_type", "category", "breadcrumb", "type", "kategorie"]),
    ("url", &["url", "link", "product_url", "permalink"]),
    ("color", &["color", "colour", "farbe"]),
    ("size", &["size", "groesse", "größe", "talla"]),
];

/// Writes a mapping for a feed; `file` is its name, `bytes` its beginning, all of it if it is JSON.
///
/// # Errors
/// When nothing in it looks like records.
pub fn draft(file: &str, bytes: &[u8]) -> Result<String, String> {
    let sample = look::at(bytes)?;
    let source = name_of(file);
    let mut yaml = format!(
        "# Drafted from {}. Lines with \"unsure\" are guesses: look at them first, then `relay source try` it.\nsource: {source}\n",
        file.replace('\n', " ")
    );
    form(&mut yaml, &sample);
    Ok(product(yaml, &sample))
}

fn name_of(file: &str) -> String {
    let stem = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = stem.split('.').next().unwrap_or(stem);
    let mut name = String::new();
    for c in stem.chars().take(40) {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-');
    if name.is_empty() { "supplier".to_owned() } else { name.to_owned() }
}

fn form(yaml: &mut String, sample: &Sample) {
    let mut parts = vec![format!(
        "type: {}",
        match sample.shape {
            Shape::Csv => "csv",
            Shape::Json => "json",
            Shape::Xml => "xml",
            Shape::Xlsx => "xlsx",
        }
    )];
    if !sample.records.is_empty() {
        parts.push(format!("records: {}", quoted(&sample.records)));
    }
    if let Some(encoding) = sample.encoding {
        parts.push(format!("encoding: {encoding}"));
    }
    if let Some(row) = sample.header_row {
        parts.push(format!("header_row: {row}"));
    }
    let has_columns = matches!(sample.shape, Shape::Csv | Shape::Xlsx);
    let json: Vec<String> =
        sample.columns.iter().filter(|column| sample.holds_json(column)).map(|column| quoted(column)).collect();
    if has_columns && !json.is_empty() {
        parts.push(format!("json: [{}]", json.join(", ")));
    }
    let unsure = if sample.encoding == Some("windows-1252") {
        "  # unsure: it is not UTF-8, and single bytes do not tell which other encoding"
    } else {
        ""
    };
    let _ = writeln!(yaml, "form: {{ {} }}{unsure}", parts.join(", "));
    if has_columns {
        let columns: Vec<String> = sample.columns.iter().map(|column| quoted(column)).collect();
        let _ = writeln!(yaml, "columns: [{}]", columns.join(", "));
    }
}

fn product(mut yaml: String, sample: &Sample) -> String {
    let found = Found::of(sample);
    let mut lines = found.identity();
    lines.extend(found.texts());
    lines.extend(found.choices());
    lines.push("  variants:".to_owned());
    if let Some(price) = found.price.as_ref().filter(|price| found.repeated.is_some() && !sample.is_full(price)) {
        // Such as rows for further images.
        lines.push(format!(
            "    if: = !is_blank({})  # unsure: rows without a price are no variants",
            expr::identifier(price)
        ));
    }
    lines.extend(found.sku.as_ref().map(|sku| format!("    sku: {}", quoted(sku))));
    lines.push(found.prices());
    lines.push(found.stocks());
    let left: Vec<String> = sample
        .columns
        .iter()
        .filter(|column| !found.used.contains(column))
        .map(|column| column.replace('\n', " "))
        .collect();
    if !left.is_empty() {
        lines.push(format!("# Not used: {}", left.join(", ")));
    }
    yaml.push_str(&lines.join("\n"));
    yaml.push('\n');
    yaml
}

/// The columns that were recognised.
struct Found<'s> {
    sample: &'s Sample,
    used: Vec<String>,
    id: Option<String>,
    /// A record that names no group is a product by itself, by this column.
    alone: Option<String>,
    /// What several records share.
    repeated: Option<String>,
    sku: Option<String>,
    name: Option<String>,
    description: Option<String>,
    brand: Option<String>,
    sale: Option<String>,
    price: Option<String>,
    list: Option<String>,
    currency: Option<String>,
    stock: Option<String>,
    images: Option<String>,
    category: Option<String>,
    url: Option<String>,
    color: Option<String>,
    size: Option<String>,
    pairs: Vec<(String, String)>,
}

impl<'s> Found<'s> {
    fn of(sample: &'s Sample) -> Self {
        let mut used: Vec<String> = Vec::new();
        let mut find = |field: &str| -> Option<String> {
            let names = CALLED.iter().find(|(name, _)| *name == field).map(|(_, names)| *names).unwrap_or_default();
            let plain = |column: &str| expr::identifier(column.rsplit(':').next().unwrap_or(column));
            let found = names.iter().find_map(|name| sample.columns.iter().find(|column| plain(column) == *name))?;
            used.push(found.clone());
            Some(found.clone())
        };
        let group = find("group").filter(|column| sample.repeats(column));
        let own = find("id");
        let alone = group.as_ref().filter(|group| !sample.is_full(group)).and(own.clone());
        let id = own.filter(|_| group.is_none()).or_else(|| group.clone());
        let repeated = id.as_ref().filter(|id| group.is_some() || sample.repeats(id)).cloned();
        let pairs = pairs(&sample.columns);
        let mut found = Self {
            sample,
            sku: find("sku").filter(|sku| Some(sku) != id.as_ref()),
            name: find("name"),
            description: find("description"),
            brand: find("brand"),
            sale: find("sale"),
            price: find("price"),
            list: find("list"),
            currency: find("currency"),
            stock: find("stock"),
            images: find("images"),
            category: find("category"),
            url: find("url"),
            color: find("color"),
            size: find("size"),
            used: Vec::new(),
            id,
            alone,
            repeated,
            pairs,
        };
        if found.repeated.is_some() {
            used.extend(found.pairs.iter().flat_map(|(name, value)| [name.clone(), value.clone()]));
        }
        found.used = used;
        found
    }

    /// What the records of one product share.
    fn identity(&self) -> Vec<String> {
        let sample = self.sample;
        let first = sample.columns.first().cloned().unwrap_or_default();
        let key = |column: &str| match &self.alone {
            Some(alone) => format!("\"= {} ?? {}\"", expr::identifier(column), expr::identifier(alone)),
            None => quoted(column),
        };
        let mut lines = Vec::new();
        if let Some(by) = &self.repeated {
            let rows = if sample.is_adjacent(by, self.alone.as_deref()) { "adjacent" } else { "spread" };
            lines.push(format!("group: {{ by: {}, rows: {rows} }}  # its values repeat", key(by)));
        }
        lines.push("product:".to_owned());
        lines.push(match &self.id {
            Some(id) => format!("  id: {}", key(id)),
            None => format!("  id: {}  # unsure: no column is called like an id", quoted(&first)),
        });
        lines.push(match &self.name {
            Some(name) => format!("  name: {}", one_or_several(sample, name)),
            None => format!(
                "  name: {}  # unsure: no column is called like a name",
                quoted(sample.columns.get(1).unwrap_or(&first))
            ),
        });
        lines
    }

    fn texts(&self) -> Vec<String> {
        let sample = self.sample;
        let mut lines = Vec::new();
        for (field, column) in [("description", &self.description), ("brand", &self.brand), ("url", &self.url)] {
            lines.extend(column.as_ref().map(|column| format!("  {field}: {}", one_or_several(sample, column))));
        }
        if let Some(images) = &self.images {
            let several = sample.values(images).any(|value| value.contains(", http") || value.contains(",http"));
            lines.push(if several {
                format!("  images: {{ from: {}, split: \",\" }}", quoted(images))
            } else {
                format!("  images: {}", quoted(images))
            });
        }
        if let Some(category) = &self.category {
            let separator = [" > ", " / ", " | "]
                .into_iter()
                .find(|mark| sample.values(category).any(|value| value.contains(mark)));
            lines.push(match separator {
                Some(mark) => format!("  categories: {{ from: {}, separator: \"{}\" }}", quoted(category), mark.trim()),
                None => format!("  categories: {}", quoted(category)),
            });
        }
        lines
    }

    /// Options where several records are one product, otherwise attributes.
    fn choices(&self) -> Vec<String> {
        let axes: Vec<(&str, &String)> = [("Color", &self.color), ("Size", &self.size)]
            .into_iter()
            .filter_map(|(name, column)| Some((name, column.as_ref()?)))
            .collect();
        let mut lines = Vec::new();
        if self.repeated.is_some() && !self.pairs.is_empty() {
            lines.push("  options:".to_owned());
            let pair = |(name, value): &(String, String)| {
                format!("    - {{ name: {}, value: {} }}", quoted(name), quoted(value))
            };
            lines.extend(self.pairs.iter().map(pair));
        } else if self.repeated.is_some() && !axes.is_empty() {
            lines.push("  options:".to_owned());
            for (name, column) in &axes {
                lines.push(format!("    - {{ name: {{ en: {{ is: {name} }} }}, value: {} }}", quoted(column)));
            }
        } else if !axes.is_empty() {
            lines.push("  attributes:".to_owned());
            for (name, column) in &axes {
                lines.push(format!("    - {{ name: {name}, value: {} }}", quoted(column)));
            }
        }
        lines
    }

    fn prices(&self) -> String {
        let sample = self.sample;
        let only_list = self.list.iter().filter(|_| self.price.is_none() && self.sale.is_none());
        let amounts: Vec<&String> = self.sale.iter().chain(&self.price).chain(only_list).collect();
        let from = match &amounts[..] {
            [] => quoted(sample.columns.first().map(String::as_str).unwrap_or_default()),
            [one] => quoted(one),
            several => format!("[{}]", several.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", ")),
        };
        let mut parts = vec![format!("from: {from}")];
        let mut unsure = if amounts.is_empty() { "  # unsure: no column is called like a price" } else { "" };
        let symbol = amounts
            .iter()
            .any(|column| sample.values(column).any(|value| feeds::money::Shown::of(value).currency(None).is_some()));
        match &self.currency {
            Some(currency) => parts.push(format!("currency: {}", quoted(currency))),
            None if symbol => {}
            None => {
                parts.push("currency: EUR".to_owned());
                unsure = "  # unsure: the feed names no currency";
            }
        }
        if let Some(list) = self.list.as_ref().or(self.price.as_ref().filter(|_| self.sale.is_some())) {
            parts.push(format!("list: {}", quoted(list)));
        }
        if amounts.iter().any(|column| sample.has_decimal_commas(column)) {
            parts.push("decimal: \",\"".to_owned());
        }
        format!("    price: {{ {} }}{unsure}", parts.join(", "))
    }

    fn stocks(&self) -> String {
        let Some(stock) = &self.stock else {
            return "    # unsure: no column is called like a stock, so nothing can be bought. If everything is there:  stock: { is: 1 }".to_owned();
        };
        let words = self.sample.unknown_stocks(stock);
        if words.is_empty() {
            return format!("    stock: {}", quoted(stock));
        }
        let table: Vec<String> = words.iter().map(|word| format!("{}: out of stock", quoted(word))).collect();
        format!(
            "    stock: {{ from: {}, table: {{ {} }} }}  # unsure: what these words mean",
            quoted(stock),
            table.join(", ")
        )
    }
}

/// Columns that hold an axis's name and its value, such as Option1 Name and Option1 Value.
fn pairs(columns: &[String]) -> Vec<(String, String)> {
    let value = |stem: &str| {
        let fits = |column: &&String| {
            expr::identifier(column).strip_prefix(stem).is_some_and(|rest| rest.starts_with("_value"))
        };
        columns.iter().find(fits).cloned()
    };
    let pair = |column: &String| {
        let name = expr::identifier(column);
        let stem = name.strip_suffix("_name").filter(|stem| stem.ends_with(|c: char| c.is_ascii_digit()))?;
        Some((column.clone(), value(stem)?))
    };
    columns.iter().filter_map(pair).take(feeds::quality::OPTIONS).collect()
}

/// A column, with those of the same name in other places where it is not always filled.
fn one_or_several(sample: &Sample, column: &str) -> String {
    let plain = |column: &str| expr::identifier(column.rsplit(':').next().unwrap_or(column));
    let others: Vec<&String> =
        sample.columns.iter().filter(|other| *other != column && plain(other) == plain(column)).collect();
    if others.is_empty() || sample.is_full(column) {
        return quoted(column);
    }
    let all: Vec<String> = std::iter::once(quoted(column)).chain(others.into_iter().map(|one| quoted(one))).collect();
    format!("{{ from: [{}] }}", all.join(", "))
}

/// A name as YAML takes it.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '(' | ')'))
        && !matches!(text.to_lowercase().as_str(), "null" | "true" | "false" | "yes" | "no");
    if plain { text.to_owned() } else { serde_json::to_string(text).unwrap_or_default() }
}
