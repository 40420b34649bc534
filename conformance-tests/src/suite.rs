//! Turning the list of cases into tests.

use std::{
    any::Any,
    cell::RefCell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::mpsc,
    thread,
    time::Duration,
};

use anyio_core::{Blocking, Net, Processes, Run, RunError, RunOptions, Runtime, Signals};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::cases;

/// A way to start the runtime, under which every case runs once.
#[derive(Clone, Debug)]
pub struct Flavour {
    name: &'static str,
    options: RunOptions,
}

impl Flavour {
    /// A flavour called `name`.
    #[must_use]
    pub const fn new(name: &'static str, options: RunOptions) -> Self {
        Self { name, options }
    }

    /// The three that every backend is expected to pass: everything in the calling thread, one
    /// worker, four workers.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let options = RunOptions::default;
        vec![
            Self::new("current_thread", options().current_thread()),
            Self::new("one_worker", options().threads(1)),
            Self::new("four_workers", options().threads(4)),
        ]
    }
}

/// One case for one backend: its name, and what runs it to its end.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Driver, &RunOptions),
}

/// Starts the runtime and drives the case.
pub(crate) type Driver = fn(&RunOptions, Boxed<'_>) -> Result<(), RunError>;
pub(crate) type Boxed<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

/// The cases that fit a backend, ready to run.
#[must_use = "call `main` or `check`"]
pub struct Suite {
    name: &'static str,
    driver: Driver,
    flavours: Vec<Flavour>,
    cases: Vec<Case>,
    limit: Duration,
}

impl Suite {
    /// The cases that every backend has to pass. `name` is what the tests' names begin with.
    pub fn of<B: Runtime + Run>(name: &'static str) -> Self {
        Self::driven_by::<B, B>(name)
    }

    /// As [`of`](Self::of), for a backend that is driven by another one's `run`.
    pub fn driven_by<B: Runtime, D: Run>(name: &'static str) -> Self {
        Self {
            name,
            driver: |options, case| D::run(options, case),
            flavours: Flavour::all(),
            cases: cases::runtime::<B>(),
            limit: Duration::from_secs(120),
        }
    }

    /// Other flavours than [`Flavour::all`].
    pub fn flavours(mut self, flavours: Vec<Flavour>) -> Self {
        self.flavours = flavours;
        self
    }

    /// How long a case may take before it counts as hung; two minutes without it. The environment
    /// variable `ANYIO_CASE_LIMIT`, in seconds, goes before both.
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Adds the cases of entering the runtime.
    pub fn with_run<B: Runtime + Run>(mut self) -> Self {
        self.cases.extend(cases::run::<B>());
        self
    }

    /// Adds the cases of threads for blocking code.
    pub fn with_blocking<B: Runtime + Blocking>(mut self) -> Self {
        self.cases.extend(cases::blocking::<B>());
        self
    }

    /// Adds the cases of the network.
    pub fn with_net<B: Runtime + Net>(mut self) -> Self {
        self.cases.extend(cases::net::<B>());
        self
    }

    /// Adds the cases of processes.
    pub fn with_processes<B: Runtime + Processes>(mut self) -> Self {
        self.cases.extend(cases::process::<B>());
        self
    }

    /// Adds the cases of signals.
    pub fn with_signals<B: Runtime + Signals>(mut self) -> Self {
        self.cases.extend(cases::signal::<B>());
        self
    }

    /// Joins the tests of `others` to these and runs them all; the whole body of a test target.
    #[must_use = "return it from `main`"]
    pub fn main_with(self, others: impl IntoIterator<Item = Self>) -> ExitCode {
        let mut tests = self.tests();
        for other in others {
            tests.extend(other.tests());
        }
        libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
    }

    /// Runs the tests that the command line asks for; the whole body of a test target.
    #[must_use = "return it from `main`"]
    pub fn main(self) -> ExitCode {
        self.main_with([])
    }

    /// Runs one case (`area::case`) under each flavour, and gives the words of the first failure,
    /// after the name of its flavour.
    ///
    /// For tests about the suite itself, or about one guarantee: that a backend with a known defect
    /// is caught, and by what. A case that hangs is left behind with its thread when its
    /// [`limit`](Self::limit) has passed; give it a short one where that is expected.
    ///
    /// # Errors
    ///
    /// What the case found.
    ///
    /// # Panics
    ///
    /// If the suite has no such case.
    ///
    /// # Examples
    ///
    /// ```
    /// # use anyio_core::{Run, Runtime};
    /// # fn of<Mine: Runtime + Run>() {
    /// let suite = anyio_conformance::Suite::of::<Mine>("mine");
    /// assert_eq!(suite.check("executor::timers_are_never_early"), Ok(()));
    /// # }
    /// ```
    pub fn check(&self, case: &str) -> Result<(), String> {
        let found = self.cases.iter().find(|known| known.name == case);
        let case = *found.unwrap_or_else(|| panic!("the suite has no case {case:?}"));
        self.flavours.iter().try_for_each(|flavour| {
            run_case(case, self.driver, flavour.options.clone(), self.limit, None)
                .map_err(|words| format!("{}: {words}", flavour.name))
        })
    }

    fn tests(&self) -> Vec<Trial> {
        let limit = std::env::var("ANYIO_CASE_LIMIT").ok().and_then(|limit| limit.parse().ok());
        let limit = limit.map_or(self.limit, Duration::from_secs);
        let mut tests = Vec::new();
        for flavour in &self.flavours {
            for &case in &self.cases {
                let name = format!("{}::{}::{}", self.name, flavour.name, case.name);
                let (driver, options) = (self.driver, flavour.options.clone());
                let test = name.clone();
                tests.push(Trial::test(name, move || {
                    run_case(case, driver, options, limit, Some(test)).map_err(Failed::from)
                }));
            }
        }
        tests
    }
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite")
            .field("name", &self.name)
            .field("flavours", &self.flavours)
            .field("cases", &self.cases.len())
            .finish_non_exhaustive()
    }
}

