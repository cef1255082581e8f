//! Global Trade Item Numbers.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A GTIN of 8, 12, 13 or 14 digits whose check digit is right. As it was said: zeros in front are
/// kept, none are added.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Gtin(#[schemars(regex(pattern = r"^(\d{8}|\d{12,14})$"))] String);

/// Why a text is no GTIN. It is never repaired: a digit that is wrong may be any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GtinError {
    /// Something that is neither a digit nor a blank or hyphen between digits.
    #[error("a GTIN is made of digits")]
    NotDigits,
    /// Another number of digits.
    #[error("a GTIN has 8, 12, 13 or 14 digits, not {0}")]
    Length(usize),
    /// The last digit does not follow from the others.
    #[error("the check digit would have to be {0}")]
    CheckDigit(u8),
    /// Zeros only: what is written where there is none.
    #[error("it is made of zeros")]
    Zeros,
}

impl Gtin {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits where they are an EAN (8 or 13 of them).
    #[must_use]
    pub fn ean(&self) -> Option<&str> {
        matches!(self.0.len(), 8 | 13).then_some(&*self.0)
    }

    /// The digits where they are a UPC (12 of them).
    #[must_use]
    pub fn upc(&self) -> Option<&str> {
        (self.0.len() == 12).then_some(&*self.0)
    }

    /// The digit that has to follow these: weights 3, 1, 3, … from the right (GS1 General
    /// Specifications, 7.9).
    #[must_use]
    pub fn check_digit(digits: &str) -> u8 {
        let weighted = digits.bytes().rev().zip([3, 1].into_iter().cycle());
        let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit.saturating_sub(b'0')) * weight).sum();
        u8::try_from((10 - sum % 10) % 10).unwrap_or(0)
    }
}

impl FromStr for Gtin {
    type Err = GtinError;

    fn from_str(text: &str) -> Result<Self, GtinError> {
        let text = text.trim();
        // Blanks and hyphens between digits are how books and shelves print it.
        let between = |(at, c): (usize, char)| matches!(c, ' ' | '-') && at > 0 && at + 1 < text.len();
        if !text.char_indices().all(|(at, c)| c.is_ascii_digit() || between((at, c))) {
            return Err(GtinError::NotDigits);
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if !matches!(digits.len(), 8 | 12..=14) {
            return Err(GtinError::Length(digits.len()));
        }
        if digits.bytes().all(|digit| digit == b'0') {
            return Err(GtinError::Zeros);
        }
        let (rest, last) = digits.split_at(digits.len() - 1);
        let right = Self::check_digit(rest);
        if last.as_bytes() == [b'0' + right] { Ok(Self(digits)) } else { Err(GtinError::CheckDigit(right)) }
    }
}

impl TryFrom<String> for Gtin {
    type Error = GtinError;

    fn try_from(text: String) -> Result<Self, GtinError> {
        text.parse()
    }
}

impl From<Gtin> for String {
    fn from(gtin: Gtin) -> Self {
        gtin.0
    }
}

impl fmt::Display for Gtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_of_real_articles_are_right() {
        // From GS1's own examples and from the backs of a book, a bottle and a carton.
        for text in
            ["96385074", "036000291452", "4006381333931", "9783161484100", "10614141000415", "978-3-16-148410-0"]
        {
            assert!(text.parse::<Gtin>().is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_none_says_why() {
        for (text, why) in [
            ("4006381333932", GtinError::CheckDigit(1)),
            ("400638133393", GtinError::CheckDigit(0)),
            ("40063813339", GtinError::Length(11)),
            ("", GtinError::Length(0)),
            ("4.00638E+12", GtinError::NotDigits),
            ("-96385074", GtinError::NotDigits),
            ("٩٦٣٨٥٠٧٤", GtinError::NotDigits),
            ("00000000", GtinError::Zeros),
        ] {
            assert_eq!(text.parse::<Gtin>(), Err(why), "{text}");
        }
    }

    fn digits() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9]{7}", "[0-9]{11}", "[0-9]{12}", "[0-9]{13}"]
    }

    proptest! {
        /// A check digit finds every single wrong digit, and makes exactly one of ten endings
        /// right.
        #[test]
        fn one_wrong_digit_is_always_found(rest in digits(), at in any::<prop::sample::Index>(), by in 1u8..10) {
            let right = format!("{rest}{}", Gtin::check_digit(&rest));
            prop_assume!(right.bytes().any(|digit| digit != b'0'));
            let gtin: Gtin = right.parse().unwrap();
            prop_assert_eq!(gtin.as_str(), right.as_str());
            let mut wrong = right.clone().into_bytes();
            let at = at.index(wrong.len());
            wrong[at] = b'0' + (wrong[at] - b'0' + by) % 10;
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assert!(wrong.parse::<Gtin>().is_err(), "{}", wrong);
        }

        #[test]
        fn no_text_is_too_odd_to_be_refused(text in "\\PC{0,20}") {
            if let Ok(gtin) = text.parse::<Gtin>() {
                let json = serde_json::to_string(&gtin).unwrap();
                prop_assert_eq!(serde_json::from_str::<Gtin>(&json).unwrap(), gtin);
            }
        }
    }
}
