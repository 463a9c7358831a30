//! A directory's life: the one state machine.
//!
//! ```text
//! draft → submitted → receiving → synced      stages: what the setup has come to
//!   frozen, disabled                           stand above any stage, and go again
//!   archived                                   for good
//! ```

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($($(#[$outer:meta])* $kind:ident { $($(#[$doc:meta])* $name:ident $word:literal,)+ })+) => { $(
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $kind { $($(#[$doc])* $name,)+ }

        impl $kind {
            /// A word that stays the same.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $kind {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($word => Ok(Self::$name),)+ _ => Err(UnknownWord) }
            }
        }
    )+ };
}

/// A stored word that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a directory's state is a word that this version does not know")]
pub struct UnknownWord;

words! {
    /// Where a directory stands, as everybody sees it.
    DirectoryState {
        /// Being set up: everything works up to a small number of resources, and consumers see nothing.
        Draft "draft",
        /// Set up; nothing came yet.
        Submitted "submitted",
        /// Changes come.
        Receiving "receiving",
        /// A full sync was done.
        Synced "synced",
        /// Can be read; changes are put off.
        Frozen "frozen",
        /// Everything is put off.
        Disabled "disabled",
        /// No token opens it any more.
        Archived "archived",
    }

    /// How far a directory's setup has come, whatever stands above it.
    Stage {
        /// See [`DirectoryState::Draft`].
        Draft "draft",
        /// See [`DirectoryState::Submitted`].
        Submitted "submitted",
        /// See [`DirectoryState::Receiving`].
        Receiving "receiving",
        /// See [`DirectoryState::Synced`].
        Synced "synced",
    }
}

#[allow(clippy::derivable_impls)] // the macro writes no #[default]
impl Default for Stage {
    /// What a directory is that was made before there were others.
    fn default() -> Self {
        Self::Submitted
    }
}

#[allow(clippy::derivable_impls)] // the macro writes no #[default]
impl Default for DirectoryState {
    /// What a directory is that was made before there were others.
    fn default() -> Self {
        Self::Submitted
    }
}

/// What can happen to a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryStep {
    /// Its admin says that it is set up.
    Submit,
    /// The first change was accepted.
    FirstChange,
    /// A full sync was done.
    FullSync,
    /// Changes are put off.
    Freeze,
    /// They are no longer.
    Thaw,
    /// Everything is put off.
    Disable,
    /// It is no longer. What was frozen before is frozen again.
    Enable,
    /// It is given up.
    Archive,
}

/// Why a step cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepRefused {
    /// Archived directories stay as they are.
    #[error("the directory is archived, which is for good; create another one")]
    Archived,
    /// A draft is nobody's source yet.
    #[error("the directory is a draft; submit it first")]
    Draft,
    /// There is nothing to sync.
    #[error("nothing came from the client yet; a full sync is due when the first users have arrived")]
    NothingYet,
}

/// Everything that makes up a directory's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// How far its setup has come.
    pub stage: Stage,
    /// Changes are put off.
    pub frozen: bool,
    /// Everything is put off.
    pub disabled: bool,
    /// It is given up.
    pub archived: bool,
}

/// What is known of a directory of which only the state is.
impl From<DirectoryState> for Life {
    fn from(state: DirectoryState) -> Self {
        let stage = match state {
            DirectoryState::Draft => Stage::Draft,
            DirectoryState::Receiving => Stage::Receiving,
            DirectoryState::Synced => Stage::Synced,
            DirectoryState::Submitted
            | DirectoryState::Frozen
            | DirectoryState::Disabled
            | DirectoryState::Archived => Stage::Submitted,
        };
        Self {
            stage,
            frozen: state == DirectoryState::Frozen,
            disabled: state == DirectoryState::Disabled,
            archived: state == DirectoryState::Archived,
        }
    }
}

impl Life {
    /// At its beginning.
    pub const fn new(stage: Stage) -> Self {
        Self { stage, frozen: false, disabled: false, archived: false }
    }

