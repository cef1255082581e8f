//! How a feed is written, and how its records become products.

use feeds::Reason;

use super::{Object, Reader};
use crate::keys;
use crate::mapping::{Form, Group, Reject, Type};
use crate::xlsx::Chosen;
use crate::yaml::{Data, Node};

impl Reader<'_> {
    pub(super) fn form(&mut self, node: &Node) -> Option<Form> {
        let object = match &node.data {
            Data::Scalar { .. } => Object { at: node.at, entries: &[] },
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
            "xlsx" => Type::Xlsx,
            other => {
                if other.is_empty() || object.entries.is_empty() {
                    self.say(object.at, "there is no \"type\": csv, json, xml or xlsx");
                }
                return None;
            }
        };
        self.fits(&object, kind);
        let delimiter = match kind {
            // A sheet is read as the CSV that it would be saved as.
            Type::Xlsx => Some(b','),
            _ => self.delimiter(&object),
        };
        let header = self.truth(&object, "header", true);
        Some(Form {
            kind,
            records: self.records(&object, kind),
            delimiter,
            header,
            encoding: self.encoding(&object),
            json: self.plain_texts(&object, "json"),
            blank: self.plain_texts(&object, "blank"),
            chosen: Chosen {
                sheet: self.text_of(&object, "sheet"),
                header_row: self.header_row(&object, header),
                header,
            },
        })
    }

    /// Says which keys are none of this form's.
    fn fits(&mut self, object: &Object<'_>, kind: Type) {
        const ONLY: &[(&str, &str, &[Type])] = &[
            ("delimiter", "csv", &[Type::Csv]),
            ("encoding", "csv, json and xml", &[Type::Csv, Type::Json, Type::Xml]),
            ("header", "csv and xlsx", &[Type::Csv, Type::Xlsx]),
            ("json", "csv and xlsx", &[Type::Csv, Type::Xlsx]),
            ("sheet", "xlsx", &[Type::Xlsx]),
            ("header_row", "xlsx", &[Type::Xlsx]),
            ("records", "json and xml", &[Type::Json, Type::Xml]),
        ];
        for (name, at, _) in object.entries {
            if let Some((_, whose, _)) = ONLY.iter().find(|(key, _, of)| name == key && !of.contains(&kind)) {
                self.say(*at, format!("{name} is for {whose} alone"));
            }
        }
    }

    fn delimiter(&mut self, object: &Object<'_>) -> Option<u8> {
        let node = object.get("delimiter")?;
        let said = self.text(node)?;
        match said.as_bytes() {
            b"tab" | b"\\t" => Some(b'\t'),
            [one] if one.is_ascii() && !matches!(one, b'"' | b'\r' | b'\n') => Some(*one),
            _ => {
                self.say(node.at, "a delimiter is one character of ASCII, or tab");
                None
            }
        }
    }

    fn encoding(&mut self, object: &Object<'_>) -> Option<&'static encoding_rs::Encoding> {
        let node = object.get("encoding")?;
        let label = self.text(node)?;
        let found = encoding_rs::Encoding::for_label(label.as_bytes());
        if found.is_none() {
            let known = "known are utf-8, windows-1252, iso-8859-15, utf-16le and others";
            self.say(node.at, format!("{label:?} is no known encoding; {known}"));
        }
        found
    }

    fn records(&mut self, object: &Object<'_>, kind: Type) -> Vec<String> {
        let records = self.text_of(object, "records").unwrap_or_default();
        if kind != Type::Xml {
            return records.split('.').map(str::to_owned).filter(|key| !key.is_empty()).collect();
        }
        if records.is_empty() {
            self.say(object.at, "xml needs \"records\": the name of the element that is a record, such as item");
        }
        vec![records]
    }

    fn header_row(&mut self, object: &Object<'_>, header: bool) -> Option<u32> {
        let node = object.get("header_row")?;
        if !header {
            self.say(node.at, "header: false and header_row exclude each other");
        }
        let row = self.text(node)?.parse().ok().filter(|row| (1..=1_048_576).contains(row));
        if row.is_none() {
            self.say(node.at, "header_row is the number of a row, from 1");
        }
        row
    }

    pub(super) fn group(&mut self, node: &Node) -> Option<Group> {
        let object = self.object(node, keys::GROUP)?;
        let Some(by) = object.get("by") else {
            self.say(object.at, "there is no \"by\": what the records of one product share");
            return None;
        };
        let by = self.field(by)?;
        let spread = self.text_of(&object, "rows").is_some_and(|rows| rows == "spread");
        Some(Group { by, spread, leading: object.get("leading").and_then(|node| self.field(node)) })
    }

    pub(super) fn reject(&mut self, node: &Node) -> Option<Reject> {
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
}
