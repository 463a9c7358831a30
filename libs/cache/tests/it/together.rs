//! Several processes on one Redis.

use std::{io, sync::Mutex, time::Duration};

use rollcall_cache::{Cache, Told};
use rollcall_testkit as testkit;
use tokio::sync::oneshot;

use crate::scene::{A, B, LONG, SHORT, Scene, Source, Things, eventually};

macro_rules! on_every_redis {
    ($($(#[$attribute:meta])* async fn $name:ident($scene:ident) $body:block)*) => {$(
        $(#[$attribute])*
        mod $name {
            use super::*;

            async fn run($scene: Scene) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn single() {
                run(Scene::on(testkit::Redis::shared())).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sentinel() {
                run(Scene::on(testkit::Redis::shared_sentinel())).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn cluster() {
                run(Scene::on(testkit::Redis::shared_cluster())).await
            }
        }
    )*};
}

/// A load that waits until it is told to bring `old`.
fn slow_load(things: &Things, old: usize) -> (oneshot::Receiver<()>, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (started, has_started) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let (things, channels) = (things.clone(), Mutex::new(Some((started, released))));
    let task = tokio::spawn(async move {
        let load = || async {
            let (started, released) = channels.lock().unwrap().take().unwrap();
            started.send(()).unwrap();
            released.await.unwrap();
            Ok::<_, io::Error>(Some(old))
        };
        assert_eq!(things.get_or_try_load(&A, load).await.unwrap(), Some(old));
    });
    (has_started, release, task)
}

on_every_redis! {
    async fn what_one_process_has_loaded_another_need_not(scene) {
        let (here, there, source) = (scene.process().await, scene.process().await, Source::default());
        for key in [&A, &B] {
            source.through(&here.things(LONG), key).await;
            source.through(&there.things(LONG), key).await;
        }
        assert_eq!(source.loads(), 2);
        assert_eq!(there.counts("rollcall_cache_requests_total", "redis"), 2);
    }

    async fn what_one_process_invalidates_all_others_forget(scene) {
        let (here, there, source) = (scene.process().await, scene.process().await, Source::default());
        let (ours, theirs) = (here.things(LONG), there.things(LONG));
        // This one keeps what it knows to itself, and hangs it on the same key.
        let follower: Cache<u8, usize> = Cache::following("follower", LONG, &there.tiers, |_: &u8| A);
        for things in [&ours, &theirs] {
            assert_eq!(source.through(things, &A).await, 0);
        }
        follower.get_or_try_load(&1, || source.load()).await.unwrap();
        source.becomes(1);
        assert_eq!(ours.invalidate(&A).await, Told::Everywhere);
        assert_eq!(source.through(&ours, &A).await, 1);
        eventually("the other forgets", async || theirs.get(&A).await.is_none() && follower.get(&1).await.is_none()).await;
        assert_eq!(source.through(&theirs, &A).await, 1);
        let fresh = scene.process().await;
        assert_eq!(source.through(&fresh.things(LONG), &A).await, 1, "nor has Redis the old value");
    }

    async fn who_only_tells_is_heard_by_all_and_leaves_nothing_in_redis(scene) {
        let (teller, there, source) = (scene.teller().await, scene.process().await, Source::default());
        let (ours, theirs) = (teller.things(LONG), there.things(LONG));
        assert_eq!(source.through(&ours, &A).await, 0);
        assert_eq!(source.through(&theirs, &A).await, 0);
        assert_eq!(source.loads(), 2, "what it loaded is its own");
        source.becomes(1);
        assert_eq!(ours.invalidate(&A).await, Told::Everywhere);
        eventually("the other forgets", async || theirs.get(&A).await.is_none()).await;
        assert_eq!(source.through(&theirs, &A).await, 1);
        assert_eq!(teller.counts("rollcall_cache_requests_total", "refused"), 0);
    }

    async fn what_does_not_fit_is_loaded_anew_wherever_it_is(scene) {
        let (here, there, source) = (scene.process().await, scene.process().await, Source::default());
        let (ours, theirs) = (here.things(LONG), there.things(LONG));
        source.through(&ours, &A).await;
        source.becomes(1);
        let fits = |value: &usize| *value == 1;
        for (things, loads) in [(&theirs, 2), (&ours, 3), (&theirs, 3), (&ours, 3)] {
            let found = things.get_fitting_or_try_load(&A, fits, || source.load()).await.unwrap();
            assert_eq!((found, source.loads()), (Some(1), loads));
        }
    }

    async fn an_old_load_of_another_process_does_not_come_back_after_an_invalidation(scene) {
        let (here, there, source) = (scene.process().await, scene.process().await, Source::default());
        let (ours, theirs) = (here.things(LONG), there.things(LONG));
        let (has_started, release, old) = slow_load(&theirs, 7);
        has_started.await.unwrap();
        assert_eq!(ours.invalidate(&A).await, Told::Everywhere);
        source.becomes(1);
        release.send(()).unwrap();
        old.await.unwrap();
        for process in [&here, &scene.process().await] {
            assert_eq!(source.through(&process.things(LONG), &A).await, 1);
        }
        eventually("the other forgets", async || theirs.get(&A).await.is_none()).await;
        assert_eq!(source.through(&theirs, &A).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_no_message_reaches_is_wrong_for_the_stated_time_at_most() {
    let redis = testkit::Redis::shared();
    let gate = testkit::Gate::before(redis.address()).await;
    let scene = Scene::on(redis);
    let behind = Scene { prefix: scene.prefix.clone(), ..Scene::at(&format!("redis://{}", gate.address())) };
    let (here, there, source) = (scene.process().await, behind.process().await, Source::default());
    let theirs = there.things(SHORT);
    assert_eq!(source.through(&theirs, &A).await, 0);
    gate.shut();
    source.becomes(1);
    assert_eq!(here.things(SHORT).invalidate(&A).await, Told::Everywhere);
    assert_eq!(source.through(&theirs, &A).await, 0, "it has not heard");
    tokio::time::sleep(SHORT.ttl).await;
    assert_eq!(source.through(&theirs, &A).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_loads_from_a_process_that_hears_later_forgets_what_that_still_said() {
    let scene = Scene::on(testkit::Redis::shared());
    let (here, gateway, source) = (scene.process().await, scene.listener().await, Source::default());
    let verdicts: Cache<u8, usize> = Cache::following("verdict", LONG, &gateway.tiers, |_: &u8| A);
    verdicts.get_or_try_load(&1, || source.load()).await.unwrap();
    assert_eq!(here.things(LONG).invalidate(&A).await, Told::Everywhere);
    eventually("it is told", async || verdicts.get(&1).await.is_none()).await;
    // The other process has not heard yet and says the same again.
    verdicts.get_or_try_load(&1, || source.load()).await.unwrap();
    let forgotten = eventually("it forgets again", async || verdicts.get(&1).await.is_none());
    assert!(tokio::time::timeout(LONG.ttl / 3, forgotten).await.is_ok(), "long before its time is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_come_in_for_as_long_as_there_is_a_cache_that_wants_them() {
    let scene = Scene::on(testkit::Redis::shared());
    let (here, mut gateway, source) = (scene.process().await, scene.listener().await, Source::default());
    let verdicts: Cache<u8, usize> = Cache::following("verdict", LONG, &gateway.tiers, |_: &u8| A);
    gateway.tiers = Scene::without_redis().process().await.tiers;
    verdicts.get_or_try_load(&1, || source.load()).await.unwrap();
    assert_eq!(here.things(LONG).invalidate(&A).await, Told::Everywhere);
    let forgotten = eventually("it is told", async || verdicts.get(&1).await.is_none());
    assert!(tokio::time::timeout(LONG.ttl / 3, forgotten).await.is_ok(), "long before its time is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_been_missed_while_nobody_listened_is_forgotten_once_somebody_does() {
    let redis = testkit::Redis::shared();
    let gate = testkit::Gate::before(redis.address()).await;
    let scene = Scene::on(redis);
    let behind = Scene { prefix: scene.prefix.clone(), ..Scene::at(&format!("redis://{}", gate.address())) };
    let (here, there, source) = (scene.process().await, behind.process().await, Source::default());
    let theirs = there.things(LONG);
    source.through(&theirs, &A).await;
    gate.shut();
    eventually("the loss is noticed", async || there.counts("rollcall_redis_listening", "") == 0).await;
    source.becomes(1);
    assert_eq!(here.things(LONG).invalidate(&A).await, Told::Everywhere);
    assert_eq!(theirs.get(&A).await, Some(Some(0)));
    gate.open();
    eventually("it listens again", async || there.counts("rollcall_redis_listening", "") == 1).await;
    assert_eq!(theirs.get(&A).await, None);
    assert_eq!(source.through(&theirs, &A).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_out_of_redis_does_not_begin_a_second_life() {
    let scene = Scene::on(testkit::Redis::shared());
    let (here, there, source) = (scene.process().await, scene.process().await, Source::default());
    source.through(&here.things(SHORT), &A).await;
    tokio::time::sleep(SHORT.ttl / 2).await;
    let theirs = there.things(SHORT);
    assert_eq!(source.through(&theirs, &A).await, 0);
    assert_eq!(source.loads(), 1, "it came from Redis, in the middle of its life");
    source.becomes(1);
    tokio::time::sleep(SHORT.ttl / 2 + Duration::from_millis(1)).await;
    assert_eq!(source.through(&theirs, &A).await, 1);
}
