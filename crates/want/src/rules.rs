//! Rules, ready to be applied: what files say, read as a whole, with everything that is wrong with
//! it.

mod check;

use std::collections::BTreeMap;

use crate::category::{Map, Pattern, Target, Tree, Unfit, Unknown};
use crate::condition::Condition;
use crate::exact::is_currency;
use crate::file::{
    At, Categories, CompareAt, Currencies, Feeds, Hold, Node, PriceStep, RuleEntry, RulesFile, Unmapped, Withhold,
};
use crate::flaw::{Flaw, Place, did_you_mean};
use crate::read::parse;
use crate::text::Glob;
use crate::values::Values;

#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub(crate) sold: Option<Vec<String>>,
    pub(crate) from: Vec<String>,
    pub(crate) rates_not_older_than: Option<crate::file::Span>,
    pub(crate) tree: Tree,
    pub(crate) map: Map,
    pub(crate) unmapped: Option<Elsewhere>,
    pub(crate) feeds: Option<(Feeds, Place)>,
    pub(crate) rules: Vec<Rule>,
    version: String,
    hints: Vec<Flaw>,
}

/// What becomes of a category that is not mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    Keep,
    Drop,
    To(usize),
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) when: Condition,
    pub(crate) price: Vec<(PriceStep, Place)>,
    pub(crate) compare_at: Option<CompareAt>,
    pub(crate) set: Vec<usize>,
    pub(crate) add: Vec<usize>,
    pub(crate) values: Option<Values>,
    pub(crate) withhold: Option<Withhold>,
    pub(crate) hold: Option<Hold>,
    pub(crate) stop: bool,
}

impl Rules {
    /// Reads rules files, given by name and text, in this order. Together they are one: what may
    /// stand once may stand in one of them.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place; of words that cannot be read the first of
    /// each file.
    pub fn read<'t>(files: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<Self, Vec<Flaw>> {
        let mut reader = Reader::default();
        let mut version = blake3::Hasher::new();
        let mut said = Vec::new();
        for (name, text) in files {
            for part in [name, text] {
                version.update(&(part.len() as u64).to_le_bytes());
                version.update(part.as_bytes());
            }
            match parse::<RulesFile>(name, text) {
                Ok(file) => said.push((name, text, file)),
                Err(flaw) => reader.flaws.push(flaw),
            }
        }
        for (name, _, file) in &said {
            reader.once(name, file);
        }
        for (name, _, file) in &said {
            reader.file(name, file);
        }
        let Reader { mut rules, mut flaws, .. } = reader;
        let texts: BTreeMap<&str, &str> = said.iter().map(|(name, text, _)| (*name, *text)).collect();
        for flaw in flaws.iter_mut().chain(&mut rules.hints).filter(|flaw| flaw.excerpt.is_none()) {
            if let Some(text) = texts.get(flaw.place.file.as_str()) {
                *flaw = flaw.clone().within(text);
            }
        }
        if !flaws.is_empty() {
            flaws.sort_by(|a, b| a.place.cmp(&b.place));
            return Err(flaws);
        }
        rules.version = version.finalize().to_hex()[..16].to_owned();
        Ok(rules)
    }

    /// Digest of the files they were read from; empty where there are none.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What was probably not meant.
    #[must_use]
    pub fn hints(&self) -> &[Flaw] {
        &self.hints
    }

    /// Whether they say nothing: what is wanted is what the source says.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
            && self.feeds.is_none()
            && self.sold.is_none()
            && self.map.is_empty()
            && self.unmapped.is_none()
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// The shop's tree.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The categories of the shop that resemble a name, best first: drafts for what is not mapped.
    #[must_use]
    pub fn resembling(&self, name: &str) -> Vec<String> {
        let asked = name.to_lowercase();
        let near = |path: &String| {
            let last = path.rsplit(" > ").next().unwrap_or(path).to_lowercase();
            strsim::jaro_winkler(&asked, &last)
        };
        let mut all: Vec<(f64, String)> = self.tree.shown().map(|path| (near(&path), path)).collect();
        all.retain(|(near, _)| *near > 0.75);
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        all.into_iter().map(|(_, path)| path).take(3).collect()
    }
}

#[derive(Default)]
struct Reader {
    rules: Rules,
    flaws: Vec<Flaw>,
    tables: BTreeMap<String, BTreeMap<String, String>>,
    currencies: Option<Place>,
    tree: Option<Place>,
    unmapped: Option<Place>,
}

