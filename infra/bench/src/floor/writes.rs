//! Writes: one transaction each, which leaves the rows that the service leaves.

use actix_web::{HttpResponse, web};
use rollcall_base::{Clock as _, Id, SystemClock, SystemEntropy, Timestamp, marker::Resource};
use serde_json::json;
use sqlx::{PgPool, PgTransaction};
use uuid::Uuid;

use super::{
    FloorError,
    answer::{self, Shown},
    body::{Group, Patch, User, changes},
};

type Db = web::Data<PgPool>;
type Answer = Result<HttpResponse, FloorError>;

const RESOURCE: &str = "INSERT INTO resource (directory_id, id, kind, name_key, display, external_id, active, version, \
                        created_at, modified_at, document) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8, $9)";
const ATTRIBUTE: &str = "INSERT INTO attribute (directory_id, attribute_id, value_key, resource_id) \
                         SELECT $1, attribute_id, value_key, $2 FROM UNNEST($3::int[], $4::text[]) \
                         AS given (attribute_id, value_key)";
const OUTBOX: &str = "INSERT INTO outbox (directory_id, resource_id, version, previous_version, kind, operation, delta, \
                      actor, request_id, at, password_sent, changes) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, false, $11)";
const PATCH_USER: &str = "UPDATE resource SET active = $3, version = version + 1, modified_at = $4, document = \
                          regexp_replace(regexp_replace(document, '\"title\":\"[^\"]*\"', $5), \
                          '\"active\":(true|false)', $6) WHERE directory_id = $1 AND id = $2 AND kind = 1 \
                          RETURNING id, version, created_at, modified_at, document";
const UNINDEX: &str = "DELETE FROM attribute WHERE directory_id = $1 AND resource_id = $2 AND attribute_id IN (6, 12)";
const TOUCH: &str = "UPDATE resource SET version = version + 1, modified_at = $3 WHERE directory_id = $1 AND id = $2 \
                     AND kind = 2 RETURNING version";
const ADD: &str = "INSERT INTO member (directory_id, group_id, member_id, member_kind) \
                   SELECT $1, $2, member_id, 1 FROM UNNEST($3::uuid[]) AS given (member_id)";
const REMOVE: &str = "DELETE FROM member WHERE directory_id = $1 AND group_id = $2 AND member_id = ANY($3)";
const EVENT_MEMBER: &str = "INSERT INTO event_member (directory_id, resource_id, version, chunk, added, removed) \
                            VALUES ($1, $2, $3, 0, $4, $5)";

pub(super) async fn create_user(db: Db, path: web::Path<Uuid>, body: String) -> Answer {
    let (user, now): (User, _) = (serde_json::from_str(&body)?, SystemClock.now());
    let (directory, id) = (*path, Id::<Resource>::new(now, &SystemEntropy).as_uuid());
    let mut transaction = db.begin().await?;
    sqlx::query(RESOURCE)
        .bind(directory)
        .bind(id)
        .bind(1_i16)
        .bind(user.user_name.to_lowercase())
        .bind(&user.display_name)
        .bind(&user.external_id)
        .bind(true)
        .bind(now.as_micros())
        .bind(&body)
        .execute(&mut *transaction)
        .await?;
    let (attributes, values) = user.indexed();
    sqlx::query(ATTRIBUTE).bind(directory).bind(id).bind(attributes).bind(values).execute(&mut *transaction).await?;
    let change = Change { directory, id, version: 1, kind: 1, now, changes: changes("null", &body) };
    change.write(&mut transaction).await?;
    transaction.commit().await?;
    let at = now.as_micros();
    let shown = Shown { id, version: 1, created_at: at, modified_at: at, document: body, groups: None };
    Ok(answer::one(HttpResponse::Created(), "User", &shown))
}

