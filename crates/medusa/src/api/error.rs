//! What Medusa's refusals mean.
//!
//! Medusa answers with a status, a `type` and an English sentence. The status alone does not say
//! what to do: 400 stands for "this handle is taken" (look it up) as well as for "this title is
//! empty" (a retry cannot help), and 401 can mean that its database is down. This file holds the
//! one table from sentences to meanings; the rest of the crate matches on [`Refusal`].

use std::time::Duration;

use catalog::{ErrorKind, Failure, Fate};
use serde::Deserialize;

use crate::codes;

/// Why a call did not give what it was made for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No answer: connection refused or lost, or the answer broke off. Whether a write took place
    /// is unknown.
    #[error("{call}: Medusa cannot be reached: {reason}")]
    Unreachable {
        /// Method and path.
        call: String,
        /// The transport's words.
        reason: String,
        /// Whether there was a connection at all.
        connected: bool,
    },
    /// No answer in time. Whether a write took place is unknown.
    #[error("{call}: no answer within {waited:?}")]
    Timeout {
        /// Method and path.
        call: String,
        /// How long we waited.
        waited: Duration,
    },
    /// There was not enough time left to make the call at all; it was not made.
    #[error("{call}: not started, because too little of the time for this batch is left")]
    OutOfTime {
        /// Method and path.
        call: String,
    },
    /// The log-in itself says that the credentials are wrong.
    #[error("Medusa refuses to log in, correct its secret: {message}")]
    Credentials {
        /// Medusa's words.
        message: String,
    },
    /// 401 that a fresh log-in did not cure. Medusa answers so, too, when its database is down.
    #[error("{call}: Medusa answers 401 Unauthorized: {detail}")]
    Unauthorized {
        /// Method and path.
        call: String,
        /// What was tried to find out why.
        detail: String,
    },
    /// 5xx, 429 and what a proxy says in Medusa's place.
    #[error("{call}: Medusa answers {status}: {message}")]
    Unavailable {
        /// Method and path.
        call: String,
        /// HTTP status.
        status: u16,
        /// Medusa's words.
        message: String,
        /// The wait it asked for.
        retry_after: Option<Duration>,
    },
    /// Medusa understood and says no.
    #[error("{call}: Medusa refuses ({status}): {message}")]
    Refused {
        /// Method and path.
        call: String,
        /// HTTP status.
        status: u16,
        /// What it means.
        refusal: Refusal,
        /// Medusa's words.
        message: String,
    },
    /// The answer is not what this version of Medusa gives.
    #[error("{call}: the answer cannot be read: {reason}")]
    Unexpected {
        /// Method and path.
        call: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The request would exceed what Medusa accepts, so it was not sent.
    #[error("{call}: {bytes} bytes exceed the {limit} that Medusa accepts")]
    TooLarge {
        /// Method and path.
        call: String,
        /// Size of the body.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// What a refusal means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A product with this handle exists.
    HandleTaken(String),
    /// A variant with this SKU exists.
    SkuTaken(String),
    /// No variant, but an inventory item with this SKU exists.
    InventorySkuTaken(String),
    /// A variant with this bar code exists.
    CodeTaken,
    /// A category with this handle exists.
    CategoryHandleTaken(String),
    /// A translation of this row into this language exists.
    TranslationExists,
    /// A stock level to be created exists, or one to be changed does not.
    LevelMismatch,
    /// The variant or product holds stock for an open order.
    Reserved,
    /// The variant was left without a price set by a crash; its prices cannot be updated.
    NoPriceSet,
    /// An option or value is still used by a variant.
    OptionInUse,
    /// Another variant of the product has the same option values.
    VariantExists,
    /// Something that the request names is not there (any more).
    Missing,
    /// The body is too large.
    TooLarge,
    /// Anything else: this data is not acceptable.
    Invalid,
}

impl Refusal {
    /// Reads Medusa's sentence. The sentences are those of 2.21; an unknown one is
    /// [`Refusal::Invalid`].
    #[must_use]
    pub fn of(status: u16, message: &str) -> Self {
        let taken = |prefix: &str| {
            message.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(", already exists.")).map(str::to_owned)
        };
        if let Some(handle) = taken("Product with handle: ") {
            return Self::HandleTaken(handle);
        }
        if let Some(sku) = taken("Product variant with sku: ") {
            return Self::SkuTaken(sku);
        }
        if ["barcode", "ean", "upc"].iter().any(|code| taken(&format!("Product variant with {code}: ")).is_some()) {
            return Self::CodeTaken;
        }
        if let Some(sku) = taken("Inventory item with sku: ") {
            return Self::InventorySkuTaken(sku);
        }
        if let Some(handle) = taken("Product category with handle: ") {
            return Self::CategoryHandleTaken(handle);
        }
        let says = |part: &str| message.contains(part);
        if says("Translation with reference_id:") && says("already exists") {
            return Self::TranslationExists;
        }
        if says("Inventory level") || says("InventoryLevel") || (says("stocked at location") && status != 500) {
            return Self::LevelMismatch;
        }
        if says("since they have reservations") || says("has reservations") {
            return Self::Reserved;
        }
        if says("do not have prices associated") || says("No price set exist for variants") {
            return Self::NoPriceSet;
        }
        if says("Cannot unassign") {
            return Self::OptionInUse;
        }
        if says("with provided options already exists") {
            return Self::VariantExists;
        }
        match status {
            404 => Self::Missing,
            413 => Self::TooLarge,
            _ if says("such entity does not exist")
                || says("Cannot update non-existing")
                || says("Unable to update") =>
            {
                Self::Missing
            }
            _ => Self::Invalid,
        }
    }
}

