//! What an admin decides anew.

use serde_json::{Map, Value};

use super::{
    DirectoryPolicies, OnDelete, OnDeletedUser, OnDuplicateGroupName, OnInactiveUser, OnReplace, OnUnknownMember,
};

/// The policies that are to change; all others stay as they are, whatever somebody else makes of them meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicyChanges {
    /// See [`DirectoryPolicies::strict`].
    pub strict: Option<bool>,
    /// See [`OnInactiveUser`].
    pub inactive_user: Option<OnInactiveUser>,
    /// See [`OnDeletedUser`].
    pub deleted_user: Option<OnDeletedUser>,
    /// See [`OnReplace`].
    pub replace: Option<OnReplace>,
    /// See [`OnDelete`].
    pub delete: Option<OnDelete>,
    /// See [`OnUnknownMember`].
    pub unknown_member: Option<OnUnknownMember>,
    /// See [`OnDuplicateGroupName`].
    pub duplicate_group_name: Option<OnDuplicateGroupName>,
}

impl PolicyChanges {
    /// Whether nothing is to change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Writes what is to change into stored policies; what another version keeps there stays.
    pub fn write_to(&self, stored: &mut Map<String, Value>) {
        let after = self.applied_to(DirectoryPolicies::default());
        let Ok(Value::Object(words)) = serde_json::to_value(after) else { return };
        for (name, word) in words {
            if self.names(&name) {
                stored.insert(name, word);
            }
        }
    }

    /// `policies` with what is to change.
    pub fn applied_to(&self, policies: DirectoryPolicies) -> DirectoryPolicies {
        DirectoryPolicies {
            strict: self.strict.unwrap_or(policies.strict),
            inactive_user: self.inactive_user.unwrap_or(policies.inactive_user),
            deleted_user: self.deleted_user.unwrap_or(policies.deleted_user),
            replace: self.replace.unwrap_or(policies.replace),
            delete: self.delete.unwrap_or(policies.delete),
            unknown_member: self.unknown_member.unwrap_or(policies.unknown_member),
            duplicate_group_name: self.duplicate_group_name.unwrap_or(policies.duplicate_group_name),
        }
    }

    fn names(&self, policy: &str) -> bool {
        match policy {
            "strict" => self.strict.is_some(),
            "inactive_user" => self.inactive_user.is_some(),
            "deleted_user" => self.deleted_user.is_some(),
            "replace" => self.replace.is_some(),
            "delete" => self.delete.is_some(),
            "unknown_member" => self.unknown_member.is_some(),
            "duplicate_group_name" => self.duplicate_group_name.is_some(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: PolicyChanges = PolicyChanges {
        strict: Some(true),
        inactive_user: Some(OnInactiveUser::Revive),
        deleted_user: Some(OnDeletedUser::Revive),
        replace: Some(OnReplace::KeepOmitted),
        delete: Some(OnDelete::Erase),
        unknown_member: Some(OnUnknownMember::Skip),
        duplicate_group_name: Some(OnDuplicateGroupName::Refuse),
    };

    #[test]
    fn what_is_not_named_stays_and_so_does_what_another_version_keeps() {
        let mut stored = Map::new();
        stored.insert("strict".to_owned(), true.into());
        stored.insert("of_a_later_version".to_owned(), 1.into());
        PolicyChanges { delete: Some(OnDelete::Erase), ..PolicyChanges::default() }.write_to(&mut stored);
        let wanted = serde_json::json!({ "strict": true, "of_a_later_version": 1, "delete": "erase" });
        assert_eq!(Value::Object(stored), wanted);
    }

    #[test]
    fn every_policy_can_be_changed() {
        let mut stored = Map::new();
        ALL.write_to(&mut stored);
        let read: DirectoryPolicies = serde_json::from_value(Value::Object(stored.clone())).unwrap();
        assert_eq!(read, ALL.applied_to(DirectoryPolicies::default()));
        let usual = serde_json::to_value(DirectoryPolicies::default()).unwrap();
        assert!(stored.iter().all(|(name, word)| usual[name] != *word) && stored.len() == 7);
    }
}
