//! What the tree of tasks shows. Other cases run at the same time and are in it, too: each of these
//! looks for its own names only.

use std::{
    cell::OnceCell,
    future::pending,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyio_core::{CancelScope as _, Cancelled, CauseKind, Event as _, Runtime, Spawn as _};
use anyio_engine::{
    ItemKind, ItemState, Ready, RuntimeExt as _, TaskGroup, TaskTree, TreeItem, capture,
    catch_cancelled, checkpoint, current_task, finally, scoped_task_group, shield, sleep_forever,
    task_tree,
};

use super::tools::event;
use crate::{
    suite::Case,
    support::{Log, is_pending, until},
};

pub(super) fn list<B: Runtime>() -> Vec<Case> {
    list![B, task_tree:
        tasks_stand_in_their_groups,
        run_is_the_outermost,
        task_that_refuses_to_end_is_seen,
        cancelling_without_a_hold,
        undelivered_cancellation_is_not_rest,
        closing_group_waits_for_its_tasks,
        borrowing_tasks_are_listed,
        scopes_stand_where_they_are,
        lines_are_indented_by_what_is_around_them,
        deadlines_are_told_by_their_distance,
        cleanups_and_catches,
        starting_task_is_its_groups,
        dropped_group_goes_on,
        group_that_moves_away_is_found,
        group_in_no_run_is_found,
        captured_task_is_listed,
        service_and_request,
        what_has_ended_is_gone,
        slots_are_told_apart,
        ages_are_bounds,
        current_task_is_the_innermost,
        numbers_can_be_taken,
    ]
}

/// A name that no other case has.
fn unique(what: &str) -> Arc<str> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{what} {}", COUNT.fetch_add(1, Ordering::Relaxed)).into()
}

fn find<'a>(tree: &'a TaskTree, name: &str) -> &'a TreeItem {
    tree.find(name).unwrap_or_else(|| panic!("{name} is not in the tree:\n{tree}"))
}

/// Waits until the task is seen to wait, and gives the tree.
async fn waiting<B: Runtime>(name: &str) -> TaskTree {
    let mut tree = task_tree();
    while tree.find(name).is_none_or(|item| item.state() != ItemState::Waiting) {
        B::sleep(Duration::from_millis(1)).await;
        tree = task_tree();
    }
    tree
}

fn builder<B: Runtime>(name: &Arc<str>) -> anyio_engine::GroupBuilder<B, Cancelled> {
    TaskGroup::builder().name(Arc::clone(name))
}

/// The line of the text that begins with this, whatever is in front of it.
fn line(tree: &TaskTree, start: &str) -> String {
    let text = tree.to_string();
    let found = text.lines().map(str::trim_start).find(|line| line.starts_with(start));
    found.unwrap_or_else(|| panic!("no line begins with {start}:\n{text}")).to_owned()
}

/// A task is found with its name and the place it was spawned at, in the group that it belongs to,
/// which is in the task that opened it, whoever spawned the task.
/// Covers: anyio/test_get_running_tasks
/// Covers: anyio/test_start_soon_parent_id
/// Covers: trio/test_current_task
async fn tasks_stand_in_their_groups<B: Runtime>() {
    let [outer, host, inner, task] = ["outer", "host", "inner", "task"].map(unique);
    builder::<B>(&outer)
        .run(async |tg| {
            let names = [&host, &inner, &task].map(Arc::clone);
            let outside = tg.clone();
            tg.child().name(Arc::clone(&host)).spawn(async move {
                let [_, inner, task] = names;
                _ = builder::<B>(&inner)
                    .run(async |tg| {
                        // Spawned by a task of another group.
                        let theirs = tg.clone();
                        outside.spawn(async move {
                            theirs.child().name(task).spawn(sleep_forever());
                        });
                        sleep_forever().await;
                    })
                    .await;
            });
            waiting::<B>(&task).await;
            // The task may wait before its host does.
            let tree = waiting::<B>(&host).await;
            let task = find(&tree, &task);
            assert_eq!(task.kind(), ItemKind::Task);
            assert!(task.location().unwrap().file().ends_with("task_tree.rs"));
            let group = tree.group(task).unwrap();
            assert_eq!(group.name(), Some(&*inner));
            assert!(group.location().unwrap().file().ends_with("task_tree.rs"));
            let host_item = tree.parent(group).unwrap();
            assert_eq!((host_item.kind(), host_item.name()), (ItemKind::Task, Some(&*host)));
            assert_eq!(tree.group(host_item).unwrap().name(), Some(&*outer));
            let beneath = tree.beneath(find(&tree, &outer));
            assert!(beneath.iter().any(|item| item.name() == Some(&*inner)));
            assert!(beneath.iter().all(|item| item.depth() > find(&tree, &outer).depth()));
            assert!(line(&tree, &format!("task {:?} at ", &*host)).ends_with(", waiting"));
            tg.cancel();
        })
        .await
        .unwrap();
}

