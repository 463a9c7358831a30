//! The primary dies, a standby takes over, and the store finds it by itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rollcall_base::{ManualClock, SystemClock, SystemEntropy, Timestamp};
use rollcall_store::{Store, StoreConfig, StoreError};
use rollcall_testkit::{PostgresServer, TestDirectory, eventually};

use crate::outages::{check, write};

async fn opened(url: String) -> Store {
    Store::open(&StoreConfig::new(url), Arc::new(SystemClock), Arc::new(SystemEntropy)).await.unwrap()
}

/// Both servers in one URL.
fn both(one: &PostgresServer, two: &PostgresServer) -> String {
    format!("postgres://postgres@{},{}/postgres", one.address(), two.address())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_the_standby_is_used_and_nothing_acknowledged_is_lost() {
    let (primary, standby) = tokio::task::spawn_blocking(|| {
        let primary = PostgresServer::start_primary();
        let standby = primary.standby();
        (primary, standby)
    })
    .await
    .unwrap();
    Store::migrate(&StoreConfig::new(primary.url("postgres"))).await.unwrap();
    // The standby stands first: it takes no writes, so it is passed over.
    let store = opened(both(&standby, &primary)).await;
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_767_225_600_000_000)));
    let directory = TestDirectory::create(store, clock, "acme", "D-1").await;
    let synchronous = "SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
    eventually("the standby is waited for", async || primary.psql(synchronous).unwrap() == "1").await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..4).map(|writer| tokio::spawn(write(directory.clone(), writer, Arc::clone(&stop)))).collect();
    let users =
        |server: &PostgresServer| server.psql("SELECT COUNT(*) FROM resource").unwrap().parse::<usize>().unwrap();
    eventually("all are writing", async || users(&primary) > 30).await;
    tokio::task::block_in_place(|| {
        primary.crash();
        // Whoever watches over the servers needs a moment to decide.
        std::thread::sleep(Duration::from_millis(500));
        standby.promote();
    });
    let recovered = std::time::Instant::now();
    loop {
        match directory.resources().create(directory.new_user(serde_json::json!({ "userName": "after" }))).await {
            Ok(_) => break,
            Err(StoreError::Unavailable(_)) => {
                assert!(recovered.elapsed().as_secs() < 60, "it does not find the new primary");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    let turned = users(&standby);
    eventually("all write on", async || users(&standby) > turned + 10).await;
    stop.store(true, Ordering::SeqCst);
    let mut told = Vec::new();
    for writer in writers {
        told.push(writer.await.unwrap());
    }
    told.push(crate::outages::Told { acknowledged: [("after".to_owned(), 1)].into(), ..Default::default() });
    let acknowledged = check(&directory, &told).await;
    assert!(acknowledged > 20, "{acknowledged}");
    assert!(users(&standby) >= acknowledged);
    // The old primary is gone for good, and the next process starts all the same.
    let again = opened(both(&primary, &standby)).await;
    again.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_no_server_that_takes_writes_opening_says_so() {
    let mut config = StoreConfig::new("postgres://postgres@127.0.0.1:1,127.0.0.1:2/x");
    config.acquire_timeout_ms = 300;
    let refused = Store::open(&config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await;
    match refused.err() {
        Some(StoreError::Unavailable(source)) => {
            assert!(source.to_string().contains("none of the 2 servers"), "{source}")
        }
        other => panic!("{other:?}"),
    }
}
