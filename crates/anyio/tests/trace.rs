//! What the feature `tracing` reports.
#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::{
    cell::RefCell,
    fmt::{Debug, Write},
    future::pending,
    io,
    panic::{self, AssertUnwindSafe},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        mpsc,
    },
    task::{Context, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use anyio::{
    CancelScope, Cancelled, CapacityLimiter, Ready, Runner, TaskGroup, available_backends,
    checkpoint, default_thread_limiter, finally, gather, memory_object_stream, scoped_task_group,
    shield, sleep, sleep_forever, task_group, to_thread,
};
use futures_lite::{FutureExt as _, future::poll_once};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    info,
    span::{Attributes, Id, Record},
    subscriber,
};

thread_local! {
    /// The spans that this thread is in.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Writes down what it hears, a line each.
#[derive(Clone)]
struct Listener {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
    most: Level,
}

impl Default for Listener {
    fn default() -> Self {
        Self::to(Level::TRACE)
    }
}

impl Listener {
    fn to(most: Level) -> Self {
        Self { lines: Arc::default(), spans: Arc::default(), most }
    }

    fn note(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    /// Runs `work` in the calling thread, on one backend after the other, and gives the lines of each that
    /// have `word` in them.
    fn hear(word: &str, work: impl AsyncFn()) -> Vec<Vec<String>> {
        Self::hear_to(Level::TRACE, word, work)
    }

    /// As `hear`, and nothing that is less than `most`.
    fn hear_to(most: Level, word: &str, work: impl AsyncFn()) -> Vec<Vec<String>> {
        let each = available_backends().into_iter().map(|backend| {
            let listener = Self::to(most);
            let lines = Arc::clone(&listener.lines);
            subscriber::with_default(listener, || {
                Runner::new().backend(backend).current_thread().run(work());
            });
            let lines = lines.lock().unwrap();
            lines.iter().filter(|line| line.contains(word)).cloned().collect()
        });
        each.collect()
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "anyio" && *metadata.level() <= self.most
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.spans.fetch_add(1, Ordering::Relaxed) + 1;
        let parent = span.parent().map_or(0, Id::into_u64);
        let mut text = Text(format!("new {} #{id} in #{parent}", span.metadata().name()));
        span.record(&mut text);
        self.note(text.0);
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut text = Text(format!("record #{}", span.into_u64()));
        values.record(&mut text);
        self.note(text.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut parent = event.parent().map_or(0, Id::into_u64);
        if event.is_contextual() {
            parent = ENTERED.with_borrow(|entered| entered.last().copied()).unwrap_or(0);
        }
        let mut text = Text(format!("event in #{parent}"));
        event.record(&mut text);
        self.note(text.0);
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
        self.note(format!("enter #{}", span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        assert_eq!(ENTERED.with_borrow_mut(Vec::pop), Some(span.into_u64()));
        self.note(format!("exit #{}", span.into_u64()));
    }
}

/// Says what runs, as users' code does: it is heard in the span that is current.
fn say(who: &str, step: usize) {
    info!(target: "anyio", who, step);
}

/// Says so in each of its polls, of which there are three.
async fn says(who: &str) {
    for step in 1..3 {
        say(who, step);
        checkpoint().await;
    }
    say(who, 3);
}

/// What was said by `who`, and the span it was said in, in this order.
fn heard(lines: &[String], who: &str) -> Vec<String> {
    let said = format!(" who={who:?} ");
    lines.iter().filter(|line| line.contains(&said)).cloned().collect()
}

/// As `says` is heard in this span.
fn said_in(span: u64, who: &str) -> [String; 3] {
    [1, 2, 3].map(|step| format!("event in #{span} who={who:?} step={step}"))
}

fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|line| *line == what).count()
}

fn find<'a>(lines: &'a [String], start: &str) -> &'a str {
    let found = lines.iter().find(|line| line.starts_with(start));
    found.unwrap_or_else(|| panic!("nothing begins with {start}: {lines:#?}"))
}

/// The body is in the span of its group, in each poll and in none of the others; so are tasks, each in its
/// own. What is after the group is in neither.
/// Covers: trio/test_instrument_task_spawn_exit
#[test]
fn a_group_and_its_tasks_have_spans() {
    for lines in Listener::hear("#", async || {
        let group = task_group(async |tg| {
            tg.child().name("worker").spawn(says("task"));
            says("body").await;
        });
        group.await.unwrap();
        say("after", 1);
    }) {
        assert!(lines[0].starts_with("new task_group #1 in #0 opened_at="), "{lines:#?}");
        assert!(lines[0].contains("tests/trace.rs:"), "{lines:#?}");
        let task = find(&lines, "new task #2 in #1");
        assert!(task.contains("spawned_at=") && task.contains("tests/trace.rs:"), "{task}");
        assert_eq!(count(&lines, "record #2 name=\"worker\""), 1, "{lines:#?}");
        assert_eq!(heard(&lines, "body"), said_in(1, "body"), "{lines:#?}");
        assert_eq!(heard(&lines, "task"), said_in(2, "task"), "{lines:#?}");
        assert_eq!(heard(&lines, "after"), ["event in #0 who=\"after\" step=1"]);
        // Three polls; the body is made in the first of them.
        assert_eq!((count(&lines, "enter #1"), count(&lines, "exit #1")), (3, 3), "{lines:#?}");
        assert_eq!((count(&lines, "enter #2"), count(&lines, "exit #2")), (3, 3), "{lines:#?}");
    }
}

/// Two tasks that take turns are never both entered: each turn is in the span of its own.
/// Covers: trio/test_instruments_interleave
#[test]
fn tasks_that_take_turns_have_a_span_each() {
    for lines in Listener::hear("#", async || {
        let group = task_group(async |tg| {
            let (to_two, in_two) = memory_object_stream(0);
            let (to_one, in_one) = memory_object_stream(0);
            tg.spawn(async move {
                for step in 1..=3 {
                    say("one", step);
                    to_two.send(()).await.unwrap();
                    in_one.receive().await.unwrap();
                }
            });
            tg.spawn(async move {
                for step in 1..=3 {
                    in_two.receive().await.unwrap();
                    say("two", step);
                    to_one.send(()).await.unwrap();
                }
            });
        });
        group.await.unwrap();
    }) {
        let said: Vec<_> = lines.iter().filter(|line| line.contains(" who=")).collect();
        let turns = [1, 2, 3].into_iter().flat_map(|step| {
            [(2, "one"), (3, "two")]
                .map(|(span, who)| format!("event in #{span} who={who:?} step={step}"))
        });
        assert_eq!(said, turns.collect::<Vec<_>>().iter().collect::<Vec<_>>());
        // Into a task, and out of it again before anything else: more often than they take turns.
        let of_tasks = |line: &&String| {
            ["enter #2", "exit #2", "enter #3", "exit #3"].contains(&line.as_str())
        };
        let passages: Vec<_> = lines.iter().filter(of_tasks).collect();
        for passage in passages.chunks(2) {
            assert_eq!(*passage[1], passage[0].replace("enter", "exit"), "{lines:#?}");
        }
        assert!(passages.len() >= 12, "{lines:#?}");
    }
}

/// Groups that borrow run inside of one task: the spans of their tasks are within that of the group.
#[test]
fn a_borrowing_group_and_its_tasks_have_spans() {
    for lines in Listener::hear("#", async || {
        let names = ["first", "second"].map(String::from);
        let group = scoped_task_group(async |tg| {
            for name in &names {
                tg.child().name(name.as_str()).spawn(says(name));
            }
            says("body").await;
        });
        group.await.unwrap();
        say("after", 1);
    }) {
        assert!(lines[0].starts_with("new task_group #1 in #0 opened_at="), "{lines:#?}");
        for (span, name) in [(2, "first"), (3, "second")] {
            let task = find(&lines, &format!("new task #{span} in #1"));
            assert!(task.contains("spawned_at=") && task.contains("tests/trace.rs:"), "{task}");
            assert_eq!(count(&lines, &format!("record #{span} name={name:?}")), 1, "{lines:#?}");
            assert_eq!(heard(&lines, name), said_in(span, name), "{lines:#?}");
            // A poll of its own each, with the group's span around it.
            let enter = format!("enter #{span}");
            assert_eq!(count(&lines, &enter), 3, "{lines:#?}");
            let entered = lines.iter().position(|line| *line == enter).unwrap();
            assert!(
                lines[..entered]
                    .iter()
                    .rfind(|line| line.ends_with("#1"))
                    .unwrap()
                    .starts_with("enter")
            );
        }
        assert_eq!(heard(&lines, "body"), said_in(1, "body"), "{lines:#?}");
        assert_eq!(heard(&lines, "after"), ["event in #0 who=\"after\" step=1"]);
        // Body and tasks together: whoever is polled, it is one poll of the group.
        assert_eq!((count(&lines, "enter #1"), count(&lines, "exit #1")), (3, 3), "{lines:#?}");
    }
}

/// Says so when it goes.
struct SaysLast(&'static str);

impl Drop for SaysLast {
    fn drop(&mut self) {
        say(self.0, 1);
    }
}

/// What goes with a body that is cancelled, or panics, goes in its group's span; and what follows is in none.
#[test]
fn a_body_goes_in_the_span_of_its_group() {
    for lines in Listener::hear("#", async || {
        let owning = task_group(async |tg| {
            let _last = SaysLast("owning, cancelled");
            tg.cancel();
            sleep_forever().await;
        });
        assert!(owning.await.is_err());
        let borrowing = scoped_task_group(async |tg| {
            let _last = SaysLast("borrowing, cancelled");
            tg.cancel();
            sleep_forever().await;
        });
        assert!(borrowing.await.is_err());
        let owning = task_group(async |_tg| {
            let _last = SaysLast("owning, panicking");
            checkpoint().await;
            panic::panic_any("on purpose");
        });
        assert!(AssertUnwindSafe(owning).catch_unwind().await.is_err());
        let borrowing = scoped_task_group(async |_tg| {
            let _last = SaysLast("borrowing, panicking");
            checkpoint().await;
            panic::panic_any("on purpose");
        });
        assert!(AssertUnwindSafe(borrowing).catch_unwind().await.is_err());
        say("after", 1);
    }) {
        for (span, who) in [
            (1, "owning, cancelled"),
            (2, "borrowing, cancelled"),
            (3, "owning, panicking"),
            (4, "borrowing, panicking"),
        ] {
            let said = format!("event in #{span} who={who:?} step=1");
            assert_eq!(heard(&lines, who), [said], "{lines:#?}");
        }
        assert_eq!(heard(&lines, "after"), ["event in #0 who=\"after\" step=1"]);
    }
}

/// A task that is started is in its own span before and after it is ready, and its caller in that of the
/// group.
#[test]
fn a_started_task_has_a_span() {
    async fn serves(ready: Ready<u8>) {
        say("server", 1);
        checkpoint().await;
        ready.started(7);
        say("server", 2);
        checkpoint().await;
        say("server", 3);
    }

    for lines in Listener::hear("#", async || {
        let group = task_group(async |tg| {
            say("caller", 1);
            assert_eq!(tg.child().name("server").start(serves).await, Ok(7));
            say("caller", 2);
            checkpoint().await;
            say("caller", 3);
        });
        group.await.unwrap();
    }) {
        let task = find(&lines, "new task #2 in #1");
        assert!(task.contains("spawned_at=") && task.contains("tests/trace.rs:"), "{task}");
        assert_eq!(count(&lines, "record #2 name=\"server\""), 1, "{lines:#?}");
        assert_eq!(heard(&lines, "caller"), said_in(1, "caller"), "{lines:#?}");
        assert_eq!(heard(&lines, "server"), said_in(2, "server"), "{lines:#?}");
        assert_eq!((count(&lines, "enter #2"), count(&lines, "exit #2")), (3, 3), "{lines:#?}");
    }
}

/// On whatever thread a task is polled, it is in its span there.
#[test]
fn spans_go_from_thread_to_thread() {
    const TASKS: usize = 16;
    let listener = Listener::default();
    let lines = Arc::clone(&listener.lines);
    // For all threads but those that have one of their own.
    subscriber::set_global_default(listener).unwrap();
    for backend in available_backends() {
        let name = |number| format!("{} of {TASKS} on {}", number + 1, backend.name());
        let group = task_group(async |tg| {
            for number in 0..TASKS {
                let name = name(number);
                tg.child().name(name.as_str()).spawn(async move { says(&name).await });
            }
        });
        Runner::new().backend(backend).threads(3).run(group).unwrap();
        let lines = lines.lock().unwrap();
        for name in (0..TASKS).map(name) {
            let named = format!(" name={name:?}");
            let record = lines.iter().find(|line| line.ends_with(&named)).unwrap();
            let span = record.strip_suffix(&named).unwrap().strip_prefix("record #").unwrap();
            let span = span.parse().unwrap();
            assert_eq!(heard(&lines, &name), said_in(span, &name));
            assert_eq!(count(&lines, &format!("enter #{span}")), 3);
        }
    }
}

/// Where a group was opened that begins in the line after `line`.
fn place(line: u32) -> String {
    format!(" at crates/anyio/tests/trace.rs:{}:", line + 1)
}

/// Who hears warnings only hears the group's name and place in each of them: there is no span then.
fn warned<'a>(lines: &'a [String], group: &str, line: u32) -> &'a str {
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let words = format!(" group=group {group}{}", place(line).trim_start());
    assert!(
        lines[0].starts_with("event in #0") && lines[0].contains(&words),
        "{words}: {lines:#?}"
    );
    &lines[0]
}

