//! `rollcall all`: every service in one process, mounted from the same code as apart.

use std::{sync::Arc, time::Duration};

use actix_web::web;
use async_trait::async_trait;
use rollcall_directory::{CursorKey, DirectoryLimits, DirectoryService, jobs};
use rollcall_gateway::Gateway;
use rollcall_runtime::{
    Config, Metrics, ReadinessCheck, Server, ServerSettings, Surface,
    config::{DEFAULT_CONFIG, LimitsConfig, TelemetryConfig},
    stop_signal, telemetry,
};
use rollcall_scim::{Limits, schema::Registry};
use rollcall_store::Store;

use crate::{demo, failure::Failure, installation::Installation, output::Output};

/// Serves until it is told to stop.
pub(crate) async fn run(config: Config, with_demo: bool, output: &Output) -> Result<(), Failure> {
    let stop = stop_signal()?;
    let telemetry = telemetry::init(&telemetry_config(&config, with_demo))?;
    let server = Server::bind(&config.listeners)?;
    let mut installation = Installation::open_or_create(config).await?;
    installation.note_address(&server.addresses())?;
    let keyring = installation.keyring()?;
    let cursor_key = CursorKey::new(keyring.derive("cursor"));
    let metrics = Metrics::new()?;
    let tokens = installation.tokens_with(Some(&keyring), metrics.registry()).await?;
    let gateway = Gateway::new(Arc::new(tokens), installation.public_url.clone());
    let directory = DirectoryService::new(
        installation.store.clone(),
        Registry::standard(),
        limits(&installation.config),
        Arc::clone(&installation.clock),
        cursor_key,
        metrics.registry(),
    )?;
    let settings = ServerSettings {
        http: installation.config.http.clone(),
        metrics,
        readiness: vec![Arc::new(Database(installation.store.clone()))],
        entropy: Arc::clone(&installation.entropy),
    };
    let background = [
        tokio::spawn(jobs::sequencer(installation.store.clone())),
        tokio::spawn(jobs::eraser(installation.store.clone(), Arc::clone(&installation.clock))),
    ];
    output.say(&format!("Rollcall listens on {}. Ctrl-C stops.", installation.public_url));
    let serving = server.run(
        settings,
        move |routes, surfaces| {
            if surfaces.serves(Surface::Scim) {
                routes.app_data(web::Data::new(directory.clone()));
                gateway.mount(routes, rollcall_directory::configure);
            }
        },
        stop,
    );
    let outcome =
        if with_demo { beside(serving, demo::run(&installation, output), output).await } else { serving.await };
    for job in background {
        job.abort();
        // Either it was stopped between two steps or it had failed and said so.
        let _ = job.await;
    }
    installation.store.close().await;
    // The last traces are sent by a call that waits; there is nothing left to hold up.
    let _ = tokio::task::spawn_blocking(move || telemetry.shutdown()).await;
    outcome?;
    output.say("Stopped.");
    Ok(())
}

/// Serves, with the demo being fed meanwhile. The server's end is the end, whatever the demo was doing.
async fn beside<T>(
    serving: impl Future<Output = T>,
    feeding: impl Future<Output = Result<(), Failure>>,
    output: &Output,
) -> T {
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        outcome = &mut serving => return outcome,
        fed = feeding => {
            if let Err(failure) = fed {
                output.failure(&failure);
            }
        }
    }
    serving.await
}

/// In the demo a line for every request would hide what is shown; who sets a filter gets it.
fn telemetry_config(config: &Config, with_demo: bool) -> TelemetryConfig {
    let mut telemetry = config.telemetry.clone();
    let is_default = DEFAULT_CONFIG.contains(&format!("log = \"{}\"", telemetry.log));
    if with_demo && is_default {
        telemetry.log = "warn".to_owned();
    }
    telemetry
}

fn limits(config: &Config) -> DirectoryLimits {
    let limits: &LimitsConfig = &config.limits;
    DirectoryLimits {
        scim: Limits {
            filter_bytes: limits.filter_bytes,
            filter_terms: limits.filter_terms,
            filter_depth: limits.filter_depth,
            patch_operations: limits.patch_operations,
            members: limits.members_per_request,
            bulk_operations: limits.bulk_operations,
            bulk_bytes: limits.bulk_bytes,
            ..Limits::default()
        },
        page: limits.page,
        body_bytes: config.http.body_bytes,
        resource_bytes: limits.resource_bytes,
        list_members: limits.list_members,
        cursor_lifetime: Duration::from_secs(limits.cursor_seconds),
    }
}

/// Ready means: the database answers.
struct Database(Store);

#[async_trait]
impl ReadinessCheck for Database {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.ping().await.map_err(|error| error.to_string())
    }
}
