//! What the ledger knows, as JSON for people and scripts.

use catalog::ProductKey;
use ledger::{ProductState, Run, StageState};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::letter;
use crate::policy::Known;

/// A product's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Its key, `source:id`.
    pub product: String,
    /// Version that brought the desired content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Hash of the desired content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The feed run that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Since when (ms) some target lacks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<i64>,
    /// Since when (ms) it is known that a person deleted it in the PIM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_in_pimcore: Option<i64>,
    pub pimcore: Stage,
    pub medusa: Stage,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Version that the target holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_id: Option<String>,
    /// When (ms) it was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    pub attempts: i64,
    /// Until when (ms) somebody works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leased_until: Option<i64>,
    /// Not to be believed before this time (ms).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recheck_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<Error>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// What follows from it, and what it is about.
    #[serde(flatten)]
    pub reason: letter::Reason,
    /// When, in ms.
    pub at: i64,
}

/// What a letter is about, with what the ledger knows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "about")]
pub enum Subject {
    Product {
        /// Its key, `source:id`.
        product: String,
        state: Option<Box<Product>>,
    },
    Feed {
        /// `s3://bucket/key`.
        object: String,
        /// Its run as the ledger has it.
        run: Option<Value>,
    },
    /// What a full feed no longer contains.
    Withdrawal {
        /// `withdrawals of <source>`.
        what: String,
        /// The run that read the feed.
        run: String,
    },
    /// It cannot be understood.
    Unknown { why: String },
}

impl Subject {
    /// Puts both together.
    #[must_use]
    pub fn of(subject: &letter::Subject, known: &Known) -> Self {
        match subject {
            letter::Subject::Product(key) => Self::Product {
                product: key.to_string(),
                state: match known {
                    Known::Product(state) => Some(Box::new(Product::of(key, state))),
                    _ => None,
                },
            },
            letter::Subject::Feed(id) => Self::Feed {
                object: format!("s3://{}/{}", id.bucket, id.key),
                run: match known {
                    Known::Run(Some(run)) => Some(run_json(run)),
                    _ => None,
                },
            },
            letter::Subject::Withdrawal { source, run } => {
                Self::Withdrawal { what: format!("withdrawals of {source}"), run: run.clone() }
            }
            letter::Subject::Unreadable(why) => Self::Unknown { why: why.clone() },
        }
    }

    /// A short name of it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Product { product, .. } => product,
            Self::Feed { object, .. } => object,
            Self::Withdrawal { what, .. } => what,
            Self::Unknown { .. } => "?",
        }
    }
}

fn run_json(run: &Run) -> Value {
    serde_json::to_value(run).unwrap_or_default()
}

impl Product {
    /// The view of a state.
    #[must_use]
    pub fn of(key: &ProductKey, state: &ProductState) -> Self {
        Self {
            product: key.to_string(),
            version: state.version.as_ref().map(ToString::to_string),
            hash: state.hash.as_ref().map(ToString::to_string),
            run: state.run.clone(),
            pending_since: state.pending_since,
            deleted_in_pimcore: state.gone,
            pimcore: Stage::of(&state.pimcore),
            medusa: Stage::of(&state.medusa),
        }
    }
}

impl Stage {
    fn of(stage: &StageState) -> Self {
        let applied = stage.applied.as_ref();
        Self {
            version: applied.map(|a| a.version.to_string()),
            hash: applied.map(|a| a.hash.to_string()),
            remote_id: applied.and_then(|a| a.remote_id.clone()),
            at: applied.map(|a| a.at),
            attempts: stage.attempts,
            leased_until: stage.until.filter(|_| stage.owner.is_some()),
            recheck_at: stage.recheck_at,
            last_error: stage.last_error.as_ref().map(|error| Error {
                reason: letter::Reason { kind: error.kind, code: error.code.clone(), message: error.message.clone() },
                at: error.at,
            }),
        }
    }
}
