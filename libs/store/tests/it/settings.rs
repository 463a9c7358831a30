//! What the configuration says of connections, asked of the server.

use rollcall_store::{Store, StoreConfig};
use rollcall_testkit::{Database, TestDirectory, eventually};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::opening::open;

async fn asked(store: &Store, sql: &str) -> Vec<String> {
    store.asked(sql).await.unwrap()
}

/// The server processes of the connections with this name, asked past the store.
async fn processes(database: &Database, name: &str) -> Vec<i32> {
    let sql = format!("SELECT pid FROM pg_stat_activity WHERE application_name = '{name}' ORDER BY pid");
    let rows = database.raw().await.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// Until the server's processes are as they should be: it closes connections when it gets to it.
async fn become_so(database: &Database, name: &str, is_so: impl Fn(&[i32]) -> bool) {
    eventually("its connections are as they should be", async || is_so(&processes(database, name).await)).await;
}

#[tokio::test]
async fn every_connection_has_the_limits_and_the_name_that_were_set() {
    let mut database = Database::postgres().await;
    let config = &mut database.config;
    config.statement_timeout_ms = 1_234;
    config.lock_timeout_ms = 1_122;
    config.idle_in_transaction_timeout_ms = 4_321;
    config.application_name = "rollcall-test".to_owned();
    let store = open(&database.config).await.unwrap();
    for (setting, value) in [
        ("statement_timeout", "1234ms"),
        ("lock_timeout", "1122ms"),
        ("idle_in_transaction_session_timeout", "4321ms"),
        ("application_name", "rollcall-test"),
        ("transaction_read_only", "off"),
    ] {
        assert_eq!(asked(&store, &format!("SHOW {setting}")).await, [value], "{setting}");
    }
    let named =
        StoreConfig { url: format!("{}?application_name=by-url", database.config.url), ..database.config.clone() };
    assert_eq!(asked(&open(&named).await.unwrap(), "SHOW application_name").await, ["by-url"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pool_has_as_many_connections_as_it_may_and_no_more() {
    let mut database = Database::postgres().await;
    let config = &mut database.config;
    (config.max_connections, config.min_connections) = (3, 2);
    config.application_name = "bounded".to_owned();
    let directory = database.directory().await;
    become_so(&database, "bounded", |processes| (2..=3).contains(&processes.len())).await;
    let users: Vec<_> = (0..30)
        .map(|number| {
            let directory = directory.clone();
            let new = directory.new_user(serde_json::json!({ "userName": format!("u{number}") }));
            tokio::spawn(async move { directory.resources().create(new).await.map(drop) })
        })
        .collect();
    for user in users {
        user.await.unwrap().unwrap();
        assert!(processes(&database, "bounded").await.len() <= 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_idle_or_old_is_closed() {
    for (name, idle, lifetime) in [("idle", 1, 0), ("old", 0, 1)] {
        let mut database = Database::postgres().await;
        let config = &mut database.config;
        config.application_name = name.to_owned();
        (config.idle_seconds, config.lifetime_seconds) = (idle, lifetime);
        let store = open(&database.config).await.unwrap();
        let used: i32 = asked(&store, "SELECT CAST(pg_backend_pid() AS text)").await[0].parse().unwrap();
        become_so(&database, name, |now| !now.contains(&used)).await;
        store.ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_nobody_waits_for_any_more_does_not_cost_its_connection() {
    let mut database = Database::postgres().await;
    database.config.max_connections = 1;
    let store = open(&database.config).await.unwrap();
    let process = asked(&store, "SELECT CAST(pg_backend_pid() AS text)").await;
    let left =
        tokio::time::timeout(std::time::Duration::from_millis(20), asked(&store, "SELECT CAST(pg_sleep(1) AS text)"));
    assert!(left.await.is_err());
    assert_eq!(asked(&store, "SELECT CAST(pg_backend_pid() AS text)").await, process);
}

/// The statements that the store's only connection has prepared.
async fn prepared(directory: &TestDirectory) -> Vec<String> {
    asked(&directory.store, "SELECT statement FROM pg_prepared_statements").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_connection_prepares_a_statement_once_and_keeps_as_many_as_it_may() {
    let mut database = Database::postgres().await;
    (database.config.max_connections, database.config.statement_cache) = (1, 4);
    let directory = database.directory().await;
    let user = directory.user("u").await;
    for _ in 0..3 {
        directory.resources().get(&directory.user_type(), user.id).await.unwrap();
    }
    let kept = prepared(&directory).await;
    assert_eq!(kept.iter().filter(|sql| sql.contains("FROM resource r WHERE")).count(), 1, "{kept:?}");
    assert!(kept.len() <= 4, "{kept:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_statement_cache_everything_works_and_no_prepared_statement_stays() {
    let without = async || {
        let mut database = Database::postgres().await;
        database.config.statement_cache = 0;
        database
    };
    let mut one = without().await;
    one.config.max_connections = 1;
    let directory = one.directory().await;
    let user = directory.user("u").await;
    directory.resources().get(&directory.user_type(), user.id).await.unwrap().unwrap();
    // What is there is of the question itself and the transaction that it runs in.
    let kept = prepared(&directory).await;
    assert!(kept.iter().all(|sql| sql.contains("pg_prepared_statements")), "{kept:?}");

    crate::lists::a_crawl_shows_everything_once_in_every_order_and_direction::run(without().await).await;
    crate::lists::filters_on_groups_find_by_member_and_members_by_group::run(without().await).await;
    crate::members::deleting_a_user_gives_each_of_its_groups_a_new_version_and_an_event::run(without().await).await;
    crate::members::steps_apply_in_order_and_only_the_net_change_counts::run(without().await).await;
    crate::resources::a_user_name_is_unique_in_any_case_and_free_after_a_rename_or_a_deletion::run(without().await)
        .await;
    crate::resources::values_of_ten_thousand_bytes_are_kept_indexed_and_told_apart::run(without().await).await;
    crate::events::sequencers_at_the_same_time_number_each_change_once::run(without().await).await;
    crate::control::a_credential_is_kept_found_and_revoked_once::run(without().await).await;
    crate::together::five_parallel_writers_to_one_group_lose_nothing::run(without().await).await;
}
