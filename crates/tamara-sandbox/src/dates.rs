//! Moments as Tamara writes them and days as people read them.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

fn timestamp(at_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `2026-03-02T09:14:05.000Z`: whole seconds with three zeros, as all of Tamara's samples.
pub(crate) fn rfc3339(at_ms: i64) -> String {
    timestamp(at_ms)
        .strftime("%Y-%m-%dT%H:%M:%S.000Z")
        .to_string()
}

/// `2026-03-02 09:14:05`, for people who know that it is UTC.
pub(crate) fn readable(at_ms: i64) -> String {
    timestamp(at_ms).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The moment's day in UTC.
pub(crate) fn day(at_ms: i64) -> Date {
    timestamp(at_ms).to_zoned(TimeZone::UTC).date()
}

/// The same day of a later month, or that month's last.
pub(crate) fn months_later(day: Date, months: i64) -> Date {
    day.checked_add(months.months()).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_like_tamaras_samples() {
        assert_eq!(rfc3339(1_772_442_845_999), "2026-03-02T09:14:05.000Z");
    }

    #[test]
    fn a_month_after_the_31st_is_that_months_last_day() {
        let january = jiff::civil::date(2026, 1, 31);
        assert_eq!(months_later(january, 1), jiff::civil::date(2026, 2, 28));
        assert_eq!(months_later(january, 2), jiff::civil::date(2026, 3, 31));
    }
}
