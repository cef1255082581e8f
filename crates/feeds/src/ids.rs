//! Ids that went through a spreadsheet or a table of numbers on their way.
//!
//! `pandas` writes a column of whole numbers with a gap in it as `901051.0`; a spreadsheet writes
//! `4006381333931` as `4.00638E+12`, and then nobody can tell which number it was: two ids become
//! one.

use crate::{Defect, Reason};

/// What a source says about its ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    Texts,
    /// Whole numbers: `901051.0` can only be 901051.
    WholeNumbers,
}

/// An id as its source means it.
///
/// # Errors
/// `invalid_id` for a number with an exponent; of a source whose ids are texts only for one in the
/// form that spreadsheets write.
pub(crate) fn meant(id: &str, ids: Ids) -> Result<&str, Defect> {
    if !id.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(id);
    }
    if has_exponent(id, ids) {
        let message = "the id is a rounded number with an exponent: the file was opened in a spreadsheet, which cannot keep long numbers; have the column \
            exported as text";
        return Err(Defect::new(Reason::InvalidId, message).value(id));
    }
    Ok(without_fraction(id).filter(|_| ids == Ids::WholeNumbers).unwrap_or(id))
}

/// The same for the id of a record that is refused for something else.
pub(crate) fn of_refused(id: &str, ids: Ids) -> &str {
    meant(id, ids).unwrap_or(id)
}

fn without_fraction(id: &str) -> Option<&str> {
    let (whole, fraction) = id.split_once('.')?;
    let only = |text: &str, one: fn(u8) -> bool| !text.is_empty() && text.bytes().all(one);
    (only(whole, |byte| byte.is_ascii_digit()) && only(fraction, |byte| byte == b'0')).then_some(whole)
}

/// `4.00638E+12`, and where ids are numbers `4e12`, too.
fn has_exponent(id: &str, ids: Ids) -> bool {
    let Some((mantissa, exponent)) = id.split_once(['e', 'E']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, rest)| (whole, Some(rest)));
    if !digits(whole) || fraction.is_some_and(|fraction| !digits(fraction)) {
        return false;
    }
    match ids {
        Ids::WholeNumbers => digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        // A spreadsheet writes one digit before the point, a large E, a sign, and two digits at
        // least.
        Ids::Texts => {
            whole.len() == 1
                && id.contains('E')
                && exponent.strip_prefix(['+', '-']).is_some_and(|exponent| exponent.len() >= 2 && digits(exponent))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_loses_its_fraction_only_where_ids_are_whole_numbers() {
        for (id, meant_as) in [
            ("901051.0", "901051"),
            ("901051.00", "901051"),
            ("901051", "901051"),
            ("901051.5", "901051.5"),
            ("a.0", "a.0"),
            ("1.2.0", "1.2.0"),
        ] {
            assert_eq!(meant(id, Ids::WholeNumbers).unwrap(), meant_as);
            assert_eq!(meant(id, Ids::Texts).unwrap(), id);
        }
    }

    #[test]
    fn an_exponent_is_refused_with_its_cause() {
        for id in ["4.00638E+12", "4E+12", "4.1E-05"] {
            for ids in [Ids::Texts, Ids::WholeNumbers] {
                let defect = meant(id, ids).unwrap_err();
                assert_eq!(defect.reason, Reason::InvalidId);
                assert!(defect.message.contains("opened in a spreadsheet"), "{}", defect.message);
            }
        }
        assert!(meant("4.00638e12", Ids::WholeNumbers).is_err());
        for id in ["12E4", "1E5", "4e12", "E+12", "4.E+12", "R2E+12", "4.0E+1x"] {
            assert_eq!(meant(id, Ids::Texts).unwrap(), id);
        }
    }
}
