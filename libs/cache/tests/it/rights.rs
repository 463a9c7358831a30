//! What a user of Redis must be allowed, and no more.

use rollcall_cache::Told;
use rollcall_testkit as testkit;

use crate::scene::{A, LONG, Scene, Source, eventually};

/// As docs/operations.md has it.
const RIGHTS: [&str; 7] = ["+get", "+set", "+pttl", "+publish", "+subscribe", "+ping", "+select"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_the_stated_rights_and_no_others_is_enough() {
    let redis = testkit::Redis::single();
    let scene = Scene::at(&format!("redis://rollcall:a%40word@{}/0", redis.address()));
    let (keys, channels) = (format!("~{}:*", scene.prefix), format!("&{}:notices", scene.prefix));
    let user = ["acl", "setuser", "rollcall", "on", ">a@word", "resetchannels", &keys, &channels];
    assert_eq!(redis.says(&[user.as_slice(), RIGHTS.as_slice()].concat()).trim(), "OK");
    redis.says(&["acl", "setuser", "default", "off"]);
    let (here, there, source) = (scene.process().await, scene.process().await, Source::default());
    let (ours, theirs) = (here.things(LONG), there.things(LONG));
    source.through(&ours, &A).await;
    source.through(&theirs, &A).await;
    assert_eq!(source.loads(), 1);
    assert_eq!(ours.invalidate(&A).await, Told::Everywhere);
    eventually("the other is told", async || theirs.get(&A).await.is_none()).await;
    for process in [&here, &there] {
        assert_eq!(process.counts("rollcall_redis_errors_total", ""), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_write_makes_things_slow_and_not_wrong() {
    let redis = testkit::Redis::single();
    let scene = Scene::at(&format!("redis://reader:word@{}", redis.address()));
    redis.says(&["acl", "setuser", "reader", "on", ">word", "~*", "&*", "+get", "+pttl", "+subscribe", "+ping"]);
    let (process, source) = (scene.process().await, Source::default());
    source.through(&process.things(LONG), &A).await;
    source.becomes(1);
    assert_eq!(source.through(&process.things(LONG), &A).await, 1);
    assert_eq!(process.things(LONG).invalidate(&A).await, Told::HereOnly);
    assert!(process.counts("rollcall_redis_errors_total", "refused") > 0);
}

/// A gateway's, as docs/operations.md has it: it listens, and shares rates.
const OF_A_GATEWAY: [&str; 7] = ["+eval", "+time", "+get", "+set", "+subscribe", "+ping", "+select"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateways_user_may_share_rates_and_read_no_value() {
    let redis = testkit::Redis::single();
    let scene = Scene::at(&format!("redis://gateway:word@{}", redis.address()));
    let (keys, channels) = (format!("~{}:{{*}}:rate:*", scene.prefix), format!("&{}:notices", scene.prefix));
    let user = ["acl", "setuser", "gateway", "on", ">word", "resetchannels", &keys, &channels];
    assert_eq!(redis.says(&[user.as_slice(), OF_A_GATEWAY.as_slice()].concat()).trim(), "OK");
    let gateway = scene.listener().await;
    let leases = gateway.tiers.leases().unwrap();
    let lease = leases.take("directory", "a", rollcall_base::Rate::new(10, 10), 4).await.unwrap();
    assert_eq!(lease.permits, 4);
    assert_eq!(gateway.counts("rollcall_redis_errors_total", ""), 0);
    let secret = format!("{}:{{a}}:credential:", scene.prefix);
    let read = redis.says(&["--user", "gateway", "--pass", "word", "--no-auth-warning", "get", &secret]);
    assert!(read.contains("NOPERM"), "{read}");
}
