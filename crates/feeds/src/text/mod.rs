//! What a text may consist of. Every text of every product passes here once, whatever its source
//! ([`clean`]), and one table says what each kind of field takes ([`takes`]):
//! - control characters (`U+0000` stops PostgreSQL, others terminals) never pass;
//! - characters that nobody sees are taken out where a text is compared or read as a name
//!   ([`invisible`]);
//! - entities of HTML are decoded once where a text is no HTML ([`entities`]);
//! - what is written in two ways is written in one: Unicode's composed form, NFC.
//!
//! Most texts need none of it, which one look at their bytes shows.

mod entities;
mod invisible;

use std::borrow::Cow;

use catalog::{Localized, Product, WarningCode};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::remarks::Remarks;
use crate::{Defect, Reason};

pub(crate) use entities::decoded;

/// The kinds of text in a product. Addresses are looked at by [`crate::address`]; the source,
/// currencies and amounts have stricter rules of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// Id of a product, SKU of a variant, id of a category: names something in the targets.
    Key,
    /// Group, article number, code of an attribute: compared, but nothing hangs on it alone.
    Code,
    /// Name of a product, category, attribute or option; brand; title of a variant; value of an
    /// attribute.
    Name,
    /// Value of an option: shown like a name and compared like a code.
    Choice,
    /// Description: plain text or HTML.
    Prose,
}

/// What becomes of control characters other than line breaks and tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    /// The record is refused: without them it might be another's.
    Refused,
    /// Taken out, with a remark.
    TakenOut,
}

/// What becomes of characters that nobody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unseen {
    /// Taken out, with a remark, but for those that writing needs. `strict`: also those that only
    /// say how a text is to be broken or set.
    TakenOut { strict: bool },
    /// Left as they are.
    Kept,
}

#[derive(Debug, Clone, Copy)]
struct Takes {
    control: Control,
    /// Line breaks and tabs; where they are not taken, a space stands in their place.
    breaks: bool,
    unseen: Unseen,
    /// The text is HTML, or may be: its entities are its own.
    html: bool,
}

/// The table.
const fn takes(field: Field) -> Takes {
    use Control::{Refused, TakenOut};
    let (strict, lenient) = (Unseen::TakenOut { strict: true }, Unseen::TakenOut { strict: false });
    match field {
        // An entity in a key is part of it: decoded it might be another's.
        Field::Key => Takes { control: Refused, breaks: false, unseen: strict, html: true },
        Field::Code => Takes { control: TakenOut, breaks: false, unseen: strict, html: true },
        Field::Name => Takes { control: TakenOut, breaks: false, unseen: lenient, html: false },
        Field::Choice => Takes { control: TakenOut, breaks: false, unseen: strict, html: false },
        Field::Prose => Takes { control: TakenOut, breaks: true, unseen: Unseen::Kept, html: true },
    }
}

/// Cleans every text of a product.
///
/// # Errors
/// `control_character` where a key has one, `duplicate_key` where a text is given twice in one
/// language, `invalid_type` for what is no language.
pub(crate) fn clean(product: &mut Product, remarks: &mut Remarks) -> Result<(), Defect> {
    let mut clean = Cleaner { remarks };
    clean.text(&mut product.id, Field::Key, || "$.id".to_owned())?;
    clean.optional(&mut product.group, Field::Code, "$.group")?;
    clean.optional(&mut product.sku, Field::Code, "$.sku")?;
    clean.optional(&mut product.brand, Field::Name, "$.brand")?;
    clean.texts(&mut product.name, Field::Name, || "$.name".to_owned())?;
    clean.texts(&mut product.description, Field::Prose, || "$.description".to_owned())?;
    for (path, categories) in product.categories.iter_mut().enumerate() {
        for (place, category) in categories.0.iter_mut().enumerate() {
            let at = |field: &str| format!("$.categories[{path}][{place}].{field}");
            clean.text(&mut category.id, Field::Key, || at("id"))?;
            clean.texts(&mut category.name, Field::Name, || at("name"))?;
        }
    }
    for (number, attribute) in product.attributes.iter_mut().enumerate() {
        let at = |field: &str| format!("$.attributes[{number}].{field}");
        clean.text(&mut attribute.code, Field::Code, || at("code"))?;
        clean.texts(&mut attribute.name, Field::Name, || at("name"))?;
        for value in &mut attribute.values {
            clean.texts(value, Field::Name, || at("values"))?;
        }
    }
    for (number, option) in product.options.iter_mut().enumerate() {
        clean.texts(&mut option.name, Field::Name, || format!("$.options[{number}].name"))?;
    }
    for (number, variant) in product.variants.iter_mut().enumerate() {
        let at = |field: &str| format!("$.variants[{number}].{field}");
        let made = product.made_skus.take(&variant.sku);
        clean.text(&mut variant.sku, Field::Key, || at("sku"))?;
        product.made_skus.extend(made.map(|_| variant.sku.clone()));
        clean.text(&mut variant.title, Field::Name, || at("title"))?;
        for value in &mut variant.options {
            clean.text(value, Field::Choice, || at("options"))?;
        }
    }
    crate::facts::each_row(product, |row, place| {
        let at = || format!("{place}.{}", row.code);
        let mut text = row.text.clone();
        clean.text(&mut text, if row.code == "document" { Field::Code } else { Field::Name }, at)?;
        let mut name = row.name.clone();
        clean.text(&mut name, Field::Name, at)?;
        let changed = (&text, &name) != (&row.text, &row.name);
        (row.text, row.name) = (text, name);
        Ok(changed)
    })
}

