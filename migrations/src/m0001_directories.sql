CREATE TABLE tenant (
    id {id} NOT NULL PRIMARY KEY,
    slug {key} NOT NULL,
    name text NOT NULL,
    created_at bigint NOT NULL
);
CREATE UNIQUE INDEX tenant_slug ON tenant (slug);

CREATE TABLE directory (
    id {id} NOT NULL PRIMARY KEY,
    tenant_id {id} NOT NULL REFERENCES tenant (id),
    directory_id text NOT NULL,
    directory_name text NOT NULL,
    client_kind text NOT NULL,
    state text NOT NULL,
    created_at bigint NOT NULL
);
CREATE INDEX directory_tenant ON directory (tenant_id);

-- Directory IDs, Directory Names and their former values, case-folded: one namespace a tenant.
CREATE TABLE directory_key (
    tenant_id {id} NOT NULL REFERENCES tenant (id),
    name_key {key} NOT NULL,
    directory_id {id} NOT NULL REFERENCES directory (id),
    PRIMARY KEY (tenant_id, name_key)
) {key order};
CREATE INDEX directory_key_directory ON directory_key (directory_id);

CREATE TABLE data_key (
    id {id} NOT NULL PRIMARY KEY,
    tenant_id {id} NOT NULL REFERENCES tenant (id),
    purpose {key} NOT NULL,
    generation integer NOT NULL,
    wrapped {bytes} NOT NULL,
    created_at bigint NOT NULL
);
CREATE UNIQUE INDEX data_key_generation ON data_key (tenant_id, purpose, generation);

CREATE TABLE credential (
    id {id} NOT NULL PRIMARY KEY,
    tenant_id {id} NOT NULL REFERENCES tenant (id),
    directory_id {id} NOT NULL REFERENCES directory (id),
    data_key_id {id} NOT NULL REFERENCES data_key (id),
    hash {bytes} NOT NULL,
    may_write boolean NOT NULL,
    label text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint
);
CREATE INDEX credential_directory ON credential (tenant_id, directory_id);

-- Live resources only. No foreign key to directory: every insert would lock the directory's one row.
-- name_key: userName of users (unique), displayName of groups. Kind 1 is users, 2 is groups.
CREATE TABLE resource (
    directory_id {id} NOT NULL,
    id {id} NOT NULL,
    kind smallint NOT NULL,
    name_key {key} NOT NULL,
    display text,
    external_id {key},
    active boolean,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    document text NOT NULL,
    PRIMARY KEY (directory_id, id)
);
CREATE UNIQUE INDEX resource_user_name ON resource (directory_id, name_key) WHERE kind = 1;
CREATE INDEX resource_page ON resource (directory_id, kind, id);
CREATE INDEX resource_name ON resource (directory_id, kind, name_key, id);
CREATE INDEX resource_external_id ON resource (directory_id, kind, external_id, id);
CREATE INDEX resource_created ON resource (directory_id, kind, created_at, id);
CREATE INDEX resource_modified ON resource (directory_id, kind, modified_at, id);

-- The values of indexed attributes.
CREATE TABLE attribute (
    directory_id {id} NOT NULL,
    attribute_id integer NOT NULL,
    value_key {key} NOT NULL,
    resource_id {id} NOT NULL,
    PRIMARY KEY (directory_id, attribute_id, value_key, resource_id),
    FOREIGN KEY (directory_id, resource_id) REFERENCES resource (directory_id, id) ON DELETE CASCADE
) {key order};
CREATE INDEX attribute_resource ON attribute (directory_id, resource_id);

-- Values that only one resource may have, other than userName.
CREATE TABLE claim (
    directory_id {id} NOT NULL,
    attribute_id integer NOT NULL,
    value_key {key} NOT NULL,
    resource_id {id} NOT NULL,
    PRIMARY KEY (directory_id, attribute_id, value_key),
    FOREIGN KEY (directory_id, resource_id) REFERENCES resource (directory_id, id) ON DELETE CASCADE
) {key order};
CREATE INDEX claim_resource ON claim (directory_id, resource_id);

