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
    /// When it was read from the database.
    read_at: Timestamp,
    pepper: OnceLock<Arc<Pepper>>,
    is_moving: AtomicBool,
}

impl Checkable {
    pub(super) const fn new(record: CredentialRecord, newest: Id<marker::DataKey>, read_at: Timestamp) -> Self {
        Self { record, newest, read_at, pepper: OnceLock::new(), is_moving: AtomicBool::new(false) }
    }

    /// Whether it was read while the credential was still to retire: that may have been undone since.
    pub(super) fn was_read_before_it_retired(&self) -> bool {
        self.record.rotation.is_some_and(|rotation| self.read_at < rotation.retires_at)
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
        Self::new(self.record.clone(), self.newest, self.read_at)
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
    rotation: Option<WrittenRotation>,
    read_at: i64,
}

/// [`Rotation`], likewise; the overlap in microseconds.
#[derive(Serialize, Deserialize)]
struct WrittenRotation {
    replaced_by: Id<marker::Credential>,
    rotated_at: i64,
    overlap: u64,
    in_use_since: Option<i64>,
    retires_at: i64,
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
            rotation: record.rotation.map(|rotation| WrittenRotation {
                replaced_by: rotation.replaced_by,
                rotated_at: rotation.rotated_at.as_micros(),
                overlap: u64::try_from(rotation.overlap.as_micros()).unwrap_or(u64::MAX),
                in_use_since: rotation.in_use_since.map(Timestamp::as_micros),
                retires_at: rotation.retires_at.as_micros(),
            }),
            read_at: checkable.read_at.as_micros(),
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
            rotation: written.rotation.map(|rotation| Rotation {
                replaced_by: rotation.replaced_by,
                rotated_at: Timestamp::from_micros(rotation.rotated_at),
                overlap: Duration::from_micros(rotation.overlap),
                in_use_since: rotation.in_use_since.map(Timestamp::from_micros),
                retires_at: Timestamp::from_micros(rotation.retires_at),
            }),
        };
        Self::new(record, written.newest, Timestamp::from_micros(written.read_at))
    }
}
