//! `rollcall tenant …`.

use rollcall_base::TenantSlug;
use rollcall_store::{ControlError, TenantRecord};
use serde::Serialize;

use super::policy;
use crate::{cli, failure::Failure, installation::Installation, output::Output};

/// What is printed of a tenant. The names are stable.
#[derive(Serialize)]
struct Shown {
    tenant: String,
    name: String,
    tenant_id: String,
    created_at: String,
}

impl From<TenantRecord> for Shown {
    fn from(record: TenantRecord) -> Self {
        Self {
            tenant: record.slug,
            name: record.name,
            tenant_id: record.id.to_string(),
            created_at: record.created_at.to_string(),
        }
    }
}

/// The longest name for people, in characters.
const LONGEST_NAME: usize = 200;

pub(super) async fn run(command: cli::Tenant, installation: &Installation, output: &Output) -> Result<(), Failure> {
    let store = installation.store.operator(&installation.operator);
    match command {
        cli::Tenant::Create { slug, name } => {
            let slug: TenantSlug = slug.parse()?;
            let name = name.trim();
            if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
                return Err(Failure::told(format!("a tenant's name has 1 to {LONGEST_NAME} characters on one line")));
            }
            let created = store.create_tenant(slug.as_ref(), name).await.map_err(|error| match error {
                ControlError::Taken { .. } => {
                    Failure::told(format!("there is a tenant \"{slug}\" already; `rollcall tenant list` shows all"))
                }
                other => other.into(),
            })?;
            output.one(&Shown::from(created));
        }
        cli::Tenant::Policy(command) => policy::run(command, installation, output).await?,
        cli::Tenant::List => {
            let tenants: Vec<Shown> = store.tenants().await?.into_iter().map(Shown::from).collect();
            output.many(&tenants, "There is no tenant yet. Add one: rollcall tenant create --slug acme --name Acme");
        }
    }
    Ok(())
}
