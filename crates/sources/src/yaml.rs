//! YAML with the place of everything. Aliases, tags and second documents are refused: a mapping has
//! no use for them, and a few lines of aliases can stand for more memory than there is.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::problem::At;

/// Bytes of a mapping.
pub(crate) const MAX_BYTES: usize = 256 << 10;
/// Lists and objects within each other.
const DEPTH: usize = 32;

/// A value and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: At,
    pub(crate) data: Data,
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// Any scalar, as it is written; `plain` without quotes.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Object(Vec<(String, At, Node)>),
}

impl Node {
    /// What kind of value it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self.data {
            Data::Scalar { .. } => "a text",
            Data::List(_) => "a list",
            Data::Object(_) => "an object",
        }
    }

    /// Nothing at all, or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar { text, plain: true } if matches!(&**text, "" | "~" | "null"))
    }
}

fn at(span: Span) -> At {
    At { line: span.start.line(), column: span.start.col() + 1 }
}

/// Reads a mapping's text.
pub(crate) fn read(text: &str) -> Result<Node, (At, String)> {
    if text.len() > MAX_BYTES {
        return Err((At { line: 1, column: 1 }, format!("the mapping has more than {MAX_BYTES} bytes")));
    }
    let mut events = Events { parser: Parser::new_from_str(text) };
    loop {
        match events.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (Event::StreamEnd | Event::DocumentEnd, span) => return Err((at(span), "the mapping is empty".to_owned())),
            (event, span) => {
                let root = events.node(event, span, 0)?;
                loop {
                    match events.next()? {
                        (Event::DocumentEnd | Event::Nothing, _) => {}
                        (Event::StreamEnd, _) => return Ok(root),
                        (_, span) => {
                            return Err((at(span), "a second document begins here; a mapping is one".to_owned()));
                        }
                    }
                }
            }
        }
    }
}

struct Events<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
}

impl<'t> Events<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), (At, String)> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let mark = error.marker();
                Err((
                    At { line: mark.line().max(1), column: mark.col() + 1 },
                    format!("this is no YAML: {}", error.info()),
                ))
            }
            None => Err((At { line: 1, column: 1 }, "the mapping ends in the middle".to_owned())),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, (At, String)> {
        let place = at(span);
        if depth > DEPTH {
            return Err((place, format!("lists and objects within each other, more than {DEPTH}")));
        }
        let data = match event {
            Event::Scalar(text, style, _, None) => {
                Data::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(_, None) => {
                let mut list = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Data::List(list),
                        (event, span) => list.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(_, None) => {
                let mut entries: Vec<(String, At, Node)> = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if event == Event::MappingEnd {
                        break Data::Object(entries);
                    }
                    let key = self.node(event, span, depth + 1)?;
                    let Data::Scalar { text, .. } = key.data else {
                        return Err((key.at, format!("a name belongs here, and here is {}", key.kind())));
                    };
                    if let Some((_, first, _)) = entries.iter().find(|(name, ..)| *name == text) {
                        return Err((
                            key.at,
                            format!("{text:?} stands here a second time; the first is in line {}", first.line),
                        ));
                    }
                    let (event, span) = self.next()?;
                    let value = self.node(event, span, depth + 1)?;
                    entries.push((text, key.at, value));
                }
            }
            Event::Alias(_) => return Err((place, "aliases (*name) are not read; write it out".to_owned())),
            _ => return Err((place, "tags (!name) are not read".to_owned())),
        };
        Ok(Node { at: place, data })
    }
}
