//! Where objects live in Pimcore, and why the folders themselves cannot be addressed.
//!
//! Data Hub's mutations do not check what a path points to: an update of `/catalog/products`
//! renames the folder and so hides every product in it, a delete removes them all. So no operation
//! of this crate takes a path as text. It takes one of the types below, which can only be made from
//! a key or from a path that has been found to lie *inside* its folder.

use std::fmt;

use catalog::ProductKey;

pub const PRODUCT_FOLDER: &str = "/catalog/products";
/// The root of the category tree.
pub const CATEGORY_FOLDER: &str = "/catalog/categories";

/// Characters of an object key that Pimcore keeps; it cuts longer ones silently.
const MAX_KEY_CHARS: usize = 255;

/// An object's key, the last part of its path: 1 to 255 of `A-Z a-z 0-9 . _ -`.
///
/// Pimcore rewrites keys without saying so (trims them, replaces `/` and emoji, cuts at 255), so a
/// key is made only of characters that it leaves alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// `source-id`. Where that needs a character replaced or the text cut, or has a capital letter,
    /// eight hexadecimal digits of the original's hash follow, so that two ids that look alike
    /// afterwards, or to a database that knows no case, still have keys of their own. An object
    /// that is there already keeps its key: it is found by its id.
    #[must_use]
    pub fn of(source: &str, id: &str) -> Self {
        let plain = format!("{source}-{id}");
        let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let caseless = |c: char| kept(c) && !c.is_ascii_uppercase();
        if plain.len() <= MAX_KEY_CHARS && plain.chars().all(caseless) {
            return Self(plain);
        }
        let hash = blake3::hash(plain.as_bytes()).to_hex();
        let mut text: String =
            plain.chars().map(|c| if kept(c) { c } else { '-' }).take(MAX_KEY_CHARS - 1 - 8).collect();
        text.push('-');
        text.push_str(&hash[..8]);
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path of one product, inside [`PRODUCT_FOLDER`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductPath(String);

impl ProductPath {
    /// Where the product with this key lives.
    #[must_use]
    pub fn of(key: &ProductKey) -> Self {
        Self(format!("{PRODUCT_FOLDER}/{}", Self::key_of(key)))
    }

    /// A path that Pimcore gave us; `None` unless it lies inside the product folder. People may
    /// have sorted products into folders of their own there.
    #[must_use]
    pub fn parse(fullpath: &str) -> Option<Self> {
        inside(PRODUCT_FOLDER, fullpath).then(|| Self(fullpath.to_owned()))
    }

    #[must_use]
    pub fn key_of(key: &ProductKey) -> ObjectKey {
        ObjectKey::of(key.source(), key.id())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProductPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a path names something below a folder: at least one part more, and none that is empty or
/// points elsewhere.
fn inside(folder: &str, fullpath: &str) -> bool {
    let usable = |part: &str| !part.is_empty() && part != "." && part != "..";
    let below = fullpath.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    below.is_some_and(|below| below.split('/').all(usable))
}

/// The path of one category, somewhere below [`CATEGORY_FOLDER`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CategoryPath(String);

impl CategoryPath {
    /// A path that Pimcore gave us; `None` unless it lies below the category folder.
    #[must_use]
    pub fn parse(fullpath: &str) -> Option<Self> {
        inside(CATEGORY_FOLDER, fullpath).then(|| Self(fullpath.to_owned()))
    }

    /// Its last part.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, key)| key)
    }

    /// A new category's path: below `parent`, or at the root of the tree.
    #[must_use]
    pub fn below(parent: Option<&Self>, key: &ObjectKey) -> Self {
        Self(format!("{}/{key}", parent.map_or(CATEGORY_FOLDER, Self::as_str)))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CategoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> ProductKey {
        text.parse().unwrap()
    }

    #[test]
    fn a_plain_id_is_readable_in_the_path() {
        assert_eq!(ProductPath::of(&key("shein-api:90854097")).as_str(), "/catalog/products/shein-api-90854097");
    }

    #[test]
    fn ids_that_look_alike_after_replacing_keep_paths_of_their_own() {
        // As MySQL compares them, in capital letters.
        let ids = ["s:a b", "s:a/b", "s:a:b", "s:a-b", "s:A-b", "s:a-B", "s:A-B", "s:قميص", "s:\u{1f455}"];
        let paths: Vec<_> = ids.iter().map(|k| ProductPath::of(&key(k)).as_str().to_ascii_uppercase()).collect();
        let mut unique = paths.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), paths.len(), "{paths:?}");
    }

    #[test]
    fn the_folder_and_what_lies_outside_are_no_category() {
        for bad in [
            "",
            "/",
            "/catalog",
            "/catalog/categories",
            "/catalog/categories/",
            "/catalog/categories//a",
            "/catalog/categories/..",
            "/catalog/categories/../products",
            "/catalog/categoriesx/a",
            "/catalog/products/a",
            "catalog/categories/a",
        ] {
            assert_eq!(CategoryPath::parse(bad), None, "{bad:?} was accepted");
        }
        assert!(CategoryPath::parse("/catalog/categories/women/shoes").is_some());
    }

    proptest! {
        #[test]
        fn keys_differ_where_ids_do_whatever_the_case(id in "[a-cA-C.-]{1,12}", flips in any::<u16>()) {
            let flip = |(place, c): (usize, char)| {
                if flips >> place & 1 == 0 { c } else if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }
            };
            let other: String = id.chars().enumerate().map(flip).collect();
            let (one, two) = (ObjectKey::of("s", &id), ObjectKey::of("s", &other));
            prop_assert_eq!(one.as_str().eq_ignore_ascii_case(two.as_str()), id == other);
            let lower = id.to_ascii_lowercase();
            let plain = ObjectKey::of("s", &lower);
            prop_assert_eq!(plain.as_str(), format!("s-{lower}"), "nothing moves");
        }

        #[test]
        fn a_product_path_is_one_safe_segment_inside_the_folder(source in "[a-z0-9-]{1,32}", id in "\\PC{1,157}") {
            prop_assume!(id.trim() == id);
            let path = ProductPath::of(&ProductKey::new(source, id).unwrap());
            let segment = path.as_str().strip_prefix("/catalog/products/").unwrap();
            prop_assert!(!segment.is_empty() && segment.len() <= 255);
            prop_assert!(segment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')));
            prop_assert!(segment != "." && segment != "..");
        }
    }
}
