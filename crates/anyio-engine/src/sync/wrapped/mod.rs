//! Well-kept primitives of another crate, as operations of this one.
//!
//! All of them are tokio's: its `sync` module knows no runtime and is the only place where each of
//! these is complete, model-checked and in wide use. What is added is the same for all: an operation
//! does not start in a cancelled scope and takes its share of the budget; an error that others can
//! bring about is kept back while the scope is cancelled; and the words are those of this crate.

mod broadcast;
mod counted;
mod once_cell;
mod oneshot;
mod watch;

pub use broadcast::{BroadcastReceiver, BroadcastSender, BroadcastStatistics, broadcast};
pub use once_cell::{OnceCell, OnceCellStatistics};
pub use oneshot::{OneshotReceiver, OneshotReceiving, OneshotSender, OneshotStatistics, oneshot};
pub use watch::{WatchReceiver, WatchRef, WatchSender, WatchStatistics, watch};
