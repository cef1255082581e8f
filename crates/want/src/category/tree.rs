//! The shop's own tree.

use std::collections::HashMap;

use catalog::{Category, CategoryPath, Localized};

use super::pattern::Levels;
use crate::text::folded;

/// What ids of the shop's categories begin with. What comes behind it is the path of the ids in the
/// tree.
pub const SHOP: &str = "shop:";

/// Whether a path is one of the shop's tree.
#[must_use]
pub fn of_shop(path: &CategoryPath) -> bool {
    path.0.iter().all(|category| category.id.starts_with(SHOP)) && !path.0.is_empty()
}

/// The shop's tree: each category with all above it.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    paths: Vec<CategoryPath>,
    /// By its names, and by its ids.
    by_name: HashMap<Vec<String>, usize>,
    /// Whether it was written down. If not, it is whatever paths name.
    written: bool,
}

/// There is no such category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

/// Why a category cannot be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    Nameless,
    /// There is one of this id already.
    Taken(String),
}

impl Tree {
    /// Adds a category below another, `None` for the root.
    ///
    /// # Errors
    /// When it has no name, or an id that is there already.
    pub fn add(&mut self, above: Option<usize>, name: &Localized, id: Option<&str>) -> Result<usize, Unfit> {
        self.written = true;
        self.insert(above, name, id)
    }

    fn insert(&mut self, above: Option<usize>, name: &Localized, id: Option<&str>) -> Result<usize, Unfit> {
        let base = name.base().filter(|base| !base.trim().is_empty()).ok_or(Unfit::Nameless)?;
        let own = id.map_or_else(|| slug(base), slug);
        if own.is_empty() {
            return Err(Unfit::Nameless);
        }
        let mut path = above.map(|above| self.paths[above].clone()).unwrap_or(CategoryPath(Vec::new()));
        let id = path.0.last().map_or_else(|| format!("{SHOP}{own}"), |above| format!("{}/{own}", above.id));
        if self.paths.iter().any(|path| path.0.last().is_some_and(|last| last.id == id)) {
            return Err(Unfit::Taken(own));
        }
        path.0.push(Category { id, name: name.clone() });
        let at = self.paths.len();
        let ids = path.0.iter().map(|category| category.id.rsplit(['/', ':']).next().unwrap_or_default().to_owned());
        self.by_name.entry(ids.collect()).or_insert(at);
        for names in Levels::of(&path).names() {
            self.by_name.entry(names.clone()).or_insert(at);
        }
        self.paths.push(path);
        Ok(at)
    }

    /// The category that `A > B` names, by names or ids. In a tree that is not written down it is
    /// made.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&mut self, text: &str) -> Result<usize, Unknown> {
        let levels: Vec<&str> = text.split('>').map(str::trim).collect();
        let key: Vec<String> = levels.iter().map(|level| folded(level)).collect();
        if let Some(known) = self.by_name.get(&key) {
            return Ok(*known);
        }
        if self.written {
            return Err(Unknown);
        }
        let mut above = None;
        for depth in 1..=levels.len() {
            let name = Localized::default().with("en", levels[depth - 1]);
            above = match self.by_name.get(&key[..depth]) {
                Some(known) => Some(*known),
                None => Some(self.insert(above, &name, None).map_err(|_| Unknown)?),
            };
        }
        above.ok_or(Unknown)
    }

    /// A category with all above it.
    #[must_use]
    pub fn path(&self, at: usize) -> &CategoryPath {
        &self.paths[at]
    }

    /// All, as a person writes them.
    pub fn shown(&self) -> impl Iterator<Item = String> {
        self.paths.iter().map(shown)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}

/// A path as a person writes it.
#[must_use]
pub fn shown(path: &CategoryPath) -> String {
    let names = path.0.iter().map(|category| category.name.base().unwrap_or(&category.id));
    names.collect::<Vec<_>>().join(" > ")
}

/// A name as a word: letters and digits of any script, the rest as hyphens.
fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(en: &str) -> Localized {
        Localized::default().with("en", en)
    }

    #[test]
    fn a_category_is_found_by_names_and_ids_and_keeps_its_id_under_another_name() {
        let mut tree = Tree::default();
        let women = tree.add(None, &name("Women").with("ar", "نساء"), Some("w")).unwrap();
        let dresses = tree.add(Some(women), &name("Dresses & Skirts"), None).unwrap();
        for text in ["women > dresses & skirts", "w > dresses-skirts", "نساء > Dresses & Skirts"] {
            assert_eq!(tree.find(text), Ok(dresses), "{text}");
        }
        assert_eq!(
            tree.path(dresses).0.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(),
            ["shop:w", "shop:w/dresses-skirts"]
        );
        assert!(tree.find("Women > Shoes").is_err(), "a tree that is written down has no other categories");
        assert_eq!(tree.add(Some(women), &name("Dresses  (Skirts)"), None), Err(Unfit::Taken("dresses-skirts".into())));
        assert_eq!(tree.add(None, &name(" "), None), Err(Unfit::Nameless));
        assert!(of_shop(tree.path(dresses)));
    }

    #[test]
    fn without_a_written_tree_paths_make_it() {
        let mut tree = Tree::default();
        let shoes = tree.find("Women > Shoes").unwrap();
        let women = tree.find("women").unwrap();
        assert_eq!(
            (tree.len(), shown(tree.path(shoes)), shown(tree.path(women))),
            (2, "Women > Shoes".into(), "Women".into())
        );
        assert!(tree.find("Women > ").is_err());
    }
}
