//! The class model as data: which fields an object has, how long they may be, who may write them.
//!
//! Everything else is derived from these tables: the GraphQL schema, the SQLite columns, the
//! validation on save, the edit page. They describe the classes whose definition files are in
//! `localstack/pimcore/`.

use std::sync::OnceLock;

/// The languages that localized fields have: English and Arabic, and those that [`speak`] or
/// `PIM_LANGUAGES` name besides, as Pimcore writes them (`pt_BR`).
pub fn languages() -> &'static [&'static str] {
    SPOKEN.get_or_init(|| with(&std::env::var("PIM_LANGUAGES").unwrap_or_default()))
}

static SPOKEN: OnceLock<Vec<&'static str>> = OnceLock::new();

/// Has this process's fields in these languages, too: a list with commas. `false` when it is too
/// late, because fields were used already.
pub fn speak(further: &str) -> bool {
    SPOKEN.set(with(further)).is_ok()
}

fn with(further: &str) -> Vec<&'static str> {
    let mut all = vec!["en", "ar"];
    for language in further.split(',').map(str::trim).filter(|language| !language.is_empty()) {
        if !all.contains(&language) {
            all.push(String::leak(language.to_owned()));
        }
    }
    all
}

/// The parent folder of all products.
pub const PRODUCTS: &str = "/catalog/products";

/// The parent folder of all categories.
pub const CATEGORIES: &str = "/catalog/categories";

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Text of at most so many characters (an Arabic letter is one).
    Text(usize),
    /// Text without a limit, kept byte by byte.
    Textarea,
    /// Rich text: sanitised and entity-encoded on save.
    Wysiwyg,
    /// One of the options; the options are offered, not enforced.
    Select,
    /// A point in time: many spellings in, `YYYY-MM-DD HH:MM:SS` out.
    Datetime,
    /// Yes, no or not set.
    Checkbox,
    Integer,
    /// An ordered list of categories.
    Categories,
    /// An ordered list of rows.
    Rows(&'static Collection),
}

/// Who writes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The pipeline, through GraphQL.
    Source,
    /// People; GraphQL can read it and not write it.
    Enrichment,
}

/// One field of a class.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name in GraphQL and in filters.
    pub name: &'static str,
    pub kind: Kind,
    /// One value per language.
    pub localized: bool,
    pub layer: Layer,
    /// A published object needs it.
    pub mandatory: bool,
}

impl Field {
    const fn new(name: &'static str, kind: Kind, layer: Layer) -> Self {
        Self { name, kind, localized: false, layer, mandatory: false }
    }

    const fn localized(mut self) -> Self {
        self.localized = true;
        self
    }

    const fn mandatory(mut self) -> Self {
        self.mandatory = true;
        self
    }

    /// The columns that hold it: one, or one per language.
    pub fn columns(&self) -> Vec<(String, Option<&'static str>)> {
        if self.localized {
            languages().iter().map(|language| (column(self.name, language), Some(*language))).collect()
        } else {
            vec![(self.name.to_owned(), None)]
        }
    }
}

/// The column that holds a localized field in one language.
pub fn column(field: &str, language: &str) -> String {
    format!("{field}_{language}")
}

/// A field collection: rows of one type.
#[derive(Debug)]
pub struct Collection {
    /// Name of the row type.
    pub name: &'static str,
    pub columns: &'static [Field],
}

/// A class of data objects.
#[derive(Debug)]
pub struct Class {
    /// Name, as in `CatalogProduct`.
    pub name: &'static str,
    /// Its fields in the order in which queries offer them.
    pub fields: &'static [Field],
}

impl Class {
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub fn named(name: &str) -> Option<&'static Class> {
        [&PRODUCT, &CATEGORY].into_iter().find(|class| class.name == name)
    }
}

use Kind::{Categories, Checkbox, Datetime, Integer, Rows, Select, Text, Textarea, Wysiwyg};
use Layer::{Enrichment, Source};

const fn cell(name: &'static str, kind: Kind) -> Field {
    Field::new(name, kind, Source)
}

/// Images of a product.
pub static IMAGE: Collection = Collection {
    name: "CatalogImage",
    columns: &[cell("url", Text(2048)), cell("variantSku", Text(190)), cell("position", Integer)],
};

/// Attributes of a product, one row per language and value.
pub static ATTRIBUTE: Collection = Collection {
    name: "CatalogAttribute",
    columns: &[cell("code", Text(190)), cell("lang", Text(16)), cell("name", Text(255)), cell("text", Textarea)],
};

/// Variants of a product.
pub static VARIANT: Collection = Collection {
    name: "CatalogVariant",
    columns: &[
        cell("sku", Text(190)),
        cell("title", Text(255)),
        cell("option1Name", Text(255)),
        cell("option1Value", Text(255)),
        cell("option2Name", Text(255)),
        cell("option2Value", Text(255)),
        cell("option3Name", Text(255)),
        cell("option3Value", Text(255)),
        cell("stock", Integer),
        cell("position", Integer),
    ],
};

/// Prices of variants, one row per variant and currency.
pub static PRICE: Collection = Collection {
    name: "CatalogPrice",
    columns: &[
        cell("sku", Text(190)),
        cell("currency", Text(8)),
        cell("amount", Text(64)),
        cell("listAmount", Text(64)),
    ],
};

/// What trade needs to know, one row each.
pub static FACT: Collection = Collection {
    name: "CatalogFact",
    columns: &[
        cell("variantSku", Text(190)),
        cell("code", Text(64)),
        cell("name", Text(255)),
        cell("lang", Text(35)),
        cell("text", Textarea),
    ],
};

pub static PRODUCT: Class = Class {
    name: "CatalogProduct",
    fields: &[
        Field::new("externalId", Text(190), Source).mandatory(),
        Field::new("source", Text(64), Source),
        Field::new("sku", Text(190), Source),
        Field::new("groupId", Text(190), Source),
        Field::new("brand", Text(190), Source),
        Field::new("url", Text(2048), Source),
        Field::new("name", Text(512), Source).localized(),
        Field::new("description", Textarea, Source).localized(),
        Field::new("categories", Categories, Source),
        Field::new("images", Rows(&IMAGE), Source),
        Field::new("attributes", Rows(&ATTRIBUTE), Source),
        Field::new("variants", Rows(&VARIANT), Source),
        Field::new("prices", Rows(&PRICE), Source),
        Field::new("facts", Rows(&FACT), Source),
        Field::new("contentHash", Text(64), Source),
        Field::new("sourceVersion", Text(64), Source),
        Field::new("feedRun", Text(64), Source),
        Field::new("warnings", Textarea, Source),
        Field::new("importedAt", Datetime, Source),
        Field::new("withdrawn", Checkbox, Source),
        Field::new("marketingName", Text(512), Enrichment).localized(),
        Field::new("marketingDescription", Wysiwyg, Enrichment).localized(),
        Field::new("extraCategories", Categories, Enrichment),
        Field::new("shopVisibility", Select, Enrichment),
        Field::new("keepWhenWithdrawn", Checkbox, Enrichment),
    ],
};

/// What `shopVisibility` offers; a new product has the first.
pub const SHOP_VISIBILITY: [&str; 3] = ["inherit", "show", "hide"];

/// Categories; their tree is the tree of objects.
pub static CATEGORY: Class = Class {
    name: "CatalogCategory",
    fields: &[
        Field::new("externalId", Text(190), Source).mandatory(),
        Field::new("name", Text(255), Source).localized(),
        Field::new("slug", Text(255), Source),
        Field::new("shopHandle", Text(255), Enrichment),
        Field::new("hidden", Checkbox, Enrichment),
    ],
};
