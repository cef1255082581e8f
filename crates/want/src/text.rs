//! How texts are compared: without case, without blanks at the ends, and several blanks as one.

use regex::Regex;

/// A text in the form in which texts are compared.
#[must_use]
pub(crate) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded
}

/// A text in which `*` stands for any characters.
#[derive(Debug, Clone)]
pub enum Glob {
    /// Without a star; folded.
    Literal(String),
    Pattern(Regex),
}

impl Glob {
    /// Reads one. Everything but `*` means itself.
    ///
    /// # Errors
    /// When it is too long for the matcher.
    pub fn new(text: &str) -> Result<Self, String> {
        let folded = folded(text);
        if !folded.contains('*') {
            return Ok(Self::Literal(folded));
        }
        let parts: Vec<String> = folded.split('*').map(regex::escape).collect();
        let pattern = format!("(?s)^{}$", parts.join(".*"));
        Regex::new(&pattern).map(Self::Pattern).map_err(|_| format!("{text:?} is too long for a pattern"))
    }

    /// Whether a folded text is one of those it stands for.
    #[must_use]
    pub fn matches(&self, folded: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == folded,
            Self::Pattern(pattern) => pattern.is_match(folded),
        }
    }
}

/// Whether a folded word or phrase stands in a folded text by itself, not as a part of another
/// word.
#[must_use]
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !word.is_empty()
        && text
            .match_indices(word)
            .any(|(at, _)| !inside(text[..at].chars().next_back()) && !inside(text[at + word.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_blanks_do_not_matter_and_a_star_is_anything() {
        let glob = |text: &str, of: &str| Glob::new(text).unwrap().matches(&folded(of));
        assert!(glob("Women  Apparel", " women apparel ") && glob("ÖL", "öl"));
        assert!(
            glob("shein-*", "shein-api") && !glob("shein-*", "x-shein-api") && glob("*", "") && glob("a*c*", "abcd")
        );
        assert!(glob("M(38)", "m(38)") && !glob("M(38)", "m38") && glob("a.*", "a.b") && !glob("a.*", "axb"));
    }

    #[test]
    fn a_word_is_not_a_part_of_another() {
        assert!(
            has_word("a replica watch", "replica")
                && has_word("replica", "replica")
                && has_word("x, replica!", "replica")
        );
        assert!(!has_word("replicas", "replica") && !has_word("", "replica") && !has_word("x", ""));
        assert!(has_word("سلعة مقلدة", "مقلدة"));
    }
}
