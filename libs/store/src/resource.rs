//! What goes in and out of a directory's rows.

use std::{fmt, sync::Arc};

use rollcall_base::{Id, Timestamp, marker::Resource};
use rollcall_scim::{
    Document, MemberOp, ScimError,
    filter::{Condition, ResolvedPath},
    fold,
    schema::{KindId, ResourceType},
};
use serde::{Deserialize, Serialize};

use crate::keys::value_key;

/// A resource to be created.
#[derive(Debug, Clone)]
pub struct NewResource {
    /// Its type.
    pub resource_type: Arc<ResourceType>,
    /// What the client set.
    pub document: Document,
    /// The members of a group, as ids that the client sent; they may be of nobody.
    pub members: Option<Vec<String>>,
    /// The request that it came with, for the event.
    pub request_id: String,
    /// Whether a password came (and was dropped), for the event.
    pub password_sent: bool,
}

/// A resource to be changed or deleted.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its type: a user's id is not found among groups.
    pub resource_type: Arc<ResourceType>,
    /// Its id.
    pub id: Id<Resource>,
    /// Which version the client asks for.
    pub precondition: Precondition,
    /// The request, for the event.
    pub request_id: String,
}

/// If-Match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Any version.
    None,
    /// One of these; none fits an empty list.
    Versions(Vec<i64>),
}

impl Precondition {
    pub(crate) fn holds(&self, version: i64) -> bool {
        match self {
            Self::None => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

/// From what is stored to what shall be. Runs inside the transaction with the row locked, and again when the
/// transaction is tried again: it must depend on its argument only.
pub type ChangeFn = Arc<dyn Fn(&StoredResource) -> Result<Change, ScimError> + Send + Sync>;

/// What a resource shall be.
#[derive(Debug, Clone)]
pub struct Change {
    /// The whole new document.
    pub document: Document,
    /// Changes of a group's members, in order.
    pub members: Vec<MemberOp>,
    /// Whether a password came (and was dropped), for the event.
    pub password_sent: bool,
}

/// The outcome of a creation.
#[derive(Debug, Clone)]
pub struct Created {
    /// The resource as it is now.
    pub resource: StoredResource,
    /// Whether it is a new one.
    pub arrival: Arrival,
    /// False if it is one that was there and is as it was before.
    pub changed: bool,
    /// How many members were left out because they are nobody.
    pub skipped: usize,
}

/// How a resource that was sent came to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// It is a new one.
    New,
    /// An inactive one took its place.
    Revived,
    /// One that was deleted took its place, with these former names, as keys ([`UserKey::NameKey`]).
    Restored(Vec<String>),
}

/// The outcome of an update.
#[derive(Debug, Clone)]
pub struct Updated {
    /// The resource as it is now.
    pub resource: StoredResource,
    /// False if everything was so before: then there is no new version and no event.
    pub changed: bool,
    /// The document changed: where only members came or went, it is as it was.
    pub document_changed: bool,
    /// Who is in other groups than before.
    pub memberships: Memberships,
    /// How many members were left out because they are nobody.
    pub skipped: usize,
}

/// Whose groups a change of a group's members changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Memberships {
    /// Those of these users alone.
    Of(Vec<Id<Resource>>),
    /// A group came or went: those of everybody in it.
    OfGroups,
}

/// How a user is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UserKey {
    /// By id.
    Id(Id<Resource>),
    /// By userName, in any case.
    UserName(String),
    /// By externalId, to the letter. Several users may have one.
    ExternalId(String),
    /// By the key of a userName, as [`KnownUser::former_names`] has it.
    NameKey(String),
}

impl UserKey {
    /// The same question in the one form that all ways to write it have in common.
    #[must_use]
    pub fn canonical(&self) -> Self {
        match self {
            Self::UserName(name) => Self::NameKey(value_key(&fold(name))),
            other => other.clone(),
        }
    }
}

/// A user as consumers know it.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownUser {
    /// The user.
    pub resource: StoredResource,
    /// What `active` last said; true if it never said anything.
    pub active: bool,
    /// The keys of the names that the user had before, if asked for by id.
    pub former_names: Vec<String>,
    /// Found by a name that the user had before.
    pub renamed: bool,
}

/// A live resource. A group's members are not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredResource {
    /// Its id.
    pub id: Id<Resource>,
    /// Its type's number.
    pub kind: KindId,
    /// 1 when created, one more with each change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed; never goes back.
    pub modified_at: Timestamp,
    /// What the client set.
    pub document: Document,
    /// All groups that it is in, by id, if they were asked for ([`crate::DirectoryStore::with_groups`]) and came along;
    /// else [`crate::DirectoryStore::groups_of`] knows them.
    pub groups: Option<Vec<GroupRef>>,
}

/// A group that somebody is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRef {
    /// The group.
    pub id: Id<Resource>,
    /// Its name.
    pub display: Option<String>,
    /// What its client calls it. Told by [`crate::DirectoryStore::groups_of`] alone, and up to 200 bytes.
    pub external_id: Option<String>,
    /// True for a member of the group itself, false for a member of a group in it.
    pub direct: bool,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub id: Id<Resource>,
    /// A user or a group.
    pub kind: KindId,
    /// Their name.
    pub display: Option<String>,
}

/// What to list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// The type.
    pub resource_type: Arc<ResourceType>,
    /// Only those that fulfil it.
    pub condition: Option<Condition>,
    /// In which order; by id if not told.
    pub sort: Option<Sort>,
    /// Where the page begins.
    pub position: Position,
    /// The most on the page; 0 asks for the total alone.
    pub count: u32,
}

/// An order.
#[derive(Debug, Clone, PartialEq)]
pub struct Sort {
    /// By which attribute. A multi-valued one sorts by its primary, else its first value (RFC 7644 §3.4.2.3).
    pub path: ResolvedPath,
    /// From high to low.
    pub descending: bool,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Position {
    /// After so many (`startIndex` − 1).
    Skip(u64),
    /// After the one with this key.
    After(PageKey),
}

/// Where a page ended: what the next one needs to go on. Meant to travel in a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageKey {
    pub(crate) value: SortKey,
    pub(crate) id: Id<Resource>,
}

/// A place in an order. Those without a value come last in ascending order (RFC 7644 §3.4.2.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum SortKey {
    /// Moments, whole numbers and truth values.
    Number(i64),
    /// Texts, as they are compared.
    Text(String),
    /// No value; also where the order is by id alone.
    None,
}

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// What is on the page, in order.
    pub resources: Vec<StoredResource>,
    /// How many there are in all; exact.
    pub total: u64,
    /// Where to go on; none on the last page.
    pub next: Option<PageKey>,
}

impl fmt::Display for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {}", self.id)
    }
}
