//! A list of records inside a document: `{"data": [{…}, …]}`, as many an interface answers.
//!
//! Found by its head alone, so that the list streams by like any other: keys that are usual for it,
//! each within the one before, and at the end of them a list of objects. What stands beside it
//! (counts, pages, links) is passed over.

use serde_json::Value;

/// Keys that lead to a list of records.
const LEADING: [&str; 24] = [
    "body",
    "catalog",
    "content",
    "data",
    "entries",
    "goods",
    "hits",
    "initialState",
    "items",
    "list",
    "page",
    "pageProps",
    "payload",
    "productList",
    "products",
    "props",
    "records",
    "response",
    "result",
    "results",
    "rows",
    "state",
    "d",
    "value",
];
/// Bytes within which the list has to begin.
pub(super) const HEAD: usize = 64 << 10;
/// Objects around the list.
const DEEPEST: u32 = 4;

/// What the head of a document shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// Too little of it is there.
    Unknown,
    /// A document like any other.
    Plain,
    /// A list begins behind so many bytes, within so many objects.
    List {
        /// Bytes up to and including the `[`.
        begin: usize,
        /// Objects that have to be closed behind it.
        depth: u32,
    },
}

/// Looks at the beginning of a document that begins with `{`; `last` says that nothing follows.
pub(super) fn head(bytes: &[u8], last: bool) -> Head {
    let looked_at = &bytes[..bytes.len().min(HEAD)];
    let mut cursor = Cursor { bytes: looked_at, at: 0 };
    match cursor.object(1) {
        Some(found) => found,
        None if last || bytes.len() >= HEAD => Head::Plain,
        None => Head::Unknown,
    }
}

/// Where the list begins to which `path` leads, one key within the other, and within how many
/// objects: as [`Head::List`]. `None` while it is not there.
pub fn at_path(bytes: &[u8], path: &[String]) -> Option<(usize, u32)> {
    let mut cursor = Cursor { bytes, at: 0 };
    let (last, leading) = path.split_last()?;
    for key in leading {
        cursor.enter(key)?;
    }
    cursor.enter_object()?;
    cursor.find(last)?;
    cursor.take(b'[')?.then_some((cursor.at, u32::try_from(path.len()).ok()?))
}

struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Cursor<'_> {
    /// Into the object, and to the value of a key that is an object itself.
    fn enter(&mut self, key: &str) -> Option<()> {
        self.enter_object()?;
        self.find(key)
    }

    fn enter_object(&mut self) -> Option<()> {
        self.take(b'{')?.then_some(())
    }

    /// To the value of a key of the object that is open.
    fn find(&mut self, key: &str) -> Option<()> {
        loop {
            if self.take(b',')? {
                continue;
            }
            if self.peek()? != b'"' {
                return None;
            }
            let begin = self.at + 1;
            self.string()?;
            let found = &self.bytes[begin..self.at - 1] == key.as_bytes();
            if !self.take(b':')? {
                return None;
            }
            if found {
                return Some(());
            }
            self.skip()?;
        }
    }

    /// The next byte that is no white space, not consumed.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> Option<bool> {
        let found = self.peek()? == wanted;
        self.at += usize::from(found);
        Some(found)
    }

    /// Reads an object from its bracket to its end; `None` where the bytes end. A list ends the
    /// search.
    fn object(&mut self, depth: u32) -> Option<Head> {
        if !self.take(b'{')? {
            return Some(Head::Plain);
        }
        loop {
            match self.peek()? {
                b'}' => {
                    self.at += 1;
                    return Some(Head::Plain);
                }
                b',' => self.at += 1,
                b'"' => {
                    let begin = self.at + 1;
                    self.string()?;
                    let name = &self.bytes[begin..self.at - 1];
                    let leads = LEADING.iter().any(|key| key.as_bytes() == name);
                    if !self.take(b':')? {
                        return Some(Head::Plain);
                    }
                    if let found @ Head::List { .. } = self.value(leads, depth)? {
                        return Some(found);
                    }
                }
                _ => return Some(Head::Plain),
            }
        }
    }

    fn value(&mut self, leads: bool, depth: u32) -> Option<Head> {
        match self.peek()? {
            b'[' if leads => {
                let begin = self.at + 1;
                let list = Cursor { bytes: self.bytes, at: begin }.peek()?;
                if list == b'{' {
                    return Some(Head::List { begin, depth });
                }
                self.skip()
            }
            b'{' if leads && depth < DEEPEST => self.object(depth + 1),
            _ => self.skip(),
        }
    }

    /// Passes a value over.
    fn skip(&mut self) -> Option<Head> {
        match self.peek()? {
            b'"' => self.string()?,
            b'{' | b'[' => self.at += super::Scanner::default().end_of_value(&self.bytes[self.at..])?,
            _ => {
                let rest = &self.bytes[self.at..];
                self.at += rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']'))?;
            }
        }
        Some(Head::Plain)
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match *self.bytes.get(self.at)? {
                b'\\' => self.at += 2,
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                _ => self.at += 1,
            }
        }
    }
}

