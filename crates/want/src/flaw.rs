//! What is wrong with a file, where, and what was probably meant.

use std::fmt;

/// Where something stands in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// From 1; 0 where the file as a whole is meant.
    pub line: u64,
    pub column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}

/// Something that keeps a file from being used, or (as a hint) that was probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}{}", self.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default())]
pub struct Flaw {
    pub place: Place,
    pub message: String,
    pub help: Option<String>,
    /// The line it is about, if there is one.
    pub excerpt: Option<String>,
}

impl Flaw {
    pub fn at(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), help: None, excerpt: None }
    }

    /// The same with what to do.
    #[must_use]
    pub fn help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// The same with the line it stands in, out of the file's text.
    #[must_use]
    pub fn within(mut self, text: &str) -> Self {
        let line = usize::try_from(self.place.line).unwrap_or_default();
        self.excerpt =
            line.checked_sub(1).and_then(|line| text.lines().nth(line)).map(|line| line.chars().take(200).collect());
        self
    }

    /// For a person at a terminal: the flaw, its line, and a caret below it.
    #[must_use]
    pub fn shown(&self) -> String {
        let Some(excerpt) = &self.excerpt else { return self.to_string() };
        let number = self.place.line.to_string();
        let before = usize::try_from(self.place.column.saturating_sub(1)).unwrap_or_default();
        // Tabs stay tabs, so that the caret stands below what it is about.
        let indent: String = excerpt.chars().take(before).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        format!("{self}\n  {number} | {excerpt}\n  {} | {indent}^", " ".repeat(number.len()))
    }
}

/// "did you mean …?", if one of `known` comes near.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let asked = word.to_lowercase();
    let near = |known: &&str| strsim::jaro_winkler(&asked, &known.to_lowercase());
    let best = known.into_iter().max_by(|a, b| near(a).total_cmp(&near(b)))?;
    (near(&best) > 0.8).then(|| format!("did you mean `{best}`?"))
}

/// What serde says of a word it does not know, with what was probably meant.
pub(crate) fn suggestion(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unknown ")?;
    let word = rest.split('`').nth(1)?;
    let (_, expected) = rest.split_once("expected ")?;
    let expected = expected.strip_prefix("one of ").unwrap_or(expected);
    did_you_mean(
        word,
        expected.split(", ").flat_map(|some| some.split(" or ")).map(|known| known.trim_matches(['`', ' '])),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_guessed_and_nothing_far_fetched() {
        let serde = "unknown field `facter`, expected one of name, factor, tags";
        assert_eq!(suggestion(serde).as_deref(), Some("did you mean `factor`?"));
        assert_eq!(
            suggestion("unknown variant `dorp`, expected `drop` or `keep`").as_deref(),
            Some("did you mean `drop`?")
        );
        assert_eq!(did_you_mean("zebra", ["factor", "add"]), None);
        assert_eq!(did_you_mean("x", []), None);
    }

    #[test]
    fn the_caret_stands_below_what_it_is_about() {
        let place = Place { file: "a.yaml".into(), line: 2, column: 4 };
        let flaw = Flaw::at(place, "no").within("x:\n\t- y\n").help(Some("try z".into()));
        assert_eq!(flaw.shown(), "a.yaml:2:4: no; try z\n  2 | \t- y\n    | \t  ^");
    }
}
