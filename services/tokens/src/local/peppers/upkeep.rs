//! What is done to data keys apart from requests: confirmed ahead of their age limit, rotated, wrapped anew, forgotten.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use rollcall_access::{JobScope, TenantScope};
use rollcall_base::{Id, Timestamp, marker};
use rollcall_keys::{KeyContext, KeyError};
use rollcall_store::WrappedKey;

use super::{PURPOSE, Pepper, PepperError, Peppers};

impl Peppers {
    /// One round over the keys in memory. Cheap when nothing is due.
    pub(in crate::local) async fn upkeep(&self) {
        self.forget_unused();
        let suspicious = self.suspicious.swap(false, Ordering::Relaxed);
        match self.confirm_due(suspicious).await {
            Round::Done => {}
            // The rest may be wrapped by the same key.
            Round::Unusable if !suspicious => {
                if let Round::Unreachable = self.confirm_due(true).await {
                    self.suspicious.store(true, Ordering::Relaxed);
                }
            }
            Round::Unusable => {}
            Round::Unreachable => self.suspicious.store(suspicious, Ordering::Relaxed),
        }
        self.rotate_due().await;
    }

    fn known(&self) -> Vec<Arc<Pepper>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn forget_unused(&self) {
        let now = self.clock.now();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, pepper| {
            let overdue = pepper.facts().is_some_and(|facts| now.since(facts.confirmed_at) >= self.ages.limit);
            let unused = pepper.unused_for(now) >= self.ages.limit;
            if overdue || unused {
                pepper.shut();
            }
            !unused
        });
    }

    /// Asks for each open key whose age limit is near, or, if one of them is suspicious, for all.
    async fn confirm_due(&self, all: bool) -> Round {
        let mut round = Round::Done;
        for pepper in self.known() {
            let _alone = pepper.call.lock().await;
            let Some(facts) = pepper.facts() else { continue };
            if !all && self.clock.now().since(facts.confirmed_at) < self.ages.refresh.mul_f64(0.75) {
                continue;
            }
            match self.ask(&pepper).await {
                Ok(()) => {}
                // It would be the same for the others; the next round tries again.
                Err(error) if error.leaves_copies_valid() => return Round::Unreachable,
                Err(PepperError::Key(KeyError::Unusable { .. })) => round = Round::Unusable,
                Err(error) => tracing::error!(data_key = %pepper.id(), "a data key was dropped: {error}"),
            }
        }
        round
    }

    async fn rotate_due(&self) {
        let Some(age) = self.ages.rotate else { return };
        for pepper in self.known() {
            let Some(facts) = pepper.facts() else { continue };
            if pepper.superseded.load(Ordering::Relaxed) || self.clock.now().since(facts.created_at) < age {
                continue;
            }
            let scope = JobScope::of_service("tokens").tenant(facts.tenant);
            match self.rotate_if_newest(&scope, pepper.id()).await {
                Ok(()) => pepper.superseded.store(true, Ordering::Relaxed),
                Err(error) => {
                    tracing::warn!(tenant = %facts.tenant, "a data key is due for rotation, which failed: {error}");
                    return;
                }
            }
        }
    }

    async fn rotate_if_newest(&self, scope: &TenantScope, id: Id<marker::DataKey>) -> Result<(), PepperError> {
        match self.store.tenant(scope).newest_data_key(PURPOSE).await? {
            Some(newest) if newest.id == id => self.rotate(scope, Some(id)).await.map(drop),
            _ => Ok(()),
        }
    }

    /// The tenant's present data key: the first is made when it is needed, a new one when it is due for rotation.
    pub(in crate::local) async fn newest(&self, scope: &TenantScope) -> Result<WrappedKey, PepperError> {
        let is_due = |made: Timestamp| self.ages.rotate.is_some_and(|age| self.clock.now().since(made) >= age);
        match self.store.tenant(scope).newest_data_key(PURPOSE).await? {
            Some(key) if is_due(key.created_at) => self.rotate(scope, Some(key.id)).await,
            Some(key) => Ok(key),
            None => self.rotate(scope, None).await,
        }
    }

    /// A new data key for the tenant, after `previous`. Another process may be faster: then its key stands, and ours is
    /// forgotten.
    pub(in crate::local) async fn rotate(
        &self,
        scope: &TenantScope,
        previous: Option<Id<marker::DataKey>>,
    ) -> Result<WrappedKey, PepperError> {
        let tenant = scope.tenant();
        let made = self.keys.generate_data_key(&KeyContext { tenant, purpose: PURPOSE }).await?;
        let now = self.clock.now();
        let key = WrappedKey {
            id: Id::new(now, &*self.entropy),
            tenant,
            purpose: PURPOSE.to_owned(),
            wrapped: made.wrapped,
            created_at: now,
        };
        let ours = key.id;
        let store = self.store.tenant(scope);
        let stands = match previous {
            None => store.insert_data_key(key).await?,
            Some(previous) => store.rotate_data_key(key, previous).await?,
        };
        if stands.id == ours {
            // It was plain a moment ago: no reason to have it unwrapped again.
            self.place(ours).confirm(made.plaintext, &stands, now);
            tracing::info!(%tenant, data_key = %ours, "a data key was made");
        }
        Ok(stands)
    }

    /// Has all of the tenant's data keys wrapped anew under the key service's present key; how many.
    pub(in crate::local) async fn rewrap(&self, scope: &TenantScope) -> Result<usize, PepperError> {
        let store = self.store.tenant(scope);
        let mut count = 0;
        for key in store.data_keys(PURPOSE).await? {
            let context = KeyContext { tenant: key.tenant, purpose: PURPOSE };
            let wrapped = self.keys.rewrap(&key.wrapped, &context).await?;
            // If another process did the same meanwhile, what it wrote is as good.
            store.replace_wrapping(&key, wrapped).await?;
            count += 1;
        }
        tracing::info!(tenant = %scope.tenant(), count, "data keys were wrapped anew");
        Ok(count)
    }
}

/// How a round of confirmations ended.
enum Round {
    Done,
    /// A wrapping key is disabled or deleted.
    Unusable,
    /// Nobody could be asked.
    Unreachable,
}
