//! The installation that a command works on: its configuration, database and keyring.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use prometheus::Registry;
use rollcall_access::{CredentialRecord, JobScope, OAuthClientRecord, OperatorScope, StepRefused, TenantScope};
use rollcall_base::{Clock, Entropy, Id, Rate, SystemClock, SystemEntropy, marker};
use rollcall_cache::Tiers;
use rollcall_keys::{KeyService, LocalKeyring};
use rollcall_runtime::{Config, PublicUrl, config::KeyProvider};
use rollcall_scim::schema::{GROUP, USER};
use rollcall_store::{DirectoryRecord, Store, StoreConfig};
use rollcall_tokens::{KeyAges, LocalTokens, OAuthSettings, ThrottleLimits, TokensConfig};

use crate::{cli::DirectoryChoice, failure::Failure, keys, tiers};

/// Everything that is needed to serve or to change the installation.
pub(crate) struct Installation {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) store: Store,
    /// What Base URLs begin with.
    pub(crate) public_url: PublicUrl,
    /// Whoever runs the executable with this configuration already has the database.
    pub(crate) operator: OperatorScope,
}

/// Live resources of a directory.
pub(crate) struct Counted {
    pub(crate) users: u64,
    pub(crate) groups: u64,
}

/// The store's settings out of the configuration.
pub(crate) fn store_config(config: &Config) -> StoreConfig {
    let database = &config.database;
    StoreConfig {
        url: config.database_url().expose().to_owned(),
        max_connections: database.max_connections,
        min_connections: database.min_connections,
        idle_seconds: database.idle_seconds,
        lifetime_seconds: database.lifetime_seconds,
        acquire_timeout_ms: database.acquire_timeout_ms,
        statement_timeout_ms: database.statement_timeout_ms,
        lock_timeout_ms: database.lock_timeout_ms,
        transaction_timeout_ms: database.transaction_timeout_ms,
        idle_in_transaction_timeout_ms: database.idle_in_transaction_timeout_ms,
        statement_cache: database.statement_cache,
        application_name: database.application_name.clone().unwrap_or_else(|| "rollcall".to_owned()),
        migration_lease_ms: database.migration_lease_seconds.saturating_mul(1_000),
        group_operations: database.group_operations,
        group_bytes: database.group_bytes,
        group_millis: database.group_ms,
        scan_rows: database.scan_rows,
        list_bytes: config.limits.list_bytes,
    }
}

/// The token service's settings out of the configuration.
pub(crate) fn tokens_config(config: &Config) -> TokensConfig {
    let unknown = &config.limits.unknown_tokens;
    TokensConfig {
        cache_entries: config.cache.entries,
        cache_ttl: Duration::from_secs(config.cache.seconds),
        negative_ttl: Duration::from_millis(config.cache.negative_ms),
        unknown: ThrottleLimits {
            per_second: unknown.per_second,
            burst: unknown.burst,
            total_per_second: unknown.total_per_second,
            total_burst: unknown.total_burst,
        },
        keys: KeyAges {
            refresh: Duration::from_secs(config.keys.refresh_seconds),
            limit: Duration::from_secs(config.keys.limit_seconds),
            rotate: Some(DAY * u32::try_from(config.keys.rotate_days).unwrap_or(u32::MAX)).filter(|age| !age.is_zero()),
        },
        oauth: OAuthSettings {
            token_lifetime: Duration::from_secs(config.oauth.access_token_seconds),
            checks_at_once: config.oauth.secret_checks,
            check_patience: Duration::from_millis(config.oauth.secret_check_wait_ms),
            each_client: Rate::new(config.oauth.token_requests.per_second, config.oauth.token_requests.burst),
            // One client's burst is no reason to refuse it.
            in_flight: config.limits.requests.in_flight.max(config.oauth.token_requests.burst as usize),
        },
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes the data folder if it is not there; readable by nobody else.
pub(crate) fn prepare_data_dir(config: &Config) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = &config.data_dir;
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::told(format!(
            "the data folder {} is a file: choose a folder with --data-dir",
            folder.display()
        )));
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        Failure::told(format!(
            "the data folder {} cannot be made ({error}): choose another with --data-dir, or let this user write there",
            folder.display()
        ))
    })
}