/// The body of an error.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    pub(crate) message: String,
}

impl ErrorBody {
    /// Medusa's sentence, or the beginning of whatever a proxy sent.
    pub(crate) fn sentence(status: u16, body: &[u8]) -> String {
        match serde_json::from_slice::<Self>(body) {
            Ok(body) if !body.message.is_empty() => body.message,
            _ if body.is_empty() => format!("HTTP {status} without a body"),
            _ => String::from_utf8_lossy(body).chars().take(200).collect(),
        }
    }
}

impl ApiError {
    /// What Medusa refused, if it did.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// Whether the shop as a whole is the trouble, not this product.
    #[must_use]
    pub fn concerns_the_shop(&self) -> bool {
        self.kind() == ErrorKind::Transient
    }

    /// What happened to the call. Medusa may still be carrying one out that got no answer, unless
    /// it only reads, or Medusa said when to come back.
    fn request(&self) -> Fate {
        match self {
            Self::Unreachable { connected: false, .. } => Fate::NoConnection,
            Self::Unavailable { retry_after: Some(_), .. } => Fate::Unanswered,
            Self::Unreachable { call, .. } | Self::Timeout { call, .. } | Self::Unavailable { call, .. } => {
                if only_reads(call) {
                    Fate::Unanswered
                } else {
                    Fate::MayStillLand
                }
            }
            Self::OutOfTime { .. } | Self::TooLarge { .. } => Fate::NotAsked,
            Self::Unexpected { .. } => Fate::Garbled,
            Self::Credentials { .. } | Self::Unauthorized { .. } | Self::Refused { .. } => Fate::Answered,
        }
    }

