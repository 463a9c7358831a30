//! The services of a split installation: what each of them may have, and what it is made of.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rollcall_access::InternalKeys;
use rollcall_directory::{CursorKey, GrantedSurface};
use rollcall_gateway::{Forwarder, ForwarderConfig, Gateway};
use rollcall_runtime::{Config, Peers, Surface, config::KeyProvider, peers};
use rollcall_tokens::{DirectoryNews, InternalSurface, RemoteTokens};

use super::{
    parts::{Shared, half_the_time},
    process::Process,
    routes::Scim,
};
use crate::{failure::Failure, installation::Installation, keys, tiers};

/// One service of a split installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The public edge. No database, no keys.
    Gateway,
    /// Database and keys.
    Tokens,
    /// Database, no keys.
    Directory,
    /// Background work. Database, no keys.
    Worker,
}

/// What a process for clients may serve.
pub(super) const PUBLIC: &[Surface] =
    &[Surface::Scim, Surface::Oauth, Surface::Lookup, Surface::Health, Surface::Metrics];
const INTERNAL: &[Surface] = &[Surface::Internal, Surface::Health, Surface::Metrics];
const OPERATIONAL: &[Surface] = &[Surface::Health, Surface::Metrics];

impl Role {
    /// As the command line calls it.
    const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Tokens => "tokens",
            Self::Directory => "directory",
            Self::Worker => "worker",
        }
    }

    /// For people.
    pub(super) const fn service(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Tokens => "token service",
            Self::Directory => "directory service",
            Self::Worker => "worker",
        }
    }

    const fn surfaces(self) -> &'static [Surface] {
        match self {
            Self::Gateway => PUBLIC,
            Self::Tokens | Self::Directory => INTERNAL,
            Self::Worker => OPERATIONAL,
        }
    }

    /// The keys that the services share.
    fn keys(self, config: &Config) -> Result<InternalKeys, Failure> {
        let secret = config.internal_secret()?.ok_or_else(|| {
            Failure::told(format!(
                "`rollcall {}` needs internal.secret or internal.secret_file, the same as the other services have; \
                 `openssl rand -hex 32` makes one",
                self.name()
            ))
        })?;
        Ok(InternalKeys::derive(&secret))
    }

    /// Refuses a configuration that this role cannot work with, or that gives it more than it may have.
    pub(super) fn check(self, config: &Config) -> Result<(), Failure> {
        let name = self.name();
        check_surfaces(config, name, self.surfaces())?;
        if self != Self::Worker {
            self.keys(config)?;
        }
        if self == Self::Gateway {
            check_gateway(config)?;
        } else if config.database_url().is_embedded() {
            return Err(Failure::told(format!(
                "`rollcall {name}` needs a database server, set with database.url; on the embedded database only \
                 `rollcall all` can work"
            )));
        }
        Ok(())
    }

    /// Makes what the role needs, and nothing else.
    pub(super) async fn compose(self, config: Config, bound: &[SocketAddr]) -> Result<Process, Failure> {
        let mut process = Process::new(Shared::new()?);
        process.drain = Duration::from_secs(config.internal.drain_seconds);
        match self {
            Self::Gateway => gateway(&mut process, &config, self.keys(&config)?, bound).await?,
            Self::Tokens => {
                let keys = self.keys(&config)?;
                tokens(&mut process, config, keys).await?;
            }
            Self::Directory => {
                let keys = self.keys(&config)?;
                let store = process.shared.store(&config).await?;
                let tiers = process.shared.tiers(&config, None).await?;
                let cursors = CursorKey::new(keys.cursor_key());
                let service = process.shared.directory(&config, store.clone(), cursors, &tiers)?;
                let surface = GrantedSurface::new(keys, Arc::clone(&process.shared.clock));
                process.counts_tolerated(&service);
                process.routes.directory = Some((surface, service));
                process.uses_database(store);
            }
            Self::Worker => {
                let store = process.shared.store(&config).await?;
                let tiers = tiers::telling(&config, &process.shared.clock, &process.shared.entropy).await?;
                process.does_background_work(&store, DirectoryNews::to(&tiers))?;
                process.uses_database(store);
            }
        }
        Ok(process)
    }
}

