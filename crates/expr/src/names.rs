//! Names in an expression: what it reads and calls, and how a supplier's column is called in it.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::CharIndices;

/// A name that stands in an expression outside texts and comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'t> {
    pub(crate) text: &'t str,
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// A bracket follows.
    pub(crate) called: bool,
    /// A point stands before it.
    pub(crate) member: bool,
}

/// Every name, in order.
pub(crate) fn names(text: &str) -> Vec<Name<'_>> {
    let mut scan =
        Scan { text, rest: text.char_indices().peekable(), line: 1, column: 0, braces: Vec::new(), found: Vec::new() };
    let mut before = ' ';
    while let Some((at, c)) = scan.next() {
        match c {
            '"' | '\'' => scan.quoted(c),
            '`' => scan.back_quoted(),
            '}' if scan.braces.last() == Some(&0) => {
                scan.braces.pop();
                scan.back_quoted();
            }
            '{' => scan.brace(|open| open + 1),
            '}' => scan.brace(|open| open.saturating_sub(1)),
            '/' if scan.rest.peek().is_some_and(|(_, next)| *next == '/') => scan.skip(|inner| inner != '\n'),
            c if c == '_' || c.is_alphabetic() => scan.name(at, before == '.'),
            c if c.is_ascii_digit() => scan.skip(|inner| inner == '_' || inner.is_alphanumeric()),
            _ => {}
        }
        if !c.is_whitespace() {
            before = c;
        }
    }
    scan.found
}

/// A look through an expression, from sign to sign.
struct Scan<'t> {
    text: &'t str,
    rest: Peekable<CharIndices<'t>>,
    line: usize,
    column: usize,
    /// Braces open within each `${…}` of a back-quoted text: what is in there is looked into like
    /// any other.
    braces: Vec<usize>,
    found: Vec<Name<'t>>,
}

impl<'t> Scan<'t> {
    fn next(&mut self) -> Option<(usize, char)> {
        let next = self.rest.next()?;
        (self.line, self.column) = if next.1 == '\n' { (self.line + 1, 0) } else { (self.line, self.column + 1) };
        Some(next)
    }

    /// Passes over signs of this kind, none of which ends a line.
    fn skip(&mut self, is: impl Fn(char) -> bool) {
        while self.rest.next_if(|(_, c)| is(*c)).is_some() {
            self.column += 1;
        }
    }

    fn quoted(&mut self, quote: char) {
        let mut escaped = false;
        while let Some((_, c)) = self.next() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == quote => break,
                _ => {}
            }
        }
    }

    /// Passes over a back-quoted text, to its end or to the next `${` in it.
    fn back_quoted(&mut self) {
        let mut dollar = false;
        while let Some((_, c)) = self.next() {
            match c {
                '`' => break,
                '{' if dollar => {
                    self.braces.push(0);
                    break;
                }
                _ => {}
            }
            dollar = c == '$';
        }
    }

    fn brace(&mut self, count: impl Fn(usize) -> usize) {
        if let Some(open) = self.braces.last_mut() {
            *open = count(*open);
        }
    }

    fn name(&mut self, at: usize, member: bool) {
        let (line, column) = (self.line, self.column);
        self.skip(|c| c == '_' || c.is_alphanumeric());
        let end = self.rest.peek().map_or(self.text.len(), |(at, _)| *at);
        let called = self.text[end..].trim_start().starts_with('(');
        self.found.push(Name { text: &self.text[at..end], line, column, called, member });
    }
}

/// The names in an expression that may be fields; names that it gives itself are among them.
#[must_use]
pub fn names_in(text: &str) -> Vec<&str> {
    names(text).into_iter().filter(|name| !name.member && !name.called).map(|name| name.text).collect()
}

/// The texts in an expression whose texts are in double quotes, quotes included.
pub(crate) fn texts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let begin = rest.find('"')?;
        let inside = &rest[begin + 1..];
        let mut escaped = false;
        let end = inside.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        let found = &rest[begin..begin + end + 2];
        rest = &rest[begin + end + 2..];
        Some(found)
    })
}

/// The same expression with all its texts in double quotes: the language takes single ones for
/// characters, which are no texts.
pub(crate) fn double_quoted(text: &str) -> Cow<'_, str> {
    if !text.contains('\'') {
        return Cow::Borrowed(text);
    }
    let mut changed = String::with_capacity(text.len());
    let mut inside = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (inside, c) {
            (Some('\''), '"') => changed.push_str("\\\""),
            (Some('"' | '\''), '\\') => {
                let escaped = rest.next();
                // Within double quotes there is no such escape.
                if escaped != Some('\'') {
                    changed.push(c);
                }
                changed.extend(escaped);
            }
            (Some(quote), _) if quote == c => {
                inside = None;
                changed.push(if c == '\'' { '"' } else { c });
            }
            (None, '"' | '`' | '\'') => {
                inside = Some(c);
                changed.push(if c == '\'' { '"' } else { c });
            }
            (None, '/') if rest.peek() == Some(&'/') => {
                inside = Some('\n');
                changed.push(c);
            }
            _ => changed.push(c),
        }
    }
    Cow::Owned(changed)
}

/// How a column or key is called in expressions: in small letters, with `_` for everything that no
/// name may have. `Variant Price` is `variant_price`, `g:price` is `g_price`.
#[must_use]
pub fn identifier(column: &str) -> String {
    let mut name = String::with_capacity(column.len());
    for c in column.trim().chars() {
        if c.is_ascii_alphanumeric() || c == '_' || (c.is_alphanumeric() && crate::engine::is_name(&format!("c{c}"))) {
            name.extend(c.to_lowercase());
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
    }
    name.truncate(name.trim_end_matches('_').len());
    let begins = name.trim_start_matches('_').chars().next();
    if !begins.is_some_and(|c| crate::engine::is_name(&c.to_string())) {
        name.insert(0, 'c');
    }
    // Words that the language keeps for itself.
    if crate::engine::is_name(&name) { name } else { format!("{name}_") }
}

/// The one of `known` that was perhaps meant by `name`.
#[must_use]
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|one| (strsim::jaro_winkler(&lower, &one.to_lowercase()), one))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, one)| one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<&str> {
        names(text).into_iter().filter(|name| !name.member && !name.called).map(|name| name.text).collect()
    }

    #[test]
    fn names_stand_outside_texts_and_comments() {
        assert_eq!(read(r#"brand + " name \" x " + size // colour"#), ["brand", "size"]);
        assert_eq!(read("`a ${b + `c ${d}` } e ${ #{f: g}.h } i` + j"), ["b", "d", "f", "g", "j"]);
        assert_eq!(read("a.b.trim() + lower(c) + 12e3"), ["a", "c"]);
        let at: Vec<_> = names("ab +\n  cd").iter().map(|name| (name.line, name.column)).collect();
        assert_eq!(at, [(1, 1), (2, 3)]);
    }

    #[test]
    fn columns_have_names() {
        for (column, name) in [
            ("Variant Price", "variant_price"),
            ("g:price", "g_price"),
            ("Meta: _wpcom_is_markdown", "meta__wpcom_is_markdown"),
            ("السعر", "السعر"),
            ("2nd image", "c2nd_image"),
            ("new", "new_"),
            ("Default", "default_"),
            ("Price (EUR) ", "price_eur"),
        ] {
            assert_eq!(identifier(column), name);
        }
    }
}