struct Cleaner<'r> {
    remarks: &'r mut Remarks,
}

impl Cleaner<'_> {
    fn text(&mut self, text: &mut String, field: Field, path: impl Fn() -> String) -> Result<(), Defect> {
        if is_plain(text, field) {
            return Ok(());
        }
        let mut gone = Vec::new();
        let cleaned = match tidy(text, field, &mut gone) {
            Ok(cleaned) => cleaned,
            Err(control) => {
                let message = format!("the control character U+{:04X} stands where none may", u32::from(control));
                let shown: String = text.chars().flat_map(char::escape_debug).collect();
                return Err(Defect::new(Reason::ControlCharacter, message).path(path()).value(&shown));
            }
        };
        if !gone.is_empty() {
            let named: Vec<String> = gone.iter().map(|c| format!("U+{:04X}", u32::from(*c))).collect();
            let message = format!("characters nobody sees were taken out of {}: {}", path(), named.join(", "));
            self.remarks.add(WarningCode::TextCleaned, || message);
        }
        if let Cow::Owned(cleaned) = cleaned {
            *text = cleaned;
        }
        Ok(())
    }

    fn optional(&mut self, text: &mut Option<String>, field: Field, path: &str) -> Result<(), Defect> {
        if let Some(some) = text {
            self.text(some, field, || path.to_owned())?;
            // Nothing may be left of it.
            text.take_if(|left| left.trim().is_empty());
        }
        Ok(())
    }

    fn texts(&mut self, texts: &mut Localized, field: Field, path: impl Fn() -> String) -> Result<(), Defect> {
        let mut blank = false;
        for (lang, text) in &mut texts.0 {
            if !is_language(lang) {
                let message = "this is no language; languages are named by BCP 47, such as en or pt-BR";
                return Err(Defect::new(Reason::InvalidType, message).path(path()).value(lang));
            }
            let given = !text.is_empty();
            self.text(text, field, || format!("{}.{lang}", path()))?;
            blank |= given && text.is_empty();
        }
        if blank {
            texts.0.retain(|_, text| !text.is_empty());
        }
        let mut langs = texts.0.keys();
        if texts.0.len() > 1
            && let Some(lang) = langs.find(|lang| texts.0.keys().any(|k| k != *lang && k.eq_ignore_ascii_case(lang)))
        {
            let message = "the text is given twice in one language; nobody can tell which one counts";
            return Err(Defect::new(Reason::DuplicateKey, message).path(path()).value(lang));
        }
        Ok(())
    }
}

/// Whether a text looks like a BCP 47 tag: parts of 1 to 8 letters and digits.
fn is_language(tag: &str) -> bool {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    tag.len() <= 35 && tag.split('-').all(part)
}

/// Whether one look suffices: nothing of the text could have to be changed. Texts in Latin and
/// Arabic letters are.
fn is_plain(text: &str, field: Field) -> bool {
    let html = takes(field).html;
    let breaks = takes(field).breaks;
    // Without a branch in the loop, so that it is one look at many bytes at once.
    let odd = |byte: u8| !(0x20..=0x7e).contains(&byte) | (byte == b'&');
    if !text.bytes().fold(false, |found, byte| found | odd(byte)) {
        return true;
    }
    text.chars().all(|c| match c {
        '&' => html,
        '\n' | '\r' | '\t' => breaks,
        ' '..='~' => true,
        // Below U+0300 nothing combines.
        '\u{a0}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' => true,
        // Arabic letters without marks, digits, punctuation; dashes, quotes and the like.
        '\u{60c}' | '\u{61b}' | '\u{61f}' | '\u{621}'..='\u{64a}' | '\u{660}'..='\u{66d}' => true,
        '\u{2010}'..='\u{2027}' | '\u{20a0}'..='\u{20c0}' => true,
        _ => false,
    })
}

