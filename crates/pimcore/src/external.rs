//! External ids in Pimcore.
//!
//! To its database `demo:AB-1` and `demo:ab-1` are the same, and only one of them can be there:
//! neither case, trailing blanks nor, mostly, accents count. Who comes first has its plain id. Who
//! comes next is kept *apart*: eight digits of the hash of its own id stand behind the source,
//! where no source can have them: `demo~04672c35:ab-1`. Here both forms become the plain id as soon
//! as they are read.

use serde::Deserialize;

use crate::limits;

/// Between the source and the digits. No source has it.
const MARK: char = '~';
const DIGITS: usize = 8;

/// An external id as it is read from Pimcore.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) struct ExternalId {
    /// `source:id`; what people write by hand may have any form.
    pub text: String,
    /// In Pimcore it has digits.
    pub apart: bool,
}

impl From<String> for ExternalId {
    fn from(found: String) -> Self {
        match plain(&found) {
            Some(text) => Self { text, apart: true },
            None => Self { text: found, apart: false },
        }
    }
}

/// The second form of `source:id`; none where Pimcore would not keep all of it.
pub(crate) fn apart(plain: &str) -> Option<String> {
    let (source, id) = plain.split_once(':')?;
    let apart = format!("{source}{MARK}{}:{id}", digits(plain));
    (apart.chars().count() <= limits::NAME).then_some(apart)
}

fn plain(found: &str) -> Option<String> {
    let (front, id) = found.split_once(':')?;
    let (source, said) = front.split_once(MARK)?;
    let plain = format!("{source}:{id}");
    (said == digits(&plain)).then_some(plain)
}

fn digits(plain: &str) -> String {
    blake3::hash(plain.as_bytes()).to_hex()[..DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_write_by_hand_stays_what_it_is() {
        for text in ["demo:1", "demo~00000000:1", "demo~:1", "~", "no colon", ""] {
            let read = ExternalId::from(text.to_owned());
            assert_eq!((read.text.as_str(), read.apart), (text, false));
        }
    }

    #[test]
    fn the_second_form_stays_what_it_is() {
        assert_eq!(apart("demo:ab-1").as_deref(), Some("demo~04672c35:ab-1"));
    }

    #[test]
    fn an_id_that_would_not_fit_has_no_second_form() {
        let longest = "x".repeat(limits::NAME - "s:".len() - DIGITS - 1);
        assert!(apart(&format!("s:{longest}")).is_some());
        assert_eq!(apart(&format!("s:{longest}x")), None);
    }

    proptest! {
        #[test]
        fn both_forms_are_one_id_and_differ_whatever_the_case(source in "[a-z0-9-]{1,32}", id in "\\PC{1,100}", other in "[a-cA-C]{1,3}") {
            let plain = format!("{source}:{id}");
            let second = apart(&plain).unwrap();
            prop_assert_eq!(ExternalId::from(second), ExternalId { text: plain, apart: true });
            let turned = other.to_ascii_lowercase();
            if turned != other {
                let (one, two) = (apart(&format!("{source}:{other}")).unwrap(), apart(&format!("{source}:{turned}")).unwrap());
                prop_assert!(!one.eq_ignore_ascii_case(&two));
            }
        }
    }
}
