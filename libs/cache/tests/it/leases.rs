//! Rates that processes share, on every kind of Redis.

use std::time::{Duration, Instant};

use rollcall_base::Rate;
use rollcall_cache::Leases;
use rollcall_testkit as testkit;

use crate::scene::{Scene, eventually};

/// One comes back in a second: hardly any while a test runs.
const SLOW: Rate = Rate::new(1, 100);

async fn all_of(leases: [&Leases; 2], id: &str, wanted: u32) -> u32 {
    let mut sum = 0;
    loop {
        let mut took = 0;
        for leases in leases {
            took += leases.take("directory", id, SLOW, wanted).await.unwrap().permits;
        }
        if took == 0 {
            return sum;
        }
        sum += took;
    }
}

async fn processes_take_together_what_one_alone_could(redis: &testkit::Redis) {
    let scene = Scene::on(redis);
    let processes = [scene.process().await, scene.process().await];
    let [one, other] = processes.each_ref().map(|process| process.tiers.leases().unwrap());
    let begin = Instant::now();
    let taken = all_of([&one, &other], "directory-1", 7).await;
    let refilled = u32::try_from(begin.elapsed().as_secs()).unwrap() + 1;
    assert!((100..=100 + refilled).contains(&taken), "{taken}");
    // The last permits are given though they are fewer than were wanted, and then the wait is told.
    let refused = one.take("directory", "directory-1", SLOW, 7).await.unwrap();
    assert!(
        refused.permits > 0 || (refused.wait > Duration::ZERO && refused.wait <= Duration::from_secs(1)),
        "{refused:?}"
    );
    let untouched = other.take("directory", "directory-2", SLOW, 7).await.unwrap();
    assert_eq!(untouched.permits, 7, "another directory's rate is its own");
    assert_eq!(other.take("tenant", "directory-1", SLOW, 7).await.unwrap().permits, 7, "and so is another kind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single() {
    processes_take_together_what_one_alone_could(testkit::Redis::shared()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinel() {
    processes_take_together_what_one_alone_could(testkit::Redis::shared_sentinel()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster() {
    processes_take_together_what_one_alone_could(testkit::Redis::shared_cluster()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_there_are_no_leases_and_nobody_waits_for_a_redis_that_is_away() {
    assert!(Scene::without_redis().process().await.tiers.leases().is_none());
    let redis = testkit::Redis::single();
    let process = Scene::on(&redis).process().await;
    let leases = process.tiers.leases().unwrap();
    assert_eq!(leases.take("directory", "a", SLOW, 1).await.unwrap().permits, 1);
    redis.freeze();
    for _ in 0..100 {
        assert_eq!(leases.take("directory", "a", SLOW, 1).await, None);
    }
    // A hundred who had each waited for the timeout would have been counted; the breaker lets hardly one a second ask.
    let asked = process.counts("rollcall_redis_errors_total", "");
    assert!(asked < 20, "{asked} of 100 waited");
    redis.thaw();
    eventually("it is asked again", async || leases.take("directory", "a", SLOW, 1).await.is_some()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_expires_and_what_somebody_else_stored_there_does_no_harm() {
    let redis = testkit::Redis::shared();
    let scene = Scene::on(redis);
    let leases = scene.process().await.tiers.leases().unwrap();
    let fast = Rate::new(1_000, 100);
    leases.take("directory", "a", fast, 100).await.unwrap();
    let key = format!("{}:{{a}}:rate:directory", scene.prefix);
    let expires: i64 = redis.says(&["pttl", &key]).trim().parse().unwrap();
    assert!(expires > 0 && expires <= 1_100, "{expires} ms");
    for odd in ["nonsense", "99999999999999999999", "-5", "inf", "nan"] {
        redis.says(&["set", &key, odd]);
        let lease = leases.take("directory", "a", fast, 1).await.unwrap();
        assert!(lease.permits == 1 || lease.wait <= Duration::from_millis(1), "{odd}: {lease:?}");
    }
}
