//! What the check of a token needs, in memory and written down.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rollcall_access::{AllowedNetworks, CredentialRecord, Rotation, Scopes, TokenHash};
use rollcall_base::{Id, Timestamp, marker};
use serde::{Deserialize, Serialize};

use super::peppers::{Pepper, Peppers};

/// All that the check of a token needs. The pepper is not written down: it never leaves this process.
#[derive(Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub(super) struct Checkable {
    pub(super) record: CredentialRecord,
    /// Its tenant's newest data key when it was read.
    pub(super) newest: Id<marker::DataKey>,
    pepper: OnceLock<Arc<Pepper>>,
    is_moving: AtomicBool,
}

impl Checkable {
    pub(super) const fn new(record: CredentialRecord, newest: Id<marker::DataKey>) -> Self {
        Self { record, newest, pepper: OnceLock::new(), is_moving: AtomicBool::new(false) }
    }

    /// Where its pepper is to be had.
    pub(super) fn pepper(&self, peppers: &Peppers) -> &Arc<Pepper> {
        self.pepper.get_or_init(|| peppers.place(self.record.data_key))
    }

    /// Whether it is to be handed to the mover: true once.
    pub(super) fn is_to_be_moved(&self) -> bool {
        self.record.data_key != self.newest && !self.is_moving.swap(true, Ordering::Relaxed)
    }
}

// What is derived asks for it.
impl Clone for Checkable {
    fn clone(&self) -> Self {
        Self::new(self.record.clone(), self.newest)
    }
}

/// [`Checkable`], as it lies in Redis: nothing from which a token could be made.
#[derive(Serialize, Deserialize)]
struct Written {
    id: Id<marker::Credential>,
    tenant: Id<marker::Tenant>,
    directory: Id<marker::Directory>,
    data_key: Id<marker::DataKey>,
    newest: Id<marker::DataKey>,
    hash: [u8; 32],
    client: Option<Id<marker::OAuthClient>>,
    scopes: Scopes,
    networks: Option<AllowedNetworks>,
    created_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    /// The credential in whose favour it retires, after how many microseconds of that one's use, and when at the latest.
    rotation: Option<(Id<marker::Credential>, u64, i64)>,
}

impl From<Checkable> for Written {
    fn from(checkable: Checkable) -> Self {
        let record = checkable.record;
        Self {
            id: record.id,
            tenant: record.tenant,
            directory: record.directory,
            data_key: record.data_key,
            newest: checkable.newest,
            hash: *record.hash.as_bytes(),
            client: record.client,
            scopes: record.scopes,
            networks: record.networks,
            created_at: record.created_at.as_micros(),
            expires_at: record.expires_at.as_micros(),
            revoked_at: record.revoked_at.map(Timestamp::as_micros),
            rotation: record.rotation.map(|rotation| {
                let overlap = u64::try_from(rotation.overlap.as_micros()).unwrap_or(u64::MAX);
                (rotation.replaced_by, overlap, rotation.retires_at.as_micros())
            }),
        }
    }
}

impl From<Written> for Checkable {
    fn from(written: Written) -> Self {
        let record = CredentialRecord {
            id: written.id,
            tenant: written.tenant,
            directory: written.directory,
            data_key: written.data_key,
            hash: TokenHash::from_bytes(written.hash),
            client: written.client,
            scopes: written.scopes,
            networks: written.networks,
            // For people who list tokens; the check does without.
            label: String::new(),
            created_at: Timestamp::from_micros(written.created_at),
            expires_at: Timestamp::from_micros(written.expires_at),
            revoked_at: written.revoked_at.map(Timestamp::from_micros),
            rotation: written.rotation.map(|(replaced_by, overlap, retires_at)| Rotation {
                replaced_by,
                overlap: Duration::from_micros(overlap),
                retires_at: Timestamp::from_micros(retires_at),
            }),
        };
        Self::new(record, written.newest)
    }
}
