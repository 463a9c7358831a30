//! Permits of a rate that all processes share, taken in bunches so that most requests ask nobody.

use std::time::Duration;

use rollcall_base::Rate;

use crate::{Redis, key::place};

/// The generic cell rate algorithm for several permits, by the server's clock: processes' clocks differ. What is stored is
/// the microsecond at which all that was taken is paid for. Times are exact: they stay below 2^53.
const TAKE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local each = 1000000 / tonumber(ARGV[1])
local all = each * tonumber(ARGV[2])
local paid = tonumber(redis.call('GET', KEYS[1]) or now) or now
paid = math.max(now, math.min(paid, now + all))
local free = all - (paid - now)
local permits = math.min(math.floor(free / each), tonumber(ARGV[3]))
if permits < 1 then
  return {0, math.ceil(each - free)}
end
paid = math.ceil(paid + permits * each)
redis.call('SET', KEYS[1], string.format('%.0f', paid), 'PX', math.ceil((paid - now) / 1000) + 1000)
return {permits, 0}
";

/// What stands in keys.
const NAME: &str = "rate";

/// Rates that are kept in Redis, for all processes of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Leases(Redis);

/// What Redis let this process have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// So many; none if others have taken all.
    pub permits: u32,
    /// If there are none: after so long there will be one.
    pub wait: Duration,
}

impl Leases {
    pub(crate) const fn new(redis: Redis) -> Self {
        Self(redis)
    }

    /// Takes `wanted` permits, or as many as there are, of the `rate` of what `kind` (lower-case letters) and `id` name.
    /// Waits for the setting `redis.timeout_ms` at most, and not at all while Redis is known to be away. `None`: Redis cannot be
    /// asked, and nobody knows what others take.
    pub async fn take(&self, kind: &'static str, id: &str, rate: Rate, wanted: u32) -> Option<Lease> {
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("EVAL")
            .arg(TAKE)
            .arg(1)
            .arg(self.0.key(&place(NAME, id, kind)))
            .arg(rate.per_second())
            .arg(rate.burst())
            .arg(wanted);
        let answer: Result<((u32, u64),), _> = self.0.query(&pipeline, self.0.command_timeout()).await;
        let ((permits, wait),) = answer.ok()?;
        Some(Lease { permits, wait: Duration::from_micros(wait) })
    }
}
