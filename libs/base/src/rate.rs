//! Steady rates with bursts, by the generic cell rate algorithm (ITU-T I.371): one number for each who is metered, in place
//! of a count and a time. No I/O, no lock: who holds a [`Meter`] says when and where.

use std::time::Duration;

use crate::Timestamp;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_MICRO: i64 = 1_000;

/// So many permits a second, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_second: u32,
    burst: u32,
    /// Nanoseconds that pay for one permit; rounded up, so that the rate is never exceeded.
    each: i64,
    /// Nanoseconds that pay for a whole burst.
    all: i64,
}

/// What somebody has taken: the moment at which all of it is paid for, in nanoseconds since 1970. The default has taken
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meter(i64);

impl Rate {
    /// `per_second` and `burst` are permits; of each there is one at least.
    pub const fn new(per_second: u32, burst: u32) -> Self {
        let per_second = if per_second == 0 { 1 } else { per_second };
        let burst = if burst == 0 { 1 } else { burst };
        let each = (NANOS_PER_SECOND + per_second as i64 - 1) / per_second as i64;
        Self { per_second, burst, each, all: each * burst as i64 }
    }

    /// Permits a second.
    pub const fn per_second(self) -> u32 {
        self.per_second
    }

    /// Permits at once.
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// What is left of this rate when `part` of it is metered apart; `None` if nothing is.
    pub fn without(self, part: Self) -> Option<Self> {
        let (per_second, burst) =
            (self.per_second.saturating_sub(part.per_second), self.burst.saturating_sub(part.burst));
        (per_second > 0 && burst > 0).then(|| Self::new(per_second, burst))
    }

    /// Takes one permit.
    ///
    /// # Errors
    /// After how long there will be one, in whole microseconds. Nothing was taken.
    pub fn take(self, meter: &mut Meter, now: Timestamp) -> Result<(), Duration> {
        let (paid, now) = self.standing(*meter, now);
        let paid = paid + self.each;
        let over = paid - now - self.all;
        if over > 0 {
            return Err(Duration::from_micros(u64::try_from(over).unwrap_or(0).div_ceil(NANOS_PER_MICRO as u64)));
        }
        *meter = Meter(paid);
        Ok(())
    }

    /// Takes one permit whether or not there is one, for what somebody else allowed. No debt grows from it.
    pub fn charge(self, meter: &mut Meter, now: Timestamp) {
        let (paid, now) = self.standing(*meter, now);
        *meter = Meter((paid + self.each).min(now + self.all));
    }

    /// Gives one permit back that was taken and not used.
    pub fn give_back(self, meter: &mut Meter) {
        meter.0 = meter.0.saturating_sub(self.each);
    }

    /// The meter's moment and the present one, in nanoseconds. Permits of the past are not saved up beyond a burst; and a
    /// clock that was set back refuses nobody for longer than a burst takes.
    fn standing(self, meter: Meter, now: Timestamp) -> (i64, i64) {
        // Nearly three hundred years of nanoseconds fit, and a burst behind them.
        let now = now.as_micros().clamp(0, i64::MAX / 2 / NANOS_PER_MICRO) * NANOS_PER_MICRO;
        (meter.0.clamp(now, now + self.all), now)
    }
}

impl Meter {
    /// Whether all that was taken is paid for, so that nothing is lost if this meter is forgotten.
    pub fn is_idle(self, now: Timestamp) -> bool {
        self.0 <= now.as_micros().saturating_mul(NANOS_PER_MICRO)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_760_000_000_000_000;

    /// Pauses in microseconds and how often somebody tries after each.
    fn attempts() -> impl Strategy<Value = Vec<(u32, u8)>> {
        prop::collection::vec((0_u32..200_000, 0_u8..30), 1..20)
    }

    proptest! {
        #[test]
        fn in_no_span_is_more_admitted_than_the_rate_and_one_burst(
            (per_second, burst) in (1_u32..3_000, 1_u32..3_000), attempts in attempts()
        ) {
            let (rate, mut meter) = (Rate::new(per_second, burst), Meter::default());
            let (mut now, mut admitted) = (START, Vec::new());
            for (pause, tries) in attempts {
                now += i64::from(pause);
                let at = Timestamp::from_micros(now);
                admitted.extend((0..tries).filter(|_| rate.take(&mut meter, at).is_ok()).map(|_| now));
            }
            for (from, begin) in admitted.iter().enumerate() {
                for (to, end) in admitted.iter().enumerate().skip(from) {
                    let (taken, micros) = ((to - from + 1) as i64, end - begin);
                    let most = i64::from(burst) + micros * i64::from(per_second) / 1_000_000;
                    prop_assert!(taken <= most, "{taken} in {micros} µs, {most} are the most");
                }
            }
        }

        #[test]
        fn who_keeps_to_the_rate_and_burst_is_never_refused(attempts in attempts()) {
            // A bucket of tokens, in millionths of one: the same rule, written the other way.
            let (rate, mut meter) = (Rate::new(25, 25), Meter::default());
            let (mut now, mut tokens) = (START, 25_000_000_i64);
            for (pause, tries) in attempts {
                now += i64::from(pause);
                tokens = (tokens + i64::from(pause) * 25).min(25_000_000);
                for _ in 0..tries {
                    let keeps_to_it = tokens >= 1_000_000;
                    let taken = rate.take(&mut meter, Timestamp::from_micros(now));
                    prop_assert_eq!(taken.is_ok(), keeps_to_it);
                    tokens -= if keeps_to_it { 1_000_000 } else { 0 };
                }
            }
        }

        #[test]
        fn who_waits_as_told_is_admitted(per_second in 1_u32..100_000, burst in 1_u32..1_000) {
            let (rate, mut meter) = (Rate::new(per_second, burst), Meter::default());
            let mut now = Timestamp::from_micros(START);
            for _ in 0..burst {
                prop_assert!(rate.take(&mut meter, now).is_ok());
            }
            for _ in 0..10 {
                let wait = rate.take(&mut meter, now).unwrap_err();
                now = now.plus(wait);
                prop_assert!(rate.take(&mut meter, now).is_ok());
            }
        }
    }

    #[test]
    fn a_clock_that_was_set_back_refuses_nobody_for_longer_than_a_burst_takes() {
        let (rate, mut meter) = (Rate::new(10, 10), Meter::default());
        for _ in 0..10 {
            rate.take(&mut meter, Timestamp::from_micros(START)).unwrap();
        }
        let an_hour_earlier = Timestamp::from_micros(START - 3_600_000_000);
        assert_eq!(rate.take(&mut meter, an_hour_earlier).unwrap_err(), Duration::from_millis(100));
    }

    #[test]
    fn what_was_charged_beyond_the_burst_is_no_debt() {
        let (rate, mut meter, now) = (Rate::new(10, 10), Meter::default(), Timestamp::from_micros(START));
        for _ in 0..1_000 {
            rate.charge(&mut meter, now);
        }
        assert_eq!(rate.take(&mut meter, now).unwrap_err(), Duration::from_millis(100));
        rate.give_back(&mut meter);
        rate.take(&mut meter, now).unwrap();
        assert!(!meter.is_idle(now) && meter.is_idle(now.plus(Duration::from_secs(1))));
    }

    #[test]
    fn a_rate_without_a_part_of_it_is_the_rest() {
        let part = Rate::new(25, 25);
        assert_eq!(Rate::new(500, 2_000).without(part), Some(Rate::new(475, 1_975)));
        assert_eq!(Rate::new(25, 2_000).without(part), None);
        assert_eq!(Rate::new(500, 25).without(part), None);
    }
}
