//! What the feature `tracing` reports.
#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::{
    fmt::{Debug, Write},
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    task::{Context, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use anyio::{
    CancelScope, CapacityLimiter, TaskGroup, checkpoint, default_thread_limiter, shield, sleep,
    sleep_forever, task_group, to_thread,
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber,
};

/// Writes down what it hears, a line each.
#[derive(Clone, Default)]
struct Listener {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
}

impl Listener {
    fn note(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    /// Runs `work` in the calling thread, and gives the lines that have `word` in them.
    fn hear<F: Future>(word: &str, work: F) -> Vec<String> {
        let listener = Self::default();
        let lines = Arc::clone(&listener.lines);
        subscriber::with_default(listener, || {
            anyio::Runner::new().current_thread().run(work);
        });
        let lines = lines.lock().unwrap();
        lines.iter().filter(|line| line.contains(word)).cloned().collect()
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
        metadata.target() == "anyio"
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
        let parent = event.parent().map_or(0, Id::into_u64);
        let mut text = Text(format!("event in #{parent}"));
        event.record(&mut text);
        self.note(text.0);
    }

    fn enter(&self, span: &Id) {
        self.note(format!("enter #{}", span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        self.note(format!("exit #{}", span.into_u64()));
    }
}

/// Covers: trio/test_instruments_interleave
/// Covers: trio/test_instrument_task_spawn_exit
#[test]
fn a_group_and_its_tasks_have_spans() {
    let lines = Listener::hear("#", async {
        task_group(async |tg| {
            tg.child().name("worker").spawn(checkpoint());
        })
        .await
    });
    assert!(lines[0].starts_with("new task_group #1 in #0 opened_at="), "{lines:#?}");
    assert!(lines[0].contains("tests/trace.rs:"), "{lines:#?}");
    let task = lines.iter().find(|line| line.starts_with("new task #2 in #1")).unwrap();
    assert!(task.contains("spawned_at=") && task.contains("tests/trace.rs:"), "{task}");
    assert!(lines.contains(&"record #2 name=\"worker\"".to_owned()), "{lines:#?}");
    // It yields once: two polls, and as many ways out as in.
    let count = |what: &str| lines.iter().filter(|line| *line == what).count();
    assert_eq!((count("enter #2"), count("exit #2")), (2, 2), "{lines:#?}");
    assert_eq!(count("enter #1"), count("exit #1"));
}

#[test]
fn an_error_that_nobody_gets_is_reported() {
    let lines = Listener::hear("event", async {
        let group = TaskGroup::<io::Error>::builder().run(async |tg| {
            for name in ["first", "second"] {
                tg.child()
                    .name(name)
                    .spawn(async { io::Result::<()>::Err(io::ErrorKind::Other.into()) });
            }
            Ok(())
        });
        group.await.unwrap_err()
    });
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("member=second"), "{lines:#?}");
    assert!(lines[0].contains("error_type=\"std::io::error::Error\""), "{lines:#?}");
}

#[test]
fn a_panic_that_nobody_gets_is_reported() {
    let lines = Listener::hear("event", async {
        let group = tokio::spawn(task_group(async |tg| {
            tg.child().name("first").spawn(async { panic!("one") });
            tg.child().name("second").spawn(async { panic!("two") });
        }));
        group.await.unwrap_err()
    });
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("member=second") && lines[0].contains("\"two\""), "{lines:#?}");
}

#[test]
fn a_group_that_is_dropped_with_tasks_in_it_is_reported() {
    let lines = Listener::hear("event", async {
        let mut group = Box::pin(task_group(async |tg| {
            tg.spawn(sleep_forever());
            tg.spawn(sleep_forever());
        }));
        let first = futures_lite::future::poll_once(&mut group).await;
        assert!(first.is_none());
        drop(group);
    });
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("tasks=2") && lines[0].contains("in #1"), "{lines:#?}");
}

#[test]
fn a_group_that_ends_is_not() {
    let lines = Listener::hear("event", async {
        task_group(async |tg| {
            tg.spawn(checkpoint());
        })
        .await
    });
    assert!(lines.is_empty(), "{lines:#?}");
}

/// C13: an obligation that nobody polls any more holds the scope around it for ever. After a while both
/// are named.
#[test]
fn a_cancellation_that_does_not_get_through_is_reported() {
    let listener = Listener::default();
    let lines = Arc::clone(&listener.lines);
    let found = || lines.lock().unwrap().iter().find(|line| line.contains("held_by")).cloned();
    subscriber::with_default(listener, || {
        anyio::Runner::new().current_thread().run(async {
            let (scope, began) = (CancelScope::new(), Instant::now());
            let (opened, made) = (line!() + 1, line!() + 2);
            let mut work = Box::pin(scope.run(async {
                let mut saved = Box::pin(shield(sleep_forever()));
                // As a `select!` leaves it whose other branch was ready.
                _ = futures_lite::future::poll_once(&mut saved).await;
                scope.cancel();
                sleep_forever().await
            }));
            while found().is_none() {
                assert!(futures_lite::future::poll_once(&mut work).await.is_none());
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
        anyio::Runner::new().current_thread().run(async {
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
                    assert!(futures_lite::future::poll_once(job).await.is_none());
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

    let lines = Listener::hear("event", async {
        let woken = Arc::new(Woken::default());
        let mut call = Box::pin(to_thread(|| panic!("alone")));
        let waker = Waker::from(Arc::clone(&woken));
        let poll = call.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(poll.is_pending());
        // It is woken when the panic is there, and then it does not look.
        while !woken.0.load(Ordering::Acquire) {
            thread::yield_now();
        }
        drop(call);
    });
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("panic=\"alone\""), "{lines:#?}");
}
