//! A key service that counts its calls and fails on demand.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use rollcall_base::{Secret32, SystemEntropy};
use rollcall_keys::{DataKey, KeyContext, KeyError, KeyService, LocalKeyring};

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As the local keyring does.
    Good,
    /// As if nobody were there.
    Away,
    /// As if the wrapping key were disabled.
    Disabled,
}

pub(crate) struct Keeper {
    keyring: LocalKeyring,
    mood: Mutex<Mood>,
    unwraps: AtomicUsize,
    generates: AtomicUsize,
}

impl Keeper {
    pub(crate) fn new(folder: &Path) -> Arc<Self> {
        let keyring = LocalKeyring::open_or_create(&folder.join("keyring.json"), Arc::new(SystemEntropy)).unwrap();
        let mood = Mutex::new(Mood::Good);
        Arc::new(Self { keyring, mood, unwraps: AtomicUsize::new(0), generates: AtomicUsize::new(0) })
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How often it was asked to unwrap, well or not, since this was asked last.
    pub(crate) fn unwraps(&self) -> usize {
        self.unwraps.swap(0, Ordering::SeqCst)
    }

    /// How often it was asked for a new data key, since this was asked last.
    pub(crate) fn generates(&self) -> usize {
        self.generates.swap(0, Ordering::SeqCst)
    }

    async fn answer(&self) -> Result<(), KeyError> {
        // Time for others to come and ask for the same.
        tokio::task::yield_now().await;
        match *self.mood.lock().unwrap() {
            Mood::Good => Ok(()),
            Mood::Away => Err(KeyError::Unavailable(Arc::new(std::io::Error::other("nobody is there")))),
            Mood::Disabled => {
                Err(KeyError::Unusable { key: "alias/test".to_owned(), state: "DisabledException".to_owned() })
            }
        }
    }
}

#[async_trait]
impl KeyService for Keeper {
    async fn generate_data_key(&self, context: &KeyContext) -> Result<DataKey, KeyError> {
        self.generates.fetch_add(1, Ordering::SeqCst);
        self.answer().await?;
        self.keyring.generate_data_key(context).await
    }

    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Secret32, KeyError> {
        self.unwraps.fetch_add(1, Ordering::SeqCst);
        self.answer().await?;
        self.keyring.unwrap(wrapped, context).await
    }

    async fn rewrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        self.answer().await?;
        self.keyring.rewrap(wrapped, context).await
    }
}
