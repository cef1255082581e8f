//! A product's `shop` item: what is remembered of what was done in the shop, beside what the shop
//! itself can show to anybody.
//!
//! It is read only where a figure may have to be applied, and written only when that changed. What
//! it says of stock is one attribute with its own count of writes; others may stand beside it.

use catalog::ProductKey;

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::{address, state};

const SK: &str = "shop";
const STOCK: &str = "stock";
const STOCK_WRITES: &str = "stock_writes";

/// The key of a product's `shop` item.
#[must_use]
pub fn item_key(key: &ProductKey) -> ItemKey {
    ItemKey { pk: state::partition(key), sk: SK.to_owned() }
}

/// What is remembered of a product's stock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stock {
    /// JSON, which the shop's client writes and reads; empty where nothing is remembered.
    pub json: Vec<u8>,
    /// How often it was written.
    pub writes: i64,
    /// The handle that was chosen for the product ([`super::address`]).
    pub handle: Option<String>,
}

impl Stock {
    /// Reads an item.
    ///
    /// # Errors
    /// When it is not what zstd wrote.
    pub fn of(item: &Item) -> std::io::Result<Self> {
        let json = match item.get(STOCK) {
            Some(Value::B(bytes)) => zstd::stream::decode_all(bytes.as_slice())?,
            _ => Vec::new(),
        };
        Ok(Self {
            json,
            writes: item.get(STOCK_WRITES).and_then(Value::number).unwrap_or(0),
            handle: address::noted(item),
        })
    }
}

/// Remembers `json` of a product's stock; refused when somebody else has written since `seen`.
///
/// # Errors
/// When zstd fails.
pub fn note_stock(key: &ProductKey, seen: i64, json: &[u8]) -> std::io::Result<Write> {
    let unseen = Condition::Absent(STOCK_WRITES);
    Ok(Write {
        key: item_key(key),
        condition: if seen == 0 { unseen } else { Condition::Eq(STOCK_WRITES, Operand::Value(seen.into())) },
        changes: vec![
            Change::Set(STOCK, zstd::bulk::compress(json, 3)?.into()),
            Change::Set(STOCK_WRITES, (seen + 1).into()),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_not_seen_the_last_write_is_refused() {
        let key: ProductKey = "demo:1".parse().unwrap();
        let first = note_stock(&key, 0, b"{\"a\":1}").unwrap().apply(&Item::new()).unwrap();
        assert_eq!(Stock::of(&first).unwrap(), Stock { json: b"{\"a\":1}".to_vec(), writes: 1, handle: None });
        assert!(note_stock(&key, 0, b"{}").unwrap().apply(&first).is_err());
        let second = note_stock(&key, 1, b"{}").unwrap().apply(&first).unwrap();
        assert_eq!(Stock::of(&second).unwrap(), Stock { json: b"{}".to_vec(), writes: 2, handle: None });
    }

    #[test]
    fn what_stands_beside_it_stays() {
        let key: ProductKey = "demo:1".parse().unwrap();
        let item: Item = [("aside".to_owned(), Value::from("hidden"))].into();
        assert_eq!(Stock::of(&item).unwrap(), Stock::default());
        let after = note_stock(&key, 0, b"{}").unwrap().apply(&item).unwrap();
        assert_eq!(after.get("aside"), Some(&Value::from("hidden")));
    }

    #[test]
    fn a_damaged_one_is_an_error() {
        let item: Item = [(STOCK.to_owned(), Value::B(vec![1, 2, 3]))].into();
        assert!(Stock::of(&item).is_err());
    }

    #[test]
    fn two_hundred_variants_take_few_write_units() {
        let key: ProductKey = "demo:1".parse().unwrap();
        let row = |n: u64| {
            format!(
                "\"iitem_01KB{:022}\":{{\"sku\":\"demo-1-{n}\",\"figure\":{},\"allowed\":{},\"basis\":\"after-0--0-\",\"version\":\"{}\",\
                 \"since\":1763856000000,\"at\":1763856001000,\"stocked\":{},\"why\":{{\"said\":\"{} said\",\"step\":{{\"ours\":{{\
                 \"pieces\":0,\"since\":1763856000000,\"left\":{}}}}}}}}}",
                n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1_000_000_007_000_003,
                n * 7 % 41,
                n * 7 % 41,
                "1763856000000-0055AED6DCD90281E500000000-00000000007",
                n * 7 % 41,
                n * 7 % 41,
                n * 7 % 41
            )
        };
        let json = format!("{{{}}}", (0..200).map(row).collect::<Vec<_>>().join(","));
        let Change::Set(_, Value::B(bytes)) = note_stock(&key, 0, json.as_bytes()).unwrap().changes.remove(0) else {
            panic!("bytes are written")
        };
        assert!(bytes.len() < 5_500, "{} of {} bytes", bytes.len(), json.len());
    }
}
