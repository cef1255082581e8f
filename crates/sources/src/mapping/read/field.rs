//! Where a value is taken from, and what is done with it.

use std::collections::BTreeMap;

use expr::{Expression, Value, identifier, names_in, nearest};

use super::{Object, Reader};
use crate::keys::FIELD;
use crate::mapping::{Field, Form, LocalizedField, Take};
use crate::problem::At;
use crate::record::Path;
use crate::yaml::{Data, Node};

impl Reader<'_> {
    pub(super) fn path(&mut self, text: &str, at: At) -> Path {
        let path = match &self.form {
            Some(form) if form.has_columns() => Path::of_column(text, &form.json),
            _ => Path::of_tree(text),
        };
        if let Some(first) = path.first() {
            if let Some(columns) = &self.columns
                && !columns.iter().any(|column| column == first)
                && self.form.as_ref().is_some_and(Form::has_columns)
            {
                let message = format!("{first:?} is not among the mapping's columns");
                let hint = nearest(first, columns.iter().map(String::as_str)).map(str::to_owned);
                self.hint(at, message, hint.as_deref());
            }
            self.reads.entry(first.to_owned()).or_insert(at);
        }
        path
    }

    pub(super) fn expression(&mut self, text: &str, at: At) -> Option<Expression> {
        let listed: Option<Vec<String>> = match (&self.columns, &self.form) {
            (Some(columns), Some(form)) if form.has_columns() && form.json.is_empty() => {
                Some(columns.iter().map(|column| identifier(column)).chain(["value".to_owned()]).collect())
            }
            _ => None,
        };
        let compiled = match &listed {
            Some(known) => Expression::compile(text, known.iter().map(String::as_str)),
            None => Expression::compile(text, names_in(text)),
        };
        match compiled {
            Ok(expression) => {
                self.names.extend(expression.reads().iter().cloned());
                Some(expression)
            }
            Err(error) => {
                let column = if error.line <= 1 { at.column + error.column - 1 } else { error.column };
                let at = At { line: at.line + error.line.saturating_sub(1), column };
                self.hint(at, error.message, error.hint.as_deref());
                None
            }
        }
    }

    /// A language's code stands for itself.
    pub(super) fn language(&mut self, node: &Node) -> Option<Field> {
        match &node.data {
            Data::Scalar { text, .. } if is_language(text) => Some(constant(node.at, text)),
            _ => self.field(node),
        }
    }

    /// A currency's code stands for itself.
    pub(super) fn currency(&mut self, node: &Node) -> Option<Field> {
        match &node.data {
            Data::Scalar { text, .. } if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                if feeds::money::currency(text).is_none() {
                    self.say(node.at, format!("{text} is no currency of ISO 4217"));
                }
                Some(constant(node.at, text))
            }
            _ => self.field(node),
        }
    }

    pub(super) fn field(&mut self, node: &Node) -> Option<Field> {
        match &node.data {
            Data::Scalar { text, .. } => {
                if let Some(rest) = text.strip_prefix('=') {
                    let lead = 1 + rest.len() - rest.trim_start().len();
                    // Behind a quote or a block's mark the text begins elsewhere.
                    let at = At { line: node.at.line, column: node.at.column + lead };
                    let expression = self.expression(rest.trim_start(), at)?;
                    return Some(plain(node.at, Take::Expr(Box::new(expression))));
                }
                let path = self.path(text, node.at);
                Some(plain(node.at, Take::Paths(vec![path])))
            }
            Data::Object(_) => {
                let object = self.object(node, FIELD)?;
                self.field_of(&object)
            }
            Data::List(_) => {
                self.say(node.at, "a column, an expression or an object belongs here, and here is a list");
                None
            }
        }
    }

    pub(super) fn field_of(&mut self, object: &Object<'_>) -> Option<Field> {
        let said: Vec<&str> = ["from", "expr", "is"].into_iter().filter(|key| object.get(key).is_some()).collect();
        let take = match &said[..] {
            ["from"] => {
                let texts = object.get("from").map(|node| self.texts(node)).unwrap_or_default();
                Take::Paths(texts.into_iter().map(|(at, text)| self.path(&text, at)).collect())
            }
            ["expr"] => {
                let node = object.get("expr")?;
                let text = self.text(node)?;
                // A block begins a line below its mark.
                let block = text.contains('\n');
                let at = if block { At { line: node.at.line + 1, column: 1 } } else { node.at };
                Take::Expr(Box::new(self.expression(&text, at)?))
            }
            ["is"] => Take::Is(Value::Text(self.text_of(object, "is")?)),
            [] => {
                self.say(object.at, "one of from, expr and is belongs here");
                return None;
            }
            several => {
                self.say(object.at, format!("{} exclude each other", several.join(" and ")));
                return None;
            }
        };
        let table = match object.get("table").map(|node| (&node.data, node.at)) {
            None => BTreeMap::new(),
            Some((Data::Object(entries), _)) => entries
                .iter()
                .filter_map(|(key, _, node)| self.text(node).map(|value| (key.to_lowercase(), value)))
                .collect(),
            Some((_, at)) => {
                self.say(at, "a table is an object: what stands in the feed, and what it means");
                BTreeMap::new()
            }
        };
        let table = match object.get("table_file") {
            None => table,
            Some(node) => {
                if object.get("table").is_some() {
                    self.say(node.at, "table and table_file exclude each other");
                }
                let name = self.text(node)?;
                self.table_file(&name, node.at)
            }
        };
        Some(Field {
            at: object.at,
            take,
            default: self.text_of(object, "default"),
            table,
            others: self.text_of(object, "others"),
            split: self.text_of(object, "split"),
            html_text: self.text_of(object, "html").is_some_and(|html| html == "text"),
            whole_number: self.truth(object, "whole_number", false),
            unit: self.text_of(object, "unit"),
        })
    }

    /// A CSV file beside the mapping: what stands in the feed, and what it means. Further columns
    /// are people's notes.
    pub(super) fn table_file(&mut self, name: &str, at: At) -> BTreeMap<String, String> {
        if !crate::bundle::is_table_name(name) {
            self.say(at, "a table is a .csv file beside the mapping: letters, digits, - and _");
            return BTreeMap::new();
        }
        let Some(text) = self.beside.get(name) else {
            self.say(at, format!("there is no file {name} beside the mapping"));
            return BTreeMap::new();
        };
        match crate::table::read(text) {
            Ok(table) => table,
            Err((line, why)) => {
                self.say(at, format!("{name} line {line}: {why}"));
                BTreeMap::new()
            }
        }
    }

    pub(super) fn fields(&mut self, node: Option<&Node>) -> Vec<Field> {
        self.objects(node, Self::field)
    }

    pub(super) fn field_at(&mut self, object: &Object<'_>, key: &str) -> Option<Field> {
        object.get(key).and_then(|node| self.field(node))
    }

    pub(super) fn needed(&mut self, object: &Object<'_>, key: &str) -> Option<Field> {
        if object.get(key).is_none() {
            self.say(object.at, format!("there is no {key:?}"));
        }
        self.field_at(object, key)
    }

    pub(super) fn localized(&mut self, node: &Node) -> Option<LocalizedField> {
        match &node.data {
            Data::Object(entries) if !entries.iter().any(|(key, ..)| FIELD.iter().any(|one| one.0 == key)) => {
                let mut each = Vec::new();
                for (language, at, node) in entries {
                    if is_language(language) {
                        each.extend(self.field(node).map(|field| (language.clone(), field)));
                    } else {
                        let known = FIELD.iter().map(|key| key.0);
                        self.hint(
                            *at,
                            format!("{language:?} is neither a language such as en nor known here"),
                            nearest(language, known),
                        );
                    }
                }
                Some(LocalizedField::Each(each))
            }
            _ => self.field(node).map(LocalizedField::One),
        }
    }

    /// `from` or `expr` of an object that has further keys of its own.
    pub(super) fn amount(&mut self, object: &Object<'_>) -> Option<Field> {
        match (object.get("from"), object.get("expr")) {
            (Some(node), None) => {
                let texts = self.texts(node);
                let paths = texts.into_iter().map(|(at, text)| self.path(&text, at)).collect();
                Some(plain(node.at, Take::Paths(paths)))
            }
            (None, Some(node)) => {
                let text = self.text(node)?;
                self.expression(&text, node.at).map(|expression| plain(node.at, Take::Expr(Box::new(expression))))
            }
            _ => {
                self.say(object.at, "one of from and expr belongs here");
                None
            }
        }
    }
}

pub(super) fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    matches!(first.len(), 2 | 3)
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts
            .all(|part| !part.is_empty() && part.len() <= 8 && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

pub(super) fn plain(at: At, take: Take) -> Field {
    Field {
        at,
        take,
        default: None,
        table: BTreeMap::new(),
        others: None,
        split: None,
        html_text: false,
        whole_number: false,
        unit: None,
    }
}

pub(super) fn constant(at: At, text: &str) -> Field {
    plain(at, Take::Is(Value::Text(text.to_owned())))
}
