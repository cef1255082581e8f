//! Wiring: command line, database, server.

use anyhow::Context as _;
use clap::{ArgGroup, Parser};
use pim::app::{App, Settings, system_clock};
use pim::latency::Latency;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// A stand-in for Pimcore with Data Hub. It is NOT Pimcore: it answers the GraphQL requests of the
/// class model CatalogProduct / CatalogCategory, configuration `catalog`, the way a real instance
/// was recorded to answer them.
#[derive(Debug, Parser)]
#[command(version, group = ArgGroup::new("key").required(true))]
struct Arguments {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8090", env = "PIM_LISTEN")]
    listen: SocketAddr,
    /// SQLite file with the objects; made if it is not there.
    #[arg(long, default_value = "pim.db", env = "PIM_DB")]
    db: PathBuf,
    /// The key that clients send as X-API-Key. Visible in the process list: prefer --api-key-file
    /// or PIM_API_KEY.
    #[arg(long, group = "key", env = "PIM_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// File whose first line is the key.
    #[arg(long, group = "key")]
    api_key_file: Option<PathBuf>,
    /// Offer the mutations that delete, like catalog.yaml; without it like catalog-no-delete.yaml.
    #[arg(long)]
    with_delete: bool,
    /// Behave as with the bundle of platforms/pimcore-bundle: drafts survive the pipeline's writes,
    /// stale writes are refused.
    #[arg(long)]
    bundle: bool,
    /// Milliseconds that every request takes.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Milliseconds that every alias that creates takes on top.
    #[arg(long, default_value_t = 0)]
    latency_create_ms: u64,
    /// Milliseconds that every alias that updates or deletes takes on top.
    #[arg(long, default_value_t = 0)]
    latency_update_ms: u64,
    /// As slow as the recorded Pimcore was on two cores; replaces the other latencies.
    #[arg(long)]
    latency_measured: bool,
    /// Number of the first object in an empty database.
    #[arg(long, default_value_t = 1000)]
    first_id: i64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,apollo_compiler=warn".into()),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let arguments = Arguments::parse();
    let api_key = match (&arguments.api_key, &arguments.api_key_file) {
        (Some(key), _) => key.clone(),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the key from {}", file.display()))?;
            text.lines().next().unwrap_or_default().trim().to_owned()
        }
        (None, None) => String::new(),
    };
    anyhow::ensure!(api_key.chars().count() >= 16, "the API key needs at least 16 characters, as in Pimcore");
    let latency = if arguments.latency_measured {
        Latency::measured()
    } else {
        Latency::of(arguments.latency_ms, arguments.latency_create_ms, arguments.latency_update_ms)
    };
    let settings = Settings {
        database: arguments.db.clone(),
        api_key,
        with_delete: arguments.with_delete,
        bundle: arguments.bundle,
        latency,
        first_id: arguments.first_id,
    };
    let app = App::open(settings, system_clock())
        .with_context(|| format!("cannot open the database {}", arguments.db.display()))?;
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let address = listener.local_addr()?;
    tracing::info!(
        "stand-in for Pimcore, not Pimcore: GraphQL at http://{address}/pimcore-graphql-webservices/catalog"
    );
    tracing::info!(
        "stand-in for Pimcore, not Pimcore: products at http://{address}/, database {}",
        arguments.db.display()
    );
    axum::serve(listener, pim::http::router(Arc::new(app)))
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    Ok(())
}
