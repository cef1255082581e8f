//! From the members of a group to the one product that the shop shows of them. Pure.
//!
//! | of the article | is |
//! |---|---|
//! | its *lead* | the first member, by key, that people gave a marketing name; else the first |
//! | title, description, translations, main images | the lead's; a source's title without its colour |
//! | first option | the colour: the variants' own option; else the source's attribute; else what differs in the titles; else, where variants would be the same, the article number |
//! | further options | the members' own |
//! | variants | those of the members on sale, the lead's first, then by key |
//! | categories, images | all of them |
//! | attributes, facts, columns | what all members share at the product, the rest at their variants |
//!
//! What cannot be shown holds up nobody else: the member that comes later gives way, and is told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use catalog::{Failure, ProductKey};
pub use medusa::articles::{MEMBER, MEMBERS};
use medusa::{Article, Presence, References, Variant, codes, coin};
use pimcore::{PimProduct, ShopVisibility};
use serde_json::{Value, json};

use crate::{map, trade};

mod colour;

use colour::Colours;

/// Variants of an article at most: a batch of 50 such articles takes Medusa 45 s, and is read whole.
pub const MOST_VARIANTS: usize = 250;

/// The word for a member that is shown by itself.
pub const APART: &str = "apart";

const ATTRIBUTES: &str = "relay_attributes";
const IMAGES: &str = "relay_images";
const REMARKS: &str = "relay_remarks";

/// What the shop is to show of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    pub presence: Presence,
    /// Members that are not shown as wanted, by key, and why.
    pub fates: BTreeMap<ProductKey, Fate>,
    /// No member is for sale, each because the PIM lacks it or its source withdrew it.
    pub vanished: bool,
}

/// What becomes of a member that is not shown as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// All of it, or some variants, wait for a person.
    Waits(Failure),
    /// The article has no room for it: it is shown by itself.
    Apart(String),
}

impl Fate {
    /// For the ledger.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Waits(failure) => &failure.code,
            Self::Apart(_) => APART,
        }
    }
}

struct Part<'a> {
    product: &'a PimProduct,
    article: Article,
}

/// What the shop is to show of these members, in any order.
#[must_use]
pub fn compose(
    group: &ProductKey,
    members: &[&PimProduct],
    categories: &HashMap<ProductKey, String>,
    references: &References,
) -> Composed {
    let mut fates = BTreeMap::new();
    let mut parts: Vec<Part<'_>> = Vec::new();
    for product in in_order(members.iter().copied().filter(|product| product.offered())) {
        let mut article = map::article(product, categories, references);
        if let Some((sold, why)) = coin::sold(&product.key, &article) {
            fates.insert(product.key.clone(), Fate::Waits(why));
            article = sold;
        }
        match article.check(&product.key) {
            Ok(()) => parts.push(Part { product, article }),
            Err(failure) => drop(fates.entry(product.key.clone()).or_insert(Fate::Waits(failure))),
        }
    }
    take_apart(group, &mut parts, &mut fates);
    let presence = match parts.is_empty() {
        true => Presence::Withheld,
        false => Presence::Offered(Box::new(together(group, &parts, references, &mut fates))),
    };
    let vanished = members.iter().all(|product| product.withdrawn && product.shop_visibility != ShopVisibility::Hide);
    Composed { presence, fates, vanished }
}

/// The lead first, then by key.
fn in_order<'a>(members: impl Iterator<Item = &'a PimProduct>) -> Vec<&'a PimProduct> {
    let named = |product: &PimProduct| product.marketing_name.0.values().any(|name| !name.trim().is_empty());
    let mut members: Vec<&PimProduct> = members.collect();
    members.sort_by(|one, other| one.key.cmp(&other.key));
    if let Some(lead) = members.iter().position(|product| named(product)) {
        members[..=lead].rotate_right(1);
    }
    members
}

/// Members for whose variants there is no room. The lead is never apart.
fn take_apart(group: &ProductKey, parts: &mut Vec<Part<'_>>, fates: &mut BTreeMap<ProductKey, Fate>) {
    let mut used = 0;
    parts.retain(|part| {
        let variants = part.article.variants.len();
        let fits = used == 0 || used + variants <= MOST_VARIANTS;
        if fits {
            used += variants;
        } else {
            let why = format!(
                "it is shown apart from {group}, which would have more than {MOST_VARIANTS} variants with its {variants}"
            );
            fates.insert(part.product.key.clone(), Fate::Apart(why));
        }
        fits
    });
}

