//! What a credential may do, by resource type and method.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// `/Users`.
    Users,
    /// `/Groups`, with their members.
    Groups,
    /// Resource types that were registered besides these.
    Others,
    /// Who a user is and which groups they are in, for what enforces access: only `read`.
    Lookups,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// GET, and POST to `.search`.
    Read,
    /// POST.
    Create,
    /// PUT and PATCH.
    Update,
    /// DELETE.
    Delete,
}

/// One thing that a request needs to be allowed to do: `users:read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// What is asked about.
    pub subject: Subject,
    /// What is done.
    pub action: Action,
}

/// A set of [`Permission`]s. As text: `users:read groups:write`, in a fixed order, where `write` stands for `create`,
/// `update` and `delete` together (RFC 6749 §3.3 has lists of scopes in this form).
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(u16);

/// The credential may not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential has not the scope {missing}")]
pub struct Forbidden {
    /// What it would have needed.
    pub missing: Permission,
}

/// The text names a scope that there is not, or none at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopesError {
    /// No such scope.
    #[error(
        "there is no scope \"{0}\"; there are users, groups and others, each with :read, :create, :update, :delete or :write \
         (all three changes), and lookups:read"
    )]
    Unknown(String),
    /// Nothing would be allowed.
    #[error("at least one scope is needed, such as users:read")]
    Empty,
}

const SUBJECTS: [(Subject, &str); 4] = [
    (Subject::Users, "users"),
    (Subject::Groups, "groups"),
    (Subject::Others, "others"),
    (Subject::Lookups, "lookups"),
];
const ACTIONS: [(Action, &str); 4] =
    [(Action::Read, "read"), (Action::Create, "create"), (Action::Update, "update"), (Action::Delete, "delete")];
const CHANGES: [Action; 3] = [Action::Create, Action::Update, Action::Delete];

impl Permission {
    /// To do `action` to `subject`.
    pub const fn new(subject: Subject, action: Action) -> Self {
        Self { subject, action }
    }

    const fn bit(self) -> u16 {
        1 << (self.subject as u16 * 4 + self.action as u16)
    }

    /// Lookups change nothing.
    const fn exists(self) -> bool {
        !matches!(self.subject, Subject::Lookups) || matches!(self.action, Action::Read)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", SUBJECTS[self.subject as usize].1, ACTIONS[self.action as usize].1)
    }
}

impl Scopes {
    /// Everything: what a token for an IdP has.
    pub const ALL: Self = Self(0x1FFF);
    /// Everything that changes nothing.
    pub const READ: Self = Self(0x1111);

    /// Whether `permission` is among them.
    pub const fn allow(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether all of `others` are among them.
    pub const fn contain(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// The same with `permission`.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        if permission.exists() { Self(self.0 | permission.bit()) } else { self }
    }

    /// For storing.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// As they were stored; what this version does not know is left out.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Checks `permission`.
    ///
    /// # Errors
    /// [`Forbidden`] if it is not among them.
    pub const fn check(self, permission: Permission) -> Result<(), Forbidden> {
        if self.allow(permission) { Ok(()) } else { Err(Forbidden { missing: permission }) }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        for (subject, name) in SUBJECTS {
            let has = |action| self.allow(Permission::new(subject, action));
            if has(Action::Read) {
                words.push(format!("{name}:read"));
            }
            if CHANGES.into_iter().all(has) {
                words.push(format!("{name}:write"));
            } else {
                let some = CHANGES.into_iter().filter(|action| has(*action));
                words.extend(some.map(|action| Permission::new(subject, action).to_string()));
            }
        }
        f.write_str(&words.join(" "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

impl FromStr for Scopes {
    type Err = ScopesError;

    /// Words between spaces or commas, in any order.
    fn from_str(text: &str) -> Result<Self, ScopesError> {
        let mut scopes = Self(0);
        for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
            let unknown = || ScopesError::Unknown(word.to_owned());
            let (subject, action) = word.split_once(':').ok_or_else(unknown)?;
            let subject = SUBJECTS.iter().find(|(_, name)| *name == subject).ok_or_else(unknown)?.0;
            let actions: Vec<Action> = match action {
                "write" => CHANGES.to_vec(),
                _ => ACTIONS.iter().filter(|(_, name)| *name == action).map(|(action, _)| *action).collect(),
            };
            let permissions = actions.into_iter().map(|action| Permission::new(subject, action));
            let some: Vec<Permission> = permissions.filter(|permission| permission.exists()).collect();
            if some.is_empty() {
                return Err(unknown());
            }
            scopes = some.into_iter().fold(scopes, Self::with);
        }
        if scopes.0 == 0 { Err(ScopesError::Empty) } else { Ok(scopes) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scopes(text: &str) -> Scopes {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_not_named_is_not_allowed() {
        let some = scopes("users:read, groups:update");
        assert!(some.allow(Permission::new(Subject::Users, Action::Read)));
        assert!(some.allow(Permission::new(Subject::Groups, Action::Update)));
        let missing = Permission::new(Subject::Groups, Action::Read);
        assert_eq!(some.check(missing), Err(Forbidden { missing }));
        assert_eq!(Forbidden { missing }.to_string(), "the credential has not the scope groups:read");
    }

    #[test]
    fn write_stands_for_the_three_ways_to_change() {
        assert_eq!(scopes("users:create users:update users:delete"), scopes("users:write"));
        assert_eq!(scopes("users:delete users:create").to_string(), "users:create users:delete");
    }

    #[test]
    fn everything_and_all_that_reads_have_names() {
        let all = "users:read users:write groups:read groups:write others:read others:write lookups:read";
        assert_eq!(Scopes::ALL.to_string(), all);
        assert_eq!(scopes(all), Scopes::ALL);
        assert_eq!(Scopes::READ, scopes("users:read groups:read others:read lookups:read"));
        assert!(Scopes::ALL.contain(Scopes::READ) && !Scopes::READ.contain(Scopes::ALL));
    }

    #[test]
    fn what_there_is_not_is_refused_by_name() {
        for word in ["users", "users:", "users:admin", "lookups:write", "people:read", "Users:read"] {
            assert_eq!(word.parse::<Scopes>(), Err(ScopesError::Unknown(word.to_owned())));
        }
        assert_eq!(" , ".parse::<Scopes>(), Err(ScopesError::Empty));
    }

    proptest! {
        #[test]
        fn every_set_reads_back_from_its_text_and_from_its_number(bits in 1..=Scopes::ALL.0) {
            let set = Scopes(bits);
            prop_assert_eq!(set.to_string().parse::<Scopes>(), Ok(set));
            prop_assert_eq!(Scopes::from_bits(set.bits() | 0xE000), set);
        }
    }
}
