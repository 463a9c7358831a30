//! What a directory's admin decides about what comes in, because many clients cannot.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! choices {
    ($($(#[$outer:meta])* $kind:ident { $(#[$usual_doc:meta])* $usual:ident $usual_word:literal, $(#[$other_doc:meta])* $other:ident $other_word:literal })+) => { $(
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $kind {
            $(#[$usual_doc])*
            #[default]
            $usual,
            $(#[$other_doc])*
            $other,
        }

        impl $kind {
            /// All that can be chosen, the default first.
            pub const ALL: [Self; 2] = [Self::$usual, Self::$other];

            /// A word that stays the same.
            pub const fn as_str(self) -> &'static str {
                match self { Self::$usual => $usual_word, Self::$other => $other_word }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $kind {
            type Err = UnknownChoice;

            fn from_str(text: &str) -> Result<Self, UnknownChoice> {
                let known = Self::ALL.into_iter().find(|choice| choice.as_str() == text);
                known.ok_or(UnknownChoice(Self::ALL.map(Self::as_str)))
            }
        }
    )+ };
}

/// A word that is no choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the choices are \"{}\" and \"{}\"", self.0[0], self.0[1])]
pub struct UnknownChoice([&'static str; 2]);

choices! {
    /// POST of a user that exists and is inactive. Of an active one it is always 409.
    OnInactiveUser {
        /// 409 `uniqueness`.
        Refuse "refuse",
        /// Under the same id, if `externalId` is the same too.
        Revive "revive"
    }

    /// POST of a user that was deleted and can still be restored.
    OnDeletedUser {
        /// A new resource with another id.
        New "new",
        /// Under the same id, if `externalId` is the same too.
        Revive "revive"
    }

    /// PUT: what is omitted.
    OnReplace {
        /// Is cleared (RFC 7644 §3.5.1).
        Overwrite "overwrite",
        /// Stays as it is.
        KeepOmitted "keep-omitted"
    }

    /// DELETE.
    OnDelete {
        /// Can be restored for 30 days, and is then erased.
        Restorable "restorable",
        /// Is erased as soon as the eraser comes by.
        Erase "erase"
    }

    /// Members that are not live resources of the directory.
    OnUnknownMember {
        /// 400 that names them; nothing is applied.
        Refuse "refuse",
        /// The rest is applied; who was left out is reported.
        Skip "skip"
    }

    /// A group with the displayName of another.
    OnDuplicateGroupName {
        /// Is allowed, and reported.
        Allow "allow",
        /// 409 `uniqueness`.
        Refuse "refuse"
    }
}

/// What a directory's admin decided. The default is what the RFCs say, and what most clients expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DirectoryPolicies {
    /// Deviations from the RFCs are errors.
    pub strict: bool,
    /// See [`OnInactiveUser`].
    pub inactive_user: OnInactiveUser,
    /// See [`OnDeletedUser`].
    pub deleted_user: OnDeletedUser,
    /// See [`OnReplace`].
    pub replace: OnReplace,
    /// See [`OnDelete`].
    pub delete: OnDelete,
    /// See [`OnUnknownMember`].
    pub unknown_member: OnUnknownMember,
    /// See [`OnDuplicateGroupName`].
    pub duplicate_group_name: OnDuplicateGroupName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_the_default() {
        let read: DirectoryPolicies = serde_json::from_str(r#"{"strict":true,"of_a_later_version":1}"#).unwrap();
        assert_eq!(read, DirectoryPolicies { strict: true, ..DirectoryPolicies::default() });
    }

    #[test]
    fn words_are_those_of_the_json() {
        for choice in OnReplace::ALL {
            assert_eq!(serde_json::to_value(choice).unwrap(), choice.as_str());
        }
        for choice in OnDelete::ALL {
            assert_eq!(serde_json::to_value(choice).unwrap(), choice.as_str());
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        let unknown = "perhaps".parse::<OnDelete>().unwrap_err();
        assert_eq!(unknown.to_string(), "the choices are \"restorable\" and \"erase\"");
    }
}
