//! Objects that the server refused. A client goes on with the next one; it gives up when nothing goes any more.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use crate::{DifferenceKind, SimulatorError, report::Findings};

/// So many refusals one after another end the run.
const PATIENCE: u32 = 50;

#[derive(Debug, Default)]
pub(super) struct Refusals {
    in_a_row: AtomicU32,
    findings: Mutex<Findings>,
}

impl Refusals {
    /// A refusal is noted and gives nothing; any other error ends the run.
    pub(super) fn bear<T>(&self, result: Result<T, SimulatorError>) -> Result<Option<T>, SimulatorError> {
        match result {
            Ok(value) => {
                self.in_a_row.store(0, Ordering::Relaxed);
                Ok(Some(value))
            }
            Err(refused @ SimulatorError::Refused { .. }) => {
                let count = self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
                if count >= PATIENCE {
                    return Err(SimulatorError::Quarantine { count, last: Box::new(refused) });
                }
                self.findings().add(DifferenceKind::Refused, || refused.to_string());
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    pub(super) fn take(&self) -> Findings {
        std::mem::take(&mut *self.findings())
    }

    fn findings(&self) -> std::sync::MutexGuard<'_, Findings> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Result<(), SimulatorError> {
        Err(SimulatorError::Refused {
            method: "POST",
            target: "/Users".to_owned(),
            status: 400,
            detail: "no".to_owned(),
        })
    }

    #[test]
    fn single_refusals_are_told_and_many_in_a_row_end_the_run() {
        let refusals = Refusals::default();
        for _ in 0..PATIENCE - 1 {
            assert!(matches!(refusals.bear(refused()), Ok(None)));
        }
        assert!(matches!(refusals.bear(Ok(7)), Ok(Some(7))));
        for _ in 0..PATIENCE - 1 {
            refusals.bear(refused()).unwrap();
        }
        let error = refusals.bear(refused()).unwrap_err().to_string();
        assert!(error.contains("50 objects") && error.contains("POST /Users was answered with 400: no"), "{error}");
        assert_eq!(refusals.take().into_parts().1[&DifferenceKind::Refused], u64::from(2 * (PATIENCE - 1)));
    }
}
