//! That every statement on directory data names the directory for every table that it touches, so that a distributed
//! engine can send it to one machine. Looked at are the texts that the store really sends.

use std::sync::Arc;

use rollcall_access::OperatorScope;
use rollcall_base::{SystemClock, SystemEntropy, Timestamp};
use rollcall_migrations::tables::OF_DIRECTORIES;
use rollcall_scim::MemberOp;
use rollcall_store::{ListQuery, Store, UserKey};
use rollcall_testkit::{Database, Gate, TestDirectory};
use serde_json::json;

use crate::lists::query;

/// What works over all directories, on purpose: background jobs that nobody waits for, each in one process.
const OVER_ALL: &[(&str, &str)] = &[
    ("SELECT 1 FROM outbox LIMIT 1", "the sequencer: is anything waiting?"),
    ("SELECT o.directory_id, o.resource_id, o.version", "the sequencer: the oldest changes of all directories"),
    (
        "SELECT d.directory_id, d.id, d.version, d.erased_to FROM deleted_resource d",
        "the purge: what is old enough or to be erased at once, anywhere",
    ),
    (
        "SELECT directory_id, hour, credential_id, address, agent FROM credential_activity WHERE hour <",
        "the purge of uses: what is old enough, anywhere",
    ),
    (
        "SELECT directory_id, expires_at, credential_id FROM past_access_token WHERE expires_at <",
        "the purge of what is known of erased access tokens: what is old enough, anywhere",
    ),
    (
        "SELECT directory_id, day, reason, credential_id, address FROM refused_use WHERE day <",
        "the purge of refused uses: what is old enough, anywhere",
    ),
    (
        "SELECT directory_id, day, what FROM tolerated_use WHERE day <",
        "the purge of what was tolerated: what is old enough, anywhere",
    ),
];

const WORDS: &[&str] = &[
    "where",
    "on",
    "set",
    "join",
    "cross",
    "group",
    "order",
    "limit",
    "union",
    "values",
    "select",
    "using",
    "returning",
    "left",
    "inner",
    "as",
    "default",
];

/// Each table of directories that is named, with what it is called there.
fn touched(sql: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let mut touched = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if !["FROM", "JOIN", "INTO", "UPDATE"].contains(word) {
            continue;
        }
        let bare = |at: usize| words.get(at).map(|word| word.trim_matches(|c| "(),;".contains(c))).unwrap_or_default();
        let table = bare(at + 1);
        if !OF_DIRECTORIES.contains(&table) {
            continue;
        }
        let next = if bare(at + 2).eq_ignore_ascii_case("as") { bare(at + 3) } else { bare(at + 2) };
        let ends = words.get(at + 1).is_some_and(|word| word.ends_with(')'));
        let named = !ends && !next.is_empty() && !WORDS.contains(&next.to_lowercase().as_str());
        let inserted = *word == "INTO";
        touched.push((table.to_owned(), if named && !inserted { next.to_owned() } else { table.to_owned() }));
        if inserted {
            assert!(
                words.get(at + 2).is_some_and(|word| word.trim_matches('(').trim_matches(',') == "directory_id"),
                "{sql}"
            );
            touched.pop();
        }
    }
    touched
}

/// How many lists of whole keys, each with a directory of its own, rows are asked for by: what a report of use says is about
/// many directories, and a statement for each would be as many as there are.
fn key_lists(sql: &str) -> usize {
    let lists = sql.split("WHERE (directory_id, ").skip(1).filter(|rest| {
        let Some((columns, rows)) = rest.split_once(") IN (VALUES (") else { return false };
        let Some((rows, after)) = rows.split_once("))") else { return false };
        let is_value = |value: &str| value.strip_prefix('$').is_some_and(|number| number.parse::<u32>().is_ok());
        let is_key =
            |row: &str| row.split(", ").all(is_value) && row.split(", ").count() == 1 + columns.split(", ").count();
        let is_column = |column: &str| column.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        columns.split(", ").all(is_column) && rows.split("), (").all(is_key) && !after.contains(" OR ")
    });
    lists.count()
}

