//! Wiring: clients are made once, then [`medusa_push::handler`] has them.

use lambda_runtime::Error;
use ledger::{Ledger, Stage};
use medusa_push::handler::MedusaPush;
use runtime::limit::Limit;
use runtime::{Announcer, Metrics, Queue, Secrets, client, settings};
use worker::Guard;
use worker::access::medusa::MedusaAccess;
use worker::access::pimcore::PimcoreAccess;
use worker::rules::Rules;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = settings::start().await;
    let limit = Limit::default();
    let sqs = client!(aws_sdk_sqs::Client, &aws, &limit);
    let secrets = Secrets::new(client!(aws_sdk_secretsmanager::Client, &aws, &limit));
    let function = MedusaPush {
        pimcore: PimcoreAccess::from_environment(secrets.clone())?.showing(settings::languages()?),
        medusa: MedusaAccess::from_environment(secrets)?,
        ledger: Ledger::new(
            client!(aws_sdk_dynamodb::Client, &aws, &limit),
            settings::required("LEDGER_TABLE")?,
            Stage::Medusa.leases(),
        ),
        bus: Announcer::new(client!(aws_sdk_eventbridge::Client, &aws, &limit), settings::required("EVENT_BUS")?),
        lane: settings::switched("OFFERS_LANE")?.then(Rules::default),
        guard: Guard::new(Stage::Medusa, ledger::breaker::Settings::default()),
        queue: Queue::new(sqs, settings::required("MEDUSA_QUEUE_URL")?, settings::required("MEDUSA_DLQ_URL")?),
        metrics: Metrics::new(settings::required("RELAY_ENVIRONMENT")?, "medusa-push"),
    };
    runtime::serve(function, limit).await
}
