//! What is printed of tokens. The names are stable.

use rollcall_access::Scopes;
use rollcall_tokens::{DirectoryRecord, TokenStatus};
use serde::Serialize;

/// What is printed of a token once it was issued: never the token.
#[derive(Serialize)]
pub(super) struct Shown {
    pub(super) token_id: String,
    pub(super) directory_id: String,
    pub(super) label: String,
    pub(super) read_only: bool,
    pub(super) scopes: String,
    pub(super) networks: Option<String>,
    pub(super) observes_networks: bool,
    pub(super) state: &'static str,
    pub(super) created_at: String,
    pub(super) expires_at: String,
    /// When it ends if nobody does anything: it expires or retires.
    pub(super) ends_at: String,
    pub(super) expires_in_days: Option<u64>,
    pub(super) expiry_warning: Option<u32>,
    pub(super) revoked_at: Option<String>,
    pub(super) replaced_by: Option<String>,
    pub(super) rotated_at: Option<String>,
    pub(super) replacement_in_use_since: Option<String>,
    pub(super) retires_at: Option<String>,
    pub(super) first_used_at: Option<String>,
    pub(super) last_used_at: Option<String>,
    pub(super) last_used_from: Option<String>,
    pub(super) last_used_by: Option<String>,
}

impl Shown {
    pub(super) fn of(status: &TokenStatus, directory: &DirectoryRecord) -> Self {
        let (record, used, rotation) = (&status.record, status.used.as_ref(), status.record.rotation);
        Self {
            token_id: record.id.to_string(),
            directory_id: directory.directory_id.clone(),
            label: record.label.clone(),
            read_only: Scopes::READ.contain(record.scopes),
            scopes: record.scopes.to_string(),
            networks: record.networks.as_ref().map(|allowed| allowed.networks.to_string()),
            observes_networks: record.networks.as_ref().is_some_and(|allowed| allowed.observe),
            state: status.state.as_str(),
            created_at: record.created_at.to_string(),
            expires_at: record.expires_at.to_string(),
            ends_at: record.ends_at().to_string(),
            expires_in_days: status.expires_in_days,
            expiry_warning: status.expiry_warning,
            revoked_at: record.revoked_at.map(|at| at.to_string()),
            replaced_by: rotation.map(|rotation| rotation.replaced_by.to_string()),
            rotated_at: rotation.map(|rotation| rotation.rotated_at.to_string()),
            replacement_in_use_since: rotation.and_then(|rotation| rotation.in_use_since).map(|at| at.to_string()),
            retires_at: rotation.map(|rotation| rotation.retires_at.to_string()),
            first_used_at: used.map(|used| used.first_at.to_string()),
            last_used_at: used.map(|used| used.at.to_string()),
            last_used_from: used.map(|used| used.address.clone()),
            last_used_by: used.map(|used| used.agent.clone()),
        }
    }
}

/// What people are shown of each of several.
#[derive(Serialize)]
pub(super) struct Brief<'a> {
    token_id: &'a str,
    directory_id: &'a str,
    label: &'a str,
    state: &'a str,
    ends_at: &'a str,
    days: Option<u64>,
    last_used_at: Option<&'a str>,
    from: Option<&'a str>,
}

impl<'a> Brief<'a> {
    pub(super) fn of(shown: &'a Shown) -> Self {
        Self {
            token_id: &shown.token_id,
            directory_id: &shown.directory_id,
            label: &shown.label,
            state: shown.state,
            ends_at: shown.revoked_at.as_deref().unwrap_or(&shown.ends_at),
            days: shown.expires_in_days,
            last_used_at: shown.last_used_at.as_deref(),
            from: shown.last_used_from.as_deref(),
        }
    }
}
