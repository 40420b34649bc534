//! What is written where there is nothing yet.

use std::mem;

/// Writes `value` where there is none. (To assign it would be to look whether there is one that has to be dropped.)
#[inline(always)]
pub(crate) fn init<T>(blank: &mut Option<T>, value: Option<T>) {
    debug_assert!(blank.is_none(), "there is something already");
    mem::forget(mem::replace(blank, value));
}
