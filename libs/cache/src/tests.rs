use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::sync::oneshot;

use super::*;

fn cache() -> Cache<&'static str, usize> {
    Cache::new(CacheLimits { max_entries: 100, ttl: Duration::from_secs(600), negative_ttl: Duration::from_secs(1) })
}

async fn load(loads: &AtomicUsize) -> Result<Option<usize>, io::Error> {
    Ok(Some(loads.fetch_add(1, Ordering::SeqCst)))
}

#[tokio::test]
async fn a_value_is_loaded_once_until_it_is_invalidated() {
    let (cache, loads) = (cache(), AtomicUsize::new(0));
    assert_eq!(cache.get(&"a").await, None);
    for _ in 0..3 {
        assert_eq!(cache.get_or_try_load(&"a", || load(&loads)).await.unwrap(), Some(0));
    }
    cache.invalidate(&"a").await;
    assert_eq!(cache.get(&"a").await, None);
    assert_eq!(cache.get_or_try_load(&"a", || load(&loads)).await.unwrap(), Some(1));
    cache.clear();
    assert_eq!(cache.get_or_try_load(&"a", || load(&loads)).await.unwrap(), Some(2));
}

#[tokio::test]
async fn absence_is_remembered_and_an_error_is_not() {
    let cache = cache();
    let absent = cache.get_or_try_load(&"a", || async { Ok::<_, io::Error>(None) }).await;
    assert_eq!(absent.unwrap(), None);
    assert_eq!(cache.get(&"a").await, Some(None));
    let failed = cache.get_or_try_load(&"b", || async { Err(io::Error::other("down")) }).await;
    assert_eq!(failed.unwrap_err().to_string(), "down");
    assert_eq!(cache.get(&"b").await, None);
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_load() {
    let (cache, loads) = (cache(), AtomicUsize::new(0));
    let slow = || async {
        tokio::task::yield_now().await;
        load(&loads).await
    };
    let both = tokio::join!(cache.get_or_try_load(&"a", slow), cache.get_or_try_load(&"a", slow));
    assert_eq!((both.0.unwrap(), both.1.unwrap()), (Some(0), Some(0)));
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_began_to_load_before_an_invalidation_is_not_served_after_it() {
    let cache = cache();
    let (started, has_started) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let background = cache.clone();
    let channels = std::sync::Mutex::new(Some((started, released)));
    let early = tokio::spawn(async move {
        let load = || async {
            let (started, released) = channels.lock().unwrap().take().unwrap();
            started.send(()).unwrap();
            released.await.unwrap();
            Ok::<_, io::Error>(Some(1))
        };
        background.get_or_try_load(&"a", load).await
    });
    has_started.await.unwrap();
    cache.invalidate(&"a").await;
    release.send(()).unwrap();
    // Who asked before the invalidation may see the old value …
    assert_eq!(early.await.unwrap().unwrap(), Some(1));
    // … who asks after it may not.
    assert_eq!(cache.get(&"a").await, None);
    let fresh = cache.get_or_try_load(&"a", || async { Ok::<_, io::Error>(Some(2)) }).await;
    assert_eq!(fresh.unwrap(), Some(2));
}

#[test]
fn a_negative_answer_lives_a_second_at_most() {
    let limits = CacheLimits { max_entries: 1, ttl: Duration::from_secs(30), negative_ttl: Duration::from_secs(20) };
    let lifetime = |value| {
        let entry = Entry { value, generation: 0 };
        Lifetimes(limits).expire_after_create(&"a", &entry, Instant::now()).unwrap()
    };
    assert_eq!(lifetime(Some(1)), Duration::from_secs(30));
    assert_eq!(lifetime(None), Duration::from_secs(1));
}
