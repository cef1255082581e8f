//! How much of a text is taken for markup (D59).
//!
//! A few thousand characters can stand for a tree as deep as they are many, and a few tags that are
//! never closed are opened again in every paragraph: 21 kB become 16 MB. Cleaning builds that tree.
//! So a parser without a tree goes ahead of it, a tag at a time, and stops where the tree would get
//! deeper, larger or longer than any description is. What is beyond is text.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{Attribute, ExpandedName, ParseOpts, QualName, local_name, ns, parse_fragment};

/// Elements in each other.
pub(super) const DEEPEST: u32 = 100;
/// Elements in all.
pub(super) const MOST_ELEMENTS: u32 = 10_000;
/// Bytes that the tags and attributes of all elements take when they are written.
pub(super) const MOST_MARKUP: usize = 500_000;
/// White space, quotes and slashes between two `<`: more than these would be attributes by the
/// thousand, each compared with all before.
pub(super) const MOST_MARKS: usize = 4_000;

/// What a parser found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measured {
    /// Bytes from the beginning that are taken for markup.
    pub(super) markup: usize,
    /// Elements that they stand for.
    pub(super) elements: u32,
}

/// How much of a text is within the bounds.
pub(super) fn measure(text: &str) -> Measured {
    let seen = Rc::<Seen>::default();
    let root = QualName::new(None, ns!(html), local_name!("div"));
    let mut parser = parse_fragment(Sink(Rc::clone(&seen)), ParseOpts::default(), root, vec![], false);
    // Where the last thing ended that the parser has told of, and how many elements there were.
    let mut within = Measured { markup: 0, elements: 0 };
    let mut from = 0;
    while from < text.len() {
        // By bytes: a text may begin with a letter of several, and `<` is one in no letter.
        let to = text.bytes().skip(from + 1).position(|byte| byte == b'<').map_or(text.len(), |at| from + 1 + at);
        let piece = &text[from..to];
        if too_many_marks(piece) {
            return within;
        }
        let told = seen.told.get();
        parser.process(StrTendril::from_slice(piece));
        if !seen.within() {
            return within;
        }
        // An end tag right after something known: the parser need not tell of it.
        let ended =
            from == within.markup && piece.starts_with("</") && piece.contains('>') && !piece.contains(['"', '\'']);
        if seen.told.get() > told || ended {
            within = Measured { markup: to, elements: seen.elements.get() };
        }
        from = to;
    }
    Measured { markup: text.len(), elements: seen.elements.get() }
}

fn too_many_marks(piece: &str) -> bool {
    let Some(tag) = piece.strip_prefix('<').map(|rest| rest.split_once('>').map_or(rest, |(tag, _)| tag)) else {
        return false;
    };
    tag.bytes().filter(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'/')).count() > MOST_MARKS
}

/// What the parser has told of.
#[derive(Debug, Default)]
struct Seen {
    told: Cell<u64>,
    elements: Cell<u32>,
    deepest: Cell<u32>,
    markup: Cell<usize>,
}

impl Seen {
    fn within(&self) -> bool {
        self.elements.get() <= MOST_ELEMENTS && self.deepest.get() <= DEEPEST && self.markup.get() <= MOST_MARKUP
    }

    fn hear(&self) {
        self.told.set(self.told.get() + 1);
    }
}

/// A tree without branches: every node knows its name and depth.
struct Sink(Rc<Seen>);

struct Node {
    name: QualName,
    depth: Cell<u32>,
}

type Handle = Rc<Node>;

impl Sink {
    fn node(&self, name: QualName) -> Handle {
        self.0.hear();
        Rc::new(Node { name, depth: Cell::new(0) })
    }

    fn nameless(&self) -> Handle {
        self.node(QualName::new(None, ns!(), local_name!("")))
    }

    fn place(&self, child: NodeOrText<Handle>, depth: u32) {
        self.0.hear();
        if let NodeOrText::AppendNode(node) = child {
            node.depth.set(depth);
            self.0.deepest.set(self.0.deepest.get().max(depth));
        }
    }
}

impl TreeSink for Sink {
    type Handle = Handle;
    type Output = ();
    type ElemName<'a> = ExpandedName<'a>;

    fn finish(self) {}

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Handle {
        self.nameless()
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> ExpandedName<'a> {
        target.name.expanded()
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _: ElementFlags) -> Handle {
        let seen = &self.0;
        // `<name></name>`, and ` name="value"`.
        let tags = 2 * name.local.len() + 5;
        let attributes: usize = attributes.iter().map(|one| one.name.local.len() + one.value.len() + 4).sum();
        seen.markup.set(seen.markup.get() + tags + attributes);
        seen.elements.set(seen.elements.get() + 1);
        self.node(name)
    }

    fn create_comment(&self, _: StrTendril) -> Handle {
        self.nameless()
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Handle {
        self.nameless()
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.place(child, parent.depth.get() + 1);
    }

    fn append_based_on_parent_node(&self, element: &Handle, _: &Handle, child: NodeOrText<Handle>) {
        self.place(child, element.depth.get());
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        self.place(child, sibling.depth.get());
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {
        self.0.hear();
    }

    fn get_template_contents(&self, target: &Handle) -> Handle {
        Rc::clone(target)
    }

    fn same_node(&self, x: &Handle, y: &Handle) -> bool {
        Rc::ptr_eq(x, y)
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn add_attrs_if_missing(&self, _: &Handle, _: Vec<Attribute>) {}

    fn remove_from_parent(&self, _: &Handle) {}

    fn reparent_children(&self, _: &Handle, _: &Handle) {}
}
