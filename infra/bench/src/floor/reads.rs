//! Reads: one statement each, by the index that the service uses.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    FloorError,
    answer::{self, Shown},
};

type Db = web::Data<PgPool>;
type Answer = Result<HttpResponse, FloorError>;

/// A resource's columns.
macro_rules! columns {
    () => {
        "SELECT r.id, r.version, r.created_at, r.modified_at, r.document"
    };
}

/// A user's direct groups, as they are shown: in the same statement, so that it stays one.
macro_rules! groups {
    () => {
        ", (SELECT json_agg(json_build_object('value', g.id, '$ref', \
         'http://127.0.0.1:10000/scim/bench/people/v2/Groups/' || g.id, 'type', 'direct', 'display', g.display))::text \
         FROM member m JOIN resource g ON g.directory_id = m.directory_id AND g.id = m.group_id \
         WHERE m.directory_id = r.directory_id AND m.member_id = r.id) AS groups"
    };
}

const USER: &str = concat!(columns!(), " FROM resource r WHERE r.directory_id = $1 AND r.id = $2 AND r.kind = 1");
const GROUP: &str = concat!(columns!(), " FROM resource r WHERE r.directory_id = $1 AND r.id = $2 AND r.kind = 2");
const USER_WITH_GROUPS: &str =
    concat!(columns!(), groups!(), " FROM resource r WHERE r.directory_id = $1 AND r.id = $2 AND r.kind = 1");
const USER_BY_NAME: &str =
    concat!(columns!(), " FROM resource r WHERE r.directory_id = $1 AND r.name_key = $2 AND r.kind = 1");
const GROUP_BY_NAME: &str =
    concat!(columns!(), " FROM resource r WHERE r.directory_id = $1 AND r.name_key = $2 AND r.kind = 2");
const PAGE: &str = concat!(
    columns!(),
    groups!(),
    " FROM resource r WHERE r.directory_id = $1 AND r.kind = 1 AND r.id > $2 ORDER BY r.id LIMIT $3"
);

#[derive(Deserialize)]
pub(super) struct ByName {
    name: String,
}

#[derive(Deserialize)]
pub(super) struct Page {
    after: Uuid,
    count: i64,
}

pub(super) async fn user(db: Db, path: web::Path<(Uuid, Uuid)>) -> Answer {
    by_id(&db, USER, *path, "User").await
}

pub(super) async fn group(db: Db, path: web::Path<(Uuid, Uuid)>) -> Answer {
    by_id(&db, GROUP, *path, "Group").await
}

pub(super) async fn user_with_groups(db: Db, path: web::Path<(Uuid, Uuid)>) -> Answer {
    by_id(&db, USER_WITH_GROUPS, *path, "User").await
}

pub(super) async fn user_by_name(db: Db, path: web::Path<Uuid>, query: web::Query<ByName>) -> Answer {
    by_name(&db, USER_BY_NAME, *path, &query.name, "User").await
}

pub(super) async fn group_by_name(db: Db, path: web::Path<Uuid>, query: web::Query<ByName>) -> Answer {
    by_name(&db, GROUP_BY_NAME, *path, &query.name, "Group").await
}

pub(super) async fn page(db: Db, path: web::Path<Uuid>, query: web::Query<Page>) -> Answer {
    let rows = sqlx::query(PAGE).bind(*path).bind(query.after).bind(query.count).fetch_all(&**db).await?;
    Ok(answer::list("User", &rows.iter().map(Shown::read).collect::<Result<Vec<_>, _>>()?))
}

async fn by_id(db: &PgPool, sql: &'static str, (directory, id): (Uuid, Uuid), kind: &str) -> Answer {
    let row = sqlx::query(sql).bind(directory).bind(id).fetch_one(db).await?;
    Ok(answer::one(HttpResponse::Ok(), kind, &Shown::read(&row)?))
}

async fn by_name(db: &PgPool, sql: &'static str, directory: Uuid, name: &str, kind: &str) -> Answer {
    let rows = sqlx::query(sql).bind(directory).bind(name.to_lowercase()).fetch_all(db).await?;
    Ok(answer::list(kind, &rows.iter().map(Shown::read).collect::<Result<Vec<_>, _>>()?))
}
