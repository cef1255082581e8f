//! Facts as rows of text: the one spelling that readers of sources, the PIM and people share.

use std::fmt::Display;
use std::str::FromStr;

use super::{Document, Facts, LeadTime, MOST, NAME_CHARS, Relation, TEXT_CHARS};
use crate::{Localized, ProductKey};

/// One thing that is said: which fact, of several the kind or name, in which language, and what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Which fact, as in [`FACTS`].
    pub code: String,
    /// The kind of a document or relation, the name of an entry of `extra`; else empty.
    pub name: String,
    /// BCP 47; empty where the fact has no language.
    pub lang: String,
    /// What is said.
    pub text: String,
}

impl Row {
    /// A row without name and language.
    #[must_use]
    pub fn plain(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), text: text.into(), ..Self::default() }
    }
}

/// Why a row says nothing that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}{}: {why}: {text:?}", if name.is_empty() { String::new() } else { format!(" {name:?}") })]
pub struct Unread {
    /// Which fact.
    pub code: String,
    /// Its kind or name.
    pub name: String,
    /// What was said, shortened.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

/// What is known of each fact, for readers of tables and for tests that none is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactInfo {
    /// Its code: the field of [`Facts`], in the singular.
    pub code: &'static str,
    /// What it says.
    pub about: &'static str,
    /// Its column in the shop, on product and variant; none where it travels as metadata only.
    pub column: Option<&'static str>,
    /// What the columns hold of the example: name and value.
    pub holds: &'static [(&'static str, &'static str)],
    /// Shown to customers.
    pub shown: bool,
    /// A row that says it: name, language, text.
    pub example: (&'static str, &'static str, &'static str),
}

const fn fact(
    code: &'static str,
    about: &'static str,
    example: (&'static str, &'static str, &'static str),
) -> FactInfo {
    FactInfo { code, about, column: None, holds: &[], shown: true, example }
}

/// A fact that the shop has a column for.
const fn column(
    code: &'static str,
    about: &'static str,
    (column, holds): (&'static str, &'static [(&'static str, &'static str)]),
    example: (&'static str, &'static str, &'static str),
) -> FactInfo {
    FactInfo { column: Some(column), holds, ..fact(code, about, example) }
}

/// Every fact there is, in the order of [`Facts`].
pub const FACTS: &[FactInfo] = &[
    column(
        "gtin",
        "GTIN, EAN or UPC",
        (
            "`barcode`; of 8 or 13 digits `ean`, of 12 `upc`; variants only",
            &[("barcode", "4006381333931"), ("ean", "4006381333931")],
        ),
        ("", "", "4006381333931"),
    ),
    fact("mpn", "manufacturer's number", ("", "", "ST-88/9")),
    column("weight", "weight for shipping", ("`weight`, whole grams", &[("weight", "2500")]), ("", "", "2.5 kg")),
    column("length", "length for shipping", ("`length`, whole millimetres", &[("length", "300")]), ("", "", "30 cm")),
    column("width", "width for shipping", ("`width`, whole millimetres", &[("width", "305")]), ("", "", "12 in")),
    column("height", "height for shipping", ("`height`, whole millimetres", &[("height", "8")]), ("", "", "8 mm")),
    column(
        "originCountry",
        "country of origin, ISO 3166",
        ("`origin_country`, small letters", &[("origin_country", "cn")]),
        ("", "", "CN"),
    ),
    column("hsCode", "Harmonized System code", ("`hs_code`", &[("hs_code", "610910")]), ("", "", "610910")),
    column(
        "midCode",
        "manufacturer identification code",
        ("`mid_code`", &[("mid_code", "CNACME123SHE")]),
        ("", "", "CNACME123SHE"),
    ),
    column(
        "material",
        "what it is made of",
        ("`material`, in the base language", &[("material", "Cotton")]),
        ("", "en", "Cotton"),
    ),
    fact("condition", "new, refurbished, used, damaged", ("", "", "new")),
    fact("taxClass", "tax class by the source's name", ("", "", "reduced")),
    fact("content", "how much is in it, for a price per unit", ("", "", "750 ml")),
    fact("minQuantity", "fewest pieces of an order", ("", "", "6")),
    fact("quantityStep", "multiples in which it is ordered", ("", "", "2")),
    fact("ageGroup", "newborn, infant, toddler, kids, adult", ("", "", "kids")),
    fact("gender", "female, male, unisex", ("", "", "unisex")),
    fact("leadTime", "days until it can be sent", ("", "", "2-5")),
    fact(
        "document",
        "manual, safety sheet, …: kind, language, address",
        ("manual", "de", "https://docs.example/m.pdf"),
    ),
    fact("seoTitle", "title for search engines", ("", "en", "Shirt | Acme")),
    fact("seoDescription", "description for search engines", ("", "en", "A shirt of cotton")),
    fact("keyword", "keywords, each", ("", "en", "summer")),
    fact("relation", "related, accessory, sparePart, replacedBy: another product's key", ("accessory", "", "demo:2")),
    FactInfo { shown: false, ..fact("extra", "whatever else the source says, by name", ("warehouse row", "", "17b")) },
];

/// Whether a fact is said in a language.
#[must_use]
pub fn has_language(code: &str) -> bool {
    matches!(code, "material" | "seoTitle" | "seoDescription" | "keyword")
}

impl Facts {
    /// Takes what a row says. A fact of which there is one is replaced; what says nothing is passed
    /// over.
    ///
    /// # Errors
    /// What cannot be used, and why; the facts are as they were. Nothing is repaired.
    pub fn say(&mut self, row: &Row) -> Result<(), Unread> {
        let text = row.text.trim();
        if text.is_empty() {
            return Ok(());
        }
        self.take(row, text).map_err(|why| Unread {
            code: row.code.clone(),
            name: row.name.clone(),
            text: text.chars().take(80).collect(),
            why,
        })
    }

    fn take(&mut self, row: &Row, text: &str) -> Result<(), String> {
        let chars = text.chars().count();
        if chars > TEXT_CHARS {
            return Err(format!("it has {chars} characters, more than {TEXT_CHARS}"));
        }
        match row.code.as_str() {
            "gtin" => set(&mut self.gtin, text)?,
            "mpn" => self.mpn = Some(text.to_owned()),
            "weight" => set(&mut self.weight, text)?,
            "length" => set(&mut self.length, text)?,
            "width" => set(&mut self.width, text)?,
            "height" => set(&mut self.height, text)?,
            "originCountry" => set(&mut self.origin_country, text)?,
            "hsCode" => self.hs_code = Some(hs_code(text)?),
            "midCode" => self.mid_code = Some(mid_code(text)?),
            "material" => localized(&mut self.material, row, text)?,
            "condition" => set(&mut self.condition, text)?,
            "taxClass" => self.tax_class = Some(text.to_owned()),
            "content" => set(&mut self.content, text)?,
            "minQuantity" => self.min_quantity = Some(pieces(text)?),
            "quantityStep" => self.quantity_step = Some(pieces(text)?),
            "ageGroup" => set(&mut self.age_group, text)?,
            "gender" => set(&mut self.gender, text)?,
            "leadTime" => set(&mut self.lead_time, text)?,
            "document" => {
                let url = address(text)?;
                let language = (!row.lang.is_empty()).then(|| language(&row.lang)).transpose()?;
                add(&mut self.documents, Document { kind: row.name.parse()?, language, url })?;
            }
            "seoTitle" => localized(&mut self.seo_title, row, text)?,
            "seoDescription" => localized(&mut self.seo_description, row, text)?,
            "keyword" => {
                let words = self.keywords.entry(language(&row.lang)?).or_default();
                let added = add(words, text.to_owned());
                self.keywords.retain(|_, words| !words.is_empty());
                added?;
            }
            "relation" => {
                let product: ProductKey = text.parse().map_err(|_| "it is no product's key, source:id".to_owned())?;
                add(&mut self.relations, Relation { kind: row.name.parse()?, product: product.to_string() })?;
            }
            "extra" => {
                let name = row.name.trim();
                let chars = name.chars().count();
                if name.is_empty() || chars > NAME_CHARS {
                    return Err(format!("its name has {chars} characters, not 1 to {NAME_CHARS}"));
                }
                if self.extra.len() >= MOST && !self.extra.contains_key(name) {
                    return Err(format!("there are more than {MOST} of them"));
                }
                self.extra.insert(name.to_owned(), text.to_owned());
            }
            _ => return Err("there is no such fact".to_owned()),
        }
        Ok(())
    }

    /// Everything that is said, in the order of [`FACTS`]. [`say`](Self::say) makes the same facts
    /// of them.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        // Without `..`, so that who adds a fact decides about it.
        let Self {
            gtin,
            mpn,
            weight,
            length,
            width,
            height,
            origin_country,
            hs_code,
            mid_code,
            material,
            condition,
            tax_class,
            content,
            min_quantity,
            quantity_step,
            age_group,
            gender,
            lead_time,
            documents,
            seo_title,
            seo_description,
            keywords,
            relations,
            extra,
        } = self;
        let mut rows = Rows(Vec::new());
        rows.one("gtin", gtin.as_ref());
        rows.one("mpn", mpn.as_ref());
        rows.one("weight", weight.as_ref());
        rows.one("length", length.as_ref());
        rows.one("width", width.as_ref());
        rows.one("height", height.as_ref());
        rows.one("originCountry", origin_country.as_ref());
        rows.one("hsCode", hs_code.as_ref());
        rows.one("midCode", mid_code.as_ref());
        rows.texts("material", material);
        rows.one("condition", condition.as_ref());
        rows.one("taxClass", tax_class.as_ref());
        rows.one("content", content.as_ref());
        rows.one("minQuantity", min_quantity.as_ref());
        rows.one("quantityStep", quantity_step.as_ref());
        rows.one("ageGroup", age_group.as_ref());
        rows.one("gender", gender.as_ref());
        rows.one("leadTime", lead_time.as_ref());
        rows.documents(documents);
        rows.texts("seoTitle", seo_title);
        rows.texts("seoDescription", seo_description);
        for (lang, words) in keywords {
            words.iter().for_each(|word| rows.push("keyword", "", lang, word));
        }
        for Relation { kind, product } in relations {
            rows.push("relation", kind.as_str(), "", product);
        }
        extra.iter().for_each(|(name, text)| rows.push("extra", name, "", text));
        rows.0
    }

    /// The facts that these rows say, and what of them cannot be used.
    pub fn from_rows<'r>(rows: impl IntoIterator<Item = &'r Row>) -> (Self, Vec<Unread>) {
        let mut facts = Self::default();
        let unread = rows.into_iter().filter_map(|row| facts.say(row).err()).collect();
        (facts, unread)
    }
}

struct Rows(Vec<Row>);

impl Rows {
    fn push(&mut self, code: &str, name: &str, lang: &str, text: &str) {
        let [code, name, lang, text] = [code, name, lang, text].map(str::to_owned);
        self.0.push(Row { code, name, lang, text });
    }

