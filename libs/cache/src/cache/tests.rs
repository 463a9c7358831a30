use std::{convert::Infallible, io};

use futures_util::future::join_all;
use prometheus::Registry;
use tokio::sync::Barrier;

use super::*;
use crate::CacheMetrics;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Number(usize);

impl CacheKey for Number {
    const NAME: &'static str = "number";

    fn slot(&self) -> String {
        self.0.to_string()
    }

    fn rest(&self) -> String {
        String::new()
    }
}

const LIMITS: CacheLimits =
    CacheLimits { max_entries: 100, ttl: CacheLimits::LONGEST, negative_ttl: CacheLimits::LONGEST_NEGATIVE };

fn tiers() -> Tiers {
    Tiers::in_process(CacheMetrics::new(&Registry::new()).unwrap())
}

/// How many of 200 values of so many bytes stay.
async fn kept(cache: &Cache<Number, usize>, bytes: usize) -> usize {
    for number in 0..200 {
        let load = || async { Ok::<_, Infallible>(Some(bytes)) };
        assert_eq!(cache.get_or_try_load(&Number(number), load).await.unwrap(), Some(bytes));
    }
    cache.0.entries.run_pending_tasks().await;
    let all = join_all((0..200).map(|number| async move { cache.get(&Number(number)).await.is_some() })).await;
    all.into_iter().filter(|is_there| *is_there).count()
}

#[tokio::test]
async fn an_entry_counts_as_one_for_each_started_kib_of_its_weight() {
    for (bytes, entries) in [(0, 100), (1, 100), (1024, 100), (1025, 50), (10 * 1024, 10), (101 * 1024, 0)] {
        let cache = Cache::weighed(LIMITS, &tiers(), |bytes: &usize| u32::try_from(*bytes).unwrap());
        assert_eq!(kept(&cache, bytes).await, entries, "{bytes} bytes");
        assert_eq!(kept(&Cache::new(LIMITS, &tiers()), bytes).await, 100, "{bytes} bytes, not weighed");
    }
}

#[tokio::test]
async fn that_there_is_nothing_counts_as_one_whatever_values_weigh() {
    let cache = Cache::weighed(LIMITS, &tiers(), |_: &usize| u32::MAX);
    let nothing = || async { Ok::<_, Infallible>(None) };
    assert_eq!(cache.get_or_try_load(&Number(1), nothing).await.unwrap(), None);
    cache.0.entries.run_pending_tasks().await;
    assert_eq!(cache.get(&Number(1)).await, Some(None));
}

#[tokio::test]
async fn where_nothing_is_kept_nobody_waits_for_anothers_load_and_each_gets_its_own() {
    const CALLERS: usize = 10;
    let cache = Cache::new(CacheLimits { ttl: Duration::ZERO, ..LIMITS }, &tiers());
    // Nobody passes before all have begun to load.
    let (all, cache) = (&Barrier::new(CALLERS), &cache);
    let callers = (0..CALLERS).map(|own| async move {
        let load = || async move {
            all.wait().await;
            Ok::<_, io::Error>(Some(own))
        };
        cache.get_fitting_or_try_load(&Number(1), |value| *value == own, load).await.unwrap()
    });
    let found = tokio::time::timeout(Duration::from_secs(30), join_all(callers)).await;
    assert_eq!(found.unwrap(), (0..CALLERS).map(Some).collect::<Vec<_>>());
    assert_eq!(cache.get(&Number(1)).await, None);
}
