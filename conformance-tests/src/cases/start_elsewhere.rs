//! Starting tasks in a group that is somebody else's, or that is ending: G9.

use std::{future::pending, sync::Arc};

use anyio_core::{Event as _, Runtime, TaskStatus};
use anyio_engine::{Ready, TaskGroup, TaskHandle, checkpoint, memory_object_stream, sleep_forever};

use super::tools::{Failure, SetOnDrop, event};
use crate::{
    suite::Case,
    support::{Counter, turns},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, start_elsewhere:
        group_cancelled_between_the_call_and_its_first_poll,
        group_cancelled_around_the_moment_of_being_ready,
        group_stays_open_for_a_task_that_starts,
        group_stays_open_for_a_task_that_fails_to_start,
    ]
}

type Group<B> = TaskGroup<B, Failure>;

fn named<T>(what: &'static str) -> Result<T, Failure> {
    Err(Failure::Named(what))
}

/// A group in a task of `outer`, whose body waits for `close`; what it gives is the task's value.
async fn opened<B: Runtime>(
    outer: &Group<B>,
    close: Arc<B::Event>,
) -> Result<(Group<B>, TaskHandle<Result<(), Failure>>), Failure> {
    let (give, take) = memory_object_stream(1);
    let task = outer.spawn(async move {
        let group = Group::<B>::builder().run(async move |tg: Group<B>| {
            give.try_send(tg).expect("there is room");
            close.wait().await;
            Ok(())
        });
        Ok(group.await)
    });
    let group = take.receive().await.expect("the body gives it");
    Ok((group, task))
}

/// G9: a start whose group is cancelled before it is first polled ends as any other in a cancelled
/// group: its task gets that one poll, being ready does nothing, and it is no error.
/// Covers: anyio/test_no_called_started_twice
async fn group_cancelled_between_the_call_and_its_first_poll<B: Runtime>() {
    let (polled, went_on) = (Counter::default(), Counter::default());
    let result = Group::<B>::builder().run(async |tg| {
        let count = polled.clone();
        let starting = tg.start(async move |ready: Ready<u8>| {
            count.add();
            ready.started(1);
            checkpoint().await;
            count.add();
        });
        tg.cancel_because("before the poll");
        starting.await?;
        went_on.add();
        Ok(())
    });
    let Err(Failure::Cancelled(cancelled)) = result.await else { panic!("it was cancelled") };
    assert_eq!(cancelled.cause().reason(), Some("before the poll"));
    assert_eq!((polled.get(), went_on.get()), (1, 0));
}

/// G7, G9: a group that is cancelled just before or just after a task of it is ready: its caller,
/// who is somebody else, has the value, and all that the task has opened is unwound.
/// Covers: trio/test_nursery_start_with_cancelled_nursery
async fn group_cancelled_around_the_moment_of_being_ready<B: Runtime>() {
    for cancelled_before in [true, false] {
        let (went_on, cut) = (Counter::default(), event::<B>());
        let result = Group::<B>::builder().run(async |outer| {
            let (target, ended) = opened(&outer, event::<B>()).await?;
            let (group, count) = (target.clone(), went_on.clone());
            let end = SetOnDrop::<B>(Arc::clone(&cut));
            let value = target.start(async move |ready| {
                let inner = Group::<B>::builder().run(async |tg| -> Result<(), Failure> {
                    let begun = event::<B>();
                    let begin = Arc::clone(&begun);
                    tg.spawn(async move {
                        let _end = end;
                        begin.set();
                        pending::<()>().await;
                    });
                    begun.wait().await;
                    if cancelled_before {
                        group.cancel();
                        ready.started(3);
                    } else {
                        ready.started(3);
                        group.cancel();
                    }
                    sleep_forever().await
                });
                let ended = inner.await;
                count.add();
                ended
            });
            let value = value.await?;
            assert!(matches!(ended.await?, Err(Failure::Cancelled(_))));
            assert!(cut.is_set());
            checkpoint().await;
            Ok(value)
        });
        assert_eq!(result.await, Ok(3), "cancelled before it was ready: {cancelled_before}");
        assert_eq!(went_on.get(), 0);
    }
}

/// G1, G9: a group whose body has ended stays open while a task is starting in it, and then until
/// that task has ended.
/// Covers: trio/test_nursery_start_keeps_nursery_open
async fn group_stays_open_for_a_task_that_starts<B: Runtime>() {
    let result = Group::<B>::builder().run(async |outer| {
        let (close, proceed, end) = (event::<B>(), event::<B>(), event::<B>());
        let (target, ended) = opened(&outer, Arc::clone(&close)).await?;
        let (begun, wait, last) = (event::<B>(), Arc::clone(&proceed), Arc::clone(&end));
        let begin = Arc::clone(&begun);
        let starting = outer.spawn(async move {
            let started = target.start(async move |ready| {
                begin.set();
                wait.wait().await;
                ready.started(4);
                last.wait().await;
            });
            started.await
        });
        begun.wait().await;
        close.set();
        turns::<B>().await;
        assert_eq!(ended.status(), TaskStatus::Running, "a task is starting");
        proceed.set();
        assert_eq!(starting.await?, 4);
        turns::<B>().await;
        assert_eq!(ended.status(), TaskStatus::Running, "the task goes on");
        end.set();
        assert_eq!(ended.await?, Ok(()));
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}

/// G1, G9: the same for a task that fails before it is ready: the group ends then, and the error is
/// not its own.
/// Covers: trio/test_nursery_start_keeps_nursery_open
async fn group_stays_open_for_a_task_that_fails_to_start<B: Runtime>() {
    let result = Group::<B>::builder().run(async |outer| {
        let (close, proceed) = (event::<B>(), event::<B>());
        let (target, ended) = opened(&outer, Arc::clone(&close)).await?;
        let (begun, wait) = (event::<B>(), Arc::clone(&proceed));
        let begin = Arc::clone(&begun);
        let starting = outer.spawn(async move {
            let started = target.start(async move |_ready: Ready<u8>| {
                begin.set();
                wait.wait().await;
                named::<()>("no port")
            });
            Ok(started.await)
        });
        begun.wait().await;
        close.set();
        turns::<B>().await;
        assert_eq!(ended.status(), TaskStatus::Running, "a task is starting");
        proceed.set();
        assert_eq!(starting.await?, named("no port"));
        assert_eq!(ended.await?, Ok(()));
        Ok(())
    });
    assert_eq!(result.await, Ok(()));
}
