//! What keeps the command line from answering, and what to do about it.

use catalog::Failure;

/// Why a command could not be carried out. Its text says what happened; [`CliError::advice`] what
/// to do.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// There is no such stack where we look.
    #[error("no stack {stack} at {place}: function {function} does not exist")]
    NoStack {
        stack: String,
        /// Region or endpoint.
        place: String,
        function: String,
    },
    /// The stack lacks a setting that it should have.
    #[error("function {function} has no setting {name}: the stack is of another version than this command")]
    NoSetting { function: String, name: &'static str },
    /// AWS did not answer as it should.
    #[error("{operation} on {resource}: {message}")]
    Aws {
        operation: &'static str,
        resource: String,
        /// What AWS said.
        message: String,
    },
    /// The ledger did not answer.
    #[error(transparent)]
    Ledger(#[from] ledger::LedgerError),
    /// Pimcore or Medusa did not answer.
    #[error("{0}")]
    Target(#[from] Failure),
    /// What was asked for does not exist.
    #[error("{what}")]
    NotFound { what: String, advice: String },
    /// It would do something that was probably not meant.
    #[error("{what}")]
    Refused {
        /// What it would do.
        what: String,
        advice: String,
    },
    /// dlq-redrive answered with an error.
    #[error("dlq-redrive: {0}")]
    Redrive(String),
    /// The local stack's own record cannot be read.
    #[error("{0}")]
    Local(String),
    /// The answer cannot be written.
    #[error("the answer cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

impl CliError {
    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::NoStack { .. } => {
                "name another with --stack or RELAY_STACK, another place with --region, --profile or --endpoint-url, \
                 or the local stack with --local"
                    .to_owned()
            }
            Self::NoSetting { .. } => "deploy the stack again from the sources of this command".to_owned(),
            Self::Aws { message, .. } => {
                let says = |word: &str| message.to_lowercase().contains(word);
                if says("dispatch failure") || says("connect") || says("timed out") || says("timeout") {
                    "AWS cannot be reached there; for the local stack: `make status`, then `make up`".to_owned()
                } else if says("credential") || says("security token") || says("accessdenied") || says("not authorized")
                {
                    "check who you are with `aws sts get-caller-identity`; docs/operations.md lists what an operator may do".to_owned()
                } else {
                    "try again; if it stays, AWS's own health page and CloudTrail say more".to_owned()
                }
            }
            Self::Ledger(_) => "see the table's throttled requests, and your permissions on it. What waits goes on by itself once it answers".to_owned(),
            Self::Target(failure) => crate::remedy::of(&failure.code)
                .map_or_else(|| "see docs/operations.md".to_owned(), |remedy| remedy.action.to_owned()),
            Self::NotFound { advice, .. } | Self::Refused { advice, .. } => advice.clone(),
            Self::Redrive(_) => "its log group says more: /aws/lambda/<stack>-dlq-redrive".to_owned(),
            Self::Local(_) => "start it with `make up`, or name it: --local=<name>".to_owned(),
            Self::Output(_) => "free the disk or the pipe it is written to".to_owned(),
        }
    }

    /// The exit code: 2 for what the person has to say differently, 3 for what could not be asked.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } | Self::Refused { .. } | Self::NoStack { .. } | Self::Local(_) => 2,
            _ => 3,
        }
    }
}
