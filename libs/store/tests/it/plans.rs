//! Which indexes the databases take, asked of the databases themselves, on a directory of realistic size.

use std::{collections::BTreeMap, sync::Mutex};

use rollcall_access::{JobScope, OperatorScope};
use rollcall_base::{Id, marker::Resource};
use rollcall_scim::{
    filter::Condition,
    schema::{GROUP, USER},
};
use rollcall_store::{Counting, ListQuery, Position, UserKey};
use rollcall_testkit::{Database, TestDirectory, on_both_databases};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, Value};

use crate::{
    lists::{condition, query},
    reports_of_many,
};

const USERS: i64 = 20_000;
const GROUPS: i64 = 2_000;

/// A directory with many users and groups, written past the store.
async fn filled(database: &Database) -> (TestDirectory, DatabaseConnection) {
    let directory = database.directory().await;
    let raw = database.raw().await;
    let backend = raw.get_database_backend();
    let random = if database.is_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
    let numbers =
        |count: i64| format!("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})");
    let here = directory.record.id.as_uuid();
    let run = async |sql: String, values: Vec<Value>| {
        raw.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.unwrap();
    };
    let cast = if database.is_postgres() { "::uuid" } else { "" };
    for (kind, count, name) in [(1, USERS, "user"), (2, GROUPS, "group")] {
        let sql = format!(
            "INSERT INTO resource (directory_id, id, kind, name_key, display, external_id, active, version, created_at, \
             modified_at, document) {} SELECT $1{cast}, {random}, {kind}, '{name}' || n, '{name}' || n, 'x' || n, TRUE, 1, n, n, \
             '{{\"userName\":\"' || 'user' || n || '\"}}' FROM n",
            numbers(count)
        );
        run(sql, vec![here.into()]).await;
    }
    for (attribute, prefix) in [("emails.value", "mail"), ("displayName", "shown"), ("title", "title")] {
        let Condition::Present(path) = condition(&directory.user_type(), &format!("{attribute} pr")) else { panic!() };
        let number = path.leaf().index.expect("it is indexed").0;
        let sql = format!(
            "INSERT INTO attribute (directory_id, attribute_id, value_key, resource_id) SELECT directory_id, {number}, \
             '{prefix}' || created_at, id FROM resource WHERE kind = 1 AND directory_id = $1"
        );
        run(sql, vec![here.into()]).await;
    }
    let sets = "INSERT INTO member_set (directory_id, group_id) SELECT directory_id, id FROM resource WHERE kind = 2";
    run(sets.to_owned(), vec![]).await;
    let members = "INSERT INTO member (directory_id, group_id, member_id, member_kind) SELECT g.directory_id, g.id, u.id, 1 \
                   FROM resource g JOIN resource u ON u.kind = 1 AND u.created_at / 10 = g.created_at WHERE g.kind = 2";
    run(members.to_owned(), vec![]).await;
    // PostgreSQL gathers statistics by itself. SQLite has none in an installation, and must plan well without.
    if database.is_postgres() {
        raw.execute_unprepared("ANALYZE").await.unwrap();
    }
    (directory, raw)
}

/// Fills the tables with what so many other directories did.
async fn filled_with_uses(database: &Database, raw: &DatabaseConnection, directories: usize) {
    let random = if database.is_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
    let numbers = format!("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {directories})");
    let (hour, day) =
        (reports_of_many::now().as_micros() / 3_600_000_000, reports_of_many::now().as_micros() / 86_400_000_000);
    for sql in [
        format!("INSERT INTO credential_use {numbers} SELECT {random}, {random}, 1, 1, '', '' FROM n"),
        format!(
            "INSERT INTO credential_activity {numbers} SELECT {random}, {random}, {hour}, '', '', FALSE, 1, 1, 1 FROM n"
        ),
        format!(
            "INSERT INTO refused_use (directory_id, day, reason, credential_id, address, agent, times, first_at, last_at) \
             {numbers} SELECT {random}, {day}, 'expired', {random}, '', '', 1, 1, 1 FROM n"
        ),
        format!("INSERT INTO tolerated_use {numbers} SELECT {random}, {day}, 'unmapped:badge', 1, 1 FROM n"),
    ] {
        raw.execute_unprepared(&sql).await.unwrap();
    }
    // PostgreSQL gathers statistics by itself. SQLite has none in an installation, and must plan well without.
    if database.is_postgres() {
        raw.execute_unprepared("ANALYZE").await.unwrap();
    }
}