impl Reader {
    fn flaw(&mut self, place: Place, message: impl Into<String>) {
        self.flaws.push(Flaw::at(place, message));
    }

    /// What the whole of the files needs to know first.
    fn once(&mut self, name: &str, file: &RulesFile) {
        for (table, values) in &file.tables {
            if self.tables.insert(table.clone(), values.clone()).is_some() {
                self.flaw(
                    Place { file: name.to_owned(), ..Place::default() },
                    format!("the table {table:?} stands in two files"),
                );
            }
        }
        if let Some(currencies) = &file.currencies {
            let place = currencies.place(name);
            match &self.currencies {
                Some(first) => self.flaws.push(
                    Flaw::at(place, "`currencies` may stand once").help(Some(format!("it stands at {first}, too"))),
                ),
                None => {
                    self.currencies = Some(place.clone());
                    self.currencies_of(currencies, place, name);
                }
            }
        }
        if let Some(categories) = file.categories.as_ref().filter(|categories| !categories.tree.is_empty()) {
            let place = categories.place(name);
            match &self.tree {
                Some(first) => self
                    .flaws
                    .push(Flaw::at(place, "the tree may stand once").help(Some(format!("it stands at {first}, too")))),
                None => {
                    self.tree = Some(place);
                    self.nodes(None, &categories.tree, name);
                }
            }
        }
    }

    fn currencies_of(&mut self, said: &Currencies, place: Place, name: &str) {
        let codes = said.sold.iter().flat_map(|sold| &sold.0).chain(&said.from.0);
        for code in codes.filter(|code| !is_currency(code)) {
            self.flaws.push(Flaw::at(place.clone(), format!("{code:?} is no currency code such as SAR")));
        }
        if said.sold.as_ref().is_some_and(|sold| sold.0.is_empty()) {
            self.flaw(place.clone(), "`sold` is empty: nothing would be sold");
        }
        if said.sold.is_none() && !said.from.0.is_empty() {
            self.flaw(place.clone(), "`from` says what is converted, and `sold` into what: it is missing");
        }
        if let Some(span) = said.rates_not_older_than.as_ref().filter(|span| span.value.0 <= 0) {
            self.flaw(span.place(name), "the age of rates is above zero");
        }
        self.rules.sold = said.sold.as_ref().map(|sold| sold.0.clone());
        self.rules.from = said.from.0.clone();
        self.rules.rates_not_older_than = said.rates_not_older_than.as_ref().map(|span| span.value);
    }

    fn nodes(&mut self, above: Option<usize>, nodes: &[At<Node>], name: &str) {
        for node in nodes {
            match self.rules.tree.add(above, &node.name.0, node.id.as_deref()) {
                Ok(at) => self.nodes(Some(at), &node.below, name),
                Err(Unfit::Nameless) => {
                    self.flaw(node.place(name), "a category of the shop has a name with a letter or digit in it")
                }
                Err(Unfit::Taken(id)) => {
                    let flaw =
                        Flaw::at(node.place(name), format!("the id {id:?} is taken by another category at this place"));
                    self.flaws.push(flaw.help(Some("give it an `id` of its own".to_owned())));
                }
            }
        }
    }

    /// The categories that texts name.
    fn shop(&mut self, texts: &[String], place: &Place) -> Vec<usize> {
        let mut found = Vec::new();
        for text in texts {
            match self.rules.tree.find(text) {
                Ok(at) if found.contains(&at) => {}
                Ok(at) => found.push(at),
                Err(Unknown) => {
                    let known: Vec<String> = self.rules.tree.shown().collect();
                    self.flaws.push(
                        Flaw::at(place.clone(), format!("the shop's tree has no category {text:?}"))
                            .help(did_you_mean(text, known.iter().map(String::as_str))),
                    );
                }
            }
        }
        found
    }

    fn file(&mut self, name: &str, file: &RulesFile) {
        if let Some(categories) = &file.categories {
            self.categories(name, categories);
        }
        if let Some(feeds) = &file.feeds {
            let place = feeds.place(name);
            if feeds.value == Feeds::default() {
                self.flaw(place.clone(), "`feeds` does not say what waits for a person");
            }
            if let Some((_, first)) = self.rules.feeds.replace((feeds.value, place.clone())) {
                self.flaws
                    .push(Flaw::at(place, "`feeds` may stand once").help(Some(format!("it stands at {first}, too"))));
            }
        }
        for entry in &file.rules {
            let rule = self.rule(name, entry);
            self.rules.rules.push(rule);
        }
    }

