-- How far a directory's setup has come; state says the same unless something stands above it (frozen, disabled, archived).
-- Without it: what state says, else submitted. The version before takes a state that it does not know for an open directory.
ALTER TABLE directory ADD COLUMN stage text;
ALTER TABLE directory ADD COLUMN is_frozen boolean;
-- What its admin decided, as JSON. Without it the defaults hold.
ALTER TABLE directory ADD COLUMN policies text;
-- Which client profile it was made with. Without it: the first of its client kind.
ALTER TABLE directory ADD COLUMN client_profile text;

-- When the first and the last change of a directory were accepted.
ALTER TABLE event_counter ADD COLUMN first_change_at bigint;
ALTER TABLE event_counter ADD COLUMN last_change_at bigint;

-- The first and the last time that a directory's client was let in.
CREATE TABLE directory_contact (
    directory_id {id} NOT NULL PRIMARY KEY,
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    last_address text NOT NULL,
    last_agent text NOT NULL
);

-- What was tolerated of a directory's client, by the day.
CREATE TABLE tolerated_use (
    directory_id {id} NOT NULL,
    day bigint NOT NULL,
    what {key} NOT NULL,
    times bigint NOT NULL,
    last_at bigint NOT NULL,
    PRIMARY KEY (directory_id, day, what)
);
CREATE INDEX tolerated_use_age ON tolerated_use (day);

-- Names that users had before: for lookups alone.
CREATE TABLE former_name (
    directory_id {id} NOT NULL,
    name_key {key} NOT NULL,
    resource_id {id} NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (directory_id, name_key, resource_id),
    FOREIGN KEY (directory_id, resource_id) REFERENCES resource (directory_id, id) ON DELETE CASCADE
) {key order};
CREATE INDEX former_name_resource ON former_name (directory_id, resource_id, until);

-- By what a deleted resource is found again, and what else of it stood beside its document: what active last said, and its
-- former names as a JSON list of [name_key, until]. Those that were deleted before have none of it.
ALTER TABLE deleted_resource ADD COLUMN name_key {key};
ALTER TABLE deleted_resource ADD COLUMN external_id {key};
ALTER TABLE deleted_resource ADD COLUMN active boolean;
ALTER TABLE deleted_resource ADD COLUMN former_names text;
-- From this moment on it is erased; without it, 30 days after it was deleted.
ALTER TABLE deleted_resource ADD COLUMN erase_at bigint;
-- Being erased: its events up to this version hold no values any more.
ALTER TABLE deleted_resource ADD COLUMN erased_to bigint;
CREATE INDEX deleted_resource_name ON deleted_resource (directory_id, kind, name_key);
CREATE INDEX deleted_resource_recent ON deleted_resource (directory_id, deleted_at, id);
CREATE INDEX deleted_resource_erase ON deleted_resource (erase_at) WHERE erase_at IS NOT NULL;

-- Whom a client put into a group who is no live resource of the directory, where the policy is to skip them: the last ones
-- of each group.
CREATE TABLE skipped_member (
    directory_id {id} NOT NULL,
    group_id {id} NOT NULL,
    member_id {key} NOT NULL,
    times bigint NOT NULL,
    last_at bigint NOT NULL,
    PRIMARY KEY (directory_id, group_id, member_id),
    FOREIGN KEY (directory_id, group_id) REFERENCES resource (directory_id, id) ON DELETE CASCADE
) {key order};
