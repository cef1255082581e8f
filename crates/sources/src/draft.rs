//! A first mapping for a feed that nobody has described: columns recognised by their names, amounts and repetitions by what stands in them. What is a guess says so.

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
    // A record that names no group is a product by itself.
    let alone = group.as_ref().filter(|group| !sample.is_full(group)).and(own.clone());
    let id = own.filter(|_| group.is_none()).or_else(|| group.clone());
    let repeated = id.as_ref().filter(|id| group.is_some() || sample.repeats(id)).cloned();
    let sku = find("sku").filter(|sku| Some(sku) != id.as_ref());
    let (name, description, brand) = (find("name"), find("description"), find("brand"));
    let (sale, price, list, currency) = (find("sale"), find("price"), find("list"), find("currency"));
    let (stock, images, category, url) = (find("stock"), find("images"), find("category"), find("url"));
    let (color, size) = (find("color"), find("size"));
    let pairs = pairs(&sample.columns);
    used.extend(pairs.iter().filter(|_| repeated.is_some()).flat_map(|(name, value)| [name.clone(), value.clone()]));
    let mut line = |text: String| {
        yaml.push_str(&text);
        yaml.push('\n');
    };
    let first = sample.columns.first().cloned().unwrap_or_default();
    let key = |column: &str| match &alone {
        Some(alone) => format!("\"= {} ?? {}\"", expr::identifier(column), expr::identifier(alone)),
        None => quoted(column),
    };
    if let Some(by) = &repeated {
        let rows = if sample.is_adjacent(by, alone.as_deref()) { "adjacent" } else { "spread" };
        line(format!("group: {{ by: {}, rows: {rows} }}  # its values repeat", key(by)));
    }
    line("product:".to_owned());
    match &id {
        Some(id) => line(format!("  id: {}", key(id))),
        None => line(format!("  id: {}  # unsure: no column is called like an id", quoted(&first))),
    }
    match &name {
        Some(name) => line(format!("  name: {}", one_or_several(sample, name))),
        None => line(format!(
            "  name: {}  # unsure: no column is called like a name",
            quoted(sample.columns.get(1).unwrap_or(&first))
        )),
    }
    for (field, column) in [("description", &description), ("brand", &brand), ("url", &url)] {
        if let Some(column) = column {
            line(format!("  {field}: {}", one_or_several(sample, column)));
        }
    }
    if let Some(images) = &images {
        let several = sample.values(images).any(|value| value.contains(", http") || value.contains(",http"));
        line(if several {
            format!("  images: {{ from: {}, split: \",\" }}", quoted(images))
        } else {
            format!("  images: {}", quoted(images))
        });
    }
    if let Some(category) = &category {
        let separator =
            [" > ", " / ", " | "].into_iter().find(|mark| sample.values(category).any(|value| value.contains(mark)));
        line(match separator {
            Some(mark) => format!("  categories: {{ from: {}, separator: \"{}\" }}", quoted(category), mark.trim()),
            None => format!("  categories: {}", quoted(category)),
        });
    }
    let axes: Vec<(&str, &String)> = [("Color", &color), ("Size", &size)]
        .into_iter()
        .filter_map(|(name, column)| Some((name, column.as_ref()?)))
        .collect();
    if repeated.is_some() && !pairs.is_empty() {
        line("  options:".to_owned());
        for (name, value) in &pairs {
            line(format!("    - {{ name: {}, value: {} }}", quoted(name), quoted(value)));
        }
    } else if repeated.is_some() && !axes.is_empty() {
        line("  options:".to_owned());
        for (name, column) in &axes {
            line(format!("    - {{ name: {{ en: {{ is: {name} }} }}, value: {} }}", quoted(column)));
        }
    } else if !axes.is_empty() {
        line("  attributes:".to_owned());
        for (name, column) in &axes {
            line(format!("    - {{ name: {name}, value: {} }}", quoted(column)));
        }
    }
    line("  variants:".to_owned());
    if let Some(price) = price.as_ref().filter(|price| repeated.is_some() && !sample.is_full(price)) {
        // Such as rows for further images.
        line(format!(
            "    if: = !is_blank({})  # unsure: rows without a price are no variants",
            expr::identifier(price)
        ));
    }
    if let Some(sku) = sku {
        line(format!("    sku: {}", quoted(&sku)));
    }
    let amounts: Vec<&String> =
        sale.iter().chain(price.iter()).chain(list.iter().filter(|_| price.is_none() && sale.is_none())).collect();
    let from = match &amounts[..] {
        [] => quoted(&first),
        [one] => quoted(one),
        several => format!("[{}]", several.iter().map(|one| quoted(one)).collect::<Vec<_>>().join(", ")),
    };
    let mut parts = vec![format!("from: {from}")];
    let mut unsure = if amounts.is_empty() { "  # unsure: no column is called like a price" } else { "" };
    let symbol = amounts
        .iter()
        .any(|column| sample.values(column).any(|value| feeds::money::Shown::of(value).currency(None).is_some()));
    match &currency {
        Some(currency) => parts.push(format!("currency: {}", quoted(currency))),
        None if symbol => {}
        None => {
            parts.push("currency: EUR".to_owned());
            unsure = "  # unsure: the feed names no currency";
        }
    }
    if let Some(list) = list.as_ref().or(price.as_ref().filter(|_| sale.is_some())) {
        parts.push(format!("list: {}", quoted(list)));
    }
    if amounts.iter().any(|column| sample.has_decimal_commas(column)) {
        parts.push("decimal: \",\"".to_owned());
    }
    line(format!("    price: {{ {} }}{unsure}", parts.join(", ")));
    match &stock {
        Some(stock) => {
            let words = sample.unknown_stocks(stock);
            if words.is_empty() {
                line(format!("    stock: {}", quoted(stock)));
            } else {
                let table: Vec<String> = words.iter().map(|word| format!("{}: out of stock", quoted(word))).collect();
                line(format!(
                    "    stock: {{ from: {}, table: {{ {} }} }}  # unsure: what these words mean",
                    quoted(stock),
                    table.join(", ")
                ));
            }
        }
        None => line("    # unsure: no column is called like a stock, so nothing can be bought. If everything is there:  stock: { is: 1 }".to_owned()),
    }
    let left: Vec<&String> = sample.columns.iter().filter(|column| !used.contains(column)).collect();
    if !left.is_empty() {
        line(format!(
            "# Not used: {}",
            left.iter().map(|column| column.replace('\n', " ")).collect::<Vec<_>>().join(", ")
        ));
    }
    yaml
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
