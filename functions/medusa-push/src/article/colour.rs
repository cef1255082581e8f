//! The axis on which the members of an article differ.

use std::collections::BTreeSet;

use catalog::Localized;
use medusa::text::line;
use medusa::{Article, References};
use pimcore::PimProduct;

/// What sources call it, in lower case.
const NAMES: [&str; 14] = [
    "color",
    "colour",
    "farbe",
    "couleur",
    "colore",
    "kleur",
    "kolor",
    "renk",
    "cor",
    "لون",
    "اللون",
    "цвет",
    "颜色",
    "色",
];
/// Its name where the source has none.
const NAME: &str = "Color";
/// Where titles differ in more words, that is more than a colour.
const MOST_WORDS: usize = 2;
/// Around and between the words of a title.
const BETWEEN: [char; 14] = ['-', '–', '—', ',', '،', '/', '|', ':', ';', '(', ')', '[', ']', '·'];

/// How the members differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Colours {
    axis: Option<Axis>,
    /// What of the lead's titles is its colour, by language.
    strip: Strip,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Axis {
    /// An option that all members have.
    Own(String),
    /// One of its own, with a value for each member.
    Added(String, Vec<String>),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Strip {
    /// What is left is what the members share, by language.
    shared: Vec<(String, String)>,
    /// In other languages these texts go, wherever they stand.
    words: BTreeSet<String>,
}

fn is_colour(name: &str) -> bool {
    NAMES.contains(&line(name).to_lowercase().as_str())
}

impl Colours {
    /// Of members in order, the lead first.
    pub(super) fn of(products: &[&PimProduct], articles: &[&Article], references: &References) -> Self {
        let told: Vec<Option<(String, Localized)>> = products.iter().map(|product| told(product, references)).collect();
        let lead = told[0].iter().flat_map(|(_, value)| value.0.values().cloned()).collect();
        let own = articles[0].options.iter().find(|name| is_colour(name));
        let own = own.filter(|name| articles.iter().all(|article| article.options.contains(name)));
        if let Some(own) = own {
            return Self { axis: Some(Axis::Own(own.clone())), strip: Strip::default() };
        }
        if told.iter().any(Option::is_some) {
            if let Some(translated) = Self::in_the_titles_words(&told, products, references) {
                let strip = Strip { words: lead, ..translated.strip };
                return Self { strip, ..translated };
            }
            let name = told.iter().flatten().map(|(name, _)| name.clone()).next();
            let shown =
                |(_, value): &(String, Localized)| references.languages.shown(value).map(|(_, text)| text.to_owned());
            let values = told
                .iter()
                .zip(products)
                .map(|(told, product)| told.as_ref().and_then(shown).unwrap_or_else(|| number(product)));
            let values = values.collect();
            let axis = Axis::Added(name.unwrap_or_else(|| NAME.to_owned()), values);
            return Self { axis: Some(axis), strip: Strip { words: lead, ..Strip::default() } };
        }
        if products.len() < 2 {
            return Self { axis: None, strip: Strip::default() };
        }
        Self::of_titles(products, references).unwrap_or_else(|| {
            let values = products.iter().map(|product| number(product)).collect();
            let axis = can_be_mixed_up(articles).then(|| Axis::Added(NAME.to_owned(), values));
            Self { axis, strip: Strip::default() }
        })
    }

    /// What the source tells in other languages only, as its titles say it in the shop's: where they
    /// differ in a word or two, and for each member in others.
    fn in_the_titles_words(
        told: &[Option<(String, Localized)>],
        products: &[&PimProduct],
        references: &References,
    ) -> Option<Self> {
        let (base, _) = references.languages.shown(&products[0].name)?;
        let is_told = told.iter().flatten().any(|(_, value)| value.get(base).is_some());
        if is_told || products.len() < 2 {
            return None;
        }
        let mut colours = Self::of_titles(products, references)?;
        let Some(Axis::Added(_, values)) = &colours.axis else { return None };
        let few = values.iter().all(|value| value.split_whitespace().count() <= MOST_WORDS);
        colours.strip.shared.retain(|(language, _)| language == base);
        few.then_some(colours)
    }

    /// What differs in the source's titles of the shown language; `None` where that sets not all apart.
    fn of_titles(products: &[&PimProduct], references: &References) -> Option<Self> {
        let (base, _) = references.languages.shown(&products[0].name)?;
        let (_, rests) = differing(products, base)?;
        let each: BTreeSet<String> = rests.iter().map(|rest| rest.to_lowercase()).collect();
        if each.len() < products.len() {
            return None;
        }
        let languages = products[0].name.0.keys();
        let shared = languages.filter_map(|language| Some((language.clone(), differing(products, language)?.0)));
        let axis = Some(Axis::Added(NAME.to_owned(), rests));
        Some(Self { axis, strip: Strip { shared: shared.collect(), words: BTreeSet::new() } })
    }

    /// The name of the first option.
    pub(super) fn axis(&self) -> Option<&str> {
        match self.axis.as_ref()? {
            Axis::Own(name) | Axis::Added(name, _) => Some(name),
        }
    }

    pub(super) const fn is_added(&self) -> bool {
        matches!(self.axis, Some(Axis::Added(..)))
    }

    /// The members' values, if this option is not the members' own.
    pub(super) fn added(&self, option: &str) -> Option<&[String]> {
        match &self.axis {
            Some(Axis::Added(name, values)) if name == option => Some(values),
            _ => None,
        }
    }

    /// The option of a member's own whose values go before what was found for it, if not all
    /// members have one.
    pub(super) fn own<'a>(&self, article: &'a Article) -> Option<&'a String> {
        article.options.iter().find(|name| self.is_added() && is_colour(name))
    }

    /// The lead's title in a language, or in a locale of it, without what is its colour. Never
    /// empty.
    pub(super) fn title(&self, language: &str, title: &str) -> String {
        let of = |text: &str| text.split('-').next().map(str::to_lowercase);
        let Strip { shared, words } = &self.strip;
        let own = shared.iter().find(|(own, _)| own == language);
        let own = own.or_else(|| shared.iter().find(|(own, _)| of(own) == of(language)));
        let rest = match own {
            Some((_, shared)) => shared.clone(),
            None => words.iter().fold(title.to_owned(), |title, word| without(&title, word)),
        };
        if rest.is_empty() { title.to_owned() } else { rest }
    }
}

