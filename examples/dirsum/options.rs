//! The command line.

use std::{path::PathBuf, thread, time::Duration};

use clap::{Parser, value_parser};

/// Prints the SHA-256 of every file in a directory, sorted by path, as `sha256sum` does.
///
/// A symbolic link to a file stands for the file. What is neither file nor directory is named on
/// standard error and left out, and so is a symbolic link to a directory: no loop can trap the walk.
/// Ctrl-C prints what has been done; a second one ends the program at once.
///
/// Exit status: 0 if all went well, 1 if anything was left out, 124 if the time was over, 130 if
/// interrupted.
#[derive(Debug, Parser)]
#[command(name = "dirsum", verbatim_doc_comment)]
pub(crate) struct Options {
    /// The directory; a file is hashed alone
    pub(crate) directory: PathBuf,

    /// How many files are hashed at the same time [default: the number of cores]
    #[arg(long, short, value_name = "N", default_value_t = cores(), hide_default_value = true)]
    #[arg(value_parser = value_parser!(u16).range(1..=256))]
    pub(crate) jobs: u16,

    /// Stop after this time, as 90, 0.5, 5s or 2m
    #[arg(long, short, value_name = "TIME", value_parser = parse_time)]
    pub(crate) timeout: Option<Duration>,
}

fn cores() -> u16 {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    u16::try_from(cores).unwrap_or(u16::MAX).min(256)
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60.0),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "expected seconds or minutes, as 90, 0.5, 5s or 2m".to_owned())?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}
