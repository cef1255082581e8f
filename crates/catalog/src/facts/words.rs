//! Facts that are one of a few words.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares a closed set of words: what is written, and what else it is known by.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal $(| $also:literal)*),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl FromStr for $name {
            type Err = String;

            /// From the word or what else it is known by, in any case; blanks, hyphens and
            /// underscores do not count.
            fn from_str(text: &str) -> Result<Self, String> {
                let plain = |text: &str| -> String {
                    text.rsplit('/').next().unwrap_or(text).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
                };
                let said = plain(text);
                $(if [$word $(, $also)*].iter().any(|word| plain(word) == said) { return Ok(Self::$variant); })*
                Err(format!("it is none of {}", [$($word),*].join(", ")))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// New or not.
    Condition {
        /// Never used.
        New = "new" | "NewCondition",
        /// Made as good as new.
        Refurbished = "refurbished" | "RefurbishedCondition" | "renewed",
        /// Used.
        Used = "used" | "UsedCondition" | "second hand",
        /// Damaged.
        Damaged = "damaged" | "DamagedCondition",
    }
}

words! {
    /// For whom: age, as marketplaces group it.
    AgeGroup {
        /// Up to 3 months.
        Newborn = "newborn",
        /// 3 to 12 months.
        Infant = "infant" | "baby",
        /// 1 to 5 years.
        Toddler = "toddler",
        /// 5 to 13 years.
        Kids = "kids" | "children" | "child" | "kid",
        /// Older.
        Adult = "adult" | "adults",
    }
}

words! {
    /// For whom: gender.
    Gender {
        /// Women and girls.
        Female = "female" | "women" | "woman" | "ladies" | "girls" | "girl",
        /// Men and boys.
        Male = "male" | "men" | "man" | "boys" | "boy",
        /// Anybody.
        Unisex = "unisex",
    }
}

words! {
    /// Kinds of documents.
    DocumentKind {
        /// How to use it.
        Manual = "manual" | "user manual" | "instructions",
        /// What it may do to people and the environment.
        SafetySheet = "safetySheet" | "safety data sheet" | "SDS" | "MSDS",
        /// What it can do.
        DataSheet = "dataSheet" | "specification",
        /// What somebody attests.
        Certificate = "certificate" | "declaration of conformity",
        /// Terms of a warranty.
        Warranty = "warranty",
        /// Energy label.
        EnergyLabel = "energyLabel",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// How another product belongs to it.
    RelationKind {
        /// Goes with it.
        Related = "related" | "cross-sell" | "similar",
        /// Made for it.
        Accessory = "accessory",
        /// A part of it.
        SparePart = "sparePart",
        /// Takes its place.
        ReplacedBy = "replacedBy" | "successor",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_their_usual_spellings() {
        assert_eq!("https://schema.org/NewCondition".parse(), Ok(Condition::New));
        assert_eq!("Spare part".parse(), Ok(RelationKind::SparePart));
        assert_eq!("SAFETY_SHEET".parse(), Ok(DocumentKind::SafetySheet));
        assert_eq!("Women".parse(), Ok(Gender::Female));
        assert!("".parse::<Gender>().is_err() && "Couple".parse::<Gender>().is_err());
        for kind in DocumentKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