pub(super) async fn patch_user(db: Db, path: web::Path<(Uuid, Uuid)>, body: String) -> Answer {
    let (patch, now): (Patch, _) = (serde_json::from_str(&body)?, SystemClock.now());
    let (directory, id) = *path;
    let (title, active) = (patch.text(0), patch.text(1) == "True");
    let mut transaction = db.begin().await?;
    let row = sqlx::query(PATCH_USER)
        .bind(directory)
        .bind(id)
        .bind(active)
        .bind(now.as_micros())
        .bind(format!("\"title\":\"{title}\""))
        .bind(format!("\"active\":{active}"))
        .fetch_one(&mut *transaction)
        .await?;
    let shown = Shown::read(&row)?;
    sqlx::query(UNINDEX).bind(directory).bind(id).execute(&mut *transaction).await?;
    sqlx::query(ATTRIBUTE)
        .bind(directory)
        .bind(id)
        .bind(vec![6, 12])
        .bind(vec![title.to_lowercase(), active.to_string()])
        .execute(&mut *transaction)
        .await?;
    let change = Change { directory, id, version: shown.version, kind: 1, now, changes: changes("null", &body) };
    change.write(&mut transaction).await?;
    transaction.commit().await?;
    Ok(answer::one(HttpResponse::Ok(), "User", &shown))
}

pub(super) async fn create_group(db: Db, path: web::Path<Uuid>, body: String) -> Answer {
    let (group, now): (Group, _) = (serde_json::from_str(&body)?, SystemClock.now());
    let (directory, id) = (*path, Id::<Resource>::new(now, &SystemEntropy).as_uuid());
    let mut transaction = db.begin().await?;
    sqlx::query(RESOURCE)
        .bind(directory)
        .bind(id)
        .bind(2_i16)
        .bind(group.display_name.to_lowercase())
        .bind(&group.display_name)
        .bind(&group.external_id)
        .bind(None::<bool>)
        .bind(now.as_micros())
        .bind(&body)
        .execute(&mut *transaction)
        .await?;
    let claim = "INSERT INTO claim (directory_id, attribute_id, value_key, resource_id) VALUES ($1, 0, $2, $3)";
    sqlx::query(claim).bind(directory).bind(&group.external_id).bind(id).execute(&mut *transaction).await?;
    let anchor = "INSERT INTO member_set (directory_id, group_id) VALUES ($1, $2)";
    sqlx::query(anchor).bind(directory).bind(id).execute(&mut *transaction).await?;
    let change = Change { directory, id, version: 1, kind: 2, now, changes: changes("null", &body) };
    change.write(&mut transaction).await?;
    transaction.commit().await?;
    let at = now.as_micros();
    let shown = Shown { id, version: 1, created_at: at, modified_at: at, document: body, groups: None };
    Ok(answer::one(HttpResponse::Created(), "Group", &shown))
}

pub(super) async fn patch_group(db: Db, path: web::Path<(Uuid, Uuid)>, body: String) -> Answer {
    let (patch, now): (Patch, _) = (serde_json::from_str(&body)?, SystemClock.now());
    let (directory, id) = *path;
    let (members, come) = patch.members();
    let mut transaction = db.begin().await?;
    let touched = sqlx::query_scalar(TOUCH).bind(directory).bind(id).bind(now.as_micros());
    let version: i64 = touched.fetch_one(&mut *transaction).await?;
    let changed = if come { ADD } else { REMOVE };
    sqlx::query(changed).bind(directory).bind(id).bind(&members).execute(&mut *transaction).await?;
    let change = Change { directory, id, version, kind: 2, now, changes: "[]".to_owned() };
    change.write(&mut transaction).await?;
    let (named, none) = (json!(members).to_string(), "[]".to_owned());
    let (added, removed) = if come { (named, none) } else { (none, named) };
    sqlx::query(EVENT_MEMBER)
        .bind(directory)
        .bind(id)
        .bind(version)
        .bind(added)
        .bind(removed)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(HttpResponse::NoContent().insert_header(("etag", format!("W/\"{version}\""))).finish())
}

/// The row in the outbox.
struct Change {
    directory: Uuid,
    id: Uuid,
    version: i64,
    kind: i16,
    now: Timestamp,
    changes: String,
}

impl Change {
    async fn write(self, transaction: &mut PgTransaction<'_>) -> Result<(), sqlx::Error> {
        let created = self.version == 1;
        sqlx::query(OUTBOX)
            .bind(self.directory)
            .bind(self.id)
            .bind(self.version)
            .bind((!created).then_some(self.version - 1))
            .bind(self.kind)
            .bind(if created { 1_i16 } else { 2 })
            .bind(i16::from(created))
            .bind("credential:019aa111-0000-7000-8000-000000000000")
            .bind("019aa111-0000-7000-8000-000000000000")
            .bind(self.now.as_micros())
            .bind(self.changes)
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }
}
