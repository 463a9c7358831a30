//! `rollcall directory full-sync`.

use rollcall_directory::announce_lookups;
use rollcall_scim::schema::{GROUP, USER};
use rollcall_store::Counting;
use rollcall_tokens::announce_directory;
use serde::Serialize;

use super::life::refused;
use crate::{
    cli,
    failure::Failure,
    installation::{self, Installation},
    output::Output,
};

/// What is printed of a full sync. The names are stable.
#[derive(Serialize)]
struct Synced {
    tenant: String,
    directory_id: String,
    directory_name: String,
    state_before: String,
    state: String,
    users: u64,
    groups: u64,
    memberships: u64,
    /// By how much the numbers that were kept were wrong; they are right now.
    repaired: Vec<Repaired>,
    took_ms: u64,
}

#[derive(Serialize)]
struct Repaired {
    what: String,
    by: i64,
}

pub(super) async fn run(
    choice: &cli::DirectoryChoice,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let (scope, record) = installation.directory(choice).await?;
    let tiers = installation.tiers().await?;
    let directory = installation.operator.directory(record.tenant, record.id).to_read();
    let limits = installation::tokens_config(&installation.config).cache_limits();
    let forget = async {
        // Who could not be told follows within the bound.
        let _ = announce_lookups(&directory, limits, &tiers).await;
    };
    let tell = |counting: Counting| output.progress(&said(counting), false);
    let synced = installation.store.tenant(&scope).full_sync(record.id, forget, &tell).await.map_err(refused)?;
    output.progress(
        &format!("{} users, {} groups and {} memberships are there.", synced.users, synced.groups, synced.memberships),
        true,
    );
    let _ = announce_directory(&record, &tiers).await;
    let repaired: Vec<Repaired> = synced
        .repaired
        .iter()
        .map(|(kind, by)| {
            let what = match *kind {
                USER => "users".to_owned(),
                GROUP => "groups".to_owned(),
                other => format!("resources of kind {}", other.0),
            };
            Repaired { what, by: *by }
        })
        .collect();
    for Repaired { what, by } in &repaired {
        output.say(&format!("The number of {what} that was kept was wrong by {by}; it is right now."));
    }
    output.say("What is remembered for lookups was forgotten.");
    output.one(&Synced {
        tenant: record.tenant_slug,
        directory_id: record.directory_id,
        directory_name: record.directory_name,
        state_before: synced.before.state().to_string(),
        state: synced.after.state().to_string(),
        users: synced.users,
        groups: synced.groups,
        memberships: synced.memberships,
        repaired,
        took_ms: u64::try_from(synced.done_at.since(synced.began_at).as_millis()).unwrap_or(u64::MAX),
    });
    Ok(())
}

fn said(counting: Counting) -> String {
    match counting {
        Counting::Resources { counted, of } => format!("Counting users and groups: {counted} of about {of}"),
        Counting::Again => "Changes came meanwhile; counting once more".to_owned(),
        Counting::Memberships { counted } => format!("Counting memberships: {counted}"),
    }
}
