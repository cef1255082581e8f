//! An amount of money on the wire.

use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// Major units of a currency. Medusa wants a JSON *number* and refuses text; here the number's
/// digits are written and read as they are, so that no binary float stands between the PIM and the
/// shop.
///
/// Medusa itself keeps the number as a JavaScript double beside the digits. Two amounts that are
/// one double are one price to it, and so they are equal here: about 15 significant digits count.
#[derive(Debug, Clone, Copy)]
pub struct Amount(pub Decimal);

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.0.to_f64().map(f64::to_bits) == other.0.to_f64().map(f64::to_bits)
    }
}

impl Eq for Amount {}

impl From<Decimal> for Amount {
    fn from(amount: Decimal) -> Self {
        Self(amount)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.normalize().to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let digits = raw.get();
        Decimal::from_str(digits)
            .or_else(|_| Decimal::from_scientific(digits))
            .map(Self)
            .map_err(|error| de::Error::custom(format!("not an amount ({error}): {digits}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(text: &str) -> Amount {
        Amount(text.parse().unwrap())
    }

    #[test]
    fn goes_over_the_wire_as_its_own_digits() {
        for (amount_text, wire) in [("149.95", "149.95"), ("23.80", "23.8"), ("100", "100"), ("0.1", "0.1")] {
            assert_eq!(serde_json::to_string(&amount(amount_text)).unwrap(), wire);
        }
    }

    #[test]
    fn reads_every_spelling_of_a_number_and_no_text() {
        for (wire, text) in [("149.95", "149.95"), ("1e2", "100"), ("1.5E-3", "0.0015"), ("0", "0")] {
            assert_eq!(serde_json::from_str::<Amount>(wire).unwrap(), amount(text));
        }
        for bad in ["\"149.95\"", "true", "[1]"] {
            assert!(serde_json::from_str::<Amount>(bad).is_err(), "{bad} was read");
        }
    }

    #[test]
    fn amounts_that_are_one_double_to_medusa_are_one_price() {
        assert_eq!(amount("12345678901234567.01"), amount("12345678901234567.02"));
        assert_ne!(amount("149.95"), amount("149.951"));
    }

    proptest! {
        #[test]
        fn every_price_round_trips_exactly(minor in 0i64..1_000_000_000_000, scale in 0u32..4) {
            let price = Amount(Decimal::new(minor, scale));
            let back: Amount = serde_json::from_str(&serde_json::to_string(&price).unwrap()).unwrap();
            prop_assert_eq!(back.0, price.0);
        }
    }
}