/// Where a server on this data that listens elsewhere than configured has written down its address.
fn address_file(config: &Config) -> PathBuf {
    config.data_dir.join("public-url")
}

/// What clients know the service by: as configured, else the address that the last server here listened on (it may
/// have been told another one at its start), else the configured listener's.
pub(crate) fn known_public_url(config: &Config) -> PublicUrl {
    let written = || fs::read_to_string(address_file(config)).ok()?.trim().parse().ok();
    config.public_url.clone().or_else(written).unwrap_or_else(|| config.public_url(&[]))
}

impl Installation {
    /// Opens an installation that is there. With the embedded database a mistyped folder would otherwise look like an
    /// installation that has lost everything.
    pub(crate) async fn open(config: Config) -> Result<Self, Failure> {
        if config.embedded_database().is_some_and(|file| !file.exists()) {
            return Err(Failure::told(format!(
                "there is no database in {}: check --data-dir, or begin here with `rollcall tenant create`",
                config.data_dir.display()
            )));
        }
        Self::open_or_create(config).await
    }

    /// Notes where this server listens, so that commands in other processes print Base URLs that work.
    pub(crate) fn note_address(&mut self, bound: &[SocketAddr]) -> Result<(), Failure> {
        self.public_url = self.config.public_url(bound);
        if self.config.public_url.is_none() {
            fs::write(address_file(&self.config), format!("{}\n", self.public_url))?;
        }
        Ok(())
    }

