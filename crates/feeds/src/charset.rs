//! Texts in a single-byte encoding, where the object itself says which one it is in.
//!
//! By looking, Windows-1252 and Windows-1256 cannot be told apart: every byte is a letter of both.
//! So nothing is guessed. A record that is UTF-8 is UTF-8, whatever the object says: more than a
//! few letters of another encoding never happen to be. Any other record is in the encoding that the
//! object's Content-Type names (`text/csv; charset=windows-1256`), or refused.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// What an object says of its encoding.
#[derive(Debug, Clone, Copy, Default)]
pub enum Charset {
    /// Nothing, or UTF-8.
    #[default]
    Unsaid,
    /// A single-byte encoding in which ASCII is ASCII: it can be cut into records like UTF-8.
    Single(&'static Encoding),
    /// Another one.
    NotRead,
}

impl Charset {
    /// By the name that a Content-Type has for it.
    #[must_use]
    pub fn named(label: &str) -> Self {
        match Encoding::for_label(label.as_bytes()) {
            Some(encoding) if encoding == encoding_rs::UTF_8 => Self::Unsaid,
            Some(encoding) if encoding.is_single_byte() && encoding.is_ascii_compatible() => Self::Single(encoding),
            _ => Self::NotRead,
        }
    }

    /// A record that is no UTF-8; `None` if nobody knows what it says.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Single(encoding) => encoding.decode_without_bom_handling_and_without_replacement(bytes),
            Self::Unsaid | Self::NotRead => None,
        }
    }

    /// What to do about a byte that is no UTF-8.
    #[must_use]
    pub fn remedy(self) -> String {
        match self {
            Self::Unsaid => "and the object does not say what else it is in; send UTF-8, or upload it with its encoding in the Content-Type, such as \
                             text/csv; charset=windows-1256 (or windows-1252)"
                .to_owned(),
            Self::Single(encoding) => format!("nor a character of {}, which the object's Content-Type names", encoding.name()),
            Self::NotRead => "and the charset in the object's Content-Type is not read; send UTF-8".to_owned(),
        }
    }
}

/// The charset that a Content-Type names.
#[must_use]
pub fn of_content_type(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let charset = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset")).map(|(_, value)| value);
    charset.map(|value| value.trim().trim_matches('"')).find(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_names_a_charset_or_none() {
        for (content_type, charset) in [
            ("text/csv; charset=windows-1256", Some("windows-1256")),
            ("text/csv;header=present; Charset=\"ISO-8859-1\" ", Some("ISO-8859-1")),
            ("application/json", None),
            ("text/csv; charset=", None),
            ("", None),
        ] {
            assert_eq!(of_content_type(content_type), charset, "{content_type}");
        }
    }

    #[test]
    fn what_can_be_cut_like_utf8_is_read() {
        for label in ["windows-1252", "cp1256", "latin1", "iso-8859-6", "Windows-1256"] {
            assert!(matches!(Charset::named(label), Charset::Single(_)), "{label}");
        }
        // In these an ASCII byte may be half of a character: quotes and commas would be found where
        // there are none.
        for label in ["shift_jis", "gbk", "big5", "utf-16", "iso-2022-jp", "nonsense"] {
            assert!(matches!(Charset::named(label), Charset::NotRead), "{label}");
        }
        assert!(matches!(Charset::named("utf8"), Charset::Unsaid));
    }
}
