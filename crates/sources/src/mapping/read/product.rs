//! What becomes of a record.

use super::Reader;
use super::field::constant;
use crate::keys;
use crate::mapping::{AttributeMap, CategoryMap, OptionMap, PriceMap, ProductMap, VariantMap};
use crate::yaml::{Data, Node};

impl Reader<'_> {
    pub(super) fn product(&mut self, node: &Node) -> Option<ProductMap> {
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

    pub(super) fn categories(&mut self, node: &Node) -> Option<CategoryMap> {
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

    pub(super) fn attribute(&mut self, node: &Node) -> Option<AttributeMap> {
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

    pub(super) fn option(&mut self, node: &Node) -> Option<OptionMap> {
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

    pub(super) fn variants(&mut self, node: &Node) -> Option<VariantMap> {
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

    pub(super) fn price(&mut self, node: &Node) -> Option<PriceMap> {
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
