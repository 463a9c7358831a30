//! What the service remembers, and how often strangers may ask.

use std::time::Duration;

use rollcall_base::{DAY, HOUR, Rate};

/// Settings of [`crate::LocalTokens`].
#[derive(Debug, Clone, Copy)]
pub struct TokensConfig {
    /// The most credentials, and the most directories, remembered.
    pub cache_entries: u64,
    /// How long a credential or a directory is believed without asking the database; cut to
    /// [`TokensConfig::LONGEST_TTL`].
    pub cache_ttl: Duration,
    /// How long "there is none" is believed; never more than a second.
    pub negative_ttl: Duration,
    /// How often unknown tokens may reach the database.
    pub unknown: ThrottleLimits,
    /// How old data keys may become.
    pub keys: KeyAges,
    /// What OAuth clients get.
    pub oauth: OAuthSettings,
}

/// What OAuth clients get, and what their secrets may cost.
#[derive(Debug, Clone, Copy)]
pub struct OAuthSettings {
    /// How long an access token is good.
    pub token_lifetime: Duration,
    /// How many client secrets are checked at the same time, each with 19 MiB of memory.
    pub checks_at_once: usize,
    /// How long one waits for its turn.
    pub check_patience: Duration,
    /// How often each client may ask for an access token.
    pub each_client: Rate,
    /// How many clients of a tenant may ask at once.
    pub in_flight: usize,
}

/// How long a data key is used, in memory and at all.
#[derive(Debug, Clone, Copy)]
pub struct KeyAges {
    /// How long an unwrapped data key is used without asking the key service again. It is asked at three quarters of it.
    pub refresh: Duration,
    /// How long one is used while the key service cannot be asked; and how long one is kept that nobody uses.
    pub limit: Duration,
    /// The age at which a tenant gets a new data key; `None`: never by itself.
    pub rotate: Option<Duration>,
}

/// A steady rate and a burst, for one client address and for all together.
#[derive(Debug, Clone, Copy)]
pub struct ThrottleLimits {
    /// Questions a second for one client address.
    pub per_second: u32,
    /// Questions at once for one client address.
    pub burst: u32,
    /// Questions a second for all addresses together.
    pub total_per_second: u32,
    /// Questions at once for all addresses together.
    pub total_burst: u32,
}

impl TokensConfig {
    /// The bound that revocation in another process relies on.
    pub const LONGEST_TTL: Duration = Duration::from_secs(30);
}

impl Default for TokensConfig {
    fn default() -> Self {
        Self {
            cache_entries: 100_000,
            cache_ttl: Self::LONGEST_TTL,
            negative_ttl: Duration::from_secs(1),
            unknown: ThrottleLimits::default(),
            keys: KeyAges::default(),
            oauth: OAuthSettings::default(),
        }
    }
}

impl Default for OAuthSettings {
    fn default() -> Self {
        Self {
            token_lifetime: HOUR,
            checks_at_once: 2,
            check_patience: Duration::from_secs(2),
            each_client: Rate::new(25, 100),
            in_flight: 100,
        }
    }
}

impl Default for KeyAges {
    fn default() -> Self {
        Self { refresh: HOUR, limit: DAY, rotate: Some(90 * DAY) }
    }
}

impl Default for ThrottleLimits {
    fn default() -> Self {
        Self { per_second: 5, burst: 50, total_per_second: 200, total_burst: 1_000 }
    }
}