/// The text as its field takes it; what was taken out, each once. `Err` with the control character
/// for which it is refused.
fn tidy<'t>(text: &'t str, field: Field, gone: &mut Vec<char>) -> Result<Cow<'t, str>, char> {
    let takes = takes(field);
    let decoded = if takes.html { Cow::Borrowed(text) } else { decoded(text) };
    let printable = without_control(&decoded, takes, gone)?;
    let seen = match takes.unseen {
        Unseen::Kept => printable,
        Unseen::TakenOut { strict } => match invisible::without(&printable, strict, gone) {
            Cow::Borrowed(_) => printable,
            Cow::Owned(seen) => Cow::Owned(seen),
        },
    };
    let composed = composed(&seen);
    if composed == text {
        return Ok(Cow::Borrowed(text));
    }
    // Where something was taken out a blank may be left at an end.
    let trimmed = if takes.breaks || gone.is_empty() { &*composed } else { composed.trim() };
    Ok(Cow::Owned(trimmed.to_owned()))
}

/// Takes control characters out; a space takes the place of line breaks and tabs where none may
/// stand.
fn without_control<'t>(text: &'t str, takes: Takes, gone: &mut Vec<char>) -> Result<Cow<'t, str>, char> {
    let is_break = |c: char| matches!(c, '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let taken = |c: char| takes.breaks && matches!(c, '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}');
    // Unicode promises never to make characters of these.
    let no_character = |c: char| matches!(u32::from(c), 0xfdd0..=0xfdef) || u32::from(c) & 0xfffe == 0xfffe;
    let odd = |c: char| (c.is_control() || is_break(c) || no_character(c)) && !taken(c);
    if !text.contains(odd) {
        return Ok(Cow::Borrowed(text));
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if !odd(c) {
            clean.push(c);
            continue;
        }
        if takes.control == Control::Refused {
            return Err(c);
        }
        if is_break(c) && !clean.is_empty() && !clean.ends_with(' ') {
            clean.push(' ');
        }
        if !gone.contains(&c) {
            gone.push(c);
        }
    }
    Ok(Cow::Owned(clean))
}

/// An option's value as it will be compared, before its product exists.
pub(crate) fn choice(text: &str) -> Cow<'_, str> {
    if is_plain(text, Field::Choice) {
        return Cow::Borrowed(text);
    }
    // A choice is never refused for a control character.
    tidy(text, Field::Choice, &mut Vec::new()).unwrap_or(Cow::Borrowed(text))
}

/// A product's id as it will be known, for one that is refused.
pub(crate) fn key(text: &str) -> Cow<'_, str> {
    if is_plain(text, Field::Key) {
        return Cow::Borrowed(text);
    }
    tidy(text, Field::Key, &mut Vec::new()).unwrap_or(Cow::Borrowed(text))
}

