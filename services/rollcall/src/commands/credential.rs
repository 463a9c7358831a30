//! What tokens and OAuth clients have in common: whose they are, and what is said of one that leaked.

use std::collections::HashMap;

use rollcall_access::{BearerToken, TenantScope};
use rollcall_base::{Id, marker};
use rollcall_store::{DirectoryRecord, Within};
use serde::Serialize;

use crate::{cli, failure::Failure, installation::Installation, output::Output};

/// Where a credential belongs.
pub(super) struct Place {
    pub(super) scope: TenantScope,
    pub(super) directory: DirectoryRecord,
}

impl Place {
    /// The place of a credential of `tenant` and `directory`. Whoever finds one that leaked knows its id and not whose it is:
    /// `owner` is only a safeguard. `None`: it is not that owner's.
    pub(super) async fn of(
        tenant: Id<marker::Tenant>,
        directory: Id<marker::Directory>,
        owner: &cli::Owner,
        installation: &Installation,
    ) -> Result<Option<Self>, Failure> {
        if let Some(slug) = &owner.tenant {
            if installation.tenant(slug).await?.tenant() != tenant {
                return Ok(None);
            }
            if let Some(key) = &owner.directory {
                let choice = cli::DirectoryChoice { tenant: slug.clone(), directory: key.clone() };
                if installation.directory(&choice).await?.1.id != directory {
                    return Ok(None);
                }
            }
        }
        let scope = installation.operator.tenant(tenant);
        let found = installation.store.tenant(&scope).directory(directory).await?;
        Ok(found.map(|directory| Self { scope, directory }))
    }
}

/// "There is no", or whose there is none of.
pub(super) fn nobody_has(owner: &cli::Owner) -> String {
    match (&owner.tenant, &owner.directory) {
        (Some(tenant), Some(directory)) => format!("the directory \"{directory}\" of \"{tenant}\" has no"),
        (Some(tenant), None) => format!("the tenant \"{tenant}\" has no"),
        (None, _) => "there is no".to_owned(),
    }
}

/// What somebody typed as an id, for an answer to him. Who typed a token or a secret is not told it again: answers go into
/// mails and logs.
pub(super) fn without_secret(typed: &str) -> String {
    let is_secret = ["rct_", "rca_", "rcs_"].iter().any(|prefix| typed.starts_with(prefix));
    match BearerToken::id_in(typed) {
        Some(id) => format!("\"{id}\""),
        None if is_secret => "with this id, which looks like a secret; an id is needed".to_owned(),
        None => format!("\"{typed}\""),
    }
}

/// Whose credentials are to be listed.
pub(super) struct Listed {
    pub(super) scope: TenantScope,
    pub(super) within: Within,
    directories: Vec<DirectoryRecord>,
}

impl Listed {
    pub(super) async fn of(listed: &cli::Listed, installation: &Installation) -> Result<Self, Failure> {
        let cli::Listed { tenant, directory } = listed;
        let Some(directory) = directory else {
            let scope = installation.tenant(tenant).await?;
            let directories = installation.store.tenant(&scope).directories().await?;
            return Ok(Self { scope, within: Within::Tenant, directories });
        };
        let choice = cli::DirectoryChoice { tenant: tenant.clone(), directory: directory.clone() };
        let (scope, record) = installation.directory(&choice).await?;
        Ok(Self { scope, within: record.id.into(), directories: vec![record] })
    }

    /// What belongs to them, as `row` has it: a directory's after another's.
    pub(super) fn rows<T, R>(
        &self,
        all: &[T],
        of: impl Fn(&T) -> Id<marker::Directory>,
        row: impl Fn(&T, &DirectoryRecord) -> R,
    ) -> Vec<R> {
        let places: HashMap<_, _> = self.directories.iter().enumerate().map(|(at, one)| (one.id, at)).collect();
        let place = |one| places.get(&of(one)).copied();
        let mut rows: Vec<_> =
            all.iter().filter_map(|one| place(one).map(|at| (at, row(one, &self.directories[at])))).collect();
        rows.sort_by_key(|(at, _)| *at);
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// A revocation of what leaked. The names are stable.
#[derive(Serialize)]
struct Leaked<Revoked, Report> {
    #[serde(flatten)]
    revoked: Revoked,
    #[serde(flatten)]
    report: Report,
    /// What to do next.
    next: Vec<String>,
}

/// Prints a revocation with a report of what was done, which is `text` for people, and the next steps.
pub(super) fn show_leaked(
    revoked: impl Serialize,
    report: impl Serialize,
    text: &str,
    next: Vec<String>,
    output: &Output,
) {
    let steps = next.iter().enumerate().map(|(at, step)| format!("  {}. {step}\n", at + 1));
    let text = format!("{text}\nWhat to do next\n{}", steps.collect::<String>());
    output.whole(&Leaked { revoked, report, next }, || text);
}
