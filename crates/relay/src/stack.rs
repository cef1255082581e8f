//! Where a stack's parts are.
//!
//! The functions are told by their environment, and so are we: two calls for the settings of
//! `<stack>-dlq-redrive` and `<stack>-medusa-push` name every table, queue, bucket, address and
//! secret. There is nothing to configure, and what we look at is what the functions use.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_sqs::types::QueueAttributeName;
use ledger::{Ledger, S3Bodies, Stage};
use redrive::{QueueName, RedriveReport, RedriveRequest};
use serde::{Deserialize, Serialize};

use crate::cli::Common;
use crate::error::CliError;

/// A deployed stack, opened.
pub struct Stack {
    pub name: String,
    pub aws: SdkConfig,
    pub ledger: Ledger,
    pub bucket: String,
    pub bus: String,
    pub pimcore_url: String,
    pub medusa_url: String,
    /// URLs of a queue and its dead-letter queue.
    pub queues: BTreeMap<QueueName, (String, String)>,
    redrive: String,
    settings: Settings,
    lambda: aws_sdk_lambda::Client,
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
}

/// The environment of a function.
struct Settings {
    function: String,
    values: HashMap<String, String>,
}

impl Settings {
    fn get(&self, name: &'static str) -> Result<String, CliError> {
        let missing = || CliError::NoSetting { function: self.function.clone(), name };
        self.values.get(name).filter(|value| !value.is_empty()).cloned().ok_or_else(missing)
    }
}

/// Messages of a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Depth {
    /// To be delivered now.
    pub waiting: u64,
    /// Being worked on, or hidden after a failure.
    pub in_flight: u64,
    /// To be delivered later.
    pub delayed: u64,
}

impl Depth {
    /// All of them.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.waiting + self.in_flight + self.delayed
    }
}

/// The part of the local stack's record that says where its AWS is.
#[derive(Deserialize)]
struct LocalState {
    ports: BTreeMap<String, u16>,
}

/// Name and endpoint of the local stack `name`, from the folder that `make up` keeps.
fn local(name: &str, from: &Path) -> Result<(String, String), CliError> {
    let file = Path::new(".local/stacks").join(name).join("stack.json");
    let found = from.ancestors().map(|folder| folder.join(&file)).find(|path| path.exists());
    let path = found.ok_or_else(|| {
        CliError::Local(format!("there is no local stack {name}: {} is in no folder above here", file.display()))
    })?;
    let damaged = |why: String| CliError::Local(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| damaged(error.to_string()))?;
    let state: LocalState = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    let port = state.ports.get("aws").ok_or_else(|| damaged("no port of aws".to_owned()))?;
    let stack = if name == "demo" { "catalog-relay".to_owned() } else { format!("catalog-relay-{name}") };
    Ok((stack, format!("http://127.0.0.1:{port}")))
}

async fn configuration(common: &Common, endpoint: Option<&str>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).retry_config(RetryConfig::standard());
    if let Some(profile) = &common.profile {
        loader = loader.profile_name(profile);
    }
    let region = common.region.clone().or_else(|| endpoint.map(|_| "us-east-1".to_owned()));
    if let Some(region) = region.filter(|_| common.region.is_some() || std::env::var("AWS_REGION").is_err()) {
        loader = loader.region(Region::new(region));
    }
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
        if common.local.is_some() || std::env::var("AWS_ACCESS_KEY_ID").is_err() {
            // A local AWS takes any name; these are its customary ones.
            loader = loader.credentials_provider(Credentials::new("test", "test", None, None, "local"));
        }
    }
    loader.load().await
}

