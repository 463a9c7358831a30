//! `rollcall directory archive` and `policy`.

use clap::{ArgAction, Args};
use rollcall_access::{
    OnDelete, OnDeletedUser, OnDuplicateGroupName, OnInactiveUser, OnReplace, OnUnknownMember, PolicyChanges,
};

use super::DirectoryChoice;

#[derive(Debug, Args)]
pub(crate) struct Archive {
    #[command(flatten)]
    pub(crate) directory: DirectoryChoice,
    /// The Directory Name, typed out: this is for good
    #[arg(long, value_name = "DIRECTORY_NAME")]
    pub(crate) confirm: Option<String>,
}

/// Without a policy: shows them.
#[derive(Debug, Args)]
pub(crate) struct DirectoryPolicy {
    #[command(flatten)]
    pub(crate) directory: DirectoryChoice,
    /// Whether deviations from the RFCs are errors: true, false
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    strict: Option<bool>,
    /// POST of a user that exists and is inactive: refuse, or revive it under the same id if externalId is the same
    #[arg(long, value_name = "refuse|revive", value_parser = str::parse::<OnInactiveUser>)]
    inactive_user: Option<OnInactiveUser>,
    /// POST of a user that was deleted: new, or revive it under the same id if externalId is the same
    #[arg(long, value_name = "new|revive", value_parser = str::parse::<OnDeletedUser>)]
    deleted_user: Option<OnDeletedUser>,
    /// PUT: overwrite, or keep-omitted to leave what is not named as it is
    #[arg(long, value_name = "overwrite|keep-omitted", value_parser = str::parse::<OnReplace>)]
    replace: Option<OnReplace>,
    /// DELETE: restorable for 30 days, or erase at once
    #[arg(long, value_name = "restorable|erase", value_parser = str::parse::<OnDelete>)]
    delete: Option<OnDelete>,
    /// Members that are nobody: refuse the change, or skip them and report
    #[arg(long, value_name = "refuse|skip", value_parser = str::parse::<OnUnknownMember>)]
    unknown_member: Option<OnUnknownMember>,
    /// Groups with the name of another: allow and report, or refuse
    #[arg(long, value_name = "allow|refuse", value_parser = str::parse::<OnDuplicateGroupName>)]
    duplicate_group_name: Option<OnDuplicateGroupName>,
}

impl DirectoryPolicy {
    /// What is to change.
    pub(crate) const fn changes(&self) -> PolicyChanges {
        PolicyChanges {
            strict: self.strict,
            inactive_user: self.inactive_user,
            deleted_user: self.deleted_user,
            replace: self.replace,
            delete: self.delete,
            unknown_member: self.unknown_member,
            duplicate_group_name: self.duplicate_group_name,
        }
    }
}
