//! More at once than can be worked on.

use super::*;

/// A request that is worked on for so long.
const WORK: Duration = Duration::from_millis(10);

#[tokio::test(start_paused = true)]
async fn a_burst_is_taken_by_patience_while_a_steady_neighbour_hardly_notices() {
    let edge = Edge::new(Limits { working: 2, ..Limits::default() });
    let (flood, steady) = (edge.someone(), edge.someone());
    edge.unguarded(steady).await;
    let begin = Instant::now();
    let burst: Vec<_> = (0..2_000)
        .map(|_| {
            let waiting = edge.spawn(flood);
            tokio::spawn(async move {
                let ticket = waiting.await.unwrap();
                sleep(WORK).await;
                ticket.is_ok()
            })
        })
        .collect();
    let mut waited = Duration::ZERO;
    while !burst.iter().all(JoinHandle::is_finished) {
        let asked = Instant::now();
        let ticket = edge.admit(steady).await.unwrap();
        waited = waited.max(asked.elapsed());
        sleep(WORK).await;
        drop(ticket);
        sleep(WORK).await;
    }
    let (mut taken, took) = (0, begin.elapsed());
    for one in burst {
        taken += usize::from(one.await.unwrap());
    }
    assert_eq!(taken, 2_000);
    assert_eq!(waited, Duration::ZERO);
    assert!(took < Duration::from_secs(25), "two at a time, ten milliseconds each: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn of_a_burst_what_cannot_be_worked_on_in_time_is_told_so() {
    let edge = Edge::new(Limits { working: 1, turn_within: Duration::from_secs(10), ..Limits::default() });
    let (flood, other) = (edge.someone(), edge.someone());
    edge.unguarded(flood).await;
    edge.admit(other).await.unwrap();
    let burst: Vec<_> = (0..100)
        .map(|_| {
            let waiting = edge.spawn(flood);
            tokio::spawn(async move {
                let ticket = waiting.await.unwrap();
                sleep(Duration::from_secs(1)).await;
                ticket.err()
            })
        })
        .collect();
    let begin = Instant::now();
    let mut refused = 0;
    for one in burst {
        if let Some(reason) = one.await.unwrap() {
            assert_eq!(reason, Reason::InFlight);
            refused += 1;
        }
    }
    assert_eq!((refused, begin.elapsed().as_secs()), (90, 11), "ten had their turn in ten seconds");
}

/// One of 25 guaranteed Bulk requests of each of these directories, each of which is worked on for so long.
fn bulks(edge: &Edge, directories: &[Who], each: Duration) -> Vec<JoinHandle<bool>> {
    let bulk = |&(tenant, directory): &Who| {
        let inner = Arc::clone(&edge.limiter.0);
        tokio::spawn(async move {
            let ticket = inner.admit(Api::Scim, tenant, directory, true).await;
            sleep(each).await;
            ticket.is_ok()
        })
    };
    directories.iter().flat_map(|who| (0..25).map(move |_| bulk(who))).collect()
}

#[tokio::test(start_paused = true)]
async fn guaranteed_bulk_requests_of_many_directories_are_worked_on_a_few_at_once_and_none_is_refused() {
    let edge = Edge::new(Limits { working: 2, ..Limits::default() });
    let (flood, steady) = (edge.someone(), edge.someone());
    edge.admit(steady).await.unwrap();
    let directories: Vec<Who> = (0..4).map(|_| edge.sibling(flood)).collect();
    let begin = Instant::now();
    let all = bulks(&edge, &directories, Duration::from_secs(1));
    let mut most = 0;
    for second in 0..20 {
        sleep(Duration::from_millis(500)).await;
        most = most.max(edge.limiter.0.metrics.in_flight.get());
        let asked = Instant::now();
        let ticket = edge.admit(steady).await.unwrap();
        assert_eq!(asked.elapsed(), Duration::ZERO, "{second}: another tenant does not wait");
        drop(ticket);
        let asked = Instant::now();
        let ticket = edge.admit(edge.sibling(flood)).await.unwrap();
        assert_eq!(
            asked.elapsed(),
            Duration::ZERO,
            "{second}: nor does another directory of the tenant within its guarantee"
        );
        drop(ticket);
        sleep(Duration::from_millis(500)).await;
    }
    let worked_off = begin.elapsed().as_secs();
    assert_eq!(most, 2);
    for one in all {
        assert!(one.await.unwrap(), "none is refused");
    }
    assert_eq!((worked_off, begin.elapsed().as_secs()), (20, 50), "a hundred, two at once");
}

#[tokio::test(start_paused = true)]
async fn guaranteed_requests_beyond_their_lane_are_among_those_of_their_tenant() {
    let edge = Edge::new(Limits { working: 2, ..Limits::default() });
    let (slow, steady) = (edge.someone(), edge.someone());
    edge.admit(steady).await.unwrap();
    let all: Vec<_> = (0..25)
        .map(|_| {
            let waiting = edge.spawn(slow);
            tokio::spawn(async move {
                let ticket = waiting.await.unwrap();
                sleep(Duration::from_secs(1)).await;
                ticket.is_ok()
            })
        })
        .collect();
    sleep(Duration::from_millis(1_900)).await;
    let most = edge.limiter.0.metrics.in_flight.get();
    for one in all {
        assert!(one.await.unwrap());
    }
    assert_eq!(most, 2, "one in the lane, and one of the tenant's");
}
