//! As [`dropping`](super::dropping), for what is made of groups: whatever is dropped or cancelled
//! between any two of its polls, no task is left behind, no cleanup skipped, no value lost.

use std::{
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyio_core::{Cancelled, Event as _, Runtime, Spawn as _};
use anyio_engine::{
    Ready, TaskGroup, as_completed, capture, checkpoint, finally, gather, local_task_group, map,
    memory_object_stream, race, race_ok, scoped_task_group, shield, shutdown_requested, tree_local,
    until_shutdown,
};
use futures_util::FutureExt as _;

use super::tools::{Failure, SetOnDrop, event};
use crate::{
    cut::{everywhere, pause},
    suite::Case,
    support::{Counter, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, dropping_groups:
        no_started_task_is_left_behind,
        started_task_belongs_to_somebody,
        no_nested_task_is_left_behind,
        no_nested_task_skips_its_cleanup,
        gathered_futures_end_together,
        mapped_futures_give_their_turns_back,
        no_racer_is_left_behind,
        no_completed_value_is_seen_twice,
        limited_groups_end,
        services_end_with_their_group,
        no_work_outlives_its_shutdown,
        local_values_are_given_back,
        collecting_groups_end,
        groups_that_shut_down_end,
        captured_work_is_gone_with_its_scope,
        local_groups_have_nothing_left,
    ]
}

tree_local! {
    static SHARED: Arc<Counter>;
}

/// Counts who begins, and who is through with it, cleanup included.
#[derive(Clone, Default)]
struct Count {
    begun: Counter,
    gone: Counter,
    /// One for each of the clones.
    holders: Arc<()>,
}

impl Count {
    /// Something that waits, and counts itself.
    async fn visit(&self) {
        struct Gone<'a>(&'a Count);

        impl Drop for Gone<'_> {
            fn drop(&mut self) {
                self.0.gone.add();
            }
        }

        self.begun.add();
        let _gone = Gone(self);
        pause().await;
    }

    fn is_even(&self) -> bool {
        self.begun.get() == self.gone.get()
    }

    /// Whether all tasks that had a clone have ended, those too that had not begun.
    fn is_alone(&self) -> bool {
        Arc::strong_count(&self.holders) == 1
    }
}

/// G9: a start that was cut leaves no task behind that its group does not know: the group ends, and
/// with it everything.
async fn no_started_task_is_left_behind<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let count = Count::default();
        let group = TaskGroup::<B, Cancelled>::builder().run(async |tg| {
            let theirs = count.clone();
            let starting = tg.start(|ready: Ready<u8>| {
                cut.within(async move {
                    theirs.visit().await;
                    ready.started(1);
                    theirs.visit().await;
                })
            });
            let started = cut.apply::<B, _>(starting).await;
            if let Some(value) = &started {
                assert_eq!(value, &Ok(1), "{cut:?}");
            }
            Ok(())
        });
        assert_eq!(group.await, Ok(()), "{cut:?}");
        assert!(count.is_even(), "{cut:?}");
    })
    .await;
    assert_ne!(cuts, 0); // how many there are, the threads decide
}

/// G9: a task that was ready goes on with its group, one that was not is gone when `start` is over.
async fn started_task_belongs_to_somebody<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (ready_now, ended) = (Counter::default(), Counter::default());
        let group = TaskGroup::<B, Cancelled>::builder().run(async |tg| {
            let (begin, end) = (ready_now.clone(), ended.clone());
            let starting = tg.start(|ready: Ready<()>| {
                cut.within(async move {
                    pause().await;
                    begin.add();
                    ready.started(());
                    pause().await;
                    end.add();
                })
            });
            let started = cut.apply::<B, _>(starting).await.is_some();
            if started {
                assert_eq!(ready_now.get(), 1, "{cut:?}");
            }
            Ok(started)
        });
        let started = group.await.expect("nobody cancels the group");
        if started {
            assert_eq!(ended.get(), 1, "{cut:?}");
        }
    })
    .await;
    assert_ne!(cuts, 0); // how many there are, the threads decide
}

/// G12: a group of borrowing tasks that was cut has none of them left.
async fn no_nested_task_is_left_behind<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let count = Count::default();
        let group = scoped_task_group(async |tg| {
            for _ in 0..3 {
                let (group, count) = (tg.clone(), &count);
                tg.spawn(async move {
                    count.visit().await;
                    group.spawn(count.visit());
                });
            }
            count.visit().await;
        });
        let done = cut.apply::<B, _>(group).await;
        assert!(count.is_even(), "{cut:?}");
        if done.is_some() {
            assert_eq!(count.gone.get(), 7, "{cut:?}");
        }
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// C5, G12: cancelled, its tasks have cleaned up when it is over.
async fn no_nested_task_skips_its_cleanup<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (begun, cleaned) = (Counter::default(), Counter::default());
        let group = scoped_task_group(async |tg| {
            for _ in 0..2 {
                let work = async {
                    begun.add();
                    pause().await;
                };
                let cleanup = async {
                    pause().await;
                    cleaned.add();
                };
                tg.spawn(finally(work, cleanup));
            }
        });
        cut.apply::<B, _>(group).await;
        if !cut.by_hand() {
            assert_eq!(begun.get(), cleaned.get(), "{cut:?}");
        }
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// G13: a `gather` that was cut has ended, all of it.
async fn gathered_futures_end_together<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let count = Count::default();
        let futures = (0..3).map(async |number| {
            for _ in 0..number {
                count.visit().await;
            }
            Ok::<_, Cancelled>(number)
        });
        if let Some(values) = cut.apply::<B, _>(gather(futures)).await {
            assert_eq!(values, Ok(vec![0, 1, 2]), "{cut:?}");
            assert_eq!(count.begun.get(), 3, "{cut:?}");
        }
        assert!(count.is_even(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 6, "{cuts}");
}

