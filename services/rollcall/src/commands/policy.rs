//! `rollcall tenant policy`.

use std::time::Duration;

use rollcall_tokens::{PolicyChange, TenantPolicy};
use serde::Serialize;

use crate::{cli, failure::Failure, installation::Installation, output::Output};

/// What is printed of a policy. The names are stable.
#[derive(Serialize)]
struct Shown {
    tenant: String,
    token_days: u32,
    longest_token_days: u32,
    rotation_overlap: String,
    rotation_overlap_seconds: u64,
    rotation_deadline: String,
    rotation_deadline_seconds: u64,
}

fn text(span: Duration) -> String {
    humantime::format_duration(span).to_string()
}

impl Shown {
    fn of(tenant: String, policy: &TenantPolicy) -> Self {
        Self {
            tenant,
            token_days: policy.token_days,
            longest_token_days: policy.longest_token_days,
            rotation_overlap: text(policy.rotation_overlap),
            rotation_overlap_seconds: policy.rotation_overlap.as_secs(),
            rotation_deadline: text(policy.rotation_deadline),
            rotation_deadline_seconds: policy.rotation_deadline.as_secs(),
        }
    }
}

pub(super) async fn run(command: cli::Policy, installation: &Installation, output: &Output) -> Result<(), Failure> {
    let scope = installation.tenant(&command.tenant).await?;
    let tokens = installation.tokens().await?;
    let change = PolicyChange {
        token_days: command.token_days,
        longest_token_days: command.longest_token_days,
        rotation_overlap: command.rotation_overlap,
        rotation_deadline: command.rotation_deadline,
    };
    let asks_only = change.token_days.is_none()
        && change.longest_token_days.is_none()
        && change.rotation_overlap.is_none()
        && change.rotation_deadline.is_none();
    let policy = if asks_only {
        tokens.policy(&scope).await?
    } else {
        let policy = tokens.change_policy(&scope, change).await?;
        output.say(
            "This holds for tokens that are issued or rotated from now on; those that there are stay as they are. Rotate \
             them to bring them under it.",
        );
        policy
    };
    output.one(&Shown::of(command.tenant, &policy));
    Ok(())
}
