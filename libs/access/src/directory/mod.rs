//! What holds for a directory as a whole: where it stands in its life, and what its admin decided.

mod life;
mod policies;
mod policy_changes;

use serde::{Deserialize, Serialize};

pub use life::{DirectoryState, DirectoryStep, Life, Stage, StepRefused, UnknownWord};
pub use policies::{
    DirectoryPolicies, OnDelete, OnDeletedUser, OnDuplicateGroupName, OnInactiveUser, OnReplace, OnUnknownMember,
    UnknownChoice,
};
pub use policy_changes::PolicyChanges;

/// What the services need to know of a directory to serve a request. It travels with every request; what it says may be
/// as old as any record that is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DirectorySettings {
    /// Where it stands.
    pub state: DirectoryState,
    /// How far its setup has come, also while something stands above that.
    #[serde(default)]
    pub stage: Stage,
    /// What its admin decided.
    #[serde(default)]
    pub policies: DirectoryPolicies,
}

impl DirectorySettings {
    /// Whether it is being set up, frozen or not: consumers see nothing of it.
    pub fn is_draft(&self) -> bool {
        self.stage == Stage::Draft || self.state == DirectoryState::Draft
    }
}
