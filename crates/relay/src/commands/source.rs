//! `relay source`: mappings at the desk. `check`, `try` and `draft` ask no stack.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use catalog::line::Said;
use serde::Serialize;
use sources::trial::{FIELDS, Trial, trial};
use sources::{Bundle, Mapping, Problem};

use crate::answer::Answer;
use crate::cli::Source;
use crate::error::CliError;
use crate::render::{count, short, table};

/// Bytes of a feed that are looked at for a draft.
const SAMPLE: u64 = 64 << 20;
/// How often files are looked at that are watched.
const WATCHED: Duration = Duration::from_millis(500);
/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// Carries out what needs no stack; nothing where one is needed.
pub fn at_the_desk(command: &Source) -> Option<Result<Answer, CliError>> {
    match command {
        Source::Check { mappings } => Some(check(mappings)),
        Source::Try { mapping, feed, part, limit, watch } => {
            let asked = Asked { mapping, feed, part: part.as_deref(), limit: *limit };
            if *watch {
                return Some(keep_trying(&asked));
            }
            Some(attempt(&asked))
        }
        Source::Draft { feed } => Some(draft(feed)),
        Source::List | Source::Put { .. } | Source::Show { .. } | Source::Remove { .. } => None,
    }
}

/// What is tried.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    mapping: &'a Path,
    feed: &'a Path,
    /// The declared part that the feed is one of.
    part: Option<&'a str>,
    limit: usize,
}

