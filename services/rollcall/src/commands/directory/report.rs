//! `rollcall directory report`: what may want mending in a directory's data.

use std::fmt::Write as _;

use rollcall_scim::schema::{Registry, USER};
use rollcall_store::QualityReport;
use serde::Serialize;
use serde_json::Value;

use crate::{
    cli,
    failure::Failure,
    installation::Installation,
    output::{self, Output},
};

/// How many lines a list has.
const MOST: u32 = 50;

/// What is printed. The names are stable.
#[derive(Serialize)]
struct Shown {
    duplicate_group_names: List<DuplicateName>,
    shared_external_ids: List<SharedExternalId>,
    skipped_members: List<SkippedMember>,
    users_without_email: u64,
    groups_without_members: u64,
    former_names: u64,
}

/// The first of a list, and how many there are in all.
#[derive(Serialize)]
struct List<T> {
    total: u64,
    first: Vec<T>,
}

#[derive(Serialize)]
struct DuplicateName {
    display_name: String,
    groups: u64,
}

#[derive(Serialize)]
struct SharedExternalId {
    external_id: String,
    users: u64,
}

#[derive(Serialize)]
struct SkippedMember {
    group_id: String,
    group_name: Option<String>,
    member: String,
    times: u64,
    last_at: String,
}

pub(super) async fn run(
    choice: &cli::DirectoryChoice,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let (tenant, record) = installation.directory(choice).await?;
    let scope = installation.operator.directory(tenant.tenant(), record.id).to_read();
    let registry = Registry::standard();
    let users = registry.by_kind(USER).ok_or_else(|| Failure::told("there is no type of users"))?;
    let shown = Shown::of(installation.store.directory(&scope).quality(users, MOST).await?);
    output.whole(&shown, || shown.text());
    Ok(())
}

impl Shown {
    fn of(report: QualityReport) -> Self {
        let names = report.duplicate_group_names;
        let (ids, skipped) = (report.shared_external_ids, report.skipped_members);
        Self {
            duplicate_group_names: List {
                total: names.total,
                first: (names.first.into_iter())
                    .map(|name| DuplicateName { display_name: name.display_name, groups: name.groups })
                    .collect(),
            },
            shared_external_ids: List {
                total: ids.total,
                first: (ids.first.into_iter())
                    .map(|id| SharedExternalId { external_id: id.external_id, users: id.users })
                    .collect(),
            },
            skipped_members: List {
                total: skipped.total,
                first: (skipped.first.into_iter())
                    .map(|skipped| SkippedMember {
                        group_id: skipped.group.to_string(),
                        group_name: skipped.group_name,
                        member: skipped.member,
                        times: skipped.times,
                        last_at: skipped.last_at.to_string(),
                    })
                    .collect(),
            },
            users_without_email: report.users_without_email,
            groups_without_members: report.groups_without_members,
            former_names: report.former_names,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (title, total, rows) in [
            ("Names that several groups have", self.duplicate_group_names.total, rows(&self.duplicate_group_names)),
            ("externalIds that several users have", self.shared_external_ids.total, rows(&self.shared_external_ids)),
            ("Members that were left out", self.skipped_members.total, rows(&self.skipped_members)),
        ] {
            let _ = writeln!(text, "{title}: {total}");
            for line in rows.lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
        for (title, total) in [
            ("Users without an e-mail address", self.users_without_email),
            ("Groups without members", self.groups_without_members),
            ("Former names by which lookups find users", self.former_names),
        ] {
            let _ = writeln!(text, "{title}: {total}");
        }
        text
    }
}

fn rows(list: &List<impl Serialize>) -> String {
    let values: Vec<Value> = list.first.iter().map(|row| serde_json::to_value(row).unwrap_or_default()).collect();
    let mut text = output::rows(&values);
    if list.total > values.len() as u64 {
        let _ = writeln!(text, "and {} more", list.total - values.len() as u64);
    }
    text
}
