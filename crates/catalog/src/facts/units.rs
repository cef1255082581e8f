//! Amounts with units: kept as they were said, converted exactly.

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decimal;

/// Digits before and behind the point of an amount. With the longest factor (ounces) the product still fits a decimal of 28 digits, so that every conversion
/// is exact.
const WHOLE_DIGITS: usize = 9;
const DECIMALS: usize = 6;

/// Declares units of one quantity and the amount in them. Each unit: its symbol, what it is worth in the base unit, and other names it goes by.
macro_rules! quantity {
    ($(#[$about:meta])* $name:ident, $(#[$units_about:meta])* $units:ident, $base:ident,
     { $($(#[$doc:meta])* $unit:ident = $symbol:literal, $factor:literal $(, $also:literal)*;)* }) => {
        $(#[$units_about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $units {
            $($(#[$doc])* #[serde(rename = $symbol)] $unit,)*
        }

        impl $units {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$unit),*];

            /// The symbol.
            #[must_use]
            pub const fn symbol(self) -> &'static str {
                match self { $(Self::$unit => $symbol,)* }
            }

            /// What one is worth in the base unit, exactly.
            fn factor(self) -> Decimal {
                let digits = match self { $(Self::$unit => $factor,)* };
                Decimal::from_str_exact(digits).unwrap_or(Decimal::ONE)
            }
        }

        impl FromStr for $units {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let said = text.trim().trim_end_matches('.');
                $(if [$symbol $(, $also)*].iter().any(|name| name.eq_ignore_ascii_case(said)) { return Ok(Self::$unit); })*
                Err(format!("it is in none of {}", [$($symbol),*].join(", ")))
            }
        }

        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            /// How much, as it was said; above zero.
            #[schemars(with = "String")]
            pub value: Decimal,
            /// In which unit.
            pub unit: $units,
        }

        impl $name {
            /// An amount, if it is above zero and not longer than nine digits and six decimals.
            pub fn new(value: Decimal, unit: $units) -> Result<Self, String> {
                Ok(Self { value: sound(value)?, unit })
            }

            /// The same amount in another unit; `None` where that has no finite digits. Back again it is what it was.
            #[must_use]
            pub fn to(self, unit: $units) -> Option<Self> {
                if unit == self.unit {
                    return Some(self);
                }
                let base = self.value.checked_mul(self.unit.factor())?;
                let value = base.checked_div(unit.factor())?;
                (value.checked_mul(unit.factor())? == base).then(|| Self { value: value.normalize(), unit })
            }

            /// In whole base units, half up, at least one.
            #[must_use]
            pub fn whole(self) -> u64 {
                let base = self.value.checked_mul(self.unit.factor()).unwrap_or(Decimal::MAX);
                let whole = base.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
                u64::try_from(whole).unwrap_or(u64::MAX).max(1)
            }
        }

        impl FromStr for $name {
            type Err = String;

            /// From digits and a unit: `2.5 kg`.
            fn from_str(text: &str) -> Result<Self, String> {
                let text = text.trim();
                let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',')).unwrap_or(text.len());
                let (digits, unit) = text.split_at(end);
                if unit.trim().is_empty() && !digits.is_empty() {
                    return Err("it has no unit".to_owned());
                }
                let value = decimal(digits).ok_or_else(|| "it does not begin with a decimal number".to_owned())?;
                Self::new(value, unit.parse()?)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {}", self.value, self.unit.symbol())
            }
        }
    };
}

fn sound(value: Decimal) -> Result<Decimal, String> {
    let text = value.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    if value <= Decimal::ZERO {
        return Err("it is not above zero".to_owned());
    }
    if whole.len() > WHOLE_DIGITS || part.len() > DECIMALS {
        return Err(format!("it has more than {WHOLE_DIGITS} digits or {DECIMALS} decimals"));
    }
    Ok(value)
}

quantity! {
    /// A weight.
    Weight,
    /// Units of weight; the base is the gram.
    WeightUnit, Gram, {
        /// Milligrams.
        Milligram = "mg", "0.001", "milligram", "milligrams";
        /// Grams.
        Gram = "g", "1", "gr", "gram", "grams", "gramme", "grammes";
        /// Kilograms.
        Kilogram = "kg", "1000", "kgs", "kilo", "kilogram", "kilograms";
        /// Tonnes.
        Tonne = "t", "1000000", "tonne", "tonnes";
        /// Ounces (avoirdupois).
        Ounce = "oz", "28.349523125", "ounce", "ounces";
        /// Pounds (avoirdupois).
        Pound = "lb", "453.59237", "lbs", "pound", "pounds";
    }
}

