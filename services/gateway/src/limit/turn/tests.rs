use rollcall_base::SeededEntropy;
use tokio::task::{JoinHandle, yield_now};

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

struct Scene {
    turns: Turns,
    entropy: SeededEntropy,
}

impl Scene {
    /// More than one tenant is about.
    fn new(working: usize, in_flight: usize) -> Self {
        let scene = Self { turns: Turns::new(working, in_flight), entropy: SeededEntropy::new(1) };
        scene.turns.heard_of(scene.id(), NOW);
        scene.turns.heard_of(scene.id(), NOW);
        scene
    }

    fn id<T>(&self) -> Id<T> {
        Id::new(NOW, &self.entropy)
    }

    fn spawn(&self, tenant: TenantId, directory: DirectoryId) -> JoinHandle<Turn> {
        let turns = self.turns.clone();
        tokio::spawn(async move { turns.enter(tenant, directory).await })
    }

    /// All numbers, which are 0 once everything is over.
    fn left(&self) -> (usize, usize) {
        let state = self.turns.lock();
        (state.seated, state.lines.len())
    }
}

async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

#[tokio::test]
async fn who_has_fewest_is_next_and_of_two_with_equally_many_who_waits_longer() {
    let scene = Scene::new(3, 10);
    let [loud, quiet] = [scene.id(), scene.id()];
    let at = scene.id();
    let (first, second) = (scene.turns.enter(loud, at).await, scene.turns.enter(loud, at).await);
    let of_quiet = scene.turns.enter(quiet, at).await;
    let waiting = [scene.spawn(loud, at), scene.spawn(quiet, at), scene.spawn(loud, at)];
    settle().await;
    assert!(!waiting.iter().any(JoinHandle::is_finished));
    drop(first);
    settle().await;
    assert_eq!(
        waiting.each_ref().map(JoinHandle::is_finished),
        [true, false, false],
        "one each: loud's turn is longer ago"
    );
    drop(second);
    settle().await;
    assert_eq!(waiting.each_ref().map(JoinHandle::is_finished), [true, true, false]);
    drop(of_quiet);
    settle().await;
    assert!(waiting[2].is_finished());
    drop(waiting.map(|one| one));
    settle().await;
    assert_eq!(scene.left(), (0, 0));
}

#[tokio::test]
async fn who_has_none_is_not_kept_waiting_and_alone_nobody_is() {
    let scene = Scene::new(1, 5);
    let (loud, at) = (scene.id(), scene.id());
    let _held = scene.turns.enter(loud, at).await;
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(scene.turns.enter(scene.id(), at).await);
    }
    let second = scene.spawn(loud, at);
    settle().await;
    assert!(!second.is_finished());
    // Nobody else was heard of for a minute.
    scene.turns.heard_of(loud, NOW.plus(std::time::Duration::from_secs(61)));
    drop(others);
    let _second = second.await.unwrap();
    let _more =
        [scene.turns.enter(loud, at).await, scene.turns.enter(loud, at).await, scene.turns.enter(loud, at).await];
    let sixth = scene.spawn(loud, at);
    settle().await;
    assert!(!sixth.is_finished(), "five are the most of one tenant");
    sixth.abort();
}

#[tokio::test]
async fn what_is_guaranteed_counts_against_its_own_tenant_which_still_has_one_turn() {
    let scene = Scene::new(2, 10);
    let [loud, other] = [scene.id(), scene.id()];
    let at = scene.id();
    let guaranteed = [scene.turns.guaranteed(loud), scene.turns.guaranteed(loud)];
    let first = scene.turns.enter(loud, at).await;
    let second = scene.spawn(loud, at);
    settle().await;
    assert!(!second.is_finished(), "two are worked on besides the first");
    let others = scene.turns.enter(other, at).await;
    drop(guaranteed);
    settle().await;
    assert!(!second.is_finished(), "two turns are handed out");
    drop(first);
    drop(second.await.unwrap());
    drop(others);
    assert_eq!(scene.left(), (0, 0));
}

#[tokio::test]
async fn slow_guaranteed_requests_of_many_directories_take_nobody_elses_turns() {
    let scene = Scene::new(2, 10);
    let [slow, other] = [scene.id(), scene.id()];
    let at = scene.id();
    let _guaranteed: Vec<_> = (0..100).map(|_| scene.turns.guaranteed(slow)).collect();
    let _turns = [scene.turns.enter(other, at).await, scene.turns.enter(other, at).await];
}

#[tokio::test]
async fn while_a_request_waits_for_its_body_another_is_worked_on_and_then_it_is_before_those_that_are_new() {
    let scene = Scene::new(1, 10);
    let (tenant, at) = (scene.id(), scene.id());
    let slow = Arc::new(scene.turns.enter(tenant, at).await);
    slow.pause();
    let quick = scene.turns.enter(tenant, at).await;
    let new = scene.spawn(tenant, at);
    settle().await;
    let again = tokio::spawn({
        let slow = Arc::clone(&slow);
        async move { slow.resume().await }
    });
    settle().await;
    assert!(!new.is_finished() && !again.is_finished() && !slow.is_on());
    drop(quick);
    again.await.unwrap();
    assert!(slow.is_on());
    settle().await;
    assert!(!new.is_finished());
    drop(slow);
    drop(new.await.unwrap());
    assert_eq!(scene.left(), (0, 0));
}

#[tokio::test]
async fn requests_that_are_sent_or_wait_for_their_bodies_are_bounded_by_their_tenants_share_alone() {
    let scene = Scene::new(2, 3);
    let (tenant, at) = (scene.id(), scene.id());
    let mut streaming = Vec::new();
    for _ in 0..3 {
        let turn = scene.turns.enter(tenant, at).await;
        turn.pause();
        streaming.push(turn);
    }
    let fourth = scene.spawn(tenant, at);
    settle().await;
    assert!(!fourth.is_finished());
    let neighbour = scene.id();
    let _others = [scene.turns.enter(neighbour, at).await, scene.turns.enter(neighbour, at).await];
    streaming.pop();
    drop(fourth.await.unwrap());
}

#[tokio::test]
async fn who_goes_while_he_waits_leaves_nothing_behind() {
    let scene = Scene::new(1, 1);
    let (tenant, at) = (scene.id(), scene.id());
    let held = scene.turns.enter(tenant, at).await;
    let waiting: Vec<_> = (0..100).map(|_| scene.spawn(tenant, at)).collect();
    settle().await;
    for one in &waiting[..99] {
        one.abort();
    }
    settle().await;
    drop(held);
    settle().await;
    assert!(waiting[99].is_finished());
    // And who goes in the moment that his turn comes.
    let last = scene.spawn(tenant, at);
    settle().await;
    drop(waiting);
    last.abort();
    settle().await;
    assert_eq!(scene.left(), (0, 0));
}

#[tokio::test]
async fn who_waited_in_vain_does_not_stay_in_line() {
    let scene = Scene::new(1, 1);
    let (tenant, directory) = (scene.id(), scene.id());
    let held = scene.turns.enter(tenant, directory).await;
    for _ in 0..10_000 {
        let mut waiting = Box::pin(scene.turns.enter(tenant, directory));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    }
    let stayed = scene.turns.lock().lines[&tenant].turns.len();
    assert!(stayed <= 64, "{stayed}");
    drop(held);
    assert_eq!(scene.left(), (0, 0));
}
