//! A case once more, in a process of its own: for what is the whole process's, and for its end.
//!
//! The case asks which [`role`] it has. Without one it is the test: it starts the program again, which
//! runs this one case, with a role.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

use anyio_core::Signal;

use crate::suite::current_test;

const ROLE: &str = "ANYIO_CASE_ROLE";
/// Begins what a case says, among what the harness says.
const MARK: &str = "[case] ";

/// What to be in this process; none in the first.
pub(crate) fn role() -> Option<String> {
    env::var(ROLE).ok()
}

/// Tells the first process.
pub(crate) fn say(word: &str) {
    // On a line of its own, wherever the harness is. Nobody hears it if the test has failed.
    _ = writeln!(io::stdout(), "\n{MARK}{word}");
}

/// The other process. It is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    words: BufReader<ChildStdout>,
}

impl Program {
    /// Runs the calling case in `role`.
    pub(crate) fn start(role: &str) -> Self {
        let (program, arguments) = this_case();
        let mut command = Command::new(program);
        command.args(arguments);
        Self::spawn(command, role)
    }

    /// The same in a process that ignores the signal called `name`.
    pub(crate) fn start_ignoring(name: &str, role: &str) -> Self {
        let (program, arguments) = this_case();
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("trap '' {name}; exec \"$0\" \"$@\"")).arg(program);
        command.args(arguments);
        Self::spawn(command, role)
    }

    fn spawn(mut command: Command, role: &str) -> Self {
        command.env(ROLE, role).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this program is there");
        let words = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Self { child, words }
    }

    /// Waits for it to say `expected`.
    #[track_caller]
    pub(crate) fn hears(&mut self, expected: &str) {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            let length = self.words.read_line(&mut line).expect("it is text");
            if length == 0 {
                panic!("waiting for {expected:?}, heard {all:?} and then {:?}", self.child.wait());
            }
            if let Some(word) = line.strip_prefix(MARK) {
                assert_eq!(word.trim_end(), expected);
                return;
            }
            all.push_str(&line);
        }
    }

    pub(crate) fn kill(&self, signal: Signal) {
        let command = format!("kill -{} {}", signal.as_raw(), self.child.id());
        let status = Command::new("sh").args(["-c", &command]).status();
        assert!(status.expect("there is a shell").success());
    }

    /// How it ends. It has nothing to say any more.
    #[track_caller]
    pub(crate) fn end(mut self) -> ExitStatus {
        let mut line = String::new();
        while self.words.read_line(&mut line).expect("it is text") > 0 {
            assert!(!line.starts_with(MARK), "{line}");
            line.clear();
        }
        self.child.wait().expect("it is our child")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail if it has ended.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn this_case() -> (std::path::PathBuf, [String; 3]) {
    let test = current_test().expect(
        "this case starts its own program again, which has to be a test target made with `Suite::main`",
    );
    let program = env::current_exe().expect("the system knows this program");
    (program, ["--exact".to_owned(), "--nocapture".to_owned(), test])
}
