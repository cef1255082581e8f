//! A product's address in the shop: a handle that is chosen once, from what the product is called,
//! and kept.
//!
//! Pure but for [`Addresses`], which remembers what was chosen: two creators of one product have to
//! choose alike, because the handle is the only text that Medusa guards, and an address that once
//! led to a product must not lead to another one (D101).

use std::future::Future;
use std::str::FromStr;
use std::time::Instant;

use catalog::{Failure, ProductKey};
use serde_json::{Value, json};

use crate::api::model::{Metadata, Product};
use crate::aside::{MADE, Made};
use crate::desired::{Article, MARKER};
use crate::handle::{handle, second_handle};

/// The product metadata key with the handles that it had before; who asks for one of them is to be
/// sent to the present one.
pub const REDIRECTS: &str = "relay_redirects";
/// Old handles that a product keeps; the oldest go first (D120).
pub const MOST_REDIRECTS: usize = 100;
/// Characters of a handle before its digits; the rest of the URL must fit beside it.
const MAX_CHARS: usize = 100;
/// How many digits follow where others have the address already, in turn.
const DIGITS: [usize; 3] = [4, 8, 16];
/// What a product is called whose name leaves nothing.
const NAMELESS: &str = "product";

/// What a handle is made of: text with `{title}`, `{brand}`, `{sku}`, `{group}`, `{source}` and
/// `{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandleTemplate(Vec<Part>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Title,
    Brand,
    Sku,
    Group,
    Source,
    Id,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("should be text with {{title}}, {{brand}}, {{sku}}, {{group}}, {{source}} or {{id}}, got: {0:?}")]
pub struct HandleTemplateError(String);

impl Default for HandleTemplate {
    fn default() -> Self {
        Self(vec![Part::Field(Field::Title)])
    }
}

impl FromStr for HandleTemplate {
    type Err = HandleTemplateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || HandleTemplateError(text.to_owned());
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(wrong)?;
            let field = match name {
                "title" => Field::Title,
                "brand" => Field::Brand,
                "sku" => Field::Sku,
                "group" => Field::Group,
                "source" => Field::Source,
                "id" => Field::Id,
                _ => return Err(wrong()),
            };
            parts.extend([Part::Text(before.to_owned()), Part::Field(field)]);
            rest = after;
        }
        if parts.is_empty() || rest.contains('}') {
            return Err(wrong());
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }
}

impl HandleTemplate {
    /// What a product of this title and metadata is called in an address: words of `a-z 0-9` with
    /// one hyphen between two, never none.
    #[must_use]
    pub fn base(&self, key: &ProductKey, title: &str, metadata: &Metadata) -> String {
        let known = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default();
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Field(Field::Title) => title,
            Part::Field(Field::Brand) => known("relay_brand"),
            Part::Field(Field::Sku) => known("relay_sku"),
            Part::Field(Field::Group) => known("relay_group"),
            Part::Field(Field::Source) => key.source(),
            Part::Field(Field::Id) => key.id(),
        });
        let whole = slug::slugify(parts.collect::<String>());
        if whole.len() <= MAX_CHARS {
            return if whole.is_empty() { NAMELESS.to_owned() } else { whole };
        }
        // Shortened where a word ends, if one does.
        let start = &whole[..MAX_CHARS];
        let end = if whole.as_bytes()[MAX_CHARS] == b'-' { MAX_CHARS } else { start.rfind('-').unwrap_or(MAX_CHARS) };
        start[..end].to_owned()
    }

    /// The handles that an article may have, the best first.
    #[must_use]
    pub fn candidates(&self, key: &ProductKey, article: &Article) -> Vec<String> {
        candidates(&self.base(key, &article.title, &article.metadata), key)
    }
}

/// The handles that a product may have that is called `base`: where that is somebody else's, digits
/// follow, which are the product's own.
#[must_use]
pub fn candidates(base: &str, key: &ProductKey) -> Vec<String> {
    let hash = blake3::hash(key.to_string().as_bytes());
    let (number, _) = hash.as_bytes().split_at(8);
    let number = number.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let digits = format!("{:016}", number % 10u64.pow(16));
    std::iter::once(base.to_owned()).chain(DIGITS.map(|count| format!("{base}-{}", &digits[16 - count..]))).collect()
}