#[test]
fn an_error_that_nobody_gets_is_reported() {
    let place = AtomicU32::new(0);
    for lines in Listener::hear_to(Level::WARN, "#", async || {
        place.store(line!(), Ordering::Relaxed);
        let group = TaskGroup::<io::Error>::builder().name("loads").run(async |tg| {
            for name in ["first", "second"] {
                tg.child()
                    .name(name)
                    .spawn(async { io::Result::<()>::Err(io::ErrorKind::Other.into()) });
            }
            Ok(())
        });
        group.await.unwrap_err();
    }) {
        let line = warned(&lines, "\"loads\" ", place.load(Ordering::Relaxed));
        assert!(line.contains("member=second"), "{line}");
        assert!(line.contains("error_type=\"std::io::error::Error\""), "{line}");
    }
}

#[test]
fn a_panic_that_nobody_gets_is_reported() {
    let place = AtomicU32::new(0);
    for lines in Listener::hear_to(Level::WARN, "#", async || {
        place.store(line!(), Ordering::Relaxed);
        let group = task_group(async |tg| {
            tg.child().name("first").spawn(async { panic!("one") });
            tg.child().name("second").spawn(async { panic!("two") });
        });
        let panic = AssertUnwindSafe(group).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"one"));
    }) {
        let line = warned(&lines, "", place.load(Ordering::Relaxed));
        assert!(line.contains("member=second") && line.contains("\"two\""), "{line}");
    }
}