/// The colour that a product's attributes tell, with the name that they give it.
fn told(product: &PimProduct, references: &References) -> Option<(String, Localized)> {
    let first = product.attributes.iter().find(|row| is_colour(&row.name) || is_colour(&row.code))?;
    let rows = product.attributes.iter().filter(|row| row.code == first.code);
    let (mut names, mut values) = (Localized::default(), Localized::default());
    for row in rows {
        let text = line(&row.text);
        if text.is_empty() {
            continue;
        }
        names = names.with(&row.lang, &line(&row.name));
        let several = values.get(&row.lang).map(|known| format!("{known} / {text}"));
        values = values.with(&row.lang, &several.unwrap_or(text));
    }
    let name = references.languages.shown(&names).map(|(_, name)| name.to_owned());
    (!values.is_empty()).then(|| (name.unwrap_or_else(|| NAME.to_owned()), values))
}

/// What sets a product apart where nothing else does.
fn number(product: &PimProduct) -> String {
    let sku = product.sku.as_deref().map(line).filter(|sku| !sku.is_empty());
    sku.unwrap_or_else(|| product.key.id().to_owned())
}

/// Whether two variants of different members have the same choice, or members have different axes.
fn can_be_mixed_up(articles: &[&Article]) -> bool {
    let mut choices = BTreeSet::new();
    let same_axes = articles.iter().all(|article| article.options == articles[0].options);
    let mut variants = articles.iter().flat_map(|article| &article.variants);
    !same_axes || !variants.all(|variant| choices.insert(&variant.options))
}

/// What titles in a language share, and what is each one's own; `None` where one has none.
fn differing(products: &[&PimProduct], language: &str) -> Option<(String, Vec<String>)> {
    let titles: Vec<String> =
        products.iter().map(|product| line(product.name.get(language).unwrap_or_default())).collect();
    let words: Vec<Vec<&str>> = titles.iter().map(|title| title.split_whitespace().collect()).collect();
    let shortest = words.iter().map(Vec::len).min().filter(|shortest| *shortest > 0)?;
    let same = |at: &dyn Fn(&Vec<&str>) -> String| words.iter().all(|own| at(own) == at(&words[0]));
    let bare = |word: &str| word.trim_matches(BETWEEN).to_lowercase();
    let front = (0..shortest).take_while(|n| same(&|own| bare(own[*n]))).count();
    let back = (0..shortest - front).take_while(|n| same(&|own| bare(own[own.len() - 1 - n]))).count();
    let trimmed =
        |words: &[&str]| words.join(" ").trim_matches(|c: char| c.is_whitespace() || BETWEEN.contains(&c)).to_owned();
    let rests: Vec<String> = words.iter().map(|own| trimmed(&own[front..own.len() - back])).collect();
    let lead = &words[0];
    let shared: Vec<&str> = lead[..front].iter().chain(&lead[lead.len() - back..]).copied().collect();
    (rests.iter().all(|rest| !rest.is_empty())).then(|| (trimmed(&shared), rests))
}

/// A title without these words, where they stand by themselves.
fn without(title: &str, words: &str) -> String {
    let bare = |word: &str| word.trim_matches(BETWEEN).to_lowercase();
    let gone: Vec<String> = words.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    let own: Vec<&str> = title.split_whitespace().collect();
    let found = (0..own.len()).rev().find(|n| {
        !gone.is_empty()
            && own.len() - n >= gone.len()
            && gone.iter().zip(&own[*n..]).all(|(gone, own)| *gone == bare(own))
    });
    let Some(at) = found else { return title.to_owned() };
    let is_between = |n: usize| own.get(n).is_some_and(|word| word.trim_matches(BETWEEN).is_empty());
    let (mut from, mut to) = (at, at + gone.len());
    if from > 0 && is_between(from - 1) {
        from -= 1;
    } else if is_between(to) {
        to += 1;
    }
    let rest: Vec<&str> = own[..from].iter().chain(&own[to..]).copied().collect();
    rest.join(" ").trim_matches(|c: char| c.is_whitespace() || BETWEEN.contains(&c)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_loses_its_colour_where_that_stands_by_itself() {
        for (title, colour, rest) in [
            ("Maxi Dress, Black", "Black", "Maxi Dress"),
            ("Maxi Dress (dark blue)", "Dark Blue", "Maxi Dress"),
            ("Black Maxi Dress", "black", "Maxi Dress"),
            ("Blackout curtain", "Black", "Blackout curtain"),
            ("Dress - Red - long", "Red", "Dress - long"),
            ("Red", "Red", ""),
            ("Dress", "", "Dress"),
        ] {
            assert_eq!(without(title, colour), rest, "{title}");
        }
        let words =
            |text: &str| Colours { axis: None, strip: Strip { words: [text.to_owned()].into(), ..Strip::default() } };
        assert_eq!(words("Red").title("en", "Red"), "Red", "never empty");
    }
}
