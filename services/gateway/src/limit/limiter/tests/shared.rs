//! Gateways that share a Redis.

use std::time::Instant;

use rollcall_base::SystemEntropy;
use rollcall_cache::{CacheMetrics, Redis, RedisSettings, Tiers};
use rollcall_testkit as testkit;

use super::*;

/// One a second of the shared part, 60 at once: what comes back meanwhile hardly counts.
const LIMITS: Limits = Limits {
    directory: Rate::new(26, 85),
    tenant: Rate::new(2_000, 8_000),
    guaranteed_in_flight: 50,
    in_flight: 1_000,
    working: 1_000,
    patience: NONE,
    turn_within: LONG,
    waiting: 10,
    answer_within: LONG,
    unsent_bytes: 1 << 26,
    write_within: LONG,
    header_bytes: 32_768,
};

async fn edge(redis: &testkit::Redis, prefix: &str, limits: Limits) -> Edge {
    let metrics = CacheMetrics::new(&Registry::new()).unwrap();
    let settings = RedisSettings {
        url: redis.url().parse().unwrap(),
        ca: None,
        prefix: prefix.to_owned(),
        // On a busy machine a healthy server may need longer than in earnest.
        command_timeout: Duration::from_millis(500),
        connect_timeout: Duration::from_millis(1_000),
    };
    let redis = Redis::connect(settings, Arc::new(SystemEntropy), &metrics).await.unwrap();
    let clock = Arc::new(ManualClock::new(START));
    let leases = Tiers::listening(redis, metrics).leases();
    let limiter = Limiter::new(limits, leases, clock.clone(), &Registry::new()).unwrap();
    Edge { limiter, clock, entropy: SeededEntropy::new(1) }
}

/// Tries at both in turn; how many each took.
async fn taken_by_both(edges: [&Edge; 2], who: Who, tries: usize) -> [usize; 2] {
    let mut taken = [0, 0];
    for _ in 0..tries {
        for (edge, taken) in edges.iter().zip(&mut taken) {
            *taken += edge.taken(who, 1).await.0;
            // Else it would not ask again, with a clock that stands still.
            edge.clock.advance(Duration::from_micros(100));
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_hold_one_allowance_and_each_its_guarantee() {
    let (redis, prefix) = (testkit::Redis::shared(), testkit::Redis::fresh_prefix());
    let (one, other) = (edge(redis, &prefix, LIMITS).await, edge(redis, &prefix, LIMITS).await);
    let who = one.someone();
    let begin = Instant::now();
    let taken = taken_by_both([&one, &other], who, 100).await;
    let refilled = usize::try_from(begin.elapsed().as_secs()).unwrap() + 1;
    let total: usize = taken.iter().sum();
    assert!((110..=110 + refilled).contains(&total), "{taken:?} in {:?}", begin.elapsed());
    assert!(taken.iter().all(|taken| *taken >= 25), "{taken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_each_gateway_has_the_whole_and_shares_again_when_it_is_back() {
    let (redis, prefix) = (testkit::Redis::single(), testkit::Redis::fresh_prefix());
    let (one, other) = (edge(&redis, &prefix, LIMITS).await, edge(&redis, &prefix, LIMITS).await);
    let who = one.someone();
    redis.kill();
    assert_eq!(taken_by_both([&one, &other], who, 200).await, [85, 85]);
    assert!(one.limiter.0.leases.is_some() && !one.limiter.0.is_shared(one.clock.now()));

    redis.start();
    let begin = Instant::now();
    loop {
        // Nobody is asked for a second after a failure.
        one.clock.advance(ALONE);
        one.taken(one.sibling(who), 30).await;
        if one.limiter.0.is_shared(one.clock.now()) && one.limiter.0.alone_until.load(Ordering::Relaxed) == i64::MIN {
            break;
        }
        assert!(begin.elapsed() < LONG, "it is not shared again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn most_requests_need_no_question_to_redis() {
    let (redis, prefix) = (testkit::Redis::shared(), testkit::Redis::fresh_prefix());
    let edge = edge(redis, &prefix, Limits { directory: Rate::new(500, 2_000), ..LIMITS }).await;
    let who = edge.someone();
    edge.unguarded(who).await;
    assert_eq!(edge.taken(who, 1_000).await, (1_000, None));
    let asked = edge.limiter.0.metrics.leases_asked();
    // Of the directory's rate 23 at a time, of the tenant's 100.
    assert!((50..=75).contains(&asked), "{asked}");
}
