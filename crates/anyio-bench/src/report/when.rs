//! With what, and when.

use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// The peers, and what ours stands on.
const PEERS: [&str; 11] = [
    "tokio",
    "tokio-util",
    "async-executor",
    "async-io",
    "async-lock",
    "event-listener",
    "async-channel",
    "flume",
    "kanal",
    "futures-util",
    "futures-buffered",
];

/// Today, as in 2026-01-31.
pub(super) fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (year, month, day) = date(since.as_secs() / 86_400);
    format!("{year}-{month:02}-{day:02}")
}

/// The date that is so many days after the first of January 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month as u64 + 1, days + 1)
}

/// The versions of the peers, from the lock file.
pub(super) fn versions() -> String {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let found = PEERS.iter().filter_map(|name| {
        // Of several versions the last one is the newest.
        let at = lock.rfind(&format!("name = \"{name}\"\nversion = \""))?;
        let version = lock[at..].split('"').nth(3)?;
        Some(format!("{name} {version}"))
    });
    found.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_know_leap_years() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(20_483), (2026, 1, 30));
    }
}
