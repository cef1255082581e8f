//! A category with all that is below it: `Women > Dresses`, `** > Shoes`, `#1727`.

use catalog::CategoryPath;

use crate::text::{Glob, folded};

/// One level of a pattern.
#[derive(Debug, Clone)]
enum Level {
    Name(Glob),
    Deep,
}

/// What stands for categories.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// A category by its id at the source.
    Id(String),
    /// A path of names without stars, folded.
    Literal(Vec<String>),
    /// Any other path.
    Path(Wild),
}

/// A path with stars.
#[derive(Debug, Clone)]
pub struct Wild(Vec<Level>);

impl Pattern {
    /// Reads one.
    ///
    /// # Errors
    /// When a level has no name.
    pub fn new(text: &str) -> Result<Self, String> {
        if let Some(id) = text.trim().strip_prefix('#') {
            return Ok(Self::Id(id.trim().to_owned()));
        }
        let mut levels = Vec::new();
        for level in text.split('>') {
            levels.push(match level.trim() {
                "" => return Err(format!("{text:?} has a level without a name; write it like Women > Dresses")),
                "**" => Level::Deep,
                name => Level::Name(Glob::new(name)?),
            });
        }
        let literal = |level: &Level| match level {
            Level::Name(Glob::Literal(name)) => Some(name.clone()),
            _ => None,
        };
        Ok(match levels.iter().map(literal).collect() {
            Some(names) => Self::Literal(names),
            None => Self::Path(Wild(levels)),
        })
    }

    /// How many levels of a path it names: the deepest category of it that it stands for. `None`
    /// for a path it has nothing to do with.
    #[must_use]
    pub fn depth(&self, path: &Levels) -> Option<usize> {
        match self {
            Self::Id(id) => path.ids.iter().rposition(|known| known == id).map(|at| at + 1),
            Self::Literal(names) => path.names.iter().any(|known| known.starts_with(names)).then_some(names.len()),
            Self::Path(Wild(levels)) => path
                .names
                .iter()
                .filter_map(|names| (1..=names.len()).rev().find(|depth| fits(levels, &names[..*depth])))
                .max(),
        }
    }
}

fn fits(levels: &[Level], names: &[String]) -> bool {
    match (levels, names) {
        ([], names) => names.is_empty(),
        ([Level::Deep, rest @ ..], names) => (0..=names.len()).any(|skipped| fits(rest, &names[skipped..])),
        ([Level::Name(glob), rest @ ..], [name, below @ ..]) => glob.matches(name) && fits(rest, below),
        ([Level::Name(_), ..], []) => false,
    }
}

/// A category path in the form in which it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    ids: Vec<String>,
    /// Its names in each language in which a level has one, folded; where a level lacks the
    /// language, in the one that it has.
    names: Vec<Vec<String>>,
}

impl Levels {
    #[must_use]
    pub fn of(path: &CategoryPath) -> Self {
        let mut languages: Vec<&String> = path.0.iter().flat_map(|category| category.name.0.keys()).collect();
        languages.sort_unstable();
        languages.dedup();
        let mut names: Vec<Vec<String>> = Vec::new();
        for language in languages {
            let in_it = path.0.iter().map(|category| {
                folded(category.name.get(language).or_else(|| category.name.base()).unwrap_or_default())
            });
            let in_it: Vec<String> = in_it.collect();
            if !names.contains(&in_it) {
                names.push(in_it);
            }
        }
        Self { ids: path.0.iter().map(|category| category.id.clone()).collect(), names }
    }

    /// Ids, from the root.
    #[must_use]
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Names from the root, once for each language.
    #[must_use]
    pub fn names(&self) -> &[Vec<String>] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use catalog::{Category, Localized};

    use super::*;

    fn path(names: &[(&str, &str)]) -> Levels {
        let category = |(n, (en, ar)): (usize, &(&str, &str))| Category {
            id: format!("{n}"),
            name: Localized::default().with("en", en).with("ar", ar),
        };
        Levels::of(&CategoryPath(names.iter().enumerate().map(category).collect()))
    }

    #[test]
    fn a_pattern_names_a_category_with_all_that_is_below_it() {
        let path = path(&[("Women", "نساء"), ("Shoes", ""), ("Red  Shoes", "")]);
        for (text, depth) in [
            ("Women", Some(1)),
            ("women > shoes", Some(2)),
            ("Women > Shoes > Red Shoes", Some(3)),
            ("نساء > Shoes", Some(2)),
            ("Women > Dresses", None),
            ("Shoes", None),
            ("** > Shoes", Some(2)),
            ("** > *Shoes", Some(3)),
            ("**", Some(3)),
            ("Women > ** > Red Shoes", Some(3)),
            ("Women > * > * > *", None),
            ("#1", Some(2)),
            ("#9", None),
        ] {
            assert_eq!(Pattern::new(text).unwrap().depth(&path), depth, "{text}");
        }
        assert!(Pattern::new("Women > ").is_err() && Pattern::new("").is_err());
    }
}
