//! What a rules file may say, word by word. `docs/rules.schema.json` is made from these types.

mod at;
mod condition;
mod one_or_many;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use at::At;
pub use condition::{Range, Span, When};
pub use one_or_many::{Names, OneOrMany};

use crate::exact::{Exact, Money, Percent};

/// The shop's own catalogue: prices, categories, values, gates. See docs/rules.md.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RulesFile {
    /// Which currencies are sold, and which are converted.
    #[serde(default)]
    pub currencies: Option<At<Currencies>>,
    /// The shop's category tree, and what of a source belongs where.
    #[serde(default)]
    pub categories: Option<At<Categories>>,
    /// What of a whole feed waits for a person.
    #[serde(default)]
    pub feeds: Option<At<Feeds>>,
    /// Tables of values that rules use by name.
    #[serde(default)]
    pub tables: BTreeMap<String, BTreeMap<String, String>>,
    /// Rules, in their order: each sees what those before it have made of the product.
    #[serde(default)]
    pub rules: Vec<At<RuleEntry>>,
}

/// Currencies.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Currencies {
    /// The currencies that are sold. Without it: those that the source has.
    #[serde(default)]
    pub sold: Option<OneOrMany>,
    /// A sold currency that the source lacks is converted from the first of these that it has. Without it nothing is converted.
    #[serde(default)]
    pub from: OneOrMany,
    /// Rates older than this are not used: a price keeps its last value.
    #[serde(default)]
    pub rates_not_older_than: Option<At<Span>>,
}

/// Categories.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Categories {
    /// The shop's tree. Without it the tree is what `to` names.
    #[serde(default)]
    pub tree: Vec<At<Node>>,
    /// What of a source belongs where.
    #[serde(default)]
    pub map: Vec<At<Mapping>>,
    /// What becomes of a category that `map` does not name.
    #[serde(default)]
    pub unmapped: Option<At<Unmapped>>,
}

/// A category of the shop.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Node {
    /// Its name: a text, or one by language.
    pub name: Names,
    /// Its lasting id, should it be renamed. Without it one is made of the name.
    #[serde(default)]
    pub id: Option<String>,
    /// The categories below it.
    #[serde(default)]
    pub below: Vec<At<Node>>,
}

/// Categories of a source, and where they belong in the shop. The entry that names the most levels of a path counts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mapping {
    /// Categories with all that is below them: `A > B`, with `*` in names and `**` for any number of levels, or `#` and an id.
    pub from: At<OneOrMany>,
    /// Only of these sources.
    #[serde(default)]
    pub source: Option<At<OneOrMany>>,
    /// Categories of the shop, `A > B`; an empty list for none.
    pub to: At<OneOrMany>,
}

/// What becomes of a category that is not mapped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unmapped {
    /// It stays as the source has it.
    Keep,
    /// The product is not put into it.
    Drop,
    /// The product is put into this category of the shop.
    To(String),
}

/// A rule: to which products, and what is done with them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleEntry {
    /// Its name, for people.
    pub rule: String,
    /// For which products; without it for all.
    #[serde(default)]
    pub when: When,
    /// What is done with each price, step by step.
    #[serde(default)]
    pub price: Vec<At<PriceStep>>,
    /// What becomes of the price before the reduction.
    #[serde(default)]
    pub compare_at: Option<CompareAt>,
    /// Categories of the shop in which the product is from here on.
    #[serde(default)]
    pub categories: Option<At<Placing>>,
    /// Brand, options and attributes, spelled alike.
    #[serde(default)]
    pub values: Option<Values>,
    /// The product is not published, and why.
    #[serde(default)]
    pub withhold: Option<At<Withhold>>,
    /// Changes that wait for a person.
    #[serde(default)]
    pub hold: Option<At<Hold>>,
    /// No further rule for these products.
    #[serde(default)]
    pub stop: bool,
}

/// One thing done with a price.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PriceStep {
    /// Times this.
    Factor(Exact),
    /// Plus this.
    Add(Money),
    /// So that this share of the price is margin.
    Margin(Percent),
    /// Plus this share.
    Markup(Percent),
    /// Plus this share, which does not count as earned.
    Tax(Percent),
    /// Exactly this.
    Fixed(Money),
    /// Not below this, whatever comes later.
    AtLeast(AtLeast),
    /// By height of the price.
    Bands(Vec<Band>),
    /// To figures that look like prices.
    Round(RoundBy),
}

