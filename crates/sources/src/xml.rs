//! XML: cut into records as it streams by, each then read by `quick-xml`.
//!
//! Nothing is expanded but characters by number and the names that XML and HTML have for
//! characters; a document type declaration ends the feed. So there is nothing that could be
//! fetched, and nothing that could grow.

use std::collections::BTreeMap;

use expr::Value;
use feeds::split::Piece;
use feeds::{Broken, Defect, Limits, Reason};
use memchr::memmem;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Elements within each other in a record.
const DEPTH: usize = 64;
/// Bytes of one tag, comment or instruction outside records.
const MARKUP: usize = 1 << 20;

/// Cuts a feed into the elements of one name.
#[derive(Debug)]
pub(crate) struct Splitter {
    element: String,
    limits: Limits,
    buffer: Vec<u8>,
    /// `buffer[..at]` has been looked at.
    at: usize,
    /// The place of `buffer[0]` in the feed.
    base: u64,
    index: u64,
    /// Where the open record begins in the buffer.
    record: Option<usize>,
    /// Elements of the record's name that are open within it, itself included.
    open: usize,
    /// Bytes of the open record that are no longer there: it is over its limit.
    dropped: u64,
    any: bool,
}

impl Splitter {
    pub(crate) fn resume(element: &str, offset: u64, index: u64, limits: Limits) -> Self {
        Self {
            element: element.to_owned(),
            limits,
            buffer: Vec::new(),
            at: 0,
            base: offset,
            index,
            record: None,
            open: 0,
            dropped: 0,
            any: offset > 0,
        }
    }

