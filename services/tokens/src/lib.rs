//! Bearer tokens: issue, verify, revoke.
