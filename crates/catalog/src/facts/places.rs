//! Countries.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A country by its ISO 3166-1 alpha-2 code, upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Country(celes::Country);

impl Country {
    /// Two letters, such as `CN`.
    #[must_use]
    pub fn alpha2(&self) -> &'static str {
        self.0.alpha2
    }
}

impl FromStr for Country {
    type Err = String;

    /// From a code of two or three letters, or the name that the standard gives the country in
    /// English.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let code = text.to_ascii_uppercase();
        let named = |country: &celes::Country| country.long_name.eq_ignore_ascii_case(text);
        let found = match text.len() {
            2 => celes::Country::from_alpha2(&code).ok(),
            3 => celes::Country::from_alpha3(&code).ok(),
            _ => celes::Country::get_countries().into_iter().find(named),
        };
        found.map(Self).ok_or_else(|| "this is no country of ISO 3166".to_owned())
    }
}

impl TryFrom<String> for Country {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.alpha2().to_owned()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.alpha2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_known_by_code_and_name() {
        for (text, code) in
            [("cn", "CN"), ("CHN", "CN"), ("China", "CN"), (" Germany ", "DE"), ("TUR", "TR"), ("Saudi Arabia", "SA")]
        {
            assert_eq!(text.parse::<Country>().map(|country| country.alpha2()), Ok(code), "{text}");
        }
        for text in ["XX", "", "Made in China", "EU", "UK2"] {
            assert!(text.parse::<Country>().is_err(), "{text}");
        }
    }
}
