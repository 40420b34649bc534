//! `dirsum` against coreutils, against the clock, and against Ctrl-C.
//!
//! Only where names are bytes and signals have numbers.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::{
    env,
    ffi::OsStr,
    fs::{self, File, Permissions},
    io::{BufRead as _, BufReader, Read as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

/// It has to do the same on all of them, so every test runs it on each.
const BACKENDS: [&str; 3] = ["tokio", "smol", "async-std"];

const SHA_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// Every file is there, byte for byte as `sha256sum` prints it; what cannot be hashed is named once
/// and stops nothing.
#[test]
fn agrees_with_coreutils() {
    for backend in BACKENDS {
        let place = Place::new(backend);
        let mut files = vec![
            place.file("plain", b"plain"),
            place.file("empty", b""),
            place.file("big", &[7; (3 << 20) + 17]),
            place.file("with space", b"space"),
            place.file("back\\slash", b"backslash"),
            place.file("new\nline", b"newline"),
            place.file("sub/deep/file", b"deep"),
            place.file("sub-file", b"sorts between `sub` and `sub/`"),
            place.link("plain", "link"),
        ];
        if cfg!(not(target_os = "macos")) {
            // There, names have to be UTF-8.
            files.push(place.file(OsStr::from_bytes(b"latin-\xe9"), b"latin"));
        }
        let mut refused = vec![
            place.link("loop-b", "loop-a"),
            place.link("loop-a", "loop-b"),
            place.link("nowhere", "dangling"),
            place.link(".", "sub/up"),
            place.file("unreadable", b"secret"),
            place.directory("locked"),
            place.pipe("pipe"),
        ];
        for locked in ["unreadable", "locked"] {
            fs::set_permissions(place.root().join(locked), Permissions::from_mode(0o000)).unwrap();
        }

        let ours = place.dirsum(&["--jobs", "3"]).output().unwrap();
        // So that the directory can be removed.
        fs::set_permissions(place.root().join("locked"), Permissions::from_mode(0o755)).unwrap();

        assert_eq!(ours.status.code(), Some(1), "{ours:?}");
        let errors = String::from_utf8(ours.stderr).unwrap();
        let mut reported: Vec<_> = errors.lines().collect();
        reported.sort_unstable();
        refused.sort();
        assert_eq!(reported.len(), refused.len(), "{errors}");
        for (line, path) in reported.iter().zip(refused) {
            let start = format!("dirsum: {}: ", path.display());
            assert!(line.starts_with(&start) && line.len() > start.len(), "{line}");
        }

        files.sort_by(|one, other| one.as_os_str().as_bytes().cmp(other.as_os_str().as_bytes()));
        match coreutils(&files) {
            Some(theirs) => assert_eq!(ours.stdout.escape_ascii().to_string(), theirs),
            None => eprintln!("not compared: there is no sha256sum of coreutils here"),
        }
    }
}

/// One file, and nothing to complain about.
#[test]
fn one_file() {
    for backend in BACKENDS {
        let place = Place::new(backend);
        let file = place.file("abc", b"abc");
        let Output { status, stdout, stderr } = place.program().arg(&file).output().unwrap();
        assert_eq!(String::from_utf8(stdout).unwrap(), line_of_abc(&file));
        assert_eq!(String::from_utf8(stderr).unwrap(), "");
        assert_eq!(status.code(), Some(0));
    }
}

/// A directory that is not there is an error like any other.
#[test]
fn no_directory() {
    for backend in BACKENDS {
        let place = Place::new(backend);
        let missing = place.root().join("missing");
        let output = place.program().arg(&missing).output().unwrap();
        assert!(String::from_utf8(output.stderr).unwrap().contains("missing: "));
        assert_eq!((output.status.code(), output.stdout), (Some(1), vec![]));
    }
}

/// When the time is over, the reader learns how much is missing.
#[test]
fn timeout() {
    for backend in BACKENDS {
        for time in ["0", "0.3", "0.3s", "0.005m"] {
            let place = Place::endless(backend);
            let output = place.dirsum(&["--timeout", time]).output().unwrap();
            assert_eq!(output.status.code(), Some(124), "{output:?}");
            let errors = String::from_utf8(output.stderr).unwrap();
            let summary = errors.lines().last().unwrap();
            assert!(summary.starts_with("dirsum: timed out: "), "{errors}");
            assert!(summary.ends_with(" were not hashed"), "{errors}");
            let sums = String::from_utf8(output.stdout).unwrap();
            assert!(sums.is_empty() || sums == line_of_abc(&place.root().join("1")), "{sums}");
        }
    }
}

/// A time that is none is refused in words.
#[test]
fn strange_timeouts() {
    for backend in BACKENDS {
        for time in ["soon", "", "-1", "5h", "nan", "1e300"] {
            let output =
                Place::new(backend).dirsum(&[&format!("--timeout={time}")]).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{time}: {output:?}");
            assert!(!output.stderr.is_empty() && output.stdout.is_empty());
        }
    }
}

/// Ctrl-C keeps what has been done and counts what has not.
#[test]
fn interrupt() {
    for backend in BACKENDS {
        for signal in ["INT", "TERM"] {
            let place = Place::endless(backend);
            let mut dirsum = start(place.dirsum(&["--jobs", "1"]));
            // The third entry is complained about once the one hashing task has the second, so it is
            // through with the first.
            let mut errors = BufReader::new(dirsum.stderr.take().unwrap()).lines();
            assert!(errors.next().unwrap().unwrap().contains("/3: "));
            kill(signal, &dirsum);

            let output = dirsum.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(130), "{output:?}");
            let sums = String::from_utf8(output.stdout).unwrap();
            assert_eq!(sums, line_of_abc(&place.root().join("1")));
            let summary = errors.next().unwrap().unwrap();
            assert!(summary.starts_with("dirsum: interrupted: 2 of 3 files "), "{summary}");
            assert!(errors.next().is_none());
        }
    }
}

