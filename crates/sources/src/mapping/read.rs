//! From YAML to a mapping, with everything that is wrong said at once.

mod parts;

use std::collections::{BTreeMap, BTreeSet};

use expr::{Expression, Value, identifier, names_in, nearest};
use feeds::Reason;

use super::{
    AttributeMap, CategoryMap, FactMap, Field, Form, Group, LocalizedField, Mapping, OptionMap, PriceMap, ProductMap,
    Reject, Take, Type, VariantMap,
};
use crate::keys::{self, FIELD, Key, Kind};
use crate::problem::{At, Problem};
use crate::record::Path;
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
        if let (Some(source), Some(node)) = (&source, top.get("source")) {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if source.is_empty()
                || source.len() > 40
                || !source.chars().all(fits)
                || source.starts_with('-')
                || source.ends_with('-')
            {
                self.say(node.at, "a source's name has up to 40 small letters of ASCII, digits and single hyphens");
            }
        }
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

    fn form(&mut self, node: &Node) -> Option<Form> {
        let object = match &node.data {
            Data::Scalar { text, .. } if matches!(&**text, "csv" | "json" | "xml") => {
                Object { at: node.at, entries: &[] }
            }
            _ => self.object(node, keys::FORM)?,
        };
        let kind = match &node.data {
            Data::Scalar { text, .. } => text.clone(),
            _ => self.text_of(&object, "type").unwrap_or_default(),
        };
        let kind = match &*kind {
            "csv" => Type::Csv,
            "json" => Type::Json,
            "xml" => Type::Xml,
            other => {
                if other.is_empty() || object.entries.is_empty() {
                    self.say(object.at, "there is no \"type\": csv, json or xml");
                }
                return None;
            }
        };
        let only = [("delimiter", Type::Csv), ("header", Type::Csv), ("json", Type::Csv)];
        for (name, at, _) in object.entries {
            if only.iter().any(|(key, of)| name == key && *of != kind) {
                self.say(*at, format!("{name} is for csv alone"));
            }
        }
        let delimiter = object.get("delimiter").and_then(|node| {
            let said = self.text(node)?;
            match said.as_bytes() {
                b"tab" | b"\\t" => Some(b'\t'),
                [one] if one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n') => Some(*one),
                _ => {
                    self.say(node.at, "a delimiter is one character of ASCII, or tab");
                    None
                }
            }
        });
        let encoding = object.get("encoding").and_then(|node| {
            let label = self.text(node)?;
            let found = encoding_rs::Encoding::for_label(label.as_bytes());
            if found.is_none() {
                self.say(node.at, format!("{label:?} is no known encoding; known are utf-8, windows-1252, iso-8859-15, utf-16le and others"));
            }
            found
        });
        let records = self.text_of(&object, "records").unwrap_or_default();
        if kind == Type::Xml && records.is_empty() {
            self.say(object.at, "xml needs \"records\": the name of the element that is a record, such as item");
        }
        let records = if kind == Type::Xml {
            vec![records]
        } else {
            records.split('.').map(str::to_owned).filter(|key| !key.is_empty()).collect()
        };
        Some(Form {
            kind,
            records,
            delimiter,
            header: self.truth(&object, "header", true),
            encoding,
            json: self.plain_texts(&object, "json"),
            blank: self.plain_texts(&object, "blank"),
        })
    }

    fn group(&mut self, node: &Node) -> Option<Group> {
        let object = self.object(node, keys::GROUP)?;
        let Some(by) = object.get("by") else {
            self.say(object.at, "there is no \"by\": what the records of one product share");
            return None;
        };
        let by = self.field(by)?;
        let spread = self.text_of(&object, "rows").is_some_and(|rows| rows == "spread");
        Some(Group { by, spread, leading: object.get("leading").and_then(|node| self.field(node)) })
    }

    fn reject(&mut self, node: &Node) -> Option<Reject> {
        let object = self.object(node, keys::REJECT)?;
        let Some(when) = object.get("if") else {
            self.say(object.at, "there is no \"if\"");
            return None;
        };
        let reason = match self.text_of(&object, "reason").as_deref() {
            Some("wrong_source") => Reason::WrongSource,
            Some("missing_field") => Reason::MissingField,
            Some("invalid_id") => Reason::InvalidId,
            Some("missing_price") => Reason::MissingPrice,
            Some("invalid_stock") => Reason::InvalidStock,
            _ => Reason::SourceError,
        };
        Some(Reject {
            when: self.field(when)?,
            reason,
            message: self
                .text_of(&object, "message")
                .unwrap_or_else(|| "the mapping sets this record aside".to_owned()),
            value: object.get("value").and_then(|node| self.field(node)),
        })
    }

    fn path(&mut self, text: &str, at: At) -> Path {
        let path = match &self.form {
            Some(form) if form.kind == Type::Csv => Path::of_column(text, &form.json),
            _ => Path::of_tree(text),
        };
        if let Some(first) = path.first() {
            if let Some(columns) = &self.columns
                && !columns.iter().any(|column| column == first)
                && self.form.as_ref().is_some_and(|form| form.kind == Type::Csv)
            {
                let message = format!("{first:?} is not among the mapping's columns");
                let hint = nearest(first, columns.iter().map(String::as_str)).map(str::to_owned);
                self.hint(at, message, hint.as_deref());
            }
            self.reads.entry(first.to_owned()).or_insert(at);
        }
        path
    }

    fn expression(&mut self, text: &str, at: At) -> Option<Expression> {
        let listed: Option<Vec<String>> = match (&self.columns, &self.form) {
            (Some(columns), Some(form)) if form.kind == Type::Csv && form.json.is_empty() => {
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
    fn language(&mut self, node: &Node) -> Option<Field> {
        match &node.data {
            Data::Scalar { text, .. } if is_language(text) => Some(constant(node.at, text)),
            _ => self.field(node),
        }
    }

    /// A currency's code stands for itself.
    fn currency(&mut self, node: &Node) -> Option<Field> {
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

    fn field(&mut self, node: &Node) -> Option<Field> {
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

    fn field_of(&mut self, object: &Object<'_>) -> Option<Field> {
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

    /// A CSV file beside the mapping: what stands in the feed, and what it means. Further columns are people's notes.
    fn table_file(&mut self, name: &str, at: At) -> BTreeMap<String, String> {
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

    fn fields(&mut self, node: Option<&Node>) -> Vec<Field> {
        self.objects(node, Self::field)
    }

    fn field_at(&mut self, object: &Object<'_>, key: &str) -> Option<Field> {
        object.get(key).and_then(|node| self.field(node))
    }

    fn needed(&mut self, object: &Object<'_>, key: &str) -> Option<Field> {
        if object.get(key).is_none() {
            self.say(object.at, format!("there is no {key:?}"));
        }
        self.field_at(object, key)
    }

    fn localized(&mut self, node: &Node) -> Option<LocalizedField> {
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

    fn product(&mut self, node: &Node) -> Option<ProductMap> {
        let object = self.object(node, keys::PRODUCT)?;
        let id = self.needed(&object, "id");
        if object.get("name").is_none() {
            self.say(object.at, "there is no \"name\"");
        }
        let name = object.get("name").and_then(|node| self.localized(node));
        let variants = match object.get("variants") {
            Some(node) => self.variants(node),
            None => {
                self.say(object.at, "there is no \"variants\": at least a price");
                None
            }
        };
        let (facts, facts_from_attributes) = self.facts(object.get("facts"));
        Some(ProductMap {
            at: object.at,
            facts,
            facts_from_attributes,
            description: object.get("description").and_then(|node| self.localized(node)),
            attributes_as_description: self.truth(&object, "attributes_as_description", false),
            brand: self.field_at(&object, "brand"),
            group: self.field_at(&object, "group"),
            sku: self.field_at(&object, "sku"),
            url: self.field_at(&object, "url"),
            withdrawn: self.field_at(&object, "withdrawn"),
            images: self.fields(object.get("images")),
            categories: self.objects(object.get("categories"), Self::categories),
            attributes: self.objects(object.get("attributes"), Self::attribute),
            options: {
                let options = self.objects(object.get("options"), Self::option);
                if options.len() > feeds::quality::OPTIONS {
                    self.say(object.at, "more than ten options; a shop has no more");
                }
                options
            },
            id: id?,
            name: name?,
            variants: variants?,
        })
    }

    fn categories(&mut self, node: &Node) -> Option<CategoryMap> {
        if let Data::Scalar { .. } = node.data {
            let from = self.field(node)?;
            return Some(CategoryMap { from, split: None, separator: None, each_path: false, name: None, id: None });
        }
        let object = self.object(node, keys::CATEGORIES)?;
        let from = self.amount(&object)?;
        Some(CategoryMap {
            from,
            split: self.text_of(&object, "split"),
            separator: self.text_of(&object, "separator"),
            each_path: self.text_of(&object, "each").is_some_and(|each| each == "path"),
            name: self.field_at(&object, "name"),
            id: self.field_at(&object, "id"),
        })
    }

    /// `from` or `expr` of an object that has further keys of its own.
    fn amount(&mut self, object: &Object<'_>) -> Option<Field> {
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

    fn attribute(&mut self, node: &Node) -> Option<AttributeMap> {
        if let Data::Scalar { text, .. } = &node.data {
            // A column whose name is the attribute's.
            return Some(AttributeMap { each: None, name: constant(node.at, text), value: self.field(node)? });
        }
        let object = self.object(node, keys::ATTRIBUTE)?;
        let each = self.field_at(&object, "each");
        let name = match object.get("name").map(|node| (node, &node.data)) {
            Some((node, Data::Scalar { text, .. })) if each.is_none() && !text.starts_with('=') => {
                Some(constant(node.at, text))
            }
            _ => self.needed(&object, "name"),
        };
        let value = self.needed(&object, "value");
        Some(AttributeMap { each, name: name?, value: value? })
    }

    fn option(&mut self, node: &Node) -> Option<OptionMap> {
        let object = self.object(node, keys::OPTION)?;
        let name = match object.get("name") {
            Some(node) => self.localized(node),
            None => {
                self.say(object.at, "there is no \"name\"");
                None
            }
        };
        let value = self.needed(&object, "value");
        Some(OptionMap { name: name?, value: value? })
    }

    fn variants(&mut self, node: &Node) -> Option<VariantMap> {
        let object = self.object(node, keys::VARIANTS)?;
        let mut prices = self.objects(object.get("price"), Self::price);
        prices.extend(self.objects(object.get("prices"), Self::price));
        if prices.is_empty() && !self.may_lack_price {
            self.say(object.at, "there is no \"price\"");
        }
        let in_stock = match self.text_of(&object, "in_stock").map(|text| text.parse()) {
            None => 1,
            Some(Ok(pieces)) if pieces >= 0 => pieces,
            Some(_) => {
                self.say(object.at, "in_stock is a number of pieces");
                0
            }
        };
        Some(VariantMap {
            at: object.at,
            each: self.field_at(&object, "each"),
            when: self.field_at(&object, "if"),
            single: self.plain_texts(&object, "single"),
            sku: self.field_at(&object, "sku"),
            title: self.field_at(&object, "title"),
            prices,
            stock: self.field_at(&object, "stock"),
            in_stock,
            images: self.fields(object.get("images")),
            facts: self.facts(object.get("facts")).0,
        })
    }

    /// Facts in the words of rows; and whether some follow from attributes.
    fn facts(&mut self, node: Option<&Node>) -> (Vec<FactMap>, bool) {
        let Some(node) = node else { return (Vec::new(), false) };
        let Some(object) = self.object(node, keys::FACTS) else { return (Vec::new(), false) };
        let mut facts = Vec::new();
        for info in catalog::facts::FACTS {
            let plain = |value| FactMap { code: info.code, name: String::new(), value, language: None };
            match info.code {
                "document" => facts.extend(self.objects(object.get("documents"), Self::document)),
                "relation" => facts.extend(self.objects(object.get("relations"), Self::relation)),
                "keyword" => {
                    facts.extend(self.field_at(&object, "keywords").map(LocalizedField::One).map(plain));
                }
                "extra" => facts.extend(self.extra(object.get("extra"))),
                code => {
                    let Some(node) = object.get(&snake(code)) else { continue };
                    let value = if catalog::facts::has_language(code) {
                        self.localized(node)
                    } else {
                        self.field(node).map(LocalizedField::One)
                    };
                    facts.extend(value.map(plain));
                }
            }
        }
        (facts, self.truth(&object, "from_attributes", false))
    }

    fn document(&mut self, node: &Node) -> Option<FactMap> {
        let object = self.object(node, keys::DOCUMENT)?;
        let name = self.kind_of::<catalog::facts::DocumentKind>(&object);
        let language = object.get("language").and_then(|node| self.language(node));
        let url = self.needed(&object, "url")?;
        Some(FactMap { code: "document", name: name?, value: LocalizedField::One(url), language })
    }

    fn relation(&mut self, node: &Node) -> Option<FactMap> {
        let object = self.object(node, keys::RELATION)?;
        let name = self.kind_of::<catalog::facts::RelationKind>(&object);
        let product = self.needed(&object, "product")?;
        Some(FactMap { code: "relation", name: name?, value: LocalizedField::One(product), language: None })
    }

    fn kind_of<K: std::str::FromStr>(&mut self, object: &Object<'_>) -> Option<String> {
        let Some(node) = object.get("kind") else {
            self.say(object.at, "there is no \"kind\"");
            return None;
        };
        let kind = self.text(node)?;
        if kind.parse::<K>().is_err() {
            self.say(node.at, format!("{kind:?} is no kind that is known"));
        }
        Some(kind)
    }

    fn extra(&mut self, node: Option<&Node>) -> Vec<FactMap> {
        match node.map(|node| (&node.data, node.at)) {
            None => Vec::new(),
            Some((Data::Object(entries), _)) => entries
                .iter()
                .filter_map(|(name, _, node)| {
                    let value = LocalizedField::One(self.field(node)?);
                    Some(FactMap { code: "extra", name: name.clone(), value, language: None })
                })
                .collect(),
            Some((_, at)) => {
                self.say(at, "extra is an object: any name, and the column it is taken from");
                Vec::new()
            }
        }
    }

    fn price(&mut self, node: &Node) -> Option<PriceMap> {
        if let Data::Scalar { .. } = node.data {
            let amount = self.field(node)?;
            return Some(PriceMap { amount, currency: None, list: None, decimal: None, country: None, float: false });
        }
        let object = self.object(node, keys::PRICE)?;
        Some(PriceMap {
            amount: self.amount(&object)?,
            currency: object.get("currency").and_then(|node| self.currency(node)),
            list: self.field_at(&object, "list"),
            decimal: self.text_of(&object, "decimal").and_then(|mark| mark.chars().next()),
            country: self.field_at(&object, "country"),
            float: self.truth(&object, "float", false),
        })
    }
}

/// `originCountry` as `origin_country`.
fn snake(code: &str) -> String {
    let mut name = String::new();
    for c in code.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    matches!(first.len(), 2 | 3)
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts
            .all(|part| !part.is_empty() && part.len() <= 8 && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn plain(at: At, take: Take) -> Field {
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

fn constant(at: At, text: &str) -> Field {
    plain(at, Take::Is(Value::Text(text.to_owned())))
}