/// What is known of the address of a product that is in the shop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// The handle that we gave it; `None` where a person made the product.
    pub given: Option<String>,
    /// The one that it had when we last looked.
    pub last: Option<String>,
}

impl Address {
    /// What a product says.
    #[must_use]
    pub fn of(key: &ProductKey, there: &Product) -> Self {
        let metadata = there.metadata.as_ref();
        let made = Made::of(metadata).unwrap_or_default();
        if made.handle.is_some() || made.renamed.is_some() {
            let last = made.renamed.or_else(|| made.handle.clone());
            return Self { given: made.handle, last };
        }
        // Made before handles were chosen: then they were a function of the key.
        let ours = |name: &str| metadata.is_some_and(|metadata| metadata.contains_key(name));
        let [first, second] = [handle(key), second_handle(key)];
        if there.handle == first || there.handle == second {
            Self { given: Some(there.handle.clone()), last: Some(there.handle.clone()) }
        } else if ours(MADE) || ours(MARKER) {
            Self { given: Some(first.clone()), last: Some(first) }
        } else {
            Self::default()
        }
    }

    /// Whether a person has given it another handle since we last looked.
    #[must_use]
    pub fn is_news(&self, there: &Product) -> bool {
        self.last.as_ref().is_some_and(|last| *last != there.handle)
    }

    /// Whether the handle that it has is one that we gave it.
    #[must_use]
    pub fn is_ours(&self, there: &Product) -> bool {
        self.given.as_ref() == Some(&there.handle)
    }

    /// What is to be noted with the product once it has the handle `now`; `moved`: because we gave
    /// it that.
    pub(crate) fn noted(&self, now: &str, moved: bool) -> (Option<String>, Option<String>) {
        let given = if moved { Some(now.to_owned()) } else { self.given.clone() };
        let renamed = (given.as_deref() != Some(now)).then(|| now.to_owned());
        (given, renamed)
    }
}

/// The handles that lead to a product besides its own.
#[must_use]
pub fn redirects(metadata: Option<&Metadata>) -> Vec<String> {
    let list = metadata.and_then(|metadata| metadata.get(REDIRECTS)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What becomes of the old handles of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The metadata to write; nothing where that is what is there.
    pub(crate) list: Option<Value>,
    /// Those that lead nowhere from now on, because there are too many.
    pub(crate) given_up: Vec<String>,
}

/// Keeps the handles that a product had, the newest last, once it has the handle `now`.
pub(crate) fn kept(address: &Address, there: &Product, now: &str) -> Kept {
    let before = redirects(there.metadata.as_ref());
    let mut after = before.clone();
    for old in address.last.iter().chain([&there.handle]) {
        if !after.contains(old) {
            after.push(old.clone());
        }
    }
    after.retain(|old| old != now);
    let given_up = after.drain(..after.len().saturating_sub(MOST_REDIRECTS)).collect();
    let list = (after != before).then(|| if after.is_empty() { json!("") } else { json!(after) });
    Kept { list, given_up }
}

/// What a product's move would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moving {
    /// It has the address that it would be given.
    There,
    /// A person gave it its handle.
    Persons,
    /// It would be called so; where somebody has that, digits follow.
    To(String),
}

/// What a move of a product with this title and metadata would come to.
#[must_use]
pub fn moving(template: &HandleTemplate, key: &ProductKey, there: &Product) -> Moving {
    let nothing = Metadata::new();
    let base = template.base(key, &there.title, there.metadata.as_ref().unwrap_or(&nothing));
    if candidates(&base, key).contains(&there.handle) {
        Moving::There
    } else if Address::of(key, there).is_ours(there) {
        Moving::To(base)
    } else {
        Moving::Persons
    }
}

/// Where it is remembered which address is whose.
pub trait Addresses: Sync {
    /// Chooses the handle of a product: the first of `wanted` that is no other product's, for good.
    /// Somebody else who chooses for the same product gets the same. `was`: what was chosen before,
    /// if this is to replace it. `None` where all are others'.
    ///
    /// The default remembers nothing.
    fn choose(
        &self,
        _key: &ProductKey,
        wanted: &[String],
        _was: Option<&str>,
        _deadline: Instant,
    ) -> impl Future<Output = Result<Option<String>, Failure>> + Send {
        let first = wanted.first().cloned();
        async move { Ok(first) }
    }

