//! SKUs for sizes, where the source has none.
//!
//! A SKU is made of the product's id and what of the size fits into one. Two sizes may leave the
//! same: `<5` and `>5`, `A B` and `A-B`. Then one keeps it: the one that is written exactly so,
//! else the first by its characters; so adding, leaving out or moving another size changes nothing.
//! The others get eight digits of the hash of the size behind it.

use std::collections::{HashMap, HashSet};

use crate::text::composed;

/// One SKU for each size, no two alike, whatever the sizes.
pub(crate) fn of_sizes(id: &str, sizes: &[String]) -> Vec<String> {
    let sizes: Vec<String> = sizes.iter().map(|size| composed(size).into_owned()).collect();
    let plain: Vec<String> = sizes.iter().map(|size| plain(id, size)).collect();
    let mut owners: HashMap<&str, &str> = HashMap::with_capacity(sizes.len());
    for (sku, size) in plain.iter().zip(&sizes) {
        let rank = |size: &str| (sku.strip_prefix(id) != Some(&format!("-{}", size.to_lowercase())), size.to_owned());
        let owner = owners.entry(sku).or_insert(size);
        if rank(size) < rank(owner) {
            *owner = size;
        }
    }
    let mut taken: HashSet<String> = HashSet::with_capacity(sizes.len());
    let hashed =
        |sku: &str, size: &str, digits: usize| format!("{sku}-{}", &blake3::hash(size.as_bytes()).to_hex()[..digits]);
    let all: HashSet<&str> = plain.iter().map(String::as_str).collect();
    plain
        .iter()
        .zip(&sizes)
        .map(|(sku, size)| {
            if owners.get(&**sku).is_some_and(|owner| owner == size) && taken.insert(sku.clone()) {
                return sku.clone();
            }
            // More digits should another size be written like a hash.
            let free = (8..=64).map(|digits| hashed(sku, size, digits));
            let made = free.into_iter().find(|made| !all.contains(&**made) && !taken.contains(made));
            let made = made.unwrap_or_else(|| format!("{sku}-{}", taken.len()));
            taken.insert(made.clone());
            made
        })
        .collect()
}

/// What of a size fits into a SKU, in small letters.
fn plain(id: &str, size: &str) -> String {
    let mut sku = format!("{id}-");
    for c in size.chars() {
        match c {
            // Told apart, so that `5"` and `5'`, or `1.5` and `15`, do not become one.
            c if c.is_alphanumeric() || matches!(c, '.' | '*' | '+' | '/' | '_') => sku.extend(c.to_lowercase()),
            '"' => sku.push_str("in"),
            '\'' => sku.push_str("ft"),
            _ if !sku.ends_with('-') => sku.push('-'),
            _ => {}
        }
    }
    sku.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn skus(sizes: &[&str]) -> Vec<String> {
        of_sizes("7", &sizes.iter().map(|size| (*size).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn sizes_that_leave_the_same_have_skus_of_their_own() {
        for sizes in
            [["-1.00", "1.00"], ["A B", "A-B"], ["5", "5%"], ["<5", ">5"], ["5\"", "5in"], ["É", "é"], ["%", "-"]]
        {
            let made = skus(&sizes);
            assert_ne!(made[0], made[1], "{sizes:?}");
            let turned = skus(&[sizes[1], sizes[0]]);
            assert_eq!([&made[0], &made[1]], [&turned[1], &turned[0]], "the order says nothing");
        }
    }

    #[test]
    fn what_was_made_stays_what_it_is() {
        assert_eq!(
            skus(&["S", "XL", "5\"", "5'", "A B", "1.5", "US 8/9 (M)", "قميص"]),
            ["7-s", "7-xl", "7-5in", "7-5ft", "7-a-b", "7-1.5", "7-us-8/9-m", "7-قميص",]
        );
        assert_eq!(skus(&["5%", "5"])[1], "7-5", "a further size takes nothing from one that is written so");
        assert_eq!(skus(&["1.00", "-1.00"])[0], "7-1.00");
        assert_eq!(skus(&["Gro\u{308}ße"]), skus(&["Größe"]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn no_two_sizes_of_a_product_share_a_sku(sizes in proptest::collection::hash_set("[a-cA-C0-2%<> .\"'\\-éÉ]{1,4}|7-[0-9a-f]{8}", 1..12)) {
            let composed: HashSet<String> = sizes.iter().map(|size| super::composed(size).into_owned()).collect();
            let sizes: Vec<String> = composed.into_iter().collect();
            let made = of_sizes("7", &sizes);
            let unique: HashSet<&String> = made.iter().collect();
            prop_assert_eq!(unique.len(), sizes.len(), "{:?}: {:?}", sizes, made);
            // Where nothing collides, nothing is added.
            let plain: Vec<String> = sizes.iter().map(|size| plain("7", size)).collect();
            for (number, sku) in plain.iter().enumerate() {
                if plain.iter().filter(|other| *other == sku).count() == 1 {
                    prop_assert_eq!(&made[number], sku);
                }
            }
        }
    }
}
