//! A request to the function's URL, of which four fields are read, and its answer.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::notice::{self, Told};
use crate::signature::{self, Mismatch};

/// The largest body that is read: two hundred notices with the longest paths there are need 700 kB.
pub const LARGEST: usize = 1 << 20;

/// As Lambda delivers it (payload format 2.0).
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Names in lower case.
    #[serde(default)]
    pub headers: HashMap<String, String>,
    #[serde(default)]
    pub body: String,
    #[serde(default)]
    pub is_base64_encoded: bool,
    pub request_context: Context,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub struct Context {
    pub http: Http,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
pub struct Http {
    pub method: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    pub status_code: u16,
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("not a POST")]
    Method,
    #[error("a body of more than {LARGEST} bytes")]
    TooLarge,
    #[error("the body is not the base64 that it is said to be")]
    Base64,
    #[error("not signed")]
    Unsigned,
    #[error(transparent)]
    Signature(#[from] Mismatch),
    #[error("signed, and not a body of notices: {0}")]
    NotUnderstood(serde_json::Error),
}

impl Refused {
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Method => 405,
            Self::TooLarge => 413,
            Self::Unsigned | Self::Signature(_) => 401,
            Self::Base64 | Self::NotUnderstood(_) => 400,
        }
    }

    /// A word for the metric.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::TooLarge => "too_large",
            Self::Base64 => "base64",
            Self::Unsigned => "unsigned",
            Self::Signature(Mismatch::Time) => "time",
            Self::Signature(_) => "signature",
            Self::NotUnderstood(_) => "not_understood",
        }
    }
}

/// What says to be signed.
#[derive(Debug, PartialEq, Eq)]
pub struct Claimed<'a> {
    signature: &'a str,
    body: Cow<'a, [u8]>,
}

impl Request {
    /// What of it is to be verified. Nothing of what is refused here costs more than looking at it.
    ///
    /// # Errors
    /// Why it is not looked at.
    pub fn claimed(&self) -> Result<Claimed<'_>, Refused> {
        if self.request_context.http.method != "POST" {
            return Err(Refused::Method);
        }
        let signature = self.headers.get(signature::HEADER).ok_or(Refused::Unsigned)?;
        // Four letters for three bytes.
        let longest = if self.is_base64_encoded { LARGEST.div_ceil(3) * 4 } else { LARGEST };
        if self.body.len() > longest {
            return Err(Refused::TooLarge);
        }
        let body = if self.is_base64_encoded {
            Cow::Owned(BASE64_STANDARD.decode(&self.body).map_err(|_| Refused::Base64)?)
        } else {
            Cow::Borrowed(self.body.as_bytes())
        };
        Ok(Claimed { signature, body })
    }
}

impl Claimed<'_> {
    /// What is told, if one of the secrets signed it.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn told(&self, secrets: &[&str], now_s: i64) -> Result<Told, Refused> {
        signature::verify(self.signature, secrets, now_s, &self.body)?;
        notice::read(&self.body).map_err(Refused::NotUnderstood)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "a secret of the stack";
    const AT: i64 = 1_764_237_600;
    const SIGNED: &str = "t=1764237600,v1=9cfde8c3666d9dceb9c7a0087930f76226bffed70f64e791d161de2a1af665e4";
    const BODY: &str = r#"{"message":"m","notices":[]}"#;

    fn request(method: &str, signature: Option<&str>, body: &str) -> Request {
        let headers = signature.map(|value| (signature::HEADER.to_owned(), value.to_owned()));
        Request {
            headers: headers.into_iter().collect(),
            body: body.to_owned(),
            is_base64_encoded: false,
            request_context: Context { http: Http { method: method.to_owned() } },
        }
    }

    fn status(request: &Request) -> u16 {
        let told = request.claimed().and_then(|claimed| claimed.told(&[SECRET], AT));
        told.map_or_else(|refused| refused.status(), |_| 204)
    }

    #[test]
    fn only_what_is_signed_is_taken() {
        assert_eq!(status(&request("POST", Some(SIGNED), BODY)), 204);
        assert_eq!(status(&request("GET", Some(SIGNED), BODY)), 405);
        assert_eq!(status(&request("POST", None, BODY)), 401);
        assert_eq!(status(&request("POST", Some(SIGNED), &BODY[1..])), 401);
        assert_eq!(status(&request("POST", Some(SIGNED), "")), 401);
        assert_eq!(status(&request("POST", Some(SIGNED), &" ".repeat(LARGEST + 1))), 413);
    }

    #[test]
    fn lambda_encodes_what_it_does_not_take_for_text() {
        let encoded = |body: String| Request { is_base64_encoded: true, ..request("POST", Some(SIGNED), &body) };
        assert_eq!(status(&encoded(BASE64_STANDARD.encode(BODY))), 204);
        assert_eq!(status(&encoded("?".into())), 400);
        assert_eq!(status(&encoded("A".repeat(LARGEST.div_ceil(3) * 4 + 4))), 413);
    }

    #[test]
    fn the_event_is_lambdas() {
        let event = json!({
            "version": "2.0", "rawPath": "/", "headers": {"x-catalog-signature": "s"}, "isBase64Encoded": false, "body": "b",
            "requestContext": {"accountId": "anonymous", "http": {"method": "POST", "sourceIp": "192.0.2.1"}}
        });
        assert_eq!(serde_json::from_value::<Request>(event).unwrap(), request("POST", Some("s"), "b"));
        // Without a body Lambda leaves the field out.
        let event = json!({"requestContext": {"http": {"method": "GET"}}});
        assert_eq!(serde_json::from_value::<Request>(event).unwrap(), request("GET", None, ""));
        assert_eq!(serde_json::to_value(Response { status_code: 204 }).unwrap(), json!({"statusCode": 204}));
    }
}