    /// Keeps a handle that a product has or had from all others, if nobody else has it.
    fn keep(
        &self,
        _key: &ProductKey,
        _handle: &str,
        _deadline: Instant,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::{article, held, key};

    fn template(text: &str) -> HandleTemplate {
        text.parse().unwrap()
    }

    fn base(text: &str, title: &str) -> String {
        let metadata = [("relay_brand".to_owned(), json!("Acme"))].into();
        template(text).base(&key("shein-api:90"), title, &metadata)
    }

    #[test]
    fn an_address_is_made_of_the_title_and_tells_nobody_who_the_supplier_is() {
        for (form, title, made) in [
            ("{title}", "Summer Dress, long", "summer-dress-long"),
            ("{title}", "Größe & Maß", "grosse-mass"),
            ("{title}", "Élégante", "elegante"),
            ("{title}", "  --  ", "product"),
            ("{title}", "❗", "product"),
            ("{brand}-{title}", "Dress", "acme-dress"),
            ("{title} {sku}", "Dress", "dress"),
            ("{source}-{id}", "Dress", "shein-api-90"),
            ("p/{id}", "Dress", "p-90"),
        ] {
            assert_eq!(base(form, title), made, "{form} {title}");
        }
        assert!(base("{title}", "قميص قطني").contains('-'), "{}", base("{title}", "قميص قطني"));
        assert!(base("{title}", "棉衬衫").starts_with("mian"), "{}", base("{title}", "棉衬衫"));
        assert_eq!(base("{title}", &"word ".repeat(40)).len(), 99, "cut where a word ends");
        assert_eq!(base("{title}", &"w".repeat(200)).len(), 100);
    }

    #[test]
    fn a_template_names_what_is_known() {
        for wrong in ["", "shirt", "{name}", "{title", "title}", "{title}}"] {
            assert!(
                wrong.parse::<HandleTemplate>().unwrap_err().to_string().contains(&format!("{wrong:?}")),
                "{wrong}"
            );
        }
        assert_eq!(template("{title}").base(&key("a:1"), "T", &Metadata::new()), "t");
    }

    #[test]
    fn where_somebody_has_it_digits_follow_that_are_the_products_own() {
        let [one, two] = ["s:1", "s:2"].map(|text| candidates("dress", &key(text)));
        assert_eq!(one.len(), 4);
        assert!(one[0] == "dress" && one[1].len() == 10 && one[2].len() == 14 && one[3].len() == 22, "{one:?}");
        assert!(one[1..].iter().all(|handle| !two.contains(handle)));
        assert_eq!(one, candidates("dress", &key("s:1")));
        // `tests/test_failures_data.py` takes all of these.
        let taken = candidates("cup-handle-taken", &key("canonical:handle-taken"));
        assert_eq!(taken[3], "cup-handle-taken-7776327733794473");
        assert!(taken[3].ends_with(&taken[2]["cup-handle-taken-".len()..]));
    }

    fn made(given: Option<&str>, renamed: Option<&str>) -> Metadata {
        let made = Made {
            handle: given.map(str::to_owned),
            renamed: renamed.map(str::to_owned),
            ..Made::published(&article(1), "sc_1", &[])
        };
        [(MADE.to_owned(), made.value())].into()
    }

    fn there(handle: &str, metadata: Metadata) -> Product {
        Product { handle: handle.into(), metadata: Some(metadata), ..held(&key("demo:1"), &article(1)) }
    }

    #[test]
    fn whose_handle_it_is_follows_from_what_we_noted() {
        let address = |given: Option<&str>, last: Option<&str>| Address {
            given: given.map(str::to_owned),
            last: last.map(str::to_owned),
        };
        let marked = || Metadata::from([(MARKER.to_owned(), json!("m"))]);
        for (what, product, expected, news, ours) in [
            ("ours", there("a", made(Some("a"), None)), address(Some("a"), Some("a")), false, true),
            ("a person's, new", there("b", made(Some("a"), None)), address(Some("a"), Some("a")), true, false),
            ("a person's, known", there("b", made(Some("a"), Some("b"))), address(Some("a"), Some("b")), false, false),
            ("adopted", there("b", made(None, Some("b"))), address(None, Some("b")), false, false),
            ("an older version's", there("demo-1", marked()), address(Some("demo-1"), Some("demo-1")), false, true),
            ("renamed under it", there("b", marked()), address(Some("demo-1"), Some("demo-1")), true, false),
            ("made by hand", there("b", Metadata::new()), Address::default(), false, false),
        ] {
            let found = Address::of(&key("demo:1"), &product);
            assert_eq!((&found, found.is_news(&product), found.is_ours(&product)), (&expected, news, ours), "{what}");
        }
        assert_eq!(address(Some("a"), Some("a")).noted("b", true), (Some("b".into()), None));
        assert_eq!(address(Some("a"), Some("a")).noted("b", false), (Some("a".into()), Some("b".into())));
        assert_eq!(address(Some("a"), Some("b")).noted("a", false), (Some("a".into()), None));
    }

    #[test]
    fn every_handle_that_a_product_had_leads_to_it() {
        let mut product = there("b", made(Some("a"), None));
        let kept = |product: &Product, now: &str| kept(&Address::of(&key("demo:1"), product), product, now).list;
        assert_eq!(kept(&product, "b"), Some(json!(["a"])));
        product.metadata.as_mut().unwrap().insert(REDIRECTS.into(), json!(["a"]));
        assert_eq!(kept(&product, "b"), None);
        assert_eq!(kept(&product, "c"), Some(json!(["a", "b"])));
        let back = Product { handle: "a".into(), ..product.clone() };
        assert_eq!(kept(&back, "a"), Some(json!("")), "a person took it back");
        assert_eq!(kept(&there("a", made(Some("a"), None)), "a"), None);
    }

    #[test]
    fn of_more_old_handles_than_a_product_keeps_the_oldest_lead_nowhere_and_are_told_of() {
        let mut product = there("r0", made(Some("r0"), None));
        let mut given_up = Vec::new();
        for n in 1..=MOST_REDIRECTS + 2 {
            // A person renames it, day after day.
            product.handle = format!("r{n}");
            let now = product.handle.clone();
            let kept = kept(&Address::of(&key("demo:1"), &product), &product, &now);
            given_up.extend(kept.given_up);
            let metadata = product.metadata.as_mut().unwrap();
            metadata.insert(REDIRECTS.into(), kept.list.expect("there is one more"));
            metadata.extend(made(Some("r0"), Some(&now)));
        }
        assert_eq!(given_up, ["r0", "r1"]);
        let old = redirects(product.metadata.as_ref());
        assert_eq!((old.len(), old[0].as_str(), old[99].as_str()), (MOST_REDIRECTS, "r2", "r101"));
        assert_eq!(kept(&Address::of(&key("demo:1"), &product), &product, "r102"), Kept::default(), "at rest");
    }

    #[test]
    fn a_move_leaves_alone_what_is_right_and_what_a_person_chose() {
        let form = HandleTemplate::default();
        let of = |handle: &str, metadata| moving(&form, &key("demo:1"), &there(handle, metadata));
        assert_eq!(of("demo-1", Metadata::new()), Moving::To("shirt".into()));
        assert_eq!(of("shirt", made(Some("shirt"), None)), Moving::There);
        let digits = candidates("shirt", &key("demo:1")).remove(1);
        assert_eq!(of(&digits, made(Some(&digits), None)), Moving::There);
        assert_eq!(of("nicer", made(Some("demo-1"), Some("nicer"))), Moving::Persons);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn an_address_is_never_empty_and_medusa_takes_it(
            title in "\\PC{0,200}", form in prop_oneof!["\\{title\\}", "\\{brand\\}-\\{title\\}", "x \\{sku\\}", "\\PC{0,5}\\{title\\}"],
        ) {
            prop_assume!(form.parse::<HandleTemplate>().is_ok());
            let key = key("demo:1");
            let base = template(&form).base(&key, &title, &Metadata::new());
            for handle in candidates(&base, &key) {
                prop_assert!(handle.len() <= MAX_CHARS + 17 && !handle.is_empty());
                prop_assert!(
                    handle.split('-').all(|word| {
                        !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
                    }),
                    "{title:?}: {handle}"
                );
            }
        }

        #[test]
        fn no_two_products_of_one_title_are_left_without_an_address(ids in proptest::collection::btree_set(0..1_000_000u32, 2..60)) {
            let mut taken = BTreeSet::new();
            for id in ids {
                let key = ProductKey::new("demo", id.to_string()).unwrap();
                let chosen = candidates("dress", &key).into_iter().find(|handle| taken.insert(handle.clone()));
                prop_assert!(chosen.is_some());
            }
        }

    }
}
