//! A lookup table in a CSV file: what stands in the feed, and what it means.

use std::collections::BTreeMap;

use feeds::split::Row;

/// Entries of a table.
const ENTRIES: usize = 20_000;

/// Reads a table: the first column is looked up, whatever its case, the second is what it means;
/// the first line is a header. Wrong is a line without a second column, and a value that means two
/// things: its line, and why.
pub(crate) fn read(text: &str) -> Result<BTreeMap<String, String>, (usize, String)> {
    let text = text.trim_start_matches('\u{feff}');
    let header = text.lines().next().unwrap_or_default();
    let mut row = Row::below(header);
    let mut table = BTreeMap::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        if line.trim().is_empty() {
            continue;
        }
        row.read(line);
        let (Some(from), Some(to)) = (row.get(0).map(str::trim), row.get(1).map(str::trim)) else {
            return Err((
                number + 1,
                "it has one column; what stands in the feed and what it means are two".to_owned(),
            ));
        };
        let (from, to) = (from.to_lowercase(), to.to_owned());
        if table.get(&from).is_some_and(|known| *known != to) {
            return Err((number + 1, format!("{from:?} means two things")));
        }
        table.insert(from, to);
        if table.len() > ENTRIES {
            return Err((number + 1, format!("a table has up to {ENTRIES} entries")));
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_it_lacks_with_its_line() {
        let table = read("\u{feff}theirs;ours;note\nROT;Red;x\n\n\"grün, hell\";Green\n").unwrap();
        assert_eq!((table["rot"].as_str(), table["grün, hell"].as_str(), table.len()), ("Red", "Green", 2));
        assert_eq!(read("a,b\nx\n").unwrap_err().0, 2);
        assert!(read("a,b\nx,1\nX,2\n").unwrap_err().1.contains("two things"));
    }
}