/// G13: so has a `map`; and no more than allowed were there at a time.
async fn mapped_futures_give_their_turns_back<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let count = Count::default();
        let mapped = map(0..5, 2, async |number| {
            assert!(count.begun.get() - count.gone.get() < 2, "{cut:?}");
            count.visit().await;
            Ok::<_, Cancelled>(number)
        });
        if let Some(values) = cut.apply::<B, _>(mapped).await {
            assert_eq!(values, Ok(vec![0, 1, 2, 3, 4]), "{cut:?}");
        }
        assert!(count.is_even(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 10, "{cuts}");
}

/// G13: so have the races, winners and losers alike.
async fn no_racer_is_left_behind<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let count = Count::default();
        let racers = || {
            (1..4).map(async |number| {
                for _ in 0..number {
                    count.visit().await;
                }
                shield(count.visit()).await;
                Ok::<_, u8>(number)
            })
        };
        let both = async { (race(racers()).await, race_ok(racers()).await) };
        if let Some(winners) = cut.apply::<B, _>(both).await {
            assert_eq!(winners, (Ok(1), Ok(1)), "{cut:?}");
        }
        assert!(count.is_even(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 10, "{cuts}");
}

/// G13: what `as_completed` gives, it gives once.
async fn no_completed_value_is_seen_twice<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (count, seen) = (Count::default(), Mutex::new(Vec::new()));
        let futures = (0..3).map(async |number| {
            count.visit().await;
            Ok::<_, Cancelled>(number)
        });
        let all = as_completed(futures, async |done| -> Result<(), Cancelled> {
            while let Ok(number) = done.receive().await {
                seen.lock().expect("nobody panics").push(number);
            }
            Ok(())
        });
        let done = cut.apply::<B, _>(all).await;
        let mut seen = seen.into_inner().expect("nobody panics");
        seen.sort_unstable();
        let unique = seen.len();
        seen.dedup();
        assert_eq!(seen.len(), unique, "{cut:?}");
        if done.is_some() {
            assert_eq!(seen, [0, 1, 2], "{cut:?}");
        }
        assert!(count.is_even(), "{cut:?}");
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// G11: a group with a limit that was cut ends, with those that were waiting for their turn.
async fn limited_groups_end<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let count = Count::default();
        let group = TaskGroup::<B, Cancelled>::builder().limit(1).run(async |tg| {
            for _ in 0..3 {
                let count = count.clone();
                tg.spawn(cut.within(async move { count.visit().await }));
            }
            Ok(())
        });
        let done = cut.apply::<B, _>(group).await;
        // Dropped by hand, the tasks go on unwinding with nobody to wait for them.
        until::<B>(|| count.is_alone()).await;
        assert!(count.is_even(), "{cut:?}");
        if done.is_some() {
            assert_eq!(count.gone.get(), 3, "{cut:?}");
        }
    })
    .await;
    assert_ne!(cuts, 0); // how many there are, the threads decide
}

/// G11: so do services.
async fn services_end_with_their_group<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let count = Count::default();
        let group = TaskGroup::<B, Cancelled>::builder().run(async |tg| {
            let (service, task) = (count.clone(), count.clone());
            tg.child().service().spawn(cut.within(async move {
                loop {
                    service.visit().await;
                }
            }));
            tg.spawn(cut.within(async move { task.visit().await }));
            pause().await;
            Ok(())
        });
        let done = cut.apply::<B, _>(group).await;
        if cut.by_hand() && done.is_none() {
            until::<B>(|| count.is_alone()).await;
        }
        assert!(count.is_even(), "{cut:?}");
    })
    .await;
    assert_ne!(cuts, 0); // how many there are, the threads decide
}

