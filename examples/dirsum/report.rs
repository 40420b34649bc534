//! What came of it, in `sha256sum`'s words.

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyio::{Cause, CauseKind};
use indicatif::ProgressBar;

/// Exit status of `timeout(1)`.
const TIMED_OUT: u8 = 124;
/// Exit status of a program that Ctrl-C has ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// A SHA-256.
pub(crate) type Sum = [u8; 32];

/// What the walk and the hashing tasks tell.
pub(crate) enum Event {
    /// There are that many more files, each of which will be hashed or fail.
    Found(usize),
    /// There are no more.
    Walked,
    Hashed(PathBuf, Sum),
    Failed(PathBuf, io::Error),
}

/// Everything that has been told.
pub(crate) struct Report {
    found: usize,
    walked: bool,
    failed: bool,
    sums: Vec<(PathBuf, Sum)>,
    /// On standard error, if that is a terminal.
    bar: ProgressBar,
}

impl Report {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new(0);
        Self { found: 0, walked: false, failed: false, sums: Vec::new(), bar }
    }

    /// Takes note of `event`. What failed is said at once.
    pub(crate) fn add(&mut self, event: Event) {
        match event {
            Event::Found(more) => {
                self.found += more;
                self.bar.inc_length(more as u64);
            }
            Event::Walked => self.walked = true,
            Event::Hashed(path, sum) => {
                self.sums.push((path, sum));
                self.bar.inc(1);
            }
            Event::Failed(path, error) => {
                self.failed = true;
                self.bar.suspend(|| {
                    let (_, name) = escape(&path);
                    eprintln!("dirsum: {}: {error}", String::from_utf8_lossy(&name));
                });
                self.bar.inc(1);
            }
        }
    }

    /// Prints the sums that are known. `cause` is why others are missing.
    pub(crate) fn print(mut self, cause: Option<&Cause>, to: impl Write) -> io::Result<ExitCode> {
        self.bar.finish_and_clear();
        self.sums.sort_by(|(one, _), (other, _)| bytes(one).cmp(bytes(other)));
        let mut to = BufWriter::new(to);
        for (path, sum) in &self.sums {
            print_sum(path, sum, &mut to)?;
        }
        to.flush()?;

        let Some(cause) = cause else {
            return Ok(if self.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS });
        };
        let (why, status) = match cause.kind() {
            CauseKind::Deadline => ("timed out", TIMED_OUT),
            _ => ("interrupted", INTERRUPTED),
        };
        let missing = self.found - self.sums.len();
        let all = if self.walked { "files" } else { "files found so far" };
        eprintln!("dirsum: {why}: {missing} of {} {all} were not hashed", self.found);
        Ok(status.into())
    }
}

/// One line, as `sha256sum` prints it; `sha256sum --check` reads it.
fn print_sum(path: &Path, sum: &Sum, to: &mut impl Write) -> io::Result<()> {
    let (escaped, name) = escape(path);
    if escaped {
        to.write_all(b"\\")?;
    }
    for byte in sum {
        write!(to, "{byte:02x}")?;
    }
    to.write_all(b"  ")?;
    to.write_all(&name)?;
    to.write_all(b"\n")
}

/// A name that fits on one line, and whether it had to be changed for that.
fn escape(path: &Path) -> (bool, Vec<u8>) {
    let mut escaped = Vec::new();
    for &byte in bytes(path) {
        match byte {
            b'\\' => escaped.extend(b"\\\\"),
            b'\n' => escaped.extend(b"\\n"),
            b'\r' => escaped.extend(b"\\r"),
            byte => escaped.push(byte),
        }
    }
    (escaped.len() != bytes(path).len(), escaped)
}

/// The name as the system knows it; it need not be UTF-8.
fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}
