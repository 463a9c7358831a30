//! `rollcall simulate`, and the demo's use of it.

use rollcall_base::{ClientKind, SecretText};
use rollcall_simulator::{Options, Progress, Report, simulate};
use serde::Serialize;

use crate::{cli, failure::Failure, output::Output};

/// What is printed of a simulation. The names are stable.
#[derive(Serialize)]
struct Shown {
    client: String,
    users: usize,
    groups: usize,
    requests: u64,
    differences: Vec<String>,
}

pub(super) async fn run(command: cli::Simulate, output: &Output) -> Result<(), Failure> {
    let token = SecretText::new(command.token);
    let size = (command.users as usize, command.groups as usize);
    let report = feed(command.client, &command.base_url, token, size, output).await?;
    let shown = Shown {
        client: command.client.to_string(),
        users: size.0,
        groups: size.1,
        requests: report.requests,
        differences: report.differences.clone(),
    };
    output.one(&shown);
    match report.differences.len() {
        0 => Ok(()),
        count => Err(Failure::told(format!("{count} differences between what was sent and what the directory holds"))),
    }
}

/// Sends a directory what `client` would send on its first day, and reads it back.
pub(crate) async fn feed(
    client: ClientKind,
    base_url: &str,
    token: SecretText,
    (users, groups): (usize, usize),
    output: &Output,
) -> Result<Report, Failure> {
    let mut options = Options::new(client, base_url.to_owned(), token);
    options.users = users;
    options.groups = groups;
    let mut show = |progress: Progress| {
        output.progress(&format!("  {client}: {progress}"), progress.done >= progress.total);
    };
    Ok(simulate(options, &mut show).await?)
}
