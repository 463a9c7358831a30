-- OAuth clients (RFC 6749 §4.4). secret_hash: argon2id, as a PHC string. ladder_at: as that of a credential, below.
CREATE TABLE oauth_client (
    id {id} NOT NULL PRIMARY KEY,
    tenant_id {id} NOT NULL REFERENCES tenant (id),
    directory_id {id} NOT NULL REFERENCES directory (id),
    secret_hash text NOT NULL,
    scopes integer NOT NULL,
    networks text,
    observes_networks boolean NOT NULL,
    label text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint,
    ladder_at bigint NOT NULL DEFAULT 0
);
CREATE INDEX oauth_client_directory ON oauth_client (tenant_id, directory_id);
CREATE INDEX oauth_client_ladder ON oauth_client (ladder_at);

-- scopes: bits; without them may_write says it. may_write stays true only for credentials that may do everything, so that
-- with the version before nobody changes more than he may. That version lets all others read everything, from anywhere, until
-- they expire.
ALTER TABLE credential ADD COLUMN scopes integer;
ALTER TABLE credential ADD COLUMN networks text;
ALTER TABLE credential ADD COLUMN observes_networks boolean;
-- The OAuth client that an access token was issued to.
ALTER TABLE credential ADD COLUMN oauth_client_id {id} REFERENCES oauth_client (id);
-- A token that another one takes the place of: since when, how long that one must have been in use (microseconds), since
-- when it is, and the moment from which on this one is refused.
ALTER TABLE credential ADD COLUMN replaced_by {id};
ALTER TABLE credential ADD COLUMN rotated_at bigint;
ALTER TABLE credential ADD COLUMN overlap bigint;
ALTER TABLE credential ADD COLUMN in_use_since bigint;
ALTER TABLE credential ADD COLUMN retires_at bigint;
-- When the job that warns of its end next has to look at it. 0, which it is for whatever does not know of the column: now.
ALTER TABLE credential ADD COLUMN ladder_at bigint NOT NULL DEFAULT 0;
CREATE INDEX credential_oauth_client ON credential (oauth_client_id, expires_at) WHERE oauth_client_id IS NOT NULL;
CREATE INDEX credential_replaced_by ON credential (replaced_by) WHERE replaced_by IS NOT NULL;
CREATE INDEX credential_expires ON credential (expires_at);
CREATE INDEX credential_ladder ON credential (ladder_at);

-- What a tenant decided for itself. Without a row, the defaults hold. Days, seconds.
CREATE TABLE tenant_policy (
    tenant_id {id} NOT NULL PRIMARY KEY REFERENCES tenant (id),
    token_days integer NOT NULL,
    longest_token_days integer NOT NULL,
    rotation_overlap_seconds bigint NOT NULL,
    rotation_deadline_seconds bigint NOT NULL
);

-- The first and the last use of each credential.
CREATE TABLE credential_use (
    directory_id {id} NOT NULL,
    credential_id {id} NOT NULL,
    first_used_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    last_address text NOT NULL,
    last_agent text NOT NULL,
    PRIMARY KEY (directory_id, credential_id)
);

-- What each credential was used for, by the hour and where it came from.
CREATE TABLE credential_activity (
    directory_id {id} NOT NULL,
    credential_id {id} NOT NULL,
    hour bigint NOT NULL,
    address {key} NOT NULL,
    agent {key} NOT NULL,
    outside boolean NOT NULL,
    reads bigint NOT NULL,
    writes bigint NOT NULL,
    last_at bigint NOT NULL,
    PRIMARY KEY (directory_id, credential_id, hour, address, agent)
);
CREATE INDEX credential_activity_age ON credential_activity (hour);

-- Uses that were refused, by the day. credential_id: all zeros where it is not known.
CREATE TABLE refused_use (
    directory_id {id} NOT NULL,
    day bigint NOT NULL,
    reason {key} NOT NULL,
    credential_id {id} NOT NULL,
    address {key} NOT NULL,
    agent text NOT NULL,
    times bigint NOT NULL,
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    PRIMARY KEY (directory_id, day, reason, credential_id, address)
);
CREATE INDEX refused_use_age ON refused_use (day);

-- What happened to a tenant's directories and credentials, in the order of its ids: the audit's lines, and the events of
-- whoever wants to hear of them. once: what makes a second one of the same thing impossible. detail: JSON.
CREATE TABLE audit (
    id {id} NOT NULL PRIMARY KEY,
    tenant_id {id} NOT NULL REFERENCES tenant (id),
    directory_id {id},
    at bigint NOT NULL,
    actor text NOT NULL,
    action {key} NOT NULL,
    subject text,
    once {key},
    detail text NOT NULL
);
CREATE INDEX audit_tenant ON audit (tenant_id, id);
CREATE UNIQUE INDEX audit_once ON audit (tenant_id, once) WHERE once IS NOT NULL;