    /// The place behind the last record that was handed out. Before any markup there is none: who
    /// goes on has to see how the feed begins.
    pub(crate) fn place(&self) -> (u64, u64) {
        if !self.any {
            return (0, self.index);
        }
        let begin = self.record.unwrap_or(self.at);
        (self.base + begin as u64 - self.dropped, self.index)
    }

    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Piece<'_>)) -> Result<(), Broken> {
        self.buffer.extend_from_slice(bytes);
        while self.next(false, sink)? {}
        // A record over its limit is passed over, and told of when it ends.
        if let Some(begin) = self.record {
            let held = self.at - begin;
            if held > self.limits.record_bytes {
                let keep = begin + self.limits.excerpt_bytes.min(held);
                self.dropped += (self.at - keep) as u64;
                self.base += (self.at - keep) as u64;
                self.buffer.drain(keep..self.at);
                self.at = keep;
            }
        }
        let done = self.record.unwrap_or(self.at);
        self.buffer.drain(..done);
        self.base += done as u64;
        self.at -= done;
        self.record = self.record.map(|_| 0);
        Ok(())
    }

    pub(crate) fn finish(&mut self, sink: &mut dyn FnMut(Piece<'_>)) -> Result<(), Broken> {
        while self.next(true, sink)? {}
        if self.record.is_some() {
            return Err(self.broken(Reason::Truncated, format!("the feed ends within a <{}>", self.element)));
        }
        let rest = &self.buffer[self.at..];
        if rest.contains(&b'<') {
            return Err(self.broken(Reason::Truncated, "the feed ends within markup"));
        }
        if !self.any {
            return Err(self.broken(Reason::EmptyFeed, "the feed is empty"));
        }
        Ok(())
    }

    /// Passes the next piece of markup; `false` if it is not there as a whole.
    fn next(&mut self, last: bool, sink: &mut dyn FnMut(Piece<'_>)) -> Result<bool, Broken> {
        let open = memchr::memchr(b'<', &self.buffer[self.at..]);
        let before = &self.buffer[self.at..self.at + open.unwrap_or(self.buffer.len() - self.at)];
        let blank = |byte: &u8| byte.is_ascii_whitespace() || b"\xEF\xBB\xBF".contains(byte);
        if !self.any && !before.iter().all(blank) {
            return Err(self.broken(Reason::MalformedXml, "the feed does not begin like XML"));
        }
        let Some(open) = open else {
            self.at = self.buffer.len();
            return Ok(false);
        };
        let begin = self.at + open;
        let rest = &self.buffer[begin..];
        if matches!(rest, [b'<', b'!', c, ..] if c.is_ascii_alphabetic()) {
            let message = "the feed declares a document type; such feeds are not read";
            return Err(self.broken(Reason::UnknownFormat, message));
        }
        let Some(length) = end_of_markup(rest) else {
            self.at = begin;
            if rest.len() > MARKUP && self.record.is_none() {
                return Err(self.broken(Reason::MalformedXml, "a tag, comment or instruction that does not end"));
            }
            return if last && self.record.is_none() {
                Err(self.broken(Reason::Truncated, "the feed ends within markup"))
            } else {
                Ok(false)
            };
        };
        self.any = true;
        let behind = begin + length;
        let tag = &self.buffer[begin..behind];
        let closing = tag.starts_with(b"</");
        let name = tag[1 + usize::from(closing)..]
            .split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>'))
            .next();
        let ours = !matches!(tag[1], b'!' | b'?') && name == Some(self.element.as_bytes());
        self.at = behind;
        if !ours {
            return Ok(true);
        }
        if closing {
            self.open = self.open.saturating_sub(1);
        } else {
            self.open += usize::from(!tag.ends_with(b"/>"));
            self.record.get_or_insert(begin);
        }
        self.hand_out(behind, sink);
        Ok(true)
    }

    /// Hands out the record that ends before `behind`, if one does.
    fn hand_out(&mut self, behind: usize, sink: &mut dyn FnMut(Piece<'_>)) {
        if self.open == 0
            && let Some(first) = self.record.take()
        {
            let bytes = &self.buffer[first..behind];
            let size = bytes.len() as u64 + self.dropped;
            let limit = self.limits.record_bytes;
            let defect = (size > limit as u64).then(|| {
                Defect::new(
                    Reason::RecordTooLarge,
                    format!("the record has {size} bytes, more than the limit of {limit}"),
                )
            });
            let kept = if defect.is_some() { &bytes[..bytes.len().min(self.limits.excerpt_bytes)] } else { bytes };
            let offset = self.base + first as u64 - self.dropped;
            sink(Piece { index: self.index, offset, bytes: kept, defect, header: None });
            self.index += 1;
            self.dropped = 0;
        }
    }

    pub(crate) fn broken(&self, reason: Reason, message: impl Into<String>) -> Broken {
        let (offset, index) = self.place();
        let rest = &self.buffer[self.record.unwrap_or(self.at).min(self.buffer.len())..];
        let shown = String::from_utf8_lossy(&rest[..rest.len().min(400)]).into_owned();
        Broken { reason, offset, index, message: message.into(), excerpt: (!shown.is_empty()).then_some(shown) }
    }
}

/// Behind a tag, comment, section or instruction.
fn end_of_markup(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'<', b'!', b'-', b'-', ..] => memmem::find(&bytes[4..], b"-->").map(|at| at + 7),
        [b'<', b'!', b'[', ..] => memmem::find(bytes, b"]]>").map(|at| at + 3),
        [b'<', b'?', ..] => memmem::find(bytes, b"?>").map(|at| at + 2),
        _ => end_of_tag(bytes),
    }
}

/// Behind the `>` of a tag; one within an attribute's quotes does not count.
fn end_of_tag(bytes: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'>') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Reads a record: attributes are `@name`, the text of an element that has other things, too, is
/// `#text`; what stands several times is a list.
pub(crate) fn read(text: &str) -> Result<Value, Defect> {
    parse(text, &mut Vec::new())
}

/// What a record says before it is malformed. Of elements that are open then, what they contain.
pub(crate) fn what_is_there(text: &str) -> Value {
    let mut open = Vec::new();
    parse(text, &mut open).unwrap_or_else(|_| {
        let fold = |inner: Option<Element>, mut element: Element| {
            element.text.clear();
            if let Some(inner) = inner {
                element.add(inner);
            }
            Some(element)
        };
        open.into_iter().rev().fold(None, fold).map_or(Value::None, Element::value)
    })
}