    /// What stands above all else.
    pub const fn state(self) -> DirectoryState {
        match self {
            Self { archived: true, .. } => DirectoryState::Archived,
            Self { disabled: true, .. } => DirectoryState::Disabled,
            Self { frozen: true, .. } => DirectoryState::Frozen,
            Self { stage: Stage::Draft, .. } => DirectoryState::Draft,
            Self { stage: Stage::Submitted, .. } => DirectoryState::Submitted,
            Self { stage: Stage::Receiving, .. } => DirectoryState::Receiving,
            Self { stage: Stage::Synced, .. } => DirectoryState::Synced,
        }
    }

    /// After `step`. One that was taken before changes nothing.
    ///
    /// # Errors
    /// [`StepRefused`]
    pub const fn after(mut self, step: DirectoryStep) -> Result<Self, StepRefused> {
        if self.archived {
            return match step {
                DirectoryStep::Archive => Ok(self),
                _ => Err(StepRefused::Archived),
            };
        }
        match (step, self.stage) {
            (DirectoryStep::Submit, Stage::Draft) => self.stage = Stage::Submitted,
            (DirectoryStep::FirstChange, Stage::Submitted) => self.stage = Stage::Receiving,
            (DirectoryStep::FullSync, Stage::Receiving | Stage::Synced) => self.stage = Stage::Synced,
            (DirectoryStep::FullSync, Stage::Draft) => return Err(StepRefused::Draft),
            (DirectoryStep::FullSync, Stage::Submitted) => return Err(StepRefused::NothingYet),
            (DirectoryStep::Freeze, _) => self.frozen = true,
            (DirectoryStep::Thaw, _) => self.frozen = false,
            (DirectoryStep::Disable, _) => self.disabled = true,
            (DirectoryStep::Enable, _) => self.disabled = false,
            (DirectoryStep::Archive, _) => self.archived = true,
            (DirectoryStep::Submit | DirectoryStep::FirstChange, _) => {}
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(life: Life, steps: &[DirectoryStep]) -> DirectoryState {
        steps.iter().fold(life, |life, step| life.after(*step).unwrap()).state()
    }

    #[test]
    fn a_setup_goes_from_draft_to_synced() {
        let life = Life::new(Stage::Draft);
        let steps = [DirectoryStep::Submit, DirectoryStep::FirstChange, DirectoryStep::FullSync];
        assert_eq!(after(life, &steps[..0]), DirectoryState::Draft);
        assert_eq!(after(life, &steps[..1]), DirectoryState::Submitted);
        assert_eq!(after(life, &steps[..2]), DirectoryState::Receiving);
        assert_eq!(after(life, &steps), DirectoryState::Synced);
        assert_eq!(life.after(DirectoryStep::FullSync), Err(StepRefused::Draft));
        assert_eq!(Life::new(Stage::Submitted).after(DirectoryStep::FullSync), Err(StepRefused::NothingYet));
        assert_eq!(after(life, &[DirectoryStep::FirstChange]), DirectoryState::Draft);
    }

    #[test]
    fn what_stands_above_a_stage_hides_it_and_goes_again() {
        let life = Life::new(Stage::Receiving);
        let mut steps = vec![DirectoryStep::Freeze];
        assert_eq!(after(life, &steps), DirectoryState::Frozen);
        steps.push(DirectoryStep::Disable);
        assert_eq!(after(life, &steps), DirectoryState::Disabled);
        steps.push(DirectoryStep::FullSync);
        steps.push(DirectoryStep::Enable);
        assert_eq!(after(life, &steps), DirectoryState::Frozen);
        steps.push(DirectoryStep::Thaw);
        assert_eq!(after(life, &steps), DirectoryState::Synced);
    }

    #[test]
    fn archived_is_for_good() {
        let life = Life::new(Stage::Synced).after(DirectoryStep::Archive).unwrap();
        assert_eq!(life.state(), DirectoryState::Archived);
        assert_eq!(life.after(DirectoryStep::Enable), Err(StepRefused::Archived));
        assert_eq!(life.after(DirectoryStep::Archive), Ok(life));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for state in ["draft", "submitted", "receiving", "synced", "frozen", "disabled", "archived"] {
            let parsed: DirectoryState = state.parse().unwrap();
            assert_eq!((parsed.as_str(), Life::from(parsed).state()), (state, parsed));
        }
        assert_eq!("Draft".parse::<Stage>(), Err(UnknownWord));
    }
}
