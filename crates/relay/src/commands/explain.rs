//! `relay explain`: the table of error codes.

use crate::answer::Answer;
use crate::error::CliError;
use crate::remedy::{self, Remedy};
use crate::render::table;

/// What one code means, or all of them.
///
/// # Errors
/// When there is no such code; the ones that resemble it are named.
pub fn run(code: Option<&str>) -> Result<Answer, CliError> {
    let Some(code) = code else {
        let all: Vec<&Remedy> = remedy::all().collect();
        let rows = all.iter().map(|remedy| [remedy.code.to_owned(), remedy.meaning.to_owned()]);
        return Ok(Answer::new(&all, table(["code", "meaning"], rows), false));
    };
    let remedy = remedy::of(code).ok_or_else(|| {
        let alike: Vec<&str> = remedy::all().map(|remedy| remedy.code).filter(|known| resembles(known, code)).collect();
        let advice = if alike.is_empty() {
            "`relay explain` lists all of them".to_owned()
        } else {
            format!("perhaps one of: {}", alike.join(", "))
        };
        CliError::NotFound { what: format!("there is no error code {code}"), advice }
    })?;
    let text = format!("{}\n  {}\n  What to do: {}", remedy.code, remedy.meaning, remedy.text());
    Ok(Answer::new(remedy, text, false))
}

fn resembles(known: &str, asked: &str) -> bool {
    asked.split('_').any(|word| word.len() > 3 && known.split('_').any(|own| own == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_explained_and_a_wrong_one_leads_to_those_alike() {
        let answer = run(Some("medusa_handle_taken")).unwrap();
        assert!(answer.text.contains("relay dlq unpark --code medusa_handle_taken"), "{}", answer.text);
        let error = run(Some("handle_taken")).unwrap_err();
        assert!(error.advice().contains("medusa_handle_taken"), "{}", error.advice());
        assert!(run(None).unwrap().text.lines().count() > 100);
    }
}
