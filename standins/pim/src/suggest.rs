//! "Did you mean …?": names that are close to an unknown one, as webonyx/graphql-php finds them.

/// At most so many names are suggested.
const MOST: usize = 5;

/// The hint with a leading blank, or nothing if no name is close enough.
pub fn did_you_mean(unknown: &str, known: &[&str]) -> String {
    let names = close(unknown, known);
    if names.is_empty() { String::new() } else { format!(" Did you mean {}?", either(&names)) }
}

/// Names within 40 % of the length plus one edits, nearest first.
fn close<'n>(unknown: &str, known: &[&'n str]) -> Vec<&'n str> {
    let mut found: Vec<(usize, &str)> = known
        .iter()
        .map(|name| (distance(unknown, name), *name))
        // distance ≤ length · 0.4 + 1, in whole numbers
        .filter(|(distance, _)| distance * 5 <= unknown.chars().count() * 2 + 5)
        .collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, name)| name).take(MOST).collect()
}

fn either(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, second] => format!("{first} or {second}"),
        [many @ .., last] => format!("{}, or {last}", many.join(", ")),
    }
}

/// Levenshtein's distance without regard to case; names that differ in case only are one apart.
fn distance(left: &str, right: &str) -> usize {
    if left != right && left.eq_ignore_ascii_case(right) {
        return 1;
    }
    let left = left.to_ascii_lowercase();
    let right: Vec<char> = right.to_ascii_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, character) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, other) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(character != *other);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_the_recorded_instance_suggests() {
        let product = ["key", "published", "externalId", "name", "description", "categories", "brand"];
        assert_eq!(did_you_mean("extraCategories", &product), " Did you mean \"categories\"?");
        assert_eq!(did_you_mean("marketingDescription", &product), " Did you mean \"description\"?");
        assert_eq!(did_you_mean("shopVisibility", &product), "");
        let mutations = ["createProduct", "deleteProduct", "updateProduct"];
        assert_eq!(
            did_you_mean("upsertProduct", &mutations),
            " Did you mean \"updateProduct\", \"createProduct\", or \"deleteProduct\"?"
        );
    }
}