/// Where in a document lists of objects stand, and objects with one of these keys: at most three
/// places of each, for a message.
pub(crate) fn places(document: &Value, keys: &[&str]) -> (Vec<String>, Vec<String>) {
    let (mut lists, mut objects) = (Vec::new(), Vec::new());
    look(document, "$", 0, keys, &mut lists, &mut objects);
    lists.truncate(3);
    objects.truncate(3);
    (lists, objects)
}

fn look(value: &Value, path: &str, depth: u32, keys: &[&str], lists: &mut Vec<String>, objects: &mut Vec<String>) {
    let Value::Object(fields) = value else { return };
    if depth > 0 && fields.keys().any(|name| keys.contains(&name.as_str())) {
        objects.push(path.to_owned());
        return;
    }
    for (name, inner) in fields {
        let path = format!("{path}.{}", crate::reason::shorten(name, 40));
        match inner {
            Value::Array(entries) if entries.first().is_some_and(Value::is_object) => lists.push(path),
            Value::Object(_) if depth < 4 => look(inner, &path, depth + 1, keys, lists, objects),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_found_behind_the_keys_that_lead_to_it() {
        for (document, depth) in [
            (r#"{"data":[{"a":1}]}"#, Some(1)),
            ("{\n \"total\": 3, \"links\": {\"next\": \"]}\"},\n \"products\" : [ {", Some(1)),
            (r#"{"props":{"x":[1,2],"pageProps":{"products":[{"#, Some(3)),
            (r#"{"code":"0","data":{"items":[{"#, Some(2)),
            (r#"{"code":"0","info":{"productInfo":{"data":[{}]}}}"#, None),
            (r#"{"source":"s","id":"1","variants":[{"a":1}]}"#, None),
            (r#"{"data":[1,2]}"#, None),
            (r#"{"data":[]}"#, None),
            (r#"{"data":{"data":{"data":{"data":{"data":[{}]}}}}}"#, None),
        ] {
            let found = head(document.as_bytes(), true);
            match (found, depth) {
                (Head::List { begin, depth }, Some(wanted)) => {
                    assert_eq!(depth, wanted, "{document}");
                    assert_eq!(document.as_bytes()[begin - 1], b'[', "{document}");
                }
                (found, wanted) => assert!(found == Head::Plain && wanted.is_none(), "{document}: {found:?}"),
            }
        }
    }

    #[test]
    fn it_does_not_depend_on_how_much_is_there() {
        let document = br#"{"total":3,"text":"a\"[{","data":{"items":[{"a":1}]}}"#;
        let whole = head(document, true);
        assert!(matches!(whole, Head::List { depth: 2, .. }));
        for end in 1..document.len() {
            let found = head(&document[..end], false);
            assert!(found == Head::Unknown || found == whole, "{end}: {found:?}");
        }
    }
}
