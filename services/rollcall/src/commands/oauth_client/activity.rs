//! `rollcall oauth-client activity`, and the report about a client that leaked.

use rollcall_access::TenantScope;
use rollcall_base::{Id, Timestamp, marker};
use rollcall_store::DirectoryRecord;
use serde::Serialize;

use super::{Shown, chosen};
use crate::{
    cli,
    commands::{activity::Done, credential::Place},
    failure::Failure,
    installation::Installation,
    output::Output,
};

/// What is printed of what an OAuth client did with all of its access tokens. The names are stable.
#[derive(Serialize)]
pub(super) struct Report {
    client: Shown,
    #[serde(flatten)]
    pub(super) done: Done,
}

impl Report {
    /// For people.
    pub(super) fn text(&self) -> String {
        self.done.text("OAuth client", &self.client)
    }
}

pub(super) async fn show(
    choice: &cli::OauthClientChoice,
    since: Option<cli::Since>,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let (Place { scope, directory }, client) = chosen(choice, installation).await?;
    let since = since.map(|since| since.moment(installation.clock.now())).transpose()?;
    let report = report(&scope, client.id, &directory, since, installation).await?;
    output.whole(&report, || report.text());
    Ok(())
}

pub(super) async fn report(
    scope: &TenantScope,
    id: Id<marker::OAuthClient>,
    directory: &DirectoryRecord,
    since: Option<Timestamp>,
    installation: &Installation,
) -> Result<Report, Failure> {
    let now = installation.clock.now();
    let activity = installation.tokens().await?.client_activity(scope, id, since).await?;
    let (client, got, activity) = activity.ok_or_else(|| Failure::told("the OAuth client is gone"))?;
    Ok(Report { client: Shown::of(&client, directory, got, now), done: Done::of(activity, true) })
}