/// The outermost of all is the run, which goes by the name of its backend and is in no group.
/// Covers: trio/test_root_task
async fn run_is_the_outermost<B: Runtime>() {
    let name = unique("group");
    builder::<B>(&name)
        .run(async |_| {
            let tree = task_tree();
            let mut item = find(&tree, &name);
            while let Some(around) = tree.parent(item) {
                item = around;
            }
            assert_eq!((item.kind(), item.depth()), (ItemKind::Outermost, 0));
            assert!(item.name().is_some() && tree.group(item).is_none());
            // It is the task that asks.
            assert_eq!(item.state(), ItemState::Running);
        })
        .await
        .unwrap();
}

/// A task that is cancelled and does not end says so in one line, with what holds it back.
async fn task_that_refuses_to_end_is_seen<B: Runtime>() {
    let (name, go) = (unique("stubborn"), event::<B>());
    let theirs = Arc::clone(&go);
    builder::<B>(&unique("group"))
        .run(async |tg| {
            let task = tg.child().name(Arc::clone(&name)).spawn(async move {
                B::move_on_after(Duration::from_secs(600), shield(theirs.wait())).await;
            });
            waiting::<B>(&name).await;
            task.cancel();
            let tree = task_tree();
            let item = find(&tree, &name);
            assert_eq!(item.state(), ItemState::Cancelling);
            assert_eq!(item.cause().unwrap().kind(), CauseKind::Explicit);
            let holders: Vec<_> = tree.holders(item).collect();
            assert_eq!(holders.len(), 1, "{tree}");
            assert_eq!(holders[0].kind(), ItemKind::Shielding);
            assert_eq!(holders[0].state(), ItemState::Shielded);
            let place = holders[0].location().unwrap();
            assert!(place.file().ends_with("task_tree.rs"));
            let line = line(&tree, &format!("task {:?} at ", &*name));
            assert!(line.contains(", cancelling (cancelled at "), "{line}");
            assert!(line.ends_with(&format!(", held by the shield at {place}")), "{line}");
            go.set();
        })
        .await
        .unwrap();
}

/// What is cancelled and held by nothing is told apart from that: it is not polled.
async fn cancelling_without_a_hold<B: Runtime>() {
    let name = unique("not polled");
    let handle = OnceCell::new();
    let mut group = pin!(scoped_task_group(async |tg| {
        tg.child().name(Arc::clone(&name)).spawn(sleep_forever());
        assert!(handle.set(tg).is_ok());
    }));
    assert!(is_pending(group.as_mut()).await);
    assert_eq!(find(&task_tree(), &name).state(), ItemState::Waiting);
    handle.get().unwrap().cancel();
    let tree = task_tree();
    let item = find(&tree, &name);
    assert_eq!((item.state(), tree.holders(item).count()), (ItemState::Cancelling, 0));
    assert!(line(&tree, &format!("task {:?} at ", &*name)).ends_with(", cancelling"));
    let ended: Result<(), Cancelled> = group.await;
    assert_eq!(ended, Ok(()));
}

