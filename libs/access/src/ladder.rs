//! How a credential's life ends, and the warnings before it.

use std::fmt;

use rollcall_base::{DAY, Timestamp};

use crate::CredentialRecord;

/// Days before its end at which is warned.
pub const RUNGS: [u32; 5] = [90, 30, 14, 7, 1];

/// One of [`RUNGS`].
pub type Rung = u32;

/// Where a credential stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialState {
    /// Good.
    Live,
    /// Good, and another one takes its place.
    Retiring,
    /// Another one took its place.
    Retired,
    /// Its time is over.
    Expired,
    /// Somebody revoked it.
    Revoked,
}

impl CredentialState {
    /// A word that stays the same.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Whether the credential opens its directory.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Live | Self::Retiring)
    }
}

impl fmt::Display for CredentialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What ends a credential that nobody revokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its time is over.
    Expires,
    /// Another one takes its place.
    Retires,
}

/// The warnings before a credential's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ladder {
    /// What the end is.
    pub end: End,
    /// When it is.
    pub ends_at: Timestamp,
    /// Rungs before this moment are none: whoever decided then how long it lives knew.
    began_at: Timestamp,
    /// The one in its place is in use: nobody needs to be warned.
    is_silent: bool,
}

impl CredentialRecord {
    /// Where it stands at `now`.
    pub fn state(&self, now: Timestamp) -> CredentialState {
        match self.rotation {
            _ if self.revoked_at.is_some() => CredentialState::Revoked,
            _ if self.expires_at <= now => CredentialState::Expired,
            Some(_) if self.ends_at() <= now => CredentialState::Retired,
            Some(_) => CredentialState::Retiring,
            None => CredentialState::Live,
        }
    }

    /// The warnings before its end. None for what is revoked and for access tokens, which live for an hour.
    pub fn ladder(&self) -> Option<Ladder> {
        if self.revoked_at.is_some() || self.client.is_some() {
            return None;
        }
        let rotation = self.rotation.filter(|rotation| rotation.retires_at < self.expires_at);
        Some(Ladder {
            end: if rotation.is_some() { End::Retires } else { End::Expires },
            ends_at: self.ends_at(),
            began_at: rotation.map_or(self.created_at, |rotation| rotation.rotated_at),
            is_silent: self.rotation.is_some_and(|rotation| rotation.in_use_since.is_some()),
        })
    }

    /// Whole days until its end; none if it is not good any more.
    pub fn expires_in_days(&self, now: Timestamp) -> Option<u64> {
        self.state(now).is_good().then(|| whole_days(self.ends_at(), now))
    }

    /// The nearest rung that it is past, while it is good.
    pub fn expiry_warning(&self, now: Timestamp) -> Option<Rung> {
        self.ladder().filter(|_| self.state(now).is_good())?.nearest(now)
    }
}

fn whole_days(until: Timestamp, now: Timestamp) -> u64 {
    until.since(now).as_secs() / DAY.as_secs()
}

impl Ladder {
    /// The warnings of what lives from `began_at` until `ends_at`, such as an OAuth client.
    pub const fn of_life(began_at: Timestamp, ends_at: Timestamp) -> Self {
        Self { end: End::Expires, ends_at, began_at, is_silent: false }
    }

    /// Whole days until the end.
    pub fn days_left(&self, now: Timestamp) -> u64 {
        whole_days(self.ends_at, now)
    }

    /// The moment of a rung.
    pub fn moment(&self, rung: Rung) -> Timestamp {
        self.ends_at.minus(DAY * rung)
    }

    /// The rungs that there are, first the one farthest from the end.
    pub fn rungs(&self) -> impl DoubleEndedIterator<Item = Rung> {
        let all = if self.is_silent { &[] } else { &RUNGS[..] };
        all.iter().copied().filter(|rung| self.moment(*rung) > self.began_at)
    }

    /// The one nearest to the end of those that `now` is past.
    pub fn nearest(&self, now: Timestamp) -> Option<Rung> {
        self.rungs().rfind(|rung| self.moment(*rung) <= now)
    }

    /// When there is something to say next after `now`: at a rung, or at the end. None after that.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let rung = self.rungs().map(|rung| self.moment(rung)).find(|moment| *moment > now);
        rung.or(Some(self.ends_at)).filter(|moment| *moment > now)
    }
}

