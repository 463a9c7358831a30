-- The place of a line in its tenant's audit: 1, 2, 3 …, given after the commit, so that whoever reads on from the last number
-- that he saw misses nothing. Null: it has none yet.
ALTER TABLE audit ADD COLUMN seq bigint;
CREATE UNIQUE INDEX audit_seq ON audit (tenant_id, seq);
CREATE INDEX audit_waiting ON audit (tenant_id, id) WHERE seq IS NULL;

-- The last report of use that is kept of each gateway process, and when it came: what is sent again is known by it.
CREATE TABLE use_reporter (
    id {id} NOT NULL PRIMARY KEY,
    last_seq bigint NOT NULL,
    at bigint NOT NULL
);

-- The OAuth client whom a refused use concerns: who asked for an access token, or whose access token it was.
ALTER TABLE refused_use ADD COLUMN oauth_client_id {id};

-- Access tokens whose records were erased: whose they were, so that their changes are found. What else is known of their use
-- goes over to their client, whose id then stands in credential_activity.
CREATE TABLE past_access_token (
    directory_id {id} NOT NULL,
    credential_id {id} NOT NULL,
    oauth_client_id {id} NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (directory_id, credential_id)
);
CREATE INDEX past_access_token_age ON past_access_token (expires_at);