/// C12: work under `until_shutdown` that was cut from elsewhere is gone, and its items are where they
/// were.
async fn no_work_outlives_its_shutdown<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (send, receive) = memory_object_stream::<u8>(1);
        let scope = anyio_engine::CancelScope::<B>::new();
        let work = scope.run(async {
            pause().await;
            let item = until_shutdown::<B, _>(receive.receive()).await;
            assert!(matches!(item, None | Some(Ok(7))));
            item.is_some()
        });
        let others = async {
            checkpoint().await;
            send.send(7).await.expect("the stream is open");
            scope.shutdown(Duration::from_secs(3_600));
        };
        let (got, ()) = futures_util::join!(cut.apply::<B, _>(work), others);
        let received = usize::from(got.is_some_and(|got| got == Ok(true)));
        assert_eq!(received + usize::from(receive.try_receive().is_ok()), 1, "{cut:?}");
    })
    .await;
    assert_ne!(cuts, 0); // how many there are, the threads decide
}

/// C14: a value that was set for work that was cut is dropped.
async fn local_values_are_given_back<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let value = Arc::new(Counter::default());
        let work = SHARED.scope(Arc::clone(&value), async {
            checkpoint().await;
            let group = TaskGroup::<B, Cancelled>::builder().run(async |tg| {
                tg.spawn(cut.within(async {
                    pause().await;
                    SHARED.with(|shared| _ = shared.add());
                }));
                Ok(())
            });
            group.await
        });
        cut.apply::<B, _>(work).await;
        until::<B>(|| Arc::strong_count(&value) == 1).await;
    })
    .await;
    assert_ne!(cuts, 0); // how many there are, the threads decide
}

/// G2: a group that collects its errors and was cut ends, and gives what there was.
async fn collecting_groups_end<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let count = Count::default();
        let group = TaskGroup::<B, Failure>::builder().run_collecting(async |tg| {
            for name in ["first", "second"] {
                let count = count.clone();
                tg.spawn(cut.within(async move {
                    let cleanup = async { count.visit().await };
                    finally(count.visit(), cleanup).await;
                    Err::<(), _>(Failure::Named(name))
                }));
            }
            Ok(())
        });
        let done = cut.apply::<B, _>(group).await;
        if cut.by_hand() && done.is_none() {
            until::<B>(|| count.is_alone()).await;
        }
        assert!(count.is_even(), "{cut:?}");
        if let Some(result) = done {
            let errors = result.expect_err("both fail");
            assert!(errors.iter().all(|error| matches!(error, Failure::Named(_))), "{cut:?}");
        }
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// C12: a group that was asked to shut down, and was cut, ends with those that were saying goodbye.
async fn groups_that_shut_down_end<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let count = Count::default();
        let group = TaskGroup::<B, Cancelled>::builder().run(async |tg| {
            for _ in 0..2 {
                let count = count.clone();
                tg.spawn(cut.within(async move {
                    shutdown_requested().await;
                    count.visit().await;
                }));
            }
            pause().await;
            tg.shutdown(Duration::from_secs(3_600));
            Ok(())
        });
        let done = cut.apply::<B, _>(group).await;
        if cut.by_hand() && done.is_none() {
            until::<B>(|| count.is_alone()).await;
        }
        assert!(count.is_even(), "{cut:?}");
        if !cut.made() {
            assert_eq!((done, count.gone.get()), (Some(Ok(())), 2), "{cut:?}");
        }
    })
    .await;
    assert!(cuts >= 8, "{cuts}");
}

/// C15: work that somebody else runs is gone when its scope has been cut; what it has begun has ended.
async fn captured_work_is_gone_with_its_scope<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (count, made, ended) = (Count::default(), Counter::default(), event::<B>());
        let scope_of_it = async {
            let (theirs, end) = (count.clone(), SetOnDrop::<B>(Arc::clone(&ended)));
            made.add();
            let work = cut.within(async move {
                let _end = end;
                finally(theirs.visit(), theirs.visit()).await;
            });
            B::spawner().expect("it runs").spawn_task(capture().in_scope(work).map(drop));
            ended.wait().await;
        };
        cut.apply::<B, _>(scope_of_it).await;
        // Whoever dropped the scope's future has left the work alone: it ends by itself.
        if made.get() > 0 {
            ended.wait().await;
        }
        assert!(count.is_even(), "{cut:?}");
    })
    .await;
    assert_ne!(cuts, 0); // how many there are, the threads decide
}

/// G12: a group whose tasks stay in one thread has none of them left when it was cut.
async fn local_groups_have_nothing_left<B: Runtime>() {
    let cuts = everywhere(async |cut| {
        let (count, alive) = (Count::default(), Rc::new(()));
        let group = local_task_group(async |tg| {
            for _ in 0..2 {
                let (count, alive) = (&count, Rc::clone(&alive));
                tg.spawn(cut.within(async move {
                    let _alive = alive;
                    count.visit().await;
                }));
            }
            pause().await;
            Ok::<_, Cancelled>(())
        });
        let done = cut.apply_local::<B, _>(group).await;
        assert!(count.is_even() && Rc::strong_count(&alive) == 1, "{cut:?}");
        if !cut.made() {
            assert_eq!((done, count.gone.get()), (Some(Ok(())), 2));
        }
    })
    .await;
    assert!(cuts >= 12, "{cuts}");
}
