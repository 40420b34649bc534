//! A span of time in words.

/// What is wrong with a time that is none.
pub(crate) const WANTED: &str = "a time is a whole number with its unit, as in \"500ms\", \"10s\" or \
                                 \"2m\"; \"none\" is no limit";

/// The milliseconds in `text`: "500ms", "10s", "2m", "1h".
pub(crate) fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn units() {
        let times = ["500ms", "10s", "2 m", "1h", "0s"];
        let expected = [500, 10_000, 120_000, 3_600_000, 0];
        assert_eq!(times.map(milliseconds), expected.map(Some));
    }

    /// A number without unit could be anything.
    #[test]
    fn nonsense() {
        for text in ["", "s", "10", "1.5s", "-1s", "10 s ", "10sec", "99999999999999999999s"] {
            assert_eq!(milliseconds(text), None, "{text:?}");
        }
        assert_eq!(milliseconds(&format!("{}h", u64::MAX)), None);
    }
}