quantity! {
    /// A length.
    Length,
    /// Units of length; the base is the millimetre.
    LengthUnit, Millimetre, {
        /// Millimetres.
        Millimetre = "mm", "1", "millimeter", "millimetre";
        /// Centimetres.
        Centimetre = "cm", "10", "centimeter", "centimetre";
        /// Decimetres.
        Decimetre = "dm", "100", "decimeter", "decimetre";
        /// Metres.
        Metre = "m", "1000", "meter", "metre";
        /// Inches.
        Inch = "in", "25.4", "inch", "inches", "\"", "″";
        /// Feet.
        Foot = "ft", "304.8", "foot", "feet";
        /// Yards.
        Yard = "yd", "914.4", "yard", "yards";
    }
}

/// Units in which contents are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ContentUnit {
    /// Millilitres.
    #[serde(rename = "ml")]
    Millilitre,
    /// Centilitres.
    #[serde(rename = "cl")]
    Centilitre,
    /// Litres.
    #[serde(rename = "l")]
    Litre,
    /// Milligrams.
    #[serde(rename = "mg")]
    Milligram,
    /// Grams.
    #[serde(rename = "g")]
    Gram,
    /// Kilograms.
    #[serde(rename = "kg")]
    Kilogram,
    /// Centimetres.
    #[serde(rename = "cm")]
    Centimetre,
    /// Metres.
    #[serde(rename = "m")]
    Metre,
    /// Square metres.
    #[serde(rename = "m2")]
    SquareMetre,
    /// Cubic metres.
    #[serde(rename = "m3")]
    CubicMetre,
    /// Fluid ounces (US).
    #[serde(rename = "floz")]
    FluidOunce,
    /// Pieces.
    #[serde(rename = "pcs")]
    Piece,
}

impl ContentUnit {
    const NAMES: [(Self, &'static [&'static str]); 12] = [
        (Self::Millilitre, &["ml", "millilitre", "milliliter"]),
        (Self::Centilitre, &["cl", "centilitre", "centiliter"]),
        (Self::Litre, &["l", "ltr", "litre", "liter", "litres", "liters"]),
        (Self::Milligram, &["mg"]),
        (Self::Gram, &["g", "gr", "gram", "grams"]),
        (Self::Kilogram, &["kg", "kilogram"]),
        (Self::Centimetre, &["cm"]),
        (Self::Metre, &["m", "metre", "meter"]),
        (Self::SquareMetre, &["m2", "m²", "sqm"]),
        (Self::CubicMetre, &["m3", "m³", "cbm"]),
        (Self::FluidOunce, &["floz", "fl oz", "fl. oz"]),
        (Self::Piece, &["pcs", "pc", "piece", "pieces", "ct", "count"]),
    ];

    /// The symbol.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        Self::NAMES.iter().find(|(unit, _)| *unit == self).map_or("", |(_, names)| names[0])
    }
}

impl FromStr for ContentUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let said = text.trim().trim_end_matches('.').to_lowercase();
        let found = Self::NAMES.iter().find(|(_, names)| names.contains(&&*said));
        found.map(|(unit, _)| *unit).ok_or_else(|| {
            let all: Vec<&str> = Self::NAMES.iter().map(|(_, names)| names[0]).collect();
            format!("it is in none of {}", all.join(", "))
        })
    }
}

/// How much is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Content {
    /// How much, as it was said; above zero.
    #[schemars(with = "String")]
    pub value: Decimal,
    /// In which unit.
    pub unit: ContentUnit,
}

