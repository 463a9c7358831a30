//! `rollcall directory submit`, `freeze`, `thaw`, `disable`, `enable`, `archive`.

use rollcall_access::{DirectoryState, DirectoryStep, Life, Stage};
use rollcall_store::{ControlError, DirectoryRecord};
use rollcall_tokens::{Told, announce_directory};
use serde::Serialize;

use crate::{cli, commands::token::refused_within, failure::Failure, installation::Installation, output::Output};

/// What is printed of a step. The names are stable.
#[derive(Serialize)]
struct Taken {
    tenant: String,
    directory_id: String,
    directory_name: String,
    /// Where it stood.
    state_before: String,
    state: String,
    stage: String,
    /// Whether the step made a difference.
    changed: bool,
    /// Whether Redis took the message for the servers that listen to it.
    servers_were_told: bool,
    /// When the last server knows it, whether or not it was told.
    holds_everywhere_within_seconds: u64,
}

pub(super) async fn run(
    choice: &cli::DirectoryChoice,
    step: DirectoryStep,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let (scope, record) = installation.directory(choice).await?;
    // Before anything is changed: what is wrong with the settings is told first.
    let tiers = installation.tiers().await?;
    let taken = installation.store.tenant(&scope).take_step(record.id, step).await.map_err(refused)?;
    let changed = taken.before != taken.after;
    // Also of a step that was taken before: whoever repeats it may have been cut off before this.
    let told = announce_directory(&record, &tiers).await;
    output.say(&said(step, (taken.before, taken.after), &record));
    let within = refused_within(&installation.config);
    output.say(&holds(told, within));
    output.one(&Taken {
        tenant: record.tenant_slug,
        directory_id: record.directory_id,
        directory_name: record.directory_name,
        state_before: taken.before.state().to_string(),
        state: taken.after.state().to_string(),
        stage: taken.after.stage.to_string(),
        changed,
        servers_were_told: told == Told::Everywhere,
        holds_everywhere_within_seconds: within,
    });
    Ok(())
}

/// When the servers know it.
pub(super) fn holds(told: Told, within: u64) -> String {
    match told {
        Told::Everywhere => format!("Servers that listen to Redis know it now, any other within {within} seconds."),
        Told::HereOnly => format!("Servers know it within {within} seconds."),
    }
}

pub(super) async fn archive(
    archive: &cli::Archive,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let (_, record) = installation.directory(&archive.directory).await?;
    if archive.confirm.as_deref() != Some(record.directory_name.as_str()) {
        return Err(Failure::told(format!(
            "archiving is for good: every request to \"{name}\" will be answered 401, with whichever token, and consumers \
             will be told of none of its users. Nothing is deleted; tokens are not revoked, and open nothing. Its Directory \
             ID and Name stay taken. To only pause it use `rollcall directory disable`. If you mean it, add --confirm {name}",
            name = record.directory_name,
        )));
    }
    run(&archive.directory, DirectoryStep::Archive, installation, output).await
}

/// Why a step is not taken, for people.
pub(super) fn refused(error: ControlError) -> Failure {
    match error {
        ControlError::Refused(refused) => Failure::told(refused.to_string()),
        ControlError::UnderWay => Failure::told(error.to_string()),
        other => other.into(),
    }
}

/// What was done, and what clients see now.
fn said(step: DirectoryStep, (before, after): (Life, Life), record: &DirectoryRecord) -> String {
    let name = &record.directory_name;
    let done = match (step, before == after) {
        (DirectoryStep::Submit, false) => format!("\"{name}\" is submitted."),
        (DirectoryStep::Submit, true) => format!("\"{name}\" was submitted before; nothing changed."),
        (DirectoryStep::Freeze, false) => format!("\"{name}\" is frozen; `rollcall directory thaw` undoes it."),
        (DirectoryStep::Freeze, true) => format!("\"{name}\" was frozen before; nothing changed."),
        (DirectoryStep::Thaw, false) => format!("\"{name}\" is thawed."),
        (DirectoryStep::Thaw, true) => format!("\"{name}\" was not frozen; nothing changed."),
        (DirectoryStep::Disable, false) => format!("\"{name}\" is disabled; `rollcall directory enable` undoes it."),
        (DirectoryStep::Disable, true) => format!("\"{name}\" was disabled before; nothing changed."),
        (DirectoryStep::Enable, false) => format!("\"{name}\" is enabled."),
        (DirectoryStep::Enable, true) => format!("\"{name}\" was not disabled; nothing changed."),
        (DirectoryStep::Archive, false) => format!("\"{name}\" is archived, for good."),
        (DirectoryStep::Archive, true) => format!("\"{name}\" was archived before; nothing changed."),
        (DirectoryStep::FirstChange | DirectoryStep::FullSync, _) => String::new(),
    };
    format!("{done} {}", seen(after))
}

/// What clients and consumers see of a directory.
pub(super) const fn seen(life: Life) -> &'static str {
    match life.state() {
        DirectoryState::Draft => {
            "Clients can do everything, up to a small number of users and groups; consumers see nothing. When the client is \
             set up: `rollcall directory submit`."
        }
        DirectoryState::Submitted => "Clients can do everything, and consumers see it; nothing came yet.",
        DirectoryState::Receiving => "Clients can do everything, and consumers see it; changes come.",
        DirectoryState::Synced => "Clients can do everything, and consumers see it; a full sync was done.",
        DirectoryState::Frozen if matches!(life.stage, Stage::Draft) => {
            "Clients can read; changes are answered 503 with Retry-After, and clients send them again. Consumers see nothing \
             of a draft."
        }
        DirectoryState::Frozen => {
            "Clients and consumers can read; changes are answered 503 with Retry-After, and clients send them again."
        }
        DirectoryState::Disabled => "Every request of clients and consumers is answered 503 with Retry-After.",
        DirectoryState::Archived => "Every request of clients and consumers is answered 401.",
    }
}
