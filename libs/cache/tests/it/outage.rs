//! Redis away, slow, or emptied: no wrong answer, no error, and no more loads than there must be.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use rollcall_cache::Told;
use rollcall_testkit as testkit;

use crate::scene::{A, B, Key, LONG, Process, Scene, Source, eventually};

const CLOSED: u64 = 0;
const OPEN: u64 = 2;

fn breaker(process: &Process) -> u64 {
    process.counts("rollcall_redis_breaker", "")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_starts_without_redis_works_and_is_joined_by_it_later() {
    let redis = testkit::Redis::single();
    redis.kill();
    let (scene, source) = (Scene::on(&redis), Source::default());
    let process = scene.deaf_process().await;
    let things = process.things(LONG);
    assert_eq!(source.through(&things, &A).await, 0);
    assert_eq!(things.invalidate(&A).await, Told::HereOnly);
    source.becomes(1);
    assert_eq!(source.through(&things, &A).await, 1);
    redis.start();
    eventually("Redis is used", async || {
        source.through(&process.things(LONG), &B).await;
        process.counts("rollcall_cache_requests_total", "hit") > 0 && breaker(&process) == CLOSED
    })
    .await;
    eventually("others are told", async || things.invalidate(&B).await == Told::Everywhere).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_breaker_opens_when_redis_dies_and_closes_when_it_is_back() {
    let redis = testkit::Redis::single();
    let (scene, source) = (Scene::on(&redis), Source::default());
    let process = scene.process().await;
    source.through(&process.things(LONG), &A).await;
    redis.kill();
    for asked in 0..20 {
        // Another cache each time, so that it is Redis that is asked.
        assert_eq!(source.through(&process.things(LONG), &A).await, 0);
        assert_eq!(source.loads(), asked + 2);
    }
    assert_eq!(breaker(&process), OPEN);
    let failures = process.counts("rollcall_redis_errors_total", "");
    assert!(failures >= 5, "{failures}");
    redis.start();
    eventually("it closes", async || {
        source.through(&process.things(LONG), &A).await;
        breaker(&process) == CLOSED
    })
    .await;
    let loads = source.loads();
    source.through(&process.things(LONG), &B).await;
    source.through(&process.things(LONG), &B).await;
    assert_eq!(source.loads(), loads + 1, "Redis is used again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_redis_that_hangs_once_the_breaker_knows() {
    let redis = testkit::Redis::single();
    let (scene, source) = (Scene::on(&redis), Source::default());
    let process = scene.process().await;
    source.through(&process.things(LONG), &A).await;
    redis.freeze();
    source.becomes(1);
    // All at once: each waits for the timeout and no longer, and then nobody asks.
    let caches: Vec<_> = (0..10).map(|_| process.things(LONG)).collect();
    let all = join_all(caches.iter().map(|things| source.through(things, &A))).await;
    assert!(all.iter().all(|value| *value == 1));
    assert_eq!(breaker(&process), OPEN);
    assert!(process.counts("rollcall_redis_errors_total", "timeout") >= 5);
    let failed = process.counts("rollcall_redis_errors_total", "");
    for _ in 0..100 {
        assert_eq!(source.through(&process.things(LONG), &B).await, 1);
        assert_eq!(caches[0].forget(&A).await, Told::HereOnly);
    }
    // Whoever asks fails and is counted. Once a second one may, and a new connection is tried.
    let asked = process.counts("rollcall_redis_errors_total", "") - failed;
    assert!(asked < 10, "of 200 questions {asked} were asked");
    source.becomes(2);
    assert_eq!(source.through(&caches[0], &A).await, 2, "here it is forgotten all the same");
    redis.thaw();
    eventually("it is used again", async || {
        source.through(&process.things(LONG), &B).await;
        breaker(&process) == CLOSED
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_was_not_told_is_not_believed_when_it_comes_back() {
    let redis = testkit::Redis::shared();
    let gate = testkit::Gate::before(redis.address()).await;
    let (scene, source) = (Scene::at(&format!("redis://{}", gate.address())), Source::default());
    let process = scene.process().await;
    let things = process.things(LONG);
    assert_eq!(source.through(&things, &A).await, 0);
    gate.shut();
    eventually("the loss is noticed", async || {
        source.through(&process.things(LONG), &B).await;
        process.counts("rollcall_redis_errors_total", "connection") > 0
    })
    .await;
    source.becomes(1);
    assert_eq!(things.invalidate(&A).await, Told::HereOnly);
    gate.open();
    eventually("Redis is used, and has the old value still", async || {
        source.through(&process.things(LONG), &A).await == 0
    })
    .await;
    for _ in 0..3 {
        assert_eq!(source.through(&things, &A).await, 1);
        assert_eq!(things.get(&A).await, Some(Some(1)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_emptied_under_load_is_filled_again_by_one_load_per_process_and_key() {
    const KEYS: [Key; 4] = [Key("1", "a"), Key("2", "b"), Key("3", "c"), Key("4", "d")];
    let redis = testkit::Redis::single();
    let (scene, source) = (Scene::on(&redis), Source::default());
    let processes = [scene.process().await, scene.process().await];
    for round in 1..=5 {
        redis.flush();
        source.loads.store(0, Ordering::SeqCst);
        let caches: Vec<_> = processes.iter().map(|process| process.things(LONG)).collect();
        let all = caches.iter().flat_map(|things| {
            KEYS.iter().flat_map(|key| (0..25).map(|_| source.through(things, key)).collect::<Vec<_>>())
        });
        assert!(join_all(all).await.iter().all(|value| *value == 0), "round {round}");
        let loads = source.loads();
        assert!((KEYS.len()..=KEYS.len() * processes.len()).contains(&loads), "round {round}: {loads} loads");
    }
    for process in &processes {
        assert_eq!(breaker(process), CLOSED);
        assert_eq!(process.counts("rollcall_redis_errors_total", ""), 0);
    }
}
