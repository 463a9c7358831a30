//! Reading everything back: every user and group by pages, samples by id, memberships exactly, names that were given up.

mod compare;
mod groups;
mod samples;
mod users;

use crate::{
    SimulatorError, Step,
    progress::{Counter, Watcher},
    report::Findings,
    run::Run,
};

/// At most so many are asked for one by one.
const SAMPLE: usize = 200;

/// What the server shows other than what the client last said. Resources of other names than this run's are left alone.
pub(crate) async fn differences(run: &Run, progress: Watcher<'_>) -> Result<Findings, SimulatorError> {
    let samples = samples::Samples::of(run);
    let total = run.company.people() as usize + 2 * run.company.size.groups as usize + samples.count();
    let mut counter = Counter::start(Step::Verifying, total, progress);
    let mut found = users::differences(run, &mut counter).await?;
    found.append(groups::differences(run, &mut counter).await?);
    found.append(samples.differences(run, &mut counter).await?);
    counter.end();
    Ok(found)
}

/// At most [`SAMPLE`] of `all`, evenly spread.
fn sample<T>(all: Vec<T>) -> Vec<T> {
    let step = all.len().div_ceil(SAMPLE).max(1);
    all.into_iter().step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_asked_for_all_and_many_evenly() {
        assert_eq!(sample(vec![1, 2, 3]), [1, 2, 3]);
        let of_many = sample((0..100_000).collect());
        assert!(of_many.len() <= SAMPLE && of_many.len() > SAMPLE / 2 && of_many.ends_with(&[99_500]));
        assert!(sample(Vec::<u8>::new()).is_empty());
    }
}