    /// Whether Medusa broke on the call and said so itself.
    fn choked(&self) -> bool {
        matches!(self, Self::Unavailable { status: 500, retry_after: None, .. })
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::OutOfTime { .. }
            | Self::Unauthorized { .. }
            | Self::Unavailable { .. }
            | Self::Unexpected { .. }
            // Not this product's fault, and cured by correcting the secret: the message waits for
            // that.
            | Self::Credentials { .. } => ErrorKind::Transient,
            Self::TooLarge { .. } => ErrorKind::Permanent,
            Self::Refused { refusal, .. } => match refusal {
                // What the next attempt sees differently, because it reads the shop again first.
                Refusal::LevelMismatch
                | Refusal::TranslationExists
                | Refusal::Reserved
                | Refusal::NoPriceSet
                | Refusal::OptionInUse
                | Refusal::VariantExists
                | Refusal::Missing => ErrorKind::Conflict,
                Refusal::HandleTaken(_)
                | Refusal::SkuTaken(_)
                | Refusal::InventorySkuTaken(_)
                | Refusal::CodeTaken
                | Refusal::CategoryHandleTaken(_) => ErrorKind::Conflict,
                Refusal::TooLarge | Refusal::Invalid => ErrorKind::Permanent,
            },
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => codes::UNREACHABLE,
            Self::Timeout { .. } => codes::TIMEOUT,
            Self::OutOfTime { .. } => codes::OUT_OF_TIME,
            Self::Credentials { .. } => codes::LOGIN_REFUSED,
            Self::Unauthorized { .. } => codes::UNAUTHORIZED,
            Self::Unavailable { .. } => codes::UNAVAILABLE,
            Self::Unexpected { .. } => codes::UNEXPECTED_ANSWER,
            Self::TooLarge { .. } => codes::TOO_LARGE,
            Self::Refused { refusal, .. } => match refusal {
                Refusal::HandleTaken(_) => codes::HANDLE_TAKEN,
                Refusal::SkuTaken(_) | Refusal::InventorySkuTaken(_) => codes::SKU_TAKEN,
                Refusal::CodeTaken => codes::CODE_TAKEN,
                Refusal::CategoryHandleTaken(_) => codes::CATEGORY_HANDLE_TAKEN,
                Refusal::TranslationExists => codes::TRANSLATION_EXISTS,
                Refusal::LevelMismatch => codes::STOCK_LEVEL_CHANGED,
                Refusal::Reserved => codes::RESERVED,
                Refusal::NoPriceSet => codes::NO_PRICE_SET,
                Refusal::OptionInUse => codes::OPTION_IN_USE,
                Refusal::VariantExists => codes::SAME_OPTIONS,
                Refusal::Missing => codes::NOT_FOUND,
                Refusal::TooLarge => codes::TOO_LARGE,
                Refusal::Invalid => codes::REFUSED,
            },
        }
    }

    /// The same as a [`Failure`] of one product.
    #[must_use]
    pub fn about(&self, product: &impl std::fmt::Display) -> Failure {
        let mut failure = Failure::from(self.clone());
        failure.message = format!("{product}: {}", failure.message);
        failure
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let retry_after = match &error {
            ApiError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        };
        // A conflict that the push could not settle by looking again is tried anew with the next
        // delivery.
        let kind = if error.kind() == ErrorKind::Conflict { ErrorKind::Transient } else { error.kind() };
        let failure =
            Self::new(kind, error.code(), error.to_string()).retry_after(retry_after).request(error.request());
        if error.choked() { failure.choked(false) } else { failure }
    }
}

