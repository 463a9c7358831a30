//! `rollcall token activity`, and the report about a token that leaked.

use rollcall_base::Timestamp;
use serde::Serialize;

use super::{Found, shown::Shown};
use crate::{cli, commands::activity::Done, failure::Failure, installation::Installation, output::Output};

/// What is printed of what a token did. The names are stable.
#[derive(Serialize)]
pub(super) struct Report {
    token: Shown,
    #[serde(flatten)]
    pub(super) done: Done,
}

impl Report {
    /// For people.
    pub(super) fn text(&self) -> String {
        self.done.text("token", &self.token)
    }
}

pub(super) async fn show(
    choice: &cli::TokenChoice,
    since: Option<cli::Since>,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let found = Found::by(choice, installation).await?;
    let since = since.map(|since| since.moment(installation.clock.now())).transpose()?;
    let report = report(&found, since, installation).await?;
    output.whole(&report, || report.text());
    Ok(())
}

pub(super) async fn report(
    found: &Found,
    since: Option<Timestamp>,
    installation: &Installation,
) -> Result<Report, Failure> {
    let activity = installation.tokens().await?.activity(&found.scope, found.record.id, since).await?;
    let (token, activity) = activity.ok_or_else(|| Failure::told("the token is gone"))?;
    Ok(Report { token: Shown::of(&token, &found.directory), done: Done::of(activity, false) })
}
