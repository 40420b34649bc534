//! Tasks, and the runs that they belong to.

mod alone;
mod apart;
pub(crate) mod current;
mod ending;
mod host;
mod run;
mod spawner;
mod task;
mod tasks;

pub use host::{Host, Worker};
pub use run::run;
pub use spawner::Spawner;