/// A floor: the highest of what is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AtLeast {
    /// So that this share of the price is margin over what the source asks.
    #[serde(default)]
    pub margin: Option<Percent>,
    /// What the source asks, plus this share.
    #[serde(default)]
    pub markup: Option<Percent>,
    /// An amount.
    #[serde(default)]
    pub amount: Money,
}

/// Prices up to a height. One band never gives less than those below it, so that a dearer product does not become cheaper.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Band {
    /// Prices below this; without it all that are left, in the last band.
    #[serde(default)]
    pub below: Option<Money>,
    /// Times this.
    #[serde(default)]
    pub factor: Option<Exact>,
    /// So that this share of the price is margin.
    #[serde(default)]
    pub margin: Option<Percent>,
    /// Plus this.
    #[serde(default)]
    pub add: Money,
}

/// Rounding, and other rounding for some currencies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RoundBy {
    /// Prices end like this: `0.95`, or one of several.
    #[serde(default)]
    pub ending: Endings,
    /// The distance of two figures with the same ending: `5`, or `10` for prices like 19.99 and 29.99.
    #[serde(default)]
    pub every: Option<Exact>,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
    /// Other rounding in these currencies.
    #[serde(default)]
    pub currencies: BTreeMap<String, Rounding>,
}

/// Rounding in one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rounding {
    /// Prices end like this.
    #[serde(default)]
    pub ending: Endings,
    /// The distance of two figures with the same ending.
    #[serde(default)]
    pub every: Option<Exact>,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
}

pub use one_or_many::Endings;

/// Which way a price is rounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To the nearest figure; up, if two are as near.
    #[default]
    Nearest,
    /// To the next figure that is not lower.
    Up,
    /// To the next figure that is not higher.
    Down,
}

/// The price before the reduction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CompareAt {
    /// The source's goes through the same steps as the price.
    #[default]
    Reprice,
    /// The source's, as it is.
    Source,
    /// None.
    Drop,
    /// The price plus this share, reduced or not.
    Over(Percent),
}

/// Categories of the shop.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Placing {
    /// These instead of those it has.
    #[serde(default)]
    pub set: OneOrMany,
    /// These as well.
    #[serde(default)]
    pub add: OneOrMany,
}

/// Values, spelled alike.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Values {
    /// The brand.
    #[serde(default)]
    pub brand: Option<At<Spelling>>,
    /// Values of options, by the option's name.
    #[serde(default)]
    pub options: BTreeMap<String, At<Spelling>>,
    /// Values of attributes, by the attribute's name or code.
    #[serde(default)]
    pub attributes: BTreeMap<String, At<Spelling>>,
}

/// How a value is spelled: by tables first, else by the first pattern that fits.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Spelling {
    /// Of `tables`, by name.
    #[serde(default, rename = "use")]
    pub tables: OneOrMany,
    /// Value by value; case and blanks do not matter.
    #[serde(default)]
    pub table: BTreeMap<String, String>,
    /// Regular expressions.
    #[serde(default)]
    pub patterns: Vec<At<Replacement>>,
    /// Attributes: only in this language.
    #[serde(default)]
    pub language: Option<String>,
}

/// A value that looks like this, and how it is spelled.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Replacement {
    /// A regular expression for the whole value.
    #[serde(rename = "match")]
    pub pattern: String,
    /// What is written instead; `$1` is the first group.
    pub to: String,
}

/// Why a product is not published. Each thing that is given withholds by itself; with a reason alone all products of the rule are withheld.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Withhold {
    /// It has no image.
    #[serde(default)]
    pub no_image: bool,
    /// No piece of it is in stock.
    #[serde(default)]
    pub no_stock: bool,
    /// It is in no category of the shop.
    #[serde(default)]
    pub unmapped: bool,
    /// A price is lower than what the source asks.
    #[serde(default)]
    pub below_cost: bool,
    /// Its name has fewer characters.
    #[serde(default)]
    pub title_shorter_than: Option<u32>,
    /// One of these words stands in its name or description.
    #[serde(default)]
    pub words: OneOrMany,
    /// Said to people beside what it was.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Feeds that wait for a person; those with at least 20 products that were there before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Feeds {
    /// Prices change by more than this share on average, up or down.
    #[serde(default)]
    pub average_price_over: Option<Percent>,
    /// More than this share of the products change their categories.
    #[serde(default)]
    pub recategorised_over: Option<Percent>,
}

/// Changes that wait for a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hold {
    /// A price rises by more than this share.
    #[serde(default)]
    pub price_rise_over: Option<Percent>,
    /// A price falls by more than this share.
    #[serde(default)]
    pub price_fall_over: Option<Percent>,
    /// The product changes its categories.
    #[serde(default)]
    pub category_change: bool,
}