    /// Opens the installation, which may be the first time. The embedded database is made or brought up to date on the way; a database server is
    /// somebody else's too, so there `rollcall migrate` does that.
    pub(crate) async fn open_or_create(config: Config) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let settings = store_config(&config);
        prepare_data_dir(&config)?;
        if config.database_url().is_embedded() {
            Store::migrate(&settings).await?;
        }
        let store = Store::open(&settings, Arc::clone(&clock), Arc::clone(&entropy)).await?;
        let public_url = known_public_url(&config);
        let operator = OperatorScope::from_local_configuration();
        Ok(Self { config, clock, entropy, store, public_url, operator })
    }

    /// The local keyring; made on first use. One that was there before and is gone is not made anew behind the
    /// operator's back: no token could be verified, and nobody would know why.
    pub(crate) async fn keyring(&self) -> Result<LocalKeyring, Failure> {
        let path = self.config.keyring_path();
        let wraps = self.config.keys.provider == KeyProvider::Local;
        if wraps && !path.exists() && self.store.operator(&self.operator).has_data_keys().await? {
            return Err(Failure::told(format!(
                "the keyring {} is missing, and only it opens the keys in the database: put it back from its backup. If \
                 it is lost for good, run `rollcall key rotate --tenant TENANT` for each tenant and issue new tokens",
                path.display()
            )));
        }
        self.keyring_or_new()
    }

    /// The local keyring; a new one if there is none, whatever was there before.
    pub(crate) fn keyring_or_new(&self) -> Result<LocalKeyring, Failure> {
        Ok(LocalKeyring::open_or_create(&self.config.keyring_path(), Arc::clone(&self.entropy))?)
    }

    /// Where commands remember things, and whom they tell of what they change.
    pub(crate) async fn tiers(&self) -> Result<Tiers, Failure> {
        tiers::telling(&self.config, &self.clock, &self.entropy).await
    }

    /// The token service, for a command: what it counts, nobody reads.
    pub(crate) async fn tokens(&self) -> Result<LocalTokens, Failure> {
        self.tokens_with(None).await
    }

    /// The same, with the keyring if it is open already.
    pub(crate) async fn tokens_with(&self, keyring: Option<&LocalKeyring>) -> Result<LocalTokens, Failure> {
        let keys = keys::service(self, keyring, &Registry::new()).await?;
        let tiers = self.tiers().await?;
        Ok(self.tokens_configured(Arc::new(keys), tokens_config(&self.config), &tiers))
    }

    /// The token service with settings of its own, and with what wraps its keys.
    pub(crate) fn tokens_configured(
        &self,
        keys: Arc<dyn KeyService>,
        config: TokensConfig,
        tiers: &Tiers,
    ) -> LocalTokens {
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        LocalTokens::new(self.store.clone(), keys, clock, entropy, config, tiers)
    }

    /// All of the tenant with this slug.
    pub(crate) async fn tenant(&self, slug: &str) -> Result<TenantScope, Failure> {
        let tenant = self.store.operator(&self.operator).tenant_by_slug(slug).await?;
        let tenant = tenant
            .ok_or_else(|| Failure::told(format!("there is no tenant \"{slug}\"; `rollcall tenant list` shows all")))?;
        Ok(self.operator.tenant(tenant.id))
    }

    /// All tenants.
    pub(crate) async fn tenants(&self) -> Result<Vec<TenantScope>, Failure> {
        let tenants = self.store.operator(&self.operator).tenants().await?;
        Ok(tenants.iter().map(|tenant| self.operator.tenant(tenant.id)).collect())
    }

    /// The directory that was chosen, and the scope of its tenant.
    pub(crate) async fn directory(&self, choice: &DirectoryChoice) -> Result<(TenantScope, DirectoryRecord), Failure> {
        let scope = self.tenant(&choice.tenant).await?;
        let record = self.store.tenant(&scope).directory_by_key(&choice.directory).await?;
        let record = record.ok_or_else(|| {
            Failure::told(format!(
                "the tenant \"{0}\" has no directory \"{1}\"; `rollcall directory list --tenant {0}` shows all",
                choice.tenant, choice.directory
            ))
        })?;
        Ok((scope, record))
    }

    /// The same, if it is not archived: nothing new is made for one that nothing opens.
    pub(crate) async fn open_directory(
        &self,
        choice: &DirectoryChoice,
    ) -> Result<(TenantScope, DirectoryRecord), Failure> {
        let (scope, record) = self.directory(choice).await?;
        if record.life.archived {
            return Err(Failure::told(StepRefused::Archived.to_string()));
        }
        Ok((scope, record))
    }

    /// The credential with this id, whosever it is.
    pub(crate) async fn credential(&self, id: Id<marker::Credential>) -> Result<Option<CredentialRecord>, Failure> {
        Ok(self.store.verification(&JobScope::of_service("command-line")).credential(id).await?)
    }

    /// What the IdP is given. Built from the Directory ID: unlike the Name it has no underscore, which Okta refuses.
    pub(crate) fn base_url(&self, record: &DirectoryRecord) -> String {
        rollcall_gateway::base_url(&self.public_url, record)
    }

    /// The OAuth client with this id, whosever it is.
    pub(crate) async fn oauth_client(&self, id: Id<marker::OAuthClient>) -> Result<Option<OAuthClientRecord>, Failure> {
        Ok(self.store.verification(&JobScope::of_service("command-line")).oauth_client(id).await?)
    }

    /// Where OAuth clients get their access tokens.
    pub(crate) fn token_endpoint(&self) -> String {
        rollcall_gateway::token_endpoint(&self.public_url)
    }

    /// How many users and groups a directory has.
    pub(crate) async fn counts(&self, directory: &DirectoryRecord) -> Result<Counted, Failure> {
        let tenant = self.store.tenant(&self.operator.tenant(directory.tenant));
        let live = tenant.overview(directory.id).await?.live;
        let of = |kind| live.get(&kind).copied().unwrap_or(0);
        Ok(Counted { users: of(USER), groups: of(GROUP) })
    }
}