impl FromStr for Content {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',')).unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        let value = decimal(digits).ok_or_else(|| "it does not begin with a decimal number".to_owned())?;
        Ok(Self { value: sound(value)?, unit: unit.parse()? })
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.value, self.unit.symbol())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, right) in
            [("2.5 kg", "2.5 kg"), ("2,5kg", "2.5 kg"), ("250 G", "250 g"), ("1.20 lbs.", "1.20 lb"), ("12oz", "12 oz")]
        {
            assert_eq!(text.parse::<Weight>().unwrap().to_string(), right, "{text}");
        }
        for text in [
            "",
            "kg",
            "2.5",
            "0 g",
            "-1 kg",
            "1,500 g",
            "1.2.3 kg",
            "5 stone",
            "1e3 g",
            "1234567890 g",
            "0.0000001 kg",
            "٥ kg",
        ] {
            assert!(text.parse::<Weight>().is_err(), "{text}");
        }
        assert_eq!("12\"".parse::<Length>().unwrap().whole(), 305);
        assert_eq!("0.75 l".parse::<Content>().unwrap().to_string(), "0.75 l");
    }

    #[test]
    fn what_a_target_gets_is_whole_and_never_nothing() {
        for (text, grams) in
            [("0.4 g", 1), ("1.5 g", 2), ("1 lb", 454), ("2.5 kg", 2500), ("999999999 t", 999_999_999_000_000)]
        {
            assert_eq!(text.parse::<Weight>().unwrap().whole(), grams, "{text}");
        }
    }

    /// Exactly as the international yard and pound are defined; every unit is in one of the chains.
    #[test]
    fn units_are_what_they_are_defined_to_be() {
        use LengthUnit::{Centimetre, Decimetre, Foot, Inch, Metre, Millimetre, Yard};
        use WeightUnit::{Gram, Kilogram, Milligram, Ounce, Pound, Tonne};
        let weights = [
            ("1 t", "1000", Kilogram),
            ("1 kg", "1000", Gram),
            ("1 g", "1000", Milligram),
            ("1 lb", "16", Ounce),
            ("1 lb", "0.45359237", Kilogram),
            ("1000000 g", "1", Tonne),
            ("16 oz", "1", Pound),
        ];
        for (text, value, unit) in weights {
            assert_eq!(text.parse::<Weight>().unwrap().to(unit).unwrap().value, value.parse().unwrap(), "{text}");
        }
        let lengths = [
            ("1 m", "10", Decimetre),
            ("1 dm", "10", Centimetre),
            ("1 cm", "10", Millimetre),
            ("1 yd", "3", Foot),
            ("1 ft", "12", Inch),
            ("1 yd", "0.9144", Metre),
            ("36 in", "1", Yard),
        ];
        for (text, value, unit) in lengths {
            assert_eq!(text.parse::<Length>().unwrap().to(unit).unwrap().value, value.parse().unwrap(), "{text}");
        }
        assert!(WeightUnit::ALL.iter().all(|unit| weights.iter().any(|(.., of)| of == unit)));
        assert!(LengthUnit::ALL.iter().all(|unit| lengths.iter().any(|(.., of)| of == unit)));
    }

    fn value() -> impl Strategy<Value = Decimal> {
        (1i64..=999_999_999_999_999, 0u32..=6)
            .prop_map(|(digits, scale)| Decimal::new(digits, scale))
            .prop_filter("sound", |value| sound(*value).is_ok())
    }

    proptest! {
        #[test]
        fn a_weight_goes_to_grams_exactly_and_back(value in value(), unit in prop::sample::select(WeightUnit::ALL)) {
            let weight = Weight { value, unit };
            let grams = weight.to(WeightUnit::Gram).expect("the base unit takes every amount");
            prop_assert_eq!(grams.to(unit).expect("and gives it back").value, value);
            prop_assert_eq!(weight.to_string().parse::<Weight>(), Ok(weight));
        }

        #[test]
        fn a_length_goes_to_millimetres_exactly_and_back(value in value(), unit in prop::sample::select(LengthUnit::ALL)) {
            let length = Length { value, unit };
            let base = length.to(LengthUnit::Millimetre).expect("the base unit takes every amount");
            prop_assert_eq!(base.to(unit).expect("and gives it back").value, value);
            prop_assert_eq!(length.to_string().parse::<Length>(), Ok(length));
        }

        /// From any unit to any other: either exact, so that it is what it was when it comes back, or not at all.
        #[test]
        fn no_conversion_loses_anything(value in value(), from in prop::sample::select(WeightUnit::ALL), to in prop::sample::select(WeightUnit::ALL)) {
            let weight = Weight { value, unit: from };
            if let Some(there) = weight.to(to) {
                prop_assert_eq!(there.to(from).map(|back| back.value), Some(value));
            }
        }
    }
}
