//! Whether other tenants have requests too.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rollcall_base::{Id, Timestamp, marker};

/// Who was heard of within this is there. Long, so that one who comes now and then finds the others careful.
const PRESENT: Duration = Duration::from_secs(60);

type Heard = (Id<marker::Tenant>, Timestamp);

/// The two tenants that were heard of last: whoever asks, one of them is another.
#[derive(Debug, Default)]
pub(super) struct Company(Mutex<(Option<Heard>, Option<Heard>)>);

impl Company {
    /// Notes a request of `tenant`; whether another tenant is there.
    pub(super) fn of(&self, tenant: Id<marker::Tenant>, now: Timestamp) -> bool {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, other) = *heard;
        let other = if last.is_some_and(|(last, _)| last == tenant) { other } else { last };
        *heard = (Some((tenant, now)), other);
        other.is_some_and(|(_, at)| now.since(at) < PRESENT)
    }
}

#[cfg(test)]
mod tests {
    use rollcall_base::SeededEntropy;

    use super::*;

    #[test]
    fn a_tenant_has_company_for_a_minute_after_another_was_heard_of() {
        let (company, entropy) = (Company::default(), SeededEntropy::new(1));
        let at = |seconds| Timestamp::from_micros(1_760_000_000_000_000).plus(Duration::from_secs(seconds));
        let [one, two, three] = [(); 3].map(|()| Id::new(at(0), &entropy));
        assert!(!company.of(one, at(0)) && !company.of(one, at(1)));
        assert!(company.of(two, at(2)), "the first was there a second ago");
        assert!(company.of(one, at(3)) && company.of(one, at(61)));
        assert!(!company.of(one, at(62)), "the second was last heard of a minute ago");
        assert!(company.of(three, at(63)) && company.of(two, at(64)) && company.of(one, at(65)));
    }
}