/// The plans of all statements that ran since the last time.
pub(crate) async fn plans(directory: &TestDirectory, raw: &DatabaseConnection, database: &Database) -> String {
    let explain = if database.is_postgres() { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
    let mut text = String::new();
    for mut statement in directory.store.take_statements() {
        statement.sql = format!("{explain} {}", statement.sql);
        for row in raw.query_all_raw(statement).await.unwrap() {
            let line: String = row.try_get_by_index(if database.is_postgres() { 0 } else { 3 }).unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    }
    assert!(!text.is_empty());
    text
}

/// No table is read from end to end.
fn assert_no_scan(plan: &str, what: &str) {
    for line in plan.lines() {
        let on_table =
            ["resource", "attribute", "member"].iter().any(|table| line.contains(&format!("Seq Scan on {table} ")));
        let on_sqlite = ["SCAN r", "SCAN a", "SCAN m", "SCAN g", "SCAN u"].iter().any(|scan| line.trim() == *scan);
        // Of a directory there may be as much as of a table; only groups in groups are few.
        let of_directory = line.contains("(directory_id=?)") && !line.contains("INDEX member_nest");
        // What has no number yet is as much as came within a moment.
        let of_directory = of_directory && !line.contains("SEARCH outbox");
        assert!(!on_table && !on_sqlite && !of_directory, "{what} reads a whole table:\n{plan}");
    }
}

on_both_databases! {
    async fn a_full_sync_goes_through_a_big_directory_in_steps(database) {
        let (directory, raw) = filled(&database).await;
        directory.user("one").await;
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let told = Mutex::new(Vec::new());
        let tell = |counting| told.lock().unwrap().push(counting);
        let synced = tenant.full_sync(directory.record.id, async {}, &tell).await.unwrap();
        let count = Statement::from_string(raw.get_database_backend(), "SELECT COUNT(*) FROM member");
        let members = raw.query_one_raw(count).await.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap();
        let (users, groups) = (USERS.unsigned_abs(), GROUPS.unsigned_abs());
        assert_eq!((synced.users, synced.groups, synced.memberships), (users + 1, groups, members.unsigned_abs()));
        assert_eq!(synced.repaired, BTreeMap::from([(USER, USERS), (GROUP, GROUPS)]));
        let steps: Vec<u64> = told.lock().unwrap().iter().filter_map(|counting| match counting {
            Counting::Resources { counted, .. } | Counting::Memberships { counted } => Some(*counted),
            Counting::Again => None,
        }).collect();
        assert_eq!(steps, [10_000, 20_000, users + groups + 1, 10_000, members.unsigned_abs()]);
        assert!(tenant.full_sync(directory.record.id, async {}, &|_| ()).await.unwrap().repaired.is_empty());
    }

    async fn every_usual_filter_is_served_by_its_index(database) {
        let (directory, raw) = filled(&database).await;
        let (users, groups) = (directory.user_type(), directory.group_type());
        let mut one = query(&groups, Some("displayName eq \"group77\""));
        let group = directory.resources().list(&one).await.unwrap().resources.remove(0).id;
        one.count = 1;
        let member = directory.resources().members_page(group, None, 1).await.unwrap().remove(0).id;
        for (resource_type, filter, index, found) in [
            (&users, "userName eq \"USER123\"".to_owned(), "resource_", 1),
            (&users, "userName sw \"user1999\"".to_owned(), "resource_", 11),
            (&users, "externalId eq \"x77\"".to_owned(), "resource_external_id", 1),
            (&users, format!("id eq \"{member}\""), "resource_", 1),
            (&users, "emails.value eq \"mail500\"".to_owned(), "attribute", 1),
            (&users, "emails[value eq \"mail500\"]".to_owned(), "attribute", 1),
            (&users, "displayName eq \"Shown9\"".to_owned(), "attribute", 1),
            (&users, "title eq \"title9\" or title eq \"title10\"".to_owned(), "attribute", 2),
            (&users, format!("groups.value eq \"{group}\""), "member_", 10),
            (&groups, "displayName eq \"group5\"".to_owned(), "resource_name", 1),
            (&groups, format!("members.value eq \"{member}\""), "member_", 1),
            (&groups, "externalId eq \"x5\"".to_owned(), "resource_external_id", 1),
            (&users, "meta.lastModified ge \"1970-01-01T00:00:00.019990Z\"".to_owned(), "resource_modified", 11),
        ] {
            directory.store.take_statements();
            let before = directory.store.statements();
            let listing = directory.resources().list(&query(resource_type, Some(&filter))).await.unwrap();
            assert_eq!(listing.total, found, "{filter}");
            assert!((directory.store.statements() - before).rows <= found + 1, "{filter}");
            let plan = plans(&directory, &raw, &database).await;
            assert_no_scan(&plan, &filter);
            assert!(plan.contains(index) || plan.contains("sqlite_autoindex") || plan.contains("PRIMARY KEY"), "{filter}:\n{plan}");
        }
    }

    async fn every_page_is_read_from_an_index_in_its_order(database) {
        let (directory, raw) = filled(&database).await;
        let users = directory.user_type();
        for (attribute, index) in
            [(None, "resource_page"), (Some("userName"), "resource_name"), (Some("meta.created"), "resource_created"), (Some("meta.lastModified"), "resource_modified")]
        {
            let sort = attribute.map(|attribute| {
                let Condition::Present(path) = condition(&users, &format!("{attribute} pr")) else { panic!() };
                rollcall_store::Sort { path, descending: true }
            });
            let mut query = ListQuery { sort, count: 20, ..query(&users, None) };
            for position in ["first", "next", "skipped"] {
                directory.store.take_statements();
                let listing = directory.resources().list(&query).await.unwrap();
                assert_eq!(listing.resources.len(), 20);
                let plan = plans(&directory, &raw, &database).await;
                assert_no_scan(&plan, position);
                assert!(plan.contains(index) || plan.contains("resource_pkey") || plan.contains("sqlite_autoindex"), "{attribute:?} {position}:\n{plan}");
                // On PostgreSQL a page out of the middle is put in order again, at most its own rows.
                assert!(position == "skipped" || !plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "{attribute:?} {position}:\n{plan}");
                query.position = match (position, listing.next) {
                    ("first", Some(next)) => Position::After(next),
                    _ => Position::Skip(10_000),
                };
            }
        }
    }

    async fn memberships_and_names_are_looked_up_by_index(database) {
        let (directory, raw) = filled(&database).await;
        let page = directory.resources().list(&ListQuery { count: 50, ..query(&directory.user_type(), None) }).await.unwrap();
        let ids: Vec<Id<Resource>> = page.resources.iter().map(|user| user.id).collect();
        let group = query(&directory.group_type(), Some("displayName eq \"group1\""));
        let group = directory.resources().list(&group).await.unwrap().resources.remove(0).id;
        let nest = "INSERT INTO member (directory_id, group_id, member_id, member_kind) SELECT a.directory_id, a.id, b.id, 2 \
                    FROM resource a JOIN resource b ON b.name_key = 'group2' WHERE a.name_key = 'group1'";
        for nested in [false, true] {
            if nested {
                raw.execute_unprepared(nest).await.unwrap();
            }
            directory.store.take_statements();
            directory.resources().groups_of(&ids, 100).await.unwrap();
            assert_no_scan(&plans(&directory, &raw, &database).await, "groups_of");
            directory.resources().with_groups(true).get(&directory.user_type(), ids[0]).await.unwrap();
            assert_no_scan(&plans(&directory, &raw, &database).await, "a user with groups");
            let inside = format!("groups.value eq \"{group}\"");
            directory.resources().list(&query(&directory.user_type(), Some(&inside))).await.unwrap();
            let plan = plans(&directory, &raw, &database).await;
            assert_no_scan(&plan, &inside);
            assert!(database.is_postgres() || plan.contains("INDEX member_nesting"), "the walk down reads whole groups:\n{plan}");
        }
        directory.resources().displays(&ids).await.unwrap();
        assert_no_scan(&plans(&directory, &raw, &database).await, "displays");
        directory.resources().members_page(ids[0], None, 100).await.unwrap();
        assert_no_scan(&plans(&directory, &raw, &database).await, "members_page");
        for (key, index) in [
            (UserKey::Id(ids[0]), "resource_"),
            (UserKey::UserName("USER77".to_owned()), "resource_"),
            (UserKey::ExternalId("x77".to_owned()), "resource_external_id"),
        ] {
            assert_eq!(directory.resources().users_known_as(&key, 2).await.unwrap().len(), 1, "{key:?}");
            let plan = plans(&directory, &raw, &database).await;
            assert_no_scan(&plan, "users_known_as");
            assert!(plan.contains(index) || plan.contains("sqlite_autoindex"), "{key:?}:\n{plan}");
        }
    }

    async fn former_names_and_what_was_deleted_are_found_by_index(database) {
        let (directory, raw) = filled(&database).await;
        let random = if database.is_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
        let now = rollcall_base::Clock::now(&*directory.clock).as_micros();
        let former = "INSERT INTO former_name (directory_id, name_key, resource_id, until)
                      SELECT directory_id, 'old' || created_at, id, created_at FROM resource WHERE kind = 1";
        let deleted = |directory: &str| {
            format!(
                "INSERT INTO deleted_resource (directory_id, id, kind, version, created_at, modified_at, deleted_at, member_of, \
                 document, name_key, external_id) SELECT {directory}, {random}, 1, 1, 1, 1, {now} - created_at, '[]', '{{}}', \
                 'gone' || created_at, 'x' FROM resource WHERE kind = 1"
            )
        };
        // Of this directory, and as many of others.
        let analyze = if database.is_postgres() { "ANALYZE" } else { "SELECT 1" };
        for sql in [former, &deleted("directory_id"), &deleted(random), &deleted(random), analyze] {
            raw.execute_unprepared(sql).await.unwrap();
        }
        directory.store.take_statements();
        let known = directory.resources().users_known_as(&UserKey::UserName("OLD77".to_owned()), 2).await.unwrap();
        assert_eq!(known.iter().map(|user| user.renamed).collect::<Vec<_>>(), [true]);
        let plan = plans(&directory, &raw, &database).await;
        assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN n"), "{plan}");
        let first = directory.resources().deleted_resources(None, 20).await.unwrap();
        let next = directory.resources().deleted_resources(first.last(), 20).await.unwrap();
        assert_eq!((first.len(), next.len()), (20, 20));
        let plan = plans(&directory, &raw, &database).await;
        assert!(plan.matches("deleted_resource_recent").count() == 2 && !plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "{plan}");
        let body = serde_json::json!({ "userName": "gone9", "externalId": "y" });
        let policies = rollcall_access::DirectoryPolicies {
            deleted_user: rollcall_access::OnDeletedUser::Revive,
            ..rollcall_access::DirectoryPolicies::default()
        };
        crate::policies::posted(&directory, policies, &body).await.unwrap();
        let plan = plans(&directory, &raw, &database).await;
        assert!(plan.contains("deleted_resource_name"), "{plan}");
    }

    async fn what_is_known_of_many_directories_is_found_by_its_key(database) {
        let directory = database.directory().await;
        let raw = database.raw().await;
        filled_with_uses(&database, &raw, 50_000).await;
        let verification = directory.store.verification(&JobScope::of_service("test"));
        directory.store.take_statements();
        verification.record(reports_of_many::about(20, 1)).await.unwrap();
        let mut seen = plans(&directory, &raw, &database).await;
        directory.jobs().record_tolerated(reports_of_many::tolerated(20)).await.unwrap();
        seen.push_str(&plans(&directory, &raw, &database).await);
        for table in ["credential_use", "credential_activity", "refused_use", "tolerated_use"] {
            let whole = seen.contains(&format!("Seq Scan on {table}")) || seen.contains(&format!("SCAN {table}"));
            assert!(!whole, "the whole of {table} is read:\n{seen}");
            // Never by the age that all of a day have in common.
            assert!(!seen.contains(&format!("{table}_age")), "{seen}");
            let keys = [
                format!("using {table}_pkey"),
                format!("Scan on {table}_pkey"),
                format!("sqlite_autoindex_{table}_1 (directory_id=? AND "),
            ];
            let by_key = keys.iter().any(|key| seen.contains(key));
            assert!(by_key, "{table} is not read by its key:\n{seen}");
        }
    }

    async fn directories_that_urls_name_are_found_by_their_keys(database) {
        let directory = database.directory().await;
        let raw = database.raw().await;
        let random = if database.is_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
        let numbers = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)";
        let here = directory.record.id.as_uuid();
        let of_here = format!(
            "INSERT INTO directory_key (tenant_id, name_key, directory_id) SELECT id, 'old-' || slug, {} FROM tenant",
            if database.is_postgres() { format!("'{here}'::uuid") } else { format!("X'{}'", here.simple()) },
        );
        let tenants = format!(
            "INSERT INTO tenant (id, slug, name, created_at) {numbers} SELECT {random}, 'tenant-' || n, '', 1 FROM n"
        );
        let analyze = if database.is_postgres() { "ANALYZE" } else { "SELECT 1" };
        for sql in [&tenants, &of_here, analyze] {
            raw.execute_unprepared(sql).await.unwrap();
        }
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let slug = directory.tenant.slug.clone();
        let url = |slug: &str, key: &str| (slug.to_owned(), key.to_owned());
        let own = url(&slug, &directory.record.directory_name);
        let (old, another) = (url(&slug, &format!("old-{slug}")), url("tenant-7", "old-tenant-7"));
        let mut urls = vec![own.clone(), url("nobody", &own.1), url(&slug, "nothing"), url("tenant-7", &own.1)];
        urls.extend([old.clone(), another.clone()]);
        directory.store.take_statements();
        let found = verification.directories_at(&urls).await.unwrap();
        let plan = plans(&directory, &raw, &database).await;
        assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN t") && !plan.contains("SCAN k"), "{plan}");
        let (tenant, id) = (directory.tenant.id, directory.record.id);
        assert_eq!(found.keys().collect::<Vec<_>>(), [&own, &old, &another]);
        assert_eq!((found[&own], found[&old], found[&another].1), ((tenant, id), (tenant, id), id));
        assert_ne!(found[&another].0, tenant);
        // More than one statement asks for at once.
        let many: Vec<_> = (1..=600).map(|n| url(&format!("tenant-{n}"), &format!("old-tenant-{n}"))).collect();
        assert_eq!(verification.directories_at(&many).await.unwrap().len(), 600);
    }
}
