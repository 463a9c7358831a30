//! The tables by how they can be distributed over several machines. A new table must be named here.

/// What belongs to one directory. Every key begins with `directory_id`, by which they are distributed.
pub const OF_DIRECTORIES: &[&str] = &[
    "resource",
    "attribute",
    "claim",
    "member_set",
    "member",
    "deleted_resource",
    "outbox",
    "event",
    "event_member",
    "event_counter",
    "tally",
    "credential_use",
    "credential_activity",
    "refused_use",
    "former_name",
    "past_access_token",
    "skipped_member",
    "directory_contact",
    "tolerated_use",
];

/// The few others: small, read often, the same on every machine.
pub const REFERENCE: &[&str] = &[
    "tenant",
    "directory",
    "directory_key",
    "data_key",
    "credential",
    "oauth_client",
    "tenant_policy",
    "audit",
    "use_reporter",
    "job_lock",
    "migration_lease",
    "seaql_migrations",
];
