//! Nobody listens.

use std::{any::Any, panic::Location, sync::Arc as StdArc, time::Duration};

use crate::{sync::LimiterStatistics, sys::Arc, tree::Node};

/// There are no spans.
pub(crate) const IS_BUILT: bool = false;

/// Nobody would hear of it.
pub(crate) const PATIENCE: Option<Duration> = None;

/// Takes no room and does nothing.
#[derive(Clone, Debug)]
pub(crate) struct Span;

impl Span {
    pub(crate) const fn none() -> Self {
        Self
    }

    pub(crate) const fn group(_: Option<&str>, _: &Location<'_>) -> Self {
        Self
    }

    pub(crate) const fn task(&self, _: Option<&str>, _: &Location<'_>) -> Self {
        Self
    }

    pub(crate) const fn is_nothing(&self) -> bool {
        true
    }

    pub(crate) fn in_scope<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }

    pub(crate) const fn step_in(&self) {}

    pub(crate) const fn step_out(&self) {}
}

pub(crate) const fn is_on() -> bool {
    false
}

pub(crate) fn surplus_error<E>(_: &Span, _: &Node, _: impl FnOnce() -> StdArc<str>) {}

pub(crate) fn surplus_panic(
    _: &Span,
    _: &Node,
    _: &(dyn Any + Send),
    _: impl FnOnce() -> StdArc<str>,
) {
}

pub(crate) const fn group_dropped(_: &Span, _: &Node, _: usize) {}

pub(crate) fn borrowing_group_dropped(_: &Span, _: &Arc<Node>, _: impl FnOnce() -> usize) {}

pub(crate) fn abandoned_panic(_: &(dyn Any + Send)) {}

pub(crate) const fn threads_taken(_: &LimiterStatistics) {}

pub(crate) const fn held(_: &Arc<Node>) {}