/// What is wrong with the statement, if anything is.
fn fault(sql: &str) -> Option<String> {
    if OVER_ALL.iter().any(|(text, _)| sql.starts_with(text)) {
        return None;
    }
    // An admin's look at all of a tenant's directories, which a table says that every machine has.
    if sql.contains("directory_id IN (SELECT d.id FROM directory d WHERE d.tenant_id = $") {
        return None;
    }
    let sql = sql.replace('"', "");
    let touched = touched(&sql);
    let count = |text: &str| sql.matches(text).count();
    let listed = key_lists(&sql);
    let mut bare = count(" directory_id = $") + count("(directory_id = $") + listed;
    let mut names: Vec<&String> = touched.iter().map(|(_, name)| name).collect();
    names.sort();
    names.dedup();
    for name in names {
        let needed = touched.iter().filter(|(_, other)| other == name).count();
        // A value, or the same directory as another table's in the statement.
        let own = count(&format!(" {name}.directory_id = ")) + count(&format!("({name}.directory_id = "));
        let missing = needed.saturating_sub(own);
        if missing > bare {
            return Some(format!("{name} is read or changed in any directory by: {sql}"));
        }
        bare -= missing;
    }
    // A join to another table's directory only helps if there is a value somewhere.
    let valued = sql.contains("directory_id = $") || listed > 0 || touched.is_empty();
    (!valued).then(|| format!("no directory is named by: {sql}"))
}

struct Seen(Vec<String>);