/// C13: the warning names the group and where it was opened, whatever its listener hears besides.
#[test]
fn a_group_that_is_dropped_with_tasks_in_it_is_reported() {
    let place = AtomicU32::new(0);
    let dropped = async || {
        place.store(line!(), Ordering::Relaxed);
        let group = TaskGroup::<Cancelled>::builder().name("crawl").run(async |tg| {
            tg.spawn(sleep_forever());
            tg.spawn(sleep_forever());
        });
        let mut group = Box::pin(group);
        assert!(poll_once(&mut group).await.is_none());
        drop(group);
    };
    for lines in Listener::hear_to(Level::WARN, "#", dropped) {
        let line = warned(&lines, "\"crawl\" ", place.load(Ordering::Relaxed));
        assert!(line.contains("tasks=2"), "{line}");
    }
    // Who hears more has it in the group's span.
    for lines in Listener::hear("event", dropped) {
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(
            lines[0].starts_with("event in #1 ") && lines[0].contains(" group=group \"crawl\" at ")
        );
    }
}

/// C13: what a group that borrows would have cleaned up goes with it, and that is reported.
#[test]
fn a_borrowing_group_that_is_dropped_with_cleanup_in_it_is_reported() {
    let place = AtomicU32::new(0);
    for lines in Listener::hear_to(Level::WARN, "#", async || {
        let cleaned_up = AtomicBool::new(false);
        {
            place.store(line!(), Ordering::Relaxed);
            let mut group = pin!(scoped_task_group(async |tg| {
                tg.spawn(sleep_forever());
                let cleanup = async { cleaned_up.store(true, Ordering::Relaxed) };
                tg.spawn(finally(sleep_forever(), cleanup));
            }));
            let first: Option<anyio::Result<()>> = poll_once(&mut group).await;
            assert!(first.is_none());
        }
        assert!(!cleaned_up.into_inner());
    }) {
        let line = warned(&lines, "", place.load(Ordering::Relaxed));
        assert!(line.contains("tasks=2") && line.contains("borrows"), "{line}");
    }
}

