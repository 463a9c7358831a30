//! Serving: every service in one process, or one of them.
//!
//! A [`Process`] is what runs; [`all`] and [`role`] compose it of the same parts, and each role makes only what it needs.

mod parts;
mod process;
mod role;
mod routes;

use std::sync::Arc;

use rollcall_gateway::Gateway;
use rollcall_runtime::{
    Config, Server, TelemetryGuard,
    config::{DEFAULT_CONFIG, KeyProvider, TelemetryConfig},
    stop_signal, telemetry,
};

pub(crate) use self::role::Role;
use self::{parts::Shared, process::Process, routes::Scim};
use crate::{
    demo,
    failure::Failure,
    installation::{self, Installation},
    keys,
    output::Output,
};

/// `rollcall all`: serves everything in one process until it is told to stop.
pub(crate) async fn all(config: Config, with_demo: bool, output: &Output) -> Result<(), Failure> {
    let stop = stop_signal()?;
    let telemetry = telemetry::init(&telemetry_config(&config, with_demo))?;
    role::check_surfaces(&config, "all", role::PUBLIC)?;
    let server = Server::bind(&config.listeners, &config.http)?;
    let mut installation = Installation::open_or_create(config).await?;
    installation.note_address(&server.addresses())?;
    let shared = Shared::new()?;
    let keyring = installation.keyring().await?;
    let cursor_key = parts::cursor_key(&installation.config, &keyring)?;
    let tiers = shared.tiers(&installation.config, Some(&keyring)).await?;
    let directory = shared.directory(&installation.config, installation.store.clone(), cursor_key, &tiers)?;
    let keys = keys::service(&installation, Some(&keyring), shared.metrics.registry()).await?;
    let settings = installation::tokens_config(&installation.config);
    let tokens = installation.tokens_configured(Arc::new(keys.clone()), settings, &tiers);
    tokens.remember_who_was_good().await;
    let news = tokens.directory_news();
    let limiter = shared.limiter(&installation.config, &tiers)?;
    let (public_url, clock) = (installation.public_url.clone(), Arc::clone(&shared.clock));
    let gateway = Gateway::new(Arc::new(tokens), public_url, clock, limiter);
    let mut process = Process::new(shared);
    process.reports_uses(gateway.clone());
    process.runs(directory.forget_on_change());
    process.counts_tolerated(&directory);
    process.routes.scim = Some(Scim::Here(gateway, directory));
    process.routes.longest_name = installation.config.limits.directory_name_length;
    process.uses_database(installation.store.clone());
    if installation.config.keys.provider == KeyProvider::AwsKms {
        process.uses_key_service(keys);
    }
    process.does_background_work(&installation.store, news)?;
    output.say(&format!("Rollcall listens on {}. Ctrl-C stops.", installation.public_url));
    let serving = process.run(server, installation.config.http.clone(), stop);
    let outcome =
        if with_demo { beside(serving, demo::run(&installation, output), output).await } else { serving.await };
    end(telemetry, outcome, output).await
}

/// `rollcall gateway` and the others: serves one role until it is told to stop.
pub(crate) async fn role(config: Config, role: Role, output: &Output) -> Result<(), Failure> {
    let stop = stop_signal()?;
    let telemetry = telemetry::init(&config.telemetry)?;
    role.check(&config)?;
    let server = Server::bind(&config.listeners, &config.http)?;
    let addresses = server.addresses();
    let http = config.http.clone();
    let process = role.compose(config, &addresses).await?;
    let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    output.say(&format!("The {} listens on {}. Ctrl-C stops.", role.service(), shown.join(", ")));
    let outcome = process.run(server, http, stop).await;
    end(telemetry, outcome, output).await
}

async fn end(telemetry: TelemetryGuard, outcome: Result<(), Failure>, output: &Output) -> Result<(), Failure> {
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
