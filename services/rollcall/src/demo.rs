//! The demo: on the first start a tenant with two directories, fed over real HTTP by the simulator.

use std::{fs, path::PathBuf, time::Duration};

use rollcall_base::{ClientKind, SecretText};
use rollcall_simulator::Options;
use rollcall_store::{DirectoryRecord, NewDirectory, TenantRecord};
use rollcall_tokens::NewToken;

use crate::{commands, failure::Failure, installation::Installation, output::Output};

const TENANT: &str = "demo";

/// A directory of the demo: what an admin would type in, and how much is sent.
struct Plan {
    client: ClientKind,
    label: &'static str,
    directory_id: &'static str,
    directory_name: &'static str,
    users: u32,
    groups: u32,
}

const PLANS: [Plan; 2] = [
    Plan {
        client: ClientKind::EntraId,
        label: "Entra ID",
        directory_id: "5d8b2c74-90f1-4c7e-9d53-2f6a1be0c4d7",
        directory_name: "contoso.example",
        users: 120,
        groups: 8,
    },
    Plan {
        client: ClientKind::Okta,
        label: "Okta",
        directory_id: "okta-demo",
        directory_name: "demo.okta.example",
        users: 60,
        groups: 5,
    },
];

/// Made once; while it is missing the feed is not finished.
fn marker(installation: &Installation) -> PathBuf {
    installation.config.data_dir.join("demo-fed")
}

/// Feeds the demo if that has not been done, then says where to look. The server must be listening.
pub(crate) async fn run(installation: &Installation, output: &Output) -> Result<(), Failure> {
    let tenant = tenant(installation).await?;
    let fed = marker(installation).exists();
    if !fed {
        output.say("First start: making the tenant \"demo\" and feeding it, as two identity providers would.");
    }
    let mut shown = Vec::new();
    for plan in &PLANS {
        let record = directory(installation, &tenant, plan).await?;
        let token = if fed { None } else { Some(send(installation, &tenant, plan, &record, output).await?) };
        shown.push((plan, record, token));
    }
    if !fed {
        fs::write(marker(installation), "The demo tenant was fed. Without this file the next start feeds it again.\n")?;
    }
    for (plan, record, token) in &shown {
        let counts = installation.counts(record).await?;
        output.say(&format!(
            "\n  {} directory \"{}\": {} users, {} groups\n    Base URL  {}",
            plan.label,
            record.directory_name,
            counts.users,
            counts.groups,
            installation.base_url(record),
        ));
        if let Some(token) = token {
            output.say(&format!("    Token     {}   (shown this once)", token.expose()));
        }
    }
    say_next(installation, &shown, output);
    Ok(())
}

type Shown<'a> = (&'a Plan, DirectoryRecord, Option<SecretText>);

fn say_next(installation: &Installation, shown: &[Shown<'_>], output: &Output) {
    let Some((_, record, token)) = shown.first() else { return };
    let data_dir = installation.config.data_dir.display();
    let base_url = installation.base_url(record);
    match token {
        Some(token) => output.say(&format!(
            "\nTry next:\n  curl -H 'Authorization: Bearer {}' '{base_url}/Users?count=2'",
            token.expose()
        )),
        None => output.say(&format!(
            "\nTry next (a token is shown only when it is issued, so issue another):\n  {} token issue \
             --data-dir {data_dir} --tenant {TENANT} --directory {}\n  curl -H 'Authorization: Bearer TOKEN' \
             '{base_url}/Users?count=2'",
            this_program(),
            record.directory_name
        )),
    }
    output.say("To connect an identity provider of your own, see \"Connect a real IdP\" in README.md. Ctrl-C stops.");
}

/// How to start this program again from where it was started: it is seldom on the PATH yet.
fn this_program() -> String {
    std::env::args_os().next().map_or_else(|| "rollcall".to_owned(), |name| name.to_string_lossy().into_owned())
}

async fn tenant(installation: &Installation) -> Result<TenantRecord, Failure> {
    let store = installation.store.operator(&installation.operator);
    match store.tenant_by_slug(TENANT).await? {
        Some(tenant) => Ok(tenant),
        None => Ok(store.create_tenant(TENANT, "Demo").await?),
    }
}

async fn directory(
    installation: &Installation,
    tenant: &TenantRecord,
    plan: &Plan,
) -> Result<DirectoryRecord, Failure> {
    let store = installation.store.tenant(&installation.operator.tenant(tenant.id));
    if let Some(record) = store.directory_by_key(plan.directory_id).await? {
        return Ok(record);
    }
    let new = NewDirectory {
        client_kind: plan.client.to_string(),
        directory_id: plan.directory_id.to_owned(),
        directory_name: plan.directory_name.to_owned(),
        client_profile: None,
        stage: rollcall_access::Stage::Submitted,
    };
    Ok(store.create_directory(new).await?)
}

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

async fn send(
    installation: &Installation,
    tenant: &TenantRecord,
    plan: &Plan,
    record: &DirectoryRecord,
    output: &Output,
) -> Result<SecretText, Failure> {
    let scope = installation.operator.tenant(tenant.id);
    let issued = installation
        .tokens()
        .await?
        .issue(&scope, record, NewToken { label: "demo".to_owned(), ..NewToken::living(YEAR) })
        .await?;
    let base_url = installation.base_url(record);
    output.say(&format!("  {}: sending {} users and {} groups …", plan.label, plan.users, plan.groups));
    let options = Options {
        users: plan.users,
        groups: plan.groups,
        ..Options::new(plan.client.into(), base_url, issued.token.clone())
    };
    let report = commands::feed(options, output).await?;
    output.say(&format!(
        "  {}: {} requests, read back with {} differences",
        plan.label,
        report.measured.requests,
        report.differences_in_all()
    ));
    Ok(issued.token)
}