fn check_gateway(config: &Config) -> Result<(), Failure> {
    if config.database.url.is_some() {
        return Err(Failure::told(
            "`rollcall gateway` needs no database and should have no credentials for one: take database.url out of its \
             configuration",
        ));
    }
    let internal = &config.internal;
    for (setting, urls) in [("tokens_url", &internal.tokens_url), ("directory_url", &internal.directory_url)] {
        if urls.addresses().is_empty() {
            return Err(Failure::told(format!(
                "`rollcall gateway` needs internal.{setting}: the address of that service's listener, or a list of several"
            )));
        }
    }
    Ok(())
}

async fn gateway(
    process: &mut Process,
    config: &Config,
    keys: InternalKeys,
    bound: &[SocketAddr],
) -> Result<(), Failure> {
    let internal = &config.internal;
    let http = peers::client(internal)?;
    let tokens = Arc::new(Peers::new("tokens", internal.tokens_url.addresses()));
    let directory = Arc::new(Peers::new("directory", internal.directory_url.addresses()));
    for peers in [&tokens, &directory] {
        process.needs(Arc::clone(peers) as _);
        process.runs(Arc::clone(peers).watch(http.clone()));
    }
    let (clock, entropy) = (&process.shared.clock, &process.shared.entropy);
    let forwarding = ForwarderConfig {
        connect_within: Duration::from_millis(internal.connect_ms),
        answer_within: Duration::from_secs(internal.answer_seconds),
        body_bytes: config.http.body_bytes,
        tls: peers::tls(internal)?,
    };
    let forwarder = Forwarder::new(directory, keys.clone(), Arc::clone(clock), forwarding);
    let tiers = tiers::listening(config, entropy, process.shared.metrics.registry()).await?;
    let settings = half_the_time(config);
    let remote = RemoteTokens::new(tokens, http, keys, Arc::clone(clock), Arc::clone(entropy), settings, &tiers);
    let limiter = process.shared.limiter(config, &tiers)?;
    let clock = Arc::clone(&process.shared.clock);
    let gateway = Gateway::new(Arc::new(remote), config.public_url(bound), clock, limiter);
    process.reports_uses(gateway.clone());
    process.routes.scim = Some(Scim::Forwarded(gateway, forwarder));
    process.routes.longest_name = config.limits.directory_name_length;
    Ok(())
}

async fn tokens(process: &mut Process, config: Config, keys: InternalKeys) -> Result<(), Failure> {
    let installation = Installation::open(config).await?;
    let tiers = process.shared.tiers(&installation.config, None).await?;
    let wrapping = keys::service(&installation, None, process.shared.metrics.registry()).await?;
    let settings = half_the_time(&installation.config);
    let tokens = installation.tokens_configured(Arc::new(wrapping.clone()), settings, &tiers);
    tokens.remember_who_was_good().await;
    process.routes.tokens = Some(InternalSurface::new(Arc::new(tokens), keys, Arc::clone(&process.shared.clock)));
    match installation.config.keys.provider {
        KeyProvider::Local => process.uses_keyring(installation.config.keyring_path()),
        KeyProvider::AwsKms => process.uses_key_service(wrapping),
    }
    process.uses_database(installation.store);
    Ok(())
}

/// Refuses listeners with surfaces that the role does not have, and a role without the listener that it lives by.
pub(super) fn check_surfaces(config: &Config, role: &str, allowed: &[Surface]) -> Result<(), Failure> {
    let all = [Surface::Scim, Surface::Oauth, Surface::Lookup, Surface::Internal, Surface::Health, Surface::Metrics];
    for listener in &config.listeners {
        if let Some(surface) = all.iter().find(|one| listener.surfaces.serves(**one) && !allowed.contains(one)) {
            let served: Vec<&str> = allowed.iter().map(|surface| surface.name()).collect();
            return Err(Failure::told(format!(
                "`rollcall {role}` does not serve `{}`, which the listener {} names in its surfaces; it serves {}",
                surface.name(),
                listener.address,
                served.join(", "),
            )));
        }
        if listener.surfaces.serves(Surface::Internal) && !listener.surfaces.serves(Surface::Health) {
            return Err(Failure::told(format!(
                "the listener {} serves `internal` and must serve `health` too: the gateway asks there whether it is ready",
                listener.address,
            )));
        }
    }
    Ok(())
}
