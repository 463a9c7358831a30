//! Whoever may write to Redis can make things slow, and nothing else.

use std::{sync::Arc, time::Duration};

use rollcall_base::{Clock, ManualClock, SystemClock};
use rollcall_testkit as testkit;

use crate::scene::{A, B, LONG, Process, Scene, Source};

/// A Redis with a value of 0 for A and of 0 for B, and a process that has neither in its memory.
async fn filled(scene: &Scene, source: &Source) -> Process {
    let writer = scene.process().await;
    for key in [&A, &B] {
        source.through(&writer.things(LONG), key).await;
    }
    source.becomes(1);
    scene.process().await
}

fn refused(process: &Process) -> u64 {
    process.counts("rollcall_cache_requests_total", "refused")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_was_moved_to_another_key_is_refused() {
    let (redis, source) = (testkit::Redis::shared(), Source::default());
    let scene = Scene::on(redis);
    let process = filled(&scene, &source).await;
    let key = |slot: &str, rest: &str| format!("{}:{{{slot}}}:thing:{rest}", scene.prefix);
    redis.says(&["copy", &key(B.0, B.1), &key(A.0, A.1), "replace"]);
    assert_eq!(source.through(&process.things(LONG), &A).await, 1, "what was loaded for B is not A's");
    assert_eq!(refused(&process), 1);
    assert_eq!(source.through(&process.things(LONG), &B).await, 0, "B's own is as good as ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_was_altered_or_made_up_is_refused() {
    let (redis, source) = (testkit::Redis::shared(), Source::default());
    let scene = Scene::on(redis);
    let process = filled(&scene, &source).await;
    let key = format!("{}:{{{}}}:thing:{}", scene.prefix, A.0, A.1);
    redis.says(&["append", &key, "1"]);
    assert_eq!(source.through(&process.things(LONG), &A).await, 1);
    assert_eq!(refused(&process), 1);
    for made_up in ["", "x", "1", "{}"] {
        redis.says(&["set", &key, made_up, "px", "30000"]);
        assert_eq!(source.through(&process.things(LONG), &A).await, 1);
    }
    redis.says(&["del", &key]);
    redis.says(&["lpush", &key, "1"]);
    assert_eq!(source.through(&process.things(LONG), &A).await, 1, "not even of the right kind");
    let stranger = scene.process_with(Arc::new(SystemClock), 8).await;
    source.becomes(2);
    assert_eq!(source.through(&stranger.things(LONG), &B).await, 2, "another installation's are not ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_was_made_to_stay_is_refused_when_its_time_is_over() {
    let (redis, source) = (testkit::Redis::shared(), Source::default());
    let scene = Scene::on(redis);
    filled(&scene, &source).await;
    let key = format!("{}:{{{}}}:thing:{}", scene.prefix, A.0, A.1);
    redis.says(&["persist", &key]);
    redis.says(&["pexpire", &key, "3600000"]);
    let at = |after: Duration| Arc::new(ManualClock::new(SystemClock.now().plus(after)));
    let soon = scene.process_with(at(LONG.ttl / 2), 7).await;
    assert_eq!(source.through(&soon.things(LONG), &A).await, 0);
    let late = scene.process_with(at(LONG.ttl), 7).await;
    assert_eq!(source.through(&late.things(LONG), &A).await, 1);
}
