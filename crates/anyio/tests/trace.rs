//! What the feature `tracing` reports.
#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::{
    fmt::{Debug, Write},
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyio::{CancelScope, TaskGroup, checkpoint, shield, sleep, sleep_forever, task_group};
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
