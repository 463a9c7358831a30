//! The sentinels choose another master.

use rollcall_cache::Told;
use rollcall_testkit as testkit;

use crate::scene::{A, LONG, Scene, Source, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_values_and_notices_go_by_the_new_master() {
    let redis = testkit::Redis::sentinel();
    let (scene, source) = (Scene::on(&redis), Source::default());
    let (here, there) = (scene.process().await, scene.process().await);
    let (ours, theirs) = (here.things(LONG), there.things(LONG));
    source.through(&ours, &A).await;
    redis.kill();
    // Meanwhile everything goes on without.
    assert_eq!(source.through(&here.things(LONG), &A).await, 0);
    tokio::task::block_in_place(|| redis.wait_for_failover());
    eventually("both listen to the new master", async || {
        source.through(&ours, &A).await;
        source.through(&theirs, &A).await;
        source.becomes(source.value.load(std::sync::atomic::Ordering::SeqCst) + 1);
        let told = ours.invalidate(&A).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        told == Told::Everywhere && theirs.get(&A).await.is_none()
    })
    .await;
    assert_eq!(source.through(&theirs, &A).await, source.through(&ours, &A).await);
}
