//! Notices: what one process invalidates, all others forget.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use futures_util::StreamExt;
use redis::{RedisResult, aio::PubSub};

use super::{Shared, connector, link::Backoff};
use crate::{key, stripes::Stripes};

/// How often a connection on which nothing comes is asked whether it still stands.
const PING: Duration = Duration::from_secs(2);

/// Who loads from another process, which may hear of the same a moment later, forgets a second time after this.
const ECHO: Duration = Duration::from_secs(1);

/// Who wants to hear what.
#[derive(Default)]
pub(crate) struct Hub {
    by_name: RwLock<HashMap<&'static str, Vec<Listener>>>,
}

struct Listener {
    loads_elsewhere: bool,
    stripes: Weak<Stripes>,
}

impl Hub {
    pub(crate) fn add(&self, name: &'static str, loads_elsewhere: bool, stripes: &Arc<Stripes>) {
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let listeners = by_name.entry(name).or_default();
        listeners.retain(|listener| listener.stripes.strong_count() > 0);
        listeners.push(Listener { loads_elsewhere, stripes: Arc::downgrade(stripes) });
    }

    /// Forgets what `text` names.
    fn forget(&self, text: &str) {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        for listener in key::name_of(text).and_then(|name| by_name.get(name)).into_iter().flatten() {
            if let Some(stripes) = listener.stripes.upgrade() {
                let hash = key::hash(text);
                stripes.advance(hash);
                if listener.loads_elsewhere {
                    tokio::spawn(async move {
                        tokio::time::sleep(ECHO).await;
                        stripes.advance(hash);
                    });
                }
            }
        }
    }

    /// Forgets everything.
    fn forget_all(&self) {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        by_name.values().flatten().filter_map(|one| one.stripes.upgrade()).for_each(|stripes| stripes.advance_all());
    }
}

/// Listens for good. Whenever listening begins (anew), messages may have been missed, so everything is forgotten once.
pub(super) async fn listen(shared: Arc<Shared>) {
    let (mut backoff, mut number, mut told) = (Backoff::new(), 0, false);
    loop {
        let within = connector::attempt_within(&shared.settings);
        match tokio::time::timeout(within, subscribe(&shared, number)).await {
            Ok(Ok(subscription)) => {
                shared.hub.forget_all();
                shared.metrics.listens(true);
                if told {
                    tracing::info!("notices of other processes come in again; what was remembered here was forgotten");
                }
                (backoff, told) = (Backoff::new(), false);
                hear(&shared, subscription).await;
                shared.metrics.listens(false);
            }
            Ok(Err(error)) => tracing::debug!(%error, "Redis cannot be listened to"),
            Err(_) => tracing::debug!("Redis cannot be listened to in time"),
        }
        if !told {
            told = true;
            tracing::warn!(
                "notices of other processes do not come in from Redis: what they revoke is refused here when its time in \
                 the cache is over"
            );
        }
        number += 1;
        tokio::time::sleep(backoff.pause(&*shared.entropy)).await;
    }
}

async fn subscribe(shared: &Shared, number: usize) -> RedisResult<PubSub> {
    let mut subscription = shared.connector.listen(number).await?;
    subscription.subscribe(shared.channel()).await?;
    Ok(subscription)
}

/// Until the connection is lost.
async fn hear(shared: &Shared, subscription: PubSub) {
    let (mut ask, mut messages) = subscription.split();
    // A Redis that is slow, and not gone, is worth more patience than a request has.
    let patience = shared.settings.connect_timeout.max(PING);
    loop {
        match tokio::time::timeout(PING, messages.next()).await {
            Ok(Some(message)) => {
                if let Ok(text) = str::from_utf8(message.get_payload_bytes()) {
                    shared.metrics.noticed();
                    shared.hub.forget(text);
                }
            }
            Ok(None) => return,
            Err(_) => match tokio::time::timeout(patience, ask.ping::<redis::Value>()).await {
                Ok(Ok(_)) => {}
                _ => return,
            },
        }
    }
}