/// The text in Unicode's composed form.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        _ => Cow::Owned(text.nfc().collect()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIELDS: [Field; 5] = [Field::Key, Field::Code, Field::Name, Field::Choice, Field::Prose];

    fn tidied(text: &str, field: Field) -> Result<String, char> {
        if is_plain(text, field) {
            return Ok(text.to_owned());
        }
        tidy(text, field, &mut Vec::new()).map(Cow::into_owned)
    }

    #[test]
    fn one_table_says_which_field_takes_what() {
        for (text, field, right) in [
            ("a\u{0}b", Field::Key, Err('\u{0}')),
            ("a\nb", Field::Key, Err('\n')),
            ("a\u{0}b", Field::Code, Ok("ab")),
            ("a\u{0}b\u{7f}\u{1b}[0m", Field::Name, Ok("ab[0m")),
            ("two\r\nlines\tand \u{2028}more\n", Field::Name, Ok("two lines and more")),
            ("two\r\nlines\tand \u{0}more\n", Field::Prose, Ok("two\r\nlines\tand more\n")),
            ("a&amp;b", Field::Name, Ok("a&b")),
            ("a&amp;b", Field::Choice, Ok("a&b")),
            ("a&amp;b", Field::Prose, Ok("a&amp;b")),
            ("a&amp;b", Field::Key, Ok("a&amp;b")),
            ("&#0;&#x202e;x", Field::Name, Ok("\u{fffd}x")),
            ("\u{202e}abc\u{202c} scarf\u{200b}", Field::Name, Ok("abc scarf")),
            ("\u{202e}abc", Field::Prose, Ok("\u{202e}abc")),
            ("Gro\u{308}\u{df}e", Field::Prose, Ok("Gr\u{f6}\u{df}e")),
            ("Gro\u{308}\u{df}e", Field::Key, Ok("Gr\u{f6}\u{df}e")),
            ("49\u{200b}11", Field::Key, Ok("4911")),
            ("\u{fdd0}a", Field::Name, Ok("a")),
        ] {
            assert_eq!(tidied(text, field), right.map(str::to_owned), "{text:?} as {field:?}");
        }
    }

    #[test]
    fn what_is_sound_is_not_even_copied() {
        for text in [
            "Linen scarf 90×180",
            "قميص قطني، للرجال 100٪",
            "Größe",
            "שמלה",
            "クッション 5個",
            "👩‍👩‍👧 mug",
            "می‌خواهم",
            "क्‍ष",
        ] {
            for field in FIELDS {
                let left = tidy(text, field, &mut Vec::new()).unwrap();
                assert!(matches!(left, Cow::Borrowed(_)), "{text:?} as {field:?}: {left:?}");
            }
        }
    }

    #[test]
    fn languages_are_named_as_such() {
        for tag in ["en", "ar", "pt-BR", "zh-Hant-TW", "und", "x-shop"] {
            assert!(is_language(tag), "{tag}");
        }
        for tag in ["", "en_GB", "en\u{0}", "en-", "english language", "قميص"] {
            assert!(!is_language(tag), "{tag:?}");
        }
    }

    fn texts() -> impl Strategy<Value = String> {
        let pieces = prop_oneof![
            "[ -~]{0,4}",
            "[\\x00-\\x1f\\x7f-\\xa0]",
            "[\u{300}-\u{36f}\u{64b}-\u{65f}\u{1100}-\u{11ff}]",
            "[\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{206f}\u{feff}\u{ad}\u{fe0f}\u{180e}]",
            "[\u{600}-\u{6ff}\u{900}-\u{97f}]{1,3}",
            "[\u{1f466}-\u{1f469}\u{1f3f4}\u{e0067}\u{e007f}]",
            "\\PC{1,2}",
            Just("&amp;".to_owned()),
        ];
        proptest::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

        #[test]
        fn what_is_clean_stays_as_it_is(text in texts()) {
            for field in [Field::Key, Field::Code, Field::Prose] {
                if let Ok(once) = tidied(&text, field) {
                    prop_assert_eq!(tidied(&once, field), Ok(once), "{:?}", field);
                }
            }
            // Entities are decoded once, so of names only those without.
            let plain = text.replace('&', "");
            for field in [Field::Name, Field::Choice] {
                let once = tidied(&plain, field).unwrap();
                prop_assert_eq!(tidied(&once, field), Ok(once), "{:?}", field);
            }
        }

        #[test]
        fn no_field_lets_a_control_character_pass(text in texts()) {
            for field in FIELDS {
                if let Ok(clean) = tidied(&text, field) {
                    let taken = |c: char| field == Field::Prose && matches!(c, '\n' | '\r' | '\t');
                    prop_assert!(!clean.contains(|c: char| c.is_control() && !taken(c)), "{:?}: {:?}", field, clean);
                    prop_assert_eq!(clean.nfc().collect::<String>(), clean);
                }
            }
        }

        #[test]
        fn the_quick_look_passes_only_what_the_thorough_one_leaves_as_it_is(text in texts()) {
            for field in FIELDS {
                if is_plain(&text, field) {
                    prop_assert_eq!(tidy(&text, field, &mut Vec::new()), Ok(Cow::Borrowed(&*text)));
                }
            }
        }

        #[test]
        fn two_ways_of_writing_one_text_become_one(text in "[ -%'-~à-ÿآ-ي가-힣]{0,20}") {
            let decomposed: String = text.nfd().collect();
            for field in FIELDS {
                prop_assert_eq!(tidied(&text, field), tidied(&decomposed, field));
            }
        }
    }
}
