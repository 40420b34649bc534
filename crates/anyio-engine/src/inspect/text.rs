//! The tree in words.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{
    current::TaskInfo,
    item::{ItemKind, ItemState, TreeItem},
    tree::TaskTree,
};
use crate::tree::Label;

/// Deeper than this, lines are indented no further.
const DEEPEST: usize = 40;
/// How many holders are named.
const MOST: usize = 3;

impl fmt::Display for TaskTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, item) in self.items().iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{:indent$}", "", indent = 2 * item.depth().min(DEEPEST))?;
            line(f, self, item)?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, tree: &TaskTree, item: &TreeItem) -> fmt::Result {
    write!(f, "{}", Who(item.kind(), &item.label))?;
    if item.is_service() {
        f.write_str(", a service")?;
    }
    if let Some(age) = item.age() {
        let bound = if item.kind() == ItemKind::Task { "up to " } else { "" };
        write!(f, ", {bound}{} old", Seconds(age))?;
    }
    if let Some(deadline) = item.deadline() {
        write!(f, ", {}", Deadline(deadline, tree.taken))?;
    }
    if item.is_dropped() {
        f.write_str(", dropped: nobody waits for it")?;
    }
    if item.is_shutdown_requested() {
        f.write_str(", asked to shut down")?;
    }
    if let Some(word) = item.state().word() {
        write!(f, ", {word}")?;
    }
    if item.state() != ItemState::Cancelling {
        return Ok(());
    }
    if let Some(cause) = item.cause() {
        write!(f, " ({cause})")?;
    }
    // What is around it says it already.
    let inner = tree.parent(item).is_some_and(|around| around.state() == ItemState::Cancelling);
    if inner && !item.kind().is_task() {
        return Ok(());
    }
    let mut holders = tree.holders(item);
    for (number, holder) in holders.by_ref().take(MOST).enumerate() {
        let words = if number == 0 { ", held by the" } else { " and the" };
        write!(f, "{words} {}", Who(holder.kind(), &holder.label))?;
    }
    match holders.count() {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

impl fmt::Display for TreeItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Who(self.kind(), &self.label).fmt(f)
    }
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Who(self.kind(), &self.label).fmt(f)
    }
}

pub(crate) struct Who<'a>(pub(crate) ItemKind, pub(crate) &'a Label);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(kind, label) = self;
        f.write_str(kind.word())?;
        match &label.name {
            Some(name) if *kind == ItemKind::Outermost => write!(f, " on {name}")?,
            Some(name) => write!(f, " {name:?}")?,
            None => {}
        }
        match label.site {
            Some(site) => write!(f, " at {site}"),
            None => Ok(()),
        }
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0.as_secs_f64())
    }
}

/// A deadline, seen from a moment.
struct Deadline(Instant, Instant);

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(deadline, now) = *self;
        match deadline.checked_duration_since(now) {
            Some(left) => write!(f, "deadline in {}", Seconds(left)),
            None => {
                write!(f, "deadline {} ago", Seconds(now.saturating_duration_since(deadline)))
            }
        }
    }
}