    fn one(&mut self, code: &str, said: Option<&impl Display>) {
        if let Some(said) = said {
            self.push(code, "", "", &said.to_string());
        }
    }

    fn documents(&mut self, documents: &[Document]) {
        for Document { kind, language, url } in documents {
            self.push("document", kind.as_str(), language.as_deref().unwrap_or(""), url);
        }
    }

    fn texts(&mut self, code: &str, texts: &Localized) {
        texts.0.iter().for_each(|(lang, text)| self.push(code, "", lang, text));
    }
}

fn set<T: FromStr<Err: Display>>(fact: &mut Option<T>, text: &str) -> Result<(), String> {
    *fact = Some(text.parse().map_err(|why: T::Err| why.to_string())?);
    Ok(())
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) -> Result<(), String> {
    if list.contains(&item) {
        return Ok(());
    }
    if list.len() >= MOST {
        return Err(format!("there are more than {MOST} of them"));
    }
    list.push(item);
    Ok(())
}

fn localized(texts: &mut Localized, row: &Row, text: &str) -> Result<(), String> {
    texts.0.insert(language(&row.lang)?, text.to_owned());
    Ok(())
}

/// Whether a text looks like a BCP 47 tag: parts of 1 to 8 letters and digits.
fn language(tag: &str) -> Result<String, String> {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if tag.len() <= 35 && tag.split('-').all(part) {
        Ok(tag.to_owned())
    } else {
        Err(format!("its language is no BCP 47 tag: {tag:?}"))
    }
}

/// Six to twelve digits; the points and blanks with which they are printed do not count.
fn hs_code(text: &str) -> Result<String, String> {
    let digits: String = text.chars().filter(|c| !matches!(c, '.' | ' ' | '-')).collect();
    let sound = (6..=12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if sound { Ok(digits) } else { Err("an HS code has 6 to 12 digits".to_owned()) }
}

/// A country and up to 13 letters and digits.
fn mid_code(text: &str) -> Result<String, String> {
    let code = text.to_ascii_uppercase();
    let sound = (3..=15).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if sound { Ok(code) } else { Err("a manufacturer identification code has 3 to 15 letters and digits".to_owned()) }
}

fn pieces(text: &str) -> Result<u32, String> {
    let whole = text.split_once('.').map_or(text, |(whole, rest)| {
        if !rest.is_empty() && rest.bytes().all(|byte| byte == b'0') { whole } else { text }
    });
    whole.parse().ok().filter(|pieces| *pieces > 0).ok_or_else(|| "it is no number of pieces, at least 1".to_owned())
}

fn address(text: &str) -> Result<String, String> {
    let address = match text {
        relative if relative.starts_with("//") => format!("https:{relative}"),
        absolute => absolute.to_owned(),
    };
    let host = address.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("");
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if host.contains('.') && !address.contains(odd) {
        Ok(address)
    } else {
        Err("it is no absolute https address".to_owned())
    }
}

impl FromStr for LeadTime {
    type Err = String;

    /// `3`, `2-5`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let days =
            |text: &str| text.trim().parse::<u16>().map_err(|_| "it is no number of days, such as 3 or 2-5".to_owned());
        let (from, to) = (days(from)?, days(to)?);
        if from <= to { Ok(Self { from, to }) } else { Err("it ends before it begins".to_owned()) }
    }
}

impl Display for LeadTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, to } = self;
        if from == to { write!(f, "{from}") } else { write!(f, "{from}-{to}") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example(info: &FactInfo) -> Row {
        let (name, lang, text) = info.example;
        Row { code: info.code.into(), name: name.into(), lang: lang.into(), text: text.into() }
    }

    #[test]
    fn every_fact_has_a_row_and_every_row_is_a_fact() {
        let rows: Vec<Row> = FACTS.iter().map(example).collect();
        let (facts, unread) = Facts::from_rows(&rows);
        assert_eq!(unread, []);
        assert_eq!(facts.rows(), rows, "in this order");
        // Each field of the type is filled by one of them.
        let fields = serde_json::to_value(&facts).unwrap();
        assert_eq!(fields.as_object().unwrap().len(), FACTS.len(), "{fields:#}");
        for info in FACTS {
            assert_eq!(has_language(info.code) || info.code == "document", !info.example.1.is_empty(), "{}", info.code);
            let told = |(name, _): &(&str, &str)| info.column.is_some_and(|text| text.contains(&format!("`{name}`")));
            assert!(info.holds.iter().all(told) && info.column.is_some() != info.holds.is_empty(), "{}", info.code);
        }
        assert_eq!(serde_json::from_value::<Facts>(fields).unwrap(), facts);
    }

    #[test]
    fn what_is_wrong_is_left_out_and_says_so() {
        let row = |code: &str, name: &str, lang: &str, text: &str| Row {
            code: code.into(),
            name: name.into(),
            lang: lang.into(),
            text: text.into(),
        };
        for wrong in [
            row("gtin", "", "", "4006381333932"),
            row("weight", "", "", "2.5"),
            row("originCountry", "", "", "Somewhere"),
            row("hsCode", "", "", "61x9"),
            row("midCode", "", "", "a b"),
            row("material", "", "", "Cotton"),
            row("condition", "", "", "nice"),
            row("minQuantity", "", "", "0"),
            row("quantityStep", "", "", "2.5"),
            row("leadTime", "", "", "5-2"),
            row("document", "manual", "", "http://docs.example/a"),
            row("document", "novel", "", "https://docs.example/a"),
            row("relation", "accessory", "", "2"),
            row("extra", "", "", "x"),
            row("colour", "", "", "red"),
            row("mpn", "", "", &"x".repeat(2001)),
        ] {
            let mut facts = Facts::default();
            let unread = facts.say(&wrong).expect_err(&wrong.code);
            assert!(facts.is_empty() && unread.to_string().starts_with(&wrong.code), "{unread}");
        }
        let mut facts = Facts::default();
        facts.say(&row("gtin", "", "", " ")).unwrap();
        assert!(facts.is_empty(), "what says nothing is nothing");
    }

    #[test]
    fn a_list_has_an_end() {
        let mut facts = Facts::default();
        for n in 0..MOST {
            facts
                .say(&Row { code: "extra".into(), name: format!("n{n}"), text: "x".into(), ..Row::default() })
                .unwrap();
        }
        let more = Row { code: "extra".into(), name: "more".into(), text: "x".into(), ..Row::default() };
        assert!(facts.say(&more).is_err());
        assert!(facts.say(&Row { name: "n7".into(), text: "y".into(), ..more }).is_ok(), "one that is there changes");
    }

    proptest! {
        /// Whatever people write into whatever row: it is taken and written the same way again, or
        /// it is refused.
        #[test]
        fn what_is_taken_is_written_as_it_is_read(
            code in prop::sample::select(FACTS.iter().map(|info| info.code).collect::<Vec<_>>()),
            name in "\\PC{0,12}", lang in "[a-zA-Z-]{0,6}", text in prop_oneof!["\\PC{0,24}", "[0-9.,]{1,6} ?(kg|oz|cm|ml|in)"],
        ) {
            let mut facts = Facts::default();
            if facts.say(&Row { code: code.to_owned(), name, lang, text }).is_ok() {
                let (again, unread) = Facts::from_rows(&facts.rows());
                prop_assert_eq!(unread, vec![]);
                prop_assert_eq!(&again, &facts);
                let json = serde_json::to_string(&facts).unwrap();
                prop_assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), facts);
            }
        }
    }
}