impl Stack {
    /// Opens a stack.
    ///
    /// # Errors
    /// When it is not there or cannot be asked.
    pub async fn open(common: &Common) -> Result<Self, CliError> {
        let (name, endpoint) = match &common.local {
            Some(local_name) => {
                let here = std::env::current_dir()?;
                let (name, endpoint) = local(local_name, &here)?;
                (name, Some(endpoint))
            }
            None => (common.stack.clone(), common.endpoint_url.clone()),
        };
        let aws = configuration(common, endpoint.as_deref()).await;
        let place = endpoint.unwrap_or_else(|| {
            aws.region().map_or_else(|| "AWS (no region set)".to_owned(), |region| format!("AWS, {region}"))
        });
        let lambda = aws_sdk_lambda::Client::new(&aws);
        let redrive = format!("{name}-dlq-redrive");
        let own = settings_of(&lambda, &name, &place, redrive.clone()).await?;
        let settings = settings_of(&lambda, &name, &place, format!("{name}-medusa-push")).await?;
        let pair = |queue, dead| -> Result<_, CliError> { Ok((own.get(queue)?, own.get(dead)?)) };
        let queues = BTreeMap::from([
            (QueueName::Ingest, pair("INGEST_QUEUE_URL", "INGEST_DLQ_URL")?),
            (QueueName::Pimcore, pair("PIMCORE_QUEUE_URL", "PIMCORE_DLQ_URL")?),
            (QueueName::Medusa, pair("MEDUSA_QUEUE_URL", "MEDUSA_DLQ_URL")?),
        ]);
        let s3 = aws_sdk_s3::config::Builder::from(&aws).force_path_style(aws.endpoint_url().is_some()).build();
        let s3 = aws_sdk_s3::Client::from_conf(s3);
        let bucket = own.get("FEED_BUCKET")?;
        Ok(Self {
            ledger: Ledger::new(aws_sdk_dynamodb::Client::new(&aws), own.get("LEDGER_TABLE")?, Stage::Medusa.leases())
                .with_bodies(S3Bodies::new(s3.clone(), &bucket)),
            bucket,
            bus: own.get("EVENT_BUS")?,
            pimcore_url: own.get("PIMCORE_URL")?,
            medusa_url: own.get("MEDUSA_URL")?,
            queues,
            redrive,
            settings,
            sqs: aws_sdk_sqs::Client::new(&aws),
            s3,
            lambda,
            name,
            aws,
        })
    }

    #[must_use]
    pub const fn s3(&self) -> &aws_sdk_s3::Client {
        &self.s3
    }

    /// A setting of medusa-push: the names of both secrets are among them.
    ///
    /// # Errors
    /// When it is not set.
    pub fn setting(&self, name: &'static str) -> Result<String, CliError> {
        self.settings.get(name)
    }

