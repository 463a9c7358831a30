//! Ids, clock, randomness, secrets. No I/O beyond asking the operating system for the time and for random bytes.

mod clock;
mod entropy;
mod id;
mod names;
mod page;
mod rate;
mod secret;

pub use clock::{Clock, DAY, HOUR, ManualClock, SystemClock, Timestamp, TimestampError};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use id::{Id, IdError, marker};
pub use names::{ClientKind, DirectoryId, DirectoryName, NameError, TenantSlug};
pub use page::PageLimits;
pub use rate::{Meter, Rate};
pub use secret::{Secret32, SecretText};
