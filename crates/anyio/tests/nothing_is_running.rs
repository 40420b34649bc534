//! What those are told who are inside no runtime, where that can be known: smol, if it is compiled in,
//! is everywhere.
#![cfg(all(feature = "tokio", not(feature = "smol")))]

use std::{
    io,
    panic::catch_unwind,
    process::Command,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyio::{Any, prelude::*};
use futures_lite::future::block_on;

/// What a panic said.
fn words(f: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let payload = catch_unwind(f).expect_err("it did not panic");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .expect("a panic with words")
}

fn explains(text: &str) {
    assert!(text.contains("`anyio::run`") && text.contains("compiled in are: tokio"), "{text}");
    assert!(text.contains("needs a runtime"), "{text}");
}

/// Whoever asks is told what to do, and what there is.
#[test]
fn error_says_what_to_do() {
    explains(&anyio::current_backend().unwrap_err().to_string());
    explains(&Any::spawner().unwrap_err().to_string());
    explains(&Any::spawn_blocking(|| ()).unwrap_err().to_string());
}

/// What can fail fails, with the same words.
#[test]
fn io_fails() {
    let local = ([127, 0, 0, 1], 0).into();
    for error in [
        block_on(anyio::connect_tcp(local)).unwrap_err(),
        block_on(anyio::listen_tcp(local)).unwrap_err(),
        anyio::open_signal_receiver(&[anyio::Signal::HANGUP]).unwrap_err(),
        Any::spawn_process(Command::new("true")).unwrap_err(),
    ] {
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        explains(&error.to_string());
    }
}

/// What cannot fail panics, with the same words.
#[test]
fn the_rest_panics() {
    explains(&words(|| block_on(anyio::sleep(Duration::from_millis(1)))));
    explains(&words(|| block_on(anyio::to_thread(|| ()))));
    explains(&words(|| {
        _ = block_on(anyio::task_group(async |tg| {
            tg.spawn(async {});
        }));
    }));
}

/// The panic points at the line that waits, and not into this library.
#[test]
fn panics_point_at_the_caller() {
    static PLACES: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());

    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(|place| (place.file().to_owned(), place.line()));
        PLACES.lock().unwrap_or_else(PoisonError::into_inner).extend(place);
        before(info);
    }));
    let here = line!();
    words(|| block_on(async { anyio::sleep(Duration::from_millis(1)).await }));
    words(|| block_on(async { anyio::to_thread(|| ()).await }));
    let places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    for line in [here + 1, here + 2] {
        assert!(places.contains(&(file!().to_owned(), line)), "{line}: {places:?}");
    }
}

/// What needs no runtime works without one.
#[test]
fn the_rest_works() {
    let (before, now, after) = (Instant::now(), anyio::current_time(), Instant::now());
    assert!(before <= now && now <= after);
    assert_eq!(anyio::current_effective_deadline(), None);
    assert!(!anyio::is_cancelled());
    block_on(async {
        assert_eq!(anyio::move_on_after(Duration::from_secs(1), async { 7 }).await, Some(7));
        let (send, receive) = anyio::memory_object_stream(1);
        send.send(7).await.unwrap();
        assert_eq!(receive.receive().await, Ok(7));
        assert_eq!(*anyio::Lock::new(7).lock().await, 7);

        let scope = anyio::CancelScope::new();
        scope.cancel();
        assert!(scope.run(anyio::sleep_forever()).await.is_err());
    });
}
