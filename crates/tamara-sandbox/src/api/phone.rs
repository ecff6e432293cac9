//! Phone numbers, leniently read, answered as Tamara answers them: digits with country code.

/// Calling code and length of a local number. Lengths for KW and OM are not published; 8 is theirs.
fn plan_of(country: &str) -> (&'static str, usize) {
    match country {
        "AE" => ("971", 9),
        "BH" => ("973", 8),
        "KW" => ("965", 8),
        "OM" => ("968", 8),
        _ => ("966", 9),
    }
}

/// `551230045`, `0551230045`, `+966 55 123 0045` and `00966551230045` all become `966551230045`.
/// `None` if it is not a phone number at all.
pub(crate) fn normalise(text: &str, country: &str) -> Option<String> {
    let text: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '(' | ')'))
        .collect();
    let (digits, international) = match text.strip_prefix('+').or(text.strip_prefix("00")) {
        Some(rest) => (rest, true),
        None => (text.as_str(), false),
    };
    if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (code, local_length) = plan_of(country);
    if international || (digits.len() > local_length && digits.starts_with(code)) {
        return Some(digits.to_owned());
    }
    let local = digits.strip_prefix('0').unwrap_or(digits);
    Some(format!("{code}{local}"))
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn phones_become_international_digits() {
        let check = |text: &str, country: &str, expected: Option<&str>| {
            assert_eq!(normalise(text, country).as_deref(), expected, "{text}");
        };
        check("551230045", "SA", Some("966551230045"));
        check("0551230045", "SA", Some("966551230045"));
        check("+966 55 123-0045", "SA", Some("966551230045"));
        check("00966551230045", "SA", Some("966551230045"));
        check("966551230045", "SA", Some("966551230045"));
        check("501234567", "AE", Some("971501234567"));
        check("+971501234567", "SA", Some("971501234567"));
        check("96512345", "KW", Some("96596512345"));
        check("96596512345", "KW", Some("96596512345"));
        for text in ["", "12", "phone", "5512x0045", "+", "1234567890123456"] {
            check(text, "SA", None);
        }
    }
}