    /// Messages of the queue at a URL.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn depth(&self, url: &str) -> Result<Depth, CliError> {
        use QueueAttributeName as Name;
        let output = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(Name::ApproximateNumberOfMessages)
            .attribute_names(Name::ApproximateNumberOfMessagesNotVisible)
            .attribute_names(Name::ApproximateNumberOfMessagesDelayed)
            .send()
            .await
            .map_err(|error| aws_error("SQS GetQueueAttributes", url, &error))?;
        let counts = output.attributes.unwrap_or_default();
        let count = |name: Name| counts.get(&name).and_then(|count| count.parse().ok()).unwrap_or(0);
        Ok(Depth {
            waiting: count(Name::ApproximateNumberOfMessages),
            in_flight: count(Name::ApproximateNumberOfMessagesNotVisible),
            delayed: count(Name::ApproximateNumberOfMessagesDelayed),
        })
    }

    /// The URL of the queue for events that could not be delivered, if the stack has one.
    pub async fn events_dlq(&self) -> Option<String> {
        let name = format!("{}-events-dlq", self.name);
        self.sqs.get_queue_url().queue_name(name).send().await.ok()?.queue_url
    }

    /// Sends a message to the ingest queue.
    ///
    /// # Errors
    /// When SQS does not take it.
    pub async fn send_ingest(&self, body: String) -> Result<(), CliError> {
        let (url, _) = &self.queues[&QueueName::Ingest];
        let sent = self.sqs.send_message().queue_url(url).message_body(body).send().await;
        sent.map(|_| ()).map_err(|error| aws_error("SQS SendMessage", url, &error))
    }

    /// Whether a function is given messages from its queue; `None` where it has no queue.
    ///
    /// # Errors
    /// When Lambda does not answer.
    pub async fn fed(&self, function: &str) -> Result<Option<String>, CliError> {
        let function = format!("{}-{function}", self.name);
        let output = self
            .lambda
            .list_event_source_mappings()
            .function_name(&function)
            .send()
            .await
            .map_err(|error| aws_error("Lambda ListEventSourceMappings", &function, &error))?;
        Ok(output.event_source_mappings.unwrap_or_default().into_iter().find_map(|mapping| mapping.state))
    }

    /// Asks dlq-redrive.
    ///
    /// # Errors
    /// When it cannot be asked, or answers with an error.
    pub async fn redrive(&self, request: &RedriveRequest) -> Result<RedriveReport, CliError> {
        let payload = serde_json::to_vec(request).map_err(|error| CliError::Redrive(error.to_string()))?;
        let output = self
            .lambda
            .invoke()
            .function_name(&self.redrive)
            .payload(aws_sdk_lambda::primitives::Blob::new(payload))
            .send()
            .await
            .map_err(|error| aws_error("Lambda Invoke", &self.redrive, &error))?;
        let answer = output.payload.map(aws_sdk_lambda::primitives::Blob::into_inner).unwrap_or_default();
        if output.function_error.is_some() {
            #[derive(Deserialize)]
            #[serde(rename_all = "camelCase")]
            struct Error {
                error_message: String,
            }
            let said = serde_json::from_slice::<Error>(&answer).map(|error| error.error_message);
            return Err(CliError::Redrive(said.unwrap_or_else(|_| String::from_utf8_lossy(&answer).into_owned())));
        }
        serde_json::from_slice(&answer)
            .map_err(|error| CliError::Redrive(format!("its answer is not a report: {error}")))
    }
}

async fn settings_of(
    lambda: &aws_sdk_lambda::Client,
    stack: &str,
    place: &str,
    function: String,
) -> Result<Settings, CliError> {
    match lambda.get_function_configuration().function_name(&function).send().await {
        Ok(output) => {
            let values = output.environment.and_then(|environment| environment.variables).unwrap_or_default();
            Ok(Settings { function, values })
        }
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
            Err(CliError::NoStack { stack: stack.to_owned(), place: place.to_owned(), function })
        }
        Err(error) => Err(aws_error("Lambda GetFunctionConfiguration", &function, &error)),
    }
}

/// An SDK's error as ours: what each cause says, without the SDK's own structure.
pub fn aws_error(operation: &'static str, resource: &str, error: &(dyn std::error::Error + 'static)) -> CliError {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let said = error.to_string();
        // A cause often repeats what it is the cause of.
        if !parts.iter().any(|part| part.contains(&said)) {
            parts.push(said);
        }
        cause = error.source();
    }
    CliError::Aws { operation, resource: resource.to_owned(), message: parts.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_stack_is_found_from_any_folder_of_the_repository() {
        let root = std::env::temp_dir().join(format!("relay-cli-{}", std::process::id()));
        let deep = root.join("crates/relay");
        let state = root.join(".local/stacks/mine");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::create_dir_all(&state).unwrap();
        std::fs::write(state.join("stack.json"), r#"{"ports":{"aws":4566,"pim":1},"publish_policy":"auto"}"#).unwrap();
        let found = local("mine", &deep).unwrap();
        assert_eq!(found, ("catalog-relay-mine".to_owned(), "http://127.0.0.1:4566".to_owned()));
        let missing = local("other", &deep).unwrap_err();
        assert!(missing.to_string().contains("no local stack other") && missing.advice().contains("make up"));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
