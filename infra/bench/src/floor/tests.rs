//! That the floor has as much to do as the service: the same rows in the same tables.

use actix_web::{
    App,
    test::{TestRequest, call_and_read_body_json, call_service, init_service},
    web,
};
use rollcall_testkit::{Database, TestDirectory};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    rows::patch_members,
    seed::{group, user},
};

/// A directory of the floor's own: nothing of it needs to be registered.
const FLOOR: Uuid = Uuid::from_u128(0x019a_a111_0000_7000_8000_0000_0000_0001);

async fn both() -> (Database, TestDirectory, PgPool) {
    let database = Database::postgres().await;
    let (directory, pool) = (database.directory().await, PgPool::connect(&database.config.url).await.unwrap());
    (database, directory, pool)
}

/// How many rows a directory has in each table that a create writes to.
async fn rows(pool: &PgPool, directory: Uuid) -> Vec<(&'static str, i64)> {
    let mut counted = Vec::new();
    for table in ["resource", "attribute", "claim", "member_set", "member", "outbox", "event_member"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table} WHERE directory_id = $1"));
        counted.push((table, sqlx::query_scalar(sql).bind(directory).fetch_one(pool).await.unwrap()));
    }
    counted
}

/// What a client sends, without what is no attribute of the resource.
fn attributes(mut body: Value) -> Value {
    let map = body.as_object_mut().unwrap();
    map.retain(|name, _| name != "schemas" && name != "meta");
    body
}

#[actix_web::test]
async fn creating_a_user_and_a_group_leaves_the_same_rows_as_the_service_does() {
    let (_database, directory, pool) = both().await;
    let app = init_service(App::new().app_data(web::Data::new(pool.clone())).configure(super::routes)).await;
    for (path, body) in [("Users", user("0000001")), ("Groups", group("0000001"))] {
        let request = TestRequest::post().uri(&format!("/{FLOOR}/{path}")).set_payload(body.to_string());
        assert_eq!(call_service(&app, request.to_request()).await.status(), 201);
    }
    directory.resources().create(directory.new_user(attributes(user("0000001")))).await.unwrap();
    directory.resources().create(directory.new_group(attributes(group("0000001")), &[])).await.unwrap();
    let here = directory.record.id.as_uuid();
    assert_eq!(rows(&pool, FLOOR).await, rows(&pool, here).await);
    let index =
        "SELECT attribute_id, value_key FROM attribute WHERE directory_id = $1 ORDER BY attribute_id, value_key";
    let indexed = async |directory: Uuid| -> Vec<(i32, String)> {
        sqlx::query_as(index).bind(directory).fetch_all(&pool).await.unwrap()
    };
    assert_eq!(indexed(FLOOR).await, indexed(here).await);
    let size = "SELECT SUM(LENGTH(r.document) + LENGTH(o.changes)) FROM resource r JOIN outbox o \
                ON o.directory_id = r.directory_id AND o.resource_id = r.id WHERE r.directory_id = $1";
    let size =
        async |directory: Uuid| -> i64 { sqlx::query_scalar(size).bind(directory).fetch_one(&pool).await.unwrap() };
    let (floor, service) = (size(FLOOR).await, size(here).await);
    assert!(floor * 10 > service * 7 && floor * 10 < service * 15, "{floor} bytes are not about {service}");
}

#[actix_web::test]
async fn what_was_created_is_found_patched_and_put_into_a_group_and_out_again() {
    let (_database, _directory, pool) = both().await;
    let app = init_service(App::new().app_data(web::Data::new(pool.clone())).configure(super::routes)).await;
    let send = |method: TestRequest, path: String, body: String| {
        call_and_read_body_json::<_, _, Value>(&app, method.uri(&path).set_payload(body).to_request())
    };
    let id = |answer: &Value| answer["id"].as_str().unwrap().parse::<Uuid>().unwrap();
    let person = id(&send(TestRequest::post(), format!("/{FLOOR}/Users"), user("0000001").to_string()).await);
    let team = id(&send(TestRequest::post(), format!("/{FLOOR}/Groups"), group("0000001").to_string()).await);
    let found = TestRequest::get();
    let found = send(found, format!("/{FLOOR}/Users?name=User.0000001%40bench.example"), String::new()).await;
    assert_eq!(found["Resources"][0]["id"], json!(person));
    let operations = json!([{ "op": "Replace", "path": "title", "value": "Director" },
                            { "op": "Replace", "path": "active", "value": "False" }]);
    let patch = json!({ "Operations": operations }).to_string();
    let patched = send(TestRequest::patch(), format!("/{FLOOR}/Users/{person}"), patch).await;
    assert_eq!((&patched["title"], &patched["active"]), (&json!("Director"), &json!(false)));
    assert_eq!(patched["meta"]["version"], json!("W/\"2\""));
    for (op, members) in [("Add", 1), ("Remove", 0)] {
        let change = patch_members(op, &[person]);
        let request = TestRequest::patch().uri(&format!("/{FLOOR}/Groups/{team}")).set_payload(change);
        assert_eq!(call_service(&app, request.to_request()).await.status(), 204);
        let shown = send(TestRequest::get(), format!("/{FLOOR}/UsersWithGroups/{person}"), String::new()).await;
        assert_eq!(shown["groups"].as_array().map_or(0, Vec::len), members);
    }
    let written = rows(&pool, FLOOR).await;
    // Two creates, a patch, and two changes of a group; each of these says who came or went.
    assert!(written.contains(&("outbox", 5)) && written.contains(&("event_member", 2)), "{written:?}");
}
