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