fn together(
    group: &ProductKey,
    parts: &[Part<'_>],
    references: &References,
    fates: &mut BTreeMap<ProductKey, Fate>,
) -> Article {
    let products: Vec<&PimProduct> = parts.iter().map(|part| part.product).collect();
    let articles: Vec<&Article> = parts.iter().map(|part| &part.article).collect();
    let colours = Colours::of(&products, &articles, references);
    let lead = &parts[0].article;
    let options = options(parts, &colours);
    let mut variants: Vec<Variant> = Vec::new();
    let mut taken = Taken::default();
    for (n, part) in parts.iter().enumerate() {
        for variant in &part.article.variants {
            let own = of_member(part, n, variant, &options, &colours, parts);
            match taken.claim(group, part.product, &own) {
                Ok(()) => variants.push(own),
                Err(failure) => drop(fates.entry(part.product.key.clone()).or_insert(Fate::Waits(failure))),
            }
        }
    }
    let titles = parts[0].product.titles();
    let base = references.languages.shown(&titles).map_or("", |(language, _)| language);
    // What people wrote is left as they wrote it.
    let title = |language: &str, title: &str| match is_peoples(parts[0].product, language) {
        true => title.to_owned(),
        false => colours.title(language, title),
    };
    let mut translations = lead.translations.clone();
    for (locale, texts) in &mut translations {
        texts.title = title(locale, &texts.title);
    }
    let mut images: Vec<String> = Vec::new();
    for url in articles.iter().flat_map(|article| &article.images) {
        if !images.contains(url) {
            images.push(url.clone());
        }
    }
    Article {
        title: title(base, &lead.title),
        description: lead.description.clone(),
        translations,
        options: if options.is_empty() { vec![Article::NO_CHOICE.0.to_owned()] } else { options },
        variants,
        images,
        categories: articles.iter().flat_map(|article| article.categories.iter().cloned()).collect(),
        metadata: metadata(parts),
        columns: shared(articles.iter().map(|article| &article.columns)),
        ..Article::default()
    }
}

/// The colour, then the members' own.
fn options(parts: &[Part<'_>], colours: &Colours) -> Vec<String> {
    let mut options: Vec<String> = colours.axis().map(str::to_owned).into_iter().collect();
    for part in parts {
        // Its values are among those of the axis.
        let merged = colours.own(&part.article);
        for name in &part.article.options {
            if name != Article::NO_CHOICE.0 && Some(name) != merged && !options.contains(name) {
                options.push(name.clone());
            }
        }
    }
    options
}

/// A member's variant as one of the article.
fn of_member(
    part: &Part<'_>,
    n: usize,
    variant: &Variant,
    options: &[String],
    colours: &Colours,
    parts: &[Part<'_>],
) -> Variant {
    let own = part.article.named_options(variant);
    let colour = colours.own(&part.article).and_then(|name| own.get(name)).filter(|value| !value.is_empty());
    let choice = |name: &String| match colours.added(name) {
        Some(values) => colour.unwrap_or(&values[n]).clone(),
        None => own.get(name).cloned().unwrap_or_else(|| Article::NO_CHOICE.1.to_owned()),
    };
    let chosen: Vec<String> = options.iter().map(choice).collect();
    let said: Vec<&str> = chosen.iter().map(String::as_str).filter(|value| *value != Article::NO_CHOICE.1).collect();
    let mut own = variant.clone();
    if colours.is_added() && !said.is_empty() {
        own.title = said.join(" / ");
    }
    own.options = if chosen.is_empty() { vec![Article::NO_CHOICE.1.to_owned()] } else { chosen };
    own.metadata.insert(MEMBER.to_owned(), json!(part.product.key.to_string()));
    if !own.metadata.contains_key(IMAGES) && !part.article.images.is_empty() && parts.len() > 1 {
        own.metadata.insert(IMAGES.to_owned(), json!(part.article.images));
    }
    own.metadata.extend(apart_of(part, parts));
    own
}

/// What a member says of itself that others do not, for its variants.
fn apart_of(part: &Part<'_>, parts: &[Part<'_>]) -> BTreeMap<String, Value> {
    let mut own = BTreeMap::new();
    let rows: Vec<Value> = rows_of(part).into_iter().filter(|row| !is_shared(row, parts)).collect();
    if !rows.is_empty() {
        own.insert(ATTRIBUTES.to_owned(), Value::Array(rows));
    }
    let facts = |part: &Part<'_>| part.article.metadata.get(trade::FACTS).and_then(Value::as_object).cloned();
    let everywhere = shared_facts(parts);
    let rest = facts(part).unwrap_or_default().into_iter().filter(|(name, _)| !everywhere.contains_key(name));
    let rest: serde_json::Map<String, Value> = rest.collect();
    if !rest.is_empty() {
        own.insert(trade::FACTS.to_owned(), Value::Object(rest));
    }
    own
}

fn rows_of(part: &Part<'_>) -> Vec<Value> {
    part.article.metadata.get(ATTRIBUTES).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn is_shared(row: &Value, parts: &[Part<'_>]) -> bool {
    parts.iter().all(|part| rows_of(part).contains(row))
}

fn shared_facts(parts: &[Part<'_>]) -> BTreeMap<String, Value> {
    let facts = parts.iter().map(|part| -> BTreeMap<String, Value> {
        let facts = part.article.metadata.get(trade::FACTS).and_then(Value::as_object).cloned();
        facts.into_iter().flatten().collect()
    });
    let facts: Vec<BTreeMap<String, Value>> = facts.collect();
    shared(facts.iter())
}

/// Entries that are the same in all of these.
fn shared<'m, K: Ord + Clone + 'm, V: PartialEq + Clone + 'm>(
    mut maps: impl Iterator<Item = &'m BTreeMap<K, V>>,
) -> BTreeMap<K, V> {
    let Some(first) = maps.next() else { return BTreeMap::new() };
    let mut shared = first.clone();
    for map in maps {
        shared.retain(|name, value| map.get(name) == Some(value));
    }
    shared
}

fn metadata(parts: &[Part<'_>]) -> BTreeMap<String, Value> {
    let lead = &parts[0];
    let mut metadata = lead.article.metadata.clone();
    let rows: Vec<Value> = rows_of(lead).into_iter().filter(|row| is_shared(row, parts)).collect();
    let facts: serde_json::Map<String, Value> = shared_facts(parts).into_iter().collect();
    let mut put = |name: &str, value: Value, empty: bool| {
        if empty { drop(metadata.remove(name)) } else { drop(metadata.insert(name.to_owned(), value)) }
    };
    put(ATTRIBUTES, json!(rows), rows.is_empty());
    put(trade::FACTS, json!(facts), facts.is_empty());
    let remarks: BTreeSet<String> = parts
        .iter()
        .flat_map(|part| part.article.metadata.get(REMARKS).and_then(Value::as_array).into_iter().flatten())
        .filter_map(|remark| remark.as_str().map(str::to_owned))
        .collect();
    put(REMARKS, json!(remarks), remarks.is_empty());
    let keys: BTreeSet<String> = parts.iter().map(|part| part.product.key.to_string()).collect();
    put(MEMBERS, json!(keys), false);
    metadata
}

/// SKUs and choices that variants have, and whose they are.
#[derive(Default)]
struct Taken {
    skus: BTreeMap<String, ProductKey>,
    choices: BTreeMap<Vec<String>, (ProductKey, String)>,
}

impl Taken {
    fn claim(&mut self, group: &ProductKey, product: &PimProduct, variant: &Variant) -> Result<(), Failure> {
        let (key, sku) = (&product.key, &variant.sku);
        if let Some(other) = self.skus.get(sku) {
            return Err(Failure::permanent(
                codes::BAD_SKU,
                format!(
                    "{key}: SKU {sku} is {other}'s, too, and {group} shows both as one product; change one of the two"
                ),
            ));
        }
        if let Some((other, theirs)) = self.choices.get(&variant.options) {
            return Err(Failure::permanent(
                codes::SAME_OPTIONS,
                format!(
                    "{key}: its variant {sku} waits, because {theirs} of {other} has the same option values in {group}, {:?}; give one of the two another colour, or another group at its source",
                    variant.options
                ),
            ));
        }
        self.skus.insert(sku.clone(), key.clone());
        self.choices.insert(variant.options.clone(), (key.clone(), sku.clone()));
        Ok(())
    }
}

/// Whether people wrote the title in this language, or in the language of this locale.
fn is_peoples(product: &PimProduct, language: &str) -> bool {
    let of = |text: &str| text.split('-').next().map(str::to_lowercase);
    let mut own = product.marketing_name.0.iter().filter(|(own, _)| of(own) == of(language));
    own.any(|(_, name)| !name.trim().is_empty())
}

#[cfg(test)]
mod tests;
