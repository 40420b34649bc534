//! Instructions: what a machine that has other work to do cannot falsify.
//!
//! The program starts itself under valgrind, twice, with different numbers of calls; the difference
//! is what the calls cost, without start and end.

use std::{
    env,
    io::{self, Error},
    process::{Command, Stdio},
};

/// What a call to [`instructions`] runs, more than it would without: this many operations.
const OPERATIONS: u32 = 4_000;

/// How many calls make enough operations to be counted.
pub(crate) fn calls_for(operations: u32) -> u32 {
    (OPERATIONS / operations).max(1)
}

/// Valgrind's version; `None` if it is not there.
pub(crate) fn valgrind() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// How many instructions one operation takes.
pub(crate) fn instructions(row: &str, contender: &str, operations: u32) -> io::Result<f64> {
    let calls = calls_for(operations);
    // Not from nothing: the first calls make what is kept.
    let (few, many) = (calls.div_ceil(4), calls.div_ceil(4) + calls);
    let cost = total(row, contender, many)? - total(row, contender, few)?;
    Ok(cost / f64::from(calls) / f64::from(operations))
}

fn total(row: &str, contender: &str, calls: u32) -> io::Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["run", row, contender, &calls.to_string()])
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    read(&said).filter(|_| output.status.success()).ok_or_else(|| {
        Error::other(format!("valgrind has counted nothing for {row}, {contender}:\n{said}"))
    })
}

/// The number in cachegrind's "I refs" line.
fn read(said: &str) -> Option<f64> {
    let line = said.lines().find(|line| line.contains("I refs:") || line.contains("I   refs:"))?;
    let digits: String = line.rsplit(':').next()?.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_among_what_valgrind_says() {
        let said = "==1== Cachegrind, a cache profiler\n==1== I   refs:      12,345,678\n";
        assert_eq!(read(said), Some(12_345_678.0));
        assert_eq!(read("==1== nothing"), None);
    }
}
