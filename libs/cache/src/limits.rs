//! What bounds a cache, and who knows of an invalidation.

use std::time::Duration;

/// How much a [`crate::Cache`] keeps and for how long.
#[derive(Debug, Clone, Copy)]
pub struct CacheLimits {
    /// The most entries in this process; the least used go first. In a cache made with [`crate::Cache::weighed`] an entry
    /// counts as one for each started KiB of its weight, so that this is also the most KiB; one that weighs more than
    /// all of it is not kept.
    pub max_entries: u64,
    /// How long a found value may be served after its load began, over both tiers; at most [`CacheLimits::LONGEST`].
    pub ttl: Duration,
    /// How long "there is no such thing" may be served, by this process alone; at most
    /// [`CacheLimits::LONGEST_NEGATIVE`].
    pub negative_ttl: Duration,
}

impl CacheLimits {
    /// The bound for every answer: so long a process may be wrong that no message reached.
    pub const LONGEST: Duration = Duration::from_secs(30);
    /// The bound for negative answers: what was just created is to be found soon.
    pub const LONGEST_NEGATIVE: Duration = Duration::from_secs(1);

    pub(crate) fn bounded(self) -> Self {
        let ttl = self.ttl.min(Self::LONGEST);
        Self { ttl, negative_ttl: self.negative_ttl.min(Self::LONGEST_NEGATIVE).min(ttl), ..self }
    }
}

/// Who knows of an invalidation by the time that it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "if only this process was told, whoever waits for the others should know"]
pub enum Told {
    /// Redis was told, and every process that listens to it.
    Everywhere,
    /// This process alone: there is no Redis, or it did not answer. Others may serve what they have until its time is over,
    /// [`CacheLimits::ttl`] after it was loaded.
    HereOnly,
}

impl Told {
    /// What holds of both.
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Everywhere, Self::Everywhere) => Self::Everywhere,
            _ => Self::HereOnly,
        }
    }
}
