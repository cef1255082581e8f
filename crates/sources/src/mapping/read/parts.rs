//! Declared parts: files of lines, such as stock or prices, that speak of the products of another
//! file.

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::IdKind;

use super::field::plain;
use super::{Object, Reader};
use crate::keys;
use crate::mapping::line::{Empty, LineMap};
use crate::mapping::{Form, LocalizedField, Mapping, ProductMap, Take, Type, VariantMap};
use crate::problem::At;
use crate::xlsx::Chosen;
use crate::yaml::{Data, Node};

/// Parts of one source.
const MOST: usize = 16;

impl Reader<'_> {
    /// The parts of a source, by name.
    pub(super) fn parts(&mut self, node: &Node, source: &str, digest: &str) -> BTreeMap<String, Arc<Mapping>> {
        let Data::Object(entries) = &node.data else {
            self.say(
                node.at,
                "parts is an object: a name, such as stock, and what files below incoming/<source>/<name>/ say",
            );
            return BTreeMap::new();
        };
        let mut parts: BTreeMap<String, Arc<Mapping>> = BTreeMap::new();
        for (name, at, part) in entries {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > 24 || !name.chars().all(fits) || name == "main" {
                self.say(*at, "a part's name has up to 24 small letters of ASCII, digits and hyphens, and is not main");
                continue;
            }
            let Some(mapping) = self.part(part, source, digest) else { continue };
            let shared = parts.iter().find_map(|(other, known)| {
                let both = mapping.line.as_ref()?.shared(known.line.as_ref()?)?;
                Some((other.clone(), both))
            });
            if let Some((other, both)) = shared {
                self.say(*at, format!("{name} and {other} both own the {both}; nobody could tell which one counts"));
                continue;
            }
            parts.insert(name.clone(), Arc::new(mapping));
        }
        if parts.len() > MOST {
            self.say(node.at, format!("more than {MOST} parts"));
        }
        parts
    }

    /// One part, read as a mapping of its own.
    fn part(&mut self, node: &Node, source: &str, digest: &str) -> Option<Mapping> {
        let mut reader = Reader {
            file: self.file,
            beside: self.beside,
            problems: Vec::new(),
            form: None,
            columns: None,
            reads: BTreeMap::new(),
            names: std::collections::BTreeSet::new(),
            may_lack_price: false,
        };
        let part = reader.part_alone(node, source, digest);
        self.problems.append(&mut reader.problems);
        part
    }

    fn part_alone(&mut self, node: &Node, source: &str, digest: &str) -> Option<Mapping> {
        let object = self.object(node, keys::PART)?;
        for needed in ["form", "match", "owns"] {
            if object.get(needed).is_none() {
                self.say(object.at, format!("there is no {needed:?} in the part"));
            }
        }
        let form = object.get("form").and_then(|node| self.form(node));
        self.form.clone_from(&form);
        if let Some(node) = object.get("columns") {
            self.columns = Some(self.texts(node).into_iter().map(|(_, column)| column).collect());
        }
        let skip = object.get("skip").and_then(|node| self.field(node));
        let reject = self.objects(object.get("reject"), Self::reject);
        let in_stock = match self.text_of(&object, "in_stock").map(|text| text.parse()) {
            None => 1,
            Some(Ok(pieces)) if pieces >= 0 => pieces,
            Some(_) => {
                self.say(object.at, "in_stock is a number of pieces");
                0
            }
        };
        let line = self.line(&object);
        let (form, line) = (form?, line?);
        let product = only_known_by(object.at, &line, in_stock);
        Some(Mapping {
            file: self.file.to_owned(),
            source: source.to_owned(),
            digest: digest.to_owned(),
            form,
            group: None,
            skip,
            reject,
            language: None,
            product,
            reads: std::mem::take(&mut self.reads),
            names: std::mem::take(&mut self.names),
            line: Some(Box::new(line)),
            may_lack_price: false,
            parts: BTreeMap::new(),
            leads: false,
        })
    }

    fn line(&mut self, part: &Object<'_>) -> Option<LineMap> {
        let by = part.get("match").and_then(|node| self.object(node, keys::MATCH))?;
        let said: Vec<IdKind> = IdKind::ALL.into_iter().filter(|kind| by.get(kind.as_str()).is_some()).collect();
        let [kind] = said[..] else {
            self.say(by.at, "a part goes by one of id, sku, gtin, mpn and supplier_number");
            return None;
        };
        let by = self.field_at(&by, kind.as_str())?;
        let node = part.get("owns")?;
        let owns = self.object(node, keys::OWNS)?;
        let mut prices = self.objects(owns.get("price"), Self::price);
        prices.extend(self.objects(owns.get("prices"), Self::price));
        let localized = |reader: &mut Self, key: &str| {
            let node = owns.get(key)?;
            match reader.localized(node)? {
                LocalizedField::One(field) => {
                    reader.say(field.at, format!("a part owns a {key} by language: {key}: {{ de: … }}"));
                    None
                }
                each => Some(each),
            }
        };
        let (name, description) = (localized(self, "name"), localized(self, "description"));
        let brand = self.field_at(&owns, "brand");
        let stock = self.field_at(&owns, "stock");
        if kind != IdKind::Id && (name.is_some() || description.is_some() || brand.is_some()) {
            self.say(
                owns.at,
                format!("a {kind} is a variant's: name, description and brand are the product's, and need match: {{ id: … }}"),
            );
        }
        let empty = match self.text_of(part, "empty").as_deref() {
            Some("clear") => Empty::Clear,
            Some("delete") => Empty::Delete,
            _ => Empty::Keep,
        };
        let line =
            LineMap { kind, by, empty, delete: self.field_at(part, "delete"), stock, prices, name, description, brand };
        if line.owns().is_empty() {
            self.say(owns.at, "the part owns nothing; it can own stock, price, prices, name, description and brand");
        }
        Some(line)
    }
}

/// What a record is known by, where it is no product.
fn only_known_by(at: At, line: &LineMap, in_stock: i32) -> ProductMap {
    ProductMap { variants: VariantMap { in_stock, ..nothing(at).variants }, id: line.by.clone(), ..nothing(at) }
}

/// A mapping that maps nothing: of a source that is built in.
fn nothing(at: At) -> ProductMap {
    let blank = || plain(at, Take::Is(expr::Value::None));
    ProductMap {
        at,
        id: blank(),
        name: LocalizedField::One(blank()),
        description: None,
        attributes_as_description: false,
        brand: None,
        group: None,
        sku: None,
        url: None,
        withdrawn: None,
        images: Vec::new(),
        categories: Vec::new(),
        attributes: Vec::new(),
        options: Vec::new(),
        facts: Vec::new(),
        facts_from_attributes: false,
        variants: VariantMap {
            at,
            each: None,
            when: None,
            single: Vec::new(),
            sku: None,
            title: None,
            prices: Vec::new(),
            stock: None,
            in_stock: 1,
            images: Vec::new(),
            facts: Vec::new(),
        },
    }
}

/// What stands in for the mapping of a source that is built in, and only gets parts.
pub(super) fn built_in(at: At) -> (Form, ProductMap) {
    let form = Form {
        kind: Type::Json,
        records: Vec::new(),
        delimiter: None,
        header: true,
        encoding: None,
        json: Vec::new(),
        blank: Vec::new(),
        chosen: Chosen { header: true, ..Chosen::default() },
    };
    (form, nothing(at))
}
