//! One XML part of a workbook, tag by tag, within limits. Nothing is expanded but what XML itself
//! knows; a document type is refused.

use std::io::{BufRead, BufReader, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::Fault;
use super::package::Unpacked;

/// Bytes of a part with rows or texts, after decompression.
pub(super) const PART_BYTES: u64 = 512 << 20;
/// Elements within each other. A workbook has a dozen.
const DEPTH: usize = 256;
/// Bytes of one tag or text. A cell holds up to 32,767 characters.
const EVENT_BYTES: usize = 1 << 20;

/// Counts what is read, and stops when it becomes too much.
#[derive(Debug)]
struct Metered {
    inner: BufReader<Unpacked>,
    total: u64,
    most: u64,
    since: usize,
    fault: Option<Fault>,
}

impl Read for Metered {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Metered {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.total > self.most {
            let message = format!("a part of the workbook unfolds to more than {} MiB", self.most >> 20);
            self.fault = Some(Fault::too_much(message));
        } else if self.since > EVENT_BYTES {
            self.fault = Some(Fault::too_much(format!("a text in the workbook has more than {EVENT_BYTES} bytes")));
        }
        if self.fault.is_some() {
            return Err(std::io::Error::other("too much"));
        }
        match self.inner.fill_buf() {
            Ok(bytes) => Ok(bytes),
            Err(error) => {
                self.fault = Some(Fault::corrupt(format!("the workbook is damaged: {error}")));
                Err(error)
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.total += bytes as u64;
        self.since += bytes;
        self.inner.consume(bytes);
    }
}

/// What comes next in a part.
#[derive(Debug)]
pub(super) enum Next {
    Tag(Tag),
    /// The name of the element that ends.
    End(String),
    Text(String),
}

/// A tag with its attributes, without prefixes.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    fn of(start: &BytesStart<'_>) -> Result<Self, String> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| error.to_string())?;
            attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
        }
        Ok(Self { name: start.local_name().as_ref().to_owned(), attributes })
    }
}

/// One part.
pub(super) struct Part {
    xml: Reader<Metered>,
    buffer: Vec<u8>,
    depth: usize,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("at", &self.xml.buffer_position()).finish_non_exhaustive()
    }
}

/// What points from one part to another.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) target: String,
}

impl Part {
    /// Of at most so many bytes.
    pub(super) fn new(bytes: Unpacked, most: u64) -> Self {
        let inner = BufReader::with_capacity(32 << 10, bytes);
        let metered = Metered { inner, total: 0, most, since: 0, fault: None };
        let mut xml = Reader::from_reader(metered);
        xml.config_mut().expand_empty_elements = true;
        Self { xml, buffer: Vec::new(), depth: 0 }
    }

    /// The next tag, text or end; `None` at the end of the part.
    pub(super) fn next(&mut self) -> Result<Option<Next>, Fault> {
        loop {
            self.buffer.clear();
            self.xml.get_mut().since = 0;
            let said = match self.xml.read_event_into(&mut self.buffer) {
                Ok(Event::Start(start)) => {
                    self.depth += 1;
                    if self.depth > DEPTH {
                        let message = format!("the workbook's XML has more than {DEPTH} elements within each other");
                        return Err(Fault::too_much(message));
                    }
                    Tag::of(&start).map(Next::Tag)
                }
                Ok(Event::End(end)) => {
                    self.depth = self.depth.saturating_sub(1);
                    Ok(Next::End(end.local_name().as_ref().to_owned()))
                }
                Ok(Event::Text(text)) => Ok(Next::Text(text.xml10_content().into_owned())),
                Ok(Event::CData(text)) => Ok(Next::Text(text.xml10_content().into_owned())),
                Ok(Event::GeneralRef(reference)) => crate::xml::resolved(&reference).map(Next::Text),
                Ok(Event::DocType(_)) => Err("it declares a document type".to_owned()),
                Ok(Event::Eof) => return Ok(None),
                Ok(Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => continue,
                Err(error) => Err(error.to_string()),
            };
            return match said {
                Ok(next) => Ok(Some(next)),
                Err(said) => {
                    let fault = self.xml.get_mut().fault.take();
                    Err(fault.unwrap_or_else(|| Fault::unknown(format!("the workbook's XML cannot be read: {said}"))))
                }
            };
        }
    }

    /// The next tag.
    pub(super) fn tag(&mut self) -> Result<Option<Tag>, Fault> {
        while let Some(next) = self.next()? {
            if let Next::Tag(tag) = next {
                return Ok(Some(tag));
            }
        }
        Ok(None)
    }

    pub(super) fn relation(&mut self) -> Result<Option<Relation>, Fault> {
        while let Some(tag) = self.tag()? {
            if tag.name == "Relationship" {
                let get = |name: &str| tag.get(name).unwrap_or_default().to_owned();
                return Ok(Some(Relation { id: get("Id"), kind: get("Type"), target: get("Target") }));
            }
        }
        Ok(None)
    }
}
