//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// What happened to a product, what waits, what is dead, and what to do about it.
#[derive(Debug, Parser)]
#[command(name = "relay", version, about, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Cli {
    /// Which stack, and how to answer.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 fine · 1 answered, and something needs attention · 2 asked for something that is not there, or wrongly · 3 could not be asked

A product is written source:id, such as shein-api:90854097.";

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Name of the deployed stack
    #[arg(long, global = true, env = "RELAY_STACK", default_value = "catalog-relay")]
    pub stack: String,
    /// The local stack (of this name) that `make up` started
    #[arg(long, global = true, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "demo")]
    pub local: Option<String>,
    /// Address of a local AWS
    #[arg(long, global = true, env = "AWS_ENDPOINT_URL", value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// AWS region
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// Profile of the AWS configuration
    #[arg(long, global = true, env = "AWS_PROFILE")]
    pub profile: Option<String>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What waits at each stage, what is dead or parked, the last runs, and what needs attention
    Status,
    /// The whole story of a product: where it came from, where it is, what went wrong, what to do
    Trace {
        /// source:id
        product: String,
        /// How many runs with rejected records to look through for it, the newest first [default: 20; for a product that no feed
        /// has brought, on until it is found, for 20 seconds at most]
        #[arg(long, value_name = "N")]
        runs: Option<usize>,
    },
    /// The last feed runs
    Runs {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// The records that a run rejected, with reason and position
    Rejected {
        /// Name of the run, as in `relay runs`
        run: String,
        /// How many to list; all are counted
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Dead letters: list, redrive, park, unpark
    Dlq {
        /// What to do with them.
        #[command(subcommand)]
        command: Dlq,
    },
    /// Announce again what has been pending for too long, now
    Sweep {
        /// What to announce.
        #[command(flatten)]
        selection: Selection,
    },
    /// Do the work on a product, or on a feed that was never read, again
    Replay {
        /// A product (source:id) or an object (s3://bucket/incoming/… or incoming/…)
        target: String,
        /// Only from this stage on
        #[arg(long, value_enum)]
        stage: Option<StageName>,
        /// For a feed that was read before: copy it, so that what it says becomes the newest word on its products
        #[arg(long)]
        as_newest: bool,
    },
    /// Put back what a person took off sale in the shop (unpublished, deleted, or removed from the sales channel), make anew what one
    /// deleted in Pimcore
    Release {
        /// source:id
        #[arg(required_unless_present = "deleted", conflicts_with = "deleted")]
        product: Option<String>,
        /// All that is noted as deleted in Pimcore: after an accident there, say. What can be restored from its recycle bin keeps
        /// people's texts: restore that first
        #[arg(long)]
        deleted: bool,
    },
    /// Addresses of products in the shop: move them to what they would be today, list what old ones lead to
    Handles {
        /// What to do with them.
        #[command(subcommand)]
        command: Handles,
    },
    /// Products of one group that are one product in the shop: the setting in force, and how far products have followed it
    Articles,
    /// Withdraw what a full feed lacks although the guard refused it
    Withdraw {
        /// The run that read the feed
        run: String,
    },
    /// A product as it should be, as Pimcore has it and as Medusa has it, field by field
    Diff {
        /// source:id
        product: String,
    },
    /// What an error code means and what to do about it; all of them when none is given
    Explain {
        /// Such as medusa_handle_taken
        code: Option<String>,
    },
    /// Changes that rules hold until a person has looked
    Held {
        /// What to do.
        #[command(subcommand)]
        command: Held,
    },
    /// The shop's rules: check files, list what is not mapped
    Rules {
        /// What to do with them.
        #[command(subcommand)]
        command: Rules,
    },
    /// How each price of a product came to be, step by step; with --feed without any stack
    ExplainPrice {
        /// source:id
        product: String,
        /// Look for it in this feed on disk instead of the ledger
        #[arg(long, value_name = "FILE")]
        feed: Option<PathBuf>,
        /// The feed's source, where its records do not tell
        #[arg(long)]
        source: Option<String>,
        /// Rules and rates.
        #[command(flatten)]
        configured: Configured,
    },
    /// What a feed, or rules, would do: nothing is written. Exit code 1 if something is rejected, withheld or held
    Preview(Preview),
    /// Mappings: what a supplier's feed means. check, try and draft need no stack
    Source {
        /// What to do with them.
        #[command(subcommand)]
        command: Source,
    },
    /// Completions for a shell, to be sourced
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// What to do with addresses.
#[derive(Debug, Subcommand)]
pub enum Handles {
    /// Give products the addresses that they would get today; old ones are kept as redirects. Without --execute: what would move
    Move {
        /// Of this source only
        #[arg(long)]
        source: Option<String>,
        /// At most so many; the same command again goes on with the rest
        #[arg(long, value_name = "N")]
        max: Option<usize>,
        /// Products announced per second
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
        rate: u32,
        /// Do it
        #[arg(long)]
        execute: bool,
    },
    /// What old addresses lead to, for the storefront
    Redirects {
        /// As text, JSON or CSV
        #[arg(long, value_enum, default_value_t = Form::Csv)]
        format: Form,
    },
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// An array of objects.
    Json,
    /// A table with a head.
    Csv,
}

/// What to do with what waits for a person.
#[derive(Debug, Subcommand)]
pub enum Held {
    /// What waits, with the rule and the feed that it is of
    List,
    /// Let changes through
    Approve {
        /// Which.
        #[command(flatten)]
        which: Which,
    },
    /// Keep prices and categories as they are until the source or the rules want something else
    Reject {
        /// Which.
        #[command(flatten)]
        which: Which,
    },
}

/// Some of what is held.
#[derive(Debug, Clone, Default, Args)]
#[group(required = true, multiple = true)]
pub struct Which {
    /// Products, such as shein-api:90854097
    pub products: Vec<String>,
    /// All that this rule holds
    #[arg(long)]
    pub rule: Option<String>,
    /// All of this feed run
    #[arg(long, value_name = "RUN")]
    pub feed: Option<String>,
    /// All
    #[arg(long)]
    pub all: bool,
}

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Everything that is wrong with rules files, with line and column; no stack is needed
    Check {
        /// Files, or folders with .yaml files
        #[arg(default_value = "rules")]
        paths: Vec<PathBuf>,
        /// A rates file, to be checked as well
        #[arg(long, value_name = "FILE")]
        rates: Option<PathBuf>,
    },
    /// Check rules, then put them into force on the stack; products follow in the background
    Put {
        /// Files, or folders with .yaml files
        #[arg(default_value = "rules")]
        paths: Vec<PathBuf>,
        /// What currencies are worth
        #[arg(long, value_name = "FILE")]
        rates: Option<PathBuf>,
    },
    /// The files that are in force, and how far products have followed
    List,
    /// The text of what is in force
    Show,
    /// Take files out of force, by their names in `list`
    Remove {
        /// Such as `prices.yaml`; `rates.json` are the rates
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// The sources' categories that no entry maps, with how many products are in each, and drafts of entries
    Unmapped {
        /// Look through this feed on disk instead of the ledger
        #[arg(long, value_name = "FILE")]
        feed: Option<PathBuf>,
        /// The feed's source, where its records do not tell
        #[arg(long)]
        source: Option<String>,
        /// Rules and rates.
        #[command(flatten)]
        configured: Configured,
    },
}

/// Rules and rates on disk.
#[derive(Debug, Clone, Default, Args)]
pub struct Configured {
    /// Rules: a file, or a folder with .yaml files; may be given several times [default: those in force]
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,
    /// What currencies are worth
    #[arg(long, value_name = "FILE")]
    pub rates: Option<PathBuf>,
}

/// What is previewed, and against what.
#[derive(Debug, Clone, Default, Args)]
pub struct Preview {
    /// A feed on disk; without it every product of the ledger is looked at, as its source last said it
    #[arg(value_name = "FEED", required_unless_present = "rules")]
    pub feed: Option<PathBuf>,
    /// The feed's source, where its records do not tell
    #[arg(long)]
    pub source: Option<String>,
    /// The feed is one of this declared part of the source
    #[arg(long, value_name = "PART", requires = "source", conflicts_with_all = ["against", "full"])]
    pub part: Option<String>,
    /// Rules and rates.
    #[command(flatten)]
    pub configured: Configured,
    /// The rules as they are now, to compare with [default: those in force; with --against none]
    #[arg(long, value_name = "PATH")]
    pub rules_before: Vec<PathBuf>,
    /// Compare with this feed instead of the ledger: no stack is needed
    #[arg(long, value_name = "FILE", requires = "feed")]
    pub against: Option<PathBuf>,
    /// The feed names all products of its source: what it lacks would be withdrawn
    #[arg(long, requires = "feed")]
    pub full: bool,
    /// Write a report for people to this file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// What to do with mappings.
#[derive(Debug, Subcommand)]
pub enum Source {
    /// Whether mappings can be read; everything that is wrong, with line and column
    Check {
        /// Mapping files
        #[arg(required = true, value_name = "MAPPING")]
        mappings: Vec<PathBuf>,
    },
    /// What would become of a feed: every product, what is set aside and why, which fields are never filled. Nothing is written
    Try {
        /// The mapping file
        mapping: PathBuf,
        /// The feed, as the supplier sends it
        feed: PathBuf,
        /// The feed is one of this declared part
        #[arg(long, value_name = "PART")]
        part: Option<String>,
        /// How many products and rejected records to show; all are counted
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Show it anew whenever one of the two files is saved
        #[arg(long)]
        watch: bool,
    },
    /// A first mapping for a feed, guessed from its columns and what stands in them
    Draft {
        /// The feed, as the supplier sends it
        feed: PathBuf,
    },
    /// The sources that a stack reads: built in, by the mappings that come with it, and by those put into its bucket
    List,
    /// Put a mapping, with the tables beside it, into force on a stack, without a deployment
    Put {
        /// The mapping file
        mapping: PathBuf,
        /// Read the source's last feed again by it
        #[arg(long)]
        replay: bool,
    },
    /// The mapping that is in force for a source, and why a newer one is not
    Show {
        /// The source
        source: String,
    },
    /// Take a mapping out of a stack's bucket: the deployed one of its name counts again, if there is one
    Remove {
        /// The source
        source: String,
    },
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// Dead letters with their reasons and what the policy would do with each
    List {
        /// Which.
        #[command(flatten)]
        selection: Selection,
    },
    /// Parked letters with their reasons
    Parked {
        /// Which.
        #[command(flatten)]
        selection: Selection,
    },
    /// Do what the policy says: drop what is healed, send back what is worth another try, park the rest
    Redrive {
        /// Which.
        #[command(flatten)]
        selection: Selection,
        /// Send back what is selected even where the policy would not
        #[arg(long)]
        force: bool,
    },
    /// Park what is selected, whatever the policy says
    Park {
        /// Which.
        #[command(flatten)]
        selection: Selection,
    },
    /// Send back what was refused: parked letters, those that are to be parked, and products without either
    Unpark {
        /// Which.
        #[command(flatten)]
        selection: Selection,
    },
    /// Take away parked letters that nobody will send back: named by --message, --product or --code; who did it is noted
    Remove {
        /// Which.
        #[command(flatten)]
        selection: Selection,
        /// Who removes them [default: your account on this machine]
        #[arg(long, env = "USER", hide_env_values = true, default_value = "unknown")]
        by: String,
    },
}

/// Which letters.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// ingest, pimcore or medusa; all when not given
    #[arg(long)]
    pub queue: Option<redrive::QueueName>,
    /// Of one product, source:id
    #[arg(long)]
    pub product: Option<String>,
    /// With this reason
    #[arg(long)]
    pub code: Option<String>,
    /// With a reason of this kind
    #[arg(long, value_enum)]
    pub kind: Option<Kind>,
    /// One letter by its message id
    #[arg(long)]
    pub message: Option<String>,
    /// At least this old, such as 90s, 15m, 2h, 3d
    #[arg(long, value_name = "AGE", value_parser = seconds)]
    pub older_than: Option<u64>,
    /// At most so many, per queue
    #[arg(long)]
    pub max: Option<usize>,
    /// Say what would be done, do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// The same may work later.
    Transient,
    /// The target refuses this data.
    Permanent,
    /// It exists already.
    Conflict,
    /// It cannot be understood.
    Poison,
}

/// The stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StageName {
    /// The PIM.
    Pimcore,
    /// The shop.
    Medusa,
}

impl From<Kind> for catalog::ErrorKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Transient => Self::Transient,
            Kind::Permanent => Self::Permanent,
            Kind::Conflict => Self::Conflict,
            Kind::Poison => Self::Poison,
        }
    }
}

fn seconds(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("an age is a number with s, m, h or d, such as 15m".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "an age is a number with s, m, h or d, such as 15m".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "that is older than the universe".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_words_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_local_stack_can_be_named_or_not() {
        let local = |words: &[&str]| Cli::try_parse_from(words).unwrap().common.local;
        assert_eq!(local(&["relay", "status", "--local"]).as_deref(), Some("demo"));
        assert_eq!(local(&["relay", "--local=mine", "trace", "demo:1"]).as_deref(), Some("mine"));
        assert_eq!(local(&["relay", "--local", "trace", "demo:1"]).as_deref(), Some("demo"));
    }

    #[test]
    fn an_age_has_a_unit() {
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("7"), Ok(7));
        assert!(seconds("soon").is_err() && seconds("1w").is_err() && seconds("99999999999999999999d").is_err());
    }
}
