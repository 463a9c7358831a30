//! Tenants' peppers: data keys, unwrapped and kept.
//!
//! The key service is asked when a tenant's key is first needed, ahead of its age limit, and on rotation; never per
//! request, and one call at a time per key. While it cannot be asked, what is open is used up to a hard limit. What it
//! says no to is wiped at once.

mod pepper;
mod upkeep;

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rollcall_access::JobScope;
use rollcall_base::{Clock, Entropy, Id, Secret32, marker};
use rollcall_keys::{KeyContext, KeyError, KeyService};
use rollcall_store::{Store, VerificationStore, WrappedKey};
use tokio::sync::Notify;

pub(super) use self::pepper::Pepper;
pub(crate) use self::pepper::PepperError;
use crate::KeyAges;

/// What the data key is for; bound into its wrapping and stored beside it.
pub(super) const PURPOSE: &str = "token-pepper";

/// How long a failed call is not made again for the same key: requests must not become calls.
const PAUSE: Duration = Duration::from_secs(5);

/// All data keys that this process has needed lately. Bounded by the tenants that use it: each entry exists because a
/// stored credential or a person named it, and goes when it was not used for the hard limit.
pub(super) struct Peppers {
    keys: Arc<dyn KeyService>,
    store: Store,
    verification: VerificationStore,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    ages: KeyAges,
    known: RwLock<HashMap<Id<marker::DataKey>, Arc<Pepper>>>,
    /// A wrapping key turned out disabled or deleted: what else it wraps must be asked for before its time.
    suspicious: AtomicBool,
    pub(super) suspicion: Notify,
}

impl Peppers {
    pub(super) fn new(
        keys: Arc<dyn KeyService>,
        store: Store,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        ages: KeyAges,
    ) -> Self {
        let verification = store.verification(&JobScope::of_service("tokens"));
        let ages = KeyAges { limit: ages.limit.max(ages.refresh), ..ages };
        Self {
            keys,
            store,
            verification,
            clock,
            entropy,
            ages,
            known: RwLock::default(),
            suspicious: AtomicBool::new(false),
            suspicion: Notify::new(),
        }
    }

    /// The place of the data key `id`, open or not.
    pub(super) fn place(&self, id: Id<marker::DataKey>) -> Arc<Pepper> {
        if let Some(pepper) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Arc::clone(pepper);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(id).or_insert_with(|| Arc::new(Pepper::new(id, self.clock.now()))))
    }

    /// For checking: the secret if it was confirmed within the hard limit, else after asking the key service.
    pub(super) async fn for_checking<T>(
        &self,
        pepper: &Pepper,
        take: impl Fn(&Secret32) -> T,
    ) -> Result<T, PepperError> {
        self.confirmed_within(self.ages.limit, pepper, take).await
    }

    /// For making a hash that outlives this process: the secret if it was confirmed within its age, else after asking
    /// the key service. So nothing new is made under a key that the key service may have lost.
    pub(super) async fn for_making<T>(&self, pepper: &Pepper, take: impl Fn(&Secret32) -> T) -> Result<T, PepperError> {
        self.confirmed_within(self.ages.refresh, pepper, take).await
    }

    async fn confirmed_within<T>(
        &self,
        within: Duration,
        pepper: &Pepper,
        take: impl Fn(&Secret32) -> T,
    ) -> Result<T, PepperError> {
        if let Some(taken) = pepper.with(self.clock.now(), within, &take) {
            return Ok(taken);
        }
        let _alone = pepper.call.lock().await;
        let now = self.clock.now();
        // Who waited for the call may have what it brought.
        if let Some(taken) = pepper.with(now, within, &take) {
            return Ok(taken);
        }
        if let Some(error) = pepper.failed_lately(now, PAUSE) {
            return Err(error);
        }
        self.ask(pepper).await.inspect_err(|error| self.suspect(error))?;
        pepper.with(now, within.max(Duration::from_micros(1)), &take).ok_or(PepperError::Missing(pepper.id()))
    }

    /// Asks the key service for the key; the caller holds its call lock.
    async fn ask(&self, pepper: &Pepper) -> Result<(), PepperError> {
        let now = self.clock.now();
        match self.unwrapped(pepper.id()).await {
            Ok((secret, key)) => {
                pepper.confirm(secret, &key, now);
                Ok(())
            }
            Err(error) => {
                pepper.fail(&error, now);
                Err(error)
            }
        }
    }

    /// From the database each time: it may have been wrapped anew, or be gone.
    async fn unwrapped(&self, id: Id<marker::DataKey>) -> Result<(Secret32, WrappedKey), PepperError> {
        let key = self.verification.data_key(id).await?.ok_or(PepperError::Missing(id))?;
        let context = KeyContext { tenant: key.tenant, purpose: PURPOSE };
        Ok((self.keys.unwrap(&key.wrapped, &context).await?, key))
    }

    fn suspect(&self, error: &PepperError) {
        if matches!(error, PepperError::Key(KeyError::Unusable { .. })) {
            self.suspicious.store(true, Ordering::Relaxed);
            self.suspicion.notify_one();
        }
    }
}
