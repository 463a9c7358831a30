//! What answers are remembered under. Made of a scope: nobody can ask for another directory's.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rollcall_access::{DirectoryScope, Read};
use rollcall_base::{Id, marker};
use rollcall_cache::CacheKey;
use rollcall_store::UserKey;
use sha2::{Digest, Sha256};

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct DirectoryOf(Id<marker::Directory>);

impl DirectoryOf {
    pub(super) const fn new(scope: &DirectoryScope<Read>) -> Self {
        Self(scope.directory())
    }
}

impl CacheKey for DirectoryOf {
    const NAME: &'static str = "lookup-generation";

    fn slot(&self) -> String {
        self.0.to_string()
    }

    fn rest(&self) -> String {
        String::new()
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

impl CacheKey for AnswerOf {
    const NAME: &'static str = "lookup-user";

    fn slot(&self) -> String {
        self.directory.to_string()
    }

    fn rest(&self) -> String {
        self.user.to_string()
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
        let name = name.canonical();
        Self { directory: scope.directory(), name }
    }
}

impl CacheKey for IdsOf {
    const NAME: &'static str = "lookup-ids";

    fn slot(&self) -> String {
        self.directory.to_string()
    }

    /// Digested: names are people's.
    fn rest(&self) -> String {
        let (kind, name) = match &self.name {
            UserKey::Id(id) => ("id", id.to_string()),
            UserKey::UserName(name) | UserKey::NameKey(name) => ("name", name.clone()),
            UserKey::ExternalId(id) => ("external", id.clone()),
        };
        format!("{kind}-{}", BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(name)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rollcall_access::OperatorScope;
    use rollcall_base::{SeededEntropy, Timestamp};

    use super::*;

    #[test]
    fn no_two_directories_and_no_two_questions_share_a_key() {
        let (entropy, now) = (SeededEntropy::new(1), Timestamp::from_micros(1));
        let operator = OperatorScope::from_local_configuration();
        let mut keys = HashSet::new();
        for _ in 0..2 {
            let scope = operator.directory(Id::new(now, &entropy), Id::new(now, &entropy)).to_read();
            for name in [UserKey::UserName("Anna".to_owned()), UserKey::ExternalId("anna".to_owned())] {
                let key = IdsOf::new(&scope, &name);
                assert_eq!(key.slot(), scope.directory().to_string());
                assert!(!key.rest().to_lowercase().contains("anna"));
                assert!(keys.insert((key.slot(), key.rest())));
            }
            assert_eq!(
                IdsOf::new(&scope, &UserKey::UserName("ANNA".to_owned())),
                IdsOf::new(&scope, &UserKey::UserName("anna".to_owned()))
            );
        }
    }
}
