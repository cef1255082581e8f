//! Bodies that exceed an item: where they are kept, and when one may be cleaned up.
//!
//! A large body is an object of the bucket, named after its product and its content. It is written
//! *before* the `doc` that names it, every time and without a look whether it is there already, so
//! that it is always a version of its own. Cleaning up deletes single versions: one that is older
//! than [`GRACE_MS`] and whose `doc` and parts, read after the version was listed, name something
//! else.
//! Whoever names the content again has written a newer version first, which that delete does not
//! touch, however late it lands.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catalog::ProductKey;

use super::desired;
use super::expression::{Item, Value};

/// Folder of the bodies in the bucket.
pub const PREFIX: &str = "bodies/";

/// How old (ms) a version is before it may be deleted: far more than a writer takes from the object
/// to the `doc` (an invocation lasts two minutes, a late request a little longer).
pub const GRACE_MS: i64 = 24 * 60 * 60 * 1000;

/// What S3 calls the one version of an object in a bucket without versions. A delete of it would
/// hit whatever is there by then.
const UNVERSIONED: &str = "null";

/// The object of a body: `bodies/<source>/<id, base64url>/<BLAKE3 of the packed body>`. An id may
/// hold any character, also `/` and `..`.
#[must_use]
pub fn object_of(key: &ProductKey, packed: &[u8]) -> String {
    let hash = blake3::hash(packed).to_hex();
    format!("{PREFIX}{}/{}/{hash}", key.source(), URL_SAFE_NO_PAD.encode(key.id()))
}

/// The product whose body an object is; `None` for an object that is none of ours.
#[must_use]
pub fn product_of(object: &str) -> Option<ProductKey> {
    let mut parts = object.strip_prefix(PREFIX)?.split('/');
    let (source, id, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let id = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    let ours = parts.next().is_none() && hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    ProductKey::new(source, id).ok().filter(|_| ours)
}

/// One version of an object below [`PREFIX`], as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub object: String,
    pub version: String,
    /// When it was written, in ms.
    pub written: i64,
}

/// The product that has to be asked before this version may be deleted; `None` while it must stay
/// whatever that says.
#[must_use]
pub fn candidate(version: &Version, now: i64) -> Option<ProductKey> {
    let old = version.written + GRACE_MS < now && version.version != UNVERSIONED;
    product_of(&version.object).filter(|_| old)
}

/// Whether an object is looked at in a turn: each in one of sixteen, by chance, so that many that
/// are needed cost little.
#[must_use]
pub fn has_its_turn(object: &str, turn: i64) -> bool {
    let digit = object.chars().next_back().and_then(|digit| digit.to_digit(16));
    digit.is_some_and(|digit| i64::from(digit) == turn.rem_euclid(16))
}

/// Whether nothing needs the object: its product's `doc`, then the items of its parts, read in this
/// order after the object was listed, name others or none.
#[must_use]
pub fn is_waste<'i>(items: impl IntoIterator<Item = &'i Item>, object: &str) -> bool {
    items.into_iter().all(|item| item.get(desired::BODY_AT).and_then(Value::text) != Some(object))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_object_names_its_product(source in "[a-z0-9-]{1,32}", id in "\\PC{1,157}", body: Vec<u8>) {
            prop_assume!(ProductKey::new(&source, &id).is_ok());
            let key = ProductKey::new(source, id).unwrap();
            let object = object_of(&key, &body);
            prop_assert!(object.len() <= 1024, "S3's limit");
            prop_assert_eq!(product_of(&object), Some(key));
        }

        #[test]
        fn nothing_else_is_taken_for_a_body(object in "(bodies/)?[a-z0-9/._=-]{0,120}") {
            if let Some(key) = product_of(&object) {
                prop_assert!(object.starts_with(&[PREFIX, key.source(), "/"].concat()));
            }
        }
    }

    #[test]
    fn a_version_is_asked_about_when_it_is_old_and_has_a_name() {
        let key = ProductKey::new("demo", "a/../b").unwrap();
        let version =
            |version: &str, written| Version { object: object_of(&key, b"x"), version: version.into(), written };
        assert_eq!(candidate(&version("v1", 0), GRACE_MS + 1), Some(key.clone()));
        assert_eq!(candidate(&version("v1", 0), GRACE_MS), None, "a writer may be about to name it");
        assert_eq!(
            candidate(&version("null", 0), GRACE_MS + 1),
            None,
            "the next writer's version would have the same name"
        );
        let other = Version { object: "bodies/readme.txt".into(), version: "v1".into(), written: 0 };
        assert_eq!(candidate(&other, GRACE_MS + 1), None);
    }

    #[test]
    fn every_object_has_one_turn_of_sixteen() {
        let key = ProductKey::new("demo", "a").unwrap();
        for body in 0..100_u8 {
            let object = object_of(&key, &[body]);
            assert_eq!((480_000..480_016).filter(|turn| has_its_turn(&object, *turn)).count(), 1, "{object}");
        }
    }

    #[test]
    fn what_the_doc_names_is_no_waste() {
        let object = "bodies/demo/YQ/1";
        let doc = Item::from([(desired::BODY_AT.to_owned(), object.into())]);
        assert!(!is_waste([&doc], object));
        assert!(!is_waste([&Item::new(), &doc], object), "a part's item names it");
        assert!(is_waste([&doc], "bodies/demo/YQ/2"));
        assert!(is_waste([&Item::new()], object));
    }
}
