//! Time as an argument: everything that needs the time takes a [`Clock`].

use std::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339, macros::format_description};

/// An hour.
pub const HOUR: Duration = Duration::from_secs(60 * 60);
/// Twenty-four hours.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A moment, in whole microseconds since 1970-01-01T00:00:00Z. Microseconds because both databases keep them exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z.
const FIRST_SHOWN: i64 = -62_167_219_200_000_000;
const LAST_SHOWN: i64 = 253_402_300_799_999_999;

/// The text is not a date and time of RFC 3339 / xsd:dateTime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time such as 2026-11-21T08:15:30Z")]
pub struct TimestampError;

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Later by `span`; stops at the end of time.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Earlier by `span`; stops at the beginning of time.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The hour that it lies in, counted from 1970-01-01T00:00Z on.
    pub const fn hour(self) -> i64 {
        self.0.div_euclid(HOUR.as_micros() as i64)
    }

    /// The beginning of an hour as [`Self::hour`] counts them; stops at either end of time.
    #[must_use]
    pub const fn of_hour(hour: i64) -> Self {
        Self(hour.saturating_mul(HOUR.as_micros() as i64))
    }

    /// The day in UTC that it lies in, counted from 1970-01-01 on.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY.as_micros() as i64)
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads xsd:dateTime as RFC 7643 §2.3.5 has it: any offset, any number of fraction digits (cut to microseconds).
    ///
    /// # Errors
    /// [`TimestampError`] if the text is no such date.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimestampError)?;
        i64::try_from(moment.unix_timestamp_nanos().div_euclid(1000)).map(Self).map_err(|_| TimestampError)
    }
}

impl fmt::Display for Timestamp {
    /// `2026-11-21T08:15:30.203764Z`: UTC, always six digits, so that texts sort as the moments do. Years have four digits
    /// (RFC 3339): what is before year 0 or after 9999 is shown as the first or last moment of these.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
        let within = self.0.clamp(FIRST_SHOWN, LAST_SHOWN);
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(within) * 1000)
            .ok()
            .and_then(|moment| moment.to_offset(UtcOffset::UTC).format(form).ok())
            .ok_or(fmt::Error)?;
        f.write_str(&text)
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[allow(clippy::disallowed_methods)] // the one place that asks the machine
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still until told otherwise, for tests that walk through a year.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Starts at `at`.
    pub fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Moves on by `span`.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_offset_and_fraction_read_as_the_same_moment() {
        let moment = Timestamp::parse("2015-10-10T21:38:21.861797Z").unwrap();
        assert_eq!(Timestamp::parse("2015-10-10T14:38:21.8617979-07:00"), Ok(moment));
        assert_eq!(moment.to_string(), "2015-10-10T21:38:21.861797Z");
        assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
        assert!(Timestamp::parse("0001-01-03T00:00:00.0000000Z").unwrap() < moment);
    }

    #[test]
    fn every_moment_has_a_text_of_the_same_form() {
        for (micros, text) in [
            (i64::MIN, "0000-01-01T00:00:00.000000Z"),
            (FIRST_SHOWN, "0000-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (LAST_SHOWN, "9999-12-31T23:59:59.999999Z"),
            (i64::MAX, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_string(), text);
        }
    }

    #[test]
    fn what_lies_beyond_either_end_of_time_is_that_end() {
        let moment = Timestamp::from_micros(5_000_000);
        assert_eq!(moment.minus(Duration::from_secs(7)), Timestamp::from_micros(-2_000_000));
        assert_eq!(moment.minus(Duration::from_secs(2)).plus(Duration::from_secs(2)), moment);
        assert_eq!(Timestamp::from_micros(i64::MIN).minus(DAY), Timestamp::from_micros(i64::MIN));
        assert_eq!(Timestamp::from_micros(-2).minus(Duration::MAX), Timestamp::from_micros(i64::MIN));
        assert_eq!(moment.plus(Duration::MAX), Timestamp::from_micros(i64::MAX));
    }

    #[test]
    fn hours_and_days_begin_on_the_hour_and_at_midnight() {
        let midnight = Timestamp::parse("2026-11-21T00:00:00Z").unwrap();
        let before = midnight.minus(Duration::from_micros(1));
        assert_eq!((before.day() + 1, before.hour() + 1), (midnight.day(), midnight.hour()));
        assert_eq!(Timestamp::of_hour(midnight.hour()), midnight);
        assert_eq!((midnight.plus(DAY).day(), midnight.plus(HOUR).hour()), (midnight.day() + 1, midnight.hour() + 1));
        assert_eq!((Timestamp::default().day(), Timestamp::from_micros(-1).day()), (0, -1));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["", "yesterday", "2015-10-10", "2015-13-10T14:38:21Z", "2015-10-10T14:38:21"] {
            assert_eq!(Timestamp::parse(text), Err(TimestampError), "{text}");
        }
    }
}
