//! What answers are remembered under. Made of a scope: nobody can ask for another directory's.

use rollcall_access::{DirectoryScope, Read};
use rollcall_base::{Id, marker};
use rollcall_scim::fold;
use rollcall_store::UserKey;

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct DirectoryOf(Id<marker::Directory>);

impl DirectoryOf {
    pub(super) const fn new(scope: &DirectoryScope<Read>) -> Self {
        Self(scope.directory())
    }
}

/// A user of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct AnswerOf {
    directory: Id<marker::Directory>,
    user: Id<marker::Resource>,
}

impl AnswerOf {
    pub(super) const fn new(scope: &DirectoryScope<Read>, user: Id<marker::Resource>) -> Self {
        Self { directory: scope.directory(), user }
    }
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct IdsOf {
    directory: Id<marker::Directory>,
    name: UserKey,
}

impl IdsOf {
    pub(super) fn new(scope: &DirectoryScope<Read>, name: &UserKey) -> Self {
        let name = match name {
            UserKey::UserName(name) => UserKey::UserName(fold(name)),
            other => other.clone(),
        };
        Self { directory: scope.directory(), name }
    }
}
