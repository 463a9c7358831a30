//! One data key in memory.

use std::{
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use rollcall_base::{Id, Secret32, Timestamp, marker};
use rollcall_keys::KeyError;
use rollcall_store::{StoreError, WrappedKey};

/// Why a data key is not to be had.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum PepperError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the data key {0} is missing from the database")]
    Missing(Id<marker::DataKey>),
}

impl PepperError {
    /// Whether nobody could be asked, so that a copy in memory stays good.
    pub(super) const fn leaves_copies_valid(&self) -> bool {
        match self {
            Self::Store(_) => true,
            Self::Key(error) => error.leaves_copies_valid(),
            Self::Missing(_) => false,
        }
    }
}

/// A data key's place: open, or shut with the reason. Dropping what is open wipes it.
pub(in crate::local) struct Pepper {
    id: Id<marker::DataKey>,
    /// Held during a call to the key service: one at a time per key.
    pub(super) call: tokio::sync::Mutex<()>,
    state: RwLock<State>,
    used_at: AtomicI64,
    /// There is a newer key, so that this one's age is of no interest.
    pub(super) superseded: AtomicBool,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    /// The last call's error, and when.
    failed: Option<(PepperError, Timestamp)>,
}

struct Open {
    secret: Secret32,
    tenant: Id<marker::Tenant>,
    created_at: Timestamp,
    confirmed_at: Timestamp,
}

/// What is known of an open key without its secret.
pub(super) struct Facts {
    pub(super) tenant: Id<marker::Tenant>,
    pub(super) created_at: Timestamp,
    pub(super) confirmed_at: Timestamp,
}

impl Pepper {
    pub(super) fn new(id: Id<marker::DataKey>, now: Timestamp) -> Self {
        Self {
            id,
            call: tokio::sync::Mutex::default(),
            state: RwLock::default(),
            used_at: AtomicI64::new(now.as_micros()),
            superseded: AtomicBool::new(false),
        }
    }

    pub(super) const fn id(&self) -> Id<marker::DataKey> {
        self.id
    }

    /// Hands the secret to `take` if the key service confirmed it less than `within` ago.
    pub(super) fn with<T>(&self, now: Timestamp, within: Duration, take: impl FnOnce(&Secret32) -> T) -> Option<T> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let open = state.open.as_ref().filter(|open| now.since(open.confirmed_at) < within)?;
        self.used_at.store(now.as_micros(), Ordering::Relaxed);
        Some(take(&open.secret))
    }

    pub(super) fn facts(&self) -> Option<Facts> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let Open { tenant, created_at, confirmed_at, .. } = *state.open.as_ref()?;
        Some(Facts { tenant, created_at, confirmed_at })
    }

    pub(super) fn unused_for(&self, now: Timestamp) -> Duration {
        now.since(Timestamp::from_micros(self.used_at.load(Ordering::Relaxed)))
    }

    /// The error of a call that failed less than `pause` ago: it is not made again yet.
    pub(super) fn failed_lately(&self, now: Timestamp, pause: Duration) -> Option<PepperError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.failed.as_ref().filter(|(_, at)| now.since(*at) < pause).map(|(error, _)| error.clone())
    }

    /// The key service has opened it.
    pub(super) fn confirm(&self, secret: Secret32, key: &WrappedKey, now: Timestamp) {
        let open = Open { secret, tenant: key.tenant, created_at: key.created_at, confirmed_at: now };
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = State { open: Some(open), failed: None };
    }

    /// A call failed: what is open stays open only if nobody could be asked.
    pub(super) fn fail(&self, error: &PepperError, now: Timestamp) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if !error.leaves_copies_valid() {
            state.open = None;
        }
        state.failed = Some((error.clone(), now));
    }

    /// Forgets the secret.
    pub(super) fn shut(&self) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).open = None;
    }
}