/// A task with a cancellation that it has not been given yet is not seen at rest, wherever the scope is
/// that was cancelled: whoever waits in a test until all the others wait is not deceived.
/// Covers: anyio/test_wait_all_tasks_blocked_cancelled_task
async fn undelivered_cancellation_is_not_rest<B: Runtime>() {
    let (group, name, log) = (unique("group"), unique("self-cancelling"), Log::default());
    let at_rest = |tree: &TaskTree| {
        let beneath = tree.beneath(find(tree, &group));
        let awake = |item: &&TreeItem| match item.state() {
            ItemState::Cancelling => true,
            state => item.kind().is_task() && state != ItemState::Waiting,
        };
        beneath.iter().find(awake).is_none()
    };
    builder::<B>(&group)
        .run(async |tg| {
            let scope = B::CancelScope::new();
            let (theirs, unwound) = (scope.clone(), log.on_drop("unwound"));
            tg.child().name(Arc::clone(&name)).spawn(async move {
                let work = async move {
                    let _unwound = unwound;
                    sleep_forever().await;
                };
                _ = theirs.run(work).await;
                sleep_forever().await;
            });
            assert!(at_rest(&waiting::<B>(&name).await));
            assert_eq!(log.take(), [""; 0]);
            scope.cancel();
            while !at_rest(&task_tree()) {
                B::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(log.take(), ["unwound"]);
            tg.cancel();
        })
        .await
        .unwrap();
}

/// A group whose body has ended is closing, and running before.
async fn closing_group_waits_for_its_tasks<B: Runtime>() {
    let (name, go) = (unique("group"), event::<B>());
    let theirs = Arc::clone(&go);
    let mut group = pin!(builder::<B>(&name).run(async |tg| {
        let tree = task_tree();
        assert_eq!(find(&tree, &name).state(), ItemState::Running);
        tg.spawn(async move { theirs.wait().await });
    }));
    assert!(is_pending(group.as_mut()).await);
    let tree = task_tree();
    assert_eq!(find(&tree, &name).state(), ItemState::Closing);
    go.set();
    group.await.unwrap();
}

/// G12: the tasks of groups that borrow are listed, with their names, and so are their groups.
async fn borrowing_tasks_are_listed<B: Runtime>() {
    let (name, other, go) = (unique("borrows"), unique("other"), event::<B>());
    scoped_task_group(async |tg| {
        let task = tg.child().name(Arc::clone(&name)).spawn(async {
            go.wait().await;
        });
        assert_eq!(task.name(), Some(&*name));
        tg.child().name(Arc::clone(&other)).spawn(go.wait());
        let tree = waiting::<B>(&other).await;
        let item = find(&tree, &name);
        assert_eq!((item.kind(), item.state()), (ItemKind::Task, ItemState::Waiting));
        assert!(item.location().unwrap().file().ends_with("task_tree.rs"));
        let group = tree.parent(item).unwrap();
        assert_eq!(group.kind(), ItemKind::Group);
        assert!(group.location().unwrap().file().ends_with("task_tree.rs"));
        task.cancel();
        assert_eq!(find(&task_tree(), &name).state(), ItemState::Cancelling);
        go.set();
    })
    .await
    .unwrap_or_else(|_: Cancelled| unreachable!("nobody cancels the group"));
}

/// Scopes are listed where they are polled, with their deadlines, and shields as what they are.
async fn scopes_stand_where_they_are<B: Runtime>() {
    let name = unique("scoped");
    let deadline = B::now() + Duration::from_secs(600);
    builder::<B>(&unique("group"))
        .run(async |tg| {
            let (scope, stop) = (B::CancelScope::new(), B::CancelScope::new());
            let (theirs, inner) = (scope.clone(), stop.clone());
            tg.child().name(Arc::clone(&name)).spawn(async move {
                let work = shield(async move { inner.run(sleep_forever()).await });
                _ = theirs.run(B::move_on_at(deadline, work)).await;
            });
            let tree = waiting::<B>(&name).await;
            let inside = tree.beneath(find(&tree, &name));
            let kinds: Vec<_> = inside.iter().map(TreeItem::kind).collect();
            let expected = [ItemKind::Scope, ItemKind::Scope, ItemKind::Shielding, ItemKind::Scope];
            assert_eq!(kinds, expected, "{tree}");
            assert_eq!((inside[0].deadline(), inside[1].deadline()), (None, Some(deadline)));
            assert!(inside.iter().all(|item| item.state() == ItemState::Running));
            scope.cancel();
            let tree = task_tree();
            let inside = tree.beneath(find(&tree, &name));
            let states: Vec<_> = inside.iter().map(TreeItem::state).collect();
            let (cut, kept) = (ItemState::Cancelling, ItemState::Shielded);
            assert_eq!(states, [cut, cut, kept, ItemState::Running], "{tree}");
            stop.cancel();
        })
        .await
        .unwrap();
}

/// What is printed has a line for each item, with two more blanks in front of it than what is around it.
async fn lines_are_indented_by_what_is_around_them<B: Runtime>() {
    let [outer, host, inner, task] = ["outer", "host", "inner", "task"].map(unique);
    builder::<B>(&outer)
        .run(async |tg| {
            let [theirs, within] = [&inner, &task].map(Arc::clone);
            let go = event::<B>();
            let pause = Arc::clone(&go);
            tg.child().name(Arc::clone(&host)).spawn(async move {
                let group = builder::<B>(&theirs).run(async |tg| {
                    tg.child().name(within).spawn(async move {
                        shield(pause.wait()).await;
                    });
                });
                _ = group.await;
            });
            let tree = waiting::<B>(&task).await;
            let text = tree.to_string();
            let lines: Vec<_> = text.lines().collect();
            assert_eq!(lines.len(), tree.items().len(), "{text}");
            let first = tree.items().iter().position(|item| item.name() == Some(&*outer)).unwrap();
            let lines = &lines[first..];
            let margin = " ".repeat(2 * find(&tree, &outer).depth());
            let starts = [
                format!("{margin}group {outer:?} at "),
                format!("{margin}  task {host:?} at "),
                format!("{margin}    group {inner:?} at "),
                format!("{margin}      task {task:?} at "),
                format!("{margin}        shield at "),
            ];
            for (line, start) in lines.iter().zip(&starts) {
                assert!(line.starts_with(start), "{start:?} does not begin {line:?}:\n{text}");
            }
            assert!(lines.len() >= starts.len(), "{text}");
            // What follows is beneath none of them.
            let next = lines.get(starts.len()).copied().unwrap_or_default();
            assert!(next.len() - next.trim_start().len() <= margin.len(), "{text}");
            go.set();
        })
        .await
        .unwrap();
}

/// A deadline is printed as the time that is left until it, or that has passed since.
async fn deadlines_are_told_by_their_distance<B: Runtime>() {
    let [group, late, early] = ["group", "late", "early"].map(unique);
    let go = event::<B>();
    let (far, past) = (B::now() + Duration::from_secs(600), B::now());
    builder::<B>(&group)
        .run(async |tg| {
            for (name, deadline) in [(&late, far), (&early, past)] {
                let (name, go) = (Arc::clone(name), Arc::clone(&go));
                tg.child().name(name).spawn(async move {
                    B::move_on_at(deadline, shield(go.wait())).await;
                });
            }
            waiting::<B>(&late).await;
            waiting::<B>(&early).await;
            let before = Instant::now();
            let tree = task_tree();
            let after = Instant::now();
            let text = tree.to_string();
            // Between the words in the line of the only scope with a deadline in this task: seconds.
            let told = |name: &str, from: &str, to: &str| {
                let place = tree.items().iter().position(|item| item.name() == Some(name)).unwrap();
                let line = text.lines().nth(place + 1).unwrap();
                assert!(line.trim_start().starts_with("scope at "), "{line}");
                let seconds = line.split_once(from).and_then(|(_, rest)| rest.split_once(to));
                seconds.unwrap_or_else(|| panic!("no {from:?}: {line}")).0.parse::<f64>().unwrap()
            };
            // Rounded to tenths.
            let about = |least: Duration, most: Duration| {
                least.as_secs_f64() - 0.051..=most.as_secs_f64() + 0.051
            };
            let left = told(&late, ", deadline in ", " s");
            assert!(about(far - after, far - before).contains(&left), "{left}");
            let since = told(&early, ", deadline ", " s ago, cancelling");
            assert!(about(before - past, after - past).contains(&since), "{since}");
            go.set();
        })
        .await
        .unwrap();
}

/// Catches and cleanups are listed, and it is seen when a cleanup has begun.
async fn cleanups_and_catches<B: Runtime>() {
    let (name, go) = (unique("cleans up"), event::<B>());
    let theirs = Arc::clone(&go);
    builder::<B>(&unique("group"))
        .run(async |tg| {
            let task = tg.child().name(Arc::clone(&name)).spawn(async move {
                _ = catch_cancelled(finally(pending::<()>(), async {
                    theirs.wait().await;
                }))
                .await;
            });
            let kinds = |tree: &TaskTree| -> Vec<_> {
                tree.beneath(find(tree, &name)).iter().map(TreeItem::kind).collect()
            };
            let tree = waiting::<B>(&name).await;
            assert_eq!(kinds(&tree), [ItemKind::Catch, ItemKind::Cleanup], "{tree}");
            task.cancel();
            let mut tree = task_tree();
            while tree.beneath(find(&tree, &name))[1].state() != ItemState::Closing {
                B::sleep(Duration::from_millis(1)).await;
                tree = task_tree();
            }
            assert_eq!(kinds(&tree), [ItemKind::Catch, ItemKind::Cleanup], "{tree}");
            assert_eq!(find(&tree, &name).state(), ItemState::Cancelling);
            go.set();
        })
        .await
        .unwrap();
}

/// G9: a task that starts stands in its group; its caller is seen to wait for it until it has started.
/// Covers: anyio/test_start_parent_id
async fn starting_task_is_its_groups<B: Runtime>() {
    let [group, caller, name] = ["group", "caller", "starts"].map(unique);
    let (go, end) = (event::<B>(), event::<B>());
    builder::<B>(&group)
        .run(async |tg| {
            let (starts, go_on, until_then) =
                (Arc::clone(&name), Arc::clone(&go), Arc::clone(&end));
            let theirs = tg.clone();
            tg.child().name(Arc::clone(&caller)).spawn(async move {
                let serve = |ready: Ready<()>| async move {
                    go_on.wait().await;
                    ready.started(());
                    sleep_forever().await;
                };
                theirs.child().name(starts).service().start(serve).await?;
                until_then.wait().await;
                Ok(())
            });
            let tree = waiting::<B>(&name).await;
            assert_eq!(tree.group(find(&tree, &name)).unwrap().name(), Some(&*group));
            let inside = tree.beneath(find(&tree, &caller));
            assert_eq!((inside.len(), inside[0].kind()), (1, ItemKind::Start), "{tree}");
            go.set();
            until::<B>(|| {
                let tree = task_tree();
                tree.beneath(find(&tree, &caller)).is_empty()
            })
            .await;
            let tree = task_tree();
            assert_eq!(tree.group(find(&tree, &name)).unwrap().name(), Some(&*group));
            end.set();
        })
        .await
        .unwrap();
}

/// C13: the tasks of a group that was dropped are in the tree for as long as they clean up.
async fn dropped_group_goes_on<B: Runtime>() {
    let ([group, name], go) = (["dropped", "task"].map(unique), event::<B>());
    let theirs = Arc::clone(&go);
    {
        let mut opened = pin!(builder::<B>(&group).run(async |tg| {
            tg.child().name(Arc::clone(&name)).spawn(async move {
                shield(theirs.wait()).await;
            });
        }));
        assert!(is_pending(opened.as_mut()).await);
        waiting::<B>(&name).await;
    }
    let tree = task_tree();
    let item = find(&tree, &group);
    assert!(item.is_dropped() && item.state() == ItemState::Cancelling, "{tree}");
    assert_eq!(item.cause().unwrap().kind(), CauseKind::Dropped);
    let task = find(&tree, &name);
    assert_eq!(tree.parent(task).unwrap().name(), Some(&*group));
    assert_eq!(task.state(), ItemState::Cancelling);
    assert!(line(&tree, &format!("group {:?} at ", &*group)).contains("nobody waits"));
    go.set();
    until::<B>(|| task_tree().find(&name).is_none() && task_tree().find(&group).is_none()).await;
}

/// C12: a group is found from what is around it, and where it is moved to when it leaves that.
async fn group_that_moves_away_is_found<B: Runtime>() {
    let ([group, name], go) = (["moved", "task"].map(unique), event::<B>());
    let (theirs, done) = (Arc::clone(&go), event::<B>());
    let task = Arc::clone(&name);
    let mut opened = Box::pin(builder::<B>(&group).run(async move |tg| {
        tg.child().name(task).spawn(sleep_forever());
        theirs.wait().await;
        tg.cancel();
    }));
    assert!(is_pending(opened.as_mut()).await);
    let tree = waiting::<B>(&name).await;
    assert!(find(&tree, &group).depth() > 0, "it stands in the run");
    let ended = Arc::clone(&done);
    B::spawner().unwrap().spawn_task(async move {
        opened.await.unwrap();
        ended.set();
    });
    until::<B>(|| task_tree().find(&group).is_some_and(|item| item.depth() == 0)).await;
    let tree = task_tree();
    assert_eq!(tree.group(find(&tree, &name)).unwrap().name(), Some(&*group));
    go.set();
    done.wait().await;
    assert!(task_tree().find(&group).is_none());
}

/// C12: a group in a task of others is found by itself, once, and what is in it stands in it.
async fn group_in_no_run_is_found<B: Runtime>() {
    let [bare, scoped, task] = ["bare", "scoped", "borrows"].map(unique);
    let (spawner, go) = (B::spawner().unwrap(), event::<B>());
    let (group, theirs) = (builder::<B>(&bare), Arc::clone(&go));
    spawner.spawn_task(async move {
        group.run(async |_| theirs.wait().await).await.unwrap();
    });
    let (group, theirs) = (builder::<B>(&scoped), Arc::clone(&go));
    spawner.spawn_task(async move {
        let scope = B::CancelScope::new();
        scope.run(group.run(async |_| theirs.wait().await)).await.unwrap().unwrap();
    });
    let (name, theirs) = (Arc::clone(&task), Arc::clone(&go));
    spawner.spawn_task(async move {
        scoped_task_group(async |tg| {
            tg.child().name(name).spawn(theirs.wait());
        })
        .await
        .unwrap_or_else(|_: Cancelled| unreachable!("nobody cancels the group"));
    });
    waiting::<B>(&task).await;
    let is_there = |name: &Arc<str>| task_tree().find(name).is_some();
    until::<B>(|| is_there(&bare) && is_there(&scoped)).await;
    let tree = task_tree();
    for name in [&bare, &scoped, &task] {
        let items = tree.items().iter().filter(|item| item.name() == Some(&**name));
        assert_eq!(items.count(), 1, "{name}:\n{tree}");
    }
    assert_eq!(find(&tree, &bare).depth(), 0, "{tree}");
    let scope = tree.parent(find(&tree, &scoped)).unwrap();
    assert_eq!((scope.kind(), scope.depth()), (ItemKind::Scope, 0), "{tree}");
    let group = tree.group(find(&tree, &task)).unwrap();
    assert_eq!((group.kind(), group.depth()), (ItemKind::Group, 0), "{tree}");
    go.set();
    until::<B>(|| !is_there(&bare) && !is_there(&scoped) && !is_there(&task)).await;
}

/// C15: a task that somebody else has spawned stands in the scope that it was captured in.
async fn captured_task_is_listed<B: Runtime>() {
    let (name, done) = (unique("group"), event::<B>());
    builder::<B>(&name)
        .run(async |_| {
            let (context, theirs) = (capture(), Arc::clone(&done));
            let stop = B::CancelScope::new();
            let foreign = stop.clone();
            B::spawner().unwrap().spawn_task(async move {
                _ = context.in_scope(foreign.run(sleep_forever())).await;
                theirs.set();
            });
            let captured = |tree: &TaskTree| {
                let inside = tree.beneath(find(tree, &name)).iter();
                inside.filter(|item| item.kind() == ItemKind::Foreign).cloned().collect::<Vec<_>>()
            };
            until::<B>(|| !captured(&task_tree()).is_empty()).await;
            let tree = task_tree();
            let found = captured(&tree);
            assert!(found.len() == 1 && found[0].kind().is_task());
            assert!(found[0].location().unwrap().file().ends_with("task_tree.rs"));
            stop.cancel();
            done.wait().await;
            assert_eq!(captured(&task_tree()).len(), 0);
        })
        .await
        .unwrap();
}

/// G11, C12: services say that they are, and who was asked to shut down does, too.
async fn service_and_request<B: Runtime>() {
    let [group, name] = ["asked", "service"].map(unique);
    let scope = B::CancelScope::new();
    let run = scope.run(builder::<B>(&group).run(async |tg| {
        tg.child().name(Arc::clone(&name)).service().spawn(sleep_forever());
        let tree = waiting::<B>(&name).await;
        assert!(find(&tree, &name).is_service() && !find(&tree, &group).is_service());
        assert!(!find(&tree, &name).is_shutdown_requested());
        scope.shutdown(Duration::from_secs(600));
        let tree = task_tree();
        assert!(find(&tree, &name).is_shutdown_requested());
        assert!(find(&tree, &group).is_shutdown_requested());
        assert!(line(&tree, &format!("task {:?} at ", &*name)).contains(", a service, "));
    }));
    run.await.unwrap().unwrap();
}

/// C14: what has ended is not in the tree, whoever still has a handle on it.
async fn what_has_ended_is_gone<B: Runtime>() {
    let [group, name, other] = ["group", "ended", "other"].map(unique);
    let mut kept = None;
    builder::<B>(&group)
        .run(async |tg| {
            let mut task = tg.child().name(Arc::clone(&name)).spawn(checkpoint());
            let released = tg.child().name(Arc::clone(&other)).spawn(async {});
            task.wait().await;
            assert!(task_tree().find(&name).is_none());
            drop(released);
            until::<B>(|| task_tree().find(&other).is_none()).await;
            kept = Some((tg, task));
        })
        .await
        .unwrap();
    let tree = task_tree();
    assert!(tree.find(&group).is_none(), "{tree}");
    drop(kept);
}

/// A task that has the place of one that has ended is not taken for it.
async fn slots_are_told_apart<B: Runtime>() {
    let group = unique("group");
    builder::<B>(&group)
        .run(async |tg| {
            let mut before: Option<Arc<str>> = None;
            for _ in 0..20 {
                let name = unique("one of many");
                let task = tg.child().name(Arc::clone(&name)).spawn(sleep_forever());
                let tree = waiting::<B>(&name).await;
                let inside = tree.beneath(find(&tree, &group));
                assert_eq!(inside.len(), 1, "{tree}");
                assert!(before.is_none_or(|before| tree.find(&before).is_none()));
                task.cancel();
                assert!(task.await.is_err());
                before = Some(name);
            }
        })
        .await
        .unwrap();
}

/// The age of a group is its own; a task is not said to be younger than it is, nor older than its group.
async fn ages_are_bounds<B: Runtime>() {
    let [group, name, other] = ["group", "early", "late"].map(unique);
    builder::<B>(&group)
        .run(async |tg| {
            tg.child().name(Arc::clone(&name)).spawn(sleep_forever());
            // Real time passes, whatever clock the backend goes by.
            thread::sleep(Duration::from_millis(60));
            tg.child().name(Arc::clone(&other)).spawn(sleep_forever());
            let tree = task_tree();
            let age = |name| find(&tree, name).age().unwrap();
            // The clock goes in steps of 17 milliseconds.
            assert!(age(&group) >= Duration::from_millis(42), "{:?}", age(&group));
            assert!(age(&name) >= Duration::from_millis(42), "{:?}", age(&name));
            assert!(age(&name) <= age(&group) && age(&other) <= age(&group));
            tg.cancel();
        })
        .await
        .unwrap();
}

/// The innermost task around the running code is the one that it is in; outside of tasks it is the run.
/// Covers: trio/test_current_task
async fn current_task_is_the_innermost<B: Runtime>() {
    let name =
        |task: Option<anyio_engine::TaskInfo>| task.map(|task| task.name().map(String::from));
    assert_eq!(current_task().unwrap().kind(), ItemKind::Outermost);
    let [outer, inner] = ["outer", "inner"].map(unique);
    builder::<B>(&unique("group"))
        .run(async |tg| {
            assert_eq!(current_task().unwrap().kind(), ItemKind::Outermost);
            let (own, nested) = (Arc::clone(&outer), Arc::clone(&inner));
            tg.child().name(Arc::clone(&outer)).spawn(async move {
                checkpoint().await;
                assert_eq!(name(current_task()), Some(Some(own.to_string())));
                let group = scoped_task_group(async |tg| -> Result<(), Cancelled> {
                    tg.child().name(Arc::clone(&nested)).spawn(async {
                        assert_eq!(name(current_task()), Some(Some(nested.to_string())));
                    });
                    Ok(())
                });
                group.await?;
                let place = current_task().unwrap().location().unwrap();
                assert!(place.file().ends_with("task_tree.rs"));
                Ok(())
            });
        })
        .await
        .unwrap();
    assert!(thread::spawn(|| current_task().is_none()).join().unwrap());
}

/// What is wanted in numbers is counted in the tree: the tasks of a group, how many of them wait, and the
/// next deadline.
/// Covers: trio/test_current_statistics
async fn numbers_can_be_taken<B: Runtime>() {
    let [group, name] = ["group", "last"].map(unique);
    let next = B::now() + Duration::from_secs(600);
    builder::<B>(&group)
        .run(async |tg| {
            for later in [2, 0, 1] {
                let deadline = next + Duration::from_secs(later);
                tg.spawn(async move {
                    B::move_on_at(deadline, pending::<()>()).await;
                });
            }
            tg.child().name(Arc::clone(&name)).spawn(sleep_forever());
            let mut tree = waiting::<B>(&name).await;
            let waits = |tree: &TaskTree| {
                let inside = tree.beneath(find(tree, &group)).iter();
                inside.filter(|item| item.state() == ItemState::Waiting).count()
            };
            while waits(&tree) < 4 {
                B::sleep(Duration::from_millis(1)).await;
                tree = task_tree();
            }
            let inside = tree.beneath(find(&tree, &group));
            assert_eq!(inside.iter().filter(|item| item.kind().is_task()).count(), 4);
            assert_eq!(inside.iter().filter_map(TreeItem::deadline).min(), Some(next));
            assert!(tree.tasks().count() > 4, "the run is one, too");
            tg.cancel();
        })
        .await
        .unwrap();
}
