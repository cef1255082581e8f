//! The languages that a shop shows, in the order in which they stand in for each other.

use std::str::FromStr;

use crate::Localized;

/// BCP 47 tags, each once; the first is the default language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Languages(Vec<String>);

/// BCP 47 for a language that nobody can tell: the last that stands in.
const UNDETERMINED: &str = "und";

impl Languages {
    /// The name of the setting that says which: `en,ar,de`.
    pub const SETTING: &str = "LANGUAGES";

    #[must_use]
    pub fn first(&self) -> &str {
        &self.0[0]
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The text to show where there is one language only: in the first language that has one, else
    /// in a regional form of it (`en-GB` for `en`), else in any other, by its tag. So a text in any
    /// language is shown. Gives its language, too.
    #[must_use]
    pub fn shown<'t>(&self, texts: &'t Localized) -> Option<(&'t str, &'t str)> {
        self.known(texts).or_else(|| {
            let filled = texts.0.iter().filter(|(_, text)| !text.trim().is_empty());
            filled.min_by_key(|(lang, _)| *lang == UNDETERMINED).map(|(lang, text)| (lang.as_str(), text.as_str()))
        })
    }

    /// The text in the first of these languages that has one, or in a regional form of it.
    #[must_use]
    pub fn known<'t>(&self, texts: &'t Localized) -> Option<(&'t str, &'t str)> {
        self.iter().find_map(|lang| in_language(texts, lang))
    }
}

/// The text in a language, else in the first of its regional forms.
fn in_language<'t>(texts: &'t Localized, lang: &str) -> Option<(&'t str, &'t str)> {
    let filled = |tag: &'t String, text: &'t String| (!text.trim().is_empty()).then_some((tag.as_str(), text.as_str()));
    let regional = |tag: &str| {
        tag.len() > lang.len() && tag.as_bytes()[lang.len()] == b'-' && tag[..lang.len()].eq_ignore_ascii_case(lang)
    };
    let own = texts.0.iter().filter(|(tag, _)| tag.eq_ignore_ascii_case(lang));
    let forms = texts.0.iter().filter(|(tag, _)| tag.is_char_boundary(lang.len()) && regional(tag));
    own.chain(forms).find_map(|(tag, text)| filled(tag, text))
}

impl Default for Languages {
    fn default() -> Self {
        Self(["en", "ar"].map(str::to_owned).into())
    }
}

impl FromStr for Languages {
    type Err = String;

    /// From a list with commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut all: Vec<String> = Vec::new();
        for tag in text.split(',').map(str::trim) {
            let part =
                |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let mut parts = tag.split('-');
            let primary = parts
                .next()
                .is_some_and(|first| first.len() >= 2 && first.bytes().all(|byte| byte.is_ascii_lowercase()));
            if !primary || tag.len() > 35 || !parts.all(part) {
                return Err(format!(
                    "languages are BCP 47 tags with commas between them, such as en,ar,pt-BR; this is none: {tag:?}"
                ));
            }
            if all.iter().any(|known| known.eq_ignore_ascii_case(tag)) {
                return Err(format!("a language is named twice: {tag:?}"));
            }
            all.push(tag.to_owned());
        }
        Ok(Self(all))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(all: &[(&str, &str)]) -> Localized {
        Localized(all.iter().map(|(lang, text)| ((*lang).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn the_next_in_order_stands_in() {
        let languages: Languages = "de, fr,en".parse().unwrap();
        assert_eq!(languages.first(), "de");
        for (all, right) in [
            (texts(&[("en", "Shirt"), ("fr", "Chemise")]), Some(("fr", "Chemise"))),
            (texts(&[("en", "Shirt"), ("de", " ")]), Some(("en", "Shirt"))),
            (texts(&[("de-AT", "Leiberl"), ("en", "Shirt")]), Some(("de-AT", "Leiberl"))),
            (texts(&[("und", "Camisa"), ("uk", "Сорочка")]), Some(("uk", "Сорочка"))),
            (texts(&[("und", "Camisa")]), Some(("und", "Camisa"))),
            (texts(&[("den", "x")]), Some(("den", "x"))),
            (texts(&[("en", "")]), None),
        ] {
            assert_eq!(languages.shown(&all), right);
        }
    }

    #[test]
    fn a_setting_that_makes_no_sense_is_refused() {
        for wrong in ["", "en,", "en,en", "EN", "english language", "en,EN-gb,en-GB", "x"] {
            assert!(wrong.parse::<Languages>().is_err(), "{wrong:?}");
        }
        assert_eq!("en,ar".parse(), Ok(Languages::default()));
    }

    proptest! {
        /// A text in any language is shown; no language that comes earlier in the order has one.
        #[test]
        fn nothing_with_a_text_is_without_one_and_the_order_decides(
            all in proptest::collection::btree_map(prop::sample::select(vec!["en", "ar", "de", "fr", "pt-BR", "und"]).prop_map(str::to_owned), "[ab ]{0,3}", 0..6),
            order in Just(vec!["en", "ar", "de", "fr"]).prop_shuffle(), count in 1usize..5,
        ) {
            let texts = Localized(all);
            let languages: Languages = order[..count].join(",").parse().unwrap();
            let filled = |lang: &str| texts.get(lang).is_some_and(|text| !text.trim().is_empty());
            match languages.shown(&texts) {
                None => prop_assert!(!texts.0.keys().any(|lang| filled(lang))),
                Some((lang, text)) => {
                    prop_assert_eq!(texts.get(lang), Some(text));
                    let before = languages.iter().take_while(|own| *own != lang);
                    prop_assert!(before.into_iter().all(|own| !filled(own)), "{} before its turn", lang);
                }
            }
        }
    }
}
