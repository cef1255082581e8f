//! What trade needs to know.

use super::{Object, Reader};
use crate::keys;
use crate::mapping::{FactMap, LocalizedField};
use crate::yaml::{Data, Node};

impl Reader<'_> {
    /// Facts in the words of rows; and whether some follow from attributes.
    pub(super) fn facts(&mut self, node: Option<&Node>) -> (Vec<FactMap>, bool) {
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

    pub(super) fn document(&mut self, node: &Node) -> Option<FactMap> {
        let object = self.object(node, keys::DOCUMENT)?;
        let name = self.kind_of::<catalog::facts::DocumentKind>(&object);
        let language = object.get("language").and_then(|node| self.language(node));
        let url = self.needed(&object, "url")?;
        Some(FactMap { code: "document", name: name?, value: LocalizedField::One(url), language })
    }

    pub(super) fn relation(&mut self, node: &Node) -> Option<FactMap> {
        let object = self.object(node, keys::RELATION)?;
        let name = self.kind_of::<catalog::facts::RelationKind>(&object);
        let product = self.needed(&object, "product")?;
        Some(FactMap { code: "relation", name: name?, value: LocalizedField::One(product), language: None })
    }

    pub(super) fn kind_of<K: std::str::FromStr>(&mut self, object: &Object<'_>) -> Option<String> {
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

    pub(super) fn extra(&mut self, node: Option<&Node>) -> Vec<FactMap> {
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
}

/// `originCountry` as `origin_country`.
pub(super) fn snake(code: &str) -> String {
    let mut name = String::new();
    for c in code.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}
