//! Typed ids: a UUIDv7 that says what it names, so that a tenant's id cannot be handed in where a resource's is asked for.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Entropy, Timestamp};

/// What an [`Id`] can name. The types are never built; they only mark.
pub mod marker {
    /// A customer.
    pub enum Tenant {}
    /// One IdP connection of a tenant.
    pub enum Directory {}
    /// A user, a group or another registered type.
    pub enum Resource {}
    /// A bearer token's record.
    pub enum Credential {}
    /// An OAuth client's record.
    pub enum OAuthClient {}
    /// A wrapped data key.
    pub enum DataKey {}
    /// A line of a tenant's audit.
    pub enum Audit {}
    /// A process that reports what credentials were used for.
    pub enum Reporter {}
}

/// A UUIDv7 (RFC 9562 §5.7) that names an `M`.
pub struct Id<M>(Uuid, PhantomData<fn() -> M>);

/// The text is not a UUID in its canonical form: 36 characters, lower case, hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID in canonical form")]
pub struct IdError;

impl<M> Id<M> {
    /// A new id, ordered by `now` to the millisecond and unguessable beyond it (74 random bits).
    pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let mut random = [0_u8; 10];
        entropy.fill(&mut random);
        let millis = u64::try_from(now.as_micros() / 1000).unwrap_or(0);
        Self::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Wraps a UUID that was read from a place where only ids of `M` stand.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The UUID itself, for storing.
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl<M> FromStr for Id<M> {
    type Err = IdError;

    /// Only the canonical form is an id: SCIM ids are case-exact (RFC 7643 §3.1).
    fn from_str(text: &str) -> Result<Self, IdError> {
        let uuid = Uuid::try_parse(text).map_err(|_| IdError)?;
        let canonical = uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
        if canonical { Ok(Self::from_uuid(uuid)) } else { Err(IdError) }
    }
}

impl<M> fmt::Display for Id<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl<M> fmt::Debug for Id<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl<M> Clone for Id<M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for Id<M> {}
impl<M> PartialEq for Id<M> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<M> Eq for Id<M> {}
impl<M> PartialOrd for Id<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<M> Ord for Id<M> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<M> hash::Hash for Id<M> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<M> Serialize for Id<M> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de, M> Deserialize<'de> for Id<M> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from_uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;

    #[test]
    fn a_new_id_reads_back_and_sorts_by_time() {
        let entropy = SeededEntropy::new(7);
        let early: Id<marker::Resource> = Id::new(Timestamp::from_micros(1_000_000), &entropy);
        let late: Id<marker::Resource> = Id::new(Timestamp::from_micros(2_000_000), &entropy);
        assert!(early < late);
        assert_eq!(early.to_string().parse(), Ok(early));
    }

    #[test]
    fn only_the_canonical_form_is_an_id() {
        let id: Id<marker::Resource> = Id::new(Timestamp::from_micros(1_000_000), &SeededEntropy::new(7));
        let text = id.to_string();
        for other in
            [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), format!("{text} "), String::new()]
        {
            assert_eq!(other.parse::<Id<marker::Resource>>(), Err(IdError), "{other}");
        }
    }
}
