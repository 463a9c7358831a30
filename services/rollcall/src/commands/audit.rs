//! `rollcall audit …`.

use std::collections::BTreeMap;

use rollcall_access::{ClientId, JobScope};
use rollcall_base::Timestamp;
use rollcall_store::StoreError;
use rollcall_tokens::{AuditCursor, AuditQuery, AuditRecord, jobs::NUMBERED_AT_ONCE};
use serde::Serialize;
use serde_json::Value;

use crate::{cli, failure::Failure, installation::Installation, output::Output};

/// What is printed of a line. The names are stable.
#[derive(Serialize)]
struct Shown<'a> {
    id: String,
    at: String,
    action: &'a str,
    actor: &'a str,
    directory_id: Option<&'a str>,
    subject: Option<String>,
    detail: &'a Value,
    /// Its number among the tenant's lines; null for a moment after it was written.
    seq: Option<i64>,
}

/// What people are shown of it.
#[derive(Serialize)]
struct Brief<'a> {
    at: String,
    action: &'a str,
    actor: &'a str,
    directory_id: Option<&'a str>,
    subject: Option<String>,
    detail: String,
}

pub(super) async fn run(command: cli::Audit, installation: &Installation, output: &Output) -> Result<(), Failure> {
    let cli::Audit::List { tenant, since, directory, limit, after, before } = command;
    let scope = installation.tenant(&tenant).await?;
    let directory = match directory {
        Some(directory) => {
            let choice = cli::DirectoryChoice { tenant: tenant.clone(), directory };
            Some(installation.directory(&choice).await?.1.id)
        }
        None => None,
    };
    let now = installation.clock.now();
    let query = AuditQuery {
        since: since.map_or(Ok(Timestamp::from_micros(0)), |since| since.moment(now))?,
        directory,
        after: after.as_deref().map(place).transpose()?,
        before: before.as_deref().map(place).transpose()?,
        limit,
    };
    // A worker does so too, if there is one.
    let jobs = installation.store.jobs(&JobScope::of_service("command-line"));
    while jobs.number_audit(NUMBERED_AT_ONCE).await? > 0 {}
    let records = installation.store.tenant(&scope).audit(&query).await.map_err(|error| match error {
        StoreError::NotFound => Failure::told(format!(
            "the audit of \"{tenant}\" has no line with the id \"{}\"; --output json prints them",
            after.as_deref().or(before.as_deref()).unwrap_or_default()
        )),
        error => error.into(),
    })?;
    let directories = installation.store.tenant(&scope).directories().await?;
    let names: BTreeMap<_, _> =
        directories.iter().map(|directory| (directory.id, directory.directory_id.as_str())).collect();
    let name = |record: &AuditRecord| record.directory.and_then(|id| names.get(&id).copied());
    let shown: Vec<Shown<'_>> = records.iter().map(|record| Shown::of(record, name(record))).collect();
    let brief: Vec<Brief<'_>> = records.iter().map(|record| Brief::of(record, name(record))).collect();
    output.many_brief(&shown, &brief, "Nothing is in the audit that was asked for.");
    if !forwards(&query)
        && records.len() as u64 == u64::from(limit)
        && let Some(first) = records.first()
    {
        output.say(&format!("There may be earlier lines: --before {}", first.id));
    }
    Ok(())
}

const fn forwards(query: &AuditQuery) -> bool {
    query.after.is_some()
}

fn place(text: &str) -> Result<AuditCursor, Failure> {
    let seq = text.parse().map(AuditCursor::Seq);
    seq.or_else(|_| text.parse().map(AuditCursor::Line)).map_err(|_| {
        Failure::told(format!("\"{text}\" is neither the id nor the number of a line; --output json prints both"))
    })
}

/// What a line is about, by the id that commands take.
fn subject(text: &str) -> String {
    let client = text.strip_prefix("oauth_client:").and_then(|id| id.parse().ok());
    client.map_or_else(|| text.to_owned(), |id| format!("oauth_client:{}", ClientId(id)))
}

impl<'a> Shown<'a> {
    fn of(record: &'a AuditRecord, directory_id: Option<&'a str>) -> Self {
        Self {
            id: record.id.to_string(),
            at: record.at.to_string(),
            action: &record.action,
            actor: &record.actor,
            directory_id,
            subject: record.subject.as_deref().map(subject),
            detail: &record.detail,
            seq: record.seq,
        }
    }
}

impl<'a> Brief<'a> {
    fn of(record: &'a AuditRecord, directory_id: Option<&'a str>) -> Self {
        let Shown { at, action, actor, directory_id, subject, .. } = Shown::of(record, directory_id);
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let detail = match &record.detail {
            Value::Object(fields) => {
                let said = fields.iter().filter(|(_, value)| !value.is_null());
                said.map(|(name, value)| format!("{name}={}", plain(value))).collect::<Vec<_>>().join(" ")
            }
            other => other.to_string(),
        };
        Self { at, action, actor, directory_id, subject, detail }
    }
}
