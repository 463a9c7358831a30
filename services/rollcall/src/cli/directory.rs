//! `rollcall directory …`.

use clap::{ArgAction, Args, Subcommand};
use rollcall_access::{
    OnDelete, OnDeletedUser, OnDuplicateGroupName, OnInactiveUser, OnReplace, OnUnknownMember, PolicyChanges,
};

use rollcall_clients::Profile;

use super::client::named as client_named;

#[derive(Debug, Subcommand)]
pub(crate) enum Directory {
    /// Add a directory and print its Base URL
    Create {
        /// The tenant's slug
        #[arg(long)]
        tenant: String,
        /// entra-id, ping-federate, okta, cyberark, pingone, sase-5g, other, or another name of `rollcall client list`
        #[arg(long, value_name = "CLIENT", value_parser = client_named)]
        client: &'static Profile,
        /// From the IdP (an Entra tenant ID, say): 1 to 40 letters, digits, hyphens
        #[arg(long)]
        directory_id: String,
        /// Mostly the primary domain: lower-case letters, digits, dots, hyphens, underscores
        #[arg(long)]
        directory_name: String,
        /// Take ID and Name as they are typed, and put nothing right
        #[arg(long)]
        as_given: bool,
        /// Begin as a draft: clients can be set up and tested, consumers see nothing until it is submitted
        #[arg(long)]
        draft: bool,
    },
    /// List a tenant's directories, or all
    List {
        /// The tenant's slug
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Show one directory
    Show(DirectoryChoice),
    /// Give it another Directory ID or Name, or another client; URLs with the former ones go on working
    Change {
        #[command(flatten)]
        directory: DirectoryChoice,
        /// A name of `rollcall client list`
        #[arg(long, value_name = "CLIENT", value_parser = client_named)]
        client: Option<&'static Profile>,
        /// 1 to 40 letters, digits, hyphens
        #[arg(long = "new-directory-id", value_name = "ID")]
        directory_id: Option<String>,
        /// Lower-case letters, digits, dots, hyphens, underscores
        #[arg(long = "new-directory-name", value_name = "NAME")]
        directory_name: Option<String>,
    },
    /// Have a former Directory ID or Name no longer lead to it, so that another directory may take it
    FreeKey {
        #[command(flatten)]
        directory: DirectoryChoice,
        /// The former ID or Name
        #[arg(long)]
        key: String,
    },
    /// Say that a draft is set up: from now on consumers see it, and it takes as much as comes
    Submit(DirectoryChoice),
    /// Put changes off: reads are answered, changes get 503 and come again
    Freeze(DirectoryChoice),
    /// Take changes again
    Thaw(DirectoryChoice),
    /// Put everything off: all requests get 503
    Disable(DirectoryChoice),
    /// Serve again; what was frozen before is frozen again
    Enable(DirectoryChoice),
    /// Give a directory up, for good: all requests get 401
    Archive(Archive),
    /// Count what is there anew, repair what is kept of the number, and note that a full sync was done
    FullSync(DirectoryChoice),
    /// What is done with what comes in: show it, or change some of it
    Policy(DirectoryPolicy),
    /// What may want mending in a directory's data: names that several groups have, users without an e-mail address …
    Report(DirectoryChoice),
    /// What a directory's client does beside the RFCs and is tolerated: how often, when last, and what it means
    Quirks {
        #[command(flatten)]
        directory: DirectoryChoice,
        /// 1 to 400
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=400))]
        days: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DirectoryChoice {
    /// The tenant's slug
    #[arg(long)]
    pub(crate) tenant: String,
    /// The Directory ID or Directory Name, in any case
    #[arg(long)]
    pub(crate) directory: String,
}

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
