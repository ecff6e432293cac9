//! `[reconciliation]`: when our books are compared with Tamara's by themselves.

use serde::Deserialize;

/// When our books are compared with Tamara's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Reconciliation {
    at: String,
}

impl Default for Reconciliation {
    fn default() -> Self {
        Self {
            at: "03:00".to_owned(),
        }
    }
}

impl Reconciliation {
    /// Milliseconds since midnight, or none for `off`.
    pub(super) fn at_ms(&self) -> anyhow::Result<Option<i64>> {
        if self.at == "off" {
            return Ok(None);
        }
        let digits = |text: &str, most: i64| {
            let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            let number: Option<i64> = text.parse().ok();
            number.filter(|number| plain && *number <= most)
        };
        let parts = self.at.split_once(':');
        let time = parts.and_then(|(h, m)| Some((digits(h, 23)?, digits(m, 59)?)));
        let (hours, minutes) = time.ok_or_else(|| {
            anyhow::anyhow!(
                "reconciliation.at is {:?}, expected a time of day in UTC such as 03:00, or off",
                self.at
            )
        })?;
        Ok(Some((hours * 60 + minutes) * 60_000))
    }
}

#[cfg(test)]
mod tests {
    use super::Reconciliation;

    #[test]
    fn a_time_of_day_or_off() {
        let at_ms = |at: &str| Reconciliation { at: at.to_owned() }.at_ms();
        for (at, expected) in [
            ("03:00", Some(10_800_000)),
            ("00:00", Some(0)),
            ("23:59", Some(86_340_000)),
            ("off", None),
        ] {
            assert_eq!(at_ms(at).unwrap(), expected, "{at}");
        }
        for at in [
            "", "3:00", "24:00", "03:60", "03:00:00", "+3:00", "03", "never",
        ] {
            let refusal = at_ms(at).unwrap_err().to_string();
            assert!(refusal.contains("03:00, or off"), "{at}: {refusal}");
        }
    }
}
