//! With what others have made: their errors in our groups, their tokens and our scopes.

use std::{
    error::Error,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyio::{
    CancelScope, Cancelled, DynGroupError, GroupError, Runner, TaskGroup, available_backends,
    checkpoint, finally, prelude::*, run_with, sleep_forever, task_group,
};
use tokio_util::sync::CancellationToken;

/// `anyhow::Error` takes any error, so it takes ours; `?` in a task does the rest.
#[test]
fn groups_fail_with_anyhow() {
    async fn load() -> anyhow::Result<u8> {
        Err(io::Error::from(io::ErrorKind::NotFound))?
    }

    let result: anyhow::Result<u8> = anyio::run(task_group(async |tg| -> anyhow::Result<_> {
        let loading = tg.spawn(load());
        tg.spawn(async {
            sleep_forever().await;
        });
        Ok(loading.await?)
    }));
    let error = result.unwrap_err();
    assert_eq!(error.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::NotFound);

    let cancelled = anyio::run(task_group(async |tg| -> anyhow::Result<()> {
        tg.cancel_because("enough");
        checkpoint().await;
        Ok(())
    }));
    let cancelled = cancelled.unwrap_err();
    assert_eq!(cancelled.downcast_ref::<Cancelled>().unwrap().cause().reason(), Some("enough"));
}

/// So does `eyre::Report`.
#[test]
fn groups_fail_with_eyre() {
    let result = anyio::run(task_group(async |tg| -> eyre::Result<()> {
        tg.spawn(async { eyre::Result::<()>::Err(eyre::eyre!("no luck")) });
        sleep_forever().await
    }));
    assert_eq!(result.unwrap_err().to_string(), "no luck");
}

#[derive(Debug, thiserror::Error)]
enum AppError {
    #[error("the database is gone")]
    Database(#[source] io::Error),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// An enum needs `#[from] Cancelled` in one variant, and nothing else.
#[test]
fn groups_fail_with_enums() {
    let result = anyio::run(task_group(async |tg| -> Result<(), AppError> {
        tg.spawn(async { Err::<(), _>(AppError::Database(io::ErrorKind::BrokenPipe.into())) });
        sleep_forever().await
    }));
    let error = result.unwrap_err();
    assert!(matches!(error, AppError::Database(_)));
    assert!(error.source().is_some());
}

/// All errors at once are an error, too: the first, with what came of the others.
#[test]
fn collected_errors_are_an_error() {
    let result = anyio::run(TaskGroup::<AppError>::builder().run_collecting(async |tg| {
        tg.spawn(async { Err::<(), _>(AppError::Database(io::ErrorKind::BrokenPipe.into())) });
        Err::<(), _>(AppError::Database(io::ErrorKind::NotFound.into()))
    }));
    let error: GroupError<AppError> = result.unwrap_err();
    let report = anyhow::Error::from(error);
    let text = format!("{report:#}");
    assert!(
        text.starts_with("2 members of a task group failed; the first: the database is gone: ")
    );
}

/// Foreign errors inside of a group of one's own: by `?`, or by `err_into`.
#[test]
fn foreign_errors_are_converted() {
    async fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
        text.parse()
    }

    let result: anyhow::Result<u8> = anyio::run(task_group(async |tg| {
        let one = tg.spawn(parse("1").err_into());
        let two = tg.spawn(async { Ok(parse("2").await?) });
        Ok(one.await? + two.await?)
    }));
    assert_eq!(result.unwrap(), 3);
}

/// A boxed error has to be `Send`, as tasks are.
#[test]
fn groups_fail_with_boxes() {
    type Boxed = Box<dyn Error + Send + Sync>;

    let result = anyio::run(task_group(async |tg| -> Result<(), Boxed> {
        tg.spawn(async { Err::<(), Boxed>("in words".into()) });
        sleep_forever().await
    }));
    assert_eq!(result.unwrap_err().to_string(), "in words");
}

/// Runs `test` on one backend after the other.
fn on_each_backend(test: impl AsyncFn()) {
    for backend in available_backends() {
        run_with(backend, test());
    }
}

/// A token of `tokio-util` cancels a scope: somebody waits for it, beside the work.
#[test]
fn token_cancels_a_scope() {
    on_each_backend(async || {
        let (token, scope) = (CancellationToken::new(), CancelScope::new());
        let cleaned_up = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&cleaned_up);
        let group = task_group(async |tg| {
            let (watched, cancels) = (token.clone(), scope.clone());
            tg.child().service().spawn(async move {
                watched.cancelled().await;
                cancels.cancel_because("the token was cancelled");
            });
            let work = tg.spawn(async move {
                let cleanup = async { done.store(true, Ordering::SeqCst) };
                let result = scope.run(finally(sleep_forever(), cleanup)).await;
                assert_eq!(result.unwrap_err().cause().reason(), Some("the token was cancelled"));
            });
            checkpoint().await;
            token.cancel();
            _ = work.await;
        });
        group.await.unwrap();
        assert!(cleaned_up.load(Ordering::SeqCst));
    });
}

/// A scope cancels a token: its drop guard goes with the work.
#[test]
fn scope_cancels_a_token() {
    on_each_backend(async || {
        let token = CancellationToken::new();
        let theirs = token.child_token();
        let scope = CancelScope::new();
        let work = async {
            let _guard = token.clone().drop_guard();
            scope.cancel();
            sleep_forever().await
        };
        assert!(scope.run(work).await.is_err());
        assert!(theirs.is_cancelled());
        theirs.cancelled().await;
    });
}

/// Code that waits for a token itself is inside of the scopes around it, unwrapped.
#[test]
fn waiting_for_a_token_is_cancelled() {
    on_each_backend(async || {
        let token = CancellationToken::new();
        let waited = anyio::move_on_after(std::time::Duration::from_millis(2), token.cancelled());
        assert!(waited.await.is_none());
        assert!(!token.is_cancelled());
    });
}

/// Where the body fails before its task begins.
fn in_one_thread<F: Future>(work: F) -> F::Output {
    Runner::new().current_thread().run(work)
}

/// `anyhow::Error` is no `Error`, so a list of them needs `into_dyn` before `?`; it is the whole list still.
#[test]
fn collected_anyhow_errors_are_an_error() {
    async fn work() -> anyhow::Result<()> {
        let group = TaskGroup::<anyhow::Error>::builder().run_collecting(async |tg| {
            tg.spawn(async {
                let missing = io::Error::from(io::ErrorKind::NotFound);
                Err::<(), _>(anyhow::Error::from(missing).context("no configuration"))
            });
            Err::<(), _>(anyhow::anyhow!("no luck"))
        });
        group.await.map_err(GroupError::into_dyn)?;
        Ok(())
    }

    let error = in_one_thread(work()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("2 members of a task group failed: no luck; "), "{text}");
    assert_eq!(error.chain().nth(1).map(ToString::to_string).as_deref(), Some("no luck"));
    let all = error.downcast::<DynGroupError<anyhow::Error>>().unwrap().into_errors();
    assert_eq!(all.iter().count(), 2);
}

/// A list of one in a chain: the members' own types are found from outside.
#[test]
fn collected_errors_are_found_in_a_chain() {
    let group =
        TaskGroup::<anyhow::Error>::builder().run_collecting(async |tg| -> anyhow::Result<()> {
            tg.spawn(async { Err::<(), _>(io::Error::from(io::ErrorKind::NotFound).into()) });
            sleep_forever().await
        });
    let result = anyio::run(group);
    let report = anyhow::Error::from(result.unwrap_err().into_dyn()).context("the program failed");
    let found = report.chain().find_map(|error| error.downcast_ref::<io::Error>());
    assert_eq!(found.map(io::Error::kind), Some(io::ErrorKind::NotFound));
    let text = format!("{report:#}");
    assert!(text.contains("the program failed: a member of a task group failed: "), "{text}");
}

/// `eyre::Report` is of the same kind.
#[test]
fn collected_eyre_reports_are_an_error() {
    async fn work() -> eyre::Result<()> {
        let group = TaskGroup::<eyre::Report>::builder().run_collecting(async |tg| {
            tg.spawn(async { Err::<(), _>(eyre::eyre!("not here")) });
            Err::<(), _>(eyre::eyre!("nor there"))
        });
        group.await.map_err(GroupError::into_dyn)?;
        Ok(())
    }

    let error = in_one_thread(work()).unwrap_err();
    assert_eq!(error.to_string(), "2 members of a task group failed: nor there; not here");
    assert!(error.is::<DynGroupError<eyre::Report>>());
}

/// And so is a boxed error.
#[test]
fn collected_boxes_are_an_error() {
    type Boxed = Box<dyn Error + Send + Sync>;

    async fn work() -> Result<u8, Boxed> {
        let group = TaskGroup::<Boxed>::builder().run_collecting(async |tg| {
            tg.spawn(async { Err::<(), Boxed>(io::Error::from(io::ErrorKind::NotFound).into()) });
            Err::<u8, Boxed>("in words".into())
        });
        Ok(group.await.map_err(GroupError::into_dyn)?)
    }

    let error = in_one_thread(work()).unwrap_err();
    let all = error.downcast_ref::<DynGroupError<Boxed>>().unwrap().errors();
    assert_eq!(all.first().to_string(), "in words");
    assert!(all.rest()[0].is::<io::Error>());
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("in words"));
}
