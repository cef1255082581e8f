//! How cells show their numbers: as dates, with leading zeros, or as they are.

use std::collections::HashMap;

use super::Fault;
use super::part::Part;

/// Styles of a workbook. Excel itself allows 65,490.
const STYLES: usize = 70_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Shown {
    #[default]
    Plain,
    Date,
    /// With leading zeros up to so many digits.
    Padded(usize),
}

/// By the number that a cell names.
#[derive(Debug, Default)]
pub(super) struct Styles(Vec<Shown>);

impl Styles {
    pub(super) fn read(mut part: Part) -> Result<Self, Fault> {
        let mut codes: HashMap<u32, Shown> = HashMap::new();
        let mut styles = Vec::new();
        let mut in_cells = false;
        while let Some(tag) = part.tag()? {
            let number = |name: &str| tag.get(name).and_then(|text| text.parse::<u32>().ok()).unwrap_or_default();
            match &*tag.name {
                "numFmt" if codes.len() < STYLES => {
                    codes.insert(number("numFmtId"), shown(tag.get("formatCode").unwrap_or_default()));
                }
                "cellXfs" => in_cells = true,
                "cellStyleXfs" | "cellStyles" | "dxfs" => in_cells = false,
                "xf" if in_cells && styles.len() < STYLES => {
                    let id = number("numFmtId");
                    styles.push(codes.get(&id).copied().unwrap_or_else(|| built_in(id)));
                }
                _ => {}
            }
        }
        Ok(Self(styles))
    }

    pub(super) fn get(&self, style: Option<&str>) -> Shown {
        style.and_then(|style| style.parse().ok()).and_then(|at: usize| self.0.get(at)).copied().unwrap_or_default()
    }
}

/// Formats that a workbook does not write out (ECMA-376, 18.8.30).
const fn built_in(id: u32) -> Shown {
    match id {
        14..=22 | 27..=36 | 45..=47 | 50..=58 => Shown::Date,
        _ => Shown::Plain,
    }
}

/// What a format's code makes of a number; the part for positive ones counts.
fn shown(code: &str) -> Shown {
    let mut letters = String::new();
    let mut rest = code.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                rest.by_ref().find(|c| *c == '"');
            }
            '[' => {
                let within: String = rest.by_ref().take_while(|c| *c != ']').collect();
                // Hours that go on behind 24 stand in brackets, as do colours and countries.
                if matches!(&*within.to_lowercase(), "h" | "hh" | "m" | "mm" | "s" | "ss") {
                    letters.push('h');
                }
            }
            '\\' | '_' | '*' => {
                rest.next();
            }
            ';' => break,
            other => letters.push(other.to_ascii_lowercase()),
        }
    }
    if !letters.is_empty() && letters.chars().all(|c| c == '0') && letters.len() > 1 {
        return Shown::Padded(letters.len().min(40));
    }
    if letters.starts_with("general") || !letters.contains(['y', 'm', 'd', 'h', 's']) {
        Shown::Plain
    } else {
        Shown::Date
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_tell_dates_from_amounts() {
        for code in ["dd.mm.yyyy", "[$-407]d. mmm yy", "[h]:mm", "yyyy\\-mm\\-dd", "hh:mm:ss"] {
            assert_eq!(shown(code), Shown::Date, "{code}");
        }
        for code in [
            "General",
            "0.00",
            "#,##0.00 \"days\"",
            "[Red]0.00",
            "0%",
            "#,##0.00 [$€-407]",
            "@",
            "0",
            "_-* #,##0.00\\ \\d",
        ] {
            assert_eq!(shown(code), Shown::Plain, "{code}");
        }
        assert_eq!(shown("0000000000000"), Shown::Padded(13));
    }
}