#[cfg(test)]
mod tests {
    use rollcall_base::{Id, SeededEntropy};

    use super::*;
    use crate::{Rotation, Scopes, TokenHash};

    const ISSUED: Timestamp = Timestamp::from_micros(1_000_000);

    fn at(days: u32) -> Timestamp {
        ISSUED.plus(DAY * days)
    }

    fn living(days: u32) -> CredentialRecord {
        let entropy = SeededEntropy::new(3);
        CredentialRecord {
            id: Id::new(ISSUED, &entropy),
            tenant: Id::new(ISSUED, &entropy),
            directory: Id::new(ISSUED, &entropy),
            data_key: Id::new(ISSUED, &entropy),
            hash: TokenHash::from_bytes([0; 32]),
            client: None,
            scopes: Scopes::ALL,
            networks: None,
            label: String::new(),
            created_at: ISSUED,
            expires_at: at(days),
            revoked_at: None,
            rotation: None,
        }
    }

    fn rotated(days: u32, on: u32, retires: u32) -> CredentialRecord {
        let record = living(days);
        let rotation = Rotation {
            replaced_by: record.id,
            rotated_at: at(on),
            overlap: DAY,
            in_use_since: None,
            retires_at: at(retires),
        };
        CredentialRecord { rotation: Some(rotation), ..record }
    }

    #[test]
    fn a_year_has_five_rungs_and_an_end() {
        let ladder = living(365).ladder().unwrap();
        let mut moments = Vec::new();
        let mut now = ISSUED;
        while let Some(next) = ladder.next(now) {
            now = next;
            moments.push((next.since(ISSUED).as_secs() / DAY.as_secs(), ladder.nearest(now)));
        }
        let expected = [(275, Some(90)), (335, Some(30)), (351, Some(14)), (358, Some(7)), (364, Some(1))];
        assert_eq!(moments[..5], expected);
        assert_eq!(moments[5..], [(365, Some(1))]);
    }

    #[test]
    fn what_was_issued_for_less_is_not_warned_of_at_once() {
        let short = living(14);
        assert_eq!(short.ladder().unwrap().rungs().collect::<Vec<_>>(), [7, 1]);
        assert_eq!((short.expiry_warning(at(6)), short.expires_in_days(at(6))), (None, Some(8)));
        assert_eq!((short.expiry_warning(at(7)), short.expires_in_days(at(7))), (Some(7), Some(7)));
        assert_eq!((short.expiry_warning(at(14)), short.expires_in_days(at(14))), (None, None));
    }

    #[test]
    fn what_retires_is_warned_of_until_the_one_in_its_place_is_in_use() {
        let mut record = rotated(365, 100, 130);
        let ladder = record.ladder().unwrap();
        assert_eq!((ladder.end, ladder.rungs().collect::<Vec<_>>()), (End::Retires, vec![14, 7, 1]));
        assert_eq!(record.state(at(129)), CredentialState::Retiring);
        assert_eq!(record.state(at(130)), CredentialState::Retired);
        let rotation = record.rotation.unwrap();
        record.rotation = Some(Rotation { in_use_since: Some(at(101)), retires_at: at(102), ..rotation });
        let ladder = record.ladder().unwrap();
        assert_eq!((ladder.rungs().count(), ladder.next(at(101))), (0, Some(at(102))));
        assert_eq!(record.expiry_warning(at(101)), None);
    }

    #[test]
    fn a_deadline_beyond_its_expiry_changes_nothing_of_the_warnings() {
        let record = rotated(365, 350, 365);
        let ladder = record.ladder().unwrap();
        assert_eq!((ladder.end, ladder.ends_at, ladder.rungs().count()), (End::Expires, at(365), 5));
        assert_eq!(record.state(at(365)), CredentialState::Expired);
    }

    #[test]
    fn revoked_ones_and_access_tokens_have_no_ladder() {
        let revoked = CredentialRecord { revoked_at: Some(ISSUED), ..living(365) };
        assert_eq!((revoked.ladder(), revoked.state(ISSUED)), (None, CredentialState::Revoked));
        let access = CredentialRecord { client: Some(Id::new(ISSUED, &SeededEntropy::new(5))), ..living(1) };
        assert_eq!((access.ladder(), access.expiry_warning(ISSUED)), (None, None));
    }
}