/// Without cleanup nothing is lost but what any future loses that is dropped.
#[test]
fn a_borrowing_group_that_is_dropped_without_cleanup_is_not() {
    for lines in Listener::hear("event", async || {
        let mut group = pin!(scoped_task_group(async |tg| {
            tg.spawn(sleep_forever());
            gather([pending::<anyio::Result<()>>(), pending()]).await.map(drop)
        }));
        let first: Option<anyio::Result<()>> = poll_once(&mut group).await;
        assert!(first.is_none());
    }) {
        assert!(lines.is_empty(), "{lines:#?}");
    }
}

#[test]
fn a_group_that_ends_is_not() {
    for lines in Listener::hear("event", async || {
        let group = task_group(async |tg| {
            tg.spawn(checkpoint());
            let own = scoped_task_group(async |tg| {
                tg.spawn(finally(checkpoint(), checkpoint()));
            });
            own.await
        });
        anyio::Result::unwrap(group.await);
    }) {
        assert!(lines.is_empty(), "{lines:#?}");
    }
}

/// Panics when it hears of a group.
struct Panics;

impl Subscriber for Panics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "anyio"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        panic!("a listener that panics")
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A group that comes to nothing, since a listener panics at its beginning, is nowhere: the scope around it has
/// nothing to wait for when it is cancelled.
#[test]
fn a_listener_that_panics_leaves_no_group() {
    async fn fails(group: impl Future<Output = anyio::Result<()>>) {
        AssertUnwindSafe(group).catch_unwind().await.unwrap_err();
    }
    for backend in available_backends() {
        let runner = Runner::new().backend(backend).current_thread();
        subscriber::with_default(Panics, || {
            runner.run(async {
                let scope = CancelScope::new();
                let mut inside = pin!(scope.run(async {
                    fails(task_group(async |_| {})).await;
                    fails(scoped_task_group(async |_| {})).await;
                    scope.cancel();
                    sleep_forever().await
                }));
                // In its first poll it is cancelled, and in the next one it is unwound.
                assert!(poll_once(&mut inside).await.is_none());
                let unwound = poll_once(&mut inside).await.unwrap();
                unwound.unwrap_err();
            });
        });
    }
}