/// Ctrl-C twice ends it even when it cannot get on with anything.
#[test]
fn second_interrupt() {
    for backend in BACKENDS {
        let place = Place::new(backend);
        for number in 0..1000 {
            place.file(format!("{number:0>100}"), b"");
        }
        let mut dirsum = start(place.dirsum(&[]));
        // It prints now, and more than goes into a pipe that nobody reads.
        let mut sums = dirsum.stdout.take().unwrap();
        sums.read_exact(&mut [0]).unwrap();
        let ended = (0..10_000).find_map(|_| {
            kill("INT", &dirsum);
            dirsum.try_wait().unwrap()
        });
        _ = dirsum.kill();
        assert_eq!(ended.expect("it ends").code(), Some(130));
    }
}

/// A directory to be hashed, and the program.
struct Place {
    directory: TempDir,
    program: PathBuf,
    backend: &'static str,
}

impl Place {
    fn new(backend: &'static str) -> Self {
        let directory = TempDir::new().unwrap();
        fs::create_dir(directory.path().join("tree")).unwrap();
        let program = built();
        if !is_root(directory.path()) {
            return Self { directory, program, backend };
        }
        // The superuser may read everything. Somebody else is to run the program, and has to find
        // it; `cp` copies it since a program that this process itself has open for writing, or a
        // child that is just being started, cannot be executed.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let copy = directory.path().join("dirsum");
        assert!(Command::new("cp").args([&program, &copy]).status().unwrap().success());
        Self { directory, program: copy, backend }
    }

    /// A small file, one that takes for ever, and a symbolic link to itself.
    fn endless(backend: &'static str) -> Self {
        let place = Self::new(backend);
        place.file("1", b"abc");
        File::create(place.root().join("2")).unwrap().set_len(1 << 38).unwrap();
        place.link("3", "3");
        place
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("tree")
    }

    fn file(&self, name: impl AsRef<Path>, content: &[u8]) -> PathBuf {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn link(&self, target: &str, name: &str) -> PathBuf {
        let path = self.root().join(name);
        symlink(target, &path).unwrap();
        path
    }

    fn pipe(&self, name: &str) -> PathBuf {
        let path = self.root().join(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    fn directory(&self, name: &str) -> PathBuf {
        let path = self.root().join(name);
        fs::create_dir(&path).unwrap();
        path
    }

    /// The program, on the backend.
    fn program(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("ANYIO_BACKEND", self.backend);
        command
    }

    /// The program with its arguments, for a user who is not the superuser.
    fn dirsum(&self, options: &[&str]) -> Command {
        let mut command = self.program();
        command.args(options).arg(self.root());
        if is_root(self.directory.path()) {
            command.uid(65534).gid(65534);
        }
        command
    }
}

/// Whether the superuser has made `path`.
fn is_root(path: &Path) -> bool {
    fs::metadata(path).unwrap().uid() == 0
}

/// cargo builds the examples before it runs the tests, beside them.
fn built() -> PathBuf {
    let mut path = env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples/dirsum");
    assert!(path.exists(), "build it first: cargo build -p anyio-examples --example dirsum");
    path
}

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn kill(signal: &str, child: &Child) {
    let command = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
}

fn line_of_abc(path: &Path) -> String {
    format!("{SHA_OF_ABC}  {}\n", path.display())
}

/// What `sha256sum` prints, in printable characters; nothing if it is somebody else's.
fn coreutils(files: &[PathBuf]) -> Option<String> {
    let version = Command::new("sha256sum").arg("--version").output().ok()?;
    if !String::from_utf8_lossy(&version.stdout).contains("coreutils") {
        return None;
    }
    let output = Command::new("sha256sum").arg("--").args(files).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(output.stdout.escape_ascii().to_string())
}
