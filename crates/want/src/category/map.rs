//! The table from a source's categories to the shop's.

use std::collections::HashMap;

use super::pattern::{Levels, Pattern};
use crate::flaw::Place;
use crate::text::Glob;

/// Where a category belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Categories of the shop.
    pub to: Vec<usize>,
    pub place: Place,
}

#[derive(Debug, Clone)]
struct Entry {
    source: Vec<Glob>,
    target: usize,
}

impl Entry {
    fn is_for(&self, source: &str) -> bool {
        self.source.is_empty() || self.source.iter().any(|glob| glob.matches(source))
    }
}

/// The table. The entry that names the most levels of a path counts, of several such the first.
#[derive(Debug, Clone, Default)]
pub struct Map {
    targets: Vec<Target>,
    by_id: HashMap<String, Vec<Entry>>,
    by_path: HashMap<Vec<String>, Vec<Entry>>,
    wild: Vec<(Pattern, Entry)>,
}

impl Map {
    pub fn add(&mut self, from: Vec<Pattern>, source: &[Glob], target: Target) {
        let entry = Entry { source: source.to_vec(), target: self.targets.len() };
        self.targets.push(target);
        for pattern in from {
            match pattern {
                Pattern::Id(id) => self.by_id.entry(id).or_default().push(entry.clone()),
                Pattern::Literal(names) => self.by_path.entry(names).or_default().push(entry.clone()),
                wild @ Pattern::Path(_) => self.wild.push((wild, entry.clone())),
            }
        }
    }

    /// Where a path of a source belongs, if the table says so.
    #[must_use]
    pub fn look(&self, source: &str, path: &Levels) -> Option<&Target> {
        let mut best: Option<(usize, usize)> = None;
        let mut offer = |depth: usize, entry: &Entry| {
            // Deeper is better, then earlier.
            let better = best.is_none_or(|(known, target)| (depth, target) > (known, entry.target));
            if entry.is_for(source) && better {
                best = Some((depth, entry.target));
            }
        };
        for (at, id) in path.ids().iter().enumerate() {
            self.by_id.get(id).into_iter().flatten().for_each(|entry| offer(at + 1, entry));
        }
        for names in path.names() {
            for depth in 1..=names.len() {
                self.by_path.get(&names[..depth]).into_iter().flatten().for_each(|entry| offer(depth, entry));
            }
        }
        for (pattern, entry) in &self.wild {
            if let Some(depth) = pattern.depth(path) {
                offer(depth, entry);
            }
        }
        best.map(|(_, target)| &self.targets[target])
    }

    /// Whether nothing is mapped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use catalog::{Category, CategoryPath, Localized};

    use super::*;

    fn map(entries: &[(&str, &str)]) -> Map {
        let mut map = Map::default();
        for (n, (from, source)) in entries.iter().enumerate() {
            let source: Vec<Glob> = (!source.is_empty()).then(|| Glob::new(source).unwrap()).into_iter().collect();
            map.add(vec![Pattern::new(from).unwrap()], &source, Target { to: vec![n], place: Place::default() });
        }
        map
    }

    fn look(map: &Map, source: &str, path: &[&str]) -> Option<usize> {
        let category = |name: &&str| Category { id: name.to_lowercase(), name: Localized::default().with("en", name) };
        let path = CategoryPath(path.iter().map(category).collect());
        map.look(source, &Levels::of(&path)).map(|target| target.to[0])
    }

    #[test]
    fn the_entry_that_names_the_most_levels_counts_wherever_it_stands() {
        let map =
            map(&[("Women", ""), ("Women > Shoes", ""), ("** > Boots", ""), ("#shoes", "b"), ("Women > Shoes", "")]);
        assert_eq!(look(&map, "a", &["Women"]), Some(0));
        assert_eq!(look(&map, "a", &["Women", "Hats"]), Some(0));
        assert_eq!(look(&map, "a", &["Women", "Shoes"]), Some(1), "of two alike the first");
        assert_eq!(look(&map, "b", &["Women", "Shoes"]), Some(1));
        assert_eq!(look(&map, "b", &["Men", "Shoes", "Red"]), Some(3));
        assert_eq!(look(&map, "a", &["Men", "Shoes", "Red"]), None, "of another source");
        assert_eq!(look(&map, "a", &["Women", "Shoes", "Boots", "Red"]), Some(2));
        assert_eq!(look(&map, "a", &[]), None);
    }
}