/// C13: an obligation that nobody polls any more holds the scope around it for ever. After a while both
/// are named.
#[test]
fn a_cancellation_that_does_not_get_through_is_reported() {
    let listener = Listener::default();
    let lines = Arc::clone(&listener.lines);
    let found = || lines.lock().unwrap().iter().find(|line| line.contains("held_by")).cloned();
    subscriber::with_default(listener, || {
        Runner::new().current_thread().run(async {
            let (scope, began) = (CancelScope::new(), Instant::now());
            let (opened, made) = (line!() + 1, line!() + 2);
            let mut work = Box::pin(scope.run(async {
                let mut saved = Box::pin(shield(sleep_forever()));
                // As a `select!` leaves it whose other branch was ready.
                _ = poll_once(&mut saved).await;
                scope.cancel();
                sleep_forever().await
            }));
            while found().is_none() {
                assert!(poll_once(&mut work).await.is_none());
                sleep(Duration::from_millis(20)).await;
            }
            assert!(began.elapsed() >= Duration::from_secs(5));
            let line = found().unwrap();
            assert!(
                line.contains(&format!("cancelled=scope at crates/anyio/tests/trace.rs:{opened}:")),
                "{line}"
            );
            assert!(
                line.contains(&format!("held_by=shield at crates/anyio/tests/trace.rs:{made}:")),
                "{line}"
            );
            assert!(line.contains("cause=cancelled at "), "{line}");
        });
    });
    let count = lines.lock().unwrap().iter().filter(|line| line.contains("held_by")).count();
    assert_eq!(count, 1, "it is told once");
}