/// Shows a trial, and again whenever one of the files was saved, until it is stopped.
fn keep_trying(asked: &Asked<'_>) -> Result<Answer, CliError> {
    let Asked { mapping, feed, .. } = *asked;
    let saved = |file: &Path| fs::metadata(file).and_then(|found| found.modified()).ok();
    let mut seen = None;
    loop {
        let now = (saved(mapping), saved(feed));
        if seen != Some(now) {
            seen = Some(now);
            let shown = match attempt(asked) {
                Ok(answer) => answer.text,
                // An editor may be about to write it.
                Err(error) => error.to_string(),
            };
            let mut out = std::io::stdout().lock();
            writeln!(out, "{shown}\n--- {} is watched; Ctrl-C ends it", mapping.display())?;
        }
        std::thread::sleep(WATCHED);
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> CliError {
    CliError::NotFound { what: format!("{}: {error}", file.display()), advice: "name a file that is there".to_owned() }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    file: String,
    source: Option<String>,
    version: Option<String>,
    problems: Vec<Problem>,
}

/// A mapping file with the tables that lie beside it.
pub(super) fn bundle(file: &Path) -> Result<Bundle, CliError> {
    let bytes = fs::read(file).map_err(|error| unreadable(file, &error))?;
    let mut bundle = Bundle::new(&file.display().to_string(), &String::from_utf8_lossy(&bytes));
    for name in bundle.wanted() {
        if let Ok(table) = fs::read(file.with_file_name(&name)) {
            bundle.beside.insert(name, String::from_utf8_lossy(&table).into_owned());
        }
    }
    Ok(bundle)
}

fn read(file: &Path) -> Result<(Result<Mapping, Vec<Problem>>, String), CliError> {
    let bundle = bundle(file)?;
    Ok((bundle.mapping(), bundle.text))
}

fn check(files: &[std::path::PathBuf]) -> Result<Answer, CliError> {
    let (mut all, mut text) = (Vec::new(), String::new());
    for file in files {
        let name = file.display().to_string();
        let (mapping, yaml) = read(file)?;
        match mapping {
            Ok(mapping) => {
                let _ = writeln!(text, "{name}: fine (source {}, version {})", mapping.source(), mapping.digest());
                for (part, kind, owns) in mapping.parts() {
                    let owns: Vec<String> = owns.into_iter().collect();
                    let _ = writeln!(text, "  part {part}: by {kind}, owns {}", owns.join(", "));
                }
                let (source, version) = (Some(mapping.source().to_owned()), Some(mapping.digest().to_owned()));
                all.push(Checked { file: name, source, version, problems: Vec::new() });
            }
            Err(problems) => {
                for problem in &problems {
                    let _ = writeln!(text, "{}\n", problem.shown(&yaml));
                }
                let _ = writeln!(text, "{name}: {}", count(problems.len(), "problem"));
                all.push(Checked { file: name, source: None, version: None, problems });
            }
        }
    }
    let attention = all.iter().any(|one| !one.problems.is_empty());
    Ok(Answer::new(&all, text.trim_end(), attention))
}

fn attempt(asked: &Asked<'_>) -> Result<Answer, CliError> {
    let Asked { mapping: file, feed, part, limit } = *asked;
    let (mapping, yaml) = read(file)?;
    let mapping = match mapping {
        Ok(mapping) => of_part(mapping, part, file)?,
        Err(problems) => {
            let shown: Vec<String> = problems.iter().map(|problem| problem.shown(&yaml)).collect();
            return Ok(Answer::new(&problems, shown.join("\n\n"), true));
        }
    };
    let mut opened = File::open(feed).map_err(|error| unreadable(feed, &error))?;
    let mut failed = None;
    let pieces = std::iter::from_fn(|| {
        let mut piece = vec![0; PIECE];
        match opened.read(&mut piece) {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some(piece)
            }
            Err(error) => {
                failed = Some(error);
                None
            }
        }
    });
    let trial = trial(&mapping, &feed.display().to_string(), pieces, limit);
    if let Some(error) = failed {
        return Err(unreadable(feed, &error));
    }
    let attention = trial.rejected_count > 0 || trial.broken.is_some();
    Ok(Answer::new(&trial, in_words(&trial), attention))
}

/// The mapping of a part, where one is asked for.
fn of_part(mapping: Mapping, part: Option<&str>, file: &Path) -> Result<Arc<Mapping>, CliError> {
    let names: Vec<&str> = mapping.parts().map(|(name, ..)| name).collect();
    let refused = |what: String| CliError::Refused { what, advice: format!("--part is one of: {}", names.join(", ")) };
    match part {
        Some(name) => {
            let found = mapping.part(name).map(Arc::clone);
            found.ok_or_else(|| refused(format!("{} declares no part {name}", file.display())))
        }
        None if !mapping.leads() => Err(refused(format!("{} declares parts only", file.display()))),
        None => Ok(Arc::new(mapping)),
    }
}

/// What lines say, as a table.
fn lines(trial: &Trial) -> String {
    let rows = trial.lines.iter().map(|line| {
        let says = line.says.iter().map(|(field, said)| format!("{field} {}", said_of(said)));
        let says: Vec<String> = says.collect();
        let says = if says.is_empty() { "nothing".to_owned() } else { says.join(", ") };
        [short(&line.about.to_string(), 40), short(&says, 100)]
    });
    let more = trial.line_count - trial.lines.len();
    let more = if more > 0 { format!("\n… and {more} more") } else { String::new() };
    format!("{}{more}", table(["about", "says"], rows))
}

fn said_of(said: &Said) -> String {
    match said {
        Said::Pieces(pieces) => pieces.to_string(),
        Said::Amount(amount, None) => amount.to_string(),
        Said::Amount(amount, Some(list)) => format!("{amount} (was {list})"),
        Said::Text(text) => format!("{text:?}"),
        Said::Empty => "is none".to_owned(),
        Said::Deleted => "is taken back".to_owned(),
    }
}

/// The products as a table, what was set aside, and what is never filled.
fn in_words(trial: &Trial) -> String {
    let rows = trial.products.iter().map(|product| {
        let first = product.variants.first().and_then(|variant| variant.prices.first());
        let price = first.map(|price| format!("{} {}", price.amount, price.currency)).unwrap_or_default();
        let stock: i64 = product.variants.iter().map(|variant| i64::from(variant.stock)).sum();
        let images = product.images.len() + product.variants.iter().map(|variant| variant.images.len()).sum::<usize>();
        let name = product.name.base().unwrap_or_default();
        let withdrawn = if product.withdrawn { " (withdrawn)" } else { "" };
        [
            short(&product.id, 24),
            format!("{}{withdrawn}", short(name, 40)),
            product.variants.len().to_string(),
            price,
            stock.to_string(),
            images.to_string(),
            product.categories.len().to_string(),
        ]
    });
    let mut text = match trial.line_count {
        0 => table(["id", "name", "variants", "price", "stock", "images", "categories"], rows),
        _ => lines(trial),
    };
    if trial.product_count > trial.products.len() {
        let _ = write!(text, "\n… and {} more", trial.product_count - trial.products.len());
    }
    for rejection in &trial.rejected {
        let place = rejection.path.as_deref().map(|path| format!(" {path}")).unwrap_or_default();
        let value = rejection.value.as_deref().map(|value| format!(": {}", short(value, 60))).unwrap_or_default();
        let id = rejection.product_id.as_deref().map(|id| format!(" ({})", short(id, 24))).unwrap_or_default();
        let _ =
            write!(text, "\nrecord {}{id}: {}{place}: {}{value}", rejection.index, rejection.reason, rejection.message);
    }
    if let Some(broken) = &trial.broken {
        let _ = write!(text, "\nthe feed cannot be read to its end: {broken}");
    }
    let _ = write!(
        text,
        "\n\n{}, {} set aside",
        if trial.line_count > 0 { count(trial.line_count, "line") } else { count(trial.product_count, "product") },
        count(trial.rejected_count, "record")
    );
    if trial.line_count > 0 {
        return text;
    }
    let share = |filled: usize| (filled * 100).checked_div(trial.product_count).unwrap_or(0);
    let of = |field: &str| trial.coverage.get(field).copied().unwrap_or(0);
    let filled: Vec<String> = FIELDS
        .iter()
        .filter(|(field, _)| of(field) > 0)
        .map(|(field, _)| format!("{field} {} %", share(of(field))))
        .collect();
    let never: Vec<&str> = FIELDS.iter().map(|(field, _)| *field).filter(|field| of(field) == 0).collect();
    if !filled.is_empty() {
        let _ = write!(text, "\nfilled: {}", filled.join(", "));
    }
    if !never.is_empty() {
        let _ = write!(text, "\nnever filled: {}", never.join(", "));
    }
    text
}

fn draft(feed: &Path) -> Result<Answer, CliError> {
    let mut sample = Vec::new();
    let opened = File::open(feed).map_err(|error| unreadable(feed, &error))?;
    opened.take(SAMPLE).read_to_end(&mut sample).map_err(|error| unreadable(feed, &error))?;
    let name = feed.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let yaml = sources::draft(&name, &sample).map_err(|what| CliError::Refused {
        what: format!("{}: {what}", feed.display()),
        advice: "name a CSV, JSON or XML feed; docs/feeds.md shows how a mapping is written".to_owned(),
    })?;
    Ok(Answer::new(&serde_json::json!({ "mapping": yaml }), yaml.trim_end(), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn a_mapping_that_comes_with_it_is_fine_and_a_feed_is_shown() {
        let mapping = repository().join("sources/plain-csv.yaml");
        let answer = check(std::slice::from_ref(&mapping)).unwrap();
        assert!(!answer.attention && answer.text.contains("fine (source plain-csv"), "{}", answer.text);
        let feed = repository().join("crates/sources/tests/fixtures/plain.csv");
        let answer = attempt(&Asked { mapping: &mapping, feed: &feed, part: None, limit: 1 }).unwrap();
        assert!(answer.attention, "one record is set aside");
        for part in [
            "Cup",
            "… and 1 more",
            "missing_field",
            "line 6",
            "2 products, 1 record set aside",
            "never filled: description",
        ] {
            assert!(answer.text.contains(part), "{part}: {}", answer.text);
        }
        let answer = draft(&feed).unwrap();
        assert!(answer.text.contains("source: plain"), "{}", answer.text);
    }

    #[test]
    fn problems_are_shown_with_their_place_and_a_missing_file_is_named() {
        let file = std::env::temp_dir().join(format!("relay-source-{}.yaml", std::process::id()));
        fs::write(&file, "source: x\nform: csv\nproduct:\n  id: a\n  nmae: b\n  variants: { price: c }\n").unwrap();
        let answer = check(std::slice::from_ref(&file)).unwrap();
        fs::remove_file(&file).unwrap();
        assert!(answer.attention && answer.text.contains(":5:3:") && answer.text.contains("   ^"), "{}", answer.text);
        assert!(answer.text.contains("did you mean \"name\"?"), "{}", answer.text);
        assert_eq!(attempt(&Asked { mapping: &file, feed: &file, part: None, limit: 1 }).unwrap_err().exit_code(), 2);
    }
}
