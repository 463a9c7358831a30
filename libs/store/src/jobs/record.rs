//! What an event did.

/// What an event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The resource came.
    Create,
    /// It changed.
    Update,
    /// It went.
    Delete,
    /// It is there again, under the id that it had: as if it came, with all that it has.
    Restore,
    /// It changed, and its `userName` with it.
    Rename,
}

impl Operation {
    pub(crate) const fn number(self) -> i16 {
        match self {
            Self::Create => 1,
            Self::Update => 2,
            Self::Delete => 3,
            Self::Restore => 4,
            Self::Rename => 5,
        }
    }

    pub(crate) const fn from_number(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::Create),
            2 => Some(Self::Update),
            3 => Some(Self::Delete),
            4 => Some(Self::Restore),
            5 => Some(Self::Rename),
            _ => None,
        }
    }

    /// How many more live resources there are afterwards.
    pub(crate) const fn delta(self) -> i16 {
        match self {
            Self::Create | Self::Restore => 1,
            Self::Update | Self::Rename => 0,
            Self::Delete => -1,
        }
    }
}
