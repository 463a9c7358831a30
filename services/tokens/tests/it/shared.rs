//! Several processes on one PostgreSQL and one Redis.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use prometheus::Registry;
use rollcall_access::{BearerToken, ClientId, ClientSecret, Denial, OperatorScope, Scopes, TenantScope};
use rollcall_base::{Clock, ManualClock, Secret32, SystemEntropy, Timestamp};
use rollcall_cache::{CacheMetrics, Redis, RedisSettings, Tiers};
use rollcall_keys::LocalKeyring;
use rollcall_store::{DirectoryRecord, Store};
use rollcall_testkit::{Database, Gate, Redis as Server, eventually, within};
use rollcall_tokens::{
    GoodUses, GrantDenialReason, GrantError, LocalTokens, NewClient, NewToken, Renewal, Source, Span, TokenRequest,
    Tokens, TokensConfig, Told, Uses, VerifyError,
};
use tempfile::TempDir;

use crate::{
    house::DAY,
    parse,
    remote::{Halves, SECRET, halves_of},
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Longer than anything here takes, and much shorter than what a process may be wrong for without a message.
const SOON: Duration = Duration::from_secs(10);

struct Scene {
    database: Database,
    folder: TempDir,
    prefix: String,
    scope: TenantScope,
    directory: DirectoryRecord,
}

struct Process {
    tokens: LocalTokens,
    store: Store,
    clock: Arc<ManualClock>,
    registry: Registry,
}

async fn listens(registry: &Registry) {
    let is_told = async || {
        let families = registry.gather();
        families
            .iter()
            .filter(|family| family.name() == "rollcall_redis_listening")
            .any(|family| family.get_metric()[0].get_gauge().get_value() > 0.0)
    };
    eventually("notices come in", is_told).await;
}

impl Scene {
    async fn new() -> Self {
        let database = Database::postgres().await;
        let made = database.directory().await;
        let scope = OperatorScope::from_local_configuration().tenant(made.tenant.id);
        let folder = tempfile::tempdir().unwrap();
        Self { database, folder, prefix: Server::fresh_prefix(), scope, directory: made.record }
    }

    fn settings(&self, url: &str) -> RedisSettings {
        RedisSettings {
            url: url.parse().unwrap(),
            ca: None,
            prefix: self.prefix.clone(),
            command_timeout: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(1),
        }
    }

    async fn process(&self, config: TokensConfig) -> Process {
        self.process_at(Server::shared().url(), config).await
    }

    async fn process_at(&self, url: &str, config: TokensConfig) -> Process {
        let (store, clock) = self.database.open().await;
        let (registry, entropy) = (Registry::new(), Arc::new(SystemEntropy));
        let metrics = CacheMetrics::new(&registry).unwrap();
        let redis = Redis::connect(self.settings(url), entropy.clone(), &metrics).await.unwrap();
        let key = Secret32::from_bytes([1; 32]);
        let tiers = Tiers::with_redis(redis, key, clock.clone(), metrics);
        let tokens = LocalTokens::new(store.clone(), keys(self.folder.path()), clock.clone(), entropy, config, &tiers);
        listens(&registry).await;
        Process { tokens, store, clock, registry }
    }

    async fn issue(&self, process: &Process) -> BearerToken {
        parse(&process.tokens.issue(&self.scope, &self.directory, NewToken::living(DAY)).await.unwrap().token)
    }
}

fn keys(folder: &Path) -> Arc<LocalKeyring> {
    Arc::new(LocalKeyring::open_or_create(&folder.join("keyring.json"), Arc::new(SystemEntropy)).unwrap())
}

async fn refused_soon(tokens: &dyn Tokens, token: &BearerToken) -> Denial {
    let refused = async || match tokens.verify(token, HERE).await {
        Ok(_) => None,
        Err(VerifyError::Denied(denial)) => Some(denial),
        Err(other) => panic!("{other:?}"),
    };
    within(SOON, "it is refused", refused).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_revokes_the_other_refuses_at_once() {
    let scene = Scene::new().await;
    let (here, there) = (scene.process(TokensConfig::default()).await, scene.process(TokensConfig::default()).await);
    let token = scene.issue(&here).await;
    for process in [&here, &there] {
        process.tokens.verify(&token, HERE).await.unwrap();
    }
    assert_eq!(here.tokens.revoke(&scene.scope, token.id()).await.unwrap(), Some(Told::Everywhere));
    assert!(matches!(here.tokens.verify(&token, HERE).await, Err(VerifyError::Denied(Denial::Revoked))));
    assert_eq!(refused_soon(&there.tokens, &token).await, Denial::Revoked);
    let fresh = scene.process(TokensConfig::default()).await;
    assert!(matches!(fresh.tokens.verify(&token, HERE).await, Err(VerifyError::Denied(Denial::Revoked))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_keeps_and_what_begins_to_retire_the_other_knows_at_once() {
    let scene = Scene::new().await;
    let (here, there) = (scene.process(TokensConfig::default()).await, scene.process(TokensConfig::default()).await);
    let year = NewToken::living(365 * DAY);
    let old = here.tokens.issue(&scene.scope, &scene.directory, year).await.unwrap().record.id;
    let rotated = here.tokens.rotate(&scene.scope, old, Renewal::default()).await.unwrap();
    assert_eq!(rotated.told, Told::Everywhere);
    let (token, new) = (parse(&rotated.issued.token), rotated.issued.record.id);
    for process in [&here, &there] {
        let ends_at = process.tokens.verify(&token, HERE).await.unwrap().ends_at();
        assert_eq!(ends_at, rotated.issued.record.expires_at);
    }
    // The new one is rotated in turn, so that its own end is remembered by both.
    let next = here.tokens.rotate(&scene.scope, new, Renewal::default()).await.unwrap().issued.record.id;
    let becomes = async |process: &Process, ends_at: Timestamp| {
        let is_known = async || process.tokens.verify(&token, HERE).await.unwrap().ends_at() == ends_at;
        within(SOON, "its end is known", is_known).await;
    };
    let now = here.clock.now();
    becomes(&there, now.plus(30 * DAY)).await;
    let from = Source::new(HERE, "Okta/1");
    let (directory, span) = (scene.directory.id, Span::of(now.as_micros()));
    let good = vec![GoodUses { directory, credential: next, from, outside: false, reads: 1, writes: 0, span }];
    here.tokens.report(Uses { good, ..Uses::default() }).await.unwrap();
    becomes(&there, now.plus(DAY)).await;
    assert_eq!(here.tokens.keep(&scene.scope, new).await.unwrap().told, Told::Everywhere);
    becomes(&there, rotated.issued.record.expires_at).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_forgets_every_form_of_a_revoked_token() {
    let scene = Scene::new().await;
    let (here, behind) = (scene.process(TokensConfig::default()).await, scene.process(TokensConfig::default()).await);
    let registry = Registry::new();
    let metrics = CacheMetrics::new(&registry).unwrap();
    let redis =
        Redis::connect(scene.settings(Server::shared().url()), Arc::new(SystemEntropy), &metrics).await.unwrap();
    let tiers = Tiers::listening(redis, metrics);
    listens(&registry).await;
    let clock = Arc::clone(&behind.clock) as Arc<dyn Clock>;
    let Halves { remote, .. } = halves_of(behind.tokens, clock, SECRET, &tiers).await;
    let token = scene.issue(&here).await;
    remote.verify(&token, HERE).await.unwrap();
    assert_eq!(here.tokens.revoke(&scene.scope, token.id()).await.unwrap(), Some(Told::Everywhere));
    assert_eq!(refused_soon(&remote, &token).await, Denial::Revoked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_messages_a_revoked_token_is_refused_within_the_bound() {
    let scene = Scene::new().await;
    let gate = Gate::before(Server::shared().address()).await;
    let config = TokensConfig { cache_ttl: Duration::from_millis(500), ..TokensConfig::default() };
    let here = scene.process(config).await;
    let there = scene.process_at(&format!("redis://{}", gate.address()), config).await;
    let (told, behind_the_back) = (scene.issue(&here).await, scene.issue(&here).await);
    for token in [&told, &behind_the_back] {
        there.tokens.verify(token, HERE).await.unwrap();
        here.tokens.verify(token, HERE).await.unwrap();
    }
    gate.shut();
    assert_eq!(here.tokens.revoke(&scene.scope, told.id()).await.unwrap(), Some(Told::Everywhere));
    let statement = format!("UPDATE credential SET revoked_at = 1 WHERE id = '{}'", behind_the_back.id());
    scene.database.execute(&statement).await;
    tokio::time::sleep(config.cache_ttl).await;
    for process in [&here, &there] {
        for token in [&told, &behind_the_back] {
            let outcome = process.tokens.verify(token, HERE).await;
            assert!(matches!(outcome, Err(VerifyError::Denied(Denial::Revoked))), "{outcome:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_another_process_knows_costs_no_question_about_it() {
    let scene = Scene::new().await;
    let (here, there) = (scene.process(TokensConfig::default()).await, scene.process(TokensConfig::default()).await);
    let token = scene.issue(&here).await;
    here.tokens.verify(&token, HERE).await.unwrap();
    let record = here.tokens.directory(scene.directory.id).await.unwrap().unwrap();
    here.tokens.resolve("acme", "d-1", None).await.unwrap().unwrap();
    let before = there.store.statements();
    let known = there.tokens.verify(&token, HERE).await.unwrap();
    assert_eq!(*there.tokens.directory(known.directory()).await.unwrap().unwrap(), *record);
    assert_eq!(*there.tokens.resolve("ACME", "D-1", None).await.unwrap().unwrap(), *record);
    // One for the data key that the token's hash was made under: that is nowhere but in the database and in memory.
    assert_eq!((there.store.statements() - before).statements, 1);
    assert!(there.registry.gather().iter().any(|family| family.name() == "rollcall_cache_requests_total"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_redis_lies_nothing_that_opens_anything() {
    let scene = Scene::new().await;
    let here = scene.process(TokensConfig::default()).await;
    let token = scene.issue(&here).await;
    here.tokens.verify(&token, HERE).await.unwrap();
    here.tokens.directory(scene.directory.id).await.unwrap().unwrap();
    here.tokens.resolve("acme", "d-1", None).await.unwrap().unwrap();
    let redis = Server::shared();
    let keys = redis.says(&["--scan", "--pattern", &format!("{}:*", scene.prefix)]);
    let mut keys: Vec<&str> = keys.lines().collect();
    keys.sort_unstable();
    let prefix = &scene.prefix;
    let mut expected = [
        format!("{prefix}:{{{}}}:credential:", token.id()),
        format!("{prefix}:{{{}}}:directory:", scene.directory.id),
        format!("{prefix}:{{acme}}:directory-at:d-1"),
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    let text = token.to_text();
    for key in keys {
        let value = redis.says(&["get", key]);
        assert!(!value.is_empty() && !value.contains(&text.expose()[27..71]), "{value}");
        // docs/operations.md says so.
        let size: usize = redis.says(&["memory", "usage", key]).trim().parse().unwrap();
        assert!(size <= 1024, "{size} bytes for {key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_one_process_revokes_the_others_refuse_at_once_with_its_tokens() {
    let scene = Scene::new().await;
    let (here, there) = (scene.process(TokensConfig::default()).await, scene.process(TokensConfig::default()).await);
    let registry = Registry::new();
    let metrics = CacheMetrics::new(&registry).unwrap();
    let redis =
        Redis::connect(scene.settings(Server::shared().url()), Arc::new(SystemEntropy), &metrics).await.unwrap();
    let tiers = Tiers::listening(redis, metrics);
    listens(&registry).await;
    let behind = scene.process(TokensConfig::default()).await;
    let clock = Arc::clone(&behind.clock) as Arc<dyn Clock>;
    let Halves { remote, .. } = halves_of(behind.tokens, clock, SECRET, &tiers).await;

    let new = NewClient { lifetime: Some(DAY), label: String::new(), scopes: Scopes::ALL, networks: None };
    let client = here.tokens.create_client(&scene.scope, &scene.directory, new).await.unwrap();
    let asks = TokenRequest {
        client: ClientId(client.record.id),
        secret: Some(ClientSecret::parse(client.secret.expose()).unwrap()),
        scopes: None,
        resources: Vec::new(),
        from: HERE,
    };
    // The last one reads the tokens and never asked for one, as a gateway does.
    let token = parse(&there.tokens.grant_token(asks.clone()).await.unwrap().token);
    let granted_here = parse(&here.tokens.grant_token(asks.clone()).await.unwrap().token);
    assert_ne!(token.id(), granted_here.id());
    for process in [&here.tokens as &dyn Tokens, &there.tokens, &remote] {
        process.verify(&token, HERE).await.unwrap();
    }
    let before = there.store.statements();
    assert_eq!(parse(&there.tokens.grant_token(asks.clone()).await.unwrap().token).id(), token.id());
    assert_eq!((there.store.statements() - before).statements, 0, "client, secret and token are remembered there");

    let revoked = here.tokens.revoke_client(&scene.scope, client.record.id).await.unwrap().unwrap();
    assert_eq!((revoked.tokens, revoked.told), (2, Told::Everywhere));
    for process in [&here.tokens as &dyn Tokens, &there.tokens, &remote] {
        assert_eq!(refused_soon(process, &token).await, Denial::Revoked);
    }
    let gone = async || match there.tokens.grant_token(asks.clone()).await {
        Ok(_) => None,
        Err(GrantError::Denied(denial)) => Some(denial.reason),
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(within(SOON, "the client is refused", gone).await, GrantDenialReason::Revoked);
    let keys = Server::shared().says(&["--scan", "--pattern", &format!("{}:*oauth-client*", scene.prefix)]);
    for key in keys.lines() {
        let value = Server::shared().says(&["get", key]);
        assert!(!value.contains("argon2id"), "nothing of the client lies in Redis: {value}");
    }
}
