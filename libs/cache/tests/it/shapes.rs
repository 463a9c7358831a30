//! What holds on memory alone and on every kind of Redis.

use std::io;

use rollcall_cache::Told;
use tokio::sync::oneshot;

use crate::scene::{A, B, LONG, Scene, Source};

/// Writes each test once and runs it on every shape.
macro_rules! on_every_shape {
    ($($(#[$attribute:meta])* async fn $name:ident($scene:ident) $body:block)*) => {$(
        $(#[$attribute])*
        mod $name {
            use super::*;

            async fn run($scene: Scene) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn in_process() {
                run(Scene::without_redis()).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn single() {
                run(Scene::on(rollcall_testkit::Redis::shared())).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sentinel() {
                run(Scene::on(rollcall_testkit::Redis::shared_sentinel())).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn cluster() {
                run(Scene::on(rollcall_testkit::Redis::shared_cluster())).await
            }
        }
    )*};
}

on_every_shape! {
    async fn a_value_is_loaded_once_until_it_is_invalidated(scene) {
        let (process, source) = (scene.process().await, Source::default());
        let things = process.things(LONG);
        assert_eq!(things.get(&A).await, None);
        for _ in 0..3 {
            assert_eq!(source.through(&things, &A).await, 0);
            source.becomes(1);
        }
        assert_eq!(source.loads(), 1);
        let told = things.invalidate(&A).await;
        assert_eq!(told, if process.counts("rollcall_redis_listening", "") == 1 { Told::Everywhere } else { Told::HereOnly });
        assert_eq!(things.get(&A).await, None);
        assert_eq!(source.through(&things, &A).await, 1);
        source.becomes(2);
        things.clear();
        assert_eq!(source.through(&things, &A).await, 2);
    }

    async fn absence_is_remembered_here_and_an_error_is_not(scene) {
        let process = scene.process().await;
        let things = process.things(LONG);
        let absent = things.get_or_try_load(&A, || async { Ok::<_, io::Error>(None) }).await;
        assert_eq!(absent.unwrap(), None);
        assert_eq!(things.get(&A).await, Some(None));
        let elsewhere = process.things(LONG);
        let found = elsewhere.get_or_try_load(&A, || async { Ok::<_, io::Error>(Some(1)) }).await;
        assert_eq!(found.unwrap(), Some(1), "that there is none is no other's business");
        let failed = things.get_or_try_load(&B, || async { Err(io::Error::other("down")) }).await;
        assert_eq!(failed.unwrap_err().to_string(), "down");
        assert_eq!(things.get(&B).await, None);
    }

    async fn callers_at_the_same_time_share_one_load(scene) {
        let (process, source) = (scene.process().await, Source::default());
        let things = process.things(LONG);
        let all = (0..50).map(|_| source.through(&things, &A));
        assert!(futures_util::future::join_all(all).await.iter().all(|value| *value == 0));
        assert_eq!(source.loads(), 1);
    }

    async fn what_began_to_load_before_an_invalidation_is_not_served_after_it(scene) {
        let process = scene.process().await;
        let things = process.things(LONG);
        let (started, has_started) = oneshot::channel();
        let (release, released) = oneshot::channel::<()>();
        let background = things.clone();
        let channels = std::sync::Mutex::new(Some((started, released)));
        let early = tokio::spawn(async move {
            let load = || async {
                let (started, released) = channels.lock().unwrap().take().unwrap();
                started.send(()).unwrap();
                released.await.unwrap();
                Ok::<_, io::Error>(Some(1))
            };
            background.get_or_try_load(&A, load).await
        });
        has_started.await.unwrap();
        let _ = things.invalidate(&A).await;
        release.send(()).unwrap();
        // Who asked before the invalidation may see the old value …
        assert_eq!(early.await.unwrap().unwrap(), Some(1));
        // … who asks after it may not.
        assert_eq!(things.get(&A).await, None);
        let fresh = things.get_or_try_load(&A, || async { Ok::<_, io::Error>(Some(2)) }).await;
        assert_eq!(fresh.unwrap(), Some(2));
    }
}