impl Seen {
    fn take(&mut self, directory: &TestDirectory) {
        let taken = directory.store.take_statements();
        assert!(taken.len() < 64, "some were forgotten: look more often");
        self.0.extend(taken.into_iter().map(|statement| statement.sql));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_names_the_directory_for_every_table_it_touches() {
    let database = Database::postgres().await;
    let gate = Gate::before(database.address()).await;
    let mut directory = database.directory().await;
    let through = database.through(&gate);
    directory.store = Store::open(&through, Arc::new(SystemClock), Arc::new(SystemEntropy)).await.unwrap();
    let (users, groups) = (directory.user_type(), directory.group_type());
    let resources = directory.resources();
    let mut seen = Seen(Vec::new());

    let user = directory
        .resources()
        .create(directory.new_user(json!({ "userName": "u", "title": "t", "emails": [{ "value": "a@b" }] })))
        .await
        .unwrap()
        .resource;
    let nested = directory.group("nested", &[user.id]).await;
    seen.take(&directory);
    let other = directory.user("other").await;
    let new = directory.new_group(json!({ "displayName": "g", "externalId": "x" }), &[user.id, nested.id]);
    let group = resources.create(new).await.unwrap().resource;
    seen.take(&directory);
    for change in [
        TestDirectory::of_members(vec![MemberOp::Add(vec![other.id.to_string()])]),
        TestDirectory::of_members(vec![MemberOp::Remove(vec![other.id.to_string()])]),
        TestDirectory::of_members(vec![MemberOp::Replace(vec![other.id.to_string(), user.id.to_string()])]),
        TestDirectory::of_members(vec![MemberOp::RemoveWhere(crate::lists::condition(
            &groups,
            "members.display eq \"other\"",
        ))]),
        TestDirectory::of_members(vec![MemberOp::Add(vec![uuid()])]),
        TestDirectory::to_document(json!({ "displayName": "h", "externalId": "y" })),
    ] {
        let _ = resources.update(directory.target(&group), change).await;
        seen.take(&directory);
    }
    let change = TestDirectory::to_document(json!({ "userName": "v", "title": "s", "emails": [{ "value": "c@d" }] }));
    resources.update(directory.target(&user), change).await.unwrap();
    seen.take(&directory);

    resources.get(&users, user.id).await.unwrap().unwrap();
    resources.groups_of(&[user.id, other.id], 100).await.unwrap();
    resources.members_page(group.id, Some(user.id), 10).await.unwrap();
    resources.members_of(&[group.id, nested.id], 100).await.unwrap();
    resources.displays(&[user.id, group.id]).await.unwrap();
    seen.take(&directory);
    for (resource_type, filter) in [
        (&users, None),
        (&users, Some("userName eq \"v\"".to_owned())),
        (&users, Some("emails.value co \"c\"".to_owned())),
        (&users, Some("emails[value eq \"c@d\"] and title sw \"s\"".to_owned())),
        (&users, Some("title pr or externalId eq \"1\"".to_owned())),
        (&users, Some("meta.lastModified gt \"2020-01-01T00:00:00Z\"".to_owned())),
        (&users, Some(format!("groups.value eq \"{}\"", group.id))),
        (&groups, Some(format!("members.value eq \"{}\"", user.id))),
        (&groups, Some("members.display eq \"v\"".to_owned())),
        (&groups, Some(format!("displayName eq \"h\" and id eq \"{}\"", group.id))),
    ] {
        let listing = resources.list(&ListQuery { count: 1, ..query(resource_type, filter.as_deref()) }).await.unwrap();
        if let Some(next) = listing.next {
            let position = rollcall_store::Position::After(next);
            resources.list(&ListQuery { position, ..query(resource_type, filter.as_deref()) }).await.unwrap();
        }
        seen.take(&directory);
    }

    let asked = directory.resources().with_groups(true);
    asked.get(&users, user.id).await.unwrap().unwrap();
    asked.list(&query(&users, None)).await.unwrap();
    let change = TestDirectory::to_document(json!({ "userName": "v", "title": "r" }));
    let user = asked.update(directory.target(&user), change).await.unwrap().resource;
    for key in [UserKey::Id(user.id), UserKey::UserName("v".to_owned()), UserKey::ExternalId("1".to_owned())] {
        resources.users_known_as(&key, 2).await.unwrap();
    }
    seen.take(&directory);
    // What is asked after a commit without an answer.
    gate.lose_answer_to(b"COMMIT");
    directory.user("in-doubt").await;
    seen.take(&directory);
    assert!(seen.0.iter().any(|sql| sql.contains("AND request_id = $")), "nothing was found out");

    what_the_policies_do(&database, &directory, &mut seen).await;
    resources.delete(directory.target(&user)).await.unwrap();
    seen.take(&directory);
    resources.delete(directory.target(&group)).await.unwrap();
    seen.take(&directory);
    resources.deleted_resources(None, 10).await.unwrap();
    let gone = resources.deleted_resource(user.id).await.unwrap().unwrap();
    resources.deleted_resources(Some(&gone), 10).await.unwrap();
    for one in [&group, &user] {
        resources.restore(directory.target(one)).await.unwrap();
        seen.take(&directory);
        resources.delete(directory.target(one)).await.unwrap();
        seen.take(&directory);
    }
    resources.quality(&users, 10).await.unwrap();
    seen.take(&directory);
    while directory.sequence(3).await.unwrap() > 0 {
        seen.take(&directory);
    }
    directory.jobs().events(directory.record.id, 0, 100).await.unwrap();
    directory.live().await;
    while directory.jobs().purge_deleted(Timestamp::from_micros(i64::MAX), 2).await.unwrap() > 0 {
        seen.take(&directory);
    }
    seen.take(&directory);

    uses_of_credentials(&directory, &mut seen).await;
    crate::clients::everything_about(&directory).await;
    seen.take(&directory);
    crate::directory_life::everything_about(&directory).await;
    crate::tolerated::everything_about(&directory).await;
    while directory.jobs().purge_tolerated(Timestamp::from_micros(i64::MAX), 10).await.unwrap() > 0 {
        seen.take(&directory);
    }
    seen.take(&directory);

    let faults: Vec<String> = seen.0.iter().filter_map(|sql| fault(sql)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    // A column that a migration adds would change what such a statement, once prepared, gives: it would fail.
    let all_columns = |sql: &&String| sql.contains("SELECT *") || sql.contains(".*");
    assert_eq!(seen.0.iter().find(all_columns), None);
    for table in OF_DIRECTORIES {
        let named =
            |sql: &&String| sql.replace('"', "").split_whitespace().any(|word| word.trim_end_matches(')') == *table);
        assert!(seen.0.iter().any(|sql| named(&sql)), "nothing was seen of the table {table}");
    }
    for (text, why) in OVER_ALL {
        assert!(seen.0.iter().any(|sql| sql.starts_with(text)), "no exception is needed any more for {why}");
    }
}

/// Where the policies are not the default.
async fn what_the_policies_do(database: &Database, directory: &TestDirectory, seen: &mut Seen) {
    use rollcall_access::{DirectoryPolicies, OnDeletedUser, OnDuplicateGroupName, OnInactiveUser, OnUnknownMember};
    let policies = DirectoryPolicies {
        inactive_user: OnInactiveUser::Revive,
        deleted_user: OnDeletedUser::Revive,
        unknown_member: OnUnknownMember::Skip,
        duplicate_group_name: OnDuplicateGroupName::Refuse,
        ..DirectoryPolicies::default()
    };
    crate::policies::decide(database, policies).await;
    let body = json!({ "userName": "back", "externalId": "back", "active": false });
    let back = crate::policies::posted(directory, policies, &body).await.unwrap().resource;
    crate::policies::posted(directory, policies, &body).await.unwrap();
    let renamed = TestDirectory::to_document(json!({ "userName": "else", "externalId": "back" }));
    directory.resources().update(directory.target(&back), renamed).await.unwrap();
    directory.resources().delete(directory.target(&back)).await.unwrap();
    seen.take(directory);
    let body = json!({ "userName": "else", "externalId": "back" });
    crate::policies::posted(directory, policies, &body).await.unwrap();
    directory.resources().users_known_as(&UserKey::UserName("back".to_owned()), 2).await.unwrap();
    seen.take(directory);
    let mut new = directory.new_group(json!({ "displayName": "skips" }), &[back.id]);
    new.members = Some(vec![uuid(), back.id.to_string()]);
    let skipping = directory.resources().with_policies(policies);
    let group = skipping.create(new).await.unwrap().resource;
    let renamed = TestDirectory::to_document(json!({ "displayName": "skipped" }));
    skipping.update(directory.target(&group), renamed).await.unwrap();
    crate::policies::decide(database, DirectoryPolicies::default()).await;
    seen.take(directory);
}

/// What is known of credentials' use, and what they changed.
async fn uses_of_credentials(directory: &TestDirectory, seen: &mut Seen) {
    let (id, now) = (directory.record.id, Timestamp::from_micros(1_800_000_000_000_000));
    let credential: rollcall_base::Id<rollcall_base::marker::Credential> = rollcall_base::Id::new(now, &SystemEntropy);
    crate::uses::everything_about(directory).await;
    let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
    tenant.times_used(id, credential, now).await.unwrap();
    tenant.places_of_use(id, credential, now, 10).await.unwrap();
    tenant.refusals_of(id, credential, now, 10).await.unwrap();
    tenant.changes_by(id, credential, now, 10).await.unwrap();
    seen.take(directory);
    let end = Timestamp::from_micros(i64::MAX);
    while directory.jobs().purge_uses(end, end, 10).await.unwrap() > 0 {
        seen.take(directory);
    }
    seen.take(directory);
}

fn uuid() -> String {
    "0190d1f2-0000-7000-8000-000000000001".to_owned()
}

#[test]
fn a_statement_or_a_join_without_its_directory_is_found() {
    for wrong in [
        "SELECT * FROM resource WHERE id = $1",
        "SELECT * FROM resource r WHERE r.id = $1",
        "DELETE FROM member WHERE directory_id = $1 AND member_id IN (SELECT member_id FROM member WHERE group_id = $2)",
        "SELECT 1 FROM member m JOIN resource g ON g.id = m.group_id WHERE m.directory_id = $1",
        "SELECT 1 FROM member m JOIN resource g ON g.directory_id = m.directory_id AND g.id = m.group_id",
        "UPDATE \"resource\" SET \"version\" = $1 WHERE \"resource\".\"id\" = $2",
        "SELECT 1 FROM member WHERE (member_id, directory_id) IN (VALUES ($1, $2))",
        "SELECT 1 FROM member WHERE (directory_id, member_id) IN (VALUES ($1, $2), (NULL, $3))",
        "SELECT 1 FROM member WHERE (directory_id, member_id) IN (VALUES ($1, $2), ($3))",
        "SELECT 1 FROM member WHERE (directory_id, member_id) IN (SELECT directory_id, member_id FROM member)",
        "SELECT 1 FROM member WHERE (directory_id, member_id) IN (VALUES ($1, $2)) OR group_id = $3",
        "SELECT 1 FROM member WHERE (directory_id, member_id) NOT IN (VALUES ($1, $2))",
        "SELECT 1 FROM member m JOIN resource g ON g.id = m.group_id WHERE (directory_id, id) IN (VALUES ($1, $2))",
    ] {
        assert!(fault(wrong).is_some(), "{wrong}");
    }
    for right in [
        "SELECT * FROM tenant WHERE id = $1",
        "SELECT * FROM \"event\" WHERE \"event\".\"directory_id\" = $1",
        "SELECT 1 FROM member m JOIN resource g ON g.directory_id = m.directory_id AND g.id = m.id WHERE m.directory_id = $1",
        "INSERT INTO outbox (directory_id, x) VALUES ($1, $2)",
        "SELECT what FROM tolerated_use WHERE (directory_id, day) IN (VALUES ($1, $2))",
        "SELECT what FROM tolerated_use WHERE (directory_id, day) IN (VALUES ($1, $2), ($3, $4), ($5, $6))",
    ] {
        assert_eq!(fault(right), None, "{right}");
    }
}
