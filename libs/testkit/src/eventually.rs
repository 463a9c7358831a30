//! Waiting for what comes in its own time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longer than anything takes on a busy machine; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(10);

/// What one asks for again and again: whether something is so, or something that may be there.
pub trait Answer {
    /// What is got in the end.
    type Value;

    /// None as long as one has to ask again.
    fn given(self) -> Option<Self::Value>;
}

impl Answer for bool {
    type Value = ();

    fn given(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Answer for Option<T> {
    type Value = T;

    fn given(self) -> Option<T> {
        self
    }
}

/// Asks again and again until `question` has an answer, which says that `what` is so.
///
/// # Panics
/// After [`PATIENCE`].
pub async fn eventually<A: Answer>(what: &str, question: impl AsyncFnMut() -> A) -> A::Value {
    within(PATIENCE, what, question).await
}

/// As [`eventually`], where how long it takes is a promise.
///
/// # Panics
/// If it is not so `bound` after the call.
pub async fn within<A: Answer>(bound: Duration, what: &str, mut question: impl AsyncFnMut() -> A) -> A::Value {
    let begin = Instant::now();
    loop {
        let asked_after = begin.elapsed();
        if let Some(answer) = question().await.given() {
            return answer;
        }
        assert!(asked_after < bound, "not within {bound:?}: {what}");
        sleep(GLANCE).await;
    }
}

/// As [`eventually`], for who cannot await.
///
/// # Panics
/// After [`PATIENCE`].
pub fn eventually_blocking<A: Answer>(what: &str, mut question: impl FnMut() -> A) -> A::Value {
    let begin = std::time::Instant::now();
    loop {
        let asked_after = begin.elapsed();
        if let Some(answer) = question().given() {
            return answer;
        }
        assert!(asked_after < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(GLANCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_asked_until_there_is_an_answer() {
        for whence in ["awaited", "blocking"] {
            let mut asked = 0;
            let mut third = || {
                asked += 1;
                (asked == 3).then_some(whence)
            };
            let answer = match whence {
                "awaited" => eventually("asked three times", async || third()).await,
                _ => eventually_blocking("asked three times", third),
            };
            assert_eq!((answer, asked), (whence, 3));
        }
    }

    #[tokio::test]
    #[should_panic(expected = "not within 50ms: the sky falls")]
    async fn what_never_comes_fails_after_the_bound() {
        within(Duration::from_millis(50), "the sky falls", async || false).await
    }
}