-- What a group's members hang on. It outlives the group's resource row until the purge, so that deleting a group is
-- done at once whatever its size.
CREATE TABLE member_set (
    directory_id {id} NOT NULL,
    group_id {id} NOT NULL,
    PRIMARY KEY (directory_id, group_id)
) {key order};

CREATE TABLE member (
    directory_id {id} NOT NULL,
    group_id {id} NOT NULL,
    member_id {id} NOT NULL,
    member_kind smallint NOT NULL,
    PRIMARY KEY (directory_id, group_id, member_id),
    FOREIGN KEY (directory_id, group_id) REFERENCES member_set (directory_id, group_id),
    FOREIGN KEY (directory_id, member_id) REFERENCES resource (directory_id, id)
) {key order};
CREATE INDEX member_of ON member (directory_id, member_id, group_id);
-- Groups in groups, upwards and downwards: empty in most directories, and then the walk costs nothing.
CREATE INDEX member_nested ON member (directory_id, member_id, group_id) WHERE member_kind = 2;
CREATE INDEX member_nesting ON member (directory_id, group_id, member_id) WHERE member_kind = 2;

-- Deleted resources, whole, until the purge. member_of: a JSON list of the groups that it was in.
CREATE TABLE deleted_resource (
    directory_id {id} NOT NULL,
    id {id} NOT NULL,
    kind smallint NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    modified_at bigint NOT NULL,
    deleted_at bigint NOT NULL,
    member_of text NOT NULL,
    document text NOT NULL,
    PRIMARY KEY (directory_id, id)
);
CREATE INDEX deleted_resource_age ON deleted_resource (deleted_at);

-- One row a change, written in the change's transaction; the sequencer moves it to event.
CREATE TABLE outbox (
    directory_id {id} NOT NULL,
    resource_id {id} NOT NULL,
    version bigint NOT NULL,
    previous_version bigint,
    kind smallint NOT NULL,
    operation smallint NOT NULL,
    delta smallint NOT NULL,
    actor text NOT NULL,
    request_id text NOT NULL,
    at bigint NOT NULL,
    password_sent boolean NOT NULL,
    changes text NOT NULL,
    PRIMARY KEY (directory_id, resource_id, version)
);
CREATE INDEX outbox_order ON outbox (at);

CREATE TABLE event (
    directory_id {id} NOT NULL,
    seq bigint NOT NULL,
    resource_id {id} NOT NULL,
    version bigint NOT NULL,
    previous_version bigint,
    kind smallint NOT NULL,
    operation smallint NOT NULL,
    actor text NOT NULL,
    request_id text NOT NULL,
    at bigint NOT NULL,
    password_sent boolean NOT NULL,
    changes text NOT NULL,
    PRIMARY KEY (directory_id, seq)
);
CREATE UNIQUE INDEX event_resource ON event (directory_id, resource_id, version);

-- Members that came and went with a change, as JSON lists of bounded length.
CREATE TABLE event_member (
    directory_id {id} NOT NULL,
    resource_id {id} NOT NULL,
    version bigint NOT NULL,
    chunk integer NOT NULL,
    added text NOT NULL,
    removed text NOT NULL,
    PRIMARY KEY (directory_id, resource_id, version, chunk)
);

-- The last number given to an event, and how many live resources the numbered events leave.
CREATE TABLE event_counter (
    directory_id {id} NOT NULL PRIMARY KEY,
    last_seq bigint NOT NULL
);
CREATE TABLE tally (
    directory_id {id} NOT NULL,
    kind smallint NOT NULL,
    live bigint NOT NULL,
    PRIMARY KEY (directory_id, kind)
);

-- A row each for jobs of which only one may run at a time: it is locked by the running one's transaction.
CREATE TABLE job_lock (
    name {key} NOT NULL PRIMARY KEY,
    taken_at bigint NOT NULL
);
