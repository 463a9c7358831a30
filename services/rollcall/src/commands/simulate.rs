//! `rollcall simulate`, and the demo's use of it.

use rollcall_base::SecretText;
use rollcall_simulator::{OnWait, Options, Progress, Report, simulate};

use crate::{cli, failure::Failure, output::Output};

pub(super) async fn run(command: cli::Simulate, output: &Output) -> Result<(), Failure> {
    let options = Options {
        users: command.users,
        groups: command.groups,
        cycles: command.cycles,
        seed: command.seed,
        threads: command.threads.map(|threads| threads as usize),
        rate: command.rate,
        group_updates: command.group_updates.map(Into::into),
        ..Options::new(command.client(), command.base_url, SecretText::new(command.token))
    };
    let report = feed(options, output).await?;
    output.whole(&report, || report.to_string());
    match report.differences_in_all() {
        0 => Ok(()),
        count => Err(Failure::told(format!("{count} differences between what was sent and what the directory holds"))),
    }
}

/// Sends a directory what a client would send it, and reads it back.
pub(crate) async fn feed(options: Options, output: &Output) -> Result<Report, Failure> {
    let (client, printed) = (options.client, *output);
    let on_wait = OnWait::new(move |waiting| {
        printed.progress(&format!("  {client}: {waiting} Later waits are not told; the report counts them."), true);
    });
    let options = Options { on_wait: Some(on_wait), ..options };
    let mut show = |progress: Progress| {
        output.progress(&format!("  {client}: {progress}"), progress.done >= progress.total);
    };
    Ok(simulate(options, &mut show).await?)
}