/// `call` is method and path.
fn only_reads(call: &str) -> bool {
    call.starts_with("GET ") || call.starts_with("POST /auth/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sentences of a real Medusa 2.21.2.
    #[test]
    fn reads_the_sentences_of_medusa() {
        let table: &[(u16, &str, Refusal)] = &[
            (400, "Product with handle: a-1, already exists.", Refusal::HandleTaken("a-1".into())),
            (400, "Product variant with sku: S, 1, already exists.", Refusal::SkuTaken("S, 1".into())),
            (400, "Inventory item with sku: S1, already exists.", Refusal::InventorySkuTaken("S1".into())),
            (400, "Product variant with barcode: 96385074, already exists.", Refusal::CodeTaken),
            (400, "Product category with handle: c, already exists.", Refusal::CategoryHandleTaken("c".into())),
            (
                400,
                "Translation with reference_id: prod_1, locale_code: ar-SA, already exists.",
                Refusal::TranslationExists,
            ),
            (
                400,
                "Cannot remove following inventory item(s) since they have reservations: [iitem_1]",
                Refusal::Reserved,
            ),
            (404, "Variants with IDs variant_1 do not have prices associated.", Refusal::NoPriceSet),
            (400, "No price set exist for variants: variant_1", Refusal::NoPriceSet),
            (404, "Price lists with id: plist_1 was not found", Refusal::Missing),
            (
                400,
                "Cannot unassign option values from product because the following variant(s) are using it: Red / L",
                Refusal::OptionInUse,
            ),
            (
                400,
                "Cannot unassign product option from product which has variants for that option",
                Refusal::OptionInUse,
            ),
            (400, "Variant (Red / S) with provided options already exists.", Refusal::VariantExists),
            (404, "Product with id \"prod_1\" not found", Refusal::Missing),
            (400, "Cannot update non-existing variants with ids: variant_1", Refusal::Missing),
            (413, "request entity too large", Refusal::TooLarge),
            (400, "Invalid request: Field 'title' is required", Refusal::Invalid),
            (400, "Product title is required", Refusal::Invalid),
        ];
        for (status, sentence, meaning) in table {
            assert_eq!(Refusal::of(*status, sentence), *meaning, "{sentence}");
        }
    }

    #[test]
    fn a_wrong_secret_and_a_dead_database_leave_the_messages_waiting() {
        for error in [
            ApiError::Credentials { message: "Invalid email or password".into() },
            ApiError::Unauthorized { call: "GET /x".into(), detail: "…".into() },
            ApiError::Unavailable { call: "GET /x".into(), status: 500, message: "…".into(), retry_after: None },
        ] {
            assert_eq!(Failure::from(error).kind, ErrorKind::Transient);
        }
    }

    #[test]
    fn only_a_write_that_was_sent_can_still_land() {
        let lost = |call: &str, connected| {
            Failure::from(ApiError::Unreachable { call: call.into(), reason: "…".into(), connected }).request
                == Fate::MayStillLand
        };
        assert!(lost("POST /admin/products/batch", true));
        assert!(!lost("POST /admin/products/batch", false));
        assert!(!lost("GET /admin/products", true));
        let late = ApiError::Timeout { call: "POST /admin/products/batch".into(), waited: Duration::from_secs(9) };
        assert_eq!(Failure::from(late).request, Fate::MayStillLand);
        let unavailable = |status, retry_after| {
            let call = "POST /admin/products/batch".to_owned();
            Failure::from(ApiError::Unavailable { call, status, message: "…".into(), retry_after })
        };
        assert_eq!(unavailable(503, Some(Duration::from_secs(7))).request, Fate::Unanswered);
        assert_eq!(unavailable(502, None).request, Fate::MayStillLand);
    }

    #[test]
    fn only_a_plain_500_is_medusas_own_breaking_down() {
        let choked = |status, retry_after| {
            let call = "POST /admin/products/batch".to_owned();
            Failure::from(ApiError::Unavailable { call, status, message: "…".into(), retry_after }).choke.is_some()
        };
        assert!(choked(500, None));
        for proxied in [502, 503, 504, 429] {
            assert!(!choked(proxied, None), "{proxied}");
        }
        assert!(!choked(500, Some(Duration::from_secs(7))));
    }

    #[test]
    fn refused_data_is_permanent_and_names_the_product() {
        let refused = ApiError::Refused {
            call: "POST /admin/products/batch".into(),
            status: 400,
            refusal: Refusal::Invalid,
            message: "Product title is required".into(),
        };
        let failure = refused.about(&"demo:1");
        assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Permanent, "medusa_refused"));
        assert!(failure.message.starts_with("demo:1: POST"), "{}", failure.message);
    }
}
