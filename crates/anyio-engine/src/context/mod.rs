//! Where the running code is: the innermost frame, the backend, the cooperative budget.
//!
//! It is a thread-local, set around each poll of one of our futures and nowhere else. So any
//! future of any crate is inside the scopes that enclose it, unwrapped. It does not follow a task
//! that somebody else spawns; [`capture`] carries it there.

pub(crate) mod ambient;
pub(crate) mod budget;
mod captured;
mod fixed;
mod frame;
pub(crate) mod job;
mod locals;
mod owner;
mod root;
mod slot;

pub use captured::{Captured, InScope, capture};
pub(crate) use fixed::FixedFrame;
pub(crate) use frame::{Body, Frame, is_polled, lost, outside, poll_again, poll_unwound};
pub(crate) use locals::{Locals, RunId, with_jobs};
pub use locals::{RunLocal, TreeLocal, UnsetLocal, WithLocal};
pub(crate) use owner::{Owner, Verdict};
pub use root::{EnterGuard, Root, current_backend, enter, root, running_backend};
pub(crate) use slot::{Kind, Source, is_at, is_calm_at};