thread_local! {
    static TEST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The name of the test that this thread runs, by which this program runs it once more; none if it is
/// not the program that a [`Suite`] is the whole of.
#[cfg_attr(not(unix), expect(dead_code, reason = "what runs once more does so for Unix's signals"))]
pub(crate) fn current_test() -> Option<String> {
    TEST.with_borrow(Clone::clone)
}

/// A thread of its own, with room for deeply nested futures; one that hangs is left behind.
fn run_case(
    case: Case,
    driver: Driver,
    options: RunOptions,
    limit: Duration,
    test: Option<String>,
) -> Result<(), String> {
    const STACK: usize = 512 << 20;
    let (send, receive) = mpsc::channel();
    let runner = thread::Builder::new().name(case.name.to_owned()).stack_size(STACK);
    let body = move || {
        TEST.set(test);
        let result = catch_unwind(AssertUnwindSafe(|| (case.run)(driver, &options)));
        // The other side is gone if the limit has passed.
        _ = send.send(result.map_err(|payload| words(&*payload)));
    };
    runner.spawn(body).map_err(|error| format!("the case's thread did not start: {error}"))?;
    match receive.recv_timeout(limit) {
        Ok(result) => result,
        Err(_) => Err(hung(limit)),
    }
}

/// That, and what runs in this process, for whoever looks for the reason.
fn hung(limit: Duration) -> String {
    const LINES: usize = 200;
    let tree = anyio_engine::task_tree().to_string();
    let mut text = format!(
        "the case hung: it had not ended after {limit:?}. All that runs, the oldest first, up to \
         {LINES} lines:"
    );
    for line in tree.lines().take(LINES) {
        text.push('\n');
        text.push_str(line);
    }
    text
}

fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("the case panicked without words")
        .to_owned()
}