fn parse(text: &str, stack: &mut Vec<Element>) -> Result<Value, Defect> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(0);
        let event = reader.read_event().map_err(|error| malformed(error, at, text))?;
        match event {
            Event::Start(start) => {
                if stack.len() >= DEPTH {
                    return Err(Defect::new(
                        Reason::RecordTooDeep,
                        format!("elements within each other, more than {DEPTH}"),
                    )
                    .at(at));
                }
                stack.push(Element::open(&start).map_err(|message| malformed(message, at, text))?);
            }
            Event::Empty(start) => {
                let element = Element::open(&start).map_err(|message| malformed(message, at, text))?;
                match stack.last_mut() {
                    Some(parent) => parent.add(element),
                    None => return Ok(element.value()),
                }
            }
            Event::End(_) => {
                let Some(element) = stack.pop() else { return Err(malformed("an end without a beginning", at, text)) };
                match stack.last_mut() {
                    Some(parent) => parent.add(element),
                    None => return Ok(element.value()),
                }
            }
            Event::Text(part) => {
                if let Some(element) = stack.last_mut() {
                    element.text.push_str(&part);
                }
            }
            Event::CData(part) => {
                if let Some(element) = stack.last_mut() {
                    element.text.push_str(&part);
                }
            }
            Event::GeneralRef(reference) => {
                let character = resolved(&reference).map_err(|message| malformed(message, at, text))?;
                if let Some(element) = stack.last_mut() {
                    element.text.push_str(&character);
                }
            }
            Event::Eof => return Err(malformed("the record ends within an element", at, text)),
            Event::DocType(_) => return Err(malformed("a document type declaration", at, text)),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn malformed(said: impl std::fmt::Display, at: usize, text: &str) -> Defect {
    let begin = (0..=at.min(text.len()).saturating_sub(20)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Defect::new(Reason::MalformedXml, format!("the record is not well-formed XML: {said}"))
        .at(at.min(text.len()))
        .value(&text[begin..])
}

/// What a reference stands for: a character by number, one of XML's five, or a name that HTML has,
/// which many feeds use without declaring it.
pub(crate) fn resolved(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.to_string());
    }
    let name = &**reference;
    let written = format!("&{name};");
    let decoded = feeds::helpers::without_entities(&written);
    match name {
        "apos" => Ok("'".to_owned()),
        _ if *decoded != *written => Ok(decoded.into_owned()),
        _ => Err(format!("the entity {written} is known neither in XML nor in HTML")),
    }
}

struct Element {
    name: String,
    entries: BTreeMap<String, Value>,
    text: String,
}