/// Jobs that block all threads there are for them keep others waiting: after a while this is told, once for
/// all who wait. Whose limiter is their own knows what they do.
#[test]
fn jobs_that_wait_long_for_a_thread_are_reported() {
    const PATIENCE: u64 = 10;
    let listener = Listener::default();
    let lines = Arc::clone(&listener.lines);
    let told = || -> Vec<_> {
        let lines = lines.lock().unwrap();
        lines.iter().filter(|line| line.contains("waited long for its turn")).cloned().collect()
    };
    subscriber::with_default(listener, || {
        Runner::new().current_thread().run(async {
            let began = Instant::now();
            default_thread_limiter().set_capacity(2);
            let own = Arc::new(CapacityLimiter::new(1));
            let mut gates = Vec::new();
            let mut blocked = || {
                let (open, gate) = mpsc::channel::<()>();
                gates.push(open);
                move || _ = gate.recv()
            };
            let mut jobs: Vec<_> = [2, 3]
                .map(|_| Box::pin(to_thread(blocked())))
                .into_iter()
                .chain([Box::pin(to_thread(blocked()).limiter(&own))])
                .collect();
            jobs.extend((0..3).map(|_| Box::pin(to_thread(blocked()))));
            jobs.push(Box::pin(to_thread(blocked()).limiter(&own)));
            while told().is_empty() {
                for job in &mut jobs {
                    assert!(poll_once(job).await.is_none());
                }
                sleep(Duration::from_millis(20)).await;
            }
            // However slow this machine is: no two of them are closer.
            let most = began.elapsed().as_secs() / PATIENCE;
            let told = told();
            assert!((1..=most).contains(&(told.len() as u64)), "{told:#?}");
            for line in told {
                assert!(line.contains("capacity=2 borrowed=2 waiting=3"), "{line}");
            }
            drop(gates);
            for job in jobs {
                job.await;
            }
        });
    });
}

/// A panic of a job that nobody waits for any more is not lost without a word.
#[test]
fn a_panic_of_a_job_that_nobody_waits_for_is_reported() {
    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Release);
        }
    }

    for lines in Listener::hear("event", async || {
        let woken = Arc::new(Woken::default());
        let (open, gate) = mpsc::channel::<()>();
        let mut call = Box::pin(to_thread(move || {
            _ = gate.recv();
            panic!("alone")
        }));
        let waker = Waker::from(Arc::clone(&woken));
        let poll = call.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(poll.is_pending());
        drop(open);
        // It is woken when the panic is there, and then it does not look.
        while !woken.0.load(Ordering::Acquire) {
            thread::yield_now();
        }
        drop(call);
    }) {
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].contains("panic=\"alone\""), "{lines:#?}");
    }
}
