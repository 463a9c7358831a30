//! What a tenant decides about its tokens.

use std::time::Duration;

use rollcall_access::TenantScope;
use rollcall_base::DAY;
use rollcall_store::{PolicyChange, TenantPolicy};

use super::{LocalTokens, issue::LONGEST_LIFE};
use crate::TokensError;

/// Longer than a process may go on with what it remembers, so that none refuses an old token that another still takes.
const SHORTEST_OVERLAP: Duration = Duration::from_secs(60);
const LONGEST_DEADLINE: Duration = DAY.saturating_mul(365);

impl LocalTokens {
    /// The tenant's policy.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn policy(&self, scope: &TenantScope) -> Result<TenantPolicy, TokensError> {
        Ok(self.store.tenant(scope).policy().await?)
    }

    /// Changes the tenant's policy for what is issued and rotated from now on, and returns it. Of two changes at the same time
    /// one is made upon the other.
    ///
    /// # Errors
    /// [`TokensError::Policy`]
    pub async fn change_policy(&self, scope: &TenantScope, change: PolicyChange) -> Result<TenantPolicy, TokensError> {
        self.store.tenant(scope).change_policy(change, check).await?.map_err(TokensError::Policy)
    }
}

fn check(policy: &TenantPolicy) -> Result<(), &'static str> {
    let wrong = Err;
    if !(1..=LONGEST_LIFE).contains(&policy.longest_token_days) {
        return wrong("the longest life of a token is 1 to 730 days");
    }
    if !(1..=policy.longest_token_days).contains(&policy.token_days) {
        return wrong(
            "a token's usual life is at least a day and at most the longest one that the policy allows; lower --token-days or \
             raise --longest-token-days",
        );
    }
    if policy.rotation_overlap < SHORTEST_OVERLAP {
        return wrong("the overlap of a rotation is at least a minute, so that all processes know of the new token");
    }
    if policy.rotation_deadline < policy.rotation_overlap {
        return wrong("the deadline of a rotation is not shorter than its overlap");
    }
    if policy.rotation_deadline > LONGEST_DEADLINE {
        return wrong("the deadline of a rotation is at most 365 days");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_keeps_to_its_bounds() {
        let usual = TenantPolicy::default();
        assert!(check(&usual).is_ok());
        for wrong in [
            TenantPolicy { longest_token_days: 731, ..usual },
            TenantPolicy { token_days: 0, ..usual },
            TenantPolicy { token_days: 91, longest_token_days: 90, ..usual },
            TenantPolicy { rotation_overlap: Duration::from_secs(59), ..usual },
            TenantPolicy { rotation_deadline: usual.rotation_overlap - Duration::from_secs(1), ..usual },
            TenantPolicy { rotation_deadline: DAY * 366, ..usual },
        ] {
            assert!(check(&wrong).is_err(), "{wrong:?}");
        }
    }
}
