//! `rollcall directory policy`.

use rollcall_access::DirectoryPolicies;
use rollcall_store::DuplicateNames;
use rollcall_tokens::announce_directory;
use serde::Serialize;

use super::life::holds;
use crate::{cli, commands::token::refused_within, failure::Failure, installation::Installation, output::Output};

/// What is printed of a directory's policies. The names are stable.
#[derive(Serialize)]
struct Shown {
    tenant: String,
    directory_id: String,
    directory_name: String,
    #[serde(flatten)]
    policies: DirectoryPolicies,
    /// If groups' names are to be their own from now on: how many names several groups have already, and the first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_group_names: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    first_duplicate_group_names: Vec<Duplicate>,
}

#[derive(Serialize)]
struct Duplicate {
    name: String,
    groups: u64,
}

pub(super) async fn run(
    policy: &cli::DirectoryPolicy,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let (scope, record) = installation.open_directory(&policy.directory).await?;
    let changes = policy.changes();
    let (policies, duplicates) = if changes.is_empty() {
        (record.policies, None)
    } else {
        let tiers = installation.tiers().await?;
        let changed = installation.store.tenant(&scope).change_policies(record.id, changes).await?;
        // Also of what held before: whoever repeats it may have been cut off before this.
        let told = announce_directory(&record, &tiers).await;
        if changed.before == changed.after {
            output.say("This held before; nothing changed.");
        } else {
            output.say(&format!(
                "This holds for what comes in from now on; what is there stays as it is. {}",
                holds(told, refused_within(&installation.config))
            ));
        }
        (changed.after, changed.duplicates)
    };
    for line in duplicates.iter().flat_map(said) {
        output.say(&line);
    }
    let DuplicateNames { names, first } = duplicates.clone().unwrap_or_default();
    output.one(&Shown {
        tenant: record.tenant_slug,
        directory_id: record.directory_id,
        directory_name: record.directory_name,
        policies,
        duplicate_group_names: duplicates.map(|_| names),
        first_duplicate_group_names: first.into_iter().map(|(name, groups)| Duplicate { name, groups }).collect(),
    });
    Ok(())
}

fn said(duplicates: &DuplicateNames) -> Vec<String> {
    if duplicates.names == 0 {
        return vec!["No name is that of several groups.".to_owned()];
    }
    let mut lines = vec![format!(
        "{} names are those of several groups already. They stay; no other group gets such a name. Rename them at the IdP:",
        duplicates.names
    )];
    lines.extend(duplicates.first.iter().map(|(name, groups)| format!("  \"{name}\": {groups} groups")));
    let more = duplicates.names - duplicates.first.len() as u64;
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines
}

/// The policies that are not the defaults, as the command line has them.
pub(super) fn unusual(policies: DirectoryPolicies) -> String {
    let words = |policies| serde_json::to_value(policies).unwrap_or_default();
    let (held, usual) = (words(policies), words(DirectoryPolicies::default()));
    let others = held.as_object().into_iter().flatten().filter(|(name, word)| usual[name.as_str()] != **word);
    let others: Vec<String> = others
        .map(|(name, word)| format!("{} {}", name.replace('_', "-"), word.to_string().trim_matches('"')))
        .collect();
    if others.is_empty() { "as usual".to_owned() } else { others.join(", ") }
}

#[cfg(test)]
mod tests {
    use rollcall_access::OnDelete;

    use super::*;

    #[test]
    fn people_are_shown_what_is_not_as_usual() {
        assert_eq!(unusual(DirectoryPolicies::default()), "as usual");
        let policies = DirectoryPolicies { strict: true, delete: OnDelete::Erase, ..DirectoryPolicies::default() };
        assert_eq!(unusual(policies), "strict true, delete erase");
    }
}
