//! Secrets in texts that others write.
//!
//! A target's words go into error messages, which go into logs, the ledger and dead letters. A
//! target that is not well may show its callers what they sent, credentials included: the debug
//! page of a web framework does. So a client takes its own credentials out of whatever it passes
//! on.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// Takes a client's secrets out of texts, in every form in which they travel. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hide {
    forms: Arc<[String]>,
}

impl Hide {
    /// What stands in place of a secret.
    pub const INSTEAD: &str = "***";

    /// Hides these secrets: as they are, and as JSON, HTML and URLs write them. Empty ones are no
    /// secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self::default().and(secrets)
    }

    /// Hides these as well.
    #[must_use]
    pub fn and<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<String> = self.forms.to_vec();
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            for form in [secret.to_owned(), in_json(secret), in_html(secret), in_url(secret)] {
                if !forms.contains(&form) {
                    forms.push(form);
                }
            }
        }
        // A form that contains another goes first: nothing of it may be left.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Self { forms: forms.into() }
    }

    /// The text without the secrets.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        for form in self.forms.iter() {
            if clean.contains(form.as_str()) {
                clean = Cow::Owned(clean.replace(form.as_str(), Self::INSTEAD));
            }
        }
        clean
    }

    /// The same for bytes that should be text. Nothing is changed where nothing is found.
    #[must_use]
    pub fn bytes(&self, bytes: Vec<u8>) -> Vec<u8> {
        let text = String::from_utf8_lossy(&bytes);
        match self.text(&text) {
            Cow::Owned(clean) => clean.into_bytes(),
            Cow::Borrowed(_) => bytes,
        }
    }
}

impl fmt::Debug for Hide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hide(…)")
    }
}

fn in_json(secret: &str) -> String {
    let quoted = serde_json::Value::from(secret).to_string();
    quoted.trim_start_matches('"').strip_suffix('"').unwrap_or(&quoted).to_owned()
}

fn in_html(secret: &str) -> String {
    let entity = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        c => c.to_string(),
    };
    secret.chars().map(entity).collect()
}

/// Percent-encoded, with RFC 3986's unreserved characters as they are.
fn in_url(secret: &str) -> String {
    let mut encoded = String::with_capacity(secret.len());
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = r#"p"a<s&s/wörd"#;

    #[test]
    fn a_secret_is_hidden_in_every_form_in_which_it_travels() {
        let hide = Hide::new([SECRET, "", "token-1"]);
        let page = format!(
            "plain {SECRET}; json {}; html p&quot;a&lt;s&amp;s/wörd; url p%22a%3Cs%26s%2Fw%C3%B6rd; token-1 token-2",
            serde_json::json!({ "password": SECRET })
        );
        let shown = hide.text(&page);
        assert_eq!(shown, r#"plain ***; json {"password":"***"}; html ***; url ***; *** token-2"#);
        assert_eq!(hide.bytes(page.clone().into_bytes()), shown.as_bytes());
        assert_eq!(format!("{hide:?}"), "Hide(…)");
    }

    #[test]
    fn nothing_is_left_of_a_secret_that_contains_another() {
        let hide = Hide::new(["abc"]).and(["abc-and-more"]);
        assert_eq!(hide.text("x abc-and-more y abc z"), "x *** y *** z");
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        let hide = Hide::new([SECRET]);
        let bytes = vec![0xff, 0xfe, b'a'];
        assert_eq!(hide.bytes(bytes.clone()), bytes);
        assert!(matches!(hide.text("nothing here"), Cow::Borrowed(_)));
        assert_eq!(Hide::default().text(SECRET), SECRET);
    }
}