    fn categories(&mut self, name: &str, categories: &At<Categories>) {
        if let Some(unmapped) = &categories.unmapped {
            let place = unmapped.place(name);
            if let Some(first) = &self.unmapped {
                self.flaws.push(
                    Flaw::at(place.clone(), "`unmapped` may stand once")
                        .help(Some(format!("it stands at {first}, too"))),
                );
            }
            self.rules.unmapped = match &unmapped.value {
                Unmapped::Keep => Some(Elsewhere::Keep),
                Unmapped::Drop => Some(Elsewhere::Drop),
                Unmapped::To(to) => self.shop(std::slice::from_ref(to), &place).first().map(|at| Elsewhere::To(*at)),
            };
            self.unmapped = Some(place);
        }
        for mapping in &categories.map {
            let to = self.shop(&mapping.to.0, &mapping.to.place(name));
            let mut from = Vec::new();
            for text in &mapping.from.0 {
                match Pattern::new(text) {
                    Ok(pattern) => from.push(pattern),
                    Err(message) => self.flaw(mapping.from.place(name), message),
                }
            }
            if mapping.from.0.is_empty() {
                self.flaw(mapping.from.place(name), "an empty list is for no category");
            }
            let mut source = Vec::new();
            for text in mapping.source.iter().flat_map(|source| &source.0) {
                match Glob::new(text) {
                    Ok(glob) => source.push(glob),
                    Err(message) => self.flaw(mapping.place(name), message),
                }
            }
            self.rules.map.add(from, &source, Target { to, place: mapping.place(name) });
        }
    }

    fn rule(&mut self, name: &str, entry: &At<RuleEntry>) -> Rule {
        let place = entry.place(name);
        let RuleEntry { rule, when, price, compare_at, categories, values, withhold, hold, stop } = &entry.value;
        let when = Condition::new(when, name, &mut self.flaws);
        let nothing = price.is_empty()
            && compare_at.is_none()
            && categories.is_none()
            && values.is_none()
            && withhold.is_none()
            && hold.is_none()
            && !stop;
        if nothing {
            self.flaw(place.clone(), format!("the rule {rule:?} does nothing"));
        }
        if when.asks_for_cost() && !price.is_empty() {
            let hint = "a dearer product may become cheaper than one that this rule is not for";
            self.rules
                .hints
                .push(Flaw::at(place.clone(), hint).help(Some("`bands` do not let that happen".to_owned())));
        }
        let sold = self.rules.sold.clone();
        for step in price {
            check::step(step, &step.place(name), sold.as_deref(), &mut self.flaws, &mut self.rules.hints);
        }
        if let Some(CompareAt::Over(share)) = compare_at
            && share.0 <= rust_decimal::Decimal::ZERO
        {
            self.flaw(place.clone(), "`over` is a share above zero");
        }
        let (mut set, mut add) = (Vec::new(), Vec::new());
        if let Some(placing) = categories {
            let at = placing.place(name);
            (set, add) = (self.shop(&placing.set.0, &at), self.shop(&placing.add.0, &at));
        }
        let tables = std::mem::take(&mut self.tables);
        let values = values.as_ref().map(|values| Values::new(values, name, &tables, &mut self.flaws));
        self.tables = tables;
        if let Some(gate) = withhold.as_ref().filter(|gate| crate::gate::is_bare(gate) && gate.reason.is_none()) {
            self.flaw(gate.place(name), "`withhold` says neither what it looks at nor a `reason`");
        }
        if let Some(guard) = hold.as_ref().filter(|guard| guard.value == Hold::default()) {
            self.flaw(guard.place(name), "`hold` does not say what waits for a person");
        }
        Rule {
            name: rule.clone(),
            place,
            when,
            price: price.iter().map(|step| (step.value.clone(), step.place(name))).collect(),
            compare_at: *compare_at,
            set,
            add,
            values,
            withhold: withhold.as_ref().map(|gate| gate.value.clone()),
            hold: hold.as_ref().map(|guard| guard.value.clone()),
            stop: *stop,
        }
    }
}
