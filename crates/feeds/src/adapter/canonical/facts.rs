//! The facts of a canonical record, each in any form whose meaning is plain.

use catalog::Warning;
use catalog::facts::{Facts, Row};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::facts::Reader;
use crate::lenient::{Digits, Entries, List, Text};

/// An amount with its unit, or days: as one text, or as an object of its parts.
#[derive(Debug)]
struct Parts(String);

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, expecting = "an object")]
        struct Measured<'a> {
            #[serde(borrow)]
            value: Digits<'a>,
            #[serde(borrow)]
            unit: Text<'a>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, expecting = "an object")]
        struct Days<'a> {
            #[serde(borrow)]
            from: Digits<'a>,
            #[serde(borrow)]
            to: Digits<'a>,
        }
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        if !raw.starts_with('{') || raw.len() == 2 {
            return serde_json::from_str::<Digits<'_>>(raw)
                .map(|text| Self(text.0.into_owned()))
                .map_err(D::Error::custom);
        }
        if raw.contains("\"from\"") {
            let Days { from, to } = serde_json::from_str(raw).map_err(D::Error::custom)?;
            return Ok(Self(format!("{}-{}", from.0.trim(), to.0.trim())));
        }
        let Measured { value, unit } = serde_json::from_str(raw).map_err(D::Error::custom)?;
        Ok(Self(format!("{} {}", value.0.trim(), unit.0.trim())))
    }
}

type Texts<'a> = Entries<'a, Option<Text<'a>>>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default, expecting = "an object")]
pub(super) struct FactsRecord<'a> {
    #[serde(borrow)]
    gtin: Option<Digits<'a>>,
    #[serde(borrow)]
    mpn: Option<Digits<'a>>,
    weight: Option<Parts>,
    length: Option<Parts>,
    width: Option<Parts>,
    height: Option<Parts>,
    #[serde(borrow)]
    origin_country: Option<Text<'a>>,
    #[serde(borrow)]
    hs_code: Option<Digits<'a>>,
    #[serde(borrow)]
    mid_code: Option<Text<'a>>,
    #[serde(borrow)]
    material: Texts<'a>,
    #[serde(borrow)]
    condition: Option<Text<'a>>,
    #[serde(borrow)]
    tax_class: Option<Text<'a>>,
    content: Option<Parts>,
    #[serde(borrow)]
    min_quantity: Option<Digits<'a>>,
    #[serde(borrow)]
    quantity_step: Option<Digits<'a>>,
    #[serde(borrow)]
    age_group: Option<Text<'a>>,
    #[serde(borrow)]
    gender: Option<Text<'a>>,
    lead_time: Option<Parts>,
    #[serde(borrow)]
    documents: List<DocumentRecord<'a>>,
    #[serde(borrow)]
    seo_title: Texts<'a>,
    #[serde(borrow)]
    seo_description: Texts<'a>,
    #[serde(borrow)]
    keywords: Entries<'a, List<Text<'a>>>,
    #[serde(borrow)]
    relations: List<RelationRecord<'a>>,
    #[serde(borrow)]
    extra: Entries<'a, Option<Digits<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
struct DocumentRecord<'a> {
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    language: Option<Text<'a>>,
    #[serde(borrow)]
    url: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
struct RelationRecord<'a> {
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    product: Text<'a>,
}

impl FactsRecord<'_> {
    /// The facts, and remarks on what was left out. `place` is their path.
    pub(super) fn facts(self, place: &str) -> (Option<Box<Facts>>, impl Iterator<Item = Warning> + use<>) {
        let mut reader = Reader::default();
        let mut say = |field: &str, code: &str, name: &str, lang: &str, text: &str| {
            let [code, name, lang, text] = [code, name, lang, text].map(str::to_owned);
            reader.say(&format!("{place}.{field}"), &Row { code, name, lang, text });
        };
        let digits = [
            ("gtin", &self.gtin),
            ("mpn", &self.mpn),
            ("hsCode", &self.hs_code),
            ("minQuantity", &self.min_quantity),
            ("quantityStep", &self.quantity_step),
        ];
        for (code, digits) in digits {
            digits.iter().for_each(|digits| say(code, code, "", "", &digits.0));
        }
        let parts = [
            ("weight", &self.weight),
            ("length", &self.length),
            ("width", &self.width),
            ("height", &self.height),
            ("content", &self.content),
            ("leadTime", &self.lead_time),
        ];
        for (code, parts) in parts {
            parts.iter().for_each(|parts| say(code, code, "", "", &parts.0));
        }
        let words = [
            ("originCountry", &self.origin_country),
            ("midCode", &self.mid_code),
            ("condition", &self.condition),
            ("taxClass", &self.tax_class),
            ("ageGroup", &self.age_group),
            ("gender", &self.gender),
        ];
        for (code, word) in words {
            word.iter().for_each(|word| say(code, code, "", "", &word.0));
        }
        let texts =
            [("material", &self.material), ("seoTitle", &self.seo_title), ("seoDescription", &self.seo_description)];
        for (code, texts) in texts {
            for (lang, text) in &texts.0 {
                text.iter().for_each(|text| say(code, code, "", &lang.0, &text.0));
            }
        }
        for DocumentRecord { kind, language, url } in &self.documents.0 {
            let language = language.as_ref().map_or("", |language| &*language.0);
            say("documents", "document", &kind.0, language, &url.0);
        }
        for (lang, words) in &self.keywords.0 {
            words.0.iter().for_each(|word| say("keywords", "keyword", "", &lang.0, &word.0));
        }
        for RelationRecord { kind, product } in &self.relations.0 {
            say("relations", "relation", &kind.0, "", &product.0);
        }
        for (name, text) in &self.extra.0 {
            text.iter().for_each(|text| say("extra", "extra", &name.0, "", &text.0));
        }
        reader.read()
    }
}
