//! From YAML to a mapping, with everything that is wrong said at once.

mod facts;
mod field;
mod form;
mod parts;
mod product;

use std::collections::{BTreeMap, BTreeSet};

use expr::nearest;

use super::{Form, Mapping};
use crate::keys::{self, Key, Kind};
use crate::problem::{At, Problem};
use crate::yaml::{self, Data, Node};

pub(super) fn mapping(file: &str, text: &str, beside: &BTreeMap<String, String>) -> Result<Mapping, Vec<Problem>> {
    let problem = |(at, message)| vec![Problem { file: file.to_owned(), at, message, hint: None }];
    let root = yaml::read(text).map_err(problem)?;
    let mut reader = Reader {
        file,
        beside,
        problems: Vec::new(),
        form: None,
        columns: None,
        reads: BTreeMap::new(),
        names: BTreeSet::new(),
        may_lack_price: false,
    };
    let mapping = reader.top(&root, text);
    reader.problems.sort_by_key(|problem| (problem.at.line, problem.at.column));
    match mapping {
        Some(mapping) if reader.problems.is_empty() => Ok(mapping),
        _ => Err(reader.problems),
    }
}

struct Reader<'f> {
    file: &'f str,
    /// Tables by name.
    beside: &'f BTreeMap<String, String>,
    problems: Vec<Problem>,
    form: Option<Form>,
    columns: Option<Vec<String>>,
    reads: BTreeMap<String, At>,
    names: BTreeSet<String>,
    /// Another part may own the prices.
    may_lack_price: bool,
}

/// An object whose keys are those of a table.
struct Object<'n> {
    at: At,
    entries: &'n [(String, At, Node)],
}

impl<'n> Object<'n> {
    fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(name, _, node)| name == key && !node.is_null()).map(|(_, _, node)| node)
    }
}

impl Reader<'_> {
    fn say(&mut self, at: At, message: impl Into<String>) {
        self.hint(at, message, None);
    }

    fn hint(&mut self, at: At, message: impl Into<String>, hint: Option<&str>) {
        let hint = hint.map(str::to_owned);
        self.problems.push(Problem { file: self.file.to_owned(), at, message: message.into(), hint });
    }

    fn object<'n>(&mut self, node: &'n Node, keys: &[Key]) -> Option<Object<'n>> {
        let Data::Object(entries) = &node.data else {
            self.say(node.at, format!("an object belongs here, and here is {}", node.kind()));
            return None;
        };
        for (name, at, value) in entries {
            match keys.iter().find(|key| key.0 == name) {
                None => {
                    let known: Vec<&str> = keys.iter().map(|key| key.0).collect();
                    let message = format!("{name:?} is not known here; what is: {}", known.join(", "));
                    self.hint(*at, message, nearest(name, known.iter().copied()));
                }
                Some((_, Kind::Words(words), _)) => {
                    if let Some(said) = self.text(value)
                        && !words.contains(&&*said)
                    {
                        let message = format!("{name} is one of {}", words.join(", "));
                        self.hint(value.at, message, nearest(&said, words.iter().copied()));
                    }
                }
                Some(_) => {}
            }
        }
        Some(Object { at: node.at, entries })
    }

    fn text(&mut self, node: &Node) -> Option<String> {
        match &node.data {
            Data::Scalar { text, .. } => Some(text.clone()),
            _ => {
                self.say(node.at, format!("a text belongs here, and here is {}", node.kind()));
                None
            }
        }
    }

    fn text_of(&mut self, object: &Object<'_>, key: &str) -> Option<String> {
        object.get(key).and_then(|node| self.text(node))
    }

    fn texts(&mut self, node: &Node) -> Vec<(At, String)> {
        match &node.data {
            Data::Scalar { text, .. } => vec![(node.at, text.clone())],
            Data::List(nodes) => nodes.iter().filter_map(|node| self.text(node).map(|text| (node.at, text))).collect(),
            Data::Object(_) => {
                self.say(node.at, "a text or a list of texts belongs here, and here is an object");
                Vec::new()
            }
        }
    }

    fn plain_texts(&mut self, object: &Object<'_>, key: &str) -> Vec<String> {
        object.get(key).map(|node| self.texts(node)).unwrap_or_default().into_iter().map(|(_, text)| text).collect()
    }

    fn truth(&mut self, object: &Object<'_>, key: &str, otherwise: bool) -> bool {
        let Some(node) = object.get(key) else { return otherwise };
        match &node.data {
            Data::Scalar { text, .. } if text == "true" => true,
            Data::Scalar { text, .. } if text == "false" => false,
            _ => {
                self.say(node.at, format!("{key} is true or false"));
                otherwise
            }
        }
    }

    fn check_source(&mut self, source: Option<&str>, node: Option<&Node>) {
        let (Some(source), Some(node)) = (source, node) else { return };
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let hyphen_at_an_end = source.starts_with('-') || source.ends_with('-');
        if source.is_empty() || source.len() > 40 || !source.chars().all(fits) || hyphen_at_an_end {
            self.say(node.at, "a source's name has up to 40 small letters of ASCII, digits and single hyphens");
        }
    }

    fn top(&mut self, root: &Node, text: &str) -> Option<Mapping> {
        let top = self.object(root, keys::TOP)?;
        let source = self.text_of(&top, "source");
        // A source that is built in can get parts.
        let leads = top.get("parts").is_none()
            || top.get("product").is_some()
            || source.as_deref().is_none_or(|source| feeds::adapter::find(source).is_none());
        for needed in if leads { &["source", "form", "product"][..] } else { &["source"] } {
            if top.get(needed).is_none() {
                self.say(root.at, format!("there is no {needed:?} in the mapping"));
            }
        }
        self.check_source(source.as_deref(), top.get("source"));
        let form = top.get("form").and_then(|node| self.form(node));
        self.form.clone_from(&form);
        if let Some(node) = top.get("columns") {
            self.columns = Some(self.texts(node).into_iter().map(|(_, column)| column).collect());
        }
        let group = top.get("group").and_then(|node| self.group(node));
        let skip = top.get("skip").and_then(|node| self.field(node));
        let reject = self.objects(top.get("reject"), Self::reject);
        let language = top.get("language").and_then(|node| self.language(node));
        let digest = crate::bundle::digest(text, self.beside);
        let name = source.clone().unwrap_or_default();
        let parts = top.get("parts").map(|node| self.parts(node, &name, &digest)).unwrap_or_default();
        let priced = |part: &std::sync::Arc<Mapping>| part.line.as_ref().is_some_and(|line| !line.prices.is_empty());
        self.may_lack_price = parts.values().any(priced);
        let product = top.get("product").and_then(|node| self.product(node));
        let (form, product) = if leads {
            (form, product)
        } else {
            let (form, product) = parts::built_in(root.at);
            (Some(form), Some(product))
        };
        Some(Mapping {
            file: self.file.to_owned(),
            source: source?,
            digest,
            form: form?,
            group,
            skip,
            reject,
            language,
            product: product?,
            reads: std::mem::take(&mut self.reads),
            names: std::mem::take(&mut self.names),
            line: None,
            may_lack_price: self.may_lack_price,
            parts,
            leads,
        })
    }

    fn objects<T>(&mut self, node: Option<&Node>, read: impl Fn(&mut Self, &Node) -> Option<T>) -> Vec<T> {
        match node.map(|node| (&node.data, node)) {
            None => Vec::new(),
            Some((Data::List(nodes), _)) => nodes.iter().filter_map(|node| read(self, node)).collect(),
            Some((_, node)) => read(self, node).into_iter().collect(),
        }
    }
}