impl Element {
    fn open(start: &BytesStart<'_>) -> Result<Self, String> {
        let name = start.name().as_ref().to_owned();
        let mut entries = BTreeMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let key = attribute.key.as_ref().to_owned();
            let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| error.to_string())?.into_owned();
            entries.insert(format!("@{key}"), Value::Text(value));
        }
        Ok(Self { name, entries, text: String::new() })
    }

    fn add(&mut self, child: Self) {
        let name = child.name.clone();
        let value = child.value();
        match self.entries.get_mut(&name) {
            None => {
                self.entries.insert(name, value);
            }
            Some(Value::List(values)) => values.push(value),
            Some(first) => {
                let first_value = std::mem::replace(first, Value::None);
                *first = Value::List(vec![first_value, value]);
            }
        }
    }

    fn value(self) -> Value {
        let text = self.text.trim();
        if self.entries.is_empty() {
            return if text.is_empty() { Value::None } else { Value::Text(text.to_owned()) };
        }
        let mut entries = self.entries;
        if !text.is_empty() {
            entries.insert("#text".to_owned(), Value::Text(text.to_owned()));
        }
        Value::Object(entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(feed: &[u8], piece: usize) -> (Vec<String>, Result<(), Broken>) {
        let mut splitter = Splitter::resume("item", 0, 0, Limits::default());
        let mut records = Vec::new();
        let mut sink = |piece: Piece<'_>| records.push(String::from_utf8_lossy(piece.bytes).into_owned());
        let mut end = Ok(());
        for bytes in feed.chunks(piece.max(1)) {
            end = end.and_then(|()| splitter.push(bytes, &mut sink));
        }
        end = end.and_then(|()| splitter.finish(&mut sink));
        (records, end)
    }

    const FEED: &str = "<?xml version=\"1.0\"?><!-- <item>no</item> --><rss><channel><title>a > b</title>\
        <item a=\"1 > 0\"><g:id>1</g:id><![CDATA[</item>]]></item><items/><item/>\n<item><item>inner</item></item></channel></rss>";

    #[test]
    fn records_are_found_wherever_the_pieces_are_cut() {
        for piece in 1..FEED.len() {
            let (records, end) = split(FEED.as_bytes(), piece);
            assert_eq!(
                records,
                [
                    "<item a=\"1 > 0\"><g:id>1</g:id><![CDATA[</item>]]></item>",
                    "<item/>",
                    "<item><item>inner</item></item>"
                ]
            );
            assert_eq!(end, Ok(()));
        }
    }

    #[test]
    fn what_is_hostile_or_cut_off_says_so() {
        let reason = |feed: &str| split(feed.as_bytes(), 7).1.unwrap_err().reason;
        assert_eq!(reason("<!DOCTYPE x [<!ENTITY a \"b\">]><rss><item/></rss>"), Reason::UnknownFormat);
        assert_eq!(reason("<rss><item><a>"), Reason::Truncated);
        assert_eq!(reason("<rss><item a=\""), Reason::Truncated);
        assert_eq!(reason(""), Reason::EmptyFeed);
        assert_eq!(reason("id,name"), Reason::MalformedXml);
    }

    #[test]
    fn a_record_over_its_limit_is_told_of_and_passed_over() {
        let limits = Limits { record_bytes: 200, excerpt_bytes: 20, ..Limits::default() };
        let feed = format!("<r><item>{}</item><item>b</item></r>", "a".repeat(900));
        let mut splitter = Splitter::resume("item", 0, 0, limits);
        let mut seen = Vec::new();
        let mut sink = |piece: Piece<'_>| {
            seen.push((piece.index, piece.offset, piece.bytes.len(), piece.defect.map(|defect| defect.reason)))
        };
        for bytes in feed.as_bytes().chunks(50) {
            splitter.push(bytes, &mut sink).unwrap();
        }
        splitter.finish(&mut sink).unwrap();
        assert_eq!(seen, [(0, 3, 20, Some(Reason::RecordTooLarge)), (1, 916, 14, None)]);
    }

    #[test]
    fn records_are_read() {
        let value = read("<item xmlns:g=\"u\"><g:price currency=\"EUR\">9 &amp; &#65;</g:price><t>a</t><t><![CDATA[<b>]]></t><e/></item>").unwrap();
        let Value::Object(entries) = value else { panic!("an object") };
        assert_eq!(
            entries["g:price"],
            Value::Object(
                [("@currency".into(), Value::Text("EUR".into())), ("#text".into(), Value::Text("9 & A".into()))].into()
            )
        );
        assert_eq!(entries["t"], Value::List(vec![Value::Text("a".into()), Value::Text("<b>".into())]));
        assert_eq!(read("<item>&lol;</item>").unwrap_err().reason, Reason::MalformedXml);
        assert_eq!(read("<item><a></b></item>").unwrap_err().reason, Reason::MalformedXml);
        let deep = format!("<item>{}{}</item>", "<a>".repeat(100), "</a>".repeat(100));
        assert_eq!(read(&deep).unwrap_err().reason, Reason::RecordTooDeep);
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(
            parts in proptest::collection::vec(proptest::sample::select(vec![
                "<item>", "</item>", "<item/>", "<a>", "</a>", "<!--", "-->", "<![CDATA[", "]]>", "<?x?>", "text", "\"", "'", "<item b='>'>", "&amp;", "<", ">", "é",
            ]), 0..14),
            piece in 1usize..9,
        ) {
            let feed = parts.concat();
            let (whole, end) = split(feed.as_bytes(), feed.len().max(1));
            let (cut, cut_end) = split(feed.as_bytes(), piece);
            prop_assert_eq!(&whole, &cut);
            prop_assert_eq!(end.is_ok(), cut_end.is_ok());
            for record in whole {
                let _ = read(&record);
            }
        }
    }
}
