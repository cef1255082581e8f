//! The words of the mapping language: the one table that the reader, its error texts, the JSON
//! Schema and the documentation go by.

/// What may stand behind a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word or text.
    Text,
    /// One of some words.
    Words(&'static [&'static str]),
    /// true or false.
    Bool,
    /// A whole number.
    Number,
    /// A list of texts, or one.
    Texts,
    /// From text to text.
    Table,
    /// A column, path, `= expression`, or an object of [`FIELD`].
    Field,
    /// The same, or an object of languages.
    Localized,
    /// From any name to a field.
    Named,
    /// A field, or a list of them.
    Fields,
    /// An object of the keys of a table, by the table's name in the schema.
    Object(&'static str),
    /// From any name to such an object.
    NamedObjects(&'static str),
    /// A list of such objects, or one.
    Objects(&'static str),
}

/// A key, what stands behind it, and what it means.
pub(crate) type Key = (&'static str, Kind, &'static str);

/// At the top of a mapping.
pub(crate) const TOP: &[Key] = &[
    (
        "source",
        Kind::Text,
        "The source's name: letters of ASCII, digits, hyphens; the prefix incoming/<source>/ of its feeds",
    ),
    ("about", Kind::Text, "For people"),
    ("form", Kind::Object("form"), "How the feed is written"),
    (
        "columns",
        Kind::Texts,
        "The columns or keys that the supplier sends; with it, misspelled ones are found before a feed comes",
    ),
    ("group", Kind::Object("group"), "Several records are one product"),
    ("skip", Kind::Field, "A record of which this is true is passed over"),
    ("reject", Kind::Objects("reject"), "A record of which this is true is set aside with a reason"),
    (
        "language",
        Kind::Field,
        "The language of texts, where they do not name it: a code such as en, or an expression that gives one",
    ),
    ("product", Kind::Object("product"), "What becomes of a record"),
    (
        "parts",
        Kind::NamedObjects("part"),
        "Further files of the source that speak of its products, such as stock or prices: by name, which is the folder incoming/<source>/<name>/",
    ),
];

/// A file of lines, each of which speaks of a product or variant that the leading file brings.
pub(crate) const PART: &[Key] = &[
    ("form", Kind::Object("form"), "How the file is written"),
    ("columns", Kind::Texts, "As above"),
    ("match", Kind::Object("match"), "By what its lines know products or variants: one of these"),
    (
        "owns",
        Kind::Object("owns"),
        "What it decides; no two parts own the same. What it does not say, the leading file says",
    ),
    (
        "empty",
        Kind::Words(&["keep", "clear", "delete"]),
        "What a blank cell says: keep: nothing, as if the column were not there (otherwise); clear: there is none; delete: what the leading file says counts again",
    ),
    ("delete", Kind::Field, "A line of which this is true takes back all that the part said of it"),
    ("in_stock", Kind::Number, "Pieces that words such as in stock, true or yes guarantee; 1 if it is not said"),
    ("skip", Kind::Field, "A line of which this is true is passed over"),
    ("reject", Kind::Objects("reject"), "A line of which this is true is set aside with a reason"),
];

/// By what a part knows products and variants.
pub(crate) const MATCH: &[Key] = &[
    ("id", Kind::Field, "The product's id"),
    ("sku", Kind::Field, "A variant's SKU"),
    ("gtin", Kind::Field, "The GTIN of a variant, or of a product with a single one; zeros in front do not matter"),
    ("mpn", Kind::Field, "The manufacturer's number, likewise"),
    ("supplier_number", Kind::Field, "The extra fact supplier_number, likewise"),
];

/// What a part decides.
pub(crate) const OWNS: &[Key] = &[
    ("stock", Kind::Field, "Pieces, as in variants"),
    ("price", Kind::Object("price"), "The price in its currency; by id, of every variant"),
    ("prices", Kind::Objects("price"), "Prices in several currencies"),
    ("name", Kind::Localized, "The title, by language; of a part that goes by id"),
    ("description", Kind::Localized, "Likewise"),
    ("brand", Kind::Field, "Of a part that goes by id"),
];

/// How a feed is written.
pub(crate) const FORM: &[Key] = &[
    (
        "type",
        Kind::Words(&["csv", "json", "xml", "xlsx"]),
        "csv covers every separator; json covers JSON Lines; xlsx is an Excel workbook",
    ),
    (
        "records",
        Kind::Text,
        "json: the path to the list of records, such as data.items. xml: the element of a record, such as item",
    ),
    ("delimiter", Kind::Text, "csv: what separates columns; otherwise the header shows it"),
    ("header", Kind::Bool, "csv, xlsx: false if the first line is a record; columns are then called 1, 2, 3"),
    ("sheet", Kind::Text, "xlsx: the sheet's name, or its number among those that are shown; otherwise the first"),
    ("header_row", Kind::Number, "xlsx: the row with the names of the columns; otherwise the first that is not empty"),
    (
        "encoding",
        Kind::Text,
        "As in the WHATWG's standard: windows-1252, iso-8859-15, utf-16le. Otherwise UTF-8, or UTF-16 by its mark",
    ),
    ("json", Kind::Texts, "csv, xlsx: columns whose cells hold JSON"),
    ("blank", Kind::Texts, "Texts that mean: not given, such as null or N/A"),
];

/// How records become one product.
pub(crate) const GROUP: &[Key] = &[
    ("by", Kind::Field, "What the records of one product share"),
    (
        "rows",
        Kind::Words(&["adjacent", "spread"]),
        "adjacent: they follow each other. spread: they stand anywhere in the file",
    ),
    ("leading", Kind::Field, "Of the record that speaks for the product this is true; otherwise it is the first"),
];

/// Why a record is set aside.
pub(crate) const REJECT: &[Key] = &[
    ("if", Kind::Field, "The condition"),
    (
        "reason",
        Kind::Words(&["source_error", "wrong_source", "missing_field", "invalid_id", "missing_price", "invalid_stock"]),
        "The kind of rejection",
    ),
    ("message", Kind::Text, "For people"),
    ("value", Kind::Field, "What is shown with it"),
];

/// A value: exactly one of `from`, `expr` and `is`, and what is done with it.
pub(crate) const FIELD: &[Key] = &[
    (
        "from",
        Kind::Texts,
        "A column, or a path such as variants[0].price, g:price, price@currency; of several the first that is given",
    ),
    ("expr", Kind::Text, "An expression"),
    ("is", Kind::Text, "A constant"),
    ("default", Kind::Text, "What counts if it is not given"),
    ("table", Kind::Table, "What each value means; a value that is not in it stays, unless others is given"),
    (
        "table_file",
        Kind::Text,
        "The same in a CSV file beside the mapping: the first column is looked up, the second is what it means",
    ),
    ("unit", Kind::Text, "What a bare number is in, such as kg or cm; a bare 0 then means: not given"),
    ("others", Kind::Text, "What every value means that is not in the table"),
    ("split", Kind::Text, "What separates several values in one text"),
    ("html", Kind::Words(&["keep", "text"]), "text: tags are taken out, entities decoded"),
    ("whole_number", Kind::Bool, "901051.0 means 901051"),
];

/// A product.
pub(crate) const PRODUCT: &[Key] = &[
    ("id", Kind::Field, "Its id within the source"),
    ("name", Kind::Localized, "Title"),
    (
        "description",
        Kind::Localized,
        "Text or HTML; without one the attributes stand in if attributes_as_description is true",
    ),
    ("attributes_as_description", Kind::Bool, "A product without a description gets its attributes as one"),
    ("brand", Kind::Field, "Brand"),
    ("group", Kind::Field, "What several colours of one article share"),
    ("sku", Kind::Field, "The article number of the product itself"),
    ("url", Kind::Field, "The product's page"),
    ("withdrawn", Kind::Field, "True if the source no longer offers it"),
    ("images", Kind::Fields, "Addresses, the main one first"),
    ("categories", Kind::Objects("categories"), "Paths from the root"),
    ("attributes", Kind::Objects("attribute"), "Facts"),
    ("options", Kind::Objects("option"), "The axes on which variants differ, ten at most"),
    ("facts", Kind::Object("facts"), "What trade needs to know"),
    ("variants", Kind::Object("variants"), "What one can buy"),
];

/// Facts, of a product or of a variant. The words are those of the canonical product, with
/// underscores.
pub(crate) const FACTS: &[Key] = &[
    (
        "from_attributes",
        Kind::Bool,
        "Material and gender follow from attributes of these names; what is said here counts before",
    ),
    ("gtin", Kind::Field, "GTIN, EAN or UPC"),
    ("mpn", Kind::Field, "The manufacturer's number"),
    ("weight", Kind::Field, "For shipping, with its unit: 2.5 kg"),
    ("length", Kind::Field, "For shipping, with its unit: 30 cm"),
    ("width", Kind::Field, "For shipping, with its unit"),
    ("height", Kind::Field, "For shipping, with its unit"),
    ("origin_country", Kind::Field, "A code of two or three letters, or an English name"),
    ("hs_code", Kind::Field, "Harmonized System code"),
    ("mid_code", Kind::Field, "Manufacturer identification code"),
    ("material", Kind::Localized, "What it is made of"),
    ("condition", Kind::Field, "new, refurbished, used, damaged"),
    ("tax_class", Kind::Field, "By the supplier's name for it"),
    ("content", Kind::Field, "How much is in it, for a price per unit: 500 ml"),
    ("min_quantity", Kind::Field, "Fewest pieces of an order"),
    ("quantity_step", Kind::Field, "Multiples in which it is ordered"),
    ("age_group", Kind::Field, "newborn, infant, toddler, kids, adult"),
    ("gender", Kind::Field, "female, male, unisex"),
    ("lead_time", Kind::Field, "Days until it can be sent: 2-5"),
    ("documents", Kind::Objects("document"), "Manuals, safety data sheets"),
    ("seo_title", Kind::Localized, "Title for search engines"),
    ("seo_description", Kind::Localized, "Description for search engines"),
    ("keywords", Kind::Field, "A list, or a text with split"),
    ("relations", Kind::Objects("relation"), "Products that belong to it"),
    ("extra", Kind::Named, "Whatever else: any name, and the column it is taken from"),
];

/// A document.
pub(crate) const DOCUMENT: &[Key] = &[
    ("kind", Kind::Text, "Such as manual"),
    ("language", Kind::Field, "A code such as en"),
    ("url", Kind::Field, "Its address, or a list of them"),
];

/// A product that belongs to it.
pub(crate) const RELATION: &[Key] = &[
    ("kind", Kind::Text, "related, accessory, spare_part or replaced_by, as the canonical product writes them"),
    ("product", Kind::Field, "Its id within the source, or source:id; or a list of them"),
];

/// Category paths.
pub(crate) const CATEGORIES: &[Key] = &[
    ("from", Kind::Texts, "A column or path with a path of names, or a list of names or objects"),
    ("expr", Kind::Text, "An expression that gives the same"),
    ("split", Kind::Text, "What separates several paths"),
    ("separator", Kind::Text, "What separates the names of one path, such as >"),
    (
        "each",
        Kind::Words(&["step", "path"]),
        "A list's values are the steps of one path (otherwise), or paths of their own",
    ),
    ("name", Kind::Field, "Of a step that is an object"),
    ("id", Kind::Field, "Of a step that is an object; otherwise ids are made of the names"),
];

/// Facts.
pub(crate) const ATTRIBUTE: &[Key] = &[
    ("name", Kind::Field, "A plain word is a name; a path or expression with each"),
    ("value", Kind::Field, "Its value or values"),
    ("each", Kind::Field, "A list of objects, each with a name and a value"),
];

/// An axis.
pub(crate) const OPTION: &[Key] = &[
    ("name", Kind::Localized, "As name of a product; a plain word is a name if is: stands before it"),
    ("value", Kind::Field, "Of each variant"),
];

/// Variants.
pub(crate) const VARIANTS: &[Key] = &[
    ("each", Kind::Field, "A list within the record, each value a variant; otherwise each record of a group is one"),
    ("if", Kind::Field, "Only records or values of which this is true are variants"),
    ("single", Kind::Texts, "Values of the one option of a single variant that mean that there is no choice"),
    ("sku", Kind::Field, "Otherwise it is made of the product's id and the options"),
    ("title", Kind::Field, "Otherwise the options, or Default"),
    ("price", Kind::Object("price"), "The price, or a column"),
    ("prices", Kind::Objects("price"), "Prices in several currencies"),
    ("stock", Kind::Field, "Pieces, or words such as in stock; without it, or not given: none"),
    ("in_stock", Kind::Number, "Pieces that words such as in stock, true or yes guarantee; 1 if it is not said"),
    ("images", Kind::Fields, "Of this variant only"),
    ("facts", Kind::Object("facts"), "What trade needs to know of this variant"),
];

/// A price.
pub(crate) const PRICE: &[Key] = &[
    ("from", Kind::Texts, "A column or path; of several the first that is given"),
    ("expr", Kind::Text, "An expression"),
    (
        "currency",
        Kind::Field,
        "Three capital letters, or a column with a code or symbol; otherwise it stands beside the amount",
    ),
    ("list", Kind::Field, "The price before a reduction"),
    ("decimal", Kind::Words(&[",", "."]), "The mark before decimals; the other one stands between thousands"),
    ("country", Kind::Field, "The country of the storefront, which decides what $ or ¥ means"),
    ("float", Kind::Bool, "The supplier writes amounts as floating-point numbers: 1.58095e+03"),
];

/// The tables by name.
pub(crate) const TABLES: &[(&str, &[Key])] = &[
    ("mapping", TOP),
    ("form", FORM),
    ("group", GROUP),
    ("reject", REJECT),
    ("field", FIELD),
    ("product", PRODUCT),
    ("categories", CATEGORIES),
    ("attribute", ATTRIBUTE),
    ("option", OPTION),
    ("facts", FACTS),
    ("document", DOCUMENT),
    ("relation", RELATION),
    ("variants", VARIANTS),
    ("price", PRICE),
    ("part", PART),
    ("match", MATCH),
    ("owns", OWNS),
];
