//! How large the largest products become in the ledger: almost all fit an item, the others go to
//! the bucket, none of a feed is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use catalog::{ContentHash, Product, Version};
use feeds::quality;
use ledger::DesiredDoc;
use ledger::core::MAX_JSON_BYTES;
use ledger::core::desired::{Body, MAX_BODY_BYTES};
use serde_json::{Value, json};

/// A small generator, so that the same product comes out every time (Knuth's constants).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn letters(&mut self, alphabet: &str, count: u64) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..count).map(|_| alphabet[usize::try_from(self.roll(alphabet.len() as u64)).unwrap()]).collect()
    }

    /// Words of a language of 5,000, the frequent ones often, as in prose.
    fn prose(&mut self, alphabet: &str, chars: usize) -> String {
        let words: Vec<String> = (0..5_000)
            .map(|_| {
                let length = 2 + self.roll(8);
                self.letters(alphabet, length)
            })
            .collect();
        let mut text = String::new();
        for _ in 0..chars {
            let among = 5_000 / (1 + self.roll(50));
            text.push_str(&words[usize::try_from(self.roll(among)).unwrap()]);
            text.push(' ');
        }
        text.chars().take(chars).collect()
    }
}

const LATIN: &str = "abcdefghijklmnopqrstuvwxyz";
const ARABIC: &str = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي";

/// Bytes of a product's body as the ledger keeps it.
fn packed(variants: u64, images: u64, images_of_a_variant: u64, description: usize) -> usize {
    let doc = doc(variants, images, images_of_a_variant, description);
    let (plain, packed) = (serde_json::to_vec(&doc.product).unwrap().len(), doc.packed().unwrap().len());
    eprintln!(
        "{variants} variants, {description} characters of description: {plain} bytes, {packed} in the ledger of {MAX_BODY_BYTES}"
    );
    packed
}

fn doc(variants: u64, images: u64, images_of_a_variant: u64, description: usize) -> DesiredDoc {
    let mut dice = Dice(7);
    let image = |dice: &mut Dice| {
        let name = dice.letters("0123456789abcdef", 40);
        format!("https://img.example.com/images3_spmp/2026/11/{:02}/{name}_thumbnail_900x.webp", dice.roll(31))
    };
    let both = |dice: &mut Dice, chars| json!({"en": dice.prose(LATIN, chars), "ar": dice.prose(ARABIC, chars)});
    let price = |dice: &mut Dice, currency: &str| {
        let cents = 500 + dice.roll(50_000);
        let text = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
        json!({"currency": currency, "amount": text(cents), "listAmount": text(cents + 1 + dice.roll(9_000))})
    };
    let all: Vec<Value> = (0..variants)
        .map(|number| {
            let images: Vec<String> = (0..images_of_a_variant).map(|_| image(&mut dice)).collect();
            json!({
                "sku": dice.letters("0123456789abcdefghijklmnopqrstuvwxyz", 14), "title": format!("Colour {} / Size {}", number / 20, number % 20),
                "options": [format!("Colour {}", number / 20), format!("Size {}", number % 20)], "stock": dice.roll(500), "images": images,
                "prices": [price(&mut dice, "AED"), price(&mut dice, "SAR"), price(&mut dice, "USD")],
            })
        })
        .collect();
    let attributes: Vec<Value> = (0..40)
        .map(|number| json!({"code": number.to_string(), "name": both(&mut dice, 15), "values": [both(&mut dice, 25), both(&mut dice, 25)]}))
        .collect();
    let images: Vec<String> = (0..images).map(|_| image(&mut dice)).collect();
    let product = json!({
        "source": "canonical", "id": "1", "name": both(&mut dice, 500), "description": both(&mut dice, description), "variants": all,
        "options": [{"name": {"en": "Colour", "ar": "لون"}}, {"name": {"en": "Size", "ar": "مقاس"}}], "attributes": attributes, "images": images,
    });
    let product: Product = quality::checked(serde_json::from_value(product).unwrap()).unwrap();
    let hash = ContentHash::of(&product);
    DesiredDoc { product, version: Version::new(1, "1", 1), hash, run: "r".into(), provenance: "p".into() }
}

#[test]
fn the_largest_plausible_product_takes_a_tenth_of_what_an_item_holds() {
    // 10 colours in 20 sizes, an image of each variant, two pages of text in each language.
    let largest = packed(200, 60, 1, 6_000);
    assert!(largest < MAX_BODY_BYTES / 8, "{largest}");
}

#[test]
fn what_the_feeds_own_limits_allow_fits_an_item_while_it_is_prose() {
    // 1,000 variants, and a book of 100 pages in each language.
    let largest = packed(quality::VARIANTS as u64, 200, 1, quality::DESCRIPTION_CHARS);
    assert!(largest < MAX_BODY_BYTES, "{largest}");
}

#[test]
fn what_does_not_fit_an_item_goes_to_the_bucket_and_is_no_larger_than_is_kept() {
    // The same with eight images of each variant, whose addresses are chance: what no compression
    // makes smaller.
    let doc = doc(quality::VARIANTS as u64, 200, 8, quality::DESCRIPTION_CHARS);
    let packed = doc.packed().unwrap();
    assert!(packed.len() > MAX_BODY_BYTES, "{}", packed.len());
    assert!(Body::object_for(&doc.product.key().unwrap(), &packed).is_some());
    // A record is read up to 4 MiB, and what becomes of it is not twice as large.
    let json = serde_json::to_vec(&doc.product).unwrap().len();
    let record = feeds::Limits::default().record_bytes;
    eprintln!("{json} bytes of JSON, {} packed; a record has up to {record}, {MAX_JSON_BYTES} are kept", packed.len());
    assert!(json < MAX_JSON_BYTES && record * 2 <= MAX_JSON_BYTES);
}
